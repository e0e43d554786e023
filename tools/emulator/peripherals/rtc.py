# SPDX-License-Identifier: MIT
"""RTC: calendar, alarms, wake-up timer and the 20 backup registers (RM0090 chapter 26).

Differs from silicon: time stamp, tamper, reference clock, coarse calibration and the RTC_OUT pin are
reported; smooth calibration is spread evenly over its window; a shift (SHIFTR) takes effect at once; a date
that does not exist is taken as the nearest one that does.
"""

import datetime

from ..peripheral import Register
from . import exti
from .apb import ApbPeripheral

NS = 1_000_000_000
CR_WUCKSEL, CR_BYPSHAD, CR_FMT, CR_ALRAE, CR_ALRBE, CR_WUTE = 7, 1 << 5, 1 << 6, 1 << 8, 1 << 9, 1 << 10
CR_ALRAIE, CR_ALRBIE, CR_WUTIE, CR_ADD1H, CR_SUB1H = 1 << 12, 1 << 13, 1 << 14, 1 << 16, 1 << 17
CR_TAGGED = 1 << 3 | 1 << 4 | 1 << 7 | 1 << 11 | 1 << 15 | 1 << 23  # TSEDGE REFCKON DCE TSE TSIE COE
ISR_ALRAWF, ISR_ALRBWF, ISR_WUTWF, ISR_SHPF, ISR_INITS, ISR_RSF, ISR_INITF, ISR_INIT = (
    1 << bit for bit in range(8)
)
ISR_ALRAF, ISR_ALRBF, ISR_WUTF = 1 << 8, 1 << 9, 1 << 10
BACKUP_REGISTERS = 20
MAX_ALARM_DAYS = 63  # every day of the month comes round within two months


def bcd(value):
    return value // 10 << 4 | value % 10


def from_bcd(value):
    return (value >> 4) * 10 + (value & 0xF)


