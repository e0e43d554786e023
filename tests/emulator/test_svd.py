# SPDX-License-Identifier: MIT
"""Names, offsets and reset values of every model's registers against ST's register description."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from emulator.machine import Machine
from emulator.peripherals.irqs import IRQ
from emulator.peripherals.map import MEMORY_MAP, populate
from emulator.peripherals.unmodelled import Unmodelled

SVD = Path(__file__).resolve().parents[3] / "shared" / "data" / "STM32F407.svd"
pytestmark = pytest.mark.skipif(not SVD.exists(), reason="../shared/data/STM32F407.svd is not there")

SVD_NAMES = {"DBGMCU": "DBG"}
# Parts of one model that the SVD describes as peripherals of their own: (name, offset in the model).
SVD_PARTS = {
    "ETH": (("Ethernet_MAC", 0), ("Ethernet_MMC", 0x100), ("Ethernet_PTP", 0x700), ("Ethernet_DMA", 0x1000)),
    "OTG_FS": (
        ("OTG_FS_GLOBAL", 0),
        ("OTG_FS_HOST", 0x400),
        ("OTG_FS_DEVICE", 0x800),
        ("OTG_FS_PWRCLK", 0xE00),
    ),
    "ADC": (("ADC1", 0), ("ADC2", 0x100), ("ADC3", 0x200), ("C_ADC", 0x300)),
}
# Models that other tests compare: their owners keep names of their own.
ELSEWHERE = {"ETH", "OTG_FS"}

# Where the SVD and RM0090 disagree, the model follows the manual.
KNOWN_RESETS = {
    ("FLASH", "OPTCR"): "RM0090 3.9.10: 0x0FFFAAED, what a virgin chip loads from its option bytes",
    ("PWR", "CR"): "RM0090 5.4.1: 0x00004000, the SVD has no VOS",
    ("RCC", "CR"): "RM0090 7.3.1: HSICAL is undefined after reset, the model reads 0x80",
    ("DBGMCU", "IDCODE"): "revision Y, 0x413; the SVD has the first samples' wrong 0x411 (ES0182 2.1.1)",
    **{
        (usart, "SR"): "RM0090 30.6.1: TXE and TC, 0xC0; the SVD has 0xC00000"
        for usart in ("USART1", "USART2", "USART3", "UART4", "UART5", "USART6")
    },
}
# Registers of a model that the SVD lacks: RM0090 has them.
EXTRA_REGISTERS = {
    **{(uart, "GTPR"): "not on UART4/5, reads as on the others" for uart in ("UART4", "UART5")},
}


def number(text):
    """The SVD's numbers; it has one in binary (SPI I2SPR, "00000010", which RM0090 28.5.9 gives as 2)."""
    binary = len(text) == 8 and set(text) <= {"0", "1"}
    return int(text, 2 if binary else 0)


@pytest.fixture(scope="module")
def svd():
    root = ElementTree.parse(SVD).getroot()
    return {peripheral.findtext("name"): peripheral for peripheral in root.iter("peripheral")}


def svd_registers(svd, name):
    """{offset: ({names}, reset value)} of an SVD peripheral, following derivedFrom."""
    peripheral = svd[name]
    if peripheral.find("registers") is None:
        return svd_registers(svd, peripheral.get("derivedFrom"))
    registers = {}
    for register in peripheral.find("registers"):
        text = register.findtext("name").removeprefix("DBGMCU_")
        offset = number(register.findtext("addressOffset"))
        names = registers.get(offset, ((), 0))[0] + (text,)  # capture and compare modes share an offset
        registers[offset] = (names, number(register.findtext("resetValue")))
    return registers


@pytest.fixture(scope="module")
def board():
    machine = Machine()
    populate(machine)
    return machine


def modelled_names():
    return [
        name
        for name, _, _, where, _ in MEMORY_MAP
        if where and name not in ELSEWHERE | {"SIGNATURE", "BKPSRAM"}
    ]


@pytest.mark.parametrize("name", modelled_names())
def test_svd__registers(name, board, svd):
    model = board[name]
    assert not isinstance(model, Unmodelled), f"{name} has no model"
    expected = {}
    for part, shift in SVD_PARTS.get(name, ((SVD_NAMES.get(name, name), 0),)):
        for offset, register in svd_registers(svd, part).items():
            expected[offset + shift] = register
    for register in model.REGISTERS:
        if (name, register.name) in EXTRA_REGISTERS:
            continue
        assert register.offset in expected, (
            f"{name}.{register.name} at 0x{register.offset:x} is not in the SVD"
        )
        svd_names, svd_reset = expected.pop(register.offset)
        assert register.name.rpartition(".")[2] in svd_names
        if (name, register.name) not in KNOWN_RESETS:
            assert register.reset == svd_reset, (
                f"{name}.{register.name}: 0x{register.reset:x}, SVD 0x{svd_reset:x}"
            )
    assert not expected, f"{name} lacks {expected}"


