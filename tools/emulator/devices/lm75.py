# SPDX-License-Identifier: MIT
"""A temperature sensor on I2C with a pointer and 16-bit registers, as the LM75: 25.5 degrees, always.

Differs from silicon: no conversion, no alarm output. It acknowledges two bytes after its pointer and no more.
"""

REGISTER_BYTES = {0: 2, 1: 1, 2: 2, 3: 2}


class Lm75:
    """start(read) -> ack, write(value) -> ack, read() -> value, stop()."""

    def __init__(self, machine, celsius=25.5):
        self.registers = {
            0: int(celsius * 2) << 7,
            1: 0,
            2: 75 << 8,
            3: 80 << 8,
        }
        self.pointer = 0
        self._index = 0
        self._first = True

    def start(self, read):
        self._index = 0
        self._first = not read
        return True

    def write(self, value):
        if self._first:
            self._first = False
            self.pointer = value & 3
            return value < 4
        if self._index >= REGISTER_BYTES[self.pointer]:
            return False
        width = REGISTER_BYTES[self.pointer]
        if self.pointer:
            shift = 8 * (width - 1 - self._index)
            self.registers[self.pointer] = self.registers[self.pointer] & ~(0xFF << shift) | value << shift
        self._index += 1
        return True

    def read(self):
        width = REGISTER_BYTES[self.pointer]
        shift = 8 * (width - 1 - self._index % width)
        self._index += 1
        return self.registers[self.pointer] >> shift & 0xFF

    def stop(self):
        pass
