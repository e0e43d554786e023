# SPDX-License-Identifier: MIT
"""An emulated board as a process of its own, with its serial ports as ptys, as a real board has."""

import os
import re
import select
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS = 60  # until the ptys are announced; a loaded machine takes its time


class BoardDied(Exception):
    """The emulator ended on its own; the text is the end of what it said."""


class EmulatedBoard:
    """`python -m emulator` for one firmware. Attributes: usb, uart (device paths), process, log (path).

    prefix: what comes before the command, such as Lan.inside().
    """

    def __init__(self, elf, board, log, *arguments, prefix=()):
        self.log = log
        self.usb = None
        self.uart = None
        if not os.path.exists(elf):
            raise FileNotFoundError(f"{elf}: build it first (make firmware)")
        self._log_file = open(log, "wb")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-u", "-m", "emulator", elf, "--board", board, "--strict", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
            env={**os.environ, "PYTHONPATH": os.path.join(TOP, "tools"), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self._read_ports()

    def _read_ports(self):
        """Wait for the lines that name the ptys."""
        text = b""
        give_up = time.monotonic() + START_SECONDS
        while self.usb is None or self.uart is None:
            if not select.select([self.process.stdout], [], [], max(0, give_up - time.monotonic()))[0]:
                self.close()
                raise BoardDied(f"no serial ports after {START_SECONDS} s; it said: {text!r}")
            block = os.read(self.process.stdout.fileno(), 4096)
            if not block:
                self.process.wait()
                raise BoardDied(f"the emulator ended at once: {text.decode(errors='replace')}{self.tail()}")
            text += block
            for name, path in re.findall(rb"^(usb|uart): (\S+)\s*$", text, re.MULTILINE):
                setattr(self, name.decode(), path.decode())

    def tail(self, lines=40):
        """The end of what the emulator reported."""
        self._log_file.flush()
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def check_alive(self):
        if self.process.poll() is not None:
            raise BoardDied(f"the emulator ended with status {self.process.returncode}:\n{self.tail()}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self._log_file.close()
