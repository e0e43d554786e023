# SPDX-License-Identifier: MIT
"""Board folders: complete, consistent with the emulated board of that name, and refused when wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORT = ROOT / "ports" / "stm32f407"
BOARDS = sorted(path.name for path in (ROOT / "boards").iterdir() if path.is_dir())
CACHE = Path(os.environ.get("CACHE", Path.home() / ".cache" / "mplwip"))
MICROPYTHON = Path(os.environ.get("MICROPYTHON_DIR", CACHE / "src" / "micropython-1.25.0"))
GCC = shutil.which("arm-none-eabi-gcc")


def macros(board):
    text = (ROOT / "boards" / board / "mpconfigboard.h").read_text()
    return dict(re.findall(r"^#define (MICROPY_HW_\w+) (.*?)(?: //.*)?$", text, re.MULTILINE))


def make_pins(path):
    command = [sys.executable, str(PORT / "machine" / "make_pins.py"), str(path)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("board", BOARDS)
def test_board__is_complete(board):
    folder = ROOT / "boards" / board
    for name in ("mpconfigboard.h", "mpconfigboard.mk", "pins.csv", "board.json", "deploy.md"):
        assert (folder / name).exists(), f"{board}/{name} is missing"
    assert json.loads((folder / "board.json").read_text())["deploy"] == ["deploy.md"]
    assert make_pins(folder / "pins.csv").returncode == 0


@pytest.mark.parametrize("board", BOARDS)
def test_board__is_the_emulated_one(board):
    """Crystal, console and PHY in the firmware are those of the board that it runs on in the tests."""
    config = tomllib.loads((ROOT / "tools" / "emulator" / "boards" / f"{board}.toml").read_text())
    macro = macros(board)
    assert int(macro["MICROPY_HW_CLK_HSE_HZ"].strip("()")) == config["hse_hz"]
    assert macro["MICROPY_HW_UART_REPL"].strip("()") == config["console"]["uart"][-1]
    assert macro["MICROPY_HW_ETH_PHY_ADDRESS"].strip("()") == str(config["phy"]["address"])
    assert config["phy"]["type"].startswith(macro["MICROPY_HW_ETH_PHY_TYPE"])
    for signal, pin in config["phy"]["pins"].items():
        name = f"MICROPY_HW_ETH_{signal}" if signal in ("MDC", "MDIO") else f"MICROPY_HW_ETH_RMII_{signal}"
        assert macro[name] == f"PIN('{pin[1]}', {pin[2:]})", signal


@pytest.mark.parametrize(
    "text, message",
    [
        ("LED,PZ1", "no pin PZ1 on this chip"),
        ("LED,PA16", "no pin PA16 on this chip"),
        ("LED", "want NAME,PIN"),
        ("1LED,PA1", "want NAME,PIN"),
        ("LED,PA1\nLED,PA2", "LED is there twice"),
    ],
)
def test_pins__wrong(tmp_path, text, message):
    """One line that names file, line and fault."""
    path = tmp_path / "pins.csv"
    path.write_text(text + "\n")
    run = make_pins(path)
    assert run.returncode != 0
    assert re.fullmatch(rf"{re.escape(str(path))}:\d: {re.escape(message)}\n", run.stderr)


@pytest.mark.skipif(GCC is None or not MICROPYTHON.exists(), reason="no compiler or no MicroPython here")
@pytest.mark.parametrize(
    "old, new, message",
    [
        ("HSE_HZ (8000000)", "HSE_HZ (8000000)", None),
        ("HSE_HZ (8000000)", "HSE_HZ (8000004)", "PLLM must divide the crystal's frequency"),
        ("PLLM (8)", "PLLM (2)", "HSE / PLLM must be 1 to 2 MHz"),
        ("PLLN (336)", "PLLN (96)", "the VCO runs at 100 to 432 MHz"),
        ("PLLN (336)", "PLLN (384)", "SYSCLK is 168 MHz at most"),
        ("PLLQ (7)", "PLLQ (8)", "VCO / PLLQ must be 48 MHz"),
    ],
)
def test_clock__wrong_does_not_build(tmp_path, old, new, message):
    """A clock that cannot be is a compiler's error that says which rule it breaks."""
    text = (ROOT / "boards" / "STM32F4DISC_DISBB" / "mpconfigboard.h").read_text()
    assert old in text
    (tmp_path / "mpconfigboard.h").write_text(text.replace(old, new))
    freertos = MICROPYTHON / "ports" / "cc3200" / "FreeRTOS" / "Source" / "include"
    folders = [tmp_path, PORT, PORT / "hal", PORT / "rtos", freertos, MICROPYTHON / "lib" / "cmsis" / "inc"]
    command = [GCC, "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-fsyntax-only"]
    command += [*(f"-I{folder}" for folder in folders), str(PORT / "boot.c")]
    run = subprocess.run(command, capture_output=True, text=True)
    if message is None:
        assert run.returncode == 0, run.stderr
    else:
        assert run.returncode != 0 and message in run.stderr
