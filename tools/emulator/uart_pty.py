# SPDX-License-Identifier: MIT
"""A USART of the board for the world outside: a pseudo-terminal."""

import os
import tty

CHUNK = 256
INPUT_LIMIT = 1024  # bytes queued for the board, then the pty's writer has to wait
RETRY_NS = 1_000_000


class UartPty:
    """`path` is the name to open. While nobody reads, what the pty cannot hold is lost, as on a line."""

    def __init__(self, machine, uart, link=None):
        self.machine = machine
        self.uart = uart
        self.link = link
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave  # held open, so that the master never reports a hang-up
        os.set_blocking(self._master, False)
        if link:
            if os.path.islink(link):
                os.unlink(link)
            os.symlink(self.path, link)
        uart.attach(self._output)
        machine.poll.add(self._master, self._input)
        machine.poll.realtime += 1

    def _output(self, data):
        try:
            os.write(self._master, bytes(data))
        except BlockingIOError:
            pass

    def _input(self):
        if self.uart.waiting_input > INPUT_LIMIT:
            self.machine.poll.remove(self._master)
            self.machine.at(RETRY_NS, self._listen)
            return
        try:
            self.uart.feed(os.read(self._master, CHUNK))
        except BlockingIOError:
            pass

    def _listen(self):
        self.machine.poll.add(self._master, self._input)

    def close(self):
        self.machine.poll.remove(self._master)
        self.machine.poll.realtime -= 1
        os.close(self._master)
        os.close(self._slave)
        if self.link and os.path.islink(self.link):
            os.unlink(self.link)
