# SPDX-License-Identifier: MIT
"""LAN.frames(): Ethernet frames of a script's own. LAN.ptp(): the MAC's clock and its time-stamps."""

import struct

import pytest
from emulator.net.wire import Signal
from support.eth_lab import BROADCAST, HOST_MAC, MS, EthLab, ethernet

pytestmark = pytest.mark.emulator_only

TYPE = 0x88B5
OPEN = f"""
import select
f = lan.frames(0x{TYPE:x})
f.settimeout(1)
buffer = bytearray(1600)
def error(function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except (OSError, ValueError, TypeError) as e:
        return e.errno if isinstance(e, OSError) else type(e).__name__
"""
GROUP = bytes.fromhex("011b19000000")
AGAIN, BADF, BUSY, INVAL, MSGSIZE, ADDRINUSE, ADDRNOTAVAIL, NETDOWN, TIMEDOUT = (
    11,
    9,
    16,
    22,
    90,
    98,
    99,
    100,
    110,
)


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    made.exec(OPEN)
    yield made
    made.close()


def frame(payload, destination=None, kind=TYPE):
    return ethernet(destination or BROADCAST, kind, payload)


def test_frames__in(lab):
    sizes = (46, 100, 1000, 1500)
    for size in sizes:
        lab.peer.transmit(frame(bytes([size & 255]) * size, lab.mac))
    for size in sizes:
        assert lab.eval("f.recv_into(buffer)") == 14 + size
        assert lab.eval(f"bytes(buffer[:{14 + size}])") == frame(bytes([size & 255]) * size, lab.mac)
    lab.peer.transmit(frame(b"x" * 50))
    assert lab.eval("f.recv()") == frame(b"x" * 50)
    assert lab.eval("f.stamp()") is None
    copied = sum(14 + size for size in (*sizes, 50))
    assert lab.eval("f.stats()") == {"received": 5, "dropped": 0, "sent": 0, "copied_bytes": copied}


def test_frames__cut_to_the_buffer(lab):
    lab.peer.transmit(frame(bytes(range(100))))
    assert lab.eval("(f.recv_into(memoryview(buffer)[:20]), bytes(buffer[14:21]))") == (
        114,
        bytes(range(6)) + b"\0",
    )


def test_frames__out(lab):
    for size in (0, 46, 1500):
        data = ethernet(HOST_MAC, TYPE, b"y" * size, source=lab.mac)
        assert lab.eval(f"f.send({data!r})") == len(data)
        lab.run(2)
        (sent,) = lab.peer.take(TYPE)
        assert sent == data.ljust(60, b"\0")


def test_frames__other_types_go_elsewhere(lab):
    lab.peer.transmit(frame(b"other", kind=0x88B6))
    lab.run(2)
    assert lab.eval("(f.settimeout(0), error(f.recv))") == (None, AGAIN)
    lab.exec("g = lan.frames(0x88b6, queue=2)")
    for n in range(4):
        lab.peer.transmit(frame(bytes([n]) * 46, kind=0x88B6))
    lab.run(2)
    assert lab.eval("[g.recv()[14] for i in range(2)]") == [0, 1]
    assert lab.eval("(g.stats()['dropped'], error(f.recv))") == (2, AGAIN)


def test_frames__errors(lab):
    short = b"\xff" * 12 + b"\x88\xb5"
    assert (
        lab.eval("[error(lan.frames, t) for t in (0x5ff, 0x800, 0x806, 0x86dd, 0x10000)]")
        == ["ValueError"] * 5
    )
    assert lab.eval("[error(lan.frames, 0x9000, n) for n in (0, 33)]") == ["ValueError"] * 2
    assert lab.eval(f"error(lan.frames, {TYPE})") == ADDRINUSE
    assert lab.eval(f"[error(f.send, d) for d in (b'', {short[:13]}, bytes(60))]") == ["ValueError"] * 3
    assert lab.eval(f"error(f.send, {short!r} + bytes(1501))") == MSGSIZE
    assert lab.eval(f"error(f.send, {short!r}, stamp=True)") == INVAL  # no clock
    assert lab.eval("(f.settimeout(0.05), error(f.recv))") == (None, TIMEDOUT)
    assert lab.eval("(error(f.join, b'023456'), error(f.irq, 5))") == ("ValueError", "TypeError")
    lab.board.net.cut()
    lab.exec("wait_link(False)")
    assert lab.eval(f"error(f.send, {short!r})") == NETDOWN
    lab.exec("f.close(); f.close()")
    for call in (
        f"error(f.send, {short!r})",
        "error(f.recv)",
        "error(f.recv_into, buffer)",
        "error(f.irq, None)",
    ):
        assert lab.eval(call) == BADF
    lab.exec(f"f = lan.frames({TYPE})")


