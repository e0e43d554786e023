# SPDX-License-Identifier: MIT
"""machine.lightsleep() and deepsleep(): Stop and Standby of the emulated chip, and every way out of them."""

import pytest
from support.board import BoardError

pytestmark = pytest.mark.emulator_only

MS = 1_000_000


@pytest.fixture
def bench(uart_board):
    machine = uart_board.machine
    machine["GPIOA"].set_input(0, 0)
    uart_board.soft_reset()
    machine.deep_entries.update(stop=0, standby=0)
    uart_board.exec("import machine, time\nfrom machine import Pin")
    return uart_board


def asleep(bench):
    """Let the board go to sleep as the script that was started says; the mode."""
    bench.run_until(lambda: bench.machine.deep)
    return bench.machine.deep


def woken(bench):
    """Let the board come back from Standby; the reset's cause and the wake-up's reason by name."""
    bench.raw_repl()
    bench.exec("import machine, time\nfrom machine import Pin")
    names = "PWRON HARD SOFT WDT DEEPSLEEP FAULT"
    cause = bench.eval(
        f"[n for n in '{names}'.split() if getattr(machine, n + '_RESET') == machine.reset_cause()]"
    )
    reason = bench.eval("{0: None, machine.PIN_WAKE: 'pin', machine.RTC_WAKE: 'rtc'}[machine.wake_reason()]")
    return cause[0], reason


@pytest.mark.parametrize("ms", (5, 20, 1000, 31_000))
def test_lightsleep__lasts(bench, ms):
    """Every clock but the RTC's stands still for the time, and afterwards all goes on, the time included."""
    start = bench.now
    script = f"t = time.ticks_us()\nmachine.lightsleep({ms})\nprint(time.ticks_diff(time.ticks_us(), t))"
    took = int(bench.exec(script, seconds=60))
    assert bench.machine.deep_entries["stop"] == 1
    assert bench.now - start > ms * MS
    assert took == pytest.approx(ms * 1000, abs=8000)  # the RTC counts 1/250 s
    assert bench.eval("machine.freq()") == (168_000_000, 168_000_000, 42_000_000, 84_000_000)
    assert bench.eval("machine.wake_reason() == machine.RTC_WAKE") is True
    t = bench.eval("(time.ticks_us(), time.sleep_ms(100), time.ticks_us())")
    assert t[2] - t[0] == pytest.approx(100_000, abs=2000)


def test_lightsleep__clocks_stand_still(bench):
    bench.start("machine.lightsleep(500)")
    assert asleep(bench) == "stop"
    clock = bench.machine.clock
    assert (clock.hclk, clock.pclk1, clock.timclk1, clock.usbclk) == (0, 0, 0, 0)
    assert clock.rtcclk == 32_000
    retired = bench.board.cpu.icount
    bench.advance(400 * MS)
    assert bench.board.cpu.icount == retired
    bench.finish()


def test_lightsleep__at_another_clock(bench):
    """The dividers are as before, too."""
    bench.exec("machine.freq(42_000_000)\nmachine.lightsleep(50)")
    assert bench.machine.deep_entries["stop"] == 1
    assert bench.eval("machine.freq()[1]") == bench.machine.clock.hclk == 42_000_000
    bench.exec("machine.freq(168_000_000)")


def test_lightsleep__a_pin_wakes(bench):
    """Without a time it ends with a pin's edge, and the handler runs."""
    bench.exec("seen = []\nPin('PE7', Pin.IN).irq(lambda p: seen.append(p.name()), Pin.IRQ_RISING)")
    start = bench.now
    bench.start("machine.lightsleep()\nprint(machine.wake_reason() == machine.PIN_WAKE, seen)")
    assert asleep(bench) == "stop"
    bench.advance(3000 * MS)
    assert bench.machine.deep == "stop"
    bench.machine["GPIOE"].set_input(7, 1)
    assert bench.finish().strip() == "True ['PE7']"
    assert bench.now - start < 3100 * MS
    bench.machine["GPIOE"].set_input(7, None)


def test_lightsleep__an_edge_nobody_asked_for_does_not_wake(bench):
    bench.exec("Pin('PE7', Pin.IN).irq(print, Pin.IRQ_FALLING)")
    bench.start("machine.lightsleep(200)")
    asleep(bench)
    bench.machine["GPIOE"].set_input(7, 1)
    bench.machine["GPIOE"].set_input(8, 1)
    bench.advance(100 * MS)
    assert bench.machine.deep == "stop"
    bench.finish()
    bench.machine["GPIOE"].set_input(7, None)
    bench.machine["GPIOE"].set_input(8, None)


def test_lightsleep__a_timer_is_not_forgotten(bench):
    """What is due before the end of the sleep ends it: nothing fires late for it."""
    bench.exec(
        "at = []\nt = machine.Timer(period=300, mode=machine.Timer.ONE_SHOT,"
        " callback=lambda t: at.append(time.ticks_ms()))"
    )
    bench.exec("a = time.ticks_ms()\nwhile not at:\n machine.lightsleep(10_000)\nprint(at[0] - a)")
    assert bench.machine.deep_entries["stop"] == 1
    assert bench.eval("200 < at[0] - a < 320") is True


def test_lightsleep__threads_are_on_time(bench):
    """A thread that sleeps meanwhile wakes when its own time has come, or at the end of the light sleep."""
    bench.exec(
        "import _thread\ndone = []\ndef f():\n a = time.ticks_ms()\n time.sleep_ms(300)\n"
        " done.append(time.ticks_ms() - a)\n_thread.start_new_thread(f, ())\ntime.sleep_ms(20)\n"
        "machine.lightsleep(1000)\ntime.sleep_ms(30)"
    )
    assert bench.eval("len(done) == 1 and 1000 <= done[0] < 1060") is True


