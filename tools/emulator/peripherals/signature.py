# SPDX-License-Identifier: MIT
"""The device's electronic signature: unique ID, flash size, calibration (RM0090 chapter 39).

Differs from silicon: a valid but invented unique ID; the OTP area reads as erased; the option bytes' memory
image at 0x1FFFC000 is absent (FLASH.OPTCR has them).
"""

import struct

from ..peripheral import Peripheral, Register

OTP_BASE = 0x1FFF7800
OTP_SIZE = 0x210
FLASH_KBYTES = 1024
VREFIN_CAL = 1501  # VREFINT 1.21 V at VDDA 3.3 V
TS_CAL1 = 958  # 0.7725 V at 30 C
TS_CAL2 = 1207  # 2.5 mV per degree: 0.9725 V at 110 C
DEFAULT_UID = (0x00350041, 0x33385117, 0x37363438)


class Signature(Peripheral):
    """Read-only words in system memory; the CPU reads them as memory, so reset() writes them there."""

    SIZE = 0x30
    REGISTERS = (
        Register(0x10, "U_ID1", DEFAULT_UID[0]),
        Register(0x14, "U_ID2", DEFAULT_UID[1]),
        Register(0x18, "U_ID3", DEFAULT_UID[2]),
        Register(0x20, "F_SIZE", FLASH_KBYTES << 16),
        Register(0x28, "VREFIN_CAL", VREFIN_CAL << 16),
        Register(0x2C, "TS_CAL", TS_CAL1 | TS_CAL2 << 16),
    )

    def __init__(
        self,
        machine,
        name="SIGNATURE",
        base=0x1FFF7A00,
        clock=None,
        uid=DEFAULT_UID,
        flash_kbytes=FLASH_KBYTES,
    ):
        self.uid = tuple(uid)
        self.flash_kbytes = flash_kbytes
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        for index, word in enumerate(self.uid):
            self.regs[0x10 + 4 * index] = word
        self.regs[0x20] = self.flash_kbytes << 16
        self.install()

    def install(self):
        """Write the signature into system memory (again, after the memory was replaced)."""
        self.machine.memory.write(OTP_BASE, b"\xff" * OTP_SIZE)
        for offset, value in self.regs.items():
            self.machine.memory.write(self.base + offset, struct.pack("<I", value))
