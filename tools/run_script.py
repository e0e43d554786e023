#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a Python script on a board: print what it prints, exit as it exits.

Emulated (default): in this process, over the modelled USB serial port, in virtual time, so that the same
script gives the same run to the instruction. With --port: on a real board, over its serial port. Either way
mpremote's own transport speaks to the raw REPL.

Exit status: 0; the script's sys.exit(n); 1 with the traceback on stderr if it raises; 2 if it cannot be run.
Ctrl-C goes to the board; a third one ends this program.
"""

import argparse
import ast
import re
import signal
import sys

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

MS = 1_000_000
BOOT_NS = 10_000 * MS  # from power-on to a configured USB device
SLICE_NS = 20 * MS  # how often Ctrl-C is looked for while the board computes
POLL_SECONDS = 0.1  # the same for a real one

# Runs the script under its own name. sys.exit() comes back as an exception of line 5, which no script can
# raise; what a script raises passes through unchanged but for the frame of line 3.
WRAPPER = """\
import sys
try:
 exec(compile(sys.stdin.buffer.read({size}),{name!r},"exec"),{{"__name__":"__main__"}})
except SystemExit as e:
 raise ValueError(repr(e.args[0] if e.args else None))
"""
SCRIPT_FRAME = '  File "<stdin>", line 3, in <module>\n'
EXIT_TRACEBACK = re.compile(
    r'\ATraceback \(most recent call last\):\n  File "<stdin>", line 5, in <module>\nValueError: (.*)\n*\Z',
    re.S,
)


class BoardLost(Exception):
    """The board reset, crashed or ran out of its time; the text says which."""


class Interrupts:
    """Counts Ctrl-C: the first two are the board's."""

    def __init__(self):
        self.pending = 0
        self.seen = 0
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, _signal, _frame):
        self.seen += 1
        self.pending += 1
        if self.seen >= 3:
            raise KeyboardInterrupt

    def take(self):
        """Whether there is one to be handed on."""
        if self.pending:
            self.pending -= 1
            return True
        return False


class EmulatedSerial:
    """pyserial's face of the modelled port: reading lets virtual time pass."""

    timeout = None

    def __init__(self, board, interrupts, time_limit):
        self.board = board
        self.usb = board.usb
        self.interrupts = interrupts
        self.time_limit = time_limit
        self.received = bytearray()

    def inWaiting(self):  # noqa: N802 (pyserial's name)
        self.received += self.usb.read()
        return len(self.received)

    def read(self, size=1):
        while len(self.received) < size and self.inWaiting() < size:
            if self.interrupts.take():
                self.usb.write(b"\x03")
            self._run()
        data = bytes(self.received[:size])
        del self.received[:size]
        return data

    def write(self, data):
        self.usb.write(data)
        return len(data)

    def _run(self):
        if not self.usb.ready:
            raise BoardLost("the board left the USB")
        if self.time_limit is not None and self.board.machine.now >= self.time_limit:
            raise BoardLost("the script's time is over")
        self.board.run(SLICE_NS, until=lambda: self.usb.cdc.received or not self.usb.ready)

    def close(self):
        self.usb.dtr = False


class Transport(SerialTransport):
    """mpremote's transport, with a wait for the script's end that hands Ctrl-C on. One script a connection:
    the prompt behind it is taken from the port as well."""

    interrupts = None

    def _until_end(self, data, take):
        """Give take() `data` and what arrives, up to the next Ctrl-D; returns what came behind it."""
        while True:
            data, end, rest = data.partition(b"\x04")
            take(data)
            if end:
                return rest
            if self.interrupts.take():
                self.serial.write(b"\x03")
            data = self.serial.read(max(1, self.serial.inWaiting()))

    def follow(self, timeout, data_consumer=None):
        self.serial.timeout = POLL_SECONDS
        error = bytearray()
        rest = self._until_end(b"", data_consumer)
        self._until_end(rest, error.extend)
        self.serial.timeout = None
        return b"", bytes(error)


class EmulatedTransport(Transport):
    """The same on the modelled port."""

    def __init__(self, serial):
        self.serial = serial
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.device_name = "emulated board"
        self.mounted = False
        self.is_pty = True  # reads block until there is a byte

    def close(self):
        self.serial.close()


