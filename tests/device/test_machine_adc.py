# SPDX-License-Identifier: MIT
"""machine.ADC against voltages that the test puts on the emulated board's pins."""

import pytest
from support.board import BoardError

pytestmark = pytest.mark.emulator_only


@pytest.fixture
def bench(uart_board):
    uart_board.soft_reset()
    model = uart_board.machine["ADC"]
    model.vdda, model.vbat, model.temperature = 3.3, 3.0, 25.0
    uart_board.exec("from machine import ADC, Pin")
    return uart_board


@pytest.mark.parametrize("volts, raw", ((0, 0), (0.825, 1024), (1.65, 2048), (3.3, 4095)))
def test_adc__read_u16(bench, volts, raw):
    """Twelve bits are stretched to sixteen: 0 stays 0, the most is 65535."""
    bench.board.set_voltage("PA3", volts)
    assert bench.eval("ADC(Pin('PA3')).read_u16()") == raw << 4 | raw >> 8


@pytest.mark.parametrize("pin, volts", (("PA0", 0.3), ("PA4", 0.9), ("PB1", 1.5), ("PC3", 2.1)))
def test_adc__each_pin_has_its_channel(bench, pin, volts):
    """The voltage read is the one on that pin and no other."""
    for other in ("PA0", "PA3", "PA4", "PB0", "PB1", "PC0", "PC3"):
        bench.board.set_voltage(other, 3.3)
    bench.board.set_voltage(pin, volts)
    assert bench.eval(f"ADC('{pin}').read_uv()") == pytest.approx(volts * 1e6, abs=3000)
    assert bench.eval(f"repr(Pin('{pin}'))") == f"Pin(Pin.cpu.{pin}, mode=Pin.ANALOG)"


@pytest.mark.parametrize("vdda", (2.0, 2.8, 3.3, 3.6))
def test_adc__read_uv_knows_vdda(bench, vdda):
    """Microvolts come from the factory's calibration of VREFINT, not from a supposed supply."""
    bench.machine["ADC"].vdda = vdda
    bench.board.set_voltage("PA3", 1.0)
    assert bench.eval("ADC('PA3').read_uv()") == pytest.approx(1e6, abs=4000)
    assert bench.eval("ADC.read_vref()") == pytest.approx(vdda, abs=0.005)


def test_adc__internal_sources(bench):
    """Temperature, reference and battery, raw and in their units."""
    model = bench.machine["ADC"]
    model.vbat = 2.9
    assert bench.eval("ADC(ADC.CORE_VREF).read_uv()") == pytest.approx(1.21e6, abs=2000)
    assert bench.eval("ADC(ADC.CORE_VBAT).read_uv()") == pytest.approx(1.45e6, abs=2000)
    assert bench.eval("ADC.read_core_vbat()") == pytest.approx(2.9, abs=0.005)
    for degrees, vdda in ((-40, 3.3), (30, 3.3), (30, 3.0), (110, 2.5)):
        model.temperature, model.vdda = degrees, vdda
        assert bench.eval("ADC.read_core_temp()") == pytest.approx(degrees, abs=3)
    # Nothing that loads the battery or takes current stays connected.
    assert bench.eval("__import__('machine').mem32[0x40012304] & (3 << 22)") == 0


def test_adc__sample_ns(bench):
    """The conversion lasts as long as was asked for, and no less."""
    bench.exec("import machine\na = ADC('PA3', sample_ns=1000)\na.read_u16()")
    assert bench.eval("machine.mem32[0x40012010] >> 9 & 7") == 2  # 28 cycles of 21 MHz: 1.3 us
    bench.exec("a.init(sample_ns=20_000)\na.read_u16()")
    assert bench.eval("machine.mem32[0x40012010] >> 9 & 7") == 7  # 480 cycles: 22.9 us
    with pytest.raises(BoardError, match="ValueError: sample_ns too long"):
        bench.exec("a.init(sample_ns=23_000)")


def test_adc__refused(bench):
    for argument, error in (
        ("'PD0'", "ValueError: pin PD0 has no ADC"),
        ("'PA1'", "ValueError: pin PA1 belongs to Ethernet .REF_CLK."),
        ("15", "ValueError: ADC.15. doesn't exist"),
        ("19", "ValueError: ADC.19. doesn't exist"),
        ("None", "TypeError: expected a Pin or its name"),
    ):
        with pytest.raises(BoardError, match=error):
            bench.exec(f"ADC({argument})")
    assert bench.eval("repr(ADC('PC3'))") == "<ADC1 channel=13>"


def test_adc__at_a_low_clock(bench):
    """The converter's clock follows PCLK2, and what it reads stays."""
    bench.board.set_voltage("PA3", 1.0)
    bench.exec("import machine\nmachine.freq(42_000_000)")
    assert bench.eval("ADC('PA3').read_uv()") == pytest.approx(1e6, abs=3000)
    bench.exec("machine.freq(168_000_000)")
