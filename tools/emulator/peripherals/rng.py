# SPDX-License-Identifier: MIT
"""RNG: the random number generator (RM0090 chapter 24).

Differs from silicon: the numbers come from a seeded generator, the same ones in every run; a seed error
(SECS) occurs only on demand, fail_seed().
"""

from ..peripheral import Peripheral, Register
from .irqs import IRQ

CR_RNGEN, CR_IE = 1 << 2, 1 << 3
SR_DRDY, SR_CECS, SR_SECS, SR_CEIS, SR_SEIS = 1, 2, 4, 1 << 5, 1 << 6
PERIODS_PER_NUMBER = 40  # of RNG_CLK, RM0090 24.3.1


class Rng(Peripheral):
    """seed: what the numbers follow from."""

    REGISTERS = (
        Register(0x00, "CR", 0, write=CR_RNGEN | CR_IE, on_write="_write_cr"),
        Register(0x04, "SR", 0, w0c=SR_CEIS | SR_SEIS, on_read="_read_sr", on_write="_write_sr"),
        Register(0x08, "DR", 0, on_read="_read_dr"),
    )

    def __init__(self, machine, name="RNG", base=0x50060800, clock=("AHB2ENR", 6), seed=1):
        self.seed = seed
        self._state = seed
        self._event = None
        self._subscribed = False
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._ready_at = None
        self._seed_failed = False
        if self._event:
            self._event.cancel()
            self._event = None
        self.machine.irq(IRQ["HASH_RNG"], False)

    def fail_seed(self):
        """The analog source is stuck: SECS and SEIS are set, no numbers until RNGEN is toggled."""
        self._seed_failed = True
        self.regs[4] |= SR_SEIS
        self._ready_at = None
        self._update_irq()

    def _clock_ok(self):
        """RNG_CLK runs, and at no less than HCLK/16 (RM0090 24.3.2)."""
        if "RCC" not in self.machine.peripherals:
            return True
        clock = self.machine.clock
        return clock.rngclk > 0 and clock.rngclk * 16 >= clock.hclk

    def _period(self):
        hz = self.machine.clock.rngclk if "RCC" in self.machine.peripherals else 48_000_000
        return PERIODS_PER_NUMBER * 1_000_000_000 // hz

    def _start(self):
        """Begin the next number if the generator runs."""
        if self._event:
            self._event.cancel()
            self._event = None
        self._ready_at = None
        if not self.regs[0] & CR_RNGEN or self._seed_failed:
            return
        if not self._clock_ok():
            self.regs[4] |= SR_CEIS
            return
        self._ready_at = self.machine.now + self._period()
        if self.regs[0] & CR_IE:
            self._event = self.machine.at(self._period(), self._update_irq)

    def _clock_changed(self):
        if self.regs[0] & CR_RNGEN:
            self._start()
            self._update_irq()

    def _write_cr(self, register, old, value):
        if not self._subscribed and "RCC" in self.machine.peripherals:
            self._subscribed = True
            self.machine.clock.subscribe(self._clock_changed)
        changed = self.regs[0] ^ old
        if changed & CR_RNGEN:
            self._seed_failed = False
            self._start()
        elif changed & CR_IE and not self._drdy():
            self._start()
        self._update_irq()

    def _drdy(self):
        return self._ready_at is not None and self.machine.now >= self._ready_at

    def _read_sr(self, register):
        value = self.regs[4] | (SR_DRDY if self._drdy() else 0)
        if self.regs[0] & CR_RNGEN and not self._clock_ok():
            value |= SR_CECS
        return value | (SR_SECS if self._seed_failed else 0)

    def _write_sr(self, register, old, value):
        self._update_irq()

    def _read_dr(self, register):
        if not self._drdy():
            return 0
        # xorshift64*: deterministic, and good enough to pass for noise.
        state = self._state or 1
        state ^= state >> 12
        state ^= state << 25 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 27
        self._state = state
        self._start()
        self._update_irq()
        return (state * 0x2545F4914F6CDD1D & 0xFFFFFFFFFFFFFFFF) >> 32

    def _update_irq(self):
        pending = self._drdy() or self.regs[4] & (SR_CEIS | SR_SEIS)
        self.machine.irq(IRQ["HASH_RNG"], bool(self.regs[0] & CR_IE and pending))
