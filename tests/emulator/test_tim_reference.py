# SPDX-License-Identifier: MIT
"""The timer's arithmetic against a counter that ticks one by one, over random settings and accesses.

The model works out its state when somebody looks and plans only the events that show; this test looks at
random moments, watches the interrupt line in between, and changes settings on the way.
"""

import random

import pytest
from emulator.peripherals.irqs import IRQ

CEN, DIR, ARPE = 1, 0x10, 0x80
TICK_NS = 1_000  # prescaler 15 at 16 MHz


class Reference:
    """RM0090 18.3.2 word for word: a 16-bit counter with four compare channels."""

    def __init__(self, cms, down, arr, compare, preload):
        self.cms, self.down, self.arr, self.next_arr = cms, down, arr, arr
        self.compare = compare
        self.preload = preload
        self.count, self.flags, self.falling = 0, 0, False

    def update(self):
        self.flags |= 1
        self.arr = self.next_arr

    def set_arr(self, value):
        self.next_arr = value
        if not self.preload:
            self.arr = value

    def tick(self):
        wrapped = False
        if self.cms:
            self.falling = self.count >= self.arr or (self.falling and self.count > 0)
            self.count += -1 if self.falling else 1
            if self.count in (0, self.arr):
                self.update()
        elif self.down:
            if self.count == 0:
                self.update()
                self.count = self.arr
            else:
                self.count -= 1
        elif self.count == self.arr or self.count == 0xFFFF:
            self.count, wrapped = 0, True
            self.update()
        else:
            self.count += 1
        for channel, value in enumerate(self.compare):
            beyond = wrapped and value > self.arr  # CCxIF goes high at the overflow then
            if beyond or (value == self.count and self.match_counts()):
                self.flags |= 2 << channel

    def match_counts(self):
        """Center-aligned modes 1 and 2 flag only on the way down or up."""
        if self.cms == 1:
            return self.falling or self.count == self.arr
        if self.cms == 2:
            return not self.falling or self.count == 0
        return True


def settings(rng):
    cms = rng.choice((0, 0, 3))
    down = not cms and rng.random() < 0.3
    arr = rng.choice((1, 2, 7, 50, 333))
    compare = [rng.randint(1, max(1, arr - 1)) for _ in range(4)]
    if not cms and not down and rng.random() < 0.3:
        compare[3] = arr + 5
    return cms, down, arr, compare, rng.random() < 0.5


@pytest.mark.parametrize("seed", range(60))
def test_tim__agrees_with_a_ticking_counter(bus, seed):
    rng = random.Random(seed)
    cms, down, arr, compare, preload = settings(rng)
    reference = Reference(cms, down, arr, list(compare), preload)
    bus["TIM3.PSC"], bus["TIM3.ARR"] = 15, arr
    for channel, value in enumerate(compare):
        bus[f"TIM3.CCR{channel + 1}"] = value
    cr1 = cms << 5 | (DIR if down else 0) | (ARPE if preload else 0)
    bus["TIM3.CR1"] = cr1
    bus["TIM3.EGR"] = 1
    bus["TIM3.SR"] = 0
    bus["TIM3.CNT"] = 0
    bus["TIM3.SR"] = 0
    enabled = rng.getrandbits(5)
    bus["TIM3.DIER"] = enabled
    bus["TIM3.CR1"] = cr1 | CEN
    for step in range(600):
        ticks = rng.choice((1, 1, 1, 2, 5, 40, 1000 if step % 50 == 0 else 1))
        for _ in range(ticks):
            reference.tick()
        bus.machine.advance(ticks * TICK_NS)
        where = f"seed {seed} step {step}"
        assert bus.irq(IRQ["TIM3"]) == bool(reference.flags & enabled), where
        action = rng.random()
        if action < 0.3:
            assert bus["TIM3.CNT"] == reference.count, where
        elif action < 0.6:
            assert bus["TIM3.SR"] & 0x1F == reference.flags, where
        elif action < 0.8:
            bus["TIM3.SR"] = 0
            reference.flags = 0
        elif action < 0.85:
            enabled = rng.getrandbits(5)
            bus["TIM3.DIER"] = enabled
        elif action < 0.88 and not cms and (preload or down):
            value = rng.randint(max(compare) if down else 1, 400)
            bus["TIM3.ARR"] = value
            reference.set_arr(value)
            if down and not preload and reference.count > value:
                bus["TIM3.CNT"] = reference.count = value
