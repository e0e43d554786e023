# SPDX-License-Identifier: MIT
"""EXTI and its routing in SYSCFG (RM0090 chapters 9 and 12)."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.exti import INTERRUPTS, LINES
from emulator.peripherals.irqs import IRQ


def test_exti__every_line_has_one_interrupt():
    assert sum(lines for _, lines in INTERRUPTS) == (1 << LINES) - 1
    table = dict(INTERRUPTS)
    assert table[IRQ["EXTI9_5"]] == 0x3E0 and table[IRQ["EXTI15_10"]] == 0xFC00
    assert table[IRQ["ETH_WKUP"]] == 1 << 19 and table[IRQ["OTG_FS_WKUP"]] == 1 << 18


def test_exti__rising_edge(bus):
    bus["EXTI.IMR"] = bus["EXTI.RTSR"] = 1
    button = bus.machine["GPIOA"]
    button.set_input(0, 1)
    assert bus["EXTI.PR"] == 1
    assert bus.irq(IRQ["EXTI0"])
    bus["EXTI.PR"] = 1
    assert bus["EXTI.PR"] == 0
    assert not bus.irq(IRQ["EXTI0"])
    button.set_input(0, 0)
    assert bus["EXTI.PR"] == 0


def test_exti__falling_edge_of_a_pulled_up_pin(bus):
    bus["SYSCFG.EXTICR4"] = 0
    bus["EXTI.FTSR"] = 1 << 15
    bus["EXTI.IMR"] = 1 << 15
    bus.machine["GPIOA"].set_input(15, 0)
    assert bus.irq(IRQ["EXTI15_10"])


def test_exti__masked_edge_stays_pending(bus):
    bus["EXTI.RTSR"] = 1
    bus.machine["GPIOA"].set_input(0, 1)
    assert bus["EXTI.PR"] == 1
    assert not bus.irq(IRQ["EXTI0"])
    bus["EXTI.IMR"] = 1
    assert bus.irq(IRQ["EXTI0"])


def test_exti__port_choice(bus):
    bus["SYSCFG.EXTICR2"] = 3 << 8
    bus["EXTI.IMR"] = bus["EXTI.RTSR"] = 1 << 6
    bus.machine["GPIOA"].set_input(6, 1)
    assert bus["EXTI.PR"] == 0
    bus.machine["GPIOD"].set_input(6, 1)
    assert bus["EXTI.PR"] == 1 << 6
    assert bus.irq(IRQ["EXTI9_5"])


def test_exti__routing_to_a_high_pin_is_an_edge(bus):
    bus["EXTI.RTSR"] = 1 << 2
    bus.machine["GPIOB"].set_input(2, 1)
    assert bus["EXTI.PR"] == 0
    bus["SYSCFG.EXTICR1"] = 1 << 8
    assert bus["EXTI.PR"] == 1 << 2


def test_exti__output_pins_count_too(bus):
    bus["EXTI.RTSR"] = 1 << 1
    bus["GPIOA.MODER"] = bus["GPIOA.MODER"] | 1 << 2
    bus["GPIOA.BSRR"] = 1 << 1
    assert bus["EXTI.PR"] == 1 << 1


def test_exti__software_interrupt(bus):
    bus["EXTI.SWIER"] = 1 << 3
    assert bus["EXTI.PR"] == 0
    bus["EXTI.PR"] = 1 << 3
    bus["EXTI.IMR"] = 1 << 3
    assert bus["EXTI.SWIER"] == 0
    bus["EXTI.SWIER"] = 1 << 3
    assert bus["EXTI.PR"] == 1 << 3
    assert bus.irq(IRQ["EXTI3"])
    bus["EXTI.PR"] = 1 << 3
    assert bus["EXTI.SWIER"] == 0


def test_exti__event_wakes_the_cpu(bus):
    events = []
    bus.machine.cpu_event = lambda: events.append(1)
    bus["EXTI.EMR"] = bus["EXTI.RTSR"] = 1
    bus.machine["GPIOA"].set_input(0, 1)
    assert events == [1]


def test_syscfg__phy_interface(bus):
    bus["RCC.AHB1RSTR"] = 1 << 25
    bus["SYSCFG.PMC"] = 1 << 23
    assert bus.machine["SYSCFG"].rmii
    bus["RCC.AHB1RSTR"] = 0
    with pytest.raises(GuestError, match="MII_RMII_SEL"):
        bus["SYSCFG.PMC"] = 0


def test_syscfg__remap_reaches_the_cpu(bus):
    modes = []
    bus.machine.remap = modes.append
    bus["SYSCFG.MEMRM"] = 1
    bus["SYSCFG.MEMRM"] = 1
    bus.machine["SYSCFG"].reset()
    assert modes == [1, 0]


def test_syscfg__compensation_cell(bus):
    bus["SYSCFG.CMPCR"] = 1
    assert not bus["SYSCFG.CMPCR"] & 1 << 8
    bus.machine.advance(100_000)
    assert bus["SYSCFG.CMPCR"] == 0x101