def test_lightsleep__pwm_and_adc_afterwards(bench):
    bench.board.set_voltage("PA3", 1.0)
    bench.exec("p = machine.PWM('PD12', freq=1000, duty_u16=16384)\na = machine.ADC('PA3')\na.read_uv()")
    bench.exec("machine.lightsleep(100)")
    assert bench.eval("a.read_uv()") == pytest.approx(1e6, abs=3000)
    edges = bench.edges("PD12")
    bench.advance(10 * MS)
    rises = [time for time, level in edges if level == 1]
    assert rises[5] - rises[4] == MS


def test_lightsleep__again_and_again(bench):
    """Nothing gets lost: fifty sleeps are fifty times as long as one."""
    script = "t = time.ticks_ms()\nfor _ in range(50):\n machine.lightsleep(100)\nprint(time.ticks_ms() - t)"
    start = bench.now
    took = int(bench.exec(script, seconds=30))
    assert bench.machine.deep_entries["stop"] == 50
    assert took == pytest.approx((bench.now - start) / MS, abs=20)


def test_lightsleep__the_pll_does_not_lock_again(bench, monkeypatch):
    """It ends with an error and 16 MHz, and everything that counts clocks knows of it."""
    bench.exec("p = machine.PWM('PE9', freq=1000, duty_u16=32768)")
    monkeypatch.setattr("emulator.peripherals.rcc.PLL_LOCK_NS", 10_000 * MS)
    try:
        with pytest.raises(BoardError, match="ETIMEDOUT"):
            bench.exec("machine.lightsleep(100)")
        assert bench.eval("machine.freq()") == (16_000_000, 16_000_000, 4_000_000, 8_000_000)
        assert bench.machine.clock.hclk == 16_000_000
        start = bench.now
        took = bench.eval("(time.ticks_us(), time.sleep_ms(200), time.ticks_us(), p.freq())")
        assert took[2] - took[0] == pytest.approx(200_000, abs=2000)
        assert bench.now - start == pytest.approx(200 * MS, abs=60 * MS)
        assert took[3] == 1000
    finally:
        monkeypatch.undo()
        bench.board.reset("pin")
        bench.raw_repl()


def test_lightsleep__refused(bench):
    for argument, error in (
        ("-1", "ValueError: negative time"),
        ("131_072_001", "ValueError: time too long"),
    ):
        with pytest.raises(BoardError, match=error):
            bench.exec(f"machine.lightsleep({argument})")
    assert bench.exec("machine.lightsleep(0)") == ""


def test_lightsleep__with_usb(board):
    """A host that has the device keeps its clocks: only the core sleeps, as long as it was told to."""
    board.exec("import machine, time")
    us = int(board.exec("t = time.ticks_us()\nmachine.lightsleep(50)\nprint(time.ticks_us() - t)"))
    assert 50_000 <= us < 56_000
    assert board.eval("1 + 1") == 2


def test_deepsleep__for_a_time(bench):
    """Standby: RAM and registers are lost, the RTC goes on, and the next start knows why it is one."""
    bench.exec("machine.RTC().datetime((2030, 1, 1, 0, 12, 0, 0, 0))\nPin('PD0', Pin.OUT, value=1)")
    bench.start("machine.deepsleep(5000)")
    assert asleep(bench) == "standby"
    start = bench.now
    ram = bench.board.cpu.read(0x20000000, 0x1000)
    assert bench.machine["GPIOD"].output(0) is None
    bench.run_until(lambda: bench.machine.deep is None)
    assert bench.now - start == pytest.approx(5000 * MS, abs=10 * MS)
    assert woken(bench) == ("DEEPSLEEP", "rtc")
    assert len(set(ram)) > 200  # anything
    assert bench.eval("machine.RTC().datetime()[:7]") == (2030, 1, 1, 2, 12, 0, 5)
    # A reset by other means is no wake-up any more.
    bench.board.reset("pin")
    assert woken(bench) == ("HARD", None)


def test_deepsleep__wake_pin(bench):
    """PA0's rising edge ends it if it was told to, and only then."""
    bench.start("machine.deepsleep(3000)")
    assert asleep(bench) == "standby"
    bench.machine["GPIOA"].set_input(0, 1)
    bench.advance(100 * MS)
    assert bench.machine.deep == "standby"
    bench.machine["GPIOA"].set_input(0, 0)
    assert woken(bench) == ("DEEPSLEEP", "rtc")

    bench.exec("Pin('PA0', Pin.IN).irq(None, Pin.IRQ_RISING, wake=machine.DEEPSLEEP)")
    bench.start("machine.deepsleep()")
    assert asleep(bench) == "standby"
    bench.advance(100_000 * MS)
    assert bench.machine.deep == "standby"
    bench.machine["GPIOA"].set_input(0, 1)
    bench.advance(10 * MS)
    bench.machine["GPIOA"].set_input(0, 0)
    assert woken(bench) == ("DEEPSLEEP", "pin")


def test_deepsleep__reset_button(bench):
    bench.start("machine.deepsleep()")
    assert asleep(bench) == "standby"
    bench.advance(1000 * MS)
    bench.board.reset("pin")
    assert woken(bench) == ("HARD", None)


def test_deepsleep__the_watchdog_bites(bench):
    """It cannot be stopped, in Standby either."""
    bench.start("w = machine.WDT(timeout=1000)\nmachine.deepsleep(10_000)")
    assert asleep(bench) == "standby"
    assert woken(bench) == ("WDT", None)


@pytest.mark.parametrize("ms", (-1, 131_072_001))
def test_deepsleep__refused(bench, ms):
    with pytest.raises(BoardError, match="ValueError"):
        bench.exec(f"machine.deepsleep({ms})")
