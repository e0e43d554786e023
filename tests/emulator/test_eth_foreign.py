# SPDX-License-Identifier: MIT
"""The way other drivers use this MAC, played step by step: the model is the manual's, not one driver's.

Each test is the order of accesses of one family of drivers, written from their documented behaviour.
"""

import pytest
from emulator.machine import Machine
from support.eth_player import (
    CONFIG,
    HOST,
    MAC,
    MS,
    OWN,
    RX_BUFFERS,
    RX_RING,
    TX_BUFFERS,
    TX_RING,
    EthPlayer,
    frame,
)

FS, LS = 1 << 9, 1 << 8
TX_FS, TX_LS, TX_IC, TX_TCH, TX_TER = 1 << 28, 1 << 29, 1 << 30, 1 << 20, 1 << 21
RS, TS, RBUS, TBUS, NIS, AIS = 1 << 6, 1, 1 << 7, 1 << 2, 1 << 16, 1 << 15
FTF, ST, SR, TSF, RSF = 1 << 20, 1 << 13, 1 << 1, 1 << 21, 1 << 25


def settle(player, name):
    """The vendor's answer to ES0182: read back, wait, write again."""
    value = player.read(name)
    player.advance(1 * MS)
    player.write(name, value)


def test_vendor_library__chain_with_flags_set_once():
    """TCH and CIC are put into TDES0 at start-up only; FS, LS and OWN are or-ed in for each frame."""
    player = EthPlayer(Machine())
    player.write("DMABMR", player.read("DMABMR") | 1)
    player.advance(1 * MS)
    assert not player.read("DMABMR") & 1
    player.mdio_write(0, 1 << 15)
    player.advance(2_000 * MS)
    for name, value in (("MACCR", CONFIG & ~0xC), ("MACFFR", 0), ("MACFCR", 0x80), ("MACVLANTR", 0)):
        player.write(name, value)
        settle(player, name)
    player.write("DMAOMR", TSF | RSF | 1 << 2)
    settle(player, "DMAOMR")
    player.write("DMABMR", 1 << 25 | 1 << 16 | 32 << 8 | 32 << 17 | 1 << 23)
    settle(player, "DMABMR")
    player.write("DMAIER", NIS | RS)
    player.write("MACA0HR", int.from_bytes(MAC[4:], "little"))
    player.write("MACA0LR", int.from_bytes(MAC[:4], "little"))
    for n in range(4):
        player.poke(TX_RING + 16 * n, TX_TCH, 0, TX_BUFFERS + 1536 * n, TX_RING + 16 * ((n + 1) % 4))
        player.poke(
            RX_RING + 16 * n, OWN, 1 << 14 | 1524, RX_BUFFERS + 1536 * n, RX_RING + 16 * ((n + 1) % 4)
        )
    player.write("DMATDLAR", TX_RING)
    player.write("DMARDLAR", RX_RING)
    for name, bit in (("MACCR", 8), ("MACCR", 4), ("DMAOMR", FTF)):
        player.write(name, player.read(name) | bit)
        settle(player, name)
    player.write("DMAOMR", player.read("DMAOMR") | ST)
    player.advance(1 * MS)
    player.write("DMAOMR", player.read("DMAOMR") | SR)
    player.advance(1 * MS)
    assert not player.read("DMAOMR") & FTF

    tx = rx = 0
    for n in range(10):
        sent = frame(HOST, MAC, payload=bytes([n]) * 60)
        player.memory.write(TX_BUFFERS + 1536 * tx, sent)
        (status,) = player.words(TX_RING + 16 * tx, 1)
        assert not status & OWN
        player.poke(TX_RING + 16 * tx, status | TX_FS | TX_LS, len(sent))
        player.poke(TX_RING + 16 * tx, status | TX_FS | TX_LS | OWN)
        tx = (tx + 1) % 4
        if player.read("DMASR") & TBUS:
            player.write("DMASR", TBUS)
            player.write("DMATPDR", 0)
        player.station.transmit(frame(payload=bytes([n]) * 60))
        player.advance(1 * MS)
        assert player.frames[-1] == sent
        assert player.machine.irq_lines[61]
        (status,) = player.words(RX_RING + 16 * rx, 1)
        assert status & (OWN | 1 << 15 | FS | LS) == FS | LS
        player.poke(RX_RING + 16 * rx, OWN)
        rx = (rx + 1) % 4
        player.write("DMASR", RS)
        player.write("DMASR", NIS)
        if player.read("DMASR") & RBUS:
            player.write("DMASR", RBUS)
            player.write("DMARPDR", 0)
        assert not player.machine.irq_lines[61]
    assert player.eth.lost_writes == []


def test_summary_first__acknowledged_before_its_cause():
    """Some clear NIS first and RS after: no interrupt may stay, and none be lost."""
    player = EthPlayer(Machine())
    player.start()
    player.write("DMAIER", NIS | RS)
    for _ in range(3):
        player.station.transmit(frame())
        player.advance(1 * MS)
        assert player.machine.irq_lines[61]
        player.write("DMASR", NIS)
        player.write("DMASR", RS)
        assert not player.machine.irq_lines[61]
        assert len(player.received()) == 1


def test_all_at_once__status_written_back_as_read():
    """Others write back everything that they read in one go."""
    player = EthPlayer(Machine())
    player.start()
    player.write("DMAIER", NIS | AIS | RS | TS | RBUS)
    for _ in range(5):
        player.station.transmit(frame())
        player.send(frame(HOST, MAC))
    player.advance(1 * MS)
    player.write("DMASR", player.read("DMASR"))
    assert not player.machine.irq_lines[61]
    assert len(player.received()) == 4


@pytest.mark.parametrize("enhanced", [False, True])
def test_ring__descriptors_rewritten_for_each_frame(enhanced):
    """Ring mode with TER and RER, every word written again each time, poll demand after every frame."""
    player = EthPlayer(Machine())
    player.start(tx=2, rx=2, enhanced=enhanced)
    for n in range(7):
        payload = bytes([n]) * (46 + 200 * n)
        player.send(frame(HOST, MAC, payload=payload))
        player.station.transmit(frame(payload=payload))
        player.advance(1 * MS)
        [(status, data)] = player.received()
        assert data[14:-4] == payload
        player.write("DMARPDR", 0)
    assert [len(each) for each in player.frames] == [60 + 200 * n for n in range(7)]


def test_byte_accesses__to_status_and_enable():
    """33.8: the registers take bytes and half-words too."""
    player = EthPlayer(Machine())
    player.start()
    bus_write, bus_read = player.machine.bus_write, player.machine.bus_read
    bus_write(0x4002901C + 2, 1, 1)
    bus_write(0x4002901C, RS, 1)
    assert player.read("DMAIER") == NIS | RS
    player.station.transmit(frame())
    player.advance(1 * MS)
    assert bus_read(0x40029014, 2) & RS and bus_read(0x40029016, 1) & 1
    bus_write(0x40029014, RS, 2)
    bus_write(0x40029016, 1, 1)
    assert not player.machine.irq_lines[61]
