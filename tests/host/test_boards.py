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


def make_pins(path, package="100"):
    command = [sys.executable, str(PORT / "machine" / "make_pins.py"), str(path), package]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("board", BOARDS)
def test_board__is_complete(board):
    folder = ROOT / "boards" / board
    for name in ("mpconfigboard.h", "mpconfigboard.mk", "pins.csv", "board.json", "deploy.md"):
        assert (folder / name).exists(), f"{board}/{name} is missing"
    assert json.loads((folder / "board.json").read_text())["deploy"] == ["deploy.md"]
    [package] = re.findall(r"^PACKAGE_PINS = (\d+)$", (folder / "mpconfigboard.mk").read_text(), re.MULTILINE)
    assert make_pins(folder / "pins.csv", package).returncode == 0


@pytest.mark.parametrize("board", BOARDS)
def test_board__is_the_emulated_one(board):
    """Crystal, console and PHY in the firmware are those of the board that it runs on in the tests."""
    config = tomllib.loads((ROOT / "tools" / "emulator" / "boards" / f"{board}.toml").read_text())
    macro = macros(board)
    assert int(macro["MICROPY_HW_CLK_HSE_HZ"].strip("()")) == config["hse_hz"]
    assert macro["MICROPY_HW_UART_REPL"].strip("()") == config["console"]["uart"][-1]
    assert macro["MICROPY_HW_ETH_PHY_ADDRESS"].strip("()") == str(config["phy"]["address"])
    for signal, pin in config["phy"]["pins"].items():
        name = f"MICROPY_HW_ETH_{signal}" if signal in ("MDC", "MDIO") else f"MICROPY_HW_ETH_RMII_{signal}"
        assert macro[name] == f"PIN('{pin[1]}', {pin[2:]})", signal


@pytest.mark.parametrize(
    "text, message",
    [
        ("LED,PZ1", "no pin PZ1 on this chip"),
        ("LED,PA16", "no pin PA16 on this chip"),
        ("LED,PF3", "no pin PF3 on a package of 100 pins"),
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


def test_pins__unknown_package(tmp_path):
    path = tmp_path / "pins.csv"
    path.write_text("LED,PA1\n")
    run = make_pins(path, "64")
    assert run.returncode != 0 and run.stderr == "PACKAGE_PINS = 64: there are 100, 144, 176\n"


@pytest.mark.skipif(GCC is None or not MICROPYTHON.exists(), reason="no compiler or no MicroPython here")
@pytest.mark.parametrize(
    "old, new, message",
    [
        ("HSE_HZ (8000000)", "HSE_HZ (8000000)", None),
        ("HSE_HZ (8000000)", "HSE_HZ (8000004)", "PLLM must divide the crystal"),
        ("HSE_HZ (8000000)", "HSE_HZ (32000000)", "HSE is 4 to 26 MHz with a crystal"),
        ("PLLM (8)", "PLLM (2)", "HSE / PLLM must be 1 to 2 MHz"),
        ("PLLN (336)", "PLLN (96)", "the VCO runs at 100 to 432 MHz"),
        ("PLLN (336)", "PLLN (384)", "SYSCLK is 168 MHz at most"),
        ("PLLP (2)", "PLLP (3)", "PLLP is 2, 4, 6 or 8"),
        ("PLLQ (7)", "PLLQ (8)", "VCO / PLLQ must be 48 MHz"),
        ("RXD0 PIN('C', 4)", "RXD0 PIN('C', 3)", "ETH_RMII_RXD0 is on PC4 alone"),
        ("TXD1 PIN('B', 13)", "TXD1 PIN('B', 14)", "ETH_RMII_TXD1 is on PB13 or PG14"),
        ("PHY_ADDRESS (0)", "PHY_ADDRESS (32)", "the address of a PHY is 0 to 31"),
        ("VBUS_PIN PIN('A', 9)", "VBUS_PIN PIN('A', 8)", "OTG_FS senses VBUS on PA9 alone"),
        ("REPL_TX PIN('C', 6)", "REPL_TX PIN('C', 7)", "the UART of the console has no TX on that pin"),
        ("UART_REPL (6)", "UART_REPL (1)", "the UART of the console has no RX on that pin"),
        ("PHY_RESET PIN('E', 2)", "PHY_RESET PIN('C', 6)", "duplicate case value"),
        ("USRSW_PIN PIN('A', 0)", "USRSW_PIN PIN('A', 1)", "duplicate case value"),
    ],
)
def test_definition__wrong_does_not_build(tmp_path, old, new, message):
    """A clock or a pin that cannot be is a compiler's error that says which rule it breaks."""
    text = (ROOT / "boards" / "STM32F4DISC_DISBB" / "mpconfigboard.h").read_text()
    assert old in text
    (tmp_path / "mpconfigboard.h").write_text(text.replace(old, new))
    command = [GCC, "-mcpu=cortex-m4", "-mthumb", "-fsyntax-only", "-DPORT_WITH_NET=1"]
    command += [*(f"-I{folder}" for folder in (tmp_path, PORT, PORT / "hal")), str(PORT / "board_check.c")]
    run = subprocess.run(command, capture_output=True, text=True)
    if message is None:
        assert run.returncode == 0, run.stderr
    else:
        assert run.returncode != 0 and message in run.stderr, run.stderr


@pytest.mark.parametrize("board", BOARDS)
def test_board__deploy_has_every_way_to_flash(board):
    """Users of dfu-util, st-flash, pyOCD and OpenOCD find a line with this board's image."""
    text = (ROOT / "boards" / board / "deploy.md").read_text()
    for tool in ("dfu-util ", "st-flash ", "pyocd flash ", "openocd "):
        line = next(line for line in text.replace("\\\n", " ").splitlines() if line.strip().startswith(tool))
        image = re.search(rf"build/{board}/firmware\.(\w+)", line)
        assert image and (image[1] != "bin" or "0x08000000" in line), line
    assert f"make flash BOARD={board}" in text
