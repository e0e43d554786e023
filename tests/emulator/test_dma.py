# SPDX-License-Identifier: MIT
"""DMA1 and DMA2: transfers, flags, errors (RM0090 chapter 10). The USART and TIM tests drive requests."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.dma import REQUESTS
from emulator.peripherals.irqs import IRQ

EN, TEIE, HTIE, TCIE, CIRC, PINC, MINC, DBM, CT = 1, 4, 8, 16, 1 << 8, 1 << 9, 1 << 10, 1 << 18, 1 << 19
M2P, M2M = 1 << 6, 2 << 6
PSIZE16, PSIZE32, MSIZE16, MSIZE32 = 1 << 11, 2 << 11, 1 << 13, 2 << 13
DMDIS = 4
TCIF, HTIF, TEIF, FEIF = 0x20, 0x10, 8, 1
SOURCE, TARGET = 0x20000000, 0x20008000


def fill(bus, size):
    data = bytes((7 * n + 3) & 0xFF for n in range(size))
    bus.machine.memory.write(SOURCE, data)
    return data


def memory_to_memory(bus, count, extra=PSIZE32 | MSIZE32, source=SOURCE, target=TARGET):
    bus["DMA2.S0PAR"], bus["DMA2.S0M0AR"], bus["DMA2.S0NDTR"] = source, target, count
    bus["DMA2.S0FCR"] = DMDIS | 3
    bus["DMA2.S0CR"] = M2M | PINC | MINC | TCIE | HTIE | TEIE | extra | EN


def test_dma__request_tables():
    """A few places of RM0090 tables 42 and 43."""
    assert REQUESTS["DMA1"]["USART2_RX"] == [(5, 4)]
    assert REQUESTS["DMA1"]["SPI3_RX"] == [(0, 0), (2, 0)]
    assert REQUESTS["DMA1"]["TIM6_UP"] == [(1, 7)]
    assert REQUESTS["DMA2"]["USART6_TX"] == [(6, 5), (7, 5)]
    assert REQUESTS["DMA2"]["USART1_RX"] == [(2, 4), (5, 4)]
    assert REQUESTS["DMA2"]["SDIO"] == [(3, 4), (6, 4)]


def test_dma__memory_to_memory(bus):
    data = fill(bus, 1000)
    memory_to_memory(bus, 250)
    assert bus["DMA2.S0NDTR"] == 250
    bus.machine.advance(10_000_000)
    assert bus.machine.memory.read(TARGET, 1000) == data
    assert bus["DMA2.LISR"] == TCIF | HTIF
    assert bus["DMA2.S0NDTR"] == 0
    assert not bus["DMA2.S0CR"] & EN
    assert bus.irq(IRQ["DMA2_Stream0"])
    bus["DMA2.LIFCR"] = TCIF | HTIF
    assert bus["DMA2.LISR"] == 0
    assert not bus.irq(IRQ["DMA2_Stream0"])


def test_dma__takes_time(bus):
    fill(bus, 4000)
    memory_to_memory(bus, 1000)
    bus.machine.advance(100_000)
    assert 0 < bus["DMA2.S0NDTR"] < 1000
    assert bus["DMA2.S0CR"] & EN


@pytest.mark.parametrize("sizes", (MSIZE32, PSIZE16 | MSIZE32, PSIZE32, PSIZE32 | MSIZE16, PSIZE16))
def test_dma__packing(bus, sizes):
    """NDTR counts data of PSIZE; memory gets the same bytes whatever MSIZE is."""
    data = fill(bus, 64)
    psize = 1 << (sizes >> 11 & 3)
    memory_to_memory(bus, 64 // psize, sizes)
    bus.machine.advance(10_000_000)
    assert bus.machine.memory.read(TARGET, 64) == data


def test_dma__only_dma2_copies_memory(bus):
    bus["DMA1.S0NDTR"] = 1
    bus["DMA1.S0FCR"] = DMDIS | 3
    with pytest.raises(GuestError, match="only DMA2"):
        bus["DMA1.S0CR"] = M2M | EN
    assert not bus["DMA1.S0CR"] & EN
    assert bus["DMA1.LISR"] == TEIF


def test_dma__flash_is_a_source(bus):
    bus.machine.memory.write(0x08000100, b"\x01\x02\x03\x04")
    memory_to_memory(bus, 1, source=0x08000100)
    bus.machine.advance(1_000_000)
    assert bus.machine.memory.read(TARGET, 4) == b"\x01\x02\x03\x04"


@pytest.mark.parametrize("where", ({"target": 0x10000000}, {"source": 0x10000000}, {"source": 0x20020000}))
def test_dma__ccm_is_out_of_reach(bus, where):
    memory_to_memory(bus, 10, **where)
    bus.machine.advance(1_000_000)
    assert bus["DMA2.LISR"] & TEIF
    assert not bus["DMA2.S0CR"] & EN
    assert bus.irq(IRQ["DMA2_Stream0"])


def test_dma__dma1_does_not_reach_ahb(bus):
    bus["DMA1.S1PAR"], bus["DMA1.S1M0AR"], bus["DMA1.S1NDTR"] = bus.address("GPIOA.ODR"), SOURCE, 1
    bus["DMA1.S1CR"] = 7 << 25 | M2P | EN
    bus.machine["DMA1"].pulse("TIM6_UP")
    bus.machine.advance(10_000)
    assert bus["DMA1.LISR"] >> 6 & 0x3F == TEIF


def stream_to_gpio(bus, extra, count):
    """TIM8_UP requests on DMA2 stream 1 channel 7: bytes from memory to a port."""
    bus["DMA2.S1PAR"], bus["DMA2.S1M0AR"], bus["DMA2.S1NDTR"] = bus.address("GPIOD.ODR"), SOURCE, count
    bus["DMA2.S1CR"] = 7 << 25 | M2P | MINC | extra | EN


def pulse(bus, times=1):
    values = []
    for _ in range(times):
        bus.machine["DMA2"].pulse("TIM8_UP")
        bus.machine.advance(10_000)
        values.append(bus["GPIOD.ODR"] & 0xFF)
    return values


def test_dma__one_datum_a_request(bus):
    data = fill(bus, 8)
    stream_to_gpio(bus, 0, 4)
    assert pulse(bus, 3) == list(data[:3])
    assert bus["DMA2.S1NDTR"] == 1
    assert pulse(bus, 2) == [data[3]] * 2
    assert not bus["DMA2.S1CR"] & EN


def test_dma__circular(bus):
    data = fill(bus, 8)
    stream_to_gpio(bus, CIRC, 3)
    assert pulse(bus, 7) == [data[n % 3] for n in range(7)]
    assert bus["DMA2.S1CR"] & EN
    assert bus["DMA2.S1NDTR"] == 2


def test_dma__double_buffer(bus):
    data = fill(bus, 16)
    bus["DMA2.S1M1AR"] = SOURCE + 8
    stream_to_gpio(bus, DBM, 2)
    assert pulse(bus, 2) == list(data[:2])
    assert bus["DMA2.S1CR"] & CT
    bus["DMA2.S1M0AR"] = SOURCE + 4
    with pytest.raises(GuestError, match="in use"):
        bus["DMA2.S1M1AR"] = SOURCE
    assert pulse(bus, 4) == [data[8], data[9], data[4], data[5]]


def test_dma__peripheral_to_memory_half_words(bus):
    bus.machine["GPIOD"].set_input(9, 1)
    bus["DMA2.S1PAR"], bus["DMA2.S1M0AR"], bus["DMA2.S1NDTR"] = bus.address("GPIOD.IDR"), TARGET, 2
    bus["DMA2.S1CR"] = 7 << 25 | MINC | PSIZE16 | MSIZE16 | EN
    pulse(bus)
    bus.machine["GPIOD"].set_input(0, 1)
    pulse(bus)
    assert bus.machine.memory.read(TARGET, 4) == b"\x00\x02\x01\x02"
    assert bus["DMA2.LISR"] >> 6 == TCIF | HTIF


def test_dma__other_channels_requests_are_ignored(bus):
    fill(bus, 8)
    stream_to_gpio(bus, 0, 4)
    bus.machine["DMA2"].pulse("TIM1_UP")
    bus.machine["DMA2"].signal("SPI1_RX", True)
    bus.machine.advance(100_000)
    assert bus["DMA2.S1NDTR"] == 4


def test_dma__disabling_early(bus):
    bus["DMA2.S1PAR"], bus["DMA2.S1M0AR"], bus["DMA2.S1NDTR"] = bus.address("GPIOD.IDR"), TARGET, 4
    bus["DMA2.S1FCR"] = DMDIS | 3
    bus.machine["GPIOD"].set_input(1, 1)
    bus["DMA2.S1CR"] = 7 << 25 | MINC | EN
    pulse(bus)
    assert bus.machine.memory.read(TARGET, 1) == b"\x00"
    bus["DMA2.S1CR"] = 0
    assert bus.machine.memory.read(TARGET, 1) == b"\x02"
    assert bus["DMA2.S1NDTR"] == 3
    assert bus["DMA2.LISR"] >> 6 == TCIF


def test_dma__settings_are_fixed_while_enabled(bus):
    stream_to_gpio(bus, 0, 4)
    for register in ("S1NDTR", "S1PAR", "S1M0AR"):
        with pytest.raises(GuestError, match="no effect"):
            bus[f"DMA2.{register}"] = 1
    with pytest.raises(GuestError, match="only the enables change"):
        bus.set("DMA2.S1CR", PSIZE32)
    bus.set("DMA2.S1CR", TCIE)
    assert bus["DMA2.S1CR"] & TCIE


@pytest.mark.parametrize(
    "threshold, burst, size, fits", ((3, 1, MSIZE32, True), (0, 1, MSIZE32, False), (2, 1, MSIZE16, False))
)
def test_dma__burst_and_threshold(bus, threshold, burst, size, fits):
    """RM0090 table 48."""
    bus["DMA2.S1M0AR"], bus["DMA2.S1PAR"], bus["DMA2.S1NDTR"] = SOURCE, bus.address("GPIOD.ODR"), 4
    bus["DMA2.S1FCR"] = DMDIS | threshold
    setting = 7 << 25 | burst << 23 | M2P | MINC | PSIZE32 | size | EN
    if fits:
        bus["DMA2.S1CR"] = setting
    else:
        with pytest.raises(GuestError, match="threshold and memory burst"):
            bus["DMA2.S1CR"] = setting
        assert bus["DMA2.LISR"] >> 6 == FEIF


def test_dma__reset(bus):
    fill(bus, 4000)
    memory_to_memory(bus, 1000)
    bus.machine.advance(50_000)
    bus["RCC.AHB1RSTR"] = 1 << 22
    bus["RCC.AHB1RSTR"] = 0
    assert bus["DMA2.S0CR"] == 0 and bus["DMA2.LISR"] == 0
    bus.machine.advance(10_000_000)
    assert bus["DMA2.LISR"] == 0
