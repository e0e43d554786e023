# SPDX-License-Identifier: MIT
"""SPI as a master (RM0090 chapter 28)."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ

MSTR, SPE, SSI, SSM, RXONLY, DFF, BIDIOE, BIDIMODE = (
    4,
    1 << 6,
    1 << 8,
    1 << 9,
    1 << 10,
    1 << 11,
    1 << 14,
    1 << 15,
)
RXNE, TXE, MODF, OVR, BSY = 1, 2, 1 << 5, 1 << 6, 1 << 7
MASTER = MSTR | SSM | SSI
BYTE_NS = 8 * 2 * 1_000_000_000 // 16_000_000


@pytest.fixture
def spi(bus):
    """SPI1 at 8 Mbit/s with a device that answers the complement."""
    bus.seen = []

    def exchange(value):
        bus.seen.append(value)
        return None if value is None else ~value

    bus.machine["SPI1"].attach(exchange)
    bus["SPI1.CR1"] = MASTER | SPE
    return bus


def test_spi__exchange(spi):
    assert spi["SPI1.SR"] == TXE
    spi["SPI1.DR"] = 0x5A
    assert spi["SPI1.SR"] == TXE | BSY
    spi.machine.advance(BYTE_NS - 1)
    assert not spi["SPI1.SR"] & RXNE
    spi.machine.advance(1)
    assert spi["SPI1.SR"] == TXE | RXNE
    assert spi["SPI1.DR"] == 0xA5
    assert spi["SPI1.SR"] == TXE
    assert spi.seen == [0x5A]


def test_spi__back_to_back(spi):
    spi["SPI1.DR"] = 1
    spi["SPI1.DR"] = 2
    assert spi["SPI1.SR"] == BSY
    spi.machine.advance(BYTE_NS)
    assert spi["SPI1.DR"] == 0xFE
    spi.machine.advance(BYTE_NS)
    assert spi["SPI1.DR"] == 0xFD
    assert not spi["SPI1.SR"] & BSY


def test_spi__overrun_and_its_clearing(spi):
    spi["SPI1.DR"] = 1
    spi["SPI1.DR"] = 2
    spi.machine.advance(3 * BYTE_NS)
    assert spi["SPI1.SR"] & (OVR | RXNE) == OVR | RXNE
    assert spi["SPI1.DR"] == 0xFE
    assert spi["SPI1.SR"] & OVR
    assert not spi["SPI1.SR"] & OVR


def test_spi__sixteen_bits_and_baud(spi):
    spi["SPI1.CR1"] = 0
    spi["SPI1.CR1"] = MASTER | SPE | DFF | 2 << 3
    assert spi.machine["SPI1"].bit_rate == 2_000_000
    spi["SPI1.DR"] = 0x1234
    spi.machine.advance(8_000)
    assert spi["SPI1.DR"] == 0xEDCB


def test_spi__receive_only_clocks_by_itself(spi):
    spi["SPI1.CR1"] = 0
    spi["SPI1.CR1"] = MASTER | RXONLY | SPE
    for _ in range(3):
        spi.machine.advance(BYTE_NS)
        assert spi["SPI1.DR"] == 0xFF
    assert spi.seen == [None] * 3
    spi["SPI1.CR1"] = MASTER | RXONLY
    spi.machine.advance(10 * BYTE_NS)
    assert len(spi.seen) == 3


def test_spi__send_only_sets_no_rxne(spi):
    spi["SPI1.CR1"] = 0
    spi["SPI1.CR1"] = MASTER | BIDIMODE | BIDIOE | SPE
    spi["SPI1.DR"] = 9
    spi.machine.advance(BYTE_NS)
    assert spi.seen == [9]
    assert spi["SPI1.SR"] == TXE


def test_spi__mode_fault(bus):
    bus["SPI2.CR1"] = MSTR | SSM | SPE
    assert bus["SPI2.SR"] & MODF
    assert not bus["SPI2.CR1"] & (MSTR | SPE)
    bus["SPI2.CR1"] = MASTER
    assert not bus["SPI2.SR"] & MODF


def test_spi__interrupts(spi):
    spi["SPI1.CR2"] = 1 << 7
    assert spi.irq(IRQ["SPI1"])
    spi["SPI1.CR2"] = 1 << 6
    assert not spi.irq(IRQ["SPI1"])
    spi["SPI1.DR"] = 1
    spi.machine.advance(BYTE_NS)
    assert spi.irq(IRQ["SPI1"])


def test_spi__dma_both_ways(spi):
    spi.machine.memory.write(0x20000000, bytes(range(16)))
    for stream, memory, cr in ((2, 0x20001000, 0), (3, 0x20000000, 1 << 6)):
        spi[f"DMA2.S{stream}PAR"] = spi.address("SPI1.DR")
        spi[f"DMA2.S{stream}M0AR"], spi[f"DMA2.S{stream}NDTR"] = memory, 16
        spi[f"DMA2.S{stream}CR"] = 3 << 25 | 1 << 10 | cr | 1
    spi["SPI1.CR2"] = 3
    spi.machine.advance(40 * BYTE_NS)
    assert spi.machine.memory.read(0x20001000, 16) == bytes(~n & 0xFF for n in range(16))
    assert not spi["SPI1.SR"] & OVR


def test_spi__slave_is_reported(bus):
    with pytest.raises(GuestError, match="slave"):
        bus["SPI3.CR1"] = SPE
