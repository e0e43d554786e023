# SPDX-License-Identifier: MIT
"""FLASH: the flash interface and the 1 MB array behind it (RM0090 chapter 3).

Differs from silicon: data change at the start of an operation, so one that a reset cuts short is complete;
while the array is busy the CPU stands still only if the code that started the operation runs from flash
(code in RAM goes on, and a fetch or read of flash by it does not wait); caches and prefetch buffer are bits
only; x64 programming, which needs 8 V on VPP, is reported; at read protection level 1 a chip that was booted
from system memory or SRAM can neither program nor erase, but its reads are not refused; busy times are the
typical ones; the OTP area cannot be programmed.
"""

from ..peripheral import BusFault, Peripheral, Register
from .irqs import IRQ

FLASH_BASE = 0x08000000
SECTOR_SIZES = (0x4000,) * 4 + (0x10000,) + (0x20000,) * 7
SECTORS = tuple((FLASH_BASE + sum(SECTOR_SIZES[:n]), size) for n, size in enumerate(SECTOR_SIZES))
FLASH_SIZE = sum(SECTOR_SIZES)

# Busy times by PSIZE (x8, x16, x32), typical values of the STM32F407 data sheet, tables 40 and 41.
PROGRAM_NS = 16_000
ERASE_NS = {
    0x4000: (400_000_000, 300_000_000, 250_000_000),
    0x10000: (1_200_000_000, 700_000_000, 550_000_000),
    0x20000: (2_000_000_000, 1_300_000_000, 1_000_000_000),
}
MASS_ERASE_NS = (16_000_000_000, 11_000_000_000, 8_000_000_000)
OPTION_NS = 100_000_000

KEYS = (0x45670123, 0xCDEF89AB)
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)

SR_EOP, SR_OPERR, SR_WRPERR, SR_PGAERR, SR_PGPERR, SR_PGSERR, SR_BSY = (
    1,
    2,
    1 << 4,
    1 << 5,
    1 << 6,
    1 << 7,
    1 << 16,
)
CR_PG, CR_SER, CR_MER, CR_STRT, CR_EOPIE, CR_ERRIE, CR_LOCK = 1, 2, 4, 1 << 16, 1 << 24, 1 << 25, 1 << 31
OPTCR_OPTLOCK, OPTCR_OPTSTRT, OPTCR_WDG_SW = 1, 2, 1 << 5
OPTCR_RESET = 0x0FFFAAED
ACR_ICEN, ACR_DCEN, ACR_ICRST, ACR_DCRST = 1 << 9, 1 << 10, 1 << 11, 1 << 12


