# SPDX-License-Identifier: MIT
"""RTC: calendar, write protection, alarms, wake-up, backup registers (RM0090 chapter 26)."""

import datetime
import random

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ
from emulator.peripherals.rcc import LSE_START_NS

SECOND = 1_000_000_000
INIT, INITF, RSF, INITS = 1 << 7, 1 << 6, 1 << 5, 1 << 4
ALRAF, ALRBF, WUTF = 1 << 8, 1 << 9, 1 << 10
ALRAE, ALRBE, WUTE, ALRAIE, WUTIE = 1 << 8, 1 << 9, 1 << 10, 1 << 12, 1 << 14
MASK_DATE, MASK_HOURS, MASK_MINUTES, MASK_SECONDS = 1 << 31, 1 << 23, 1 << 15, 1 << 7


@pytest.fixture
def rtc(bus):
    """The RTC on the LSE, its registers open."""
    bus["RCC.BDCR"] = 1
    bus.machine.advance(LSE_START_NS)
    bus["RCC.BDCR"] = 1 | 1 << 8 | 1 << 15
    unlock(bus)
    return bus


def unlock(bus):
    bus["RTC.WPR"] = 0xCA
    bus["RTC.WPR"] = 0x53


def set_calendar(bus, tr, dr, cr=0):
    bus["RTC.ISR"] = INIT
    bus.machine.advance(100_000)
    assert bus["RTC.ISR"] & INITF
    bus["RTC.CR"] = cr
    bus["RTC.TR"] = tr
    bus["RTC.DR"] = dr
    bus["RTC.ISR"] = 0


def now(bus):
    return bus["RTC.TR"], bus["RTC.DR"]


def test_rtc__power_on(bus):
    assert now(bus) == (0, 0x2101)
    assert bus["RTC.ISR"] & ~RSF == 7
    assert bus["RTC.PRER"] == 0x007F00FF


def test_rtc__stands_still_without_a_clock(bus):
    bus.machine.advance(10 * SECOND)
    assert now(bus) == (0, 0x2101)