def test_frames__wait_is_over_when_one_comes(lab):
    lab.exec("f.settimeout(None)")
    lab.start("print(f.recv()[14:17])")
    lab.run(50)
    lab.peer.transmit(frame(b"now" * 20))
    assert lab.finish() == "b'now'\n"


def test_frames__irq_and_poll(lab):
    lab.exec(
        "heard = []\ndef handler(who):\n heard.append(who is f)\n heard.append(f.recv()[14:16])\n"
        "p = select.poll(); p.register(f, select.POLLIN)"
    )
    assert lab.eval("p.poll(10)") == []
    lab.peer.transmit(frame(b"ab" * 30))
    assert lab.eval("[e[1] for e in p.poll(100)]") == [1]
    lab.exec("f.irq(handler); time.sleep_ms(2)")
    assert lab.eval("heard") == [True, b"ab"]
    lab.peer.transmit(frame(b"cd" * 30))
    lab.exec("time.sleep_ms(2)")
    assert lab.eval("(heard[2:], p.poll(0))") == ([True, b"cd"], [])
    lab.exec("f.irq(None)")
    lab.peer.transmit(frame(b"ef" * 30))
    lab.exec("time.sleep_ms(2)")
    assert lab.eval("(len(heard), f.recv()[14:16])") == (4, b"ef")


def test_frames__groups(lab):
    def comes_in():
        lab.peer.transmit(frame(b"group" * 10, GROUP))
        lab.run(2)
        return lab.eval("(f.settimeout(0), error(f.recv))")[1] is None

    assert not comes_in()
    lab.exec(f"f.join({GROUP!r}); f.join({GROUP!r})")
    assert comes_in()
    lab.exec(f"f.leave({GROUP!r})")
    assert not comes_in()
    assert lab.eval(f"error(f.leave, {GROUP!r})") == ADDRNOTAVAIL
    lab.exec(f"f.join({GROUP!r}); f.close(); f = lan.frames({TYPE})")
    assert not comes_in()


def test_frames__a_full_ring_is_waited_for(firmware):
    """More than fits, at 10 Mbit/s: nothing is lost, in order; a script that does not wait hears of it."""
    lab = EthLab(firmware, signal=Signal(modes=((10, True),)))
    lab.up()
    lab.exec(OPEN)
    data = ethernet(HOST_MAC, TYPE, bytes(1498))
    lab.exec(f"d = {data!r}\nfor i in range(60): f.send(d + i.to_bytes(2, 'big'))")
    lab.run(100)
    assert [int.from_bytes(sent[-2:], "big") for sent in lab.peer.take(TYPE)] == list(range(60))
    lab.exec("f.settimeout(0)")
    assert lab.eval("[error(f.send, d) for i in range(40)][-1]") == AGAIN
    lab.run(100)
    assert lab.eval("error(f.send, d)") is None
    lab.close()


def test_frames__soft_reset_frees_buffers_and_groups(lab):
    lab.exec(f"f.join({GROUP!r})")
    for _ in range(4):
        lab.peer.transmit(frame(bytes(1000)))
    lab.run(5)
    lab.soft_reset()
    lab.up()
    lab.exec(OPEN)
    lab.peer.transmit(frame(b"group" * 10, GROUP))
    for n in range(30):
        lab.peer.transmit(frame(bytes([n]) * 1400, lab.mac))
        assert lab.eval("f.recv()[14]") == n


# PTP

CLOCK = "clock = lan.ptp(); clock.active(True)"


def test_ptp__off_by_default(lab):
    lab.exec("clock = lan.ptp()")
    assert lab.eval("(clock.active(), error(clock.time), error(clock.rate))") == (False, INVAL, INVAL)


def board_clock(lab):
    """What the model's clock reads, in nanoseconds."""
    return lab.machine["ETH"].ptp.count()


def test_ptp__set_read_and_offset(lab):
    lab.exec(CLOCK)
    start = 1_700_000_000 * 10**9 + 999_999_000
    lab.exec(f"clock.time({start})")
    first = board_clock(lab)
    assert start < first < start + 20 * MS
    read = lab.eval("clock.time()")
    assert first < read < board_clock(lab)
    for step in (5_000_000_123, -7_000_000_321, 999_999_999, -999_999_999, -1):
        before, at = board_clock(lab), lab.machine.now
        lab.exec(f"clock.offset({step})")
        moved = board_clock(lab) - before - (lab.machine.now - at)
        assert abs(moved - step) < 2000
    assert lab.eval("[error(clock.time, t) for t in (-1, 1 << 62, 'x')]") == [
        "ValueError",
        "ValueError",
        "TypeError",
    ]


