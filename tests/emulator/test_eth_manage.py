# SPDX-License-Identifier: MIT
"""Sleep, wake-up frames and management counters of the MAC (RM0090 33.5.9, 33.8.2)."""

import pytest
from emulator.peripherals.eth_pmt import crc16
from emulator.peripherals.exti import Exti
from support.eth_player import HOST, MAC, MS, EthPlayer, frame, pass_through

DM = 1 << 11
ES = 1 << 15
BROADCAST = b"\xff" * 6


@pytest.fixture
def started(machine):
    player = EthPlayer(machine)
    player.start()
    return player


# Power management


def test_pmt__magic_packet_wakes(started):
    started.write("MACPMTCSR", 3)
    assert pass_through(started, frame(), frame(payload=b"\xff" * 6 + MAC * 15)) == []
    assert started.read("MACPMTCSR") & 1
    started.station.transmit(frame(BROADCAST, payload=b"\xff" * 6 + MAC * 16))
    started.advance(1 * MS)
    assert started.machine.irq_lines[61]
    assert started.read("DMASR") >> 28 & 1
    value = started.read("MACPMTCSR")
    assert value & (1 | 1 << 5) == 1 << 5
    assert started.read("MACPMTCSR") & 1 << 5 == 0
    assert not started.machine.irq_lines[61]
    assert len(pass_through(started, frame())) == 1


def test_pmt__wakes_through_exti_line_19(started):
    """12.2.5: the line needs its edge and its mask; ETH_WKUP is interrupt 62."""
    machine = started.machine
    machine.add(Exti(machine))
    for offset in (0x00, 0x08):
        machine.bus_write(0x40013C00 + offset, 1 << 19, 4)
    started.write("MACPMTCSR", 3)
    started.station.transmit(frame(payload=b"\xff" * 6 + MAC * 16))
    started.advance(1 * MS)
    assert machine.irq_lines[62]
    machine.bus_write(0x40013C14, 1 << 19, 4)
    assert not machine.irq_lines[62]


def test_pmt__wakeup_frame_filter(started):
    """MACRWUFFR: eight words in a row; filter 0 covers bytes 12 and 13 (figure 365)."""
    started.write("MACPMTCSR", 1 << 31)
    for value in (3, 0, 0, 0, 1, 12, crc16(b"\x88\xb5"), 0):
        started.write("MACRWUFFR", value)
    started.write("MACPMTCSR", 5)
    pass_through(started, frame(kind=0x88B6))
    assert started.read("MACPMTCSR") & 1
    pass_through(started, frame())
    assert started.read("MACPMTCSR") & (1 | 1 << 6) == 1 << 6


def test_pmt__global_unicast(started):
    started.write("MACPMTCSR", 1 | 1 << 9 | 4)
    pass_through(started, frame(BROADCAST))
    assert started.read("MACPMTCSR") & 1
    pass_through(started, frame())
    assert not started.read("MACPMTCSR") & 1


# MMC


def test_mmc__counts_reads_and_resets(started):
    pass_through(started, frame(), frame(BROADCAST))
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert started.read("MMCRGUFCR") == 1
    assert started.read("MMCTGFCR") == 1
    started.write("MMCCR", 4)
    assert started.read("MMCTGFCR") == 1
    assert started.read("MMCTGFCR") == 0
    started.write("MMCCR", 8)
    pass_through(started, frame())
    assert started.read("MMCRGUFCR") == 1  # frozen
    started.write("MMCCR", 1)
    assert started.read("MMCCR") & 1 == 0


def test_mmc__interrupt_at_half_and_mask(started):
    started.write("MMCCR", 16)
    assert started.read("MMCRGUFCR") == 0x7FFFFFF0
    started.write("MMCRIMR", 0)
    for _ in range(16):
        pass_through(started, frame())
    assert started.machine.irq_lines[61]
    assert started.read("MACSR") & (1 << 4 | 1 << 5) == 1 << 4 | 1 << 5
    assert started.read("DMASR") >> 27 & 1
    started.write("MMCRIMR", 1 << 17)
    assert not started.machine.irq_lines[61]
    started.write("MMCRIMR", 0)
    assert started.read("MMCRIR") == 1 << 17
    assert not started.machine.irq_lines[61]


def test_mmc__rollover_can_be_stopped(started):
    started.write("MMCCR", 16 | 32 | 2)
    for _ in range(20):
        pass_through(started, frame())
    assert started.read("MMCRGUFCR") == 0xFFFFFFFF