@pytest.mark.parametrize("name", [row[0] for row in MEMORY_MAP])
def test_svd__base_address(name, board, svd):
    if name in ("SIGNATURE", "BKPSRAM"):
        return
    part = SVD_PARTS[name][0][0] if name in SVD_PARTS else SVD_NAMES.get(name, name)
    part = "OTG_HS_GLOBAL" if name == "OTG_HS" else part
    assert board[name].base == number(svd[part].findtext("baseAddress"))


@pytest.mark.parametrize("name", [row[0] for row in MEMORY_MAP if row[2]])
def test_svd__clock_enable_bit(name, svd):
    """The enable bit in the map is the one that the SVD's RCC names after the peripheral."""
    register, bit = next(row[2] for row in MEMORY_MAP if row[0] == name)
    aliases = {"ETH": "ETHMAC", "OTG_FS": "OTGFS", "OTG_HS": "OTGHS", "I2S2ext": "SPI2", "I2S3ext": "SPI3"}
    fields = {}
    for node in svd["RCC"].find("registers"):
        for field in node.iter("field"):
            fields[node.findtext("name"), field.findtext("name")] = number(field.findtext("bitOffset"))
    assert fields[register, aliases.get(name, name) + "EN"] == bit


def test_svd__interrupt_numbers(svd):
    numbers = {}
    for peripheral in svd.values():
        for interrupt in peripheral.findall("interrupt"):
            numbers[interrupt.findtext("name")] = number(interrupt.findtext("value"))
    assert numbers["RCC"] == 5 and len(numbers) > 70
    for name, value in numbers.items():
        assert IRQ[name] == value


# Bits that software can write in one of the two alone: (model, register) -> why the model has it its way.
KNOWN_BITS = {
    ("RCC", "AHB2LPENR"): "RM0090 7.3.17: CRYP and HASH too, the reset value says so",
    ("PWR", "CR"): "the SVD has no VOS",
    ("PWR", "CSR"): "RM0090 5.4.2: VOSRDY is read-only",
    ("SYSCFG", "CMPCR"): "RM0090 9.2.8: CMP_PD can be written",
    ("RTC", "CR"): "RM0090 26.6.3: BYPSHAD; the SVD lacks it",
    ("RTC", "ISR"): "RM0090 26.6.4: SHPF is read-only",
    ("DBGMCU", "CR"): "RM0090 38.16.3: the SVD has the F1's bits",
    ("DBGMCU", "APB1_FZ"): "RM0090 38.16.4: DBG_RTC_STOP",
    **{(f"I2C{n}", "OAR1"): "RM0090 27.6.3: bit 14 is to be kept at 1 by software" for n in (1, 2, 3)},
    **{
        ("ADC", f"ADC{n}.SMPR{m}"): "RM0090 13.13.4: nine and ten fields of three bits"
        for n in (1, 2, 3)
        for m in (1, 2)
    },
}
# TIM3 and TIM4 count 16 bits; the SVD has TIM2's description for all of them.
SIXTEEN_BITS = {(f"TIM{n}", name) for n in (3, 4) for name in ("CNT", "ARR", "CCR1", "CCR2", "CCR3", "CCR4")}


def svd_writable(svd, name):
    """{offset: mask of the bits that software can write}"""
    peripheral = svd[name]
    if peripheral.find("registers") is None:
        return svd_writable(svd, peripheral.get("derivedFrom"))
    masks = {}
    for register in peripheral.find("registers"):
        offset = number(register.findtext("addressOffset"))
        for field in register.iter("field"):
            if (field.findtext("access") or register.findtext("access")) != "read-only":
                ones = (1 << number(field.findtext("bitWidth"))) - 1
                masks[offset] = masks.get(offset, 0) | ones << number(field.findtext("bitOffset"))
    return masks


@pytest.mark.parametrize("name", modelled_names())
def test_svd__no_writable_bit_is_overlooked(name, board, svd):
    """Each writable bit is modelled, tagged, or seen by the register's on_write; none is invented."""
    expected = {}
    for part, shift in SVD_PARTS.get(name, ((SVD_NAMES.get(name, name), 0),)):
        expected |= {offset + shift: mask for offset, mask in svd_writable(svd, part).items()}
    for register in board[name].REGISTERS:
        if (name, register.name) in KNOWN_BITS or (name, register.name) in EXTRA_REGISTERS:
            continue
        bits = expected.get(register.offset, 0)
        if (name, register.name) in SIXTEEN_BITS:
            bits &= 0xFFFF
        known = register.write | register.w1c | register.w0c | register.w1s | register.tagged
        missing = 0 if register.on_write else bits & ~known
        assert not missing, f"{name}.{register.name} overlooks 0x{missing:08x}"
        assert not known & ~bits, f"{name}.{register.name} invents 0x{known & ~bits:08x}"
