# SPDX-License-Identifier: MIT
"""hal/stm32f4xx_eth.h must name ST's registers at ST's places: compared with the SVD where there is one."""

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "ports/stm32f407/hal/stm32f4xx_eth.h"
SVD = Path(os.environ.get("STM32F407_SVD", ROOT.parent / "shared/data/STM32F407.svd"))

# CMSIS's spelling where it differs from the SVD's.
SPELLING = {
    "MACFFR_PAM": "MACFFR_RAM",
    "MACMIIDR_MD": "MACMIIDR_TD",
    "MACFCR_FCBBPA": "MACFCR_FCB",
    "PTPTSCR_TSARU": "PTPTSCR_TTSARU",
    "DMABMR_EDE": "DMABMR_EDFE",
    "DMASR_RWTS": "DMASR_PWTS",
}
# Where the SVD departs from RM0090: it gives PCF one bit of its two, which moves the rest of MACFFR; TGFM is
# bit 21; MACDBGR repeats MMCCR.
SVD_WRONG = {"MMCTIMR_TGFM", "MACFFR_PCF", "MACFFR_SAIF", "MACFFR_SAF", "MACFFR_HPF"}
SVD_WRONG_REGISTERS = {"MACDBGR"}
# RM0090 has it; the SVD left it out.
SVD_MISSING = {"MACRWUFFR"}


@pytest.fixture(scope="module")
def svd():
    """{register: (offset from ETH, {field: mask})}"""
    if not SVD.exists():
        pytest.skip(f"no SVD at {SVD}")
    registers = {}
    for peripheral in ElementTree.parse(SVD).findall(".//peripheral"):
        if not peripheral.findtext("name").startswith("Ethernet_"):
            continue
        base = int(peripheral.findtext("baseAddress"), 16) - 0x40028000
        for register in peripheral.findall(".//register"):
            fields = {}
            for field in register.findall(".//field"):
                width, bit = int(field.findtext("bitWidth")), int(field.findtext("bitOffset"))
                fields[field.findtext("name")] = ((1 << width) - 1) << bit
            registers[register.findtext("name")] = (
                base + int(register.findtext("addressOffset"), 16),
                fields,
            )
    return registers


def struct_offsets():
    """Offsets of ETH_TypeDef's members, counted from the declarations."""
    body = re.search(r"typedef struct \{(.*?)\} ETH_TypeDef;", HEADER.read_text(), re.S).group(1)
    offsets, at = {}, 0
    for name, count in re.findall(r"uint32_t (\w+)(?:\[(\d+)\])?;", body):
        offsets[name] = at
        at += 4 * int(count or 1)
    return {name: offset for name, offset in offsets.items() if not name.startswith("RESERVED")}


def masks():
    return {
        name: int(value, 16)
        for name, value in re.findall(r"#define ETH_(\w+)\s+\((0x[0-9A-F]+)UL\)", HEADER.read_text())
        if name != "BASE" and "_Div" not in name
    }


def test_eth_registers__offsets(svd):
    ours = struct_offsets()
    assert len(ours) > 50
    for name, offset in ours.items():
        if name not in SVD_MISSING:
            assert offset == svd[name][0], name
    assert set(svd) <= set(ours)


def test_eth_registers__comments_give_the_offset():
    commented = dict(re.findall(r"uint32_t (\w+);\s+// 0x([0-9A-F]+)", HEADER.read_text()))
    assert {name: int(offset, 16) for name, offset in commented.items()} == struct_offsets()


def test_eth_registers__bits(svd):
    ours = masks()
    assert len(ours) > 120
    for name, mask in ours.items():
        register, field = SPELLING.get(name, name).split("_", 1)
        if name in SVD_WRONG or register in SVD_WRONG_REGISTERS:
            continue
        assert mask == svd[register][1][field], name


def test_eth_registers__positions_match_masks():
    ours = masks()
    positions = re.findall(r"#define ETH_(\w+)_Pos\s+\((\d+)U\)", HEADER.read_text())
    assert positions
    for name, position in positions:
        assert ours[name] & -ours[name] == 1 << int(position), name
