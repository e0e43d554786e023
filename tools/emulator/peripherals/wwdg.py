# SPDX-License-Identifier: MIT
"""WWDG: the window watchdog, on PCLK1 (RM0090 chapter 22).

Differs from silicon: a change of PCLK1 counts from the next write to CR or CFR on.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .irqs import IRQ

NS = 1_000_000_000
CR_WDGA, CFR_EWI, SR_EWIF = 1 << 7, 1 << 9, 1


class Wwdg(ApbPeripheral):
    """expired: how often it has reset the chip."""

    REGISTERS = (
        Register(0x00, "CR", 0x7F, write=0x7F, w1s=CR_WDGA, on_read="_read_cr", on_write="_write_cr"),
        Register(0x04, "CFR", 0x7F, write=0x1FF, w1s=CFR_EWI, on_write="_write_cfr"),
        Register(0x08, "SR", 0, w0c=SR_EWIF, on_write="_write_sr"),
    )

    def __init__(self, machine, name="WWDG", base=0x40002C00, clock=("APB1ENR", 11)):
        self.expired = 0
        self._events = []
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._loaded_at, self._loaded = self.machine.now, 0x7F
        self._cancel()
        self._update_irq()

    def _cancel(self):
        for event in self._events:
            event.cancel()
        self._events = []

    def _step_ns(self):
        hz = self.machine.clock.pclk1 if "RCC" in self.machine.peripherals else 16_000_000
        return (4096 << (self.regs[4] >> 7 & 3)) * NS // max(hz, 1)

    def _count(self):
        if not self.regs[0] & CR_WDGA:
            return self._loaded
        return self._loaded - (self.machine.now - self._loaded_at) // self._step_ns()

    def _read_cr(self, register):
        return self.regs[0] & CR_WDGA | self._count() & 0x7F

    def _write_cr(self, register, old, value):
        count = self._loaded
        if old & CR_WDGA:
            count = self._loaded - (self.machine.now - self._loaded_at) // self._step_ns()
        self._load(value & 0x7F)
        if self.regs[0] & CR_WDGA:
            if not value & 0x40 or (old & CR_WDGA and count > self.regs[4] & 0x7F):
                self._expire()

    def _write_cfr(self, register, old, value):
        if (self.regs[4] ^ old) & 0x180 and self.regs[0] & CR_WDGA:
            new, self.regs[4] = self.regs[4], old
            count = self._count()
            self.regs[4] = new
            self._load(count)
        self._update_irq()

    def _load(self, count):
        """Start counting down from `count` now."""
        self._loaded_at, self._loaded = self.machine.now, count
        self._cancel()
        if self.regs[0] & CR_WDGA:
            step = self._step_ns()
            if count > 0x40:
                self._events.append(self.machine.at((count - 0x40) * step, self._early_warning))
            self._events.append(self.machine.at((count - 0x3F) * step, self._expire))

    def _early_warning(self):
        self.regs[8] |= SR_EWIF
        self._update_irq()

    def _expire(self):
        self._cancel()
        self.expired += 1
        self.machine.reset("wwdg")

    def _write_sr(self, register, old, value):
        self._update_irq()

    def _update_irq(self):
        self.machine.irq(IRQ["WWDG"], bool(self.regs[8] & SR_EWIF and self.regs[4] & CFR_EWI))
