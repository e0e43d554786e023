# SPDX-License-Identifier: MIT
"""firmware.dfu is what dfu-util takes: DfuSe with the image's address inside (UM0391)."""

import struct
import subprocess
from pathlib import Path

import pytest

FLASH_BASE = 0x08000000

# make test PORT= tests what is on the board and builds no image.
pytestmark = pytest.mark.emulator_only


def dfu_of(firmware):
    return Path(firmware).with_suffix(".dfu")


def test_dfu__holds_the_image_at_its_address(firmware):
    data = dfu_of(firmware).read_bytes()
    signature, version, size, targets = struct.unpack_from("<5sBIB", data)
    assert (signature, version, size, targets) == (b"DfuSe", 1, len(data) - 16, 1)
    target, alternate, _, _, target_size, elements = struct.unpack_from("<6sBI255sII", data, 11)
    assert (target, alternate, elements) == (b"Target", 0, 1)
    address, length = struct.unpack_from("<II", data, 11 + 274)
    image = Path(firmware).with_suffix(".bin").read_bytes()
    assert address == FLASH_BASE
    assert target_size == 8 + length
    assert data[11 + 274 + 8 : -16] == image
    assert length == len(image) == len(data) - 11 - 274 - 8 - 16


def test_dfu__suffix_is_accepted_by_dfu_util(firmware):
    answer = subprocess.run(
        ["dfu-suffix", "--check", dfu_of(firmware)], capture_output=True, text=True, check=True
    ).stdout
    assert "0x0483" in answer and "0xDF11" in answer
