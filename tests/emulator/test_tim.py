# SPDX-License-Identifier: MIT
"""TIM1 to TIM14: counting, updates, compare, PWM, interrupts (RM0090 chapters 17 to 20)."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ
from emulator.peripherals.tim import INTERRUPTS, KINDS

CEN, UDIS, URS, OPM, DIR, ARPE = 1, 2, 4, 8, 0x10, 0x80
UIF, CC1IF, CC2IF = 1, 2, 4
US = 1_000


def start(bus, name="TIM3", psc=15, arr=99, cr1=0):
    """A tick a microsecond, from 16 MHz."""
    bus[f"{name}.PSC"] = psc
    bus[f"{name}.ARR"] = arr
    bus[f"{name}.EGR"] = 1
    bus[f"{name}.SR"] = 0
    bus[f"{name}.CR1"] = cr1 | CEN


@pytest.mark.parametrize("name", KINDS)
def test_tim__counts_up(bus, name):
    start(bus, name)
    bus.machine.advance(42 * US)
    assert bus[f"{name}.CNT"] == 42
    assert bus[f"{name}.SR"] & UIF == 0
    bus.machine.advance(58 * US)
    assert bus[f"{name}.CNT"] == 0
    assert bus[f"{name}.SR"] & UIF
    bus.machine.advance(1_000_007 * US)
    assert bus[f"{name}.CNT"] == 7


@pytest.mark.parametrize("name", KINDS)
def test_tim__update_interrupt(bus, name):
    line = IRQ[INTERRUPTS.get(name, (name,))[0]]
    start(bus, name)
    bus[f"{name}.DIER"] = 1
    for _ in range(3):
        bus.machine.advance(100 * US - 1)
        assert not bus.irq(line)
        bus.machine.advance(1)
        assert bus.irq(line)
        bus[f"{name}.SR"] = 0
        assert not bus.irq(line)


def test_tim__two_timers_share_a_line(bus):
    line = IRQ["TIM1_UP_TIM10"]
    for name in ("TIM1", "TIM10"):
        start(bus, name)
        bus[f"{name}.DIER"] = 1
    bus.machine.advance(100 * US)
    bus["TIM1.SR"] = 0
    assert bus.irq(line)
    bus["TIM10.SR"] = 0
    assert not bus.irq(line)


def test_tim__no_event_without_interest(bus):
    """A timer that nobody listens to costs nothing: nothing of it is in the queue."""
    start(bus)
    assert bus.machine.scheduler.next_time() is None
    bus["TIM3.DIER"] = 1
    assert bus.machine.scheduler.next_time() is not None


def test_tim__32_bits(bus):
    start(bus, "TIM2", psc=0, arr=0xFFFFFFFF)
    bus.machine.advance(10_000_000_000)
    assert bus["TIM2.CNT"] == 160_000_000
    start(bus, "TIM3", psc=0, arr=0xFFFFFFFF)
    assert bus["TIM3.ARR"] == 0xFFFF


def test_tim__stops_and_goes_on(bus):
    start(bus)
    bus.machine.advance(30 * US)
    bus["TIM3.CR1"] = 0
    bus.machine.advance(50 * US)
    assert bus["TIM3.CNT"] == 30
    bus["TIM3.CR1"] = CEN
    bus.machine.advance(5 * US)
    assert bus["TIM3.CNT"] == 35


def test_tim__counts_down(bus):
    start(bus, cr1=DIR)
    bus["TIM3.CNT"] = 99
    bus.machine.advance(10 * US)
    assert bus["TIM3.CNT"] == 89
    bus.machine.advance(89 * US)
    assert (bus["TIM3.CNT"], bus["TIM3.SR"] & UIF) == (0, 0)
    bus.machine.advance(1 * US)
    assert (bus["TIM3.CNT"], bus["TIM3.SR"] & UIF) == (99, 1)


def test_tim__counts_up_and_down(bus):
    start(bus, arr=50, cr1=3 << 5)
    for wait, count in ((30, 30), (20, 50), (10, 40), (40, 0), (10, 10)):
        bus.machine.advance(wait * US)
        assert bus["TIM3.CNT"] == count


def test_tim__center_aligned_updates_at_both_ends(bus):
    start(bus, arr=50, cr1=1 << 5)
    bus["TIM3.DIER"] = 1
    for _ in range(4):
        bus.machine.advance(50 * US)
        assert bus["TIM3.SR"] & UIF
        bus["TIM3.SR"] = 0


def test_tim__prescaler_waits_for_the_update(bus):
    start(bus)
    bus["TIM3.PSC"] = 31
    bus.machine.advance(50 * US)
    assert bus["TIM3.CNT"] == 50
    bus.machine.advance(50 * US)
    bus.machine.advance(20 * US)
    assert bus["TIM3.CNT"] == 10


def test_tim__arr_with_and_without_preload(bus):
    start(bus)
    bus["TIM3.ARR"] = 49
    bus.machine.advance(60 * US)
    assert bus["TIM3.CNT"] == 10
    start(bus, cr1=ARPE)
    bus["TIM3.ARR"] = 49
    bus.machine.advance(60 * US)
    assert bus["TIM3.CNT"] == 60
    bus.machine.advance(40 * US + 60 * US)
    assert bus["TIM3.CNT"] == 10


def test_tim__arr_below_the_counter(bus):
    """The counter has passed the new end: it runs on to 0xFFFF first."""
    start(bus)
    bus.machine.advance(80 * US)
    bus["TIM3.ARR"] = 49
    bus.machine.advance(20 * US)
    assert bus["TIM3.CNT"] == 100
    bus.machine.advance((65536 - 100 + 5) * US)
    assert bus["TIM3.CNT"] == 5


def test_tim__arr_zero_blocks_the_counter(bus):
    start(bus, arr=0)
    bus.machine.advance(1_000 * US)
    assert (bus["TIM3.CNT"], bus["TIM3.SR"]) == (0, 0)
    bus["TIM3.ARR"] = 99
    bus.machine.advance(10 * US)
    assert bus["TIM3.CNT"] == 10


def test_tim__one_pulse(bus):
    start(bus, "TIM6", cr1=OPM)
    bus.machine.advance(1_000 * US)
    assert bus["TIM6.CR1"] & CEN == 0
    assert (bus["TIM6.CNT"], bus["TIM6.SR"]) == (0, UIF)


def test_tim__ug_and_urs(bus):
    bus["TIM3.EGR"] = 1
    assert bus["TIM3.SR"] == UIF
    bus["TIM3.SR"] = 0
    bus["TIM3.CR1"] = URS
    bus["TIM3.EGR"] = 1
    assert bus["TIM3.SR"] == 0


def test_tim__udis(bus):
    start(bus, cr1=UDIS)
    bus["TIM3.PSC"] = 0
    bus.machine.advance(150 * US)
    assert (bus["TIM3.CNT"], bus["TIM3.SR"] & UIF) == (50, 0)


def test_tim__repetition_counter(bus):
    bus["TIM1.RCR"] = 2
    start(bus, "TIM1")
    bus["TIM1.DIER"] = 1
    bus.machine.advance(250 * US)
    assert not bus["TIM1.SR"] & UIF
    bus.machine.advance(50 * US)
    assert bus["TIM1.SR"] & UIF


def test_tim__compare_interrupt(bus):
    bus["TIM3.CCR1"], bus["TIM3.CCR2"] = 30, 60
    start(bus)
    bus["TIM3.DIER"] = 2
    bus.machine.advance(30 * US - 1)
    assert not bus.irq(IRQ["TIM3"])
    bus.machine.advance(1)
    assert bus.irq(IRQ["TIM3"])
    assert bus["TIM3.SR"] & (CC1IF | CC2IF) == CC1IF
    bus["TIM3.SR"] = ~CC1IF & 0xFFFF
    assert not bus.irq(IRQ["TIM3"])
    bus.machine.advance(100 * US)
    assert bus.irq(IRQ["TIM3"])
    assert bus["TIM3.SR"] & CC2IF


def test_tim__compare_beyond_arr_matches_at_overflow(bus):
    bus["TIM3.CCR1"] = 200
    start(bus)
    bus["TIM3.SR"] = 0
    bus.machine.advance(99 * US)
    assert not bus["TIM3.SR"] & CC1IF
    bus.machine.advance(1 * US)
    assert bus["TIM3.SR"] & CC1IF


def test_tim__cc_interrupt_of_tim1_has_its_own_line(bus):
    bus["TIM1.CCR1"] = 10
    start(bus, "TIM1")
    bus["TIM1.DIER"] = 2
    bus.machine.advance(10 * US)
    assert bus.irq(IRQ["TIM1_CC"]) and not bus.irq(IRQ["TIM1_UP_TIM10"])


def test_tim__pwm(bus):
    bus["TIM3.CCMR1_Output"] = 6 << 4 | 1 << 3 | 7 << 12
    bus["TIM3.CCR1"] = bus["TIM3.CCR2"] = 25
    bus["TIM3.CCER"] = 1 | 1 << 4
    start(bus)
    timer = bus.machine["TIM3"]
    assert timer.frequency() == 10_000
    levels = []
    for _ in range(100):
        levels.append((timer.output_level(1), timer.output_level(2)))
        bus.machine.advance(1 * US)
    assert levels == [(1, 0)] * 25 + [(0, 1)] * 75
    assert timer.output_level(3) is None


def test_tim__ccr_preload(bus):
    bus["TIM3.CCMR1_Output"] = 6 << 4 | 1 << 3
    bus["TIM3.CCR1"] = 25
    bus["TIM3.CCER"] = 1
    start(bus)
    bus["TIM3.CCR1"] = 75
    bus.machine.advance(50 * US)
    assert bus.machine["TIM3"].output_level(1) == 0
    bus.machine.advance(100 * US)
    assert bus.machine["TIM3"].output_level(1) == 1


def test_tim__toggle_and_forced(bus):
    timer = bus.machine["TIM3"]
    bus["TIM3.CCER"] = 1
    bus["TIM3.CCMR1_Output"] = 5 << 4
    assert timer.output_level(1) == 1
    bus["TIM3.CCMR1_Output"] = 4 << 4
    assert timer.output_level(1) == 0
    bus["TIM3.CCER"] = 3
    assert timer.output_level(1) == 1
    bus["TIM3.CCER"] = 1
    bus["TIM3.CCMR1_Output"] = 3 << 4
    bus["TIM3.CCR1"] = 10
    start(bus)
    bus.machine.advance(50 * US)
    assert timer.output_level(1) == 1
    bus.machine.advance(7 * 100 * US)
    assert timer.output_level(1) == 0


def test_tim__moe_gates_the_advanced_timer(bus):
    bus["TIM1.CCMR1_Output"] = 5 << 4
    bus["TIM1.CCER"] = 1
    assert bus.machine["TIM1"].output_level(1) is None
    bus["TIM1.BDTR"] = 1 << 15
    assert bus.machine["TIM1"].output_level(1) == 1


def test_tim__follows_its_bus_clock(bus):
    start(bus)
    bus.machine.advance(10 * US)
    bus["RCC.CFGR"] = 8 << 4
    bus.machine.advance(10 * US)
    assert bus["TIM3.CNT"] == 15


def test_tim__no_fraction_is_lost(bus):
    """84 MHz has no whole number of ns in a tick: after a second the count is right to the tick."""
    start(bus, psc=0, arr=999)
    bus["RCC.CFGR"] = 0
    bus["TIM3.PSC"] = 6
    bus["TIM3.EGR"] = 1
    bus["TIM3.DIER"] = 1
    bus["TIM3.SR"] = 0
    updates = 0
    for _ in range(1000):
        bus.machine.advance(1_000_000)
        if bus["TIM3.SR"] & UIF:
            updates += 1
            bus["TIM3.SR"] = 0
    assert updates == 1000
    assert bus["TIM3.CNT"] == 16_000_000 // 7 % 1000


def test_tim__dma_on_update(bus):
    bus.machine.memory.write(0x20000000, bytes(range(8)))
    bus["DMA1.S6PAR"] = bus.address("TIM3.CCR1")
    bus["DMA1.S2M0AR"] = 0x20000000
    bus["DMA1.S2PAR"] = bus.address("TIM3.CCR2")
    bus["DMA1.S2NDTR"] = 4
    bus["DMA1.S2CR"] = 5 << 25 | 1 << 13 | 1 << 11 | 1 << 10 | 1 << 6 | 1
    start(bus)
    bus["TIM3.DIER"] = 1 << 8
    values = []
    for _ in range(4):
        bus.machine.advance(100 * US)
        bus.machine.advance(1 * US)
        values.append(bus["TIM3.CCR2"])
    assert values == [0x0100, 0x0302, 0x0504, 0x0706]
    assert bus["DMA1.LISR"] >> 16 & 0x20


@pytest.mark.parametrize(
    "register, value",
    (("SMCR", 7), ("CCMR1_Output", 1), ("SMCR", 1 << 14), ("CR2", 1 << 7)),
)
def test_tim__unmodelled_modes(bus, register, value):
    with pytest.raises(GuestError, match="not modelled"):
        bus[f"TIM3.{register}"] = value
