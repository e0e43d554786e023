# SPDX-License-Identifier: MIT
"""Timers' outputs on pins: edges at their times, levels when read (RM0090 18.3.9, 8.3.2)."""

import pytest

CEN, ARPE = 1, 0x80
US = 1_000


def pwm(bus, port, pin, function, timer, channel, compare, psc=15, arr=99, mode=6, cr1=0):
    """A period of 100 us at 16 MHz, active for `compare` us, on a pin in alternate mode."""
    shift = 4 * (pin & 7)
    afr = f"GPIO{port}.AFR{'LH'[pin >> 3]}"
    bus[afr] = bus[afr] & ~(0xF << shift) | function << shift
    bus[f"GPIO{port}.MODER"] = bus[f"GPIO{port}.MODER"] & ~(3 << 2 * pin) | 2 << 2 * pin
    bus[f"{timer}.PSC"] = psc
    bus[f"{timer}.ARR"] = arr
    bus[f"{timer}.CCR{channel}"] = compare
    mode_register = f"{timer}.CCMR{1 + (channel - 1) // 2}_Output"
    bus.set(mode_register, (mode << 4 | 8) << 8 * ((channel - 1) & 1))
    bus.set(f"{timer}.CCER", 1 << 4 * (channel - 1))
    if timer in ("TIM1", "TIM8"):
        bus[f"{timer}.BDTR"] = 1 << 15
    bus[f"{timer}.EGR"] = 1
    bus[f"{timer}.CR1"] = cr1 | ARPE | CEN


def watch(bus, port, pin):
    edges = []
    bus.machine[f"GPIO{port}"].watch(pin, lambda level: edges.append((bus.machine.now, level)))
    return edges


@pytest.mark.parametrize(
    "port, pin, function, timer, channel",
    (
        ("D", 12, 2, "TIM4", 1),
        ("A", 3, 1, "TIM2", 4),
        ("A", 8, 1, "TIM1", 1),
        ("C", 9, 3, "TIM8", 4),
        ("E", 6, 3, "TIM9", 2),
        ("B", 8, 3, "TIM10", 1),
        ("B", 15, 9, "TIM12", 2),
        ("A", 7, 9, "TIM14", 1),
    ),
)
def test_tim_pins__edges(bus, port, pin, function, timer, channel):
    """Up at the beginning of each period, down at the compare value."""
    edges = watch(bus, port, pin)
    pwm(bus, port, pin, function, timer, channel, compare=30)
    start = bus.machine.now
    bus.machine.advance(250 * US)
    times = [(time - start, level) for time, level in edges if level is not None]
    fall_and_rise = [(30 * US, 0), (100 * US, 1), (130 * US, 0), (200 * US, 1), (230 * US, 0)]
    assert times[-5:] == fall_and_rise


def test_tim_pins__another_function_carries_nothing(bus):
    """PC9 is TIM3's under AF2 and TIM8's under AF3."""
    pwm(bus, "C", 9, 2, "TIM8", 4, compare=30)
    assert bus.machine["GPIOC"].output(9) is None
    bus["GPIOC.AFRH"] = 3 << 4
    assert bus.machine["GPIOC"].output(9) == 1
    bus["GPIOC.MODER"] = 0
    assert bus.machine["GPIOC"].output(9) is None


def test_tim_pins__read_without_edges(bus):
    """An output faster than anybody follows is right when it is looked at."""
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=4, psc=0, arr=15)
    assert bus.machine.scheduler.next_time() is None
    levels = []
    for _ in range(16):
        levels.append(bus["GPIOD.IDR"] >> 12 & 1)
        bus.machine.advance(125)  # two ticks
    assert levels == [1, 1, 0, 0, 0, 0, 0, 0] * 2


def test_tim_pins__duty_changes_at_the_next_period(bus):
    edges = watch(bus, "D", 12)
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=30)
    start = bus.machine.now
    bus.machine.advance(10 * US)
    bus["TIM4.CCR1"] = 60
    bus.machine.advance(190 * US)
    falls = [time - start for time, level in edges if level == 0 and time > start]
    assert falls == [30 * US, 160 * US]


def test_tim_pins__never_and_always(bus):
    edges = watch(bus, "D", 12)
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=0)
    bus.machine.advance(500 * US)
    bus["TIM4.CCR1"] = 100
    bus.machine.advance(500 * US)
    levels = [level for _, level in edges if level is not None]
    assert levels[-1] == 1 and levels.count(1) == 1


def test_tim_pins__down_and_center(bus):
    """Counting down the pin is active from the compare value on; up and down, round the turn at 0."""
    edges = watch(bus, "D", 12)
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=30, cr1=0x10)
    bus.machine.advance(1000 * US)
    high = [b - a for (a, up), (b, _) in zip(edges, edges[1:], strict=False) if up == 1]
    assert high[2:] and set(high[2:]) == {31 * US}
    bus["TIM4.CR1"] = 0
    edges.clear()
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=30, cr1=0x60)
    bus.machine.advance(1000 * US)
    rises = [time for time, level in edges if level == 1]
    high = [b - a for (a, up), (b, _) in zip(edges, edges[1:], strict=False) if up == 1]
    assert rises[3] - rises[2] == 198 * US
    assert high[2] == 60 * US


def test_tim_pins__edges_interrupt(bus):
    """EXTI sees them like any other pin's."""
    bus["SYSCFG.EXTICR4"] = 3
    bus["EXTI.IMR"] = bus["EXTI.RTSR"] = 1 << 12
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=30)
    bus["EXTI.PR"] = 1 << 12
    bus.machine.advance(50 * US)
    assert not bus["EXTI.PR"]
    bus.machine.advance(50 * US)
    assert bus["EXTI.PR"] == 1 << 12


def test_tim_pins__reset_lets_go(bus):
    pwm(bus, "D", 12, 2, "TIM4", 1, compare=30)
    bus.machine.reset("pin")
    assert bus.machine["GPIOD"].output(12) is None
    assert bus.machine.scheduler.next_time() is None
