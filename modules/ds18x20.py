# SPDX-License-Identifier: MIT
"""Temperature sensors DS18B20, DS18S20 and DS1822 on a onewire.OneWire bus."""

from micropython import const

_CONVERT = const(0x44)
_READ_SCRATCH = const(0xBE)
_WRITE_SCRATCH = const(0x4E)
_FAMILIES = (0x10, 0x22, 0x28)


class DS18X20:
    """scan(), convert_temp(), then after up to 750 ms read_temp(rom)."""

    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        """The ROM numbers of the sensors on the bus."""
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        """All sensors measure."""
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom):
        """The sensor's nine bytes, in a buffer that the next call takes again."""
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_READ_SCRATCH)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom, buf):
        """Alarm limits and, but for the DS18S20, the configuration: two or three bytes."""
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_WRITE_SCRATCH)
        self.ow.write(buf)

    def read_temp(self, rom):
        """Degrees Celsius, or None where the sensor has no value."""
        buf = self.read_scratch(rom)
        raw = buf[0] | buf[1] << 8
        if raw & 0x8000:
            raw -= 0x10000
        if rom[0] != 0x10:
            return raw / 16
        # The DS18S20 gives halves, and what is left of the count for the next one.
        if not buf[7]:
            return None
        return (raw >> 1) - 0.25 + (buf[7] - buf[6]) / buf[7]

    def resolution(self, rom, bits=None):
        """Bits of a measurement, 9 to 12; with `bits` they are set."""
        if bits is not None and 9 <= bits <= 12:
            scratch = self.read_scratch(rom)
            self.write_scratch(rom, bytes((scratch[2], scratch[3], (bits - 9) << 5 | 0x1F)))
            return bits
        return (self.read_scratch(rom)[4] >> 5 & 3) + 9
