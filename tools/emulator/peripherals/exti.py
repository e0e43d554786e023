# SPDX-License-Identifier: MIT
"""EXTI: the external interrupt and event controller (RM0090 chapter 12).

Differs from silicon: an edge takes no time, and no pulse is too short to be seen.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .irqs import IRQ

LINES = 23
LINE_MASK = (1 << LINES) - 1
PVD, RTC_ALARM, OTG_FS_WAKEUP, ETH_WAKEUP, OTG_HS_WAKEUP, TAMPER_STAMP, RTC_WAKEUP = range(16, 23)

# Interrupt -> the lines that raise it.
INTERRUPTS = (
    *((IRQ[f"EXTI{line}"], 1 << line) for line in range(5)),
    (IRQ["EXTI9_5"], 0x03E0),
    (IRQ["EXTI15_10"], 0xFC00),
    (IRQ["PVD"], 1 << PVD),
    (IRQ["RTC_Alarm"], 1 << RTC_ALARM),
    (IRQ["OTG_FS_WKUP"], 1 << OTG_FS_WAKEUP),
    (IRQ["ETH_WKUP"], 1 << ETH_WAKEUP),
    (IRQ["OTG_HS_WKUP"], 1 << OTG_HS_WAKEUP),
    (IRQ["TAMP_STAMP"], 1 << TAMPER_STAMP),
    (IRQ["RTC_WKUP"], 1 << RTC_WAKEUP),
)


class Exti(ApbPeripheral):
    """line(n, level): the level of an internal line; pin_changed(): GPIO tells of a pin."""

    REGISTERS = (
        Register(0x00, "IMR", 0, write=LINE_MASK, on_write="_write_mask"),
        Register(0x04, "EMR", 0, write=LINE_MASK),
        Register(0x08, "RTSR", 0, write=LINE_MASK),
        Register(0x0C, "FTSR", 0, write=LINE_MASK),
        Register(0x10, "SWIER", 0, w1s=LINE_MASK, on_write="_write_swier"),
        Register(0x14, "PR", 0, w1c=LINE_MASK, on_write="_write_pr"),
    )

    def __init__(self, machine, name="EXTI", base=0x40013C00, clock=None):
        self._levels = 0
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._update_irq()

    def line(self, number, level):
        """Line `number` is now at `level`: its edge detectors look."""
        if bool(self._levels >> number & 1) == bool(level):
            return
        self._levels ^= 1 << number
        self._edge(number, level)

    def pulse(self, number):
        """A short high pulse on an internal line."""
        self._edge(number, True)
        self._edge(number, False)

    def pin_changed(self, port, pin, level):
        """Pin `pin` of port number `port` (0 = A) changed; it counts if SYSCFG routes it to its line."""
        syscfg = self.machine.peripherals.get("SYSCFG")
        if (syscfg.exti_port(pin) if syscfg else 0) == port:
            self._edge(pin, level)

    def route_changed(self, line, before, after):
        """SYSCFG put another pin on `line`: going from one pin's level to the other's is an edge."""
        if before != after:
            self._edge(line, after)

    def _edge(self, number, rising):
        if self.regs[0x08 if rising else 0x0C] >> number & 1:
            self._trigger(1 << number)

    def _trigger(self, bits):
        self.regs[0x14] |= bits
        if bits & self.regs[0x04]:
            self.machine.cpu_event()
        self._update_irq()

    def _write_mask(self, register, old, value):
        self._update_irq()

    def _write_swier(self, register, old, value):
        started = self.regs[0x10] & ~old & (self.regs[0x00] | self.regs[0x04])
        if started:
            self._trigger(started)

    def _write_pr(self, register, old, value):
        self.regs[0x10] &= ~value
        self._update_irq()

    def _update_irq(self):
        pending = self.regs[0x14] & self.regs[0x00]
        for number, lines in INTERRUPTS:
            self.machine.irq(number, bool(pending & lines))