@pytest.mark.parametrize("ppb", [0, 1, -1, 1000, -50_000, 100_000_000, -100_000_000])
def test_ptp__rate(lab, ppb):
    lab.exec(CLOCK + f"; clock.rate({ppb})")
    assert lab.eval("clock.rate()") == ppb
    before, at = board_clock(lab), lab.machine.now
    lab.run(20)
    passed = lab.machine.now - at
    error = (board_clock(lab) - before) / passed - 1
    assert abs(error * 1e9 - ppb) < max(1, 2e9 / passed) + 1
    assert lab.eval("error(clock.rate, 100000001)") == "ValueError"


def test_ptp__goes_on_at_another_hclk(lab):
    """machine.freq(): the accumulator's addend is for the new clock, as exact as before."""
    lab.exec(CLOCK + "; clock.rate(5000); import machine; machine.freq(84_000_000)")
    before, at = board_clock(lab), lab.machine.now
    lab.run(20)
    passed = lab.machine.now - at
    assert abs((board_clock(lab) - before) / passed * 1e9 - 1e9 - 5000) < 200
    lab.exec("machine.freq(168_000_000)")


def test_ptp__keeps_its_rate_while_the_mac_is_off(lab):
    """By the microsecond counter, also with a rate that is set meanwhile."""
    lab.exec(CLOCK + "; clock.rate(50_000_000); lan.active(False)")
    for ppb in (50_000_000, -100_000_000):
        lab.exec(f"clock.rate({ppb})")
        before, at = lab.eval("clock.time()"), lab.machine.now
        lab.run(1000)
        passed = lab.machine.now - at
        assert abs(lab.eval("clock.time()") - before - passed * (1 + ppb / 1e9)) < 3 * MS


def test_ptp__stamps_of_frames(lab):
    """Received and sent, against the moments at which the model's wire carried them."""
    seen = []
    lab.board.net.observe(lambda time, sender, data, flags: seen.append((time, sender, data)))
    lab.exec(CLOCK)
    assert lab.eval("clock.time()") > 0
    offset = board_clock(lab) - lab.machine.now
    stamps, arrived = [], []
    for n in range(3):
        lab.peer.transmit(frame(bytes([n]) * 100, lab.mac))
        lab.exec("f.recv()")
        stamps.append(lab.eval("f.stamp()"))
        arrived.append(
            next(time for time, _, data in reversed(seen) if data[12:15] == b"\x88\xb5" + bytes([n]))
        )
    # The observer hears at the end of the frame: 118 bytes with FCS after its start, 80 ns each.
    for stamp, time in zip(stamps, arrived, strict=True):
        assert -2000 < stamp - (time + offset) + 118 * 80 < 2000
    data = ethernet(HOST_MAC, TYPE, bytes(100), source=lab.mac)
    sent = lab.eval(f"f.send({data!r}, stamp=True)")
    time = next(time for time, _, other in reversed(seen) if other[: len(data)] == data)
    assert -2000 < sent - (time + offset) < 3000


def test_ptp__goes_on_over_a_recovery_and_off(lab):
    lab.exec(CLOCK + "; clock.time(5_000_000_000)")
    at = lab.machine.now
    memory, base = lab.machine.memory, lab.symbol("rx_desc")
    for index in range(12):
        memory.write(base + 32 * index + 8, struct.pack("<I", 0x10000000))
    for _ in range(3):
        lab.peer.transmit(frame(b"boom"))
    lab.run(500)
    assert lab.stats()["recoveries"] == 1
    lab.exec("wait_link()")
    moment, when = board_clock(lab), lab.machine.now  # it is the MAC's clock that goes on
    lab.run(10)
    assert abs(board_clock(lab) - moment - (lab.machine.now - when)) < 2000
    lab.exec("lan.active(False)")
    lab.run(100)
    off = lab.eval("clock.time()")
    assert abs(off - 5_000_000_000 - (lab.machine.now - at)) < 30 * MS
    lab.exec("lan.active(True); wait_link()")
    assert abs(lab.eval("clock.time()") - 5_000_000_000 - (lab.machine.now - at)) < 30 * MS
    lab.soft_reset()
    assert lab.eval("__import__('network').LAN().ptp().active()") is False
