# SPDX-License-Identifier: MIT
"""machine.PWM measured on the emulated board's pins: frequency and duty from the times of the edges."""

from pathlib import Path

import pytest
from support.board import BoardError
from upstream.test_upstream import HERE, TESTS

pytestmark = pytest.mark.emulator_only

SECOND = 1_000_000_000
UPSTREAM, UNITTEST = Path(TESTS), Path(HERE, "board")


@pytest.fixture
def bench(uart_board):
    uart_board.soft_reset()
    uart_board.exec("from machine import PWM, Pin")
    return uart_board


def measure(bench, pin, periods=4, seconds=5):
    """(frequency in Hz, share of the time high) of what a pin does, over whole periods."""
    edges = bench.edges(pin)
    bench.run_until(lambda: sum(level == 1 for _, level in edges) > periods, seconds)
    rises = [time for time, level in edges if level == 1]
    begin, end = rises[0], rises[periods]
    high = sum(
        later - time
        for (time, level), (later, _) in zip(edges, edges[1:], strict=False)
        if level == 1 and begin <= time < end
    )
    return periods * SECOND / (end - begin), high / (end - begin)


# Pin, its timer and channel: each timer whose pins this board has free, channels 1 to 4. A last one: a pin
# whose PWM takes the timer that would be the first choice.
PINS = (
    ("PA8", 1, 1),
    ("PE11", 1, 2),
    ("PA3", 2, 4),
    ("PB4", 3, 1),
    ("PB1", 3, 4),
    ("PD12", 4, 1),
    ("PD15", 4, 4),
    ("PC8", 8, 3),
    ("PE5", 9, 1),
    ("PB8", 10, 1, "PD12"),
    ("PB9", 11, 1, "PD12"),
    ("PB15", 12, 2),
    ("PA6", 13, 1, "PB4"),
)


@pytest.mark.parametrize("which", PINS)
def test_pwm__frequency_and_duty(bench, which):
    """What was asked for comes out of the pin, to the nanosecond that the clock allows."""
    pin, timer, channel, *before = which
    for other in before:
        bench.exec(f"PWM('{other}', freq=50, duty_u16=1000)")
    bench.exec(f"p = PWM('{pin}', freq=1000, duty_u16=16384)")
    assert bench.eval("repr(p)") == (
        f"PWM(Pin.cpu.{pin}, timer={timer}, channel={channel}, freq=1000, duty_u16=16384)"
    )
    freq, duty = measure(bench, pin)
    assert freq == pytest.approx(1000, rel=1e-6)
    assert duty == pytest.approx(0.25, abs=1e-4)
    bench.exec("p.deinit()")
    assert bench.eval(f"repr(Pin('{pin}'))") == f"Pin(Pin.cpu.{pin}, mode=Pin.IN)"


@pytest.mark.parametrize("freq", (1, 3, 50, 440, 12_345, 100_000, 999_999, 2_000_000))
def test_pwm__frequencies(bench, freq):
    """From 1 Hz to MHz: freq() says what the pin does, and it is as near as the counter gets."""
    bench.exec(f"p = PWM('PD12', freq={freq}, duty_u16=32768)")
    measured, duty = measure(bench, "PD12")
    assert bench.eval("p.freq()") == pytest.approx(measured, abs=0.51)
    assert measured == pytest.approx(freq, rel=max(1e-5, freq / 84e6 / 2))
    assert duty == pytest.approx(0.5, abs=max(1e-4, freq / 84e6))


@pytest.mark.parametrize("freq", (0, -1, 42_000_000, 1 << 40))
def test_pwm__frequency_out_of_range(bench, freq):
    with pytest.raises(BoardError, match="(ValueError: freq out of range|OverflowError)"):
        bench.exec(f"PWM('PD12', freq={freq})")
    # Nothing of it stays: the channel is free for the pin's other name.
    bench.exec("PWM('PB6', freq=50, duty_u16=1).deinit()")


