# SPDX-License-Identifier: MIT
"""The CDC port for the world outside the emulator: a pseudo-terminal, or this process's own terminal.

No byte is lost for want of a reader: what the pty does not take stays in the driver, then in the board.
DTR is set while somebody has the pty open, which inotify tells.
"""

import ctypes
import os
import select
import struct
import sys
import termios
import tty

IN_OPEN, IN_CLOSE = 0x20, 0x08 | 0x10
CHUNK = 4096
OUT_LIMIT = 8192  # bytes read ahead of the board, then the pty's writer has to wait
RETRY_NS = 1_000_000  # how long a full pty is left alone, in virtual time
EXIT_KEY = b"\x18"  # Ctrl-X


class Bridge:
    """Pumps bytes between the port and a pair of file descriptors."""

    def __init__(self, machine, cdc, read_fd, write_fd):
        self.machine = machine
        self.cdc = cdc
        self.read_fd = read_fd
        self.write_fd = write_fd
        self._reading = False
        self._retry = None
        cdc.on_data = self._to_outside
        cdc.on_space = self._resume_reading

    def _resume_reading(self):
        if not self._reading:
            self._reading = True
            self.machine.poll.add(self.read_fd, self._from_outside)

    def _stop_reading(self):
        if self._reading:
            self._reading = False
            self.machine.poll.remove(self.read_fd)

    def _from_outside(self):
        try:
            data = os.read(self.read_fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a pty's master while nobody has it open
            self._stop_reading()
            return
        self._take(data)

    def _take(self, data):
        if not data:
            self._stop_reading()
            return
        self.cdc.write(data)
        if self.cdc.pending_out >= OUT_LIMIT:
            self._stop_reading()  # on_space starts it again

    def _to_outside(self):
        if self._retry:
            return
        data = self.cdc.received
        while data:
            try:
                count = os.write(self.write_fd, data[:CHUNK])
            except (BlockingIOError, OSError):
                self._retry = self.machine.at(RETRY_NS, self._try_again)
                return
            self.cdc.read(count)

    def _try_again(self):
        self._retry = None
        self._to_outside()

    def close(self):
        """Stop pumping."""
        self._stop_reading()
        if self._retry:
            self._retry.cancel()
        self.cdc.on_data = self.cdc.on_space = None


class Pty(Bridge):
    """A pseudo-terminal, raw, whose `path` others open as they would open /dev/ttyACM0."""

    def __init__(self, machine, cdc, link=None):
        """`link`: a name for it that does not change from run to run (a symbolic link)."""
        self.master, slave = os.openpty()
        self.path = os.ttyname(slave)
        tty.setraw(slave)  # stays so while the master lives
        os.close(slave)
        os.set_blocking(self.master, False)
        self.link = link
        if link:
            if os.path.islink(link):
                os.unlink(link)
            os.symlink(self.path, link)
        super().__init__(machine, cdc, self.master, self.master)
        self._open = False
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if (
            self._inotify < 0
            or self._libc.inotify_add_watch(self._inotify, self.path.encode(), IN_OPEN | IN_CLOSE) < 0
        ):
            raise OSError(ctypes.get_errno(), "inotify", self.path)
        machine.poll.add(self._inotify, self._opened_or_closed)
        machine.poll.realtime += 1

    def _opened_or_closed(self):
        """inotify tells that something happened (and merges equal events), the master's state tells what."""
        try:
            events = os.read(self._inotify, CHUNK)
        except BlockingIOError:
            return
        masks, offset = 0, 0
        while offset < len(events):
            _, mask, _, length = struct.unpack_from("iIII", events, offset)
            offset += 16 + length
            masks |= mask
        poll = select.poll()
        poll.register(self.master, 0)
        open_now = not any(event & select.POLLHUP for _, event in poll.poll(0))
        if self._open and open_now and masks & IN_OPEN and masks & IN_CLOSE:
            self._closed()  # by one program, and opened by the next
        if open_now and not self._open:
            self._open = True
            self.cdc.open()
            self._resume_reading()
        elif self._open and not open_now:
            self._closed()

    def _closed(self):
        self._open = False
        self._from_outside_rest()
        self._stop_reading()
        self.cdc.close()
        termios.tcflush(self.master, termios.TCOFLUSH)  # what the last program did not read

    def _from_outside_rest(self):
        """What was written just before the port was closed still goes to the board."""
        try:
            while data := os.read(self.master, CHUNK):
                self.cdc.write(data)
        except OSError:
            return

    def close(self):
        super().close()
        self.machine.poll.remove(self._inotify)
        self.machine.poll.realtime -= 1
        os.close(self._inotify)
        os.close(self.master)
        if self.link and os.path.islink(self.link):
            os.unlink(self.link)


class Terminal(Bridge):
    """Standard input and output as the port's terminal. Ctrl-X leaves."""

    def __init__(self, machine, cdc, on_exit):
        super().__init__(machine, cdc, sys.stdin.fileno(), sys.stdout.fileno())
        self.on_exit = on_exit
        self._saved = termios.tcgetattr(self.read_fd) if os.isatty(self.read_fd) else None
        if self._saved:
            tty.setraw(self.read_fd)
        machine.poll.realtime += 1
        cdc.open()
        self._resume_reading()

    def _take(self, data):
        head, key, _ = data.partition(EXIT_KEY)
        if head or not key:
            super()._take(head)
        if key:
            self.on_exit()

    def close(self):
        super().close()
        self.machine.poll.realtime -= 1
        if self._saved:
            termios.tcsetattr(self.read_fd, termios.TCSADRAIN, self._saved)
            self._saved = None
