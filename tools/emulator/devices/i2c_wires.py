# SPDX-License-Identifier: MIT
"""An I2C bus on two pins of the board: pull-ups and devices, for the I2C block or for whoever moves the pins.

The block's model speaks with the devices byte by byte while it has the pins; while they are outputs, this one
follows the edges (UM10204 section 3.1) and drives SDA for the devices.
"""

from ..peripherals.bus_pins import I2C_PINS, block_of


class I2cWires:
    """devices: {address: device}. hold_sda(): a device that was left in the middle of a byte."""

    def __init__(self, machine, scl, sda, devices):
        self.devices = devices
        self._scl = (machine["GPIO" + scl[1]], int(scl[2:]))
        self._sda = (machine["GPIO" + sda[1]], int(sda[2:]))
        self._clock = self._data = 1
        self._stuck = 0  # clocks until a hung device lets SDA go
        self._block = None
        self._idle()
        for port, pin in (self._scl, self._sda):
            port.set_pull(pin, 1)
        block = block_of(I2C_PINS, "scl", scl)
        if block and block == block_of(I2C_PINS, "sda", sda):
            self._block = machine[block]
            self._block.wires = self
            for address, device in devices.items():
                machine[block].attach(address, device)
        self._scl[0].watch(self._scl[1], self._clock_driven)
        self._sda[0].watch(self._sda[1], self._data_driven)

    def hold_sda(self, clocks):
        """A device drives SDA low until it has seen so many clocks."""
        self._stuck = clocks
        self._drive()
        if clocks and self._block is not None:
            self._block.line_fell()

    @property
    def sda_low(self):
        """Whether a device holds the data line."""
        return self._stuck > 0

    def _idle(self):
        self._device = None
        self._bits = []
        self._out = None  # bits that a device sends
        self._pull = False  # SDA low by a device
        self._reading = self._addressed = self._active = False

    def _drive(self):
        port, pin = self._sda
        port.set_input(pin, 0 if self._stuck or self._pull else None)

    def _clock_driven(self, level):
        level = 1 if level is None else level
        if level == self._clock:
            return
        self._clock = level
        if level:
            self._rising()
        else:
            self._falling()

    def _data_driven(self, level):
        level = 1 if level is None else level
        changed, self._data = level != self._data, level
        if not changed or not self._clock or self._stuck:
            return
        if level == 0:
            self._idle()
            self._active = True
            self._drive()
        else:
            if self._device:
                self._device.stop()
            self._idle()
            self._drive()

    def _rising(self):
        if self._stuck:
            self._stuck -= 1
            return
        if self._active:
            self._bits.append(self._data & (0 if self._pull else 1))

    def _falling(self):
        """After the ninth clock a byte is over; after the eighth the receiver acknowledges."""
        self._drive()
        if not self._active:
            return
        if len(self._bits) == 8 and not (self._reading and self._addressed):
            self._pull = self._byte_received(int("".join(map(str, self._bits)), 2))
        elif len(self._bits) == 8:
            self._pull = False  # the master's acknowledge
        elif len(self._bits) == 9:
            nack, self._bits = self._bits[8], []
            self._byte_over(nack)
        elif self._out is not None:
            self._pull = self._out >> (7 - len(self._bits)) & 1 == 0
        self._drive()

    def _byte_received(self, value):
        """True: acknowledge."""
        if self._addressed:
            return self._device is not None and self._device.write(value)
        self._addressed = True
        self._reading = bool(value & 1)
        self._device = self.devices.get(value >> 1)
        if self._device is not None and self._device.start(self._reading):
            return True
        self._device = None
        return False

    def _byte_over(self, nack):
        self._pull = False
        if not self._reading or self._device is None or nack:
            self._out = None
            return
        self._out = self._device.read()
        self._pull = self._out >> 7 == 0
