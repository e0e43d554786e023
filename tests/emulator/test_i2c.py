# SPDX-License-Identifier: MIT
"""I2C as a master: the event sequences of RM0090 27.3.3."""

import pytest
from emulator.devices.attach import attach
from emulator.devices.eeprom24 import Eeprom24
from emulator.devices.lm75 import Lm75
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ

PE, START, STOP, ACK = 1, 1 << 8, 1 << 9, 1 << 10
SB, ADDR, BTF, RXNE, TXE, AF = 1, 2, 4, 1 << 6, 1 << 7, 1 << 10
MSL, BUSY, TRA = 1, 2, 4
BIT_NS = 10_000


class Memory:
    """A device with a one-byte pointer and 256 bytes, as an EEPROM."""

    def __init__(self):
        self.data = bytearray(256)
        self.log = []
        self.pointer = None
        self.nack_after = None

    def start(self, read):
        self.log.append("read" if read else "write")
        if not read:
            self.pointer = None
        return True

    def write(self, value):
        if self.pointer is None:
            self.pointer = value
        else:
            self.data[self.pointer] = value
            self.pointer += 1
        if self.nack_after is not None:
            self.nack_after -= 1
            return self.nack_after > 0
        return True

    def read(self):
        self.pointer += 1
        return self.data[self.pointer - 1]

    def stop(self):
        self.log.append("stop")


def give_pins(bus, open_drain=True):
    bus["GPIOB.AFRL"] = bus["GPIOB.AFRL"] | 4 << 24
    bus["GPIOB.AFRH"] = bus["GPIOB.AFRH"] | 4 << 4
    bus["GPIOB.OTYPER"] = (1 << 6 | 1 << 9) * open_drain
    bus["GPIOB.MODER"] = bus["GPIOB.MODER"] & ~(3 << 12 | 3 << 18) | 2 << 12 | 2 << 18


@pytest.fixture
def i2c(bus):
    """I2C1 at 100 kbit/s on PB6 and PB9 with a memory at 0x50."""
    give_pins(bus)
    bus["I2C1.CR2"] = 16
    bus["I2C1.CCR"] = 80
    bus["I2C1.CR1"] = PE | ACK
    bus.device = Memory()
    bus.machine["I2C1"].attach(0x50, bus.device)
    return bus


def until(bus, flag, bits=12):
    for _ in range(bits):
        if bus["I2C1.SR1"] & flag:
            return
        bus.machine.advance(BIT_NS)
    raise AssertionError(f"SR1 flag 0x{flag:x} did not come: 0x{bus['I2C1.SR1']:x}")


def start(bus, address):
    bus.set("I2C1.CR1", START)
    until(bus, SB)
    assert bus["I2C1.SR2"] & (MSL | BUSY) == MSL | BUSY
    bus["I2C1.DR"] = address
    until(bus, ADDR)
    assert bus["I2C1.SR1"] & ADDR
    return bus["I2C1.SR2"]


def write(bus, *values):
    assert start(bus, 0xA0) & TRA
    for value in values:
        until(bus, TXE)
        bus["I2C1.DR"] = value
    until(bus, BTF, bits=30)


def test_i2c__write(i2c):
    write(i2c, 0x10, 0xAA, 0xBB)
    i2c.set("I2C1.CR1", STOP)
    assert i2c["I2C1.CR1"] & STOP and i2c["I2C1.SR2"] & BUSY
    i2c.machine.advance(BIT_NS)
    assert not i2c["I2C1.CR1"] & STOP
    assert i2c["I2C1.SR2"] == 0
    assert i2c.device.data[0x10:0x12] == b"\xaa\xbb"
    assert i2c.device.log == ["write", "stop"]


def test_i2c__a_byte_is_nine_bits(i2c):
    assert i2c.machine["I2C1"].bit_rate == 100_000
    write(i2c, 0)
    i2c["I2C1.DR"] = 1
    i2c.machine.advance(9 * BIT_NS - 1)
    assert not i2c["I2C1.SR1"] & BTF
    i2c.machine.advance(1)
    assert i2c["I2C1.SR1"] & BTF


