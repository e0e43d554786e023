# SPDX-License-Identifier: MIT
"""Each board of boards/: its firmware builds and runs on its own emulated variant (crystal, PHY, pins)."""

import os
import subprocess

import pytest
from support.board import Board
from support.emulated import TOP, EmulatedBoard

pytestmark = pytest.mark.emulator_only

BOARDS = sorted(os.listdir(os.path.join(TOP, "boards")))
RUN = """
import machine, network, os, time
print(os.uname().machine)
print(machine.freq()[0])
print(sorted(dir(machine.Pin.board)))
lan = network.LAN()
lan.active(True)
for i in range(500):
    if lan.isconnected():
        break
    time.sleep_ms(20)
print(lan.status() == 3, lan.ipconfig("addr4")[0] != "0.0.0.0")
with open("kept.txt", "w") as file:
    file.write("here")
print(machine.RTC().datetime()[0])
print(os.listdir())
"""


def build(board):
    """The board's firmware, as a user makes it; the ELF's path."""
    made = subprocess.run(["make", "firmware", f"BOARD={board}"], cwd=TOP, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    folder = os.path.join(TOP, "build", board)
    for kind in ("bin", "hex", "dfu", "map"):
        assert os.path.getsize(os.path.join(folder, f"firmware.{kind}")) > 0, kind
    return os.path.join(folder, "firmware.elf")


def defined(board, name):
    """The string that the board's definition gives for a macro."""
    with open(os.path.join(TOP, "boards", board, "mpconfigboard.h")) as file:
        [value] = [line.split(None, 2)[2] for line in file if line.startswith(f"#define {name} ")]
    return value.strip().strip('"')


def pin_names(board):
    with open(os.path.join(TOP, "boards", board, "pins.csv")) as file:
        return {line.split(",")[0] for line in file if "," in line and not line.startswith("#")}


@pytest.mark.parametrize("board", BOARDS)
def test_board__runs(board, tmp_path):
    """The prompt, its pins by name, 168 MHz from its own crystal, a lease through its own PHY, a file."""
    process = EmulatedBoard(build(board), board, str(tmp_path / "emulator.log"), "--net", "passt")
    session = Board(process.usb, str(tmp_path / "serial.log"), process)
    try:
        session.enter_raw_repl()
        machine, freq, names, online, year, files = session.exec(RUN, timeout=120).splitlines()
    finally:
        session.close()
    expected = [defined(board, f"MICROPY_HW_{name}_NAME") for name in ("BOARD", "MCU")]
    assert machine == " with ".join(expected)
    assert int(freq) == 168_000_000
    assert pin_names(board) <= set(eval(names))
    assert online == "True True"
    assert int(year) >= 2000 and "kept.txt" in files
