# SPDX-License-Identifier: MIT
"""Many frames both ways at once, and many cable cycles. `--full` (make soak) for the long runs."""

import random
import struct
import zlib

import pytest
from emulator.net.peers import Peer
from support.eth_lab import BROADCAST, EthLab, ethernet

pytestmark = pytest.mark.emulator_only

TYPE = 0x88B5
LOSSES = (
    "rx_truncated rx_overflow rx_crc rx_alignment rx_phy rx_watchdog rx_other rx_oversize rx_runt rx_missed "
    "rx_fifo_overflow rx_aborted"
).split()


@pytest.fixture
def full(pytestconfig):
    return pytestconfig.getoption("full")


def payload(rng, number):
    """Its own checksum, its number, noise."""
    size = rng.choice((46, 60, 200, 700, 1500, rng.randrange(46, 1501)))
    body = struct.pack("!IH", number, size) + rng.randbytes(size - 10)
    return struct.pack("!I", zlib.crc32(body)) + body


# The board counts what comes intact, and sends frames of random size meanwhile.
BOTH_WAYS = f"""
import binascii, gc, random, struct
f = lan.frames(0x{TYPE:x}, queue=16)
f.settimeout(0)
buffer = bytearray(1514)
view = memoryview(buffer)
head = b"\\xff" * 6 + lan.config("mac") + b"\\x88\\xb5"
source = memoryview(bytes(random.getrandbits(8) for i in range(1500)))
intact = spoiled = sent = 0
def read():
    global intact, spoiled
    try:
        while True:
            length = f.recv_into(buffer)
            check, _, size = struct.unpack_from("!IIH", buffer, 14)
            if binascii.crc32(view[18:14 + size]) == check:
                intact += 1
            else:
                spoiled += 1
    except OSError:
        pass
def both(n):
    global sent
    for i in range(n):
        size = 46 + random.getrandbits(10) if i & 3 else 46
        try:
            f.send(head + sent.to_bytes(4, "big") + bytes(source[:size]))
            sent += 1
        except OSError:
            pass
        read()
"""


def test_soak__frames_both_ways(firmware, full):
    """Line rate towards the board: each frame is delivered intact or in exactly one counter; none is lost
    on the way out; the ring and the pools are as at the start."""
    total, batch = (200_000, 1000) if full else (1500, 500)
    rng = random.Random(5)
    lab = EthLab(firmware)
    lab.up()
    lab.exec(BOTH_WAYS)
    lab.run(12_000)  # reports of multicast groups are sent within ten seconds
    lab.exec("lwip = __import__('lwip'); lan.stats(); gc.collect(); mem = lwip.stats()['mem'][0]")
    before, came = lab.stats(), []
    for first in range(0, total, batch):
        for number in range(first, min(first + batch, total)):
            lab.peer.transmit(ethernet(lab.mac, TYPE, payload(rng, number)))
        lab.exec(f"both({batch // 4})")
        while lab.peer.queue:
            lab.exec("read()")
        lab.exec("time.sleep_ms(5); read()")
        came += lab.peer.take(TYPE)
    lab.run(250)  # what was sent is looked for with the link, every 100 ms, at the latest
    after = lab.stats()
    change = {name: after[name] - before[name] for name in after}
    intact, spoiled, sent = lab.eval("(intact, spoiled, sent)")
    dropped = lab.eval("f.stats()['dropped']")
    assert spoiled == 0 and intact > total // 20
    assert change["rx_frames"] + sum(change[name] for name in LOSSES) == total
    assert intact + dropped == change["rx_frames"]
    numbers = [int.from_bytes(frame[14:18], "big") for frame in came]
    assert (numbers[-1], len(numbers)) == (sent - 1, sent), set(range(sent)) - set(numbers)
    assert numbers == list(range(sent))
    assert (change["tx_frames"], change["tx_sent"]) == (sent, sent)
    lab.exec("f.close(); time.sleep(1)")
    assert lab.eval("lwip.stats()['mem'][0] - mem") <= 0
    before = lab.stats()["rx_frames"]
    lab.exec(f"f = lan.frames(0x{TYPE:x}, queue=16)")
    for _ in range(12):  # every buffer of the ring is there
        lab.peer.transmit(ethernet(BROADCAST, TYPE, bytes(1500)))
    lab.run(10)
    assert lab.stats()["rx_frames"] - before == 12
    lab.close()


CYCLES = """
import gc, network, socket, time
lan = network.LAN()
lan.active(True)
def wait(condition, ms=30000):
    end = time.ticks_add(time.ticks_ms(), ms)
    while not condition():
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            raise OSError("time")
        time.sleep_ms(5)
def leased():
    return lan.isconnected() and lan.ipconfig("has_dhcp4")
wait(leased)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
def shout(n):
    try:
        for i in range(n):
            s.sendto(bytes(900), ("10.9.0.1", 9))
    except OSError:
        pass
def ask(data):
    for i in range(3):
        try:
            s.sendto(data, ("10.9.0.1", 7))
            return s.recv(100) == data
        except OSError:
            pass
"""


def test_soak__cable_cycles_with_dhcp(firmware, full):
    """Out and in at random moments while both sides talk; in one of four cycles the server gives another
    address meanwhile, in another one DHCP begins anew. Connected every time; memory as at the start."""
    rng = random.Random(9)
    lab = EthLab(firmware, peer=lambda machine, wire: Peer(machine, wire, "10.9.0.1", dhcp="10.9.0.100"))
    peer = lab.peer
    peer.udp_listen(7, lambda source, port, data: peer.udp_send(source, port, 7, data))
    lab.exec(CYCLES)
    lab.exec("gc.collect(); lwip = __import__('lwip'); mem = lwip.stats()['mem'][0]; free = gc.mem_free()")
    mac = lab.eval("lan.config('mac')")
    for cycle in range(1000 if full else 8):
        address = lab.eval("lan.ifconfig()[0]")
        peer.udp_stream(address, 9, rng.randrange(4, 1400), rng.randrange(60), gap_ns=rng.randrange(500_000))
        lab.exec(f"shout({rng.randrange(20)})")
        lab.run(rng.random() * 5)
        lab.board.net.cut()
        lab.run(rng.random() * 600)
        kind = cycle % 4
        if kind == 1:
            peer.leases.pop(mac)
        elif kind == 3:
            lab.exec("lan.active(False); lan.active(True)")
        lab.board.net.plug()
        lab.exec("time.sleep_ms(200); wait(leased)")
        assert lab.eval(f"ask({cycle.to_bytes(4, 'big')!r})"), cycle
        if kind == 1:
            assert lab.eval("lan.ifconfig()[0]") == peer.text(peer.leases[mac]) != address
    lab.exec("time.sleep(2); gc.collect()")
    assert lab.eval("lwip.stats()['mem'][0] - mem") <= 0
    assert lab.eval("free - gc.mem_free()") < 1000
    assert peer.counters["bad_checksums"] == 0
    lab.close()
