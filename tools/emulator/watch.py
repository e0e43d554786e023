# SPDX-License-Identifier: MIT
"""Sees firmware that sits in a fault handler for ever, and says once where it died."""

import sys

from .symbols import crash_report, exception_name

PERIOD_NS = 500_000_000
FAULTS = range(3, 7)  # HardFault, MemManage, BusFault, UsageFault


class FaultWatch:
    """Looks twice a second of virtual time; a handler that is still there at the next look is stuck."""

    def __init__(self, board, out=None):
        self.board = board
        self.out = out or sys.stderr
        self.seen = None
        self.reported = False
        self._event = board.machine.at(PERIOD_NS, self._look)

    def _look(self):
        cpu = self.board.cpu
        number = cpu.register("xpsr") & 0x1FF
        state = (number, cpu.exceptions_taken) if number in FAULTS else None
        if state is not None and state == self.seen and not self.reported:
            self.reported = True
            print(
                f"emulator: the firmware stays in {exception_name(number)}\n{crash_report(self.board)}",
                file=self.out,
                flush=True,
            )
        self.seen = state
        self._event = self.board.machine.at(PERIOD_NS, self._look)

    def close(self):
        self._event.cancel()
