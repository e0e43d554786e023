# SPDX-License-Identifier: MIT
"""ADC: single conversions, sequences, the internal sources (RM0090 chapter 13)."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ

EOC, STRT, OVR = 2, 1 << 4, 1 << 5
ADON, CONT, DMA, EOCS, ALIGN, SWSTART = 1, 2, 1 << 8, 1 << 10, 1 << 11, 1 << 30
TSVREFE, VBATE = 1 << 23, 1 << 22


@pytest.fixture
def adc(bus):
    bus["ADC.ADC1.CR2"] = ADON
    bus.machine.advance(3_000)
    return bus


def convert(bus, channel=None, extra=0):
    if channel is not None:
        bus["ADC.ADC1.SQR3"] = channel
    bus["ADC.ADC1.CR2"] = ADON | SWSTART | extra
    bus.machine.advance(100_000)
    assert bus["ADC.ADC1.SR"] & EOC
    return bus["ADC.ADC1.DR"]


@pytest.mark.parametrize("volts, value", ((0, 0), (1.65, 2048), (3.3, 4095), (5, 4095), (-1, 0)))
def test_adc__conversion(adc, volts, value):
    adc.machine["ADC"].set_voltage(5, volts)
    assert convert(adc, 5) == value
    assert not adc["ADC.ADC1.SR"] & EOC


def test_adc__time(adc):
    """3 + 12 cycles of PCLK2/2."""
    adc["ADC.ADC1.CR2"] = ADON | SWSTART
    assert adc["ADC.ADC1.SR"] == STRT
    adc.machine.advance(1_874)
    assert not adc["ADC.ADC1.SR"] & EOC
    adc.machine.advance(1)
    assert adc["ADC.ADC1.SR"] & EOC


def test_adc__internal_sources(adc):
    assert convert(adc, 17) == 0
    adc["ADC.CCR"] = TSVREFE | VBATE
    assert convert(adc, 17) == int(1.21 / 3.3 * 4096)
    assert convert(adc, 18) == int(1.5 / 3.3 * 4096)
    adc.machine["ADC"].temperature = 110
    cal_30 = int.from_bytes(adc.machine.memory.read(0x1FFF7A2C, 2), "little")
    cal_110 = int.from_bytes(adc.machine.memory.read(0x1FFF7A2E, 2), "little")
    degrees = (convert(adc, 16) - cal_30) * 80 / (cal_110 - cal_30) + 30
    assert degrees == pytest.approx(110, abs=3)


@pytest.mark.parametrize("res, value", ((0, 2048), (1, 512), (2, 128), (3, 32)))
def test_adc__resolution(adc, res, value):
    adc.machine["ADC"].set_voltage(0, 1.65)
    adc["ADC.ADC1.CR1"] = res << 24
    assert convert(adc, 0) == value


def test_adc__left_aligned(adc):
    adc.machine["ADC"].set_voltage(0, 1.65)
    assert convert(adc, 0, ALIGN) == 0x8000


def test_adc__interrupt(adc):
    adc["ADC.ADC1.CR1"] = 1 << 5
    adc["ADC.ADC1.CR2"] = ADON | SWSTART
    adc.machine.advance(10_000)
    assert adc.irq(IRQ["ADC"])
    adc["ADC.ADC1.SR"] = 0
    assert not adc.irq(IRQ["ADC"])


def test_adc__scan_by_dma(adc):
    for channel, volts in ((3, 0.5), (11, 1.0), (1, 1.5)):
        adc.machine["ADC"].set_voltage(channel, volts)
    adc["DMA2.S0PAR"], adc["DMA2.S0M0AR"], adc["DMA2.S0NDTR"] = adc.address("ADC.ADC1.DR"), 0x20000000, 3
    adc["DMA2.S0CR"] = 1 << 13 | 1 << 11 | 1 << 10 | 1
    adc["ADC.ADC1.SQR1"] = 2 << 20
    adc["ADC.ADC1.SQR3"] = 3 | 11 << 5 | 1 << 10
    adc["ADC.ADC1.CR1"] = 1 << 8
    adc["ADC.ADC1.CR2"] = ADON | DMA | SWSTART
    adc.machine.advance(100_000)
    data = adc.machine.memory.read(0x20000000, 6)
    values = [int.from_bytes(data[n : n + 2], "little") for n in (0, 2, 4)]
    assert values == [int(volts / 3.3 * 4096) for volts in (0.5, 1.0, 1.5)]


def test_adc__overrun(adc):
    adc["ADC.ADC1.CR2"] = ADON | CONT | EOCS | SWSTART
    adc.machine.advance(10_000)
    assert adc["ADC.ADC1.SR"] & OVR
    assert adc["ADC.CSR"] & OVR


def test_adc__off(bus):
    with pytest.raises(GuestError, match="ADON is 0"):
        bus["ADC.ADC2.CR2"] = SWSTART


def test_adc__each_has_its_clock(chip):
    chip["RCC.APB2ENR"] = 1 << 9
    assert chip["ADC.ADC2.SR"] == 0
    with pytest.raises(GuestError, match="clock is off"):
        chip["ADC.ADC1.SR"]


def test_adc__voltage_of_a_pin(adc):
    """PC4 is channel 14 of ADC1 and ADC2 alone; PF4 is channel 14 of ADC3."""
    model = adc.machine["ADC"]
    model.set_pin_voltage("GPIOC", 4, 1.1)
    model.set_pin_voltage("GPIOF", 4, 2.2)
    assert model.voltages == {(1, 14): 1.1, (2, 14): 1.1, (3, 14): 2.2}
    assert convert(adc, 14) == int(1.1 / 3.3 * 4096)
    with pytest.raises(ValueError, match="GPIOD pin 0 has no ADC"):
        model.set_pin_voltage("GPIOD", 0, 1)


def test_adc__pin_that_the_chip_drives(adc):
    adc.machine["ADC"].set_pin_voltage("GPIOA", 3, 1.0)
    adc["GPIOA.MODER"] = adc["GPIOA.MODER"] | 1 << 6
    adc["GPIOA.BSRR"] = 1 << 3
    assert convert(adc, 3) == 4095
    adc["GPIOA.MODER"] = adc["GPIOA.MODER"] | 3 << 6
    assert convert(adc, 3) == int(1.0 / 3.3 * 4096)


def test_adc__vdda(adc):
    """A lower VDDA reads VREFINT as more: that is how firmware measures it."""
    adc["ADC.CCR"] = TSVREFE
    adc.machine["ADC"].vdda = 3.0
    assert convert(adc, 17) == int(1.21 / 3.0 * 4096)
