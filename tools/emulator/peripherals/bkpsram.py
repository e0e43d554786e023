# SPDX-License-Identifier: MIT
"""BKPSRAM: 4 KB of memory in the backup domain (RM0090 2.3.1, 5.1.2).

Differs from silicon: it keeps its contents over every reset, also without the backup regulator.
"""

from ..peripheral import Peripheral

SIZE_BYTES = 0x1000


class BackupSram(Peripheral):
    SIZE = SIZE_BYTES

    def __init__(self, machine, name="BKPSRAM", base=0x40024000, clock=("AHB1ENR", 18)):
        self.data = bytearray(SIZE_BYTES)
        super().__init__(machine, name, base, clock)

    def read(self, offset, width):
        return int.from_bytes(self.data[offset : offset + width], "little")

    def write(self, offset, value, width):
        pwr = self.machine.peripherals.get("PWR")
        if pwr is not None and not pwr.backup_writable:
            self.machine.report(f"write to {self.name}+0x{offset:03x} without PWR.CR.DBP: no effect")
            return
        self.data[offset : offset + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
