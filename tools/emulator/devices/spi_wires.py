# SPDX-License-Identifier: MIT
"""An SPI bus on three pins of the board and a chip select for each device, for the SPI block or for
whoever moves the pins."""

from ..peripherals.bus_pins import SPI_PINS, block_of


class SpiWires:
    """devices: [(device, pin of its chip select)]. Bytes go most significant bit first."""

    def __init__(self, machine, sck, miso, mosi, devices):
        self._machine = machine
        self._mosi = (machine["GPIO" + mosi[1]], int(mosi[2:]))
        self._miso = (machine["GPIO" + miso[1]], int(miso[2:]))
        self._selected = []
        self._clock = 0
        self._reset_bits()
        for device, select in devices:
            port, pin = machine["GPIO" + select[1]], int(select[2:])
            port.set_pull(pin, 1)
            port.watch(pin, lambda level, device=device: self._select(device, level == 0))
        blocks = {
            block_of(SPI_PINS, line, pin) for line, pin in (("sck", sck), ("miso", miso), ("mosi", mosi))
        }
        if len(blocks) == 1 and None not in blocks:
            machine[blocks.pop()].attach_wires(self)
        machine["GPIO" + sck[1]].watch(int(sck[2:]), self._clock_driven)

    def _select(self, device, selected):
        if selected and device not in self._selected:
            self._selected.append(device)
            device.select()
            self._reset_bits()
            self._load()
        elif not selected and device in self._selected:
            self._selected.remove(device)
            device.deselect()
            self._drive(None)

    # The block's model: whole bytes, with the mode that the master is in

    def exchange(self, value, polarity, phase):
        """One byte on the wire; None where no device is selected."""
        if not self._selected:
            return None
        device = self._selected[0]
        answer = device.answer()
        if (polarity, phase) not in device.MODES:
            # Sampled at the wrong edge each side is a bit off.
            value, answer = value >> 1 | 0x80, answer >> 1 | 0x80
        device.receive(value)
        return answer

    # Moved pins: mode 0 and 3 devices sample on the rising edge and change on the falling one

    def _reset_bits(self):
        self._bits = []
        self._answer = self._selected[0].answer() if self._selected else 0xFF

    def _drive(self, level):
        port, pin = self._miso
        port.set_input(pin, level)

    def _load(self):
        self._drive(self._answer >> 7)

    def _clock_driven(self, level):
        level = level or 0
        if level == self._clock or not self._selected:
            self._clock = level
            return
        self._clock = level
        if level:
            port, pin = self._mosi
            self._bits.append(port.output(pin) or 0)
            if len(self._bits) == 8:
                self._selected[0].receive(int("".join(map(str, self._bits)), 2))
                self._reset_bits()
        else:
            self._drive(self._answer >> (7 - len(self._bits)) & 1)