def test_i2c__read_with_repeated_start(i2c):
    i2c.device.data[0x20:0x23] = b"xyz"
    write(i2c, 0x20)
    assert not start(i2c, 0xA1) & TRA
    values = bytearray()
    for left in (3, 2, 1):
        if left == 1:
            i2c.clear("I2C1.CR1", ACK)
            i2c.set("I2C1.CR1", STOP)
        until(i2c, RXNE)
        values.append(i2c["I2C1.DR"])
    i2c.machine.advance(BIT_NS)
    assert values == b"xyz"
    assert i2c.device.log == ["write", "read", "stop"]


def test_i2c__read_one(i2c):
    """ACK off before ADDR is cleared, STOP after."""
    i2c.device.data[5] = 0x77
    write(i2c, 5)
    i2c.set("I2C1.CR1", START)
    until(i2c, SB)
    i2c["I2C1.DR"] = 0xA1
    until(i2c, ADDR)
    i2c.clear("I2C1.CR1", ACK)
    assert i2c["I2C1.SR1"] & ADDR and i2c["I2C1.SR2"] & MSL
    i2c.set("I2C1.CR1", STOP)
    until(i2c, RXNE)
    assert i2c["I2C1.DR"] == 0x77
    i2c.machine.advance(100 * BIT_NS)
    assert i2c["I2C1.SR2"] == 0
    assert not i2c["I2C1.SR1"] & RXNE


def test_i2c__read_two_with_pos(i2c):
    """RM0090 27.3.3, two bytes: POS and ACK, ADDR cleared, ACK off, BTF, STOP, both read."""
    i2c.device.data[8:11] = b"pqr"
    write(i2c, 8)
    i2c.set("I2C1.CR1", START | 1 << 11)
    until(i2c, SB)
    i2c["I2C1.DR"] = 0xA1
    until(i2c, ADDR)
    assert i2c["I2C1.SR1"] & ADDR and i2c["I2C1.SR2"] & MSL
    i2c.clear("I2C1.CR1", ACK)
    until(i2c, BTF, bits=30)
    i2c.set("I2C1.CR1", STOP)
    assert bytes((i2c["I2C1.DR"], i2c["I2C1.DR"])) == b"pq"
    i2c.machine.advance(100 * BIT_NS)
    assert not i2c["I2C1.SR1"] & RXNE
    assert i2c.device.pointer == 10


def test_i2c__read_many_by_btf(i2c):
    """RM0090 27.3.3, N bytes: the clock is held at N-2 while ACK goes off."""
    i2c.device.data[:5] = b"12345"
    write(i2c, 0)
    start(i2c, 0xA1)
    values = bytearray()
    for _ in range(2):
        until(i2c, RXNE)
        values.append(i2c["I2C1.DR"])
    until(i2c, BTF, bits=30)
    i2c.machine.advance(50 * BIT_NS)
    assert i2c.device.pointer == 4
    i2c.clear("I2C1.CR1", ACK)
    values.append(i2c["I2C1.DR"])
    i2c.set("I2C1.CR1", STOP)
    values.append(i2c["I2C1.DR"])
    until(i2c, RXNE)
    values.append(i2c["I2C1.DR"])
    i2c.machine.advance(BIT_NS)
    assert values == b"12345"
    assert i2c.device.pointer == 5
    assert i2c["I2C1.SR2"] == 0


def test_i2c__nobody_there(i2c):
    i2c["I2C1.CR2"] = 16 | 1 << 8
    i2c.set("I2C1.CR1", START)
    until(i2c, SB)
    i2c["I2C1.DR"] = 0x42
    until(i2c, AF)
    assert i2c.irq(IRQ["I2C1_ER"])
    i2c["I2C1.SR1"] = 0
    assert not i2c.irq(IRQ["I2C1_ER"])
    i2c.set("I2C1.CR1", STOP)
    i2c.machine.advance(BIT_NS)
    assert i2c["I2C1.SR2"] & BUSY == 0


