# SPDX-License-Identifier: MIT
"""Events in virtual time: a queue ordered by time, then by the order of scheduling."""

import heapq
import itertools


class Event:
    """A call due at `time` (ns of virtual time). `cancel()` takes it back."""

    __slots__ = ("time", "function", "cancelled")

    def __init__(self, time, function):
        self.time = time
        self.function = function
        self.cancelled = False

    def cancel(self):
        self.cancelled = True
        self.function = None


class Scheduler:
    """Holds events; knows no clock of its own, the machine tells it the time."""

    def __init__(self):
        self._queue = []
        self._order = itertools.count()

    def at(self, time, function):
        """Call `function()` at `time` ns; return the Event."""
        event = Event(time, function)
        heapq.heappush(self._queue, (time, next(self._order), event))
        return event

    def next_time(self):
        """Time in ns of the earliest event still wanted, or None."""
        queue = self._queue
        while queue and queue[0][2].cancelled:
            heapq.heappop(queue)
        return queue[0][0] if queue else None

    def run_due(self, now):
        """Run every event due at `now` ns or before, in order."""
        while True:
            time = self.next_time()
            if time is None or time > now:
                return
            event = heapq.heappop(self._queue)[2]
            event.cancelled = True
            event.function()

    def clear(self):
        self._queue.clear()
