# SPDX-License-Identifier: MIT
"""Half duplex against RM0090 33.5.2 and IEEE 802.3: deferral, collisions, and modes that do not match."""

import pytest
from emulator.machine import Machine
from emulator.net.wire import M100_HALF, Signal
from support.eth_player import CONFIG, HOST, MAC, MS, EthPlayer, frame

DM = 1 << 11
ES = 1 << 15
BROADCAST = b"\xff" * 6


@pytest.fixture
def started(machine):
    player = EthPlayer(machine)
    player.start()
    return player


@pytest.fixture
def half(machine):
    player = EthPlayer(machine, signal=Signal(True, (M100_HALF,)))
    player.start(config=CONFIG & ~DM)
    return player


def test_half__defers_to_the_carrier(half):
    half.station.transmit(frame(payload=bytes(1000)))
    half.advance(20_000)
    index = half.send(frame(HOST, MAC))
    half.advance(1 * MS)
    assert len(half.frames) == 1 and len(half.received()) == 1
    assert half.tx_status(index) & 1  # DB: deferred


def test_half__excessive_deferral(half):
    """MACCR.DC: after 24,288 bit times of somebody else's carrier the frame is given up (TDES0.ED)."""
    half.write("MACCR", CONFIG & ~DM | 1 << 4)
    half.station.transmit_raw(bytes(20_000))
    half.advance(10_000)
    index = half.send(frame(HOST, MAC))
    half.advance(24_288 * 10 - 5_000)
    assert half.tx_status(index) >> 31
    half.advance(10_000)
    assert half.tx_status(index) & (1 << 31 | 1 << 2 | ES) == 1 << 2 | ES
    half.advance(5 * MS)
    assert half.frames == []
    half.write("MACCR", CONFIG & ~DM)
    half.station.transmit_raw(bytes(20_000))
    half.advance(10_000)
    half.send(frame(HOST, MAC))
    half.advance(5 * MS)
    assert len(half.frames) == 1


def test_half__carrier_lost_under_the_frame(half):
    index = half.send(frame(HOST, MAC, payload=bytes(1000)))
    half.advance(20_000)
    half.wire.cut()
    half.advance(1 * MS)
    assert half.tx_status(index) & (1 << 11 | ES) == 1 << 11 | ES


class Collider:
    """Faults of a wire: collides with the next frames at these bytes."""

    def __init__(self, *offsets):
        self.offsets = list(offsets)

    def collision(self, sender, data):
        return self.offsets.pop(0) if self.offsets else None

    def passing(self, wire, receiver, data, flags):
        wire.deliver(receiver, data, flags)


def test_half__collisions_are_retried_and_counted(half):
    half.wire.faults = Collider(10)
    index = half.send(frame(HOST, MAC))
    half.advance(10 * MS)
    assert half.tx_status(index) >> 3 & 15 == 1
    half.wire.faults = Collider(10, 20, 30)
    index = half.send(frame(HOST, MAC))
    half.advance(10 * MS)
    assert half.tx_status(index) >> 3 & 15 == 3
    assert len(half.frames) == 2
    assert (half.read("MMCTGFSCCR"), half.read("MMCTGFMSCCR"), half.read("MMCTGFCR")) == (1, 1, 2)


def test_half__sixteen_collisions_are_too_many(half):
    half.wire.faults = Collider(*[10] * 16)
    index = half.send(frame(HOST, MAC))
    half.advance(500 * MS)
    assert half.tx_status(index) & (1 << 8 | ES) == 1 << 8 | ES
    assert half.frames == []


def test_half__retry_disabled_and_late_collision(half):
    half.wire.faults = Collider(70)
    index = half.send(frame(HOST, MAC, payload=bytes(200)))
    half.advance(10 * MS)
    assert half.tx_status(index) & (1 << 9 | ES) == 1 << 9 | ES
    half.write("MACCR", CONFIG & ~DM | 1 << 9)
    half.wire.faults = Collider(10)
    index = half.send(frame(HOST, MAC))
    half.advance(10 * MS)
    assert half.tx_status(index) & (1 << 8 | ES) == 1 << 8 | ES


def test_half__both_start_at_once(half):
    """Within the cable's delay neither hears the other: they collide and both get through later."""
    half.memory.write(0x20014000, frame(HOST, MAC, payload=bytes(100)))
    half.poke(half.tx_descriptor(0), 0xB0000000, 114, 0x20014000, 0)
    half.machine.bus_write(0x40029004, 0, 4)
    half.machine.at(200, lambda: half.station.transmit(frame(payload=bytes(100))))
    half.advance(20 * MS)
    assert len(half.frames) == 1 and len(half.received()) == 1
    assert half.station.counters["collisions"] == 1
    assert half.tx_status(0) >> 3 & 15 == 1


TFCE, BPA = 2, 1


def test_half__back_pressure(half):
    """33.8.1, MACFCR.FCB/BPA with TFCE: whatever comes is collided with until software takes that back; its
    sender tries again."""
    half.write("MACFCR", TFCE | BPA)
    half.station.transmit(frame(payload=bytes(100)))
    half.advance(200_000)
    assert half.station.counters["collisions"] > 0 and half.received() == []
    assert half.read("MACFCR") & BPA
    half.write("MACFCR", TFCE)
    half.advance(50 * MS)
    assert len(half.received()) == 1


def test_half__no_back_pressure_without_tfce(half):
    half.write("MACFCR", BPA)
    half.station.transmit(frame(payload=bytes(100)))
    half.advance(1 * MS)
    assert half.station.counters["collisions"] == 0 and len(half.received()) == 1


def test_duplex_mismatch__half_duplex_mac_on_a_full_duplex_link(started):
    """It takes what it hears while it sends for a collision: late, and the partner gets a fragment."""
    started.write("MACCR", CONFIG & ~DM)
    index = started.send(frame(HOST, MAC, payload=bytes(1400)))
    started.advance(10_000)
    started.station.transmit(frame())
    started.advance(1 * MS)
    assert started.tx_status(index) & (1 << 9 | ES) == 1 << 9 | ES
    assert started.station.counters["bad"] == 1
    assert len(started.received()) == 1


def test_duplex_mismatch__full_duplex_mac_on_a_half_duplex_link(half):
    """It talks into the partner's frames and does not notice."""
    half.write("MACCR", CONFIG)
    half.station.transmit(frame(payload=bytes(1400)))
    half.advance(10_000)
    index = half.send(frame(HOST, MAC, payload=bytes(100)))
    half.advance(100_000)
    assert not half.tx_status(index) & ES
    assert half.frames == [] and half.station.counters["collisions"] == 1


def test_half__no_carrier_without_link(machine):
    player = EthPlayer(machine, link=False)
    player.machine.advance(10 * MS)
    player.start(config=CONFIG & ~DM)
    index = player.send(frame(HOST, MAC))
    player.advance(1 * MS)
    assert player.tx_status(index) & (1 << 10 | ES) == 1 << 10 | ES


def test_two_runs_are_alike():
    """Nothing in the model is left to chance."""

    def run():
        player = EthPlayer(Machine(), signal=Signal(True, (M100_HALF,)))
        player.start(config=CONFIG & ~DM)
        seen = []
        player.wire.observe(lambda time, sender, data, flags: seen.append((time, data)))
        player.wire.faults = Collider(10, 20, 30, 40)
        for _ in range(5):
            player.send(frame(HOST, MAC))
            player.station.transmit(frame())
            player.advance(5 * MS)
        return seen

    assert run() == run()
