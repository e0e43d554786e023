# SPDX-License-Identifier: MIT
"""What is common to the peripherals behind the two APB bridges."""

from ..peripheral import Peripheral


class ApbPeripheral(Peripheral):
    """The bridge knows words alone: it repeats a byte or a half-word over all 32 bits (RM0090 2.1).

    So a byte written to a 16-bit register lands in both its halves, which catches drivers, and DMA
    streams with the wrong PSIZE, that work on a bus with byte lanes.
    """

    def write(self, offset, value, width):
        if width == 1:
            value = (value & 0xFF) * 0x01010101
        elif width == 2:
            value = (value & 0xFFFF) * 0x00010001
        super().write(offset & ~3, value, 4)
