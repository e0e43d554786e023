# SPDX-License-Identifier: MIT
"""What the two DMA engines have in common: the bus, its errors, and giving descriptors back."""

from struct import Struct

from ..peripheral import BusFault
from .eth_part import Part

WORDS = Struct("<4I")
WORD = Struct("<I")
PAIR = Struct("<2I")
MASTER = "ETH"
OWN = 1 << 31


class Engine(Part):
    """NAME: "T" or "R". `dead`: after a fatal bus error, until DMABMR.SR."""

    NAME = ""

    def __init__(self, eth):
        super().__init__(eth)
        self.bus_read, self.bus_write = eth.machine.dma_read, eth.machine.dma_write
        self._event = None
        self.dead = False

    def _cancel(self):
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _read(self, address, size, descriptor):
        """None after a bus error."""
        try:
            return self.bus_read(address, size, MASTER)
        except BusFault:
            self._fault(descriptor, read=True)
            return None

    def _write(self, address, data, descriptor=True):
        """False after a bus error."""
        try:
            self.bus_write(address, data, MASTER)
        except BusFault:
            self._fault(descriptor, read=False)
            return False
        return True

    def _close(self, address, word):
        """Write the first word back, without OWN: the descriptor is the CPU's. False after a bus error."""
        self.eth.dma.ownership.closed(self.NAME, address)
        return self._write(address, WORD.pack(word))

    def _fault(self, descriptor, read):
        self.dead = True
        self._cancel()
        self.eth.dma.fatal(transmit=self.NAME == "T", descriptor=descriptor, read=read)
