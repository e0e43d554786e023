# SPDX-License-Identifier: MIT
"""MAC management counters (RM0090 33.8.2).

Differs from silicon: nothing known.
"""

from ..peripheral import Register
from .eth_part import Part

MMCCR, MMCRIR, MMCTIR, MMCRIMR, MMCTIMR = 0x100, 0x104, 0x108, 0x10C, 0x110
TX_SINGLE, TX_MULTI, TX_GOOD = 0x14C, 0x150, 0x168
RX_CRC, RX_ALIGNMENT, RX_UNICAST = 0x194, 0x198, 0x1C4

RESET, STOP_ROLLOVER, RESET_ON_READ, FREEZE, PRESET, PRESET_FULL = 1, 2, 4, 8, 16, 32
RX_BITS = {RX_CRC: 1 << 5, RX_ALIGNMENT: 1 << 6, RX_UNICAST: 1 << 17}
TX_BITS = {TX_SINGLE: 1 << 14, TX_MULTI: 1 << 15, TX_GOOD: 1 << 21}
RX_MASK, TX_MASK = sum(RX_BITS.values()), sum(TX_BITS.values())
COUNTERS = (TX_SINGLE, TX_MULTI, TX_GOOD, RX_CRC, RX_ALIGNMENT, RX_UNICAST)


class Mmc(Part):
    """count(counter) adds one; `interrupts` is (receive, transmit) as MACSR shows them."""

    REGISTERS = (
        Register(MMCCR, "MMCCR", write=0x0000000E, on_write="write_mmc_control"),
        Register(MMCRIR, "MMCRIR", on_read="read_mmc_interrupt"),
        Register(MMCTIR, "MMCTIR", on_read="read_mmc_interrupt"),
        Register(MMCRIMR, "MMCRIMR", write=RX_MASK, on_write="write_mmc_mask"),
        Register(MMCTIMR, "MMCTIMR", write=TX_MASK, on_write="write_mmc_mask"),
        Register(TX_SINGLE, "MMCTGFSCCR", on_read="read_mmc_counter"),
        Register(TX_MULTI, "MMCTGFMSCCR", on_read="read_mmc_counter"),
        Register(TX_GOOD, "MMCTGFCR", on_read="read_mmc_counter"),
        Register(RX_CRC, "MMCRFCECR", on_read="read_mmc_counter"),
        Register(RX_ALIGNMENT, "MMCRFAECR", on_read="read_mmc_counter"),
        Register(RX_UNICAST, "MMCRGUFCR", on_read="read_mmc_counter"),
    )

    def write_mmc_control(self, register, old, value):
        regs = self.eth.regs
        if value & RESET:
            for counter in COUNTERS:
                regs[counter] = 0
        elif value & PRESET:  # near the half or the full value, "almost-half" and "almost-full" in the manual
            for counter in COUNTERS:
                regs[counter] = 0xFFFFFFF0 if value & PRESET_FULL else 0x7FFFFFF0

    def write_mmc_mask(self, register, old, value):
        self.eth.update_irq()

    def read_mmc_interrupt(self, register):
        value = self.eth.regs[register.offset]
        if value:
            self.eth.regs[register.offset] = 0
            self.eth.update_irq()
        return value

    def read_mmc_counter(self, register):
        regs = self.eth.regs
        value = regs[register.offset]
        if regs[MMCCR] & RESET_ON_READ:
            regs[register.offset] = 0
        where, bits = (MMCRIR, RX_BITS) if register.offset in RX_BITS else (MMCTIR, TX_BITS)
        if regs[where] & bits[register.offset]:
            regs[where] &= ~bits[register.offset]
            self.eth.update_irq()
        return value

    def count(self, counter):
        regs = self.eth.regs
        control = regs[MMCCR]
        if control & FREEZE:
            return
        value = regs[counter]
        if value == 0xFFFFFFFF:
            if control & STOP_ROLLOVER:
                return
            value = -1
        regs[counter] = value + 1
        if value + 1 == 0x80000000:
            where, bits = (MMCRIR, RX_BITS) if counter in RX_BITS else (MMCTIR, TX_BITS)
            regs[where] |= bits[counter]
            self.eth.update_irq()

    @property
    def interrupts(self):
        regs = self.eth.regs
        return bool(regs[MMCRIR] & ~regs[MMCRIMR]), bool(regs[MMCTIR] & ~regs[MMCTIMR])
