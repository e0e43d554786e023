# SPDX-License-Identifier: MIT
"""RCC: reset and clock control (RM0090 chapter 7).

Differs from silicon: start-up times are the data sheet's typical ones, always the same; a switch of the
system clock takes no time once its source is ready; HSICAL reads 0x80; HSITRIM does not move the HSI;
the clock outputs (MCO) drive no pin; spread spectrum (SSCGEN) is reported; the LPENR bits are stored but
clocks do not stop in Sleep; a PLL that is set outside its limits is reported and never locks.
"""

from ..peripheral import Peripheral, Register
from .irqs import IRQ, NMI

HSI_HZ = 16_000_000
LSI_HZ = 32_000

# Start-up times in ns, typical values of the STM32F407 data sheet (tables 36 to 41).
HSI_START_NS = 2_200
HSE_START_NS = 2_000_000
HSE_BYPASS_START_NS = 1_000
LSE_START_NS = 2_000_000_000
LSI_START_NS = 15_000
PLL_LOCK_NS = 200_000

CR_HSION, CR_HSIRDY = 1 << 0, 1 << 1
CR_HSEON, CR_HSERDY, CR_HSEBYP, CR_CSSON = 1 << 16, 1 << 17, 1 << 18, 1 << 19
CR_PLLON, CR_PLLRDY, CR_PLLI2SON, CR_PLLI2SRDY = 1 << 24, 1 << 25, 1 << 26, 1 << 27
PLLCFGR_PLLSRC = 1 << 22
BDCR_LSEON, BDCR_LSERDY, BDCR_LSEBYP, BDCR_RTCEN, BDCR_BDRST = 1 << 0, 1 << 1, 1 << 2, 1 << 15, 1 << 16
CSR_LSION, CSR_LSIRDY, CSR_RMVF = 1 << 0, 1 << 1, 1 << 24
CIR_CSSF, CIR_CSSC = 1 << 7, 1 << 23

# Reset flags in CSR. Every internal reset also pulls NRST low, which sets PINRSTF (RM0090 7.1.1).
RESET_FLAGS = {
    "power-on": 1 << 27 | 1 << 26 | 1 << 25,
    "pin": 1 << 26,
    "software": 1 << 28 | 1 << 26,
    "iwdg": 1 << 29 | 1 << 26,
    "wwdg": 1 << 30 | 1 << 26,
    "low-power": 1 << 31 | 1 << 26,
    "standby": 0,
}
RESET_FLAG_MASK = 0xFE000000

# name -> (register, ON bit, RDY bit, bit number in CIR)
OSCILLATORS = {
    "LSI": ("CSR", CSR_LSION, CSR_LSIRDY, 0),
    "LSE": ("BDCR", BDCR_LSEON, BDCR_LSERDY, 1),
    "HSI": ("CR", CR_HSION, CR_HSIRDY, 2),
    "HSE": ("CR", CR_HSEON, CR_HSERDY, 3),
    "PLL": ("CR", CR_PLLON, CR_PLLRDY, 4),
    "PLLI2S": ("CR", CR_PLLI2SON, CR_PLLI2SRDY, 5),
}
SYSTEM_SOURCES = ("HSI", "HSE", "PLL", None)
AHB_SHIFTS = (0,) * 8 + (1, 2, 3, 4, 6, 7, 8, 9)
APB_SHIFTS = (0, 0, 0, 0, 1, 2, 3, 4)

MAX_HCLK_HZ = 168_000_000
MAX_HCLK_SCALE2_HZ = 144_000_000
MAX_PCLK1_HZ = 42_000_000
MAX_PCLK2_HZ = 84_000_000
HZ_PER_WAIT_STATE = 30_000_000  # 2.7 to 3.6 V, RM0090 table 10