def test_i2c__data_refused(i2c):
    i2c.device.nack_after = 2
    start(i2c, 0xA0)
    for value in (1, 2):
        i2c["I2C1.DR"] = value
    until(i2c, AF, bits=30)


def test_i2c__event_interrupt(i2c):
    i2c["I2C1.CR2"] = 16 | 1 << 9
    i2c.set("I2C1.CR1", START)
    assert not i2c.irq(IRQ["I2C1_EV"])
    i2c.machine.advance(BIT_NS)
    assert i2c.irq(IRQ["I2C1_EV"])
    i2c["I2C1.DR"] = 0xA0
    assert not i2c.irq(IRQ["I2C1_EV"])


def test_i2c__dma_read_ends_with_nack(i2c):
    i2c.device.data[:4] = b"wxyz"
    write(i2c, 0)
    i2c["DMA1.S0PAR"], i2c["DMA1.S0M0AR"], i2c["DMA1.S0NDTR"] = i2c.address("I2C1.DR"), 0x20000000, 4
    i2c["DMA1.S0CR"] = 1 << 25 | 1 << 10 | 1
    i2c["I2C1.CR2"] = 16 | 1 << 11 | 1 << 12
    start(i2c, 0xA1)
    i2c.machine.advance(100 * BIT_NS)
    assert i2c.machine.memory.read(0x20000000, 4) == b"wxyz"
    assert i2c.device.pointer == 4


def test_i2c__no_clock(bus):
    give_pins(bus)
    bus["I2C1.CR2"] = 16
    bus["I2C1.CR1"] = PE
    with pytest.raises(GuestError, match="CCR = 0"):
        bus.set("I2C1.CR1", START)


def test_i2c__pins(bus):
    """Both lines on pins, in the alternate function, open drain."""
    bus["I2C1.CR2"], bus["I2C1.CCR"] = 16, 80
    bus["I2C1.CR1"] = PE
    with pytest.raises(GuestError, match="no pin carries its SCL"):
        bus.set("I2C1.CR1", START)
    bus["I2C1.CR1"] = 0
    give_pins(bus, open_drain=False)
    bus["I2C1.CR1"] = PE
    with pytest.raises(GuestError, match="SCL is not open drain"):
        bus.set("I2C1.CR1", START)


def test_i2c__wrong_bus_clock(i2c):
    i2c["I2C1.CR2"] = 42
    with pytest.raises(GuestError, match="FREQ is 42, the bus clock 16 MHz"):
        i2c.set("I2C1.CR1", START)


def test_i2c__timing_while_enabled(i2c):
    with pytest.raises(GuestError, match="CCR changes while PE is set"):
        i2c["I2C1.CCR"] = 40


def test_i2c__cr1_while_start_is_pending(i2c):
    """RM0090 27.6.1: no write to CR1 before the hardware has cleared START or STOP."""
    i2c.set("I2C1.CR1", START)
    with pytest.raises(GuestError, match="while START or STOP is pending"):
        i2c.set("I2C1.CR1", START)


def test_i2c__restart_keeps_what_was_received(i2c):
    """START with two bytes in hand: both can still be read."""
    i2c.device.data[:2] = b"ab"
    write(i2c, 0)
    i2c.set("I2C1.CR1", START | 1 << 11)
    until(i2c, SB)
    i2c["I2C1.DR"] = 0xA1
    until(i2c, ADDR)
    assert i2c["I2C1.SR2"] & MSL
    i2c.clear("I2C1.CR1", ACK)
    until(i2c, BTF, bits=30)
    i2c.set("I2C1.CR1", START)
    until(i2c, SB)
    assert bytes((i2c["I2C1.DR"], i2c["I2C1.DR"])) == b"ab"
    assert i2c["I2C1.SR2"] & MSL


