# SPDX-License-Identifier: MIT
"""A board without a CPU, on which the models are tested one by one against the reference manual."""

import pytest
from emulator.machine import Machine
from emulator.peripherals.map import MEMORY_MAP, create


@pytest.fixture
def machine():
    """Strict: whatever a model reports fails the test."""
    return Machine(strict=True)


class Bus:
    """Registers by name, as the CPU reaches them: bus["RCC.CR"], bus["RCC.CR"] = 1, bus.set("RCC.CR", 1)."""

    def __init__(self, machine):
        self.machine = machine

    def address(self, name):
        peripheral, _, register = name.partition(".")
        model = self.machine[peripheral]
        return model.base + model.register(register).offset

    def read(self, name, width=4, byte=0):
        return self.machine.bus_read(self.address(name) + byte, width)

    def write(self, name, value, width=4, byte=0):
        self.machine.bus_write(self.address(name) + byte, value, width)

    def __getitem__(self, name):
        return self.read(name)

    def __setitem__(self, name, value):
        self.write(name, value)

    def set(self, name, bits):
        self[name] = self[name] | bits

    def clear(self, name, bits):
        self[name] = self[name] & ~bits

    def irq(self, number):
        return self.machine.irq_lines.get(number, False)


@pytest.fixture
def chip(machine):
    """A bus with every peripheral of the chip but ETH and USB, as it is after power-on."""
    for entry in MEMORY_MAP:
        if entry[0] not in ("ETH", "OTG_FS"):
            create(machine, entry)
    return Bus(machine)


@pytest.fixture
def bus(chip):
    """The same with every clock enabled, HSI at 16 MHz and no prescaler, backup domain open."""
    for register in ("AHB1ENR", "AHB2ENR", "APB1ENR", "APB2ENR"):
        chip[f"RCC.{register}"] = 0xFFFFFFFF
    chip.set("PWR.CR", 1 << 8)
    return chip