class Rcc(Peripheral):
    """The clock tree in Hz (sysclk hclk pclk1 pclk2 timclk1 timclk2 usbclk rngclk plli2sclk rtcclk), resets,
    enables. 0 Hz means that the clock does not run."""

    REGISTERS = (
        Register(0x00, "CR", 0x00000083 | 0x80 << 8, write=0x050D00F9, on_write="_write_cr"),
        Register(0x04, "PLLCFGR", 0x24003010, write=0x0F437FFF, on_write="_write_pllcfgr"),
        Register(0x08, "CFGR", 0, write=0xFFFFFCF3, on_write="_write_cfgr"),
        Register(0x0C, "CIR", 0, write=0x00003F00, on_write="_write_cir"),
        Register(0x10, "AHB1RSTR", 0, write=0x226011FF, on_write="_write_rstr"),
        Register(0x14, "AHB2RSTR", 0, write=0x000000C1, on_write="_write_rstr"),
        Register(0x18, "AHB3RSTR", 0, write=0x00000001, on_write="_write_rstr"),
        Register(0x20, "APB1RSTR", 0, write=0x36FEC9FF, on_write="_write_rstr"),
        Register(0x24, "APB2RSTR", 0, write=0x00075933, on_write="_write_rstr"),
        Register(0x30, "AHB1ENR", 0x00100000, write=0x7E7411FF, on_write="_write_enr"),
        Register(0x34, "AHB2ENR", 0, write=0x000000C1, on_write="_write_enr"),
        Register(0x38, "AHB3ENR", 0, write=0x00000001, on_write="_write_enr"),
        Register(0x40, "APB1ENR", 0, write=0x36FEC9FF, on_write="_write_enr"),
        Register(0x44, "APB2ENR", 0, write=0x00075F33, on_write="_write_enr"),
        Register(0x50, "AHB1LPENR", 0x7E6791FF, write=0x7E6791FF),
        Register(0x54, "AHB2LPENR", 0x000000F1, write=0x000000F1),
        Register(0x58, "AHB3LPENR", 0x00000001, write=0x00000001),
        Register(0x60, "APB1LPENR", 0x36FEC9FF, write=0x36FEC9FF),
        Register(0x64, "APB2LPENR", 0x00075F33, write=0x00075F33),
        Register(0x70, "BDCR", 0, write=0x00018305, on_write="_write_bdcr"),
        Register(0x74, "CSR", 0x0E000000, write=CSR_LSION, on_write="_write_csr"),
        Register(0x80, "SSCGR", 0, write=0x4FFFFFFF, tagged=1 << 31),
        Register(0x84, "PLLI2SCFGR", 0x20003000, write=0x70007FC0, on_write="_write_plli2scfgr"),
    )
    OFFSETS = {register.name: register.offset for register in REGISTERS}

    def __init__(
        self,
        machine,
        name="RCC",
        base=0x40023800,
        clock=None,
        hse_hz=8_000_000,
        lse_hz=32_768,
        hse_bypass=False,
    ):
        """hse_hz, lse_hz: what is soldered to OSC_IN and OSC32_IN; 0 where nothing is.
        hse_bypass: OSC_IN is fed by a clock from outside, so the HSE runs only with HSEBYP set."""
        self.hse_hz = hse_hz
        self.lse_hz = lse_hz
        self.hse_bypass = hse_bypass
        self._subscribers = []
        self._hse_failed = False
        self._events = {}
        self._clocks = None
        self.stopped = False  # Stop and Standby: no clock but the LSI and the LSE
        self.regs = {}
        super().__init__(machine, name, base, clock)

    # Reset

    def reset(self):
        """A system reset: all but the backup domain and the reset flags."""
        bdcr = self.regs.get(self.OFFSETS["BDCR"], 0)
        flags = self.regs.get(self.OFFSETS["CSR"], RESET_FLAGS["power-on"]) & RESET_FLAG_MASK
        for oscillator, event in list(self._events.items()):
            if oscillator != "LSE":
                event.cancel()
                del self._events[oscillator]
        super().reset()
        self.stopped = False
        self._set("BDCR", bdcr)
        self._set("CSR", flags)
        self._update()

    def note_reset(self, cause):
        """Set CSR's flags after a reset by `cause`; a power-on also resets the backup domain."""
        flags = RESET_FLAGS[cause]
        if cause == "power-on":
            self._set("CSR", self._get("CSR") & ~RESET_FLAG_MASK)
            self.backup_reset()
        self._set("CSR", self._get("CSR") | flags)

    def backup_reset(self):
        """The backup domain to its reset state: BDCR and the RTC."""
        self._set("BDCR", 0)
        self._update()
        rtc = self.machine.peripherals.get("RTC")
        if rtc is not None:
            rtc.backup_reset()

    def enter_stop(self):
        """Every clock of the 1.2 V domain stops (RM0090 5.3.5); LSI and LSE go on."""
        self.stopped = True
        self._update()

    def stop_wakeup(self):
        """What the clocks are after Stop mode: HSI on and selected, HSE and PLLs off (RM0090 5.3.5)."""
        self.stopped = False
        self._set(
            "CR", self._get("CR") & ~(CR_HSEON | CR_PLLON | CR_PLLI2SON | CR_CSSON) | CR_HSION | CR_HSIRDY
        )
        self._set("CFGR", self._get("CFGR") & ~0xF)
        self._update()

    # For other models

    def enabled(self, register, bit):
        """Whether bit `bit` of an enable register is set, and the clock behind it runs."""
        return not self.stopped and bool(self.regs[self.OFFSETS[register]] >> bit & 1)

    def in_reset(self, register, bit):
        """Whether bit `bit` of a reset register holds its peripheral in reset."""
        return bool(self.regs[self.OFFSETS[register]] >> bit & 1)

    def subscribe(self, function):
        """Call function() after every change of a frequency."""
        self._subscribers.append(function)

    @property
    def lsi_hz(self):
        return LSI_HZ if self._get("CSR") & CSR_LSIRDY else 0

    @property
    def lse_running_hz(self):
        return self.lse_hz if self._get("BDCR") & BDCR_LSERDY else 0

    def fail_hse(self, failed=True):
        """The crystal stops (or comes back). With CSSON the clock security system steps in."""
        self._hse_failed = failed
        cr = self._get("CR")
        if failed and cr & CR_HSERDY:
            if cr & CR_CSSON:
                self._set("CIR", self._get("CIR") | CIR_CSSF)
                cr &= ~(CR_HSEON | CR_CSSON)
                source = SYSTEM_SOURCES[self._get("CFGR") & 3]
                if source == "HSE" or (source == "PLL" and self._pll_source() == "HSE"):
                    cr = cr & ~CR_PLLON | CR_HSION | CR_HSIRDY
                    self._set("CFGR", self._get("CFGR") & ~0xF)
                self._set("CR", cr)
            self._update()
            self._update_irq()

    # Registers

    def _get(self, name):
        return self.regs[self.OFFSETS[name]]

    def _set(self, name, value):
        self.regs[self.OFFSETS[name]] = value

    def _write_cr(self, register, old, value):
        new = self._get("CR")
        used = self._in_use()
        if "HSI" in used:
            new |= CR_HSION
        if "HSE" in used:
            new |= CR_HSEON
        if "PLL" in used:
            new |= CR_PLLON
        if (new ^ old) & CR_HSEBYP and old & CR_HSEON:
            new = new & ~CR_HSEBYP | old & CR_HSEBYP
        self._set("CR", new)
        self._update()
        if new & CR_PLLON and not old & CR_PLLON:
            self._check_pll()

    def _write_pllcfgr(self, register, old, value):
        if self._get("CR") & (CR_PLLON | CR_PLLI2SON) and self.regs[register.offset] != old:
            self.regs[register.offset] = old
            self.machine.report(f"RCC.PLLCFGR = 0x{value:08x} while a PLL is on: the write has no effect")

    def _write_plli2scfgr(self, register, old, value):
        if self._get("CR") & CR_PLLI2SON and self.regs[register.offset] != old:
            self.regs[register.offset] = old
            self.machine.report(f"RCC.PLLI2SCFGR = 0x{value:08x} while PLLI2S is on: the write has no effect")

    def _write_cfgr(self, register, old, value):
        if self._get("CFGR") & 3 == 3:
            self._set("CFGR", self._get("CFGR") & ~3 | old & 3)
            self.machine.report(f"RCC.CFGR = 0x{value:08x}: SW = 3 is not allowed")
        self._update()

    def _write_cir(self, register, old, value):
        self._set("CIR", self._get("CIR") & ~(value >> 16 & 0xBF))
        self._update_irq()

    def _write_rstr(self, register, old, value):
        changed = self.regs[register.offset] ^ old
        for peripheral in list(self.machine.peripherals.values()):
            line = self._reset_line(peripheral)
            if line and line[0] == register.name and changed >> line[1] & 1:
                peripheral.reset()

    @staticmethod
    def _reset_line(peripheral):
        """(register, bit) that resets `peripheral`: the bit of its clock, unless the model says otherwise."""
        line = getattr(peripheral, "RESET_LINE", None)
        if line is None and peripheral.clock is not None:
            line = (peripheral.clock[0].replace("ENR", "RSTR"), peripheral.clock[1])
        return line

    def _write_enr(self, register, old, value):
        if self.regs[register.offset] != old:
            for function in list(self._subscribers):
                function()

    def _write_bdcr(self, register, old, value):
        pwr = self.machine.peripherals.get("PWR")
        if pwr is not None and not pwr.backup_writable:
            self._set("BDCR", old)
            if value & register.write != old & register.write:
                self.machine.report(f"RCC.BDCR = 0x{value:08x} without PWR.CR.DBP: the write has no effect")
            return
        if value & BDCR_BDRST:
            self.backup_reset()
            self._set("BDCR", BDCR_BDRST)
            return
        if old & 0x300 and (self._get("BDCR") ^ old) & 0x300:
            self._set("BDCR", self._get("BDCR") & ~0x300 | old & 0x300)
            self.machine.report(f"RCC.BDCR = 0x{value:08x}: RTCSEL changes only by a backup domain reset")
        self._update()

    def _write_csr(self, register, old, value):
        if value & CSR_RMVF:
            self._set("CSR", self._get("CSR") & ~RESET_FLAG_MASK)
        self._update()

    def _update_irq(self):
        cir = self._get("CIR")
        self.machine.irq(IRQ["RCC"], bool(cir & cir >> 8 & 0x3F))
        self.machine.irq(NMI, bool(cir & CIR_CSSF))

    # The clock tree

    def _pll_source(self):
        return "HSE" if self._get("PLLCFGR") & PLLCFGR_PLLSRC else "HSI"

    def _ready(self, oscillator):
        register, _, ready, _ = OSCILLATORS[oscillator]
        return bool(self._get(register) & ready)

    def _in_use(self):
        """Oscillators that the system clock rests on: their ON bits cannot be cleared."""
        source = SYSTEM_SOURCES[self._get("CFGR") >> 2 & 3]
        return {source, self._pll_source()} if source == "PLL" else {source}

    def _start_time(self, oscillator):
        """ns until the oscillator is ready, or None if it never will be."""
        if oscillator == "HSI":
            return HSI_START_NS
        if oscillator == "LSI":
            return LSI_START_NS
        if oscillator == "LSE":
            return LSE_START_NS if self.lse_hz else None
        if oscillator == "HSE":
            bypass = bool(self._get("CR") & CR_HSEBYP)
            if not self.hse_hz or self._hse_failed or bypass != self.hse_bypass:
                return None
            return HSE_BYPASS_START_NS if bypass else HSE_START_NS
        if not self._ready(self._pll_source()) or self._pll_problem():
            return None
        return PLL_LOCK_NS

    def _pll_problem(self):
        """What is wrong with the main PLL's settings (RM0090 7.3.2), or None."""
        cfgr = self._get("PLLCFGR")
        m, n, q = cfgr & 0x3F, cfgr >> 6 & 0x1FF, cfgr >> 24 & 0xF
        if m < 2 or not 50 <= n <= 432 or q < 2:
            return f"M {m}, N {n}, Q {q}: M 2 to 63, N 50 to 432, Q 2 to 15 are allowed"
        source = self.hse_hz if cfgr & PLLCFGR_PLLSRC else HSI_HZ
        if not 950_000 <= source // m <= 2_100_000:
            return f"VCO input {source // m} Hz (source {source} Hz, M {m}): 0.95 to 2.1 MHz is allowed"
        if not 100_000_000 <= source * n // m <= 432_000_000:
            return f"VCO output {source * n // m} Hz: 100 to 432 MHz is allowed"
        return None

    def _check_pll(self):
        problem = self._pll_problem()
        if problem:
            self.machine.report(f"RCC.PLLCFGR = 0x{self._get('PLLCFGR'):08x}, the PLL cannot lock: {problem}")
        elif not self._ready(self._pll_source()):
            self.machine.report(f"RCC.CR.PLLON is set while its source {self._pll_source()} is not ready")

    def _oscillator_ready(self, oscillator):
        self._events.pop(oscillator, None)
        register, _, ready, flag = OSCILLATORS[oscillator]
        self._set(register, self._get(register) | ready)
        if self._get("CIR") >> (8 + flag) & 1:
            self._set("CIR", self._get("CIR") | 1 << flag)
            self._update_irq()
        self._update()

    def _update_oscillators(self):
        """Start what is switched on, stop what is switched off. PLLs come last: they follow their source."""
        for oscillator, (register, on, ready, _) in OSCILLATORS.items():
            running = self._get(register) & on and not (oscillator == "HSE" and self._hse_failed)
            if oscillator.startswith("PLL") and not self._ready(self._pll_source()):
                running = False
            if not running:
                self._set(register, self._get(register) & ~ready)
                event = self._events.pop(oscillator, None)
                if event:
                    event.cancel()
            elif not self._ready(oscillator) and oscillator not in self._events:
                delay = self._start_time(oscillator)
                if delay is not None:
                    self._events[oscillator] = self.machine.at(
                        delay, lambda oscillator=oscillator: self._oscillator_ready(oscillator)
                    )

    def _pll_outputs(self):
        """(P, Q) outputs of the main PLL in Hz, 0 while it is not locked."""
        if not self._ready("PLL"):
            return 0, 0
        cfgr = self._get("PLLCFGR")
        source = self.hse_hz if cfgr & PLLCFGR_PLLSRC else HSI_HZ
        vco = source * (cfgr >> 6 & 0x1FF) // (cfgr & 0x3F)
        return vco // (2 * (cfgr >> 16 & 3) + 2), vco // (cfgr >> 24 & 0xF)

    def _plli2s_output(self):
        if not self._ready("PLLI2S"):
            return 0
        cfgr, source = self._get("PLLI2SCFGR"), self.hse_hz if self._pll_source() == "HSE" else HSI_HZ
        divider = (self._get("PLLCFGR") & 0x3F) * (cfgr >> 28 & 7)
        return source * (cfgr >> 6 & 0x1FF) // divider if divider else 0

    def _rtc_clock(self):
        bdcr = self._get("BDCR")
        if not bdcr & BDCR_RTCEN:
            return 0
        divider = self._get("CFGR") >> 16 & 0x1F
        running = self._ready("HSE") and not self.stopped
        hse = self.hse_hz // divider if running and divider >= 2 else 0
        return (0, self.lse_running_hz, self.lsi_hz, hse)[bdcr >> 8 & 3]

    def _update(self):
        """Work out every clock again after a change, tell who listens, check the limits."""
        self._update_oscillators()
        cfgr = self._get("CFGR")
        wanted = SYSTEM_SOURCES[cfgr & 3]
        if self._ready(wanted):
            cfgr = cfgr & ~0xC | (cfgr & 3) << 2
            self._set("CFGR", cfgr)
        pll_p, pll_q = self._pll_outputs()
        source = SYSTEM_SOURCES[cfgr >> 2 & 3]
        running = {"HSI": HSI_HZ, "HSE": self.hse_hz if self._ready("HSE") else 0, "PLL": pll_p}
        self.sysclk = 0 if self.stopped else running[source]
        self.hclk = self.sysclk >> AHB_SHIFTS[cfgr >> 4 & 0xF]
        apb1, apb2 = APB_SHIFTS[cfgr >> 10 & 7], APB_SHIFTS[cfgr >> 13 & 7]
        self.pclk1, self.pclk2 = self.hclk >> apb1, self.hclk >> apb2
        self.timclk1 = self.pclk1 * (2 if apb1 else 1)
        self.timclk2 = self.pclk2 * (2 if apb2 else 1)
        pll_q = 0 if self.stopped else pll_q
        self.usbclk = self.rngclk = pll_q
        self.plli2sclk = self._plli2s_output()
        self.rtcclk = self._rtc_clock()
        clocks = (
            self.hclk,
            self.pclk1,
            self.pclk2,
            self.timclk1,
            self.timclk2,
            pll_q,
            self.plli2sclk,
            self.rtcclk,
        )
        clocks += (self.lsi_hz,)
        if clocks != self._clocks:
            self._clocks = clocks
            for function in list(self._subscribers):
                function()
            if not self.stopped:
                self.check_limits()

    def check_limits(self):
        """Report a bus clock above its limit, or too few flash wait states for HCLK."""
        pwr, flash = self.machine.peripherals.get("PWR"), self.machine.peripherals.get("FLASH")
        limit = MAX_HCLK_HZ if pwr is None or pwr.scale == 1 else MAX_HCLK_SCALE2_HZ
        for name, hz, most in (
            ("HCLK", self.hclk, limit),
            ("PCLK1", self.pclk1, MAX_PCLK1_HZ),
            ("PCLK2", self.pclk2, MAX_PCLK2_HZ),
        ):
            if hz > most:
                self.machine.report(f"RCC: {name} is {hz} Hz, above its limit of {most} Hz")
        if flash is not None and self.hclk > HZ_PER_WAIT_STATE * (flash.latency + 1):
            self.machine.report(f"FLASH: {flash.latency} wait states are too few for HCLK {self.hclk} Hz")
        if self.sysclk == 0:
            self.machine.report("RCC: the system clock has stopped")
