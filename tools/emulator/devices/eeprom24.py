# SPDX-License-Identifier: MIT
"""A serial EEPROM on I2C, as the 24C32: 4 KB, two address bytes, pages of 32 bytes.

Differs from silicon: the write cycle always takes its longest time; there is no write-protect pin.
"""

WRITE_NS = 5_000_000


class Eeprom24:
    """start(read) -> ack, write(value) -> ack, read() -> value, stop(): what the bus asks of a device."""

    def __init__(self, machine, size=4096, page=32):
        self.machine = machine
        self.data = bytearray(b"\xff" * size)
        self.page = page
        self.address = 0
        self._head = None  # address bytes still to come
        self._latch = {}
        self._busy_until = 0

    def start(self, read):
        if self.machine.now < self._busy_until:
            return False  # acknowledge polling: the write cycle is not over
        if not read:
            self._head = []
            self._latch = {}
        return True

    def write(self, value):
        if len(self._head) < 2:
            self._head.append(value)
            if len(self._head) == 2:
                self.address = int.from_bytes(bytes(self._head), "big") % len(self.data)
            return True
        # Inside of its page the address wraps.
        start = self.address - self.address % self.page
        self._latch[self.address] = value
        self.address = start + (self.address + 1) % self.page
        return True

    def read(self):
        value = self.data[self.address]
        self.address = (self.address + 1) % len(self.data)
        return value

    def stop(self):
        if self._latch:
            for address, value in self._latch.items():
                self.data[address] = value
            self._latch = {}
            self._busy_until = self.machine.now + WRITE_NS