class Flash(Peripheral):
    """latency: wait states. program(): a CPU write to the array. option_bytes: what OPTCR loads at reset."""

    REGISTERS = (
        Register(0x00, "ACR", 0, write=0x1F07, on_write="_write_acr"),
        Register(0x04, "KEYR", 0, widths=(4,), on_write="_write_keyr"),
        Register(0x08, "OPTKEYR", 0, widths=(4,), on_write="_write_optkeyr"),
        Register(0x0C, "SR", 0, w1c=0xF3, on_read="_read_sr", on_write="_write_sr"),
        Register(0x10, "CR", CR_LOCK, write=0x8301037F & ~CR_LOCK, w1s=CR_LOCK, on_write="_write_cr"),
        Register(0x14, "OPTCR", OPTCR_RESET, write=0x0FFFFFEE, w1s=OPTCR_OPTLOCK, on_write="_write_optcr"),
    )

    def __init__(self, machine, name="FLASH", base=0x40023C00, clock=None):
        self.option_bytes = OPTCR_RESET & ~3
        self.erase_counts = [0] * len(SECTORS)
        self._event = None
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        if self._event:
            self._event.cancel()
        self._event = None
        self._key_step = self._option_step = 0
        self._locked_up = self._options_locked_up = False
        self._busy_until = 0
        self.regs[0x14] = self.option_bytes | OPTCR_OPTLOCK
        self._update_irq()

    @property
    def latency(self):
        return self.regs[0] & 7

    @property
    def busy(self):
        return self.machine.now < self._busy_until

    @property
    def protection(self):
        """Read protection level 0, 1 or 2 (3.7.3)."""
        return {0xAA: 0, 0xCC: 2}.get(self.option_bytes >> 8 & 0xFF, 1)

    @property
    def _closed(self):
        """Whether read protection keeps this boot mode from the array."""
        syscfg = self.machine.peripherals.get("SYSCFG")
        return self.protection == 1 and syscfg is not None and syscfg.booted_from != 0

    @property
    def hardware_watchdog(self):
        """Whether the option bytes start the IWDG at reset."""
        return not self.option_bytes & OPTCR_WDG_SW

    # Registers

    def _write_acr(self, register, old, value):
        new = self.regs[0]
        for reset, enable, name in ((ACR_ICRST, ACR_ICEN, "ICRST"), (ACR_DCRST, ACR_DCEN, "DCRST")):
            if new & reset and not old & reset and old & new & enable:
                self.machine.report(f"FLASH.ACR.{name} is set while its cache is enabled: no effect")
        if (new ^ old) & 7 and "RCC" in self.machine.peripherals:
            self.machine.clock.check_limits()

    def _write_keyr(self, register, old, value):
        self._key_step, self._locked_up = self._unlock(0x10, KEYS, self._key_step, self._locked_up, value)

    def _write_optkeyr(self, register, old, value):
        self._option_step, self._options_locked_up = self._unlock(
            0x14, OPTION_KEYS, self._option_step, self._options_locked_up, value
        )

    def _unlock(self, control, keys, step, locked_up, value):
        """One write to a key register; a wrong one locks `control` until reset, with a bus error.
        Keys for a register that is open already do nothing: drivers unlock twice."""
        lock = CR_LOCK if control == 0x10 else OPTCR_OPTLOCK
        if not self.regs[control] & lock and not locked_up:
            return 0, False
        if locked_up or value != keys[step]:
            self.regs[control] |= lock
            if control == 0x10:
                self._locked_up, self._key_step = True, 0
            else:
                self._options_locked_up, self._option_step = True, 0
            raise BusFault(self.base + (0x04 if control == 0x10 else 0x08))
        if step + 1 < len(keys):
            return step + 1, False
        self.regs[control] &= ~lock
        return 0, False

    def _read_sr(self, register):
        return self.regs[0x0C] | (SR_BSY if self.busy else 0)

    def _write_sr(self, register, old, value):
        self._update_irq()

    def _write_cr(self, register, old, value):
        self._wait_while_busy()
        if old & CR_LOCK:
            self.regs[0x10] = old
            if value & ~CR_LOCK != old & ~CR_LOCK:
                self.machine.report(f"FLASH.CR = 0x{value:08x} while locked: the write has no effect")
            return
        if self.regs[0x10] & CR_STRT and not old & CR_STRT:
            self._start_erase(self.regs[0x10])
        self._update_irq()

    def _write_optcr(self, register, old, value):
        if old & OPTCR_OPTLOCK:
            self.regs[0x14] = old
            if value & 0x0FFFFFFE != old & 0x0FFFFFFE:
                self.machine.report(f"FLASH.OPTCR = 0x{value:08x} while locked: the write has no effect")
            return
        if self.regs[0x14] & OPTCR_OPTSTRT:
            self._wait_while_busy()
            self._program_options(self.regs[0x14] & 0x0FFFFFEC)

    def _program_options(self, value):
        """Level 2 is for ever; from level 1 to 0 the whole array is erased (3.7.3)."""
        before = self.protection
        if before == 2:
            self._error(SR_WRPERR)
            return
        self.option_bytes = value
        duration = OPTION_NS
        if before == 1 and self.protection == 0:
            self._erase(range(len(SECTORS)))
            duration += MASS_ERASE_NS[2]
        self._begin(duration)

    def _update_irq(self):
        sr, cr = self.regs[0x0C], self.regs[0x10]
        self.machine.irq(
            IRQ["FLASH"], bool(sr & SR_EOP and cr & CR_EOPIE) or bool(sr & SR_OPERR and cr & CR_ERRIE)
        )

    # Operations

    def _wait_while_busy(self):
        """An access that the bus holds off until the running operation ends."""
        if self.busy:
            self.machine.stall(self._busy_until - self.machine.now)

    def _begin(self, duration):
        """The array is busy for `duration` from when it is free; code that runs from it stands still."""
        self._busy_until = max(self.machine.now, self._busy_until) + duration
        if self._event:
            self._event.cancel()
        self._event = self.machine.at(self._busy_until - self.machine.now, self._done)
        cpu = self.machine.cpu
        if cpu is not None and (cpu.pc < 0x10000000 or cpu.pc >> 16 == 0x1FFF):
            self.machine.stall(self._busy_until - self.machine.now)

    def _done(self):
        self._event = None
        self.regs[0x10] &= ~CR_STRT
        self.regs[0x14] &= ~OPTCR_OPTSTRT
        if self.regs[0x10] & CR_EOPIE:
            self.regs[0x0C] |= SR_EOP
        self._update_irq()

    def _error(self, flags):
        self.regs[0x0C] |= flags | (SR_OPERR if self.regs[0x10] & CR_ERRIE else 0)
        self._update_irq()

    def _protected(self, sector):
        return not self.regs[0x14] >> (16 + sector) & 1

    def _start_erase(self, cr):
        speed = min(cr >> 8 & 3, 2)
        if cr & CR_MER:
            sectors, duration = range(len(SECTORS)), MASS_ERASE_NS[speed]
        elif cr & CR_SER and not cr & CR_PG and cr >> 3 & 0xF < len(SECTORS):
            sectors = (cr >> 3 & 0xF,)
            duration = ERASE_NS[SECTORS[sectors[0]][1]][speed]
        else:
            self.regs[0x10] &= ~CR_STRT
            self._error(SR_PGSERR)
            self.machine.report(f"FLASH.CR = 0x{cr:08x}: STRT with no valid erase chosen")
            return
        if self._closed or any(self._protected(sector) for sector in sectors):
            self.regs[0x10] &= ~CR_STRT
            self._error(SR_WRPERR)
            return
        self._erase(sectors)
        self._begin(duration)

    def _erase(self, sectors):
        for sector in sectors:
            address, size = SECTORS[sector]
            self.machine.memory.write(address, b"\xff" * size)
            self.erase_counts[sector] += 1

    @staticmethod
    def sector_of(address):
        """Number of the sector that holds `address`."""
        return next(n for n, (base, size) in enumerate(SECTORS) if base <= address < base + size)

    def program(self, address, value, width):
        """The CPU wrote `width` bytes of `value` to the array. Programming only turns ones into zeros."""
        self._wait_while_busy()
        cr = self.regs[0x10]
        if not cr & CR_PG or cr & CR_LOCK or cr & (CR_SER | CR_MER):
            self._error(SR_PGSERR)
            self.machine.report(f"write of 0x{value:x} to flash at 0x{address:08x} without FLASH.CR.PG")
            return
        psize = 1 << (cr >> 8 & 3)
        if psize == 8:
            self.machine.report("FLASH.CR.PSIZE is x64, which needs 8 V on VPP")
        if width != psize:
            self._error(SR_PGPERR)
            return
        if address % width:
            self._error(SR_PGAERR)
            return
        if self._closed or self._protected(self.sector_of(address)):
            self._error(SR_WRPERR)
            return
        old = int.from_bytes(self.machine.memory.read(address, width), "little")
        self.machine.memory.write(address, (old & value).to_bytes(width, "little"))
        self._begin(PROGRAM_NS)
