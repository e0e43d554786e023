# SPDX-License-Identifier: MIT
"""The register header against ST's SVD: offsets, bases, interrupt numbers and every bit.

The header is compiled with the firmware's own compiler as a file of _Static_asserts made from the SVD, so
what is checked is what the firmware sees.
"""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAL = ROOT / "ports" / "stm32f407" / "hal"
CACHE = Path(os.environ.get("CACHE", Path.home() / ".cache" / "mplwip"))
MICROPYTHON = Path(os.environ.get("MICROPYTHON_DIR", CACHE / "src" / "micropython-1.25.0"))
SVD = Path(os.environ.get("STM32F407_SVD", ROOT.parent / "shared" / "data" / "STM32F407.svd"))
GCC = shutil.which("arm-none-eabi-gcc")

pytestmark = [
    pytest.mark.skipif(not SVD.exists(), reason="ST's SVD file is not on this machine"),
    pytest.mark.skipif(GCC is None, reason="arm-none-eabi-gcc is not installed"),
]

# CMSIS's name of a block -> (SVD peripheral that describes it, C type).
BLOCKS = {
    "RCC": ("RCC", "RCC_TypeDef"),
    "PWR": ("PWR", "PWR_TypeDef"),
    "FLASH": ("FLASH", "FLASH_TypeDef"),
    "GPIO": ("GPIOA", "GPIO_TypeDef"),
    "SYSCFG": ("SYSCFG", "SYSCFG_TypeDef"),
    "EXTI": ("EXTI", "EXTI_TypeDef"),
    "USART": ("USART6", "USART_TypeDef"),
    "RNG": ("RNG", "RNG_TypeDef"),
    "RTC": ("RTC", "RTC_TypeDef"),
    "IWDG": ("IWDG", "IWDG_TypeDef"),
    "DBGMCU": ("DBG", "DBGMCU_TypeDef"),
    "TIM": ("TIM1", "TIM_TypeDef"),
    "ADC": ("ADC1", "ADC_TypeDef"),
    "ADC_C": ("C_ADC", "ADC_Common_TypeDef"),
    "SPI": ("SPI1", "SPI_TypeDef"),
    "I2C": ("I2C3", "I2C_TypeDef"),
    "DMA": ("DMA2", "DMA_TypeDef"),
}
# SVD register name -> member, where they differ. None: the header leaves it out.
MEMBERS = {
    "RCC": {},
    "GPIO": {"AFRL": "AFR[0]", "AFRH": "AFR[1]"},
    "SYSCFG": {"MEMRM": "MEMRMP", **{f"EXTICR{n + 1}": f"EXTICR[{n}]" for n in range(4)}},
    "RTC": {f"BKP{n}R": f"BKPR[{n}]" for n in range(20)},
    "DBGMCU": {
        "DBGMCU_IDCODE": "IDCODE",
        "DBGMCU_CR": "CR",
        "DBGMCU_APB1_FZ": "APB1FZ",
        "DBGMCU_APB2_FZ": "APB2FZ",
    },
    "TIM": {"CCMR1_Output": "CCMR1", "CCMR1_Input": "CCMR1", "CCMR2_Output": "CCMR2", "CCMR2_Input": "CCMR2"},
}
# Bit names that CMSIS (and RM0090) spell otherwise than the SVD.
SPELLING = {
    "UART2RST": "USART2RST",
    "UART3RST": "USART3RST",
    "PADRSTF": "PINRSTF",
    "WDGRSTF": "IWDGRSTF",
    "NF": "NE",
    "F_S": "FS",
    "DBG_IWDEG_STOP": "DBG_IWDG_STOP",
}
# Macros that stand in RM0090 but not in the SVD, or are values of a field rather than fields.
NOT_IN_SVD = {"PWR_CR_VOS"} | {f"RCC_CFGR_{s}_{c}" for s in ("SW", "SWS") for c in ("HSI", "HSE", "PLL")}
IRQ_SPELLING = {"HASH_RNG": "RNG", "FPU": "FPU"}
SPLIT_FIELD = re.compile(r"^(PLLM|PLLN|PLLP|PLLQ|SWS|SW|RTCSEL)\d$")


@pytest.fixture(scope="module")
def svd():
    return {p.findtext("name"): p for p in ElementTree.parse(SVD).getroot().find("peripherals")}


def compile_asserts(tmp_path, lines):
    """Compile the assertions; the compiler's error names each one that does not hold."""
    source = tmp_path / "asserts.c"
    source.write_text('#include <stddef.h>\n#include "stm32f4xx.h"\n' + "\n".join(lines) + "\n")
    command = [GCC, "-mcpu=cortex-m4", "-mthumb", "-fsyntax-only", f"-I{HAL}"]
    command += [f"-I{MICROPYTHON / 'lib' / 'cmsis' / 'inc'}", str(source)]
    run = subprocess.run(command, capture_output=True, text=True)
    errors = re.findall(r"static assertion failed: (.*)", run.stderr)
    assert run.returncode == 0, "\n".join(errors) or run.stderr


