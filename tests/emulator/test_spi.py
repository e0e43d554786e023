# SPDX-License-Identifier: MIT
"""SPI as a master (RM0090 chapter 28)."""

import pytest
from emulator.devices.attach import attach
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


def give_pins(bus):
    """SPI1 on PA5, PA6 and PA7."""
    bus["GPIOA.AFRL"] = bus["GPIOA.AFRL"] | 5 << 20 | 5 << 24 | 5 << 28
    bus["GPIOA.MODER"] = bus["GPIOA.MODER"] | 2 << 10 | 2 << 12 | 2 << 14


@pytest.fixture
def spi(bus):
    """SPI1 at 8 Mbit/s with a device that answers the complement."""
    give_pins(bus)
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


@pytest.mark.parametrize("change", [1, 2, MSTR, 1 << 3, 1 << 7, DFF])
def test_spi__frame_is_fixed_while_enabled(spi, change):
    """RM0090 28.5.1: CPHA, CPOL, MSTR, BR, LSBFIRST and DFF change only with SPE off."""
    with pytest.raises(GuestError, match="while SPE is set"):
        spi["SPI1.CR1"] = (MASTER | SPE) ^ change


def test_spi__off_in_the_middle_of_a_frame(spi):
    spi["SPI1.DR"] = 1
    with pytest.raises(GuestError, match="in the middle of a frame"):
        spi["SPI1.CR1"] = MASTER


def test_spi__no_pin_for_the_clock(bus):
    bus["SPI1.CR1"] = MASTER | SPE
    bus["SPI1.DR"] = 1
    with pytest.raises(GuestError, match="no pin carries its SCK"):
        bus.machine.advance(BYTE_NS)


def exchange(bus, *values):
    answers = []
    for value in values:
        bus["SPI1.DR"] = value
        bus.machine.advance(2 * BYTE_NS * 2)
        answers.append(bus["SPI1.DR"])
    return answers


@pytest.fixture
def flash(bus):
    """SPI1 with a W25Q16 whose chip select is PB0."""
    give_pins(bus)
    bus["GPIOB.BSRR"] = 1
    bus["GPIOB.MODER"] = bus["GPIOB.MODER"] | 1
    bus.wires = attach(bus.machine, "spi:PA5,PA6,PA7:w25q16@PB0")
    bus["SPI1.CR1"] = MASTER | SPE
    return bus


def select(bus, on):
    bus["GPIOB.BSRR"] = 1 << 16 if on else 1


def command(bus, *values):
    select(bus, True)
    answers = exchange(bus, *values)
    select(bus, False)
    return answers


def test_flash__identifies_itself(flash):
    assert command(flash, 0x9F, 0, 0, 0)[1:] == [0xEF, 0x40, 0x15]


def test_flash__nobody_answers_unselected(flash):
    assert exchange(flash, 0x9F, 0) == [0xFF, 0xFF]


def test_flash__sixteen_bits_are_two_bytes(flash):
    """On the wire the first bit is the most significant one, or the least with LSBFIRST."""
    flash["SPI1.CR1"] = 0
    flash["SPI1.CR1"] = MASTER | DFF | SPE
    assert command(flash, 0x9F00, 0) == [0xFFEF, 0x4015]
    flash["SPI1.CR1"] = 0
    flash["SPI1.CR1"] = MASTER | DFF | SPE | 1 << 7
    reversed_bits = [int(f"{value:016b}"[::-1], 2) for value in (0x9F00, 0xFFEF, 0x4015)]
    assert command(flash, reversed_bits[0], 0) == reversed_bits[1:]


@pytest.mark.parametrize("mode, right", [(0, True), (1, False), (2, False), (3, True)])
def test_flash__modes_0_and_3(flash, mode, right):
    flash["SPI1.CR1"] = 0
    flash["SPI1.CR1"] = MASTER | SPE | mode
    assert (command(flash, 0x9F, 0, 0, 0)[1:] == [0xEF, 0x40, 0x15]) == right


def test_flash__program_and_erase(flash):
    """Only after WREN, only ones to zeros, with the page's wrap, and busy for its time."""
    command(flash, 0x02, 0, 0, 254, 1, 2, 3)
    assert command(flash, 0x03, 0, 0, 254, 0, 0)[4:] == [0xFF, 0xFF]
    command(flash, 0x06)
    assert command(flash, 0x05, 0)[1] == 2
    command(flash, 0x02, 0, 0, 254, 1, 2, 3)
    assert command(flash, 0x05, 0)[1] == 1
    flash.machine.advance(1_000_000)
    assert command(flash, 0x03, 0, 0, 254, 0, 0)[4:] == [1, 2]
    assert command(flash, 0x03, 0, 0, 0, 0)[4:] == [3]
    command(flash, 0x06)
    command(flash, 0x20, 0, 0, 0)
    flash.machine.advance(50_000_000)
    assert command(flash, 0x03, 0, 0, 254, 0)[4:] == [0xFF]


def test_flash__moved_pins(flash):
    """A clock made with pins, in mode 0, is understood too."""
    flash["SPI1.CR1"] = 0
    flash["GPIOA.MODER"] = flash["GPIOA.MODER"] & ~(63 << 10) | 1 << 10 | 1 << 14
    select(flash, True)
    answers = []
    for value in (0x9F, 0, 0, 0):
        answer = 0
        for bit in range(7, -1, -1):
            flash["GPIOA.BSRR"] = 1 << 7 if value >> bit & 1 else 1 << 23
            flash["GPIOA.BSRR"] = 1 << 5
            answer = answer << 1 | flash["GPIOA.IDR"] >> 6 & 1
            flash["GPIOA.BSRR"] = 1 << 21
        answers.append(answer)
    assert answers[1:] == [0xEF, 0x40, 0x15]


@pytest.mark.parametrize(
    "spec",
    [
        "i2c:PB6:24c32@0x50",
        "spi:PB3,PB4:w25q16@PB0",
        "i2c:PB6,PJ9",
        "i2c:PB6,PB9:24c32",
        "uart:USART9-USART1",
        "x",
    ],
)
def test_attach__nonsense__ValueError(bus, spec):
    with pytest.raises(ValueError):
        attach(bus.machine, spec)
