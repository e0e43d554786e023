# SPDX-License-Identifier: MIT
"""Strips of WS2812 and SK6812 LEDs, by machine.bitstream()."""

from machine import bitstream

# ns: a 0 high and low, a 1 high and low.
_TIMING = ((800, 1700, 1600, 900), (400, 850, 800, 450))


class NeoPixel:
    """`n` pixels of `bpp` bytes on `pin`. timing: 1 for 800 kHz, 0 for 400 kHz, or a tuple of four times."""

    # Where red, green, blue and white go in the stream.
    ORDER = (1, 0, 2, 3)

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self.buf = bytearray(n * bpp)
        self.timing = _TIMING[1 if timing else 0] if isinstance(timing, int) else timing
        pin.init(pin.OUT, value=0)

    def __len__(self):
        return self.n

    def __setitem__(self, i, v):
        start = self._start(i)
        for channel in range(self.bpp):
            self.buf[start + self.ORDER[channel]] = v[channel]

    def __getitem__(self, i):
        start = self._start(i)
        return tuple(self.buf[start + self.ORDER[channel]] for channel in range(self.bpp))

    def _start(self, i):
        if i < 0:
            i += self.n
        if not 0 <= i < self.n:
            raise IndexError("pixel out of range")
        return i * self.bpp

    def fill(self, v):
        for i in range(self.n):
            self[i] = v

    def write(self):
        bitstream(self.pin, 0, self.timing, self.buf)
