# SPDX-License-Identifier: MIT
"""RNG: pace, clock error, seed error (RM0090 chapter 24)."""

import pytest
from emulator.machine import Machine
from emulator.peripherals.irqs import IRQ
from emulator.peripherals.rng import Rng

RNGEN, IE = 1 << 2, 1 << 3
DRDY, CECS, SECS, CEIS, SEIS = 1, 2, 4, 1 << 5, 1 << 6
NUMBER_NS = 40 * 1_000_000_000 // 48_000_000


@pytest.fixture
def rng(bus):
    """The PLL from the HSI: 96 MHz VCO times two, Q 4, gives 48 MHz."""
    bus["RCC.PLLCFGR"] = 16 | 192 << 6 | 3 << 16 | 4 << 24
    bus.set("RCC.CR", 1 << 24)
    bus.machine.advance(1_000_000)
    assert bus.machine.clock.rngclk == 48_000_000
    return bus


def test_rng__forty_periods_a_number(rng):
    rng["RNG.CR"] = RNGEN
    rng.machine.advance(NUMBER_NS - 1)
    assert rng["RNG.SR"] == 0
    assert rng["RNG.DR"] == 0
    rng.machine.advance(1)
    assert rng["RNG.SR"] == DRDY
    assert rng["RNG.DR"] != 0
    assert rng["RNG.SR"] == 0


def numbers(machine, count, seed):
    rng = Rng(machine, seed=seed)
    rng.write(0, RNGEN, 4)
    values = []
    for _ in range(count):
        machine.advance(NUMBER_NS)
        values.append(rng.read(8, 4))
    return values


def test_rng__same_seed_same_numbers():
    first = numbers(Machine(), 200, 1)
    assert len(set(first)) == 200
    assert first == numbers(Machine(), 200, 1)
    assert first != numbers(Machine(), 200, 2)
    assert all(any(value >> bit & 1 for value in first) for bit in range(32))


def test_rng__interrupt(rng):
    rng["RNG.CR"] = RNGEN | IE
    assert not rng.irq(IRQ["HASH_RNG"])
    rng.machine.advance(NUMBER_NS)
    assert rng.irq(IRQ["HASH_RNG"])
    assert rng["RNG.DR"]
    assert not rng.irq(IRQ["HASH_RNG"])


def test_rng__no_48_mhz_clock(bus):
    bus["RNG.CR"] = RNGEN
    bus.machine.advance(1_000_000)
    assert bus["RNG.SR"] == CECS | CEIS
    bus["RNG.SR"] = 0
    assert bus["RNG.SR"] == CECS


def test_rng__clock_comes_back(bus):
    bus["RNG.CR"] = RNGEN
    bus["RCC.PLLCFGR"] = 16 | 192 << 6 | 3 << 16 | 4 << 24
    bus.set("RCC.CR", 1 << 24)
    bus.machine.advance(1_000_000)
    assert bus["RNG.SR"] & (CECS | DRDY) == DRDY


def test_rng__seed_error_until_toggled(rng):
    rng["RNG.CR"] = RNGEN | IE
    rng.machine["RNG"].fail_seed()
    rng.machine.advance(1_000_000)
    assert rng["RNG.SR"] == SECS | SEIS
    assert rng.irq(IRQ["HASH_RNG"])
    rng["RNG.SR"] = 0
    assert not rng.irq(IRQ["HASH_RNG"])
    rng["RNG.CR"] = 0
    rng["RNG.CR"] = RNGEN
    rng.machine.advance(NUMBER_NS)
    assert rng["RNG.SR"] == DRDY
