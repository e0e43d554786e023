# SPDX-License-Identifier: MIT
"""An emulated board in this process whose DFU loader programs outside can talk to, by tools/devnode."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from emulator.board import Board
from emulator.usb.usbip import UsbIp

TOP = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"  # Debian's own has python3-gi
MS = 1_000_000
PROMPT = b">>> "


class DfuBench:
    """boards: what is plugged in, all served while a command runs. said: what the last command printed."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="dfu")
        self.boards = []
        self.servers = []

    def add(self, name, elf=None, **keywords):
        """Plug another board in; the keywords are emulator.board.Board's."""
        board = Board(elf, name, **keywords)
        self.boards.append(board)
        self.servers.append(UsbIp(board.machine, board.usb, self.address(len(self.boards) - 1)))
        if board.boot0:
            self.enumerate(board)
        return board

    @staticmethod
    def enumerate(board, seconds=5):
        """Run until the loader is on the bus."""
        host = board.usb.host
        board.run(ns=int(seconds * 1e9), until=lambda: host.configured)
        assert host.strings.get("product") == "STM32  BOOTLOADER", (host.strings, host.log)

    def address(self, number=0):
        return os.path.join(self.folder.name, f"board{number}")

    def close(self):
        for board, server in zip(self.boards, self.servers, strict=True):
            server.close()
            board.close()
        self.folder.cleanup()

    def run(self, seconds):
        """Let so much virtual time pass on every board."""
        for board in self.boards:
            board.run(ns=int(seconds * 1e9))

    def start(self, *command, env=None):
        """A program that is started among the boards; pump() or finish() it."""
        self._output = tempfile.TemporaryFile()
        return subprocess.Popen(
            [
                PYTHON,
                str(TOP / "tools" / "devnode"),
                *map(self.address, range(len(self.boards))),
                "--",
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )

    def pump(self, process, until=lambda: False, limit=300):
        """Run the boards until the program is over, or until() is true. `limit`: seconds, against a hang."""
        give_up = time.monotonic() + limit
        while process.poll() is None and not until():
            assert time.monotonic() < give_up, f"not over after {limit} s: {self.output()}"
            for board in self.boards:
                board.run(ns=20 * MS)

    def output(self):
        self._output.flush()
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def command(self, *command, **keywords):
        """Run a program among the boards; its exit status. What it said is in `said`."""
        process = self.start(*command, **keywords)
        self.pump(process)
        self.said = self.output()
        self._output.close()
        return process.returncode

    def dfu_util(self, *arguments):
        return self.command("dfu-util", "-d", "0483:df11", *map(str, arguments))

    def flash(self, *arguments, env=None):
        """tools/flash, as `make flash USBIP=` runs it."""
        process = self.start_flash(*arguments, env=env)
        self.pump(process)
        self.said = self.output()
        return process.returncode

    def start_flash(self, *arguments, env=None):
        self._output = tempfile.TemporaryFile()
        boards = [word for n in range(len(self.boards)) for word in ("--usbip", self.address(n))]
        return subprocess.Popen(
            [sys.executable, str(TOP / "tools" / "flash"), *boards, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )


class Repl:
    """The REPL on the USB serial port of a board in this process."""

    def __init__(self, board):
        self.board = board
        self.output = bytearray()

    def open(self, seconds=20):
        """Wait for the port, open it, and get a prompt."""
        usb = self.board.usb
        self.board.run(ns=int(seconds * 1e9), until=lambda: usb.ready)
        assert usb.ready, usb.host.log
        usb.dtr = True
        self.send("")
        return self.expect(PROMPT)

    def send(self, text):
        self.board.usb.write(text.encode() + b"\r")

    def paste(self, text):
        """Give it lines of code at once, without waiting for what they print."""
        self.board.usb.write(b"\x05" + text.encode() + b"\x04")

    def expect(self, text, seconds=20):
        """Run until `text` was printed; what came up to its end."""

        def there():
            self.output += self.board.usb.read()
            return text in self.output

        self.board.run(ns=int(seconds * 1e9), until=there)
        assert text in self.output, bytes(self.output)
        end = self.output.index(text) + len(text)
        said = bytes(self.output[:end])
        del self.output[:end]
        return said

    def line(self, text, seconds=20):
        """Type a line; what it prints, up to the next prompt."""
        self.send(text)
        self.expect(text.encode() + b"\r\n", seconds)
        return self.expect(PROMPT, seconds)
