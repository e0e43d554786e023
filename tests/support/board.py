# SPDX-License-Identifier: MIT
"""A board at the end of a serial port, emulated or real, driven through pytest-embedded's serial DUT.

pytest-embedded's own plumbing polls the port every 50 ms into a log file that a second process writes and
a third reads. Here its Serial opens the port and its PexpectProcess reads that very descriptor: the same
`dut` for a test (write, expect, expect_exact), without the delay and without the processes.
"""

import os
import subprocess
import sys

import pexpect
from pytest_embedded.app import App
from pytest_embedded.log import PexpectProcess
from pytest_embedded_serial.dut import SerialDut
from pytest_embedded_serial.serial import Serial

RAW_REPL = b"raw REPL; CTRL-B to exit\r\n>"
BLOCK = 256  # bytes of a script per write: what upstream's own tools send at once


class BoardError(Exception):
    """The script on the board raised; the text is its traceback."""


class DirectSerial(Serial):
    """pytest-embedded's Serial without the thread that would take the bytes away from expect()."""

    def start_redirect_thread(self):
        pass


class Log:
    """What pytest-embedded calls a message queue, as far as SerialDut uses it: a file."""

    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)

    def put(self, data):
        self.file.write(data)

    def write(self, data):
        self.file.write(data)

    def flush(self):
        pass


class Board:
    """port: device path. process: its EmulatedBoard or None. dut: pytest-embedded's SerialDut."""

    def __init__(self, port, log, process=None):
        self.port = port
        self.process = process
        self.log = log
        self.dut = None
        self.open()

    @property
    def emulated(self):
        return self.process is not None

    def open(self):
        """Take the serial port."""
        if self.dut is not None:
            return
        transcript = Log(self.log)
        serial = DirectSerial(transcript, port=self.port)
        process = PexpectProcess(serial.proc.fileno(), timeout=30, maxread=65536)
        process.logfile_read = transcript
        self.dut = SerialDut(
            serial=serial,
            pexpect_proc=process,
            msg_queue=transcript,
            app=App(),
            pexpect_logfile=self.log,
            test_case_name="board",
        )

    def release(self):
        """Give the serial port up, so that another program may have it."""
        if self.dut is not None:
            self.dut.serial.close()
            self.dut.pexpect_proc.logfile_read.file.close()
            self.dut = None

    def close(self):
        self.release()
        if self.process:
            self.process.close()

    def expect(self, text, timeout=30):
        """Wait for `text` (bytes); what came before it. A board that died is told from one that is silent."""
        try:
            return self.dut.expect_exact(text, timeout=timeout, return_what_before_match=True)
        except pexpect.TIMEOUT:
            if self.process:
                self.process.check_alive()
            raise

    def enter_raw_repl(self, timeout=30):
        """Stop whatever runs and have the raw REPL's prompt."""
        if self.process:
            self.process.check_alive()
        self.open()
        self.dut.write(b"\r\x03\x03")
        self.dut.write(b"\r\x01")
        self.expect(RAW_REPL, timeout)

    def soft_reset(self, timeout=30):
        """A soft reset that ends at the raw REPL's prompt: boot.py ran, main.py did not, the heap is new."""
        self.enter_raw_repl(timeout)
        self.dut.write(b"\x04")
        self.expect(b"soft reboot\r\n", timeout)
        self.expect(RAW_REPL, timeout)

    def start(self, script):
        """Hand `script` to the raw REPL and return while it runs; finish() ends what this begins."""
        data = script.encode() if isinstance(script, str) else script
        for start in range(0, len(data), BLOCK):
            self.dut.write(data[start : start + BLOCK])
        self.dut.write(b"\x04")
        self.expect(b"OK")

    def finish(self, timeout=30):
        """(output, traceback) of the running script, as bytes, once it ended."""
        output = self.expect(b"\x04", timeout)
        error = self.expect(b"\x04", timeout)
        self.expect(b">", timeout)
        return output, error

    def exec_raw(self, script, timeout=30):
        """(output, traceback) of `script`, run at the raw REPL's prompt where an earlier call left it."""
        self.start(script)
        return self.finish(timeout)

    def exec(self, script, timeout=30):
        """What `script` prints, with \\n line ends; BoardError with the traceback if it raises."""
        output, error = self.exec_raw(script, timeout)
        if error:
            raise BoardError((output + error).decode(errors="replace").replace("\r\n", "\n"))
        return output.decode().replace("\r\n", "\n")

    def eval(self, expression, timeout=30):
        """The value of `expression` on the board, through repr."""
        import ast

        return ast.literal_eval(self.exec(f"print(repr({expression}))", timeout).strip())

    def mpremote(self, *arguments, timeout=120, check=True, env=None):
        """Run mpremote, unmodified, on the board's port. Returns the finished process (bytes)."""
        self.release()
        try:
            return subprocess.run(
                [sys.executable, "-m", "mpremote", "connect", self.port, *arguments],
                capture_output=True,
                timeout=timeout,
                check=check,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            )
        finally:
            self.open()
