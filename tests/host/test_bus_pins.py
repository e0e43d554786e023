# SPDX-License-Identifier: MIT
"""The pins that UART, SPI and I2C have by default: free on each board, and possible on the chip."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORT = ROOT / "ports" / "stm32f407"
BOARDS = sorted(path.parent.name for path in ROOT.glob("boards/*/mpconfigboard.h"))
DEFINE = re.compile(r"#define MICROPY_HW_(\w+) (PIN\('(\w)', (\d+)\)|PIN_NONE|\(?\d+\)?)")
BUS = re.compile(r"(UART|SPI|I2C)([1-6])_(TX|RX|CTS|RTS|SCK|MISO|MOSI|SCL|SDA)$")


def definitions(path):
    """{name without MICROPY_HW_: "PA1", None for no pin, or a number}"""
    found = {}
    for name, value, port, bit in DEFINE.findall(path.read_text()):
        found[name] = f"P{port}{bit}" if port else None if value == "PIN_NONE" else int(value.strip("()"))
    return found


def carriers():
    """{("UART", number, "TX"): pins} out of hal/bus_pins.h."""
    text = (PORT / "hal" / "bus_pins.h").read_text()
    found = {}
    for kind, line, number, port, bit in re.findall(r"AT\(BUS_(\w+?)_(\w+), (\d), '(\w)', (\d+)\)", text):
        found.setdefault((kind, number, line), set()).add(f"P{port}{bit}")
    return found


@pytest.mark.parametrize("board", BOARDS)
def test_defaults__free_and_possible(board):
    own = definitions(ROOT / "boards" / board / "mpconfigboard.h")
    pins = definitions(PORT / "machine" / "machine_bus_pins.h") | own
    console = own["UART_REPL"]
    taken = {pin for name, pin in own.items() if name.startswith("ETH_") and isinstance(pin, str)}
    taken |= {own["UART_REPL_TX"], own["UART_REPL_RX"], own.get("USB_VBUS_PIN")}
    taken |= {"PA11", "PA12", "PA13", "PA14"}
    possible = carriers()
    seen = 0
    for name, pin in pins.items():
        match = BUS.match(name)
        if not match or pin is None or (match[1] == "UART" and int(match[2]) == console):
            continue
        assert pin not in taken, f"{name} is on {pin}, which the board needs itself"
        # RTS is moved as a plain output.
        assert match[3] == "RTS" or pin in possible[match.groups()], f"{name} cannot be on {pin}"
        seen += 1
    assert seen >= 22


@pytest.mark.parametrize("board", BOARDS)
def test_defaults__as_documented(board):
    """The table of docs/library/machine.buses.md names the pins that the image has."""
    text = (ROOT / "docs" / "library" / "machine.buses.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    column = next(index for index, cell in enumerate(rows[0]) if cell.strip() == board)
    own = definitions(ROOT / "boards" / board / "mpconfigboard.h")
    pins = definitions(PORT / "machine" / "machine_bus_pins.h") | own
    checked = 0
    for row in rows[1:]:
        name, *lines = row[0].split()
        if not lines or len(row) <= column or not re.fullmatch(r"(UART|SPI|I2C)\d", name):
            continue
        expected = [pins.get(f"{name}_{line}") for line in lines]
        cell = row[column].strip()
        if cell.startswith("(console)"):
            assert own["UART_REPL"] == int(name[-1])
        elif expected[0] is None:
            assert cell.startswith("none")
        else:
            assert cell.split("(")[0].split() == expected, name
        checked += 1
    assert checked == 12
