# SPDX-License-Identifier: MIT
"""A NOR flash on SPI, as the W25Q16: 2 MB, pages of 256 bytes, sectors of 4 KB, SPI modes 0 and 3.

Differs from silicon: only the commands below; a page is programmed and a sector erased in the typical time.
"""

READ_STATUS, WRITE_ENABLE, WRITE_DISABLE, PROGRAM, READ, FAST_READ, ERASE_SECTOR, IDENTIFY = (
    *(0x05, 0x06, 0x04, 0x02, 0x03, 0x0B, 0x20, 0x9F),
)
JEDEC_ID = b"\xef\x40\x15"
PAGE, SECTOR = 256, 4096
PROGRAM_NS, ERASE_NS = 700_000, 45_000_000
BUSY, WRITE_ENABLED = 1, 2


class Flash25:
    """select(), answer() -> byte, receive(byte), deselect()."""

    MODES = ((0, 0), (1, 1))

    def __init__(self, machine, size=2 << 20):
        self.machine = machine
        self.data = bytearray(b"\xff" * size)
        self._busy_until = 0
        self._enabled = False
        self.select()

    def select(self):
        self._sent = bytearray()

    def answer(self):
        """The byte that the next eight clocks bring out."""
        sent = self._sent
        index = len(sent)
        if index == 0:
            return 0xFF
        if sent[0] == READ_STATUS:
            return BUSY * (self.machine.now < self._busy_until) | WRITE_ENABLED * self._enabled
        if self.machine.now < self._busy_until:
            return 0xFF
        if sent[0] == IDENTIFY:
            return JEDEC_ID[index - 1] if index <= 3 else 0xFF
        skip = {READ: 4, FAST_READ: 5}.get(sent[0])
        if skip and index >= skip:
            return self.data[(self._address() + index - skip) % len(self.data)]
        return 0xFF

    def receive(self, value):
        """The byte that those clocks brought in."""
        self._sent.append(value)

    def _address(self):
        return int.from_bytes(self._sent[1:4], "big") % len(self.data)

    def deselect(self):
        """The rising edge of CS ends a command, and starts what programs or erases."""
        sent = self._sent
        if not sent or self.machine.now < self._busy_until:
            return
        if sent[0] in (WRITE_ENABLE, WRITE_DISABLE):
            self._enabled = sent[0] == WRITE_ENABLE
        elif sent[0] == PROGRAM and self._enabled and len(sent) > 4:
            self._program(self._address(), sent[4:])
        elif sent[0] == ERASE_SECTOR and self._enabled and len(sent) == 4:
            start = self._address() // SECTOR * SECTOR
            self.data[start : start + SECTOR] = b"\xff" * SECTOR
            self._start(ERASE_NS)

    def _program(self, address, data):
        """Bits go from 1 to 0 only; past the page's end it goes on at its start."""
        start = address // PAGE * PAGE
        for index, value in enumerate(data):
            self.data[start + (address + index) % PAGE] &= value
        self._start(PROGRAM_NS)

    def _start(self, ns):
        self._enabled = False
        self._busy_until = self.machine.now + ns
