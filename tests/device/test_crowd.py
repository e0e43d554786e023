# SPDX-License-Identifier: MIT
"""Ten connections of all three APIs at once, on good and bad cables: nothing stalls, nothing is lost or kept.

The receive buffers, the transmit ring and lwIP's heap are all too small for what ten connections may have on
their way: each runs out again and again. `--full` (make soak) for many more beginnings.
"""

import os

import pytest
from emulator.net.faults import Faults
from emulator.net.peers import Peer
from emulator.net.wire import M10_FULL, M100_FULL, Signal
from support.emulated import TOP
from support.eth_lab import HOST_IP, EthLab

pytestmark = pytest.mark.emulator_only

SOURCE = os.path.join(TOP, "tests", "device", "onboard", "crowd.py")
PORT, TOTAL = 7, 40_000
# Without faults nothing but the board's own limits costs time; a lost segment costs the peer's time-outs.
LIMIT_MS = {0: 20_000, 0.02: 120_000}
REST = """
import gc
import lwip
def rest():
    gc.collect()
    pools = lwip.stats("memp").items()
    return {k: v[0] for k, v in pools if k not in ("SYS_TIMEOUT", "TCP_PCB")}, lwip.stats("mem")[0]
time.sleep(3)  # until the IPv6 address is known to be nobody else's
before = rest()
"""
SETTLED = """
for _ in range(100):
    if rest() == before:
        break
    time.sleep_ms(200)
print(rest() == before or (rest(), before))
"""


class Echo(Peer):
    def __init__(self, machine, wire, mode):
        super().__init__(machine, wire, HOST_IP, names={}, signal=Signal(modes=(mode,)))
        self.tcp.listen(PORT, self.accept)
        self.udp_listen(9, lambda source, port, data: None)

    @staticmethod
    def accept(connection):
        connection.on_data = connection.send
        connection.on_end = connection.close


@pytest.fixture
def seeds(pytestconfig):
    return range(20) if pytestconfig.getoption("full") else range(1)


@pytest.mark.parametrize("chance", LIMIT_MS)
@pytest.mark.parametrize("mode", [M100_FULL, M10_FULL], ids=["100M", "10M"])
def test_crowd__everything_comes_back(firmware, seeds, mode, chance):
    lab = EthLab(firmware, peer=lambda machine, wire: Echo(machine, wire, mode), check_dma=False)
    lab.up()
    with open(SOURCE) as file:
        lab.exec(file.read())
    lab.exec(REST)
    for seed in seeds:
        lab.board.net.faults = Faults(lab.machine, seed=seed, drop=chance, reorder=chance, duplicate=chance)
        took_ms = int(lab.exec(f"print(crowd({HOST_IP!r}, {PORT}, {TOTAL}, {seed}))"))
        assert took_ms < LIMIT_MS[chance], seed
        lab.board.net.faults = None
        assert lab.exec(SETTLED) == "True\n", seed
    lab.close()