def register_offsets(block, peripheral):
    for register in peripheral.find("registers"):
        name = register.findtext("name")
        yield MEMBERS.get(block, {}).get(name, name), int(register.findtext("addressOffset"), 0)


def fields_of(register):
    """The fields of one register, with those that the SVD cuts into single bits put together again."""
    fields = {}
    for field in register.find("fields"):
        name = field.findtext("name")
        offset, width = int(field.findtext("bitOffset")), int(field.findtext("bitWidth"))
        split = SPLIT_FIELD.match(name)
        if split:
            old_offset, old_width = fields.get(split.group(1), (99, 0))
            fields[split.group(1)] = (min(old_offset, offset), old_width + 1)
        else:
            fields[SPELLING.get(name, name)] = (offset, width)
    return fields


def svd_bits(svd):
    """Every bit mask of the SVD under the macro name that the header would give it."""
    bits = {}
    for block, (peripheral, _) in BLOCKS.items():
        prefix = "ADC" if block == "ADC_C" else block
        for register in svd[peripheral].find("registers"):
            if register.find("fields") is None:
                continue
            name = register.findtext("name").removeprefix("DBGMCU_").removesuffix("_Output")
            name = {"MEMRM": "MEMRMP", "S0CR": "SxCR", "S0FCR": "SxFCR"}.get(name, name)
            for field, (offset, width) in fields_of(register).items():
                bits[f"{prefix}_{name}_{field}"] = (offset, width)
    return bits


def test_register_offsets(svd, tmp_path):
    """A member at the wrong offset makes the driver write another register."""
    lines = []
    for block, (peripheral, c_type) in BLOCKS.items():
        if block == "DMA":
            continue  # its streams are a type of their own, see below
        for member, offset in register_offsets(block, svd[peripheral]):
            lines.append(f'_Static_assert(offsetof({c_type}, {member}) == {offset}, "{block}.{member}");')
    for member, offset in register_offsets("DMA", svd["DMA2"]):
        if (stream := re.match(r"S(\d)(.*)", member)) is None:
            lines.append(f'_Static_assert(offsetof(DMA_TypeDef, {member}) == {offset}, "DMA.{member}");')
            continue
        address = f"(unsigned)&DMA_STREAM(DMA2_BASE, {stream.group(1)})->{stream.group(2)}"
        lines.append(f'_Static_assert({address} == DMA2_BASE + {offset}, "DMA.{member}");')
    assert len(lines) > 220
    compile_asserts(tmp_path, lines)


def test_base_addresses(svd, tmp_path):
    """Every block lies where the SVD says."""
    other = {"DBG": "DBGMCU_BASE", "FLASH": "FLASH_R_BASE", "C_ADC": "ADC_COMMON_BASE"}
    other["OTG_FS_GLOBAL"] = "USB_OTG_FS_PERIPH_BASE"
    header = (HAL / "stm32f4xx.h").read_text()
    defined = set(re.findall(r"#define (\w+_BASE) \(0x", header))
    lines, seen = [], set()
    for name, peripheral in svd.items():
        macro = other.get(name, f"{name}_BASE")
        if macro in defined:
            seen.add(macro)
            address = int(peripheral.findtext("baseAddress"), 0)
            lines.append(f'_Static_assert({macro} == {address:#x}, "{macro}");')
    memory = {
        "FLASH_BASE",
        "SRAM1_BASE",
        "CCMDATARAM_BASE",
        "SYSTEM_MEMORY_BASE",
        "UID_BASE",
        "FLASHSIZE_BASE",
    }
    assert defined - seen == memory
    compile_asserts(tmp_path, lines)


def test_interrupt_numbers(svd, tmp_path):
    """A wrong number leaves a handler that never runs."""
    lines = []
    for peripheral in svd.values():
        for interrupt in peripheral.findall("interrupt"):
            name, value = interrupt.findtext("name"), interrupt.findtext("value")
            if name == "FPU" and value == "81" and peripheral.findtext("name") != "RNG":
                continue
            name = IRQ_SPELLING.get(name, name)
            lines.append(f'_Static_assert({name}_IRQn == {value}, "{name}_IRQn");')
    assert len(lines) > 80
    compile_asserts(tmp_path, lines)


def test_bits_position_and_width(svd, tmp_path):
    """Each macro of the bits header is a field of the SVD, at its place and as wide."""
    bits = svd_bits(svd)
    header = "".join(path.read_text() for path in sorted(HAL.glob("stm32f4xx_bits*.h")))
    macros = re.findall(r"#define (\w+)\s+\(", header)
    normal = {name.upper(): value for name, value in bits.items()}
    lines = []
    for macro in macros:
        if macro in NOT_IN_SVD:
            continue
        field = macro.removesuffix("_Pos")
        assert field.upper() in normal, f"{macro} is not in the SVD"
        offset, width = normal[field.upper()]
        expected = offset if macro.endswith("_Pos") else ((1 << width) - 1) << offset
        lines.append(f'_Static_assert({macro} == {expected}u, "{macro}");')
    assert len(lines) > 500
    compile_asserts(tmp_path, lines)
