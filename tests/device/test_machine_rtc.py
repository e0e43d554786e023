# SPDX-License-Identifier: MIT
"""machine.RTC's alarm, alone and with sleep, in the emulated board's time."""

import pytest
from support.board import BoardError

pytestmark = pytest.mark.emulator_only

MS = 1_000_000
TICK = 12  # ms: the calendar counts 1/250 s, and an alarm is up to two ticks behind


@pytest.fixture
def bench(uart_board):
    uart_board.soft_reset()
    uart_board.exec("import machine, time\nfrom machine import RTC, mem32\nrtc = RTC()")
    uart_board.exec("rtc.datetime((2027, 2, 28, 0, 23, 59, 58, 0))")
    return uart_board


HANDLER = """
seen = []
start = time.ticks_ms()
def handler(r):
    seen.append((time.ticks_ms() - start, r is rtc, irq.flags()))
irq = rtc.irq(trigger=RTC.ALARM0, handler=handler)
"""


@pytest.mark.parametrize("ms", (1, 10, 250, 1999, 5000))
def test_alarm__milliseconds(bench, ms):
    """Never early, and late by no more than three ticks; also over the end of a month."""
    bench.exec(HANDLER + f"rtc.alarm(0, {ms})\ntime.sleep_ms({ms + 50})")
    [(took, same, flags)] = bench.eval("seen")
    assert ms <= took <= ms + TICK and same and flags == 1
    assert bench.eval("rtc.alarm_left()") == 0


def test_alarm__date(bench):
    bench.exec(HANDLER + "rtc.alarm(0, (2027, 3, 1, 0, 0, 0, 3, 0))")
    assert 4900 < bench.eval("rtc.alarm_left(0)") <= 5000
    bench.exec("time.sleep_ms(5100)")
    assert [5000 - 60 < at < 5000 + TICK for at, _, _ in bench.eval("seen")] == [True]
    assert bench.eval("rtc.datetime()[:7]") == (2027, 3, 1, 1, 0, 0, 3)


def test_alarm__repeat(bench):
    """Its times do not drift, however late the handler runs."""
    bench.exec(HANDLER + "rtc.alarm(0, 300, repeat=True)\ntime.sleep_ms(3100)")
    times = [at for at, _, _ in bench.eval("seen")]
    assert len(times) == 10
    for number, at in enumerate(times, 1):
        assert 300 * number <= at <= 300 * number + TICK
    assert 0 < bench.eval("rtc.alarm_left()") <= 300
    bench.exec("rtc.alarm_cancel()\ntime.sleep_ms(500)")
    assert bench.eval("(len(seen), rtc.alarm_left())") == (10, 0)


def test_alarm__again_and_off(bench):
    """A new alarm takes the place of the old; without a handler nothing is called; cancel() is cancel too."""
    bench.exec(HANDLER + "rtc.alarm(0, 100)\nrtc.alarm(0, 200)\ntime.sleep_ms(300)")
    assert bench.eval("len(seen)") == 1
    bench.exec("rtc.alarm(0, 100)\nrtc.cancel(0)\ntime.sleep_ms(200)")
    bench.exec("rtc.irq(handler=None)\nrtc.alarm(time=50)\ntime.sleep_ms(100)")
    assert bench.eval("len(seen)") == 1


@pytest.mark.parametrize(
    "call, error",
    (
        ("alarm(1, 100)", "invalid alarm"),
        ("alarm_left(1)", "invalid alarm"),
        ("alarm(0, 0)", "alarm time is over"),
        ("alarm(0, (2027, 2, 28, 0, 23, 0, 0, 0))", "alarm time is over"),
        ("alarm(0, (2027, 4, 28, 0, 23, 0, 0, 0))", "alarm time too far off"),
        ("alarm(0, (2027, 3, 1, 0, 0, 0, 3, 0), repeat=True)", "only milliseconds repeat"),
        ("alarm(0, (2027, 3, 1))", ""),
        ("irq(trigger=2)", "invalid trigger"),
        ("irq(handler=print, hard=True)", "hard interrupts"),
        ("irq(wake=8)", "invalid wake"),
    ),
)
def test_alarm__refused(bench, call, error):
    with pytest.raises(BoardError, match=f"ValueError: {error}"):
        bench.exec(f"rtc.{call}")


