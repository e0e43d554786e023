# SPDX-License-Identifier: MIT
"""Board to board: boards with a time of their own each, on one emulated switch.

    network = Bridge([board1, board2])
    network.run(500_000_000)

Every board keeps its machine, and its cable ends in a port of the switch. They run in turns of
`latency_ns`, which is also what the switch takes to hand a frame on: so no board can hear of a frame
before it has got to that time, and a run repeats exactly.

Differs from real switches: the latency is the same for every frame, and no port ever drops one.
"""

from .wire import Station

LATENCY_NS = 50_000


class Bridge:
    """boards: objects with `machine` and `net` (a Wire with a free end), e.g. board.Board."""

    def __init__(self, boards, latency_ns=LATENCY_NS):
        self.boards = list(boards)
        self.latency_ns = latency_ns
        self.table = {}
        self.ports = []
        # the boards' clocks need not agree: each counts from where it is now
        self.starts = [board.machine.now for board in self.boards]
        self.time = 0
        for index, board in enumerate(self.boards):
            port = Station(board.machine, board.net)
            port.on_frame = lambda frame, index=index: self._forward(index, frame)
            self.ports.append(port)

    def _forward(self, source, frame):
        self.table[frame[6:12]] = source
        target = None if frame[0] & 1 else self.table.get(frame[:6])
        when = self.boards[source].machine.now - self.starts[source] + self.latency_ns
        for index in range(len(self.ports)) if target is None else (target,):
            if index != source:
                machine, port = self.boards[index].machine, self.ports[index]
                delay = self.starts[index] + when - machine.now
                machine.at(delay, lambda port=port: port.transmit(frame))

    def run(self, ns=None, until=None):
        """Run all boards for `ns` of virtual time (None: without end), or until until() is true."""
        end = None if ns is None else self.time + ns
        while end is None or self.time < end:
            if until is not None and until():
                return
            self.time += self.latency_ns
            for board, start in zip(self.boards, self.starts, strict=True):
                left = start + self.time - board.machine.now
                if left > 0:
                    board.run(left)
