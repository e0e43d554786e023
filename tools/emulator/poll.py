# SPDX-License-Identifier: MIT
"""The world outside: file descriptors that models listen to, and the wall clock where it matters.

While `realtime` is above zero an idle board waits for the wall clock instead of skipping to its next
event, so that a host's time-outs mean something. A busy board is never held back.
"""

import selectors
import time

LAG_NS = 100_000_000  # behind the wall clock by more than this, the lost time is not made up


class Poll:
    """add(fd, callback), remove(fd); realtime: how many parties need idle time at wall-clock speed."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._virtual_start = None
        self._wall_start = 0
        self.realtime = 0

    def __len__(self):
        return len(self._selector.get_map())

    def add(self, fd, callback):
        """Call callback() between slices while `fd` is readable."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def remove(self, fd):
        """Stop listening to `fd`; nothing happens where it is not registered."""
        try:
            self._selector.unregister(fd)
        except KeyError:
            pass

    def wait(self, seconds):
        """Serve what is readable, waiting `seconds` for the first (None: for ever). True: something was."""
        if not self._selector.get_map():
            if seconds:
                time.sleep(seconds)
            return False
        ready = self._selector.select(seconds)
        for key, _ in ready:
            # An earlier callback of this round may have removed it.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        return bool(ready)

    def wall_to_virtual(self, now):
        """The virtual time that the wall clock stands for, `now` being the board's."""
        wall = time.monotonic_ns()
        if self._virtual_start is None or wall - self._wall_start + self._virtual_start > now + LAG_NS:
            self._virtual_start, self._wall_start = now, wall
        return self._virtual_start + wall - self._wall_start

    def restart_clock(self):
        """Forget the relation between the clocks (after time was skipped without waiting)."""
        self._virtual_start = None

    def close(self):
        self._selector.close()
