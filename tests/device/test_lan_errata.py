# SPDX-License-Identifier: MIT
"""ES0182's Ethernet errata and other misbehaviour of the silicon, brought about on purpose; forced modes."""

import pytest
from emulator.net.wire import Signal
from support.eth_lab import BROADCAST, HOST_IP, EthLab, ethernet

pytestmark = pytest.mark.emulator_only

LISTEN = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(0.5)
def heard():
    try:
        return s.recv(100)
    except OSError:
        return None
"""
REGISTERS = "MACCR MACFFR MACHTHR MACHTLR MACA0HR MACA0LR MACFCR DMAOMR".split()


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    made.exec(LISTEN)
    yield made
    made.close()


def talks(lab):
    """Both ways."""
    lab.peer.frames.clear()
    lab.exec(f's.sendto(b"hello" * 12, ("{HOST_IP}", 9))')
    lab.send_udp(b"in", 7000)
    return lab.eval("heard()") == b"in" and any(b"hello" in frame for frame in lab.peer.frames)


def settings_in_effect(lab):
    """Registers whose value the MAC does not work with, because a write was lost."""
    eth = lab.machine["ETH"]
    return [
        register.name
        for register in eth.REGISTERS
        if register.name in REGISTERS and eth.used[register.offset] != eth.regs[register.offset]
    ]


@pytest.mark.parametrize("mbit_s", [10, 100])
def test_errata__no_write_is_lost(firmware, mbit_s):
    """Everything that writes to the MAC, in quick succession; at 10 Mbit/s its clock is slowest."""
    lab = EthLab(firmware, signal=Signal(modes=((mbit_s, True),)))
    lab.up()
    lab.exec(LISTEN)
    eth = lab.machine["ETH"]
    lab.exec("for i in range(4): lan.config(promiscuous=True); lan.config(promiscuous=False)")
    lab.exec("m = lan.config('mac')\nfor i in range(4): lan.config(mac=b'\\x02abcde'); lan.config(mac=m)")
    lab.exec(
        "def option(o, g): s.setsockopt(socket.IPPROTO_IP, o, bytes([239, 1, 2, g, 10, 9, 0, 2]))\n"
        "for g in range(4): option(socket.IP_ADD_MEMBERSHIP, g)\n"
        "for g in range(4): option(socket.IP_DROP_MEMBERSHIP, g)"
    )
    lab.exec("c = lan.ptp(); c.active(True); c.time(5); c.rate(7); c.rate(8); c.offset(9); c.offset(-9)")
    lab.board.net.cut()
    lab.exec("wait_link(False)")
    lab.board.net.plug()
    lab.exec("wait_link()")
    assert talks(lab)
    assert eth.lost_writes == [] and settings_in_effect(lab) == []
    lab.close()


@pytest.mark.parametrize("register", REGISTERS)
def test_errata__a_lost_write_is_made_up_for(firmware, register):
    """The first write to a register is lost in bring-up, the one that changes the speed included."""
    lab = EthLab(firmware, signal=Signal(modes=((10, True),)))
    eth = lab.machine["ETH"]
    lab.exec("import network; lan = network.LAN()")
    eth.lose_next.add(register)
    lab.up()
    assert [name for _, name, _ in eth.lost_writes] == [register]
    if register in ("MACCR", "MACFFR", "MACA0LR"):
        eth.lose_next.add(register)
        lab.exec("lan.config(promiscuous=True); lan.config(mac=b'\\x02abcde')")
        lab.board.net.cut()
        lab.exec("wait_link(False)")
        lab.peer.set_signal(Signal())
        lab.board.net.plug()
        lab.exec("wait_link()")
        lab.mac = b"\x02abcde"
    lab.exec(LISTEN)
    assert talks(lab) and settings_in_effect(lab) == []
    lab.close()


def test_errata__transmitter_that_sticks(lab):
    """No status, no interrupt, no progress: noticed, set up again, counted. What waited is counted too."""
    lab.machine["ETH"].mac.stuck = True
    before = lab.stats()
    lab.exec(f'for i in range(5): s.sendto(b"x", ("{HOST_IP}", 9))')
    lab.run(1500)
    after = lab.stats()
    assert after["tx_stuck"] - before["tx_stuck"] == 1
    assert after["recoveries"] - before["recoveries"] == 1
    assert after["tx_aborted"] - before["tx_aborted"] == 5
    lab.exec("wait_link()")
    assert talks(lab)


def test_errata__clock_glitch_in_a_frame_stops_both_engines(lab):
    """TPSS and RPSS at once, and REF_CLK is back before anybody looks."""
    lab.exec("f = lan.frames(0x88b5)")
    data = ethernet(BROADCAST, 0x88B5, bytes(1500))
    sending = lab.machine["ETH"].mac
    lab.start(f"try:\n for i in range(3): f.send({data!r})\nexcept OSError: pass  # the link is down by then")
    lab.board.run(50_000_000, until=lambda: sending.sending is not None)
    assert sending.sending is not None
    lab.board.phy.clock_glitch(True)
    lab.board.run(10_000)
    lab.board.phy.clock_glitch(False)
    lab.finish()
    lab.run(1500)
    stats = lab.stats()
    assert (stats["dma_stopped"], stats["recoveries"]) == (1, 1)
    lab.exec("wait_link()")
    assert talks(lab)


def test_errata__fatal_bus_error_of_the_transmitter(lab):
    """A chain that leads into CCM: FBES. The next frames go out again."""
    memory, base = lab.machine.memory, lab.symbol("tx_desc")
    for at in range(base, base + 32 * 32, 32):
        memory.write(at + 12, (0x10000000).to_bytes(4, "little"))
    lab.exec(f'try:\n for i in range(3): s.sendto(b"x", ("{HOST_IP}", 9))\nexcept OSError: pass')
    lab.run(500)
    stats = lab.stats()
    assert (stats["bus_errors"], stats["recoveries"]) == (1, 1)
    lab.exec("wait_link()")
    for _ in range(5):
        assert talks(lab)


CONFIG = [
    ("speed=10", ("10", "half")),
    ("speed=10, duplex='full'", ("10", "full")),
    ("duplex='full'", ("100", "full")),
    ("duplex='half'", ("100", "half")),
    ("auto=False", ("100", "half")),
]


@pytest.mark.parametrize(("keywords", "wanted"), CONFIG)
def test_config__speed_and_duplex(firmware, keywords, wanted):
    speed, duplex = int(wanted[0]), wanted[1]
    lab = EthLab(firmware, signal=Signal(autoneg=False, modes=((speed, duplex == "full"),)))
    lab.exec("import network; lan = network.LAN()")
    assert lab.eval("[lan.config(key) for key in ('auto', 'speed', 'duplex')]") == [True, None, None]
    lab.exec(f"lan.config({keywords})")
    assert lab.eval("[lan.config(key) for key in ('auto', 'speed', 'duplex')]") == [False, speed, duplex]
    lab.up()
    lab.exec(LISTEN)
    assert lab.eval("(lan.status('speed'), lan.status('duplex'))") == (speed, duplex)
    assert talks(lab)
    lab.exec("lan.config(auto=True)")
    assert lab.eval("[lan.config(key) for key in ('auto', 'speed', 'duplex')]") == [True, None, None]
    lab.close()


@pytest.mark.parametrize("keywords", ["speed=1000", "speed=0", "duplex='both'", "mode=5", "mode=-1"])
def test_config__what_is_not_there(lab, keywords):
    lab.exec(f"try:\n lan.config({keywords})\n e = None\nexcept ValueError:\n e = 1")
    assert lab.eval("e") == 1
