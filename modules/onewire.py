# SPDX-License-Identifier: MIT
"""1-wire buses: OneWire finds devices by their ROM numbers and talks to them. The timing is _onewire's."""

import _onewire
from micropython import const

_ROM_BYTES = const(8)


class OneWireError(Exception):
    """No device answered, or what it said is damaged."""


class OneWire:
    """A bus on `pin`, which is open drain with its pull-up on; a real bus wants 4.7 kOhm as well."""

    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        """Reset pulse: whether a device is there; with `required` none is a OneWireError."""
        present = _onewire.reset(self.pin)
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        return _onewire.readbit(self.pin)

    def readbyte(self):
        return _onewire.readbyte(self.pin)

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = _onewire.readbyte(self.pin)

    def writebit(self, value):
        _onewire.writebit(self.pin, value)

    def writebyte(self, value):
        _onewire.writebyte(self.pin, value)

    def write(self, buf):
        for byte in buf:
            _onewire.writebyte(self.pin, byte)

    def select_rom(self, rom):
        """Reset, then the device that has this ROM number listens alone."""
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def crc8(self, data):
        """CRC of `data`; 0 if its last byte is the CRC of the others."""
        return _onewire.crc8(data)

    def scan(self):
        """The ROM numbers of all devices on the bus, as bytearrays of 8."""
        found = []
        fork = 0  # bits before this one are as in the last round; 0: there was none
        rom = None
        while True:
            rom, fork = self._search(rom, fork)
            if rom is None:
                break
            if self.crc8(rom) == 0:
                found.append(rom)
            if fork == 0:
                break
        return found

    def _search(self, last, last_fork):
        """One way through the tree of ROM numbers: (rom, number of the last bit where 0 was taken out of
        both, counted from 1; 0 if there was none), or (None, 0) without a device. At such bits the way is
        as in `last` before last_fork, 1 at it, 0 behind it."""
        if not self.reset():
            return None, 0
        self.writebyte(self.SEARCH_ROM)
        rom = bytearray(_ROM_BYTES)
        fork = 0
        for number in range(1, _ROM_BYTES * 8 + 1):
            index, mask = (number - 1) >> 3, 1 << ((number - 1) & 7)
            ones = self.readbit()  # 0 if a device has a 0 here
            zeros = self.readbit()  # 0 if one has a 1
            if ones and zeros:
                return None, 0  # all went away
            if ones != zeros:
                bit = ones
            else:
                bit = number == last_fork or (number < last_fork and bool(last[index] & mask))
                if not bit:
                    fork = number
            self.writebit(bit)
            if bit:
                rom[index] |= mask
        return rom, fork
