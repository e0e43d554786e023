# SPDX-License-Identifier: MIT
"""A UartBench as a test uses a board: exec() and eval() of Python on it, in virtual time, with its pins and
models within reach (bench.board, bench.machine). No USB cable is in it, so that it may sleep deeply."""

import ast

from .board import BoardError
from .uart_bench import PROMPT, UartBench

RAW = b"raw REPL; CTRL-B to exit\r\n>"


class UartBoard(UartBench):
    """An emulated board at its raw REPL's prompt, by the console UART."""

    def __init__(self, elf, name, **keywords):
        super().__init__(elf, name, **keywords)
        self.machine = self.board.machine
        self.raw_repl()

    @property
    def now(self):
        """Virtual time in ns."""
        return self.machine.now

    def raw_repl(self):
        """To the raw REPL's prompt after a (new) start."""
        self.expect(PROMPT)
        self.send(b"\x01")
        self.expect(RAW)

    def soft_reset(self):
        self.send(b"\x04")
        self.expect(b"soft reboot\r\n")
        self.expect(RAW)

    def start(self, script):
        """Hand over a script; it has begun when this returns."""
        self.send(script.encode() + b"\x04")
        self.expect(b"OK")

    def finish(self, seconds=20):
        """What the started script printed; BoardError with its traceback if it raised."""
        output = self.expect(b"\x04", seconds)[:-1]
        error = self.expect(b"\x04", seconds)[:-1]
        self.expect(b">")
        if error:
            raise BoardError((output + error).decode(errors="replace").replace("\r\n", "\n"))
        return output.decode().replace("\r\n", "\n")

    def exec(self, script, seconds=20):
        self.start(script)
        return self.finish(seconds)

    def eval(self, expression, seconds=20):
        return ast.literal_eval(self.exec(f"print(repr({expression}))", seconds).strip())

    def advance(self, ns):
        """Let virtual time pass while the board does what it does."""
        self.board.run(ns=int(ns))

    def run_until(self, condition, seconds=20):
        """Let time pass until condition(); it is asked after every event."""
        if self.board.run(ns=int(seconds * 1e9), until=condition) != "until":
            raise AssertionError(f"not in {seconds} s; the board said {bytes(self.output)!r}")

    def edges(self, pin):
        """[(ns, level)] of what the chip drives on a pin ("PD12") from now on; the list grows."""
        port, number = "GPIO" + pin[1], int(pin[2:])
        seen = []
        self.machine[port].watch(number, lambda level: seen.append((self.now, level)))
        return seen
