# SPDX-License-Identifier: MIT
"""A peripheral that the chip has and the emulator has not: every access is reported by name.

Differs from silicon: everything.
"""

from ..peripheral import Peripheral


class Unmodelled(Peripheral):
    REGISTERS = ()

    def __init__(self, machine, name, base, clock=None, size=0x400):
        self.SIZE = size
        super().__init__(machine, name, base, clock)
