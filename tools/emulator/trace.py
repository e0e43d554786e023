# SPDX-License-Identifier: MIT
"""--trace FILE: every instruction that retires, with its function; exceptions and their returns.

One line each: instruction count, time in ns, address, function. It costs all speed (about 0.5 MIPS).
"""

from .symbols import Symbols, exception_name


class Tracer:
    def __init__(self, board, path):
        self.board = board
        self._symbols = Symbols(board.elf) if board.elf else None
        self._file = open(path, "w")
        self._last = None
        board.cpu.set_trace(self._event)
        board.cpu.set_exact(True)

    def _event(self, kind, a, b):
        if kind == 0:
            self._instruction(a)
        elif kind == 1:
            self._file.write(f"-- {exception_name(a)} taken, handler 0x{b:08x}\n")
        else:
            self._file.write(f"-- {exception_name(a)} returns by 0x{b:08x}\n")

    def _instruction(self, address):
        found = self._symbols.function(address) if self._symbols else None
        name = ""
        if found is not None:
            # The name is written where it changes, so that the file can be read.
            name = f" {found[0]}+0x{found[1]:x}" if found[0] != self._last else f" +0x{found[1]:x}"
            self._last = found[0]
        self._file.write(f"{self.board.cpu.now} 0x{address:08x}{name}\n")

    def close(self):
        self.board.cpu.set_trace(None)
        self.board.cpu.set_exact(False)
        self._file.close()
        if self._symbols:
            self._symbols.close()
