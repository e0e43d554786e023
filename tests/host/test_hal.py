# SPDX-License-Identifier: MIT
"""The hardware-free parts of hal/ and net/ on this machine, under the address and undefined-behaviour
sanitizers.

Each TEST() of a C file in tests/host/hal/ is a test here.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAL = ROOT / "ports/stm32f407/hal"
TESTS = Path(__file__).parent / "hal"
SOURCES = {
    "capture_filter": ["../net/capture_filter.c"],
    "eth_desc": ["eth_desc.c"],
    "eth_ring": ["eth_desc.c", "eth_ring.c"],
    "phy": ["phy.c"],
}
# The rings' barriers go through a recorder, so that their place can be tested.
FLAGS = [
    "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror",
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    "-include", str(TESTS / "barrier.h"),
]  # fmt: skip


def names(unit):
    source = (TESTS / f"test_{unit}.c").read_text()
    return [line[len("TEST(") : line.index(")")] for line in source.splitlines() if line.startswith("TEST(")]


CASES = [(unit, name) for unit in SOURCES for name in names(unit)]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """program(unit): path of the compiled test."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc on this machine")
    directory = tmp_path_factory.mktemp("hal")
    built = {}

    def build(unit):
        if unit not in built:
            sources = [str(HAL / name) for name in SOURCES[unit]]
            command = ["gcc", *FLAGS, f"-I{HAL}", f"-I{TESTS}", str(TESTS / f"test_{unit}.c"), *sources]
            made = subprocess.run(
                [*command, "-o", str(directory / unit)], capture_output=True, text=True, check=False
            )
            assert made.returncode == 0, made.stderr
            built[unit] = directory / unit
        return built[unit]

    return build


@pytest.mark.parametrize(("unit", "name"), CASES)
def test_hal(program, unit, name):
    run = subprocess.run([str(program(unit)), name], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