class Rtc(ApbPeripheral):
    """The calendar runs at RCC.rtcclk; everything here lives in the backup domain and outlasts a reset."""

    REGISTERS = (
        Register(0x00, "TR", 0, write=0x007F7F7F, on_read="_read_tr", on_write="_write_calendar"),
        Register(0x04, "DR", 0x00002101, write=0x00FFFF3F, on_read="_read_dr", on_write="_write_calendar"),
        Register(0x08, "CR", 0, write=0x00F47F7F | CR_BYPSHAD, tagged=CR_TAGGED, on_write="_write_cr"),
        Register(0x0C, "ISR", 7, write=ISR_INIT, w0c=0x7F20, on_read="_read_isr", on_write="_write_isr"),
        Register(0x10, "PRER", 0x007F00FF, write=0x007F7FFF, on_write="_write_calendar"),
        Register(0x14, "WUTR", 0xFFFF, write=0xFFFF, on_write="_write_wutr"),
        Register(0x18, "CALIBR", 0, tagged=0x9F),
        Register(0x1C, "ALRMAR", 0, write=0xFFFFFFFF, on_write="_write_alarm"),
        Register(0x20, "ALRMBR", 0, write=0xFFFFFFFF, on_write="_write_alarm"),
        Register(0x24, "WPR", 0, on_write="_write_wpr"),
        Register(0x28, "SSR", 0, on_read="_read_ssr"),
        Register(0x2C, "SHIFTR", 0, on_write="_write_shiftr"),
        Register(0x30, "TSTR", 0),
        Register(0x34, "TSDR", 0),
        Register(0x38, "TSSSR", 0),
        Register(0x3C, "CALR", 0, write=0xE1FF, on_write="_write_calr"),
        Register(0x40, "TAFCR", 0, tagged=0x0007FF9F),
        Register(0x44, "ALRMASSR", 0, write=0x0F007FFF, on_write="_write_alarm"),
        Register(0x48, "ALRMBSSR", 0, write=0x0F007FFF, on_write="_write_alarm"),
        *(
            Register(0x50 + 4 * n, f"BKP{n}R", 0, write=0xFFFFFFFF, on_write="_write_backup")
            for n in range(BACKUP_REGISTERS)
        ),
    )

    def __init__(self, machine, name="RTC", base=0x40002800, clock=None):
        self._event = None
        self._subscribed = False
        self._line_levels = (False, False)
        self.regs = {}
        super().__init__(machine, name, base, clock)

    # Reset

    def reset(self):
        """A system reset clears INIT and RSF and lets go of the shadow registers; the rest stays."""
        if not self.regs:
            self.backup_reset()
        if not self._subscribed and "RCC" in self.machine.peripherals:
            self._subscribed = True
            self.machine.clock.subscribe(self._clock_changed)
        if self.regs[0x0C] & ISR_INIT:
            self._leave_init()
        self.regs[0x0C] &= ~(ISR_INIT | ISR_RSF)
        self._synchronised_from = self.machine.now
        self._shadow = None

    def backup_reset(self):
        """What RCC.BDCR.BDRST or a power-on does."""
        self.regs = {register.offset: register.reset for register in self.REGISTERS}
        self.regs[0x0C] = 0
        self._wpr_step = 0
        self._writable = False
        self._shadow = None
        self._init_since = None
        self._synchronised_from = self.machine.now
        self._wakeup_start = None
        self._hz = self._source_hz()
        self._set_calendar(0x00, 0x00002101)
        self._schedule()
        self._update_lines()

    # Counting. A tick is one period of ck_apre, PREDIV_S + 1 ticks are a second.

    def _source_hz(self):
        return self.machine.clock.rtcclk if "RCC" in self.machine.peripherals else 32_768

    def _prescalers(self):
        return (self.regs[0x10] >> 16 & 0x7F) + 1, (self.regs[0x10] & 0x7FFF) + 1

    def _rate(self):
        """(numerator, denominator): ticks = elapsed ns * numerator / denominator."""
        calibration = 0x100000 + 512 * (self.regs[0x3C] >> 15 & 1) - (self.regs[0x3C] & 0x1FF)
        return self._hz * calibration, NS * 0x100000 * self._prescalers()[0]

    def _anchor(self, ticks):
        """The calendar stands at `ticks` now."""
        self._anchor_ticks = ticks
        self._anchor_ns = self.machine.now

    def _ticks(self):
        """Ticks since 2000-01-01 00:00:00."""
        if self._init_since is not None:
            return self._anchor_ticks
        numerator, denominator = self._rate()
        return self._anchor_ticks + (self.machine.now - self._anchor_ns) * numerator // denominator

    def _fold(self):
        """Count up to now at the old rate, before the rate changes."""
        if self._init_since is None:
            numerator, denominator = self._rate()
            passed = (self.machine.now - self._anchor_ns) * numerator // denominator
            if passed:
                self._anchor_ns += -(-passed * denominator // numerator)
                self._anchor_ticks += passed
        if not self._hz:
            self._anchor_ns = self.machine.now

    def _clock_changed(self):
        if self._source_hz() != self._hz:
            self._fold()
            self._hz = self._source_hz()
            self._synchronised_from = self.machine.now
            if self._wakeup_start is not None:
                self._wakeup_start = self.machine.now
            self._schedule()

    def _set_calendar(self, tr, dr):
        hour = from_bcd(tr >> 16 & 0x3F)
        if self.regs[0x08] & CR_FMT:
            hour = hour % 12 + (12 if tr >> 22 & 1 else 0)
        seconds = hour * 3600 + from_bcd(tr >> 8 & 0x7F) * 60 + from_bcd(tr & 0x7F)
        year, month, day = 2000 + from_bcd(dr >> 16 & 0xFF), from_bcd(dr >> 8 & 0x1F), from_bcd(dr & 0x3F)
        month, day = min(max(month, 1), 12), max(day, 1)
        following = datetime.date(year + month // 12, month % 12 + 1, 1)
        day = min(day, (following - datetime.date(year, month, 1)).days)
        days = (datetime.date(year, month, day) - datetime.date(2000, 1, 1)).days
        self._weekday_shift = (dr >> 13 & 7) - days
        self._anchor((days * 86400 + seconds) * self._prescalers()[1])

    def _fields(self, seconds):
        """(TR, DR) as the registers show a count of seconds."""
        days, second = divmod(seconds, 86400)
        # The calendar has 100 years, every fourth a leap year, then starts over; the weekday goes on.
        date = datetime.date(2000, 1, 1) + datetime.timedelta(days % 36525)
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        afternoon = 0
        if self.regs[0x08] & CR_FMT:
            afternoon, hour = hour // 12, (hour + 11) % 12 + 1
        weekday = (days + self._weekday_shift - 1) % 7 + 1
        tr = afternoon << 22 | bcd(hour) << 16 | bcd(minute) << 8 | bcd(second)
        return tr, bcd(date.year - 2000) << 16 | weekday << 13 | bcd(date.month) << 8 | bcd(date.day)

    def datetime(self):
        """The calendar as a datetime, for tests and the board."""
        seconds, sub = divmod(self._ticks(), self._prescalers()[1])
        return datetime.datetime(2000, 1, 1) + datetime.timedelta(
            seconds=seconds, microseconds=sub * 1_000_000 // self._prescalers()[1]
        )

    # Reading: TR and DR freeze when SSR or TR is read, until DR is read

    def _now_registers(self):
        """(SSR, TR, DR) at this moment."""
        seconds, sub = divmod(self._ticks(), self._prescalers()[1])
        return (self._prescalers()[1] - 1 - sub, *self._fields(seconds))

    def _read_ssr(self, register):
        values = self._now_registers()
        if self._shadow is None and not self.regs[0x08] & CR_BYPSHAD:
            self._shadow = values
        return values[0] if self._shadow is None else self._shadow[0]

    def _read_tr(self, register):
        values = self._now_registers()
        if self._shadow is None and not self.regs[0x08] & CR_BYPSHAD:
            self._shadow = values
        return values[1] if self._shadow is None else self._shadow[1]

    def _read_dr(self, register):
        values, self._shadow = self._shadow, None
        return values[2] if values else self._now_registers()[2]

    def _cycles_passed(self, since, cycles):
        """Whether `cycles` periods of RTCCLK have passed since then."""
        return bool(self._hz) and self.machine.now >= since + -(-cycles * NS // self._hz)

    def _read_isr(self, register):
        value, cr = self.regs[0x0C], self.regs[0x08]
        value |= 0 if cr & CR_ALRAE else ISR_ALRAWF
        value |= 0 if cr & CR_ALRBE else ISR_ALRBWF
        value |= 0 if cr & CR_WUTE else ISR_WUTWF
        if self._ticks() // self._prescalers()[1] >= 366 * 86400:
            value |= ISR_INITS
        if self._init_since is not None:
            value |= ISR_INITF if self._cycles_passed(self._init_since, 2) else 0
        elif self._cycles_passed(self._synchronised_from, 2):
            value |= ISR_RSF
        return value

    # Writing

    def _may_write(self, register, old, value, protected=True):
        """DBP and the key of WPR guard the registers; a write that they stop is reported."""
        pwr = self.machine.peripherals.get("PWR")
        if pwr is not None and not pwr.backup_writable:
            why = "without PWR.CR.DBP"
        elif protected and not self._writable:
            why = "without the keys in WPR"
        else:
            return True
        self.regs[register.offset] = old
        self.machine.report(f"RTC.{register.name} = 0x{value:08x} {why}: the write has no effect")
        return False

    def _refuse(self, register, old, value, why):
        self.regs[register.offset] = old
        self.machine.report(f"RTC.{register.name} = 0x{value:08x} {why}: the write has no effect")

    def _write_wpr(self, register, old, value):
        self._writable = self._wpr_step == 1 and value == 0x53
        self._wpr_step = int(value == 0xCA)

    def _write_calendar(self, register, old, value):
        if not self._may_write(register, old, value):
            return
        if self._init_since is None or not self._cycles_passed(self._init_since, 2):
            self._refuse(register, old, value, "outside initialisation mode")

    def _write_isr(self, register, old, value):
        new = self.regs[0x0C]
        if (new ^ old) & ISR_INIT and self._may_write(register, old, value):
            if new & ISR_INIT:
                self._fold()
                self._anchor(self._ticks())
                self.regs[0x00], self.regs[0x04] = self._fields(self._anchor_ticks // self._prescalers()[1])
                self._init_since = self.machine.now
                self._schedule()
            else:
                self._leave_init()
        if not value & ISR_RSF and self._writable:
            self._synchronised_from = self.machine.now
        self._schedule()
        self._update_lines()

    def _leave_init(self):
        """The calendar starts from what was loaded, with fresh prescalers."""
        self._init_since = None
        self._set_calendar(self.regs[0x00], self.regs[0x04])
        self._synchronised_from = self.machine.now
        self._shadow = None
        self._schedule()

    def _write_cr(self, register, old, value):
        if not self._may_write(register, old, value):
            return
        changed = self.regs[0x08] ^ old
        if old & CR_WUTE and changed & CR_WUCKSEL:
            self._refuse(register, old, value, "changes WUCKSEL while WUTE is set")
            return
        hour = self._prescalers()[1] * 3600
        self._fold()
        if value & CR_ADD1H:
            self._anchor_ticks += hour
        if value & CR_SUB1H:
            self._anchor_ticks -= hour
        if changed & CR_WUTE:
            self._wakeup_start = self.machine.now if self.regs[0x08] & CR_WUTE else None
        self._schedule()
        self._update_lines()

    def _write_wutr(self, register, old, value):
        if self._may_write(register, old, value) and self.regs[0x08] & CR_WUTE:
            self._refuse(register, old, value, "while WUTE is set")

    def _write_alarm(self, register, old, value):
        enable = CR_ALRBE if "B" in register.name[4:5] else CR_ALRAE
        if not self._may_write(register, old, value):
            return
        if self.regs[0x08] & enable and self._init_since is None:
            self._refuse(register, old, value, "while the alarm is enabled")

    def _write_shiftr(self, register, old, value):
        if self._may_write(register, old, value):
            self._fold()
            self._anchor_ticks += (self._prescalers()[1] if value >> 31 else 0) - (value & 0x7FFF)
            self._synchronised_from = self.machine.now
            self._schedule()

    def _write_calr(self, register, old, value):
        if self._may_write(register, old, value):
            new, self.regs[0x3C] = self.regs[0x3C], old
            self._fold()
            self.regs[0x3C] = new
            self._schedule()

    def _write_backup(self, register, old, value):
        self._may_write(register, old, value, protected=False)

    # Alarms and the wake-up timer

    def _alarm_ticks(self, alarm, sub_seconds):
        """Ticks of the first match of an alarm after now, or None."""
        per_second = self._prescalers()[1]
        mask = (1 << (sub_seconds >> 24 & 0xF)) - 1
        wanted = sub_seconds & 0x7FFF & mask
        now = self._ticks() + 1
        second, sub = divmod(now, per_second)
        subs = [s for s in range(per_second) if (per_second - 1 - s) & mask == wanted] if mask else [0]
        if not subs:
            return None
        later = next((s for s in subs if s >= sub), None)
        if later is not None and self._alarm_matches(alarm, second):
            return second * per_second + later
        second = self._alarm_second(alarm, second + 1)
        return None if second is None else second * per_second + subs[0]

    def _alarm_matches(self, alarm, second):
        return self._alarm_second(alarm, second) == second

    def _alarm_second(self, alarm, start):
        """The first second from `start` on whose fields match."""
        hour = from_bcd(alarm >> 16 & 0x3F)
        if self.regs[0x08] & CR_FMT:
            hour = hour % 12 + (12 if alarm >> 22 & 1 else 0)
        hours = range(24) if alarm >> 23 & 1 else (hour,)
        minutes = range(60) if alarm >> 15 & 1 else (from_bcd(alarm >> 8 & 0x7F),)
        seconds = range(60) if alarm >> 7 & 1 else (from_bcd(alarm & 0x7F),)
        first_day, time = divmod(start, 86400)
        for day in range(first_day, first_day + MAX_ALARM_DAYS):
            if self._alarm_day(alarm, day):
                for h in hours:
                    if h * 3600 + 3599 < time:
                        continue
                    for m in minutes:
                        if h * 3600 + m * 60 + 59 < time:
                            continue
                        for s in seconds:
                            if h * 3600 + m * 60 + s >= time:
                                return day * 86400 + h * 3600 + m * 60 + s
            time = 0
        return None

    def _alarm_day(self, alarm, day):
        if alarm >> 31 & 1:
            return True
        dr = self._fields(day * 86400)[1]
        if alarm >> 30 & 1:
            return dr >> 13 & 7 == alarm >> 24 & 0xF
        return dr & 0x3F == alarm >> 24 & 0x3F

    def _wakeup_period_ns(self):
        """(numerator, denominator) of the wake-up timer's period in ns."""
        select, count = self.regs[0x08] & CR_WUCKSEL, self.regs[0x14] + 1
        if select < 4:
            return count * (16 >> select) * NS, self._hz
        if select >= 6:
            count += 0x10000
        rate, denominator = self._rate()
        return count * self._prescalers()[1] * denominator, rate

    def _schedule(self):
        """Plan the next alarm or wake-up that changes a flag."""
        if self._event:
            self._event.cancel()
            self._event = None
        if not self._hz or self._init_since is not None:
            return
        times = []
        numerator, denominator = self._rate()
        for enable, flag, alarm, sub in (
            (CR_ALRAE, ISR_ALRAF, 0x1C, 0x44),
            (CR_ALRBE, ISR_ALRBF, 0x20, 0x48),
        ):
            if self.regs[0x08] & enable and not self.regs[0x0C] & flag:
                ticks = self._alarm_ticks(self.regs[alarm], self.regs[sub])
                if ticks is not None:
                    wait = -(-(ticks - self._anchor_ticks) * denominator // numerator)
                    times.append((self._anchor_ns + wait, flag))
        if self._wakeup_start is not None and not self.regs[0x0C] & ISR_WUTF:
            period, divisor = self._wakeup_period_ns()
            passed = (self.machine.now - self._wakeup_start) * divisor // period
            times.append((self._wakeup_start + -(-(passed + 1) * period // divisor), ISR_WUTF))
        if times:
            first = min(time for time, _ in times)
            flags = sum(flag for time, flag in times if time == first)
            self._event = self.machine.at(first - self.machine.now, lambda: self._fire(flags))

    def _fire(self, flags):
        self._event = None
        self.regs[0x0C] |= flags
        self._schedule()
        self._update_lines()

    def _update_lines(self):
        lines = self.machine.peripherals.get("EXTI")
        if lines is None:
            return
        isr, cr = self.regs[0x0C], self.regs[0x08]
        alarm = (isr & ISR_ALRAF and cr & CR_ALRAIE) or (isr & ISR_ALRBF and cr & CR_ALRBIE)
        wakeup = bool(isr & ISR_WUTF and cr & CR_WUTIE)
        # Standby is left by an edge, and EXTI is off in it.
        now = (bool(alarm), wakeup)
        before, self._line_levels = self._line_levels, now
        if any(new and not old for new, old in zip(now, before, strict=True)):
            self.machine.wake_standby()
        lines.line(exti.RTC_ALARM, bool(alarm))
        lines.line(exti.RTC_WAKEUP, wakeup)
