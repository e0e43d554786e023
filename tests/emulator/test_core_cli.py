# SPDX-License-Identifier: MIT
"""The command line: what it prints, where its files go, how it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .test_core_board import build

TOOLS = Path(__file__).parents[2] / "tools"
LIMIT_S = 60


def start(arguments, **keywords):
    environment = {**os.environ, "PYTHONPATH": str(TOOLS)}
    command = [sys.executable, "-m", "emulator", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **keywords
    )


@pytest.fixture(scope="module")
def elf(tmp_path_factory):
    return build(tmp_path_factory.mktemp("smoke"), "STM32F4DISC_DISBB")


def test_cli__runs_and_counts(elf, tmp_path):
    profile, trace, flash = tmp_path / "profile", tmp_path / "trace", tmp_path / "flash"
    run = start(
        [elf, "--no-usb", "--seconds", 0.003, "--stats", "--strict", "--profile", profile, "--flash", flash]
    )
    out, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0
    assert re.match(r"uart: /dev/pts/\d+\n", out)
    count = re.search(r"^(\d+) instructions, 0\.003 s virtual", err, re.M)[1]
    assert profile.read_text().startswith(f"{count} instructions")
    assert len(flash.read_bytes()) == 1 << 20
    again = start([elf, "--no-usb", "--seconds", 0.003, "--stats", "--trace", trace, "--flash", flash])
    assert f"{count} instructions" in again.communicate(timeout=LIMIT_S)[1]
    lines = trace.read_text().splitlines()
    assert sum(not line.startswith("--") for line in lines) == int(count)


def test_cli__uart_pty(elf, tmp_path):
    """The link leads to a terminal that talks both ways; SIGTERM ends the run in order."""
    link = tmp_path / "uart"
    run = start([elf, "--no-usb", "--uart-pty", link])
    assert run.stdout.readline().startswith("uart: /dev/pts/")
    fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
    os.set_blocking(fd, False)
    seen = b""
    end = time.monotonic() + LIMIT_S
    asked = False
    while b"hello" not in seen or b"b" not in seen:
        assert time.monotonic() < end, seen
        if b"hello" in seen and not asked:
            os.write(fd, b"a")
            asked = True
        try:
            seen += os.read(fd, 100)
        except BlockingIOError:
            time.sleep(0.01)
    os.close(fd)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0
    assert not link.is_symlink()


def crash(elf, tmp_path, *options):
    link = tmp_path / "uart"
    run = start([elf, "--no-usb", "--uart-pty", link, *options])
    run.stdout.readline()
    fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
    seen = b""
    while b"hello" not in seen:
        seen += os.read(fd, 100)
    os.write(fd, b"!")
    return run, fd


def test_cli__reports_firmware_stuck_in_a_fault(elf, tmp_path):
    run, fd = crash(elf, tmp_path, "--seconds", 2)
    _, err = run.communicate(timeout=LIMIT_S)
    os.close(fd)
    assert run.returncode == 0
    assert "the firmware stays in HardFault" in err
    assert re.search(r"interrupted: 0x\w+ crash\+0x\w+ \(smoke\.c:\d+\)", err)
    assert err.count("stays in") == 1


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["/nonexistent.elf"], "No such file"),
        (["ELF", "--net", "nonsense"], "nonsense"),
        (["ELF", "--board", "NOBOARD"], "NOBOARD"),
    ],
)
def test_cli__wrong_arguments_are_one_clear_line(elf, arguments, text):
    run = start([str(elf) if argument == "ELF" else argument for argument in arguments])
    _, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 2
    assert text in err
    assert "Traceback" not in err
