# SPDX-License-Identifier: MIT
"""DBGMCU: identity of the chip, debug behaviour (RM0090 38.16), in the core's PPB at 0xE0042000.

Differs from silicon: the freeze bits are stored only, since while a debugger holds the CPU virtual time
stands still for everything; TRACE_IOEN is reported.
"""

from ..peripheral import Peripheral, Register

IDCODE = 0x10076413  # device 0x413 (F405/407), revision Y


class Dbgmcu(Peripheral):
    REGISTERS = (
        Register(0x00, "IDCODE", IDCODE),
        Register(0x04, "CR", 0, write=0x000000C7, tagged=1 << 5),
        Register(0x08, "APB1_FZ", 0, write=0x06E01DFF),
        Register(0x0C, "APB2_FZ", 0, write=0x00070003),
    )

    def __init__(self, machine, name="DBGMCU", base=0xE0042000, clock=None):
        super().__init__(machine, name, base, clock)

    def reset(self):
        """Only a power-on resets these registers (RM0090 38.16.3)."""
        if not self.regs:
            super().reset()
