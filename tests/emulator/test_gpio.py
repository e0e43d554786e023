# SPDX-License-Identifier: MIT
"""GPIO: modes, levels, the lock (RM0090 chapter 8)."""

import pytest
from emulator.peripheral import GuestError

OUTPUT, ALTERNATE, ANALOG = 1, 2, 3


def mode(bus, port, pin, value):
    bus[f"{port}.MODER"] = bus[f"{port}.MODER"] & ~(3 << 2 * pin) | value << 2 * pin


@pytest.mark.parametrize(
    "port, moder, ospeedr, pupdr",
    (("GPIOA", 0xA8000000, 0, 0x64000000), ("GPIOB", 0x280, 0xC0, 0x100), ("GPIOI", 0, 0, 0)),
)
def test_gpio__reset_values(bus, port, moder, ospeedr, pupdr):
    assert (bus[f"{port}.MODER"], bus[f"{port}.OSPEEDR"], bus[f"{port}.PUPDR"]) == (moder, ospeedr, pupdr)


def test_gpio__output(bus):
    gpio = bus.machine["GPIOD"]
    assert gpio.output(12) is None
    mode(bus, "GPIOD", 12, OUTPUT)
    assert gpio.output(12) == 0
    bus["GPIOD.BSRR"] = 1 << 12
    assert gpio.output(12) == 1
    assert bus["GPIOD.ODR"] == bus["GPIOD.IDR"] == 1 << 12
    bus["GPIOD.BSRR"] = 1 << 28
    assert gpio.output(12) == 0


def test_gpio__set_beats_reset_in_bsrr(bus):
    bus["GPIOD.BSRR"] = 1 << 5 | 1 << 21
    assert bus["GPIOD.ODR"] == 1 << 5
    assert bus["GPIOD.BSRR"] == 0


def test_gpio__bsrr_by_halves(bus):
    bus.write("GPIOD.BSRR", 0x8001, width=2)
    assert bus["GPIOD.ODR"] == 0x8001
    bus.write("GPIOD.BSRR", 0x8000, width=2, byte=2)
    assert bus["GPIOD.ODR"] == 1


def test_gpio__open_drain(bus):
    gpio = bus.machine["GPIOC"]
    bus["GPIOC.OTYPER"] = 1 << 3
    mode(bus, "GPIOC", 3, OUTPUT)
    assert gpio.output(3) == 0
    bus["GPIOC.BSRR"] = 1 << 3
    assert gpio.output(3) is None
    gpio.set_input(3, 1)
    assert bus["GPIOC.IDR"] == 1 << 3
    gpio.set_input(3, 0)
    assert bus["GPIOC.IDR"] == 0


def test_gpio__input_and_pulls(bus):
    gpio = bus.machine["GPIOE"]
    gpio.set_input(4, 1)
    assert bus["GPIOE.IDR"] == 1 << 4
    gpio.set_input(4, None)
    assert bus["GPIOE.IDR"] == 0
    bus["GPIOE.PUPDR"] = 1 << 8
    assert bus["GPIOE.IDR"] == 1 << 4
    gpio.set_input(4, 0)
    assert bus["GPIOE.IDR"] == 0


def test_gpio__analog_reads_zero(bus):
    bus.machine["GPIOE"].set_input(4, 1)
    mode(bus, "GPIOE", 4, ANALOG)
    assert bus["GPIOE.IDR"] == 0


def test_gpio__alternate_function(bus):
    gpio = bus.machine["GPIOC"]
    bus["GPIOC.AFRL"] = 8 << 24
    bus["GPIOC.AFRH"] = 11 << 4
    assert gpio.alternate(6) is None
    mode(bus, "GPIOC", 6, ALTERNATE)
    mode(bus, "GPIOC", 9, ALTERNATE)
    assert (gpio.alternate(6), gpio.alternate(9)) == (8, 11)
    gpio.drive_alternate(6, 1)
    assert gpio.output(6) == 1
    assert bus["GPIOC.IDR"] == 1 << 6


def test_gpio__watch_hears_each_change_once(bus):
    heard = []
    bus.machine["GPIOE"].watch(2, heard.append)
    mode(bus, "GPIOE", 2, OUTPUT)
    bus["GPIOE.BSRR"] = 1 << 2
    bus["GPIOE.BSRR"] = 1 << 2 | 1 << 7
    mode(bus, "GPIOE", 2, 0)
    bus.machine["GPIOE"].reset()
    assert heard == [0, 1, None]


def test_gpio__conflict_is_reported(bus):
    bus.machine["GPIOE"].set_input(2, 1)
    with pytest.raises(GuestError, match="PE2 drives 0 against the board's 1"):
        mode(bus, "GPIOE", 2, OUTPUT)


def lock(bus, pins):
    for value in (1 << 16 | pins, pins, 1 << 16 | pins):
        bus["GPIOB.LCKR"] = value
    return bus["GPIOB.LCKR"]


def test_gpio__lock(bus):
    assert lock(bus, 0x8001) == 0x18001
    moder = bus["GPIOB.MODER"]
    for register in ("MODER", "OTYPER", "OSPEEDR", "PUPDR", "AFRL", "AFRH"):
        bus[f"GPIOB.{register}"] = 0xFFFFFFFF
    assert bus["GPIOB.MODER"] == 0x3FFFFFFC | moder & 0xC0000003
    assert bus["GPIOB.OTYPER"] == 0x7FFE
    assert bus["GPIOB.AFRL"] == 0xFFFFFFF0
    assert bus["GPIOB.AFRH"] == 0x0FFFFFFF
    bus["GPIOB.ODR"] = 0xFFFF
    assert bus["GPIOB.ODR"] == 0xFFFF
    bus["GPIOB.LCKR"] = 0
    assert bus["GPIOB.LCKR"] == 0x18001
    bus.machine["GPIOB"].reset()
    assert bus["GPIOB.LCKR"] == 0


@pytest.mark.parametrize(
    "steps", ((0x10001, 1), (0x10001, 1, 0x10003), (1, 0x10001, 1), (0x10001, 0x10001, 0x10001))
)
def test_gpio__broken_lock_sequence(bus, steps):
    for value in steps:
        bus["GPIOB.LCKR"] = value
    assert not bus["GPIOB.LCKR"] & 1 << 16
    bus["GPIOB.OTYPER"] = 1
    assert bus["GPIOB.OTYPER"] == 1
