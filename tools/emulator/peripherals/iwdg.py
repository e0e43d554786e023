# SPDX-License-Identifier: MIT
"""IWDG: the independent watchdog, on the LSI (RM0090 chapter 21).

Differs from silicon: the LSI runs at exactly 32 kHz; a new prescaler or reload value takes five LSI periods.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .rcc import LSI_HZ

NS = 1_000_000_000
KEY_ACCESS, KEY_RELOAD, KEY_START = 0x5555, 0xAAAA, 0xCCCC
SR_PVU, SR_RVU = 1, 2
UPDATE_NS = 5 * NS // LSI_HZ


class Iwdg(ApbPeripheral):
    """running: started, by key or by the option bytes. expired: how often it has reset the chip."""

    REGISTERS = (
        Register(0x00, "KR", 0, on_write="_write_kr"),
        Register(0x04, "PR", 0, write=7, on_write="_write_pr"),
        Register(0x08, "RLR", 0xFFF, write=0xFFF, on_write="_write_rlr"),
        Register(0x0C, "SR", 0, on_read="_read_sr"),
    )

    def __init__(self, machine, name="IWDG", base=0x40003000, clock=None):
        self.expired = 0
        self._event = None
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        if self._event:
            self._event.cancel()
            self._event = None
        self.running = False
        self._open = False
        self._updating = {SR_PVU: 0, SR_RVU: 0}
        flash = self.machine.peripherals.get("FLASH")
        if flash is not None and flash.hardware_watchdog:
            self._start()

    @property
    def timeout_ns(self):
        """ns from a reload to the reset."""
        return (4 << min(self.regs[4], 6)) * (self.regs[8] + 1) * NS // LSI_HZ

    def _start(self):
        self.running = True
        self._reload()

    def _reload(self):
        """Push the deadline; the one event in the queue looks at it when its time comes."""
        self._deadline = self.machine.now + self.timeout_ns
        if self._event is None or self._deadline < self._event.time:
            if self._event:
                self._event.cancel()
            self._event = self.machine.at(self.timeout_ns, self._check)

    def _check(self):
        self._event = None
        if self.machine.now < self._deadline:
            self._event = self.machine.at(self._deadline - self.machine.now, self._check)
            return
        self.expired += 1
        self.running = False
        self.machine.reset("iwdg")

    def _write_kr(self, register, old, value):
        self._open = value == KEY_ACCESS
        if value == KEY_START:
            self._start()
        elif value == KEY_RELOAD and self.running:
            self._reload()

    def _write_pr(self, register, old, value):
        self._update(register, old, value, SR_PVU)

    def _write_rlr(self, register, old, value):
        self._update(register, old, value, SR_RVU)

    def _update(self, register, old, value, flag):
        if not self._open or self.machine.now < self._updating[flag]:
            self.regs[register.offset] = old
            why = "while the last one is under way" if self._open else "without key 0x5555"
            self.machine.report(f"IWDG.{register.name} = 0x{value:x} {why}: the write has no effect")
            return
        self._updating[flag] = self.machine.now + UPDATE_NS

    def _read_sr(self, register):
        return sum(flag for flag, until in self._updating.items() if self.machine.now < until)
