# SPDX-License-Identifier: MIT
"""--profile FILE: instructions retired by function, from the core's counts per block."""

from collections import Counter

from .symbols import Symbols


class Profiler:
    """Counts from now on; close() writes the table."""

    def __init__(self, board, path=None):
        self.path = path
        self._symbols = Symbols(board.elf) if board.elf else None
        self._read = board.cpu.start_profile()

    def by_function(self):
        """Counter: function name (or address range) -> instructions."""
        counter = Counter()
        for address, count in self._read().items():
            found = self._symbols.function(address) if self._symbols else None
            if found is not None:
                counter[found[0]] += count
            else:
                counter["RAM" if address >= 0x20000000 else f"0x{address & ~0xFF:08x}"] += count
        return counter

    def table(self):
        counter = self.by_function()
        total = sum(counter.values()) or 1
        lines = [f"{total} instructions"]
        sum_so_far = 0
        for name, count in counter.most_common():
            sum_so_far += count
            lines.append(f"{count:>14} {100 * count / total:6.2f}% {100 * sum_so_far / total:6.2f}% {name}")
        return "\n".join(lines) + "\n"

    def close(self):
        if self.path:
            with open(self.path, "w") as file:
                file.write(self.table())
        if self._symbols:
            self._symbols.close()
