# SPDX-License-Identifier: MIT
"""CRC: the calculation unit, polynomial 0x04C11DB7 over words (RM0090 chapter 4).

Differs from silicon: a result is there at once instead of after four HCLK cycles (silicon holds the bus).
"""

from ..peripheral import Peripheral, Register

POLYNOMIAL = 0x04C11DB7


def _table():
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (POLYNOMIAL if value >> 31 else 0)) & 0xFFFFFFFF
        table.append(value)
    return tuple(table)


TABLE = _table()


class Crc(Peripheral):
    REGISTERS = (
        Register(0x00, "DR", 0xFFFFFFFF, widths=(4,), on_write="_write_dr"),
        Register(0x04, "IDR", 0, write=0xFF),
        Register(0x08, "CR", 0, on_write="_write_cr"),
    )

    def __init__(self, machine, name="CRC", base=0x40023000, clock=("AHB1ENR", 12)):
        super().__init__(machine, name, base, clock)

    def _write_dr(self, register, old, value):
        for shift in (24, 16, 8, 0):
            old = (old << 8 & 0xFFFFFFFF) ^ TABLE[old >> 24 ^ value >> shift & 0xFF]
        self.regs[0] = old

    def _write_cr(self, register, old, value):
        if value & 1:
            self.regs[0] = 0xFFFFFFFF
