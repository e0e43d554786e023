# SPDX-License-Identifier: MIT
"""Devices on a 1-wire bus: DS18B20 sensors (data sheet DS18B20, 19-7487), with the wire's timing checked.

Differs from silicon: no parasite power, no alarm search, no EEPROM; a conversion takes the data sheet's time
for its resolution.
"""

US = 1_000
RESET_LOW = 480 * US
PRESENCE_AFTER, PRESENCE_LOW = 30 * US, 120 * US
SAMPLE_AFTER, ZERO_LOW = 30 * US, 30 * US
SEARCH_ROM, MATCH_ROM, SKIP_ROM, CONVERT, READ_SCRATCH, WRITE_SCRATCH = 0xF0, 0x55, 0xCC, 0x44, 0xBE, 0x4E
CONVERSION_NS = 750_000_000


def crc8(data):
    """The bus's CRC: x^8 + x^5 + x^4 + 1, low bits first."""
    crc = 0
    for byte in data:
        for bit in range(8):
            mix = (crc ^ byte >> bit) & 1
            crc = crc >> 1 ^ (0x8C if mix else 0)
    return crc


class Ds18b20:
    """A sensor: serial number of 6 bytes, temperature in degrees Celsius, both the board's to set."""

    def __init__(self, serial, temperature=20.0):
        self.rom = bytes((0x28, *serial))
        self.rom += bytes((crc8(self.rom),))
        self.temperature = temperature
        self.scratch = bytearray((0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10))
        self.selected = False
        self.ready_at = 0

    def convert(self, now):
        bits = 9 + (self.scratch[4] >> 5 & 3)
        raw = int(self.temperature * 16) >> (12 - bits) << (12 - bits)
        self.scratch[0:2] = (raw & 0xFFFF).to_bytes(2, "little")
        self.ready_at = now + (CONVERSION_NS >> (12 - bits))


class OneWireBus:
    """Devices on a pin ("PE7") of a Board, with its pull-up. short_resets: how many were below 480 us."""

    def __init__(self, board, name, devices):
        self.machine = board.machine
        self.port, self.pin = board.machine["GPIO" + name[1]], int(name[2:])
        self.devices = devices
        self.short_resets = 0
        self._fell_at = None
        self._low = 0
        self._step = self._idle = lambda bit: None
        self._send = None
        self.port.set_pull(self.pin, 1)
        self.port.watch(self.pin, self._master)

    # The wire

    def _pull_low(self, ns):
        self._low += 1
        self.port.set_input(self.pin, 0)
        self.machine.at(ns, self._let_go)

    def _let_go(self):
        self._low -= 1
        if not self._low:
            self.port.set_input(self.pin, None)

    def _master(self, level):
        now = self.machine.now
        if level == 0:
            self._fell_at = now
            if self._send:
                # A read slot: a 0 holds the wire, nothing a 1.
                if self._send.pop(0) == 0:
                    self._pull_low(ZERO_LOW)
                if not self._send:
                    self._sent()
                self._reading = True
            else:
                self._reading = False
            return
        if self._fell_at is None:
            return
        low, self._fell_at = now - self._fell_at, None
        if low >= RESET_LOW:
            self._reset()
        elif low > 4 * SAMPLE_AFTER:
            self.short_resets += 1
        elif not self._reading:
            self._step(int(low < SAMPLE_AFTER))

    # The protocol

    def _reset(self):
        if self.devices:
            self.machine.at(PRESENCE_AFTER, lambda: self._pull_low(PRESENCE_LOW))
        for device in self.devices:
            device.selected = True
        self._send, self._after = None, None
        self._collect(8, self._rom_command)

    def _collect(self, bits, done):
        """Take so many bits from the master, low ones first, then done(value)."""
        state = [0, 0]

        def step(bit):
            state[0] |= bit << state[1]
            state[1] += 1
            if state[1] == bits:
                self._step = self._idle
                done(state[0])

        self._step = step

    def _answer(self, bits, after=None):
        self._send, self._after = list(bits), after

    def _sent(self):
        self._send = None
        if self._after:
            after, self._after = self._after, None
            after()

    def _chosen(self):
        return [device for device in self.devices if device.selected]

    def _rom_command(self, command):
        if command == SKIP_ROM:
            self._collect(8, self._function)
        elif command == MATCH_ROM:
            self._collect(64, self._match)
        elif command == SEARCH_ROM:
            self._search(0)

    def _match(self, rom):
        for device in self.devices:
            device.selected = device.rom == rom.to_bytes(8, "little")
        self._collect(8, self._function)

    def _search(self, number):
        if number == 64:
            return

        def bit_of(device):
            return device.rom[number >> 3] >> (number & 7) & 1

        def take(bit):
            self._step = self._idle
            for device in self._chosen():
                device.selected = bit_of(device) == bit
            self._search(number + 1)

        bits = [bit_of(device) for device in self._chosen()]
        # Wired and: a 1 is there only if nobody sends a 0.
        both = (int(all(bits)), int(not any(bits)))
        self._answer(both, lambda: setattr(self, "_step", take))

    def _function(self, command):
        chosen = self._chosen()
        if command == CONVERT:
            for device in chosen:
                device.convert(self.machine.now)
        elif command == WRITE_SCRATCH:
            self._collect(24, self._write_scratch)
        elif command == READ_SCRATCH and len(chosen) == 1:
            data = bytes(chosen[0].scratch)
            if self.machine.now < chosen[0].ready_at:
                data = bytes((0x50, 0x05)) + data[2:]  # the value after power-on
            data += bytes((crc8(data),))
            self._answer([byte >> bit & 1 for byte in data for bit in range(8)])

    def _write_scratch(self, value):
        for device in self._chosen():
            device.scratch[2:5] = value.to_bytes(3, "little")
