# SPDX-License-Identifier: MIT
"""Many frames of random size both ways at line rate: each one arrives intact or is in exactly one counter.

The played driver is slow at random, so that the ring runs dry, the FIFO overflows, and both recover.
"""

import random

import pytest
from emulator.machine import Machine
from emulator.net.faults import Faults
from support.eth_player import HOST, MAC, MS, OWN, RSF, RX_BUFFERS, SR, ST, TSF, EthPlayer, frame

FRAMES = 5_000
DFRF, OSF = 1 << 24, 1 << 2
FS, LS, DE = 1 << 9, 1 << 8, 1 << 14


class Driver:
    """Takes frames out of the ring now and then, and keeps the transmit ring filled."""

    def __init__(self, seed, mode, rx_size, enhanced):
        self.random = random.Random(seed)
        self.player = player = EthPlayer(Machine())
        player.start(
            mode=RSF | TSF | ST | SR | mode, rx=self.random.choice((3, 8)), rx_size=rx_size, enhanced=enhanced
        )
        self.parts = b""
        self.came = []
        self.truncated = 0
        self.missed = self.overflows = 0
        self.sent = []

    def drain(self):
        """Everything that is in the ring; a driver of this MAC has to look at FS, LS, DE and the length."""
        player = self.player
        while not (status := player.rx_status(player.rx_next)) & OWN:
            index = player.rx_next
            if status & FS:
                self.parts = b""
            length = (status >> 16 & 0x3FFF) - len(self.parts)
            self.parts += player.memory.read(RX_BUFFERS + player.rx_size * index, length)
            player.give(index)
            player.rx_next = (index + 1) % player.rx_count
            if status & LS:
                if status & DE:
                    self.truncated += 1
                else:
                    self.came.append(self.parts[:-4])
        missed = player.read("DMAMFBOCR")
        assert not missed & (1 << 16 | 1 << 28)
        self.missed += missed & 0xFFFF
        self.overflows += missed >> 17 & 0x7FF

    def fill(self, number):
        player = self.player
        if player.tx_status(player.tx_next) & OWN:
            return False
        data = frame(HOST, MAC, payload=self.payload(number))
        player.send(data, demand=False)
        self.sent.append(data)
        return True

    def payload(self, number):
        size = self.random.choice((46, 60, 200, 700, 1480, self.random.randrange(46, 1500)))
        return number.to_bytes(4, "big") + self.random.randbytes(size - 4)


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize(
    "mode, rx_size, enhanced",
    [(0, 1536, False), (OSF, 1536, True), (DFRF | OSF, 1536, False), (OSF, 256, False)],
)
def test_soak__sums_agree(mode, rx_size, enhanced, faults):
    driver = Driver(11, mode, rx_size, enhanced)
    player = driver.player
    if faults:
        chances = dict.fromkeys(("drop", "corrupt", "alignment", "truncate"), 0.03)
        player.wire.faults = Faults(player.machine, seed=3, towards=player.phy, **chances)
    offered = []
    for number in range(FRAMES):
        offered.append(frame(payload=driver.payload(number)))
        player.station.transmit(offered[-1])
        driver.fill(number)
        if driver.random.random() < 0.3:
            player.write("DMATPDR", 0)
        if driver.random.random() < 0.5:
            player.advance(driver.random.choice((7_000, 120_000, 600_000)))
            if driver.random.random() < 0.6:
                driver.drain()
                player.write("DMARPDR", 0)
    for _ in range(20):
        player.write("DMATPDR", 0)
        player.write("DMARPDR", 0)
        player.advance(20 * MS)
        driver.drain()

    assert player.frames == driver.sent  # nothing is lost on the way out
    lost = driver.missed + driver.overflows + driver.truncated
    bad = player.read("MMCRFCECR") + player.read("MMCRFAECR")
    # a damaged destination address: no counter of the silicon has it, the model's own does
    filtered = player.eth.mac.counters["filtered"]
    dropped = player.wire.faults.counters["drop"] if faults else 0
    wanted = set(offered)
    assert all(data in wanted for data in driver.came)  # what comes in is intact
    assert len(driver.came) + lost + bad + dropped + filtered == FRAMES
    assert lost > 0 and len(driver.came) > FRAMES // 4
    assert player.station.counters["bad"] == 0 and player.eth.lost_writes == []
