# SPDX-License-Identifier: MIT
"""DHT11 and DHT22 (AM2302) on their wire: five bytes after a start of 1 ms (data sheet AM2302)."""

US = 1_000
START_LOW = 1_000 * US
ANSWER_AFTER, ANSWER_LOW, ANSWER_HIGH = 30 * US, 80 * US, 80 * US
BIT_LOW, ZERO_HIGH, ONE_HIGH = 50 * US, 26 * US, 70 * US


class Dht:
    """A sensor on a pin ("PE7") of a Board. data: its four bytes; None: it is not there. broken: bits of the
    checksum that come out wrong."""

    def __init__(self, board, name, data=None):
        self.machine = board.machine
        self.port, self.pin = board.machine["GPIO" + name[1]], int(name[2:])
        self.data = data
        self.broken = 0
        self._fell_at = None
        self.port.set_pull(self.pin, 1)
        self.port.watch(self.pin, self._master)

    def _master(self, level):
        now = self.machine.now
        if level == 0:
            self._fell_at = now
        elif self._fell_at is not None:
            low, self._fell_at = now - self._fell_at, None
            if low >= START_LOW and self.data is not None:
                self._answer()

    def _answer(self):
        data = bytes((*self.data, sum(self.data) & 0xFF ^ self.broken))
        pulses = [(ANSWER_LOW, ANSWER_HIGH)]
        bits = [byte >> bit & 1 for byte in data for bit in range(7, -1, -1)]
        pulses += [(BIT_LOW, ONE_HIGH if bit else ZERO_HIGH) for bit in bits]
        pulses.append((BIT_LOW, 0))
        time = ANSWER_AFTER
        for low, high in pulses:
            self.machine.at(time, lambda: self.port.set_input(self.pin, 0))
            self.machine.at(time + low, lambda: self.port.set_input(self.pin, None))
            time += low + high
