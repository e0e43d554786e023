# SPDX-License-Identifier: MIT
"""A learning switch: several cables, board to board on one emulated network.

Differs from a real one: it stores and forwards whole frames without a delay of its own, and its
table of addresses has no limit and never forgets.
"""

from .wire import Station


class Switch:
    """port(wire) puts a cable in; frames go where their destination was last heard, else everywhere."""

    def __init__(self, machine):
        self.machine = machine
        self.ports = []
        self.table = {}

    def port(self, wire, signal=None):
        station = Station(self.machine, wire, signal)
        station.on_frame = lambda frame: self._forward(station, frame)
        self.ports.append(station)
        return station

    def _forward(self, source, frame):
        self.table[frame[6:12]] = source
        destination = frame[:6]
        target = None if destination[0] & 1 else self.table.get(destination)
        for port in self.ports if target is None else (target,):
            if port is not source and port.mode is not None:
                port.transmit(frame)
