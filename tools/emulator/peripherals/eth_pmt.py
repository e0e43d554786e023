# SPDX-License-Identifier: MIT
"""Power management: sleep, magic packets, wake-up frames (RM0090 33.5.9).

Differs from silicon: in Stop mode the interrupt comes at the end of the frame, without the clocks' start-up.
"""

from ..peripheral import Register
from .eth_part import Part

MACRWUFFR, MACPMTCSR = 0x28, 0x2C
PD, MPE, WFE, MPR, WFR, GU, WFFRPR = 1, 2, 4, 1 << 5, 1 << 6, 1 << 9, 1 << 31


def crc16(data):
    """CRC-16 (x^16 + x^15 + x^2 + 1), preset to ones, as the wake-up filters use it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


class Pmt(Part):
    """asleep: frames are looked at and dropped."""

    REGISTERS = (
        Register(MACRWUFFR, "MACRWUFFR", on_read="read_wakeup_filter", on_write="write_wakeup_filter"),
        Register(MACPMTCSR, "MACPMTCSR", write=PD | MPE | WFE | GU, on_read="read_pmt", on_write="write_pmt"),
    )

    def __init__(self, eth):
        super().__init__(eth)
        self.filters = [0] * 8
        self.pointer = 0

    def reset(self):
        self.filters = [0] * 8
        self.pointer = 0

    def read_wakeup_filter(self, register):
        value = self.filters[self.pointer]
        self.pointer = (self.pointer + 1) & 7
        return value

    def write_wakeup_filter(self, register, old, value):
        self.filters[self.pointer] = value
        self.pointer = (self.pointer + 1) & 7

    def read_pmt(self, register):
        regs = self.eth.regs
        value = regs[MACPMTCSR]
        if value & (MPR | WFR):  # rc_r
            regs[MACPMTCSR] = value & ~(MPR | WFR)
            self.eth.update_irq()
        return value

    def write_pmt(self, register, old, value):
        if value & WFFRPR:
            self.pointer = 0
        if value & PD and not value & (MPE | WFE | GU):
            self.machine.report(f"{self.eth.name}.MACPMTCSR: PD without MPE, WFE or GU never wakes up")
        self.eth.take(register)

    @property
    def asleep(self):
        return bool(self.eth.used[MACPMTCSR] & PD)

    @property
    def interrupt(self):
        return bool(self.eth.regs[MACPMTCSR] & (MPR | WFR))

    def look(self, frame, passes):
        """A good frame while asleep: does it wake the MAC?"""
        control = self.eth.used[MACPMTCSR]
        if not passes:
            return
        if control & MPE and self._is_magic(frame):
            self._wake(MPR)
        elif control & GU and not frame[0] & 1:
            self._wake(WFR)
        elif control & WFE and any(self._matches(index, frame) for index in range(4)):
            self._wake(WFR)

    def _is_magic(self, frame):
        return b"\xff" * 6 + self.eth.filter.mac_address(0) * 16 in frame[12:]

    def _matches(self, index, frame):
        """Filter `index`: byte mask, command, offset, CRC-16 in the eight words of MACRWUFFR (figure 365)."""
        command = self.filters[4] >> (8 * index) & 15
        if not command & 1 or bool(command & 8) != bool(frame[0] & 1):
            return False
        offset = self.filters[5] >> (8 * index) & 0xFF
        wanted = self.filters[6 + index // 2] >> (16 * (index & 1)) & 0xFFFF
        mask = self.filters[index] & 0x7FFFFFFF
        chosen = bytes(frame[offset + i] for i in range(31) if mask >> i & 1 and offset + i < len(frame))
        return bool(chosen) and crc16(chosen) == wanted

    def _wake(self, flag):
        self.eth.regs[MACPMTCSR] = self.eth.regs[MACPMTCSR] & ~PD | flag
        self.eth.used[MACPMTCSR] = self.eth.regs[MACPMTCSR]
        self.eth.update_irq()
        self.eth.wake()