def test_pwm__duty_u16(bench):
    """0 never and 65535 always, without a spike; what was set is what is read."""
    bench.exec("p = PWM('PD12', freq=1000, duty_u16=0)")
    edges = bench.edges("PD12")
    bench.advance(5_000_000)
    assert edges == []
    bench.exec("p.duty_u16(65535)")
    bench.advance(5_000_000)
    assert [level for _, level in edges] == [1]
    for duty in (1, 655, 32768, 65534):
        bench.exec(f"p.duty_u16({duty})")
        assert bench.eval("p.duty_u16()") == duty
        assert measure(bench, "PD12")[1] == pytest.approx(duty / 65535, abs=2e-5)
    for duty in (-1, 65536):
        with pytest.raises(BoardError, match="ValueError: duty_u16 out of range"):
            bench.exec(f"p.duty_u16({duty})")
    assert bench.eval("p.duty_u16()") == 65534


def test_pwm__duty_ns(bench):
    """A servo's pulse: its length stays when the frequency changes, and a ratio's does not."""
    bench.exec("p = PWM('PD12', freq=50, duty_ns=1_500_000)")
    freq, duty = measure(bench, "PD12")
    assert duty / freq == pytest.approx(1.5e-3, abs=1e-6)
    assert bench.eval("(p.duty_ns(), p.duty_u16())") == (1_500_000, 4915)
    bench.exec("p.freq(100)")
    freq, duty = measure(bench, "PD12")
    assert (freq, duty / freq) == (pytest.approx(100, rel=1e-6), pytest.approx(1.5e-3, abs=1e-6))
    with pytest.raises(BoardError, match="ValueError: duty_ns is longer than the period"):
        bench.exec("p.freq(1000)")
    assert bench.eval("p.freq()") == 100
    with pytest.raises(BoardError, match="ValueError: duty_ns is longer than the period"):
        bench.exec("p.duty_ns(10_000_001)")
    with pytest.raises(BoardError, match="ValueError: duty_u16 and duty_ns exclude each other"):
        bench.exec("p.init(duty_u16=1, duty_ns=1)")
    assert bench.eval("p.duty_ns()") == 1_500_000


def test_pwm__pins_of_one_timer(bench):
    """Four LEDs on TIM4: each its own duty, one frequency, which the last freq() of any sets for all."""
    bench.exec("leds = [PWM(f'PD{12 + i}', freq=200, duty_u16=10_000 * (i + 1)) for i in range(4)]")
    for index in range(4):
        freq, duty = measure(bench, f"PD{12 + index}")
        assert (freq, duty) == (
            pytest.approx(200, rel=1e-6),
            pytest.approx((index + 1) * 10_000 / 65535, abs=1e-4),
        )
    bench.exec("leds[3].freq(500)")
    assert bench.eval("[led.freq() for led in leds]") == [500] * 4
    freq, duty = measure(bench, "PD12")
    assert (freq, duty) == (pytest.approx(500, rel=1e-6), pytest.approx(10_000 / 65535, abs=1e-4))
    bench.exec("leds[0].deinit()")
    assert measure(bench, "PD13")[0] == pytest.approx(500, rel=1e-6)


def test_pwm__channel_of_another_pin(bench):
    """Two pins that lead to one channel: another timer of the second pin serves, or it is refused."""
    bench.exec("a = PWM('PC8', freq=100, duty_u16=1000)\nb = PWM('PB4', freq=300, duty_u16=1000)")
    assert bench.eval("repr(a)").startswith("PWM(Pin.cpu.PC8, timer=8, channel=3")
    bench.exec("c = PWM('PA6', freq=700, duty_u16=1000)")
    assert bench.eval("repr(c)").startswith("PWM(Pin.cpu.PA6, timer=13, channel=1")
    assert measure(bench, "PB4")[0] == pytest.approx(300, rel=1e-5)
    bench.exec("d = PWM('PD12', freq=100)")
    with pytest.raises(BoardError, match="ValueError: pin PB6's timer channel is taken"):
        bench.exec("PWM('PB6', freq=100)")
    bench.exec("d.deinit()\nPWM('PB6', freq=100)")


def test_pwm__one_for_a_pin(bench):
    """A second PWM of a pin is the first one, with what is given anew."""
    bench.exec("a = PWM('PD12', freq=100, duty_u16=1000)\nb = PWM('PD12', duty_u16=2000)")
    assert bench.eval("(a is b, a.freq(), a.duty_u16())") == (True, 100, 2000)