class Output:
    """The script's output as it comes, with the line ends of this system."""

    def __init__(self, waiting):
        self.waiting = waiting  # how many bytes are there already
        self.held = b""

    def __call__(self, data):
        data = self.held + data
        self.held = b""
        if data.endswith(b"\r"):
            data, self.held = data[:-1], b"\r"
        data = data.replace(b"\r\n", b"\n").replace(b"\x04", b"")
        sys.stdout.buffer.write(data)
        if not self.waiting():
            sys.stdout.buffer.flush()

    def finish(self):
        sys.stdout.buffer.write(self.held)
        sys.stdout.buffer.flush()


def execute(transport, source, name):
    """Run `source` on the board at `transport`; returns the exit status."""
    transport.exec_raw_no_follow(WRAPPER.format(size=len(source), name=name))
    transport.serial.write(source)
    output = Output(transport.serial.inWaiting)
    try:
        _, error = transport.follow(None, output)
    finally:
        output.finish()
    return status_of(error.decode(errors="replace").replace("\r\n", "\n"))


def status_of(error):
    """The exit status that the raw REPL's error text stands for; tracebacks are printed."""
    if not error:
        return 0
    if found := EXIT_TRACEBACK.match(error):
        return exit_status(found[1])
    sys.stderr.write(error.replace(SCRIPT_FRAME, "", 1))
    return 1


def exit_status(text):
    """What CPython makes of sys.exit(value), given repr(value)."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    print(value, file=sys.stderr)
    return 1


def run_emulated(arguments, source, interrupts):
    """The script on an emulated board of its own."""
    from emulator.board import Board
    from emulator.machine import Dead
    from emulator.net.backend import BadSpec, connect
    from emulator.peripheral import GuestError
    from emulator.symbols import crash_report

    board = Board(arguments.elf, arguments.board, strict=False)
    try:
        cable = connect(board, arguments.net)
    except BadSpec as error:
        raise BoardLost(str(error)) from None
    try:
        board.usb.dtr = True
        board.run(BOOT_NS, until=lambda: board.usb.ready)
        if not board.usb.ready:
            raise BoardLost("; ".join(["the board does not show up on USB", *board.usb.host.log]))
        limit = None if arguments.timeout is None else board.machine.now + int(arguments.timeout * 1000) * MS
        transport = EmulatedTransport(EmulatedSerial(board, interrupts, limit))
        transport.interrupts = interrupts
        transport.enter_raw_repl(soft_reset=False)
        started = board.cpu.icount
        status = execute(transport, source, arguments.script)
        if arguments.count:
            retired = board.cpu.icount
            print(f"{retired} instructions retired, {retired - started} by the script", file=sys.stderr)
        return status
    except (Dead, GuestError) as error:
        raise BoardLost(f"{error}\n{crash_report(board)}") from None
    finally:
        cable.close()
        board.close()


def run_real(arguments, source, interrupts):
    """The script on the board at a serial port."""
    transport = Transport(arguments.port)
    transport.interrupts = interrupts
    try:
        transport.enter_raw_repl()
        status = execute(transport, source, arguments.script)
        transport.exit_raw_repl()
        return status
    finally:
        transport.close()


def main():
    parser = argparse.ArgumentParser(description="Run a Python script on a board.")
    parser.add_argument("script")
    parser.add_argument("--port", help="serial port of a real board")
    parser.add_argument("--elf", help="firmware of the emulated board")
    parser.add_argument("--board", default="STM32F4DISC_DISBB")
    parser.add_argument("--net", default="none", help="network of the emulated board, as for the emulator")
    parser.add_argument("--timeout", type=float, help="give up after so many seconds of the board's time")
    parser.add_argument("--count", action="store_true", help="print the number of retired instructions")
    arguments = parser.parse_args()
    if not arguments.port and not arguments.elf:
        parser.error("one of --elf and --port is needed")
    try:
        with open(arguments.script, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"{arguments.script}: {error.strerror}", file=sys.stderr)
        return 2
    if b"\x03" in source:
        print(f"{arguments.script}: holds a Ctrl-C, which would stop it", file=sys.stderr)
        return 2
    try:
        run = run_real if arguments.port else run_emulated
        return run(arguments, source, Interrupts())
    except (BoardLost, TransportError, OSError) as error:
        sys.stdout.flush()
        print(f"run_script: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