def test_rtc__counts_seconds(rtc):
    set_calendar(rtc, 0x235958, 0x240228 | 3 << 13)
    rtc.machine.advance(SECOND + SECOND // 2)
    assert now(rtc) == (0x235959, 0x240228 | 3 << 13)
    rtc.machine.advance(SECOND)
    assert now(rtc) == (0x000000, 0x240229 | 4 << 13)
    assert rtc["RTC.ISR"] & INITS


@pytest.mark.parametrize(
    "before, after",
    ((0x230228, 0x230301), (0x241231, 0x250101), (0x991231, 0x000101), (0x240430, 0x240501)),
)
def test_rtc__dates_roll_over(rtc, before, after):
    set_calendar(rtc, 0x235959, before | 7 << 13)
    rtc.machine.advance(SECOND + SECOND // 2)
    assert now(rtc) == (0, after | 1 << 13)


def test_rtc__a_year_in_one_go(rtc):
    set_calendar(rtc, 0, 0x230101 | 7 << 13)
    rtc.machine.advance(365 * 86400 * SECOND + 1000)
    assert rtc.machine["RTC"].datetime().replace(microsecond=0) == datetime.datetime(2024, 1, 1)


def test_rtc__am_and_pm(rtc):
    set_calendar(rtc, 0x115959, 0x240101 | 1 << 13, cr=1 << 6)
    rtc.machine.advance(SECOND + 1000)
    assert now(rtc)[0] == 1 << 22 | 0x120000
    rtc.machine.advance(3600 * SECOND)
    assert now(rtc)[0] == 1 << 22 | 0x010000


def test_rtc__write_protection(rtc):
    rtc["RTC.WPR"] = 0
    with pytest.raises(GuestError, match="keys in WPR"):
        rtc["RTC.PRER"] = 0
    assert rtc["RTC.PRER"] == 0x007F00FF
    rtc["RTC.WPR"] = 0x53
    rtc["RTC.WPR"] = 0xCA
    with pytest.raises(GuestError):
        rtc["RTC.CR"] = WUTIE
    unlock(rtc)
    rtc["RTC.CR"] = WUTIE


def test_rtc__dbp(rtc):
    rtc.clear("PWR.CR", 1 << 8)
    with pytest.raises(GuestError, match="DBP"):
        rtc["RTC.BKP0R"] = 1
    with pytest.raises(GuestError, match="DBP"):
        rtc["RTC.CR"] = WUTIE
    assert rtc["RTC.BKP0R"] == 0


def test_rtc__calendar_needs_init_mode(rtc):
    with pytest.raises(GuestError, match="initialisation mode"):
        rtc["RTC.TR"] = 0
    rtc["RTC.ISR"] = INIT
    assert not rtc["RTC.ISR"] & INITF
    with pytest.raises(GuestError, match="initialisation mode"):
        rtc["RTC.TR"] = 0
    rtc.machine.advance(62_000)
    assert rtc["RTC.ISR"] & INITF
    rtc["RTC.TR"] = 0x010203


def test_rtc__init_stops_the_calendar(rtc):
    set_calendar(rtc, 0x100000, 0x242101)
    rtc["RTC.ISR"] = INIT
    rtc.machine.advance(100 * SECOND)
    rtc["RTC.ISR"] = 0
    rtc.machine.advance(SECOND // 2)
    assert now(rtc)[0] == 0x100000


def test_rtc__sub_seconds_count_down(rtc):
    set_calendar(rtc, 0, 0x242101)
    assert rtc["RTC.SSR"] == 255
    rtc["RTC.DR"]
    rtc.machine.advance(SECOND // 4)
    assert rtc["RTC.SSR"] == 191


def test_rtc__prescalers_set_the_pace(rtc):
    rtc["RTC.ISR"] = INIT
    rtc.machine.advance(100_000)
    rtc["RTC.PRER"] = 0x007F0000 | 0x7F
    rtc["RTC.ISR"] = 0
    rtc.machine.advance(10 * SECOND + 1000)
    assert now(rtc)[0] == 0x20


def test_rtc__shadow_is_held_until_dr_is_read(rtc):
    set_calendar(rtc, 0x235959, 0x240101 | 1 << 13)
    assert rtc["RTC.TR"] == 0x235959
    rtc.machine.advance(2 * SECOND)
    assert rtc["RTC.DR"] == 0x240101 | 1 << 13
    assert now(rtc) == (0x000001, 0x240102 | 2 << 13)


def test_rtc__rsf(rtc):
    assert rtc["RTC.ISR"] & RSF or rtc.machine.advance(62_000) is None
    rtc["RTC.ISR"] = ~(INIT | RSF) & 0x1FFFF
    assert not rtc["RTC.ISR"] & RSF
    rtc.machine.advance(62_000)
    assert rtc["RTC.ISR"] & RSF


def test_rtc__survives_a_system_reset(rtc):
    set_calendar(rtc, 0x120000, 0x240101 | 1 << 13)
    rtc["RTC.BKP19R"] = 0xDEADBEEF
    rtc.machine.advance(SECOND)
    for name in ("RTC", "RCC"):
        rtc.machine[name].reset()
    rtc.machine.advance(SECOND)
    assert now(rtc)[0] == 0x120002
    assert rtc["RTC.BKP19R"] == 0xDEADBEEF


def test_rtc__backup_reset_clears_it(rtc):
    rtc["RTC.BKP0R"] = 1
    rtc["RCC.BDCR"] = 1 << 16
    assert rtc["RTC.BKP0R"] == 0
    assert now(rtc) == (0, 0x2101)


def test_rtc__alarm_a(rtc):
    set_calendar(rtc, 0x120000, 0x240101 | 1 << 13)
    rtc["EXTI.IMR"] = rtc["EXTI.RTSR"] = 1 << 17
    rtc["RTC.ALRMAR"] = MASK_DATE | 0x120130
    rtc["RTC.CR"] = ALRAE | ALRAIE
    rtc.machine.advance(90 * SECOND - 1000)
    assert not rtc["RTC.ISR"] & ALRAF
    rtc.machine.advance(2000)
    assert rtc["RTC.ISR"] & ALRAF
    assert rtc.irq(IRQ["RTC_Alarm"])
    rtc["RTC.ISR"] = ~(ALRAF | INIT) & 0x1FFFF
    rtc["EXTI.PR"] = 1 << 17
    assert not rtc.irq(IRQ["RTC_Alarm"])
    rtc.machine.advance(86400 * SECOND)
    assert rtc.irq(IRQ["RTC_Alarm"])


def test_rtc__alarm_every_minute(rtc):
    set_calendar(rtc, 0x000050, 0x240101 | 1 << 13)
    rtc["RTC.ALRMBR"] = MASK_DATE | MASK_HOURS | MASK_MINUTES | 0x05
    rtc["RTC.CR"] = ALRBE
    for wait in (16, 60, 60):
        rtc.machine.advance(wait * SECOND - SECOND // 2)
        assert rtc["RTC.ISR"] & ALRBF or wait == 16
        rtc.machine.advance(SECOND // 2)
        rtc["RTC.ISR"] = ~(ALRBF | INIT) & 0x1FFFF
    assert now(rtc)[0] == 0x000306


@pytest.mark.parametrize("weekday, days", ((1, 0), (2, 1), (7, 6)))
def test_rtc__alarm_on_a_weekday(rtc, weekday, days):
    """A Monday, 2024-01-01; the alarm is at noon."""
    set_calendar(rtc, 0, 0x240101 | 1 << 13)
    rtc["RTC.ALRMAR"] = 1 << 30 | weekday << 24 | 0x120000
    rtc["RTC.CR"] = ALRAE
    rtc.machine.advance((days * 86400 + 43200) * SECOND - 1000)
    assert not rtc["RTC.ISR"] & ALRAF
    rtc.machine.advance(2000)
    assert rtc["RTC.ISR"] & ALRAF


def test_rtc__alarm_on_the_31st(rtc):
    set_calendar(rtc, 0, 0x240201 | 4 << 13)
    rtc["RTC.ALRMAR"] = 0x31 << 24
    rtc["RTC.CR"] = ALRAE
    rtc.machine.advance((29 + 30) * 86400 * SECOND + 2000)
    assert rtc["RTC.ISR"] & ALRAF
    assert now(rtc)[1] & 0x1FFF == 0x331


def test_rtc__alarm_on_sub_seconds(rtc):
    set_calendar(rtc, 0, 0x240101 | 1 << 13)
    rtc["RTC.ALRMAR"] = MASK_DATE | MASK_HOURS | MASK_MINUTES | MASK_SECONDS
    rtc["RTC.ALRMASSR"] = 8 << 24 | 127
    rtc["RTC.CR"] = ALRAE
    rtc.machine.advance(SECOND // 2 - 1000)
    assert not rtc["RTC.ISR"] & ALRAF
    rtc.machine.advance(2000)
    assert rtc["RTC.ISR"] & ALRAF


def test_rtc__alarm_is_fixed_while_enabled(rtc):
    rtc["RTC.CR"] = ALRAE
    assert not rtc["RTC.ISR"] & 1
    with pytest.raises(GuestError, match="while the alarm is enabled"):
        rtc["RTC.ALRMAR"] = 1
    rtc["RTC.ALRMBR"] = 1
    rtc["RTC.CR"] = 0
    assert rtc["RTC.ISR"] & 1


@pytest.mark.parametrize(
    "select, count, ns",
    ((0, 2047, SECOND), (3, 16383, SECOND), (4, 4, 5 * SECOND), (6, 0, 65537 * SECOND)),
)
def test_rtc__wakeup_timer(rtc, select, count, ns):
    rtc["EXTI.IMR"] = rtc["EXTI.RTSR"] = 1 << 22
    rtc["RTC.WUTR"] = count
    rtc["RTC.CR"] = select
    rtc["RTC.CR"] = select | WUTE | WUTIE
    for _ in range(2):
        rtc.machine.advance(ns - 2000)
        assert not rtc.irq(IRQ["RTC_WKUP"])
        rtc.machine.advance(2000)
        assert rtc.irq(IRQ["RTC_WKUP"])
        rtc["RTC.ISR"] = ~(WUTF | INIT) & 0x1FFFF
        rtc["EXTI.PR"] = 1 << 22


def test_rtc__daylight_saving(rtc):
    set_calendar(rtc, 0x013000, 0x240331 | 7 << 13)
    rtc["RTC.CR"] = 1 << 16
    assert now(rtc)[0] == 0x023000
    rtc["RTC.CR"] = 1 << 17
    assert now(rtc)[0] == 0x013000


def test_rtc__calibration(rtc):
    """CALM at its most, 511 pulses less in 2**20: 487 ppm slow."""
    set_calendar(rtc, 0, 0x240101 | 1 << 13)
    rtc["RTC.CALR"] = 0x1FF
    rtc.machine.advance(100_000 * SECOND)
    passed = rtc.machine["RTC"].datetime() - datetime.datetime(2024, 1, 1)
    assert passed.total_seconds() == pytest.approx(100_000 * (1 - 511 / 2**20), abs=0.01)


def test_rtc__no_drift_over_many_folds(rtc):
    """The count is exact however often the rate is looked at."""
    set_calendar(rtc, 0, 0x240101 | 1 << 13)
    for _ in range(1000):
        rtc["RTC.CALR"] = 0
        rtc.machine.advance(10_000_001)
    passed = rtc.machine["RTC"].datetime() - datetime.datetime(2024, 1, 1)
    assert passed.total_seconds() == pytest.approx(10.000001, abs=0.005)


def test_rtc__lsi_and_hse_clocks(bus):
    bus["RCC.CSR"] = 1
    bus.machine.advance(1_000_000)
    bus["RCC.BDCR"] = 2 << 8 | 1 << 15
    assert bus.machine.clock.rtcclk == 32_000
    bus["RCC.BDCR"] = 1 << 16
    bus["RCC.CFGR"] = 8 << 16
    bus.set("RCC.CR", 1 << 16)
    bus.machine.advance(2_000_000)
    bus["RCC.BDCR"] = 3 << 8 | 1 << 15
    assert bus.machine.clock.rtcclk == 1_000_000


def matches(alarm, moment):
    """Whether an alarm's fields fit a datetime, read off RM0090 26.6.8 alone."""
    fields = (
        (MASK_SECONDS, alarm & 0x7F, moment.second),
        (MASK_MINUTES, alarm >> 8 & 0x7F, moment.minute),
        (MASK_HOURS, alarm >> 16 & 0x3F, moment.hour),
        (MASK_DATE, alarm >> 24 & 0x3F, moment.isoweekday() if alarm >> 30 & 1 else moment.day),
    )
    return all(alarm & mask or int(f"{wanted:x}") == have for mask, wanted, have in fields)


@pytest.mark.parametrize("seed", range(40))
def test_rtc__alarm_fires_where_a_search_finds_it(rtc, seed):
    rng = random.Random(seed)
    start = datetime.datetime(
        2024, rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59)
    )
    set_calendar(
        rtc,
        int(start.strftime("%H%M%S"), 16),
        int(start.strftime("%y%m%d"), 16) | start.isoweekday() << 13,
    )
    alarm = sum(mask for mask in (MASK_DATE, MASK_HOURS, MASK_MINUTES, MASK_SECONDS) if rng.random() < 0.5)
    alarm |= int(f"{rng.randint(0, 23)}", 16) << 16 | int(f"{rng.randint(0, 59)}", 16) << 8
    alarm |= int(f"{rng.randint(0, 59)}", 16)
    alarm |= (
        1 << 30 | rng.randint(1, 7) << 24 if rng.random() < 0.5 else int(f"{rng.randint(1, 28)}", 16) << 24
    )
    rtc["RTC.ALRMAR"] = alarm
    rtc["RTC.CR"] = ALRAE
    moment = start + datetime.timedelta(seconds=1)
    while not matches(alarm, moment):
        day_fits = matches(alarm | MASK_SECONDS | MASK_MINUTES | MASK_HOURS, moment)
        moment += datetime.timedelta(seconds=1) if day_fits else datetime.timedelta(days=1)
        if not day_fits:
            moment = moment.replace(hour=0, minute=0, second=0)
    seconds = int((moment - start).total_seconds())
    rtc.machine.advance(seconds * SECOND - 1_000_000)
    assert not rtc["RTC.ISR"] & ALRAF, f"early for {start} {alarm:08x}"
    rtc.machine.advance(2_000_000)
    assert rtc["RTC.ISR"] & ALRAF, f"not at {moment} from {start} {alarm:08x}"
