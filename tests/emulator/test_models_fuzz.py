# SPDX-License-Identifier: MIT
"""Firmware may write anything anywhere: a model may report it or give a bus fault, never fall over itself."""

import random

import pytest
from emulator.machine import Machine
from emulator.peripheral import BusFault
from emulator.peripherals.map import MEMORY_MAP, create

OWN_TESTS = ("ETH", "OTG_FS", "SIGNATURE")
NAMES = [row[0] for row in MEMORY_MAP if row[3] and row[0] not in OWN_TESTS]
MOST_EVENTS = 200_000  # of one run: a model that storms the queue would make the emulator crawl


@pytest.fixture
def lenient(capsys):
    """A board with every clock on that only counts reports, its flash blank."""
    machine = Machine(strict=False)
    machine.report = machine.reports.append
    machine.memory.write(0x08000000, b"\xff" * 0x100000)
    for entry in MEMORY_MAP:
        if entry[0] not in ("ETH", "OTG_FS"):
            create(machine, entry)
    for offset in (0x30, 0x34, 0x40, 0x44):
        machine.bus_write(0x40023800 + offset, 0xFFFFFFFF, 4)
    machine.bus_write(0x40007000, 1 << 8 | 1 << 14, 4)
    machine.events = 0
    original = machine.scheduler.at

    def at(time, function):
        machine.events += 1
        assert machine.events < MOST_EVENTS, f"event storm, the last one by {function}"
        assert time >= machine.now
        return original(time, function)

    machine.scheduler.at = at
    return machine


def random_value(rng):
    return rng.choice(
        (
            0,
            1,
            0xFFFFFFFF,
            rng.getrandbits(32),
            1 << rng.randrange(32),
            ~(1 << rng.randrange(32)) & 0xFFFFFFFF,
        )
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_fuzz__one_model(lenient, name, seed):
    rng = random.Random(f"{name} {seed}")
    model = lenient[name]
    offsets = [register.offset for register in model.REGISTERS] or range(0, model.SIZE, 4)
    for _ in range(1500):
        width = rng.choice((4, 4, 4, 2, 1))
        address = model.base + rng.choice(offsets) + rng.randrange(0, 4, width)
        try:
            if rng.random() < 0.6:
                lenient.bus_write(address, random_value(rng) & ((1 << 8 * width) - 1), width)
            else:
                value = lenient.bus_read(address, width)
                assert isinstance(value, int) and 0 <= value < 1 << 8 * width
        except BusFault:
            pass
        if rng.random() < 0.3:
            lenient.advance(rng.choice((10, 1_000, 100_000)))
    for register in model.REGISTERS:
        assert 0 <= model.regs[register.offset] <= 0xFFFFFFFF, register.name
    model.reset()


@pytest.mark.parametrize("seed", range(8))
def test_fuzz__whole_chip(lenient, seed):
    """Accesses all over the chip, clock tree and resets included."""
    rng = random.Random(seed)
    models = [lenient[name] for name in NAMES]
    for _ in range(6000):
        model = rng.choice(models)
        offsets = [register.offset for register in model.REGISTERS] or [0]
        try:
            if rng.random() < 0.6:
                lenient.bus_write(model.base + rng.choice(offsets), random_value(rng), 4)
            else:
                lenient.bus_read(model.base + rng.choice(offsets), 4)
        except BusFault:
            pass
        if rng.random() < 0.1:
            lenient.advance(rng.choice((10, 1_000, 50_000)))
        if rng.random() < 0.002:
            lenient.reset(rng.choice(("pin", "software", "power-on")))
