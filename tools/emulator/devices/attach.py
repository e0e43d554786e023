# SPDX-License-Identifier: MIT
"""What `--attach` takes:

uart:USART2-UART4                   TX of each to RX of the other; the same name twice is a loop
wire:PD4-PD3                        a wire from an output to an input (also to a CTS)
i2c:PB6,PB9:24c32@0x50,lm75@0x48    SCL, SDA with pull-ups, and devices (there may be none)
spi:PB3,PB4,PB5:w25q16@PB0          SCK, MISO, MOSI and devices with their chip selects
"""

import re

from ..peripherals.usart import CTS_PINS
from .eeprom24 import Eeprom24
from .flash25 import Flash25
from .i2c_wires import I2cWires
from .lm75 import Lm75
from .spi_wires import SpiWires

I2C_DEVICES = {"24c32": Eeprom24, "lm75": Lm75}
SPI_DEVICES = {"w25q16": Flash25}


def _pin(text):
    if not re.fullmatch(r"P[A-I](1[0-5]|\d)", text):
        raise ValueError(f"no pin {text!r}")
    return text


def _pins(text, count):
    pins = [_pin(name) for name in text.split(",")]
    if len(pins) != count:
        raise ValueError(f"{count} pins are wanted: {text!r}")
    return pins


def _device(table, text):
    """(device class, what stands behind the @)"""
    name, _, place = text.partition("@")
    if name not in table or not place:
        raise ValueError(f"no device {text!r}: {', '.join(sorted(table))} with @PLACE")
    return table[name], place


def _uart(machine, first, second):
    for name in (first, second):
        if not re.fullmatch(r"US?ART[1-6]", name) or name not in machine.peripherals:
            raise ValueError(f"no UART {name!r}")
    machine[first].connect(machine[second])
    if first != second:
        machine[second].connect(machine[first])


class PinWire:
    """From an output of the chip to an input of it."""

    def __init__(self, machine, source, target):
        self._port, self._number = machine["GPIO" + target[1]], int(target[2:])
        names = [name for name, pins in CTS_PINS.items() if target[1:] in pins]
        self._usart = machine[names[0]] if names else None
        port, number = machine["GPIO" + source[1]], int(source[2:])
        port.watch(number, self._changed)
        self._changed(port.output(number))

    def _changed(self, level):
        self._port.set_input(self._number, level)
        if self._usart is not None:
            self._usart.set_cts(level == 0)


def attach(machine, spec):
    """Wire what `spec` says to `machine`'s pins; returns the wires. ValueError where it makes no sense."""
    kind, _, rest = spec.partition(":")
    if kind == "uart" and rest.count("-") == 1:
        return _uart(machine, *rest.split("-"))
    if kind == "wire" and rest.count("-") == 1:
        return PinWire(machine, *(_pin(text) for text in rest.split("-")))
    pins, _, devices = rest.partition(":")
    devices = [text for text in devices.split(",") if text]
    if kind == "i2c":
        made = (_device(I2C_DEVICES, text) for text in devices)
        return I2cWires(machine, *_pins(pins, 2), {int(place, 0): cls(machine) for cls, place in made})
    if kind == "spi":
        made = (_device(SPI_DEVICES, text) for text in devices)
        return SpiWires(machine, *_pins(pins, 3), [(cls(machine), _pin(place)) for cls, place in made])
    raise ValueError(f"cannot attach {spec!r}: uart:, wire:, i2c: or spi:")
