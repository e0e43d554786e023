# SPDX-License-Identifier: MIT
"""What the Ethernet DMA owns, the CPU leaves alone: looked at store by store while everything runs."""

import random

import pytest
from support.eth_lab import BROADCAST, HOST_IP, HOST_MAC, EthLab, ethernet

pytestmark = pytest.mark.emulator_only

TRAFFIC = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(0.005)
f = lan.frames(0x88b5, queue=8)
f.settimeout(0)
def both(n):
    for i in range(n):
        try:
            s.sendto(bytes(i % 7 * 200), ("{HOST_IP}", 9))
            f.send({HOST_MAC!r} + lan.config("mac") + b"\\x88\\xb5" + bytes(100))
            f.recv()
            s.recv(2000)
        except OSError:
            pass
"""


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    yield made
    made.close()


def pour(lab, rng, frames):
    for n in range(frames):
        if n & 1:
            lab.send_udp(rng.randbytes(rng.randrange(1, 1470)), 7000)
        else:
            lab.peer.transmit(ethernet(BROADCAST, 0x88B5, rng.randbytes(rng.randrange(46, 1501))))


def test_dma__no_store_into_what_it_owns(lab):
    """Traffic both ways with the ring running dry, a cable cut, both recoveries, off and on again."""
    rng = random.Random(4)
    lab.exec(TRAFFIC)
    pour(lab, rng, 60)
    lab.exec("both(40)")
    lab.board.net.cut()
    lab.exec("wait_link(False)")
    lab.board.net.plug()
    lab.exec("wait_link()")
    for transmit in (True, False):
        lab.machine["ETH"].dma.fail_bus(transmit)
        pour(lab, rng, 20)
        lab.exec("both(10); time.sleep_ms(300); wait_link()")
    assert lab.stats()["recoveries"] == 2
    lab.exec("lan.active(False); lan.active(True); wait_link()")
    pour(lab, rng, 40)
    lab.exec("both(20)")
    assert lab.peer.counters["bad"] == 0
    assert lab.machine.reports == []


def test_dma__looking_changes_nothing(firmware):
    """The same instructions with and without the look at each store (Unicorn forgets IT blocks over it)."""
    runs = []
    for check in (False, True):
        lab = EthLab(firmware, check_dma=check)
        lab.up()
        lab.exec("x = [str(i) for i in range(300)]")
        runs.append((lab.board.cpu.icount, lab.machine.now))
        lab.close()
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("symbol", "offset", "what"), [("rx_buffers", 40, "RX buffer"), ("rx_desc", 4, "RDES")]
)
def test_dma__a_store_from_python_is_told(lab, symbol, offset, what):
    address = lab.symbol(symbol) + offset
    lab.exec(f"import machine; machine.mem8[{address}] = 1")
    reports = [text for text in lab.machine.reports if what in text]
    assert reports == [f"CPU write to 0x{address:08x} in a {what} that the Ethernet DMA owns"]
    lab.machine.reports.clear()