def test_pwm__invert(bench):
    bench.exec("p = PWM('PD12', freq=1000, duty_u16=16384, invert=True)")
    assert measure(bench, "PD12")[1] == pytest.approx(0.75, abs=1e-4)
    bench.exec("p.init(invert=False)")
    bench.advance(2_000_000)
    assert measure(bench, "PD12")[1] == pytest.approx(0.25, abs=1e-4)


def test_pwm__before_a_frequency(bench):
    """Without a frequency nothing runs yet; the duty is kept."""
    bench.exec("p = PWM('PD12')\np.duty_u16(16384)")
    assert bench.eval("(p.freq(), p.duty_u16())") == (0, 16384)
    bench.exec("p.freq(1000)")
    assert measure(bench, "PD12")[1] == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(
    "argument, error",
    (
        ("'PD0'", "ValueError: pin PD0 has no PWM"),
        ("'PA9'", "ValueError: pin PA9 belongs to USB .VBUS."),
        ("7", "TypeError: expected a Pin or its name"),
        ("'PD12', freq=10, duty=1", "TypeError"),
    ),
)
def test_pwm__refused(bench, argument, error):
    with pytest.raises(BoardError, match=error):
        bench.exec(f"PWM({argument})")


def test_pwm__after_deinit(bench):
    bench.exec("p = PWM('PD12', freq=100, duty_u16=1000)\np.deinit()\np.deinit()")
    for call in ("freq(1)", "duty_u16(1)", "duty_ns(1)"):
        with pytest.raises(BoardError, match="ValueError: PWM is not active"):
            bench.exec(f"p.{call}")
    bench.exec("p.init(freq=1000, duty_u16=16384)")
    assert measure(bench, "PD12")[1] == pytest.approx(0.25, abs=1e-4)


def test_pwm__soft_reset_stops_it(bench):
    bench.exec("p = PWM('PD12', freq=1000, duty_u16=1000)")
    edges = bench.edges("PD12")
    bench.soft_reset()
    count = len(edges)
    bench.advance(50_000_000)
    assert len(edges) == count
    assert bench.machine["GPIOD"].output(12) is None
    assert not bench.machine.clock.enabled("APB1ENR", 2)


def test_pwm__keeps_over_freq(bench):
    """A change of the core's clock changes neither frequency nor pulse."""
    bench.exec("import machine\np = PWM('PD12', freq=50, duty_ns=1_500_000)")
    for hz in (84_000_000, 42_000_000, 168_000_000):
        bench.exec(f"machine.freq({hz})")
        freq, duty = measure(bench, "PD12")
        assert (freq, duty / freq) == (pytest.approx(50, rel=1e-5), pytest.approx(1.5e-3, abs=1e-6))


@pytest.mark.timeout(900)
def test_pwm__upstream(bench, pytestconfig):
    """MicroPython's own test of PWM, which measures by time_pulse_us() over a wire; its file knows no stm32,
    so the pins of another port in it become ours. Its slow frequencies are for --full."""
    source = (UPSTREAM / "extmod_hardware" / "machine_pwm.py").read_text()
    ours = source.replace('"rp2" in sys.platform', '"stm32" in sys.platform').replace(
        '(("GPIO0", "GPIO1"),)', '(("PD12", "PE7"),)'
    )
    assert ours.count("PD12") == 1
    frequencies = 7
    if not pytestconfig.getoption("full"):
        for slow in (50, 100, 500):
            ours = ours.replace(f"def test_freq_{slow}(", f"def slow_freq_{slow}(")
            frequencies -= 1
    bench.board.wire("PD12", "PE7")
    library = (UNITTEST / "unittest.py").read_text()
    bench.exec(
        "import sys\nclass M: pass\nm = M()\ng = {'__name__': 'unittest'}\n"
        f"exec({library!r}, g)\nfor k in g:\n setattr(m, k, g[k])\nsys.modules['unittest'] = m"
    )
    output = bench.exec(ours, seconds=120)
    assert "FAIL" not in output and "ERROR" not in output, output
    assert output.count(" level=1 timing_er=") == frequencies * 5, output
