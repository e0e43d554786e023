# SPDX-License-Identifier: MIT
"""The Ethernet model's registers, names, offsets and reset values, against ST's register description."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from emulator.peripherals.eth import Eth

SVD = Path(__file__).resolve().parents[3] / "shared" / "data" / "STM32F407.svd"
pytestmark = pytest.mark.skipif(not SVD.exists(), reason="../shared/data/STM32F407.svd is not there")

BLOCKS = ("Ethernet_MAC", "Ethernet_MMC", "Ethernet_PTP", "Ethernet_DMA")
# Where the SVD and RM0090 disagree, the model follows the manual.
KNOWN_RESETS = {
    "MACA0HR": "33.8.1: bit 31 (MO) is always 1",
    "DMABMR": "33.8.4: 0x00020101",
}
NOT_IN_SVD = {"MACRWUFFR": "33.8.1: offset 0x28"}


def svd_registers():
    for peripheral in ElementTree.parse(SVD).getroot().iter("peripheral"):
        if peripheral.findtext("name") in BLOCKS:
            base = int(peripheral.findtext("baseAddress"), 0) - 0x40028000
            for register in peripheral.find("registers"):
                offset = base + int(register.findtext("addressOffset"), 0)
                yield register.findtext("name"), offset, int(register.findtext("resetValue"), 0)


def test_svd__every_register_is_modelled_and_agrees():
    model = {register.name: register for register in Eth.REGISTERS}
    seen = set(NOT_IN_SVD)
    for name, offset, reset in svd_registers():
        assert model[name].offset == offset, name
        if name not in KNOWN_RESETS:
            assert model[name].reset == reset, name
        seen.add(name)
    assert seen == set(model)