def test_alarm__wakes_from_lightsleep(bench):
    bench.machine.deep_entries.update(stop=0)
    bench.exec(HANDLER + "rtc.alarm(0, 2000)\nmachine.lightsleep(10_000)\nprint(seen)")
    assert bench.machine.deep_entries["stop"] == 1
    [(took, _, _)] = bench.eval("seen")
    assert 2000 <= took <= 2000 + 2 * TICK
    assert bench.eval("machine.wake_reason() == machine.RTC_WAKE") is True


def test_alarm__wakes_from_deepsleep(bench):
    bench.start("rtc.irq(wake=machine.DEEPSLEEP)\nrtc.alarm(0, 3000)\nmachine.deepsleep()")
    bench.run_until(lambda: bench.machine.deep == "standby")
    start = bench.now
    bench.run_until(lambda: bench.machine.deep is None)
    assert bench.now - start == pytest.approx(3000 * MS, abs=50 * MS)
    bench.raw_repl()
    bench.exec("import machine")
    assert bench.eval("machine.reset_cause() == machine.DEEPSLEEP_RESET") is True
    assert bench.eval("machine.wake_reason() == machine.RTC_WAKE") is True
    assert bench.eval("machine.RTC().datetime()[:7]") == (2027, 3, 1, 1, 0, 0, 1)


def test_alarm__soft_reset_takes_it_away(bench):
    bench.exec(HANDLER + "rtc.alarm(0, 100, repeat=True)")
    bench.soft_reset()
    assert bench.machine["RTC"].regs[0x08] & 0x1100 == 0


def test_rtc__init_now_deinit(bench):
    """init() takes the date without a weekday, now() gives it so, deinit() starts over in 2015."""
    bench.exec("rtc.init((2031, 5, 6, 7, 8, 9, 0, None))")
    assert bench.eval("rtc.datetime()[:7]") == (2031, 5, 6, 2, 7, 8, 9)
    assert bench.eval("rtc.now()[:6] + rtc.now()[7:]") == (2031, 5, 6, 7, 8, 9, None)
    bench.exec("rtc.init()")
    assert bench.eval("rtc.now()[0]") == 2031
    bench.exec("rtc.deinit()")
    assert bench.eval("rtc.datetime()[:7]") == (2015, 1, 1, 4, 0, 0, 0)


def test_rtc__calibration(bench):
    """The rate changes by what was asked for, in steps of 0.954 ppm."""
    for value in (-511, 0, 512):
        bench.exec(f"rtc.calibration({value})")
        assert bench.eval("rtc.calibration()") == value
        ticks, ns = bench.machine["RTC"]._rate()
        assert ticks / ns * 1e9 / 250 == pytest.approx(1 + value / (1 << 20), abs=1e-9)
    for value in (-512, 513):
        with pytest.raises(BoardError, match="ValueError: calibration out of range"):
            bench.exec(f"rtc.calibration({value})")
    bench.exec("rtc.calibration(0)")


def test_datetime__the_crystal_does_not_start(bench):
    """The RC oscillator takes its place in time, although the core sleeps while it waits."""
    bench.exec(
        "BDCR = 0x4002_3870\n"
        "mem32[BDCR] |= 1 << 16\nmem32[BDCR] &= ~(1 << 16)\n"  # BDRST: nobody has asked for the calendar yet
        "mem32[BDCR] |= 1"  # LSEON
    )
    start = bench.now
    bench.exec("rtc.datetime()", seconds=60)
    assert 3000 * MS < bench.now - start < 3500 * MS
    assert bench.eval("mem32[BDCR] >> 8 & 3") == 2  # LSI
    assert bench.eval("rtc.datetime()[0]") == 2000
