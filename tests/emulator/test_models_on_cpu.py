# SPDX-License-Identifier: MIT
"""The models under the emulated CPU: firmware/models.c, a program by the manual, strictly watched."""

import shutil
import subprocess
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parent / "firmware"
GCC = "arm-none-eabi-gcc"
FLAGS = "-mcpu=cortex-m4 -mthumb -Os -Wall -Wextra -Werror -std=gnu11 -ffreestanding -nostdlib".split()
SECOND = 1_000_000_000

pytestmark = pytest.mark.skipif(shutil.which(GCC) is None, reason=f"{GCC} is not installed")


@pytest.fixture(scope="module")
def elf(tmp_path_factory):
    path = tmp_path_factory.mktemp("firmware") / "models.elf"
    command = [GCC, *FLAGS, "-T", FIRMWARE / "flash.ld", FIRMWARE / "models.c", "-o", path]
    subprocess.run(list(map(str, command)), check=True)
    return path


class Run:
    """One run of the program from power-on: its lines, and the board."""

    def __init__(self, elf):
        from emulator.board import Board

        self.board = Board(elf, strict=True, usb=False)
        self.output = bytearray()
        self.board.machine["USART2"].attach(self.output.extend, baud=115200)

    def until(self, text, seconds):
        reason = self.board.run(seconds * SECOND, until=lambda: text in self.output)
        assert reason == "until", f"no {text!r} in {seconds} s, only {bytes(self.output)!r}"

    def values(self):
        pairs = [
            line.split("=")
            for line in self.output.decode().translate({ord(mark): None for mark in "?#!"}).splitlines()
        ]
        return {name: int(value) for name, value in pairs}

    def finish(self):
        """Up to the end of the program, with the button pressed where it asks for it."""
        self.until(b"?", 20)
        self.board.run(SECOND // 10)
        self.board.press_button()
        self.until(b"presses", 1)
        self.board.release_button()
        self.until(b"#", 20)
        self.board.run(SECOND // 10)
        assert b"event" not in self.output
        self.board.press_button()
        self.until(b"!", 1)
        self.board.run(SECOND // 100)
        self.board.machine.clock.fail_hse()
        self.until(b"system_clock_source", 1)
        self.board.machine.clock.fail_hse(False)
        self.until(b"watchdog", 20)
        self.board.run(SECOND // 100)
        return self


@pytest.fixture(scope="module")
def finished(elf):
    run = Run(elf)
    yield run.finish()
    run.board.close()


EXPECTED = {
    "uid": 1,
    "flash_kb": 1024,
    "device": 0x413,
    "random": 100,
    "dma": 64,
    "erased": 1,
    "programmed": 1,
    "executed": 123,
    "flash_errors": 0,
    "presses": 1,
    "wakeups": 4,
    "event": 1,
    "nmis": 1,
    "system_clock_source": 0,
    "watchdog": 77,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_cpu__models(finished, name):
    assert finished.values()[name] == EXPECTED[name]


def test_cpu__timer_and_core_agree(finished):
    """Ten periods of a millisecond are 1,680,000 cycles, give or take an interrupt entry."""
    assert finished.values()["cycles_per_10_ms"] == pytest.approx(1_680_000, abs=200)


def test_cpu__erase_stands_still_for_a_second(finished):
    assert finished.values()["erase_ms"] == pytest.approx(1000, abs=2)


def test_cpu__iwdg_reset_is_told_from_power_on(finished):
    lines = finished.output.decode().splitlines()
    assert [line for line in lines if "reset_flags" in line] == [f"reset_flags={0x0E}", f"reset_flags={0x24}"]


def test_cpu__runs_repeat_exactly(elf, finished):
    again = Run(elf).finish()
    assert again.output == finished.output
    assert again.board.cpu.icount == finished.board.cpu.icount
    assert again.board.machine.now == finished.board.machine.now
    again.board.close()