def test_i2c__late_acknowledge_reads_one_more(i2c):
    """ACK still set when the last byte ends: the device goes on, the pointer shows it."""
    write(i2c, 0)
    start(i2c, 0xA1)
    until(i2c, RXNE)
    i2c.machine.advance(20 * BIT_NS)
    i2c.clear("I2C1.CR1", ACK)
    i2c.set("I2C1.CR1", STOP)
    assert i2c.device.pointer == 2


def test_i2c__held_data_line_keeps_BUSY(i2c):
    """START waits; the flag stays when the line is free again, and SWRST alone takes it back."""
    wires = attach(i2c.machine, "i2c:PB6,PB9:")
    wires.hold_sda(3)
    i2c.set("I2C1.CR1", START)
    i2c.machine.advance(100 * BIT_NS)
    assert not i2c["I2C1.SR1"] & SB and i2c["I2C1.SR2"] & BUSY
    wires.hold_sda(0)
    assert i2c["I2C1.SR2"] & BUSY
    i2c["I2C1.CR1"] = 1 << 15
    i2c["I2C1.CR1"] = 0
    assert not i2c["I2C1.SR2"] & BUSY


def test_i2c__clocks_by_hand_free_the_line(i2c):
    wires = attach(i2c.machine, "i2c:PB6,PB9:")
    wires.hold_sda(3)
    i2c["I2C1.CR1"] = 0
    i2c["GPIOB.BSRR"] = 1 << 6 | 1 << 9
    i2c["GPIOB.MODER"] = i2c["GPIOB.MODER"] & ~(3 << 12 | 3 << 18) | 1 << 12 | 1 << 18
    levels = []
    for _ in range(4):
        i2c["GPIOB.BSRR"] = 1 << 22
        i2c["GPIOB.BSRR"] = 1 << 6
        levels.append(i2c["GPIOB.IDR"] >> 9 & 1)
    assert levels == [0, 0, 0, 1]


def test_i2c__stretched_clock(i2c):
    """A device that holds the clock makes a byte longer."""
    i2c.machine["I2C1"].stretch_ns = 5 * BIT_NS
    write(i2c, 0)
    i2c["I2C1.DR"] = 1
    i2c.machine.advance(13 * BIT_NS)
    assert not i2c["I2C1.SR1"] & BTF
    i2c.machine.advance(1 * BIT_NS)
    assert i2c["I2C1.SR1"] & BTF


def test_i2c__arbitration_lost(i2c):
    i2c["I2C1.CR2"] = 16 | 1 << 8
    start(i2c, 0xA0)
    i2c.machine["I2C1"].lose_arbitration()
    assert i2c["I2C1.SR1"] & 1 << 9 and i2c["I2C1.SR2"] == 0
    assert i2c.irq(IRQ["I2C1_ER"])


def test_i2c__bus_error_flag(i2c):
    """ES0182: it may come with nothing wrong; the transfer goes on."""
    write(i2c, 0x10)
    i2c.machine["I2C1"].bus_error()
    assert i2c["I2C1.SR1"] & 1 << 8
    i2c["I2C1.SR1"] = 0xFFFF & ~(1 << 8)
    i2c["I2C1.DR"] = 0x55
    until(i2c, BTF, bits=30)
    assert i2c.device.data[0x10] == 0x55


# Devices


def test_eeprom__page_wrap_and_write_cycle(machine):
    eeprom = Eeprom24(machine)
    assert eeprom.start(False)
    for value in (0, 30, *b"abcd"):
        assert eeprom.write(value)
    eeprom.stop()
    assert eeprom.data[30:32] == b"ab" and eeprom.data[0:2] == b"cd"
    assert not eeprom.start(False)
    machine.advance(5_000_000)
    assert eeprom.start(True)
    assert [eeprom.read() for _ in range(2)] == [255, 255]


def test_lm75__refuses_what_it_has_no_room_for(machine):
    sensor = Lm75(machine)
    sensor.start(False)
    assert sensor.write(2) and sensor.write(0x12) and sensor.write(0x34)
    assert not sensor.write(0x56)
    sensor.start(True)
    assert (sensor.read(), sensor.read()) == (0x12, 0x34)
