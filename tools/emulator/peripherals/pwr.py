# SPDX-License-Identifier: MIT
"""PWR: power control (RM0090 chapter 5).

Differs from silicon: the supply never sags, so PVDO stays 0 and a brown-out never comes; the regulator is
ready 40 us after a change of VOS; the wake-up pin (EWUP) is watched only while in Standby; wake-up times
are the data sheet's typical ones, the flash's power-down (FPDS) adds none; only what ends Standby sets WUF,
and it sets no flag in RCC.CSR; the backup SRAM outlasts Standby without BRE, too.
"""

from ..peripheral import Register
from .apb import ApbPeripheral

CR_LPDS, CR_PDDS, CR_CWUF, CR_CSBF, CR_PVDE, CR_DBP, CR_VOS = 1, 2, 4, 8, 16, 1 << 8, 1 << 14
CSR_WUF, CSR_SBF, CSR_PVDO, CSR_BRR, CSR_EWUP, CSR_BRE, CSR_VOSRDY = 1, 2, 4, 8, 1 << 8, 1 << 9, 1 << 14
VOS_READY_NS = 40_000
BACKUP_REGULATOR_NS = 100_000


class Pwr(ApbPeripheral):
    """backup_writable: whether DBP opens the backup domain. scale: regulator scale, 1 or 2."""

    REGISTERS = (
        Register(0x00, "CR", CR_VOS, write=0x43F3, on_write="_write_cr"),
        Register(0x04, "CSR", 0, write=CSR_EWUP | CSR_BRE, on_read="_read_csr", on_write="_write_csr"),
    )

    def __init__(self, machine, name="PWR", base=0x40007000, clock=("APB1ENR", 28)):
        self._flags = 0
        self._backup_bits = 0
        super().__init__(machine, name, base, clock)

    def reset(self):
        """A reset leaves WUF, SBF and the backup regulator alone (RM0090 5.4.2)."""
        super().reset()
        self._vos_ready_at = 0
        self._bre_ready_at = 0
        self.regs[4] = self._backup_bits

    @property
    def backup_writable(self):
        return bool(self.regs[0] & CR_DBP)

    @property
    def scale(self):
        return 1 if self.regs[0] & CR_VOS else 2

    @property
    def low_power_regulator(self):
        return bool(self.regs[0] & CR_LPDS)

    def wake_pin_changed(self, level):
        """PA0, WKUP: GPIO tells of its level."""
        if level and self.regs[4] & CSR_EWUP:
            self.machine.wake_standby()

    @property
    def deep_sleep_mode(self):
        """ "stop" or "standby": what SLEEPDEEP means now."""
        return "standby" if self.regs[0] & CR_PDDS else "stop"

    def note_standby(self, woken):
        """Standby was entered (woken False), or left by a wake-up source (True)."""
        self._flags |= CSR_WUF if woken else CSR_SBF

    def _write_cr(self, register, old, value):
        if value & CR_CWUF:
            self._flags &= ~CSR_WUF
        if value & CR_CSBF:
            self._flags &= ~CSR_SBF
        if (self.regs[0] ^ old) & CR_VOS:
            rcc = self.machine.peripherals.get("RCC")
            if rcc is not None and rcc.enabled("CR", 24):
                self.regs[0] ^= CR_VOS
                self.machine.report(f"PWR.CR = 0x{value:08x} changes VOS while the PLL is on: no effect")
            self._vos_ready_at = self.machine.now + VOS_READY_NS

    def _write_csr(self, register, old, value):
        self._backup_bits = self.regs[4] & CSR_BRE
        if self.regs[4] & CSR_BRE and not old & CSR_BRE:
            self._bre_ready_at = self.machine.now + BACKUP_REGULATOR_NS

    def _read_csr(self, register):
        value = self.regs[4] | self._flags
        if self.machine.now >= self._vos_ready_at:
            value |= CSR_VOSRDY
        if value & CSR_BRE and self.machine.now >= self._bre_ready_at:
            value |= CSR_BRR
        return value
