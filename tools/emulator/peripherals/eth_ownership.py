# SPDX-License-Identifier: MIT
"""Who may write where: descriptors and buffers that the DMA owns (RM0090 33.6.2, OWN) are not the CPU's.

Watched on request alone (`--check-dma`), as it makes every store slow.

Differs from silicon: there a store into what the DMA owns goes through and spoils a frame now and then.
"""

from .eth_dma_engine import OWN, WORDS

SRAM, SRAM_END = 0x20000000, 0x20020000
MORE = bytes(min(255, count + 1) for count in range(256))
LESS = bytes(max(0, count - 1) for count in range(256))


class Ownership:
    """stored(address, size, value) is to be called before each store of the CPU to a word of `words` that is
    not 0: one byte for each word of SRAM, how many descriptors and buffers it is part of.
    """

    def __init__(self, dma):
        self.dma = dma
        self.words = None
        self._rings = {
            "T": {},
            "R": {},
        }  # address of a descriptor -> what it lends the DMA: [(from, to, what)]

    def watch(self, words):
        """Begin, with the engines stopped or not."""
        self.words = words
        for engine in (self.dma.tx, self.dma.rx):
            if engine.state:
                self.started(engine.NAME)

    def _mark(self, start, end, change):
        if SRAM <= start < end <= SRAM_END:
            first, last = (start - SRAM) // 4, (end - SRAM + 3) // 4
            self.words[first:last] = bytes(self.words[first:last]).translate(change)

    # What the engines tell

    def started(self, name):
        """An engine has left its stop: every descriptor of its list, and those it owns already."""
        if self.words is None:
            return
        self.stopped(name)
        ring = self._rings[name]
        address = base = self.dma.tx_base if name == "T" else self.dma.rx_base
        while SRAM <= address <= SRAM_END - 16 and address not in ring:
            ring[address] = []
            self._mark(address, address + 4, MORE)
            control = int.from_bytes(self.dma.machine.memory.read(address, 4), "little")
            if control & OWN:
                self._lend(name, address, control)
            address = self._after(name, address, base)

    def stopped(self, name):
        """An engine stopped, died or was reset: nothing is its own."""
        if self.words is None:
            return
        ring = self._rings[name]
        for address in ring:
            self.closed(name, address)
            self._mark(address, address + 4, LESS)
        ring.clear()

    def closed(self, name, address):
        """The engine gives a descriptor and its buffers back."""
        if self.words is None:
            return
        for start, end, _ in self._rings[name].get(address, ()):
            self._mark(start, end, LESS)
        if address in self._rings[name]:
            self._rings[name][address] = []

    # Descriptors

    def _flags(self, name, words):
        """(last of the ring, chained)"""
        flags, at = (words[0], 20) if name == "T" else (words[1], 14)
        return flags >> at + 1 & 1, flags >> at & 1

    def _after(self, name, address, base):
        words = WORDS.unpack(self.dma.machine.memory.read(address, 16))
        end, chained = self._flags(name, words)
        # A descriptor that nobody has filled yet does not say that the address in it is the next one's.
        if not words[0 if name == "T" else 1] and words[3]:
            chained = 1
        return base if end else words[3] & ~3 if chained else address + self.dma.stride

    def _lend(self, name, address, control):
        _, sizes, first, second = WORDS.unpack(self.dma.machine.memory.read(address, 16))
        end, chained = self._flags(name, (control, sizes))
        what = f"{name}X buffer"
        if name == "R":  # the low bits of the address move the frame, not the buffer
            first, second = first & ~3, second & ~3
        lent = [(address, address + (32 if self.dma.enhanced else 16), f"{name}DES")]
        lent.append((first, first + (sizes & 0x1FFF), what))
        if end or not chained:
            lent.append((second, second + (sizes >> 16 & 0x1FFF), what))
        for start, stop, _ in lent:
            self._mark(start, stop, MORE)
        self._rings[name][address] = lent

    # What the CPU does

    def stored(self, address, size, value):
        """The CPU is about to store `size` bytes of `value`."""
        for name, ring in self._rings.items():
            for at, lent in ring.items():
                for start, end, what in lent:
                    if start < address + size and address < end:
                        self.dma.machine.report(
                            f"CPU write to 0x{address:08x} in a {what} that the Ethernet DMA owns"
                        )
                        return
                if at == address and size == 4 and value & OWN:
                    self._lend(name, at, value)
                    return
