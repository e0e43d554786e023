# SPDX-License-Identifier: MIT
"""An emulated board in this process, on its console UART, in virtual time: for what resets the board."""

from emulator.board import Board

SECOND = 1_000_000_000
SLICE = 5_000_000
PROMPT = b">>> "


class UartBench:
    """output: bytes since start or the last take(). The keywords are emulator.board.Board's."""

    def __init__(self, elf, name, **keywords):
        self.board = Board(elf=elf, board=name, usb=False, **keywords)
        self.output = bytearray()
        self.board.console.attach(self._collect)

    def _collect(self, data):
        self.output += bytes((data,)) if isinstance(data, int) else bytes(data)

    def close(self):
        self.board.close()

    def run(self, seconds):
        self.board.run(ns=int(seconds * SECOND))

    def expect(self, text, seconds=20):
        """Run until `text` (bytes) was printed; returns and forgets all up to its end."""
        for _ in range(int(seconds * SECOND) // SLICE):
            at = self.output.find(text)
            if at >= 0:
                said = bytes(self.output[: at + len(text)])
                del self.output[: at + len(text)]
                return said
            self.board.run(ns=SLICE)
        raise AssertionError(f"no {text!r} in {seconds} s; it said {bytes(self.output)!r}")

    def send(self, data):
        self.board.console.feed(data)

    def line(self, text, expect=PROMPT, seconds=20):
        """Type a line at the prompt; what is printed up to `expect`, without the echo."""
        self.send(text.encode() + b"\r")
        self.expect(text.encode() + b"\r\n", seconds)
        return self.expect(expect, seconds)

    def write_file(self, name, content):
        """Write a file by way of the REPL, and see it closed."""
        self.line(f"f = open({name!r}, 'w'); _ = f.write({content!r}); f.close()")
