# SPDX-License-Identifier: MIT
"""Which frames the MAC lets in: addresses, hash table, control frames, VLAN tag (RM0090 33.5.5, table 157).

Differs from silicon: nothing known.
"""

import zlib

from ..peripheral import Register
from .eth_part import Part

MACFFR, MACHTHR, MACHTLR, MACVLANTR = 0x04, 0x08, 0x0C, 0x1C
MACA0HR, MACA0LR, MACA1HR = 0x40, 0x44, 0x48

# MACFFR
PM, HU, HM, DAIF, PAM, BFD = 1, 2, 4, 8, 16, 32
SAIF, SAF, HPF, RA = 1 << 8, 1 << 9, 1 << 10, 1 << 31
PCF_SHIFT = 6
PCF_NONE, PCF_NO_PAUSE, PCF_ALL, PCF_FILTERED = range(4)

ADDRESS_ENABLE, SOURCE_ADDRESS = 1 << 31, 1 << 30
BROADCAST = b"\xff" * 6
PAUSE_ADDRESS = bytes.fromhex("0180c2000001")


def hash_index(address):
    """Bit number in the 64-bit hash table: the upper six bits of the bit-reversed CRC-32 (33.5.5)."""
    crc = zlib.crc32(address)
    return int(f"{crc & 0x3F:06b}"[::-1], 2)


class Filter(Part):
    """destination(address), source(address): cached until a register changes."""

    REGISTERS = (
        Register(MACFFR, "MACFFR", write=0x800007FF, on_write="write_filter"),
        Register(MACHTHR, "MACHTHR", write=0xFFFFFFFF, on_write="write_filter"),
        Register(MACHTLR, "MACHTLR", write=0xFFFFFFFF, on_write="write_filter"),
        Register(MACVLANTR, "MACVLANTR", write=0x1FFFF, on_write="write_filter"),
        Register(MACA0HR, "MACA0HR", reset=0x8000FFFF, write=0xFFFF, on_write="write_filter"),
        Register(MACA0LR, "MACA0LR", reset=0xFFFFFFFF, write=0xFFFFFFFF, on_write="write_filter"),
        Register(0x48, "MACA1HR", reset=0xFFFF, write=0xFF00FFFF, on_write="write_filter"),
        Register(0x4C, "MACA1LR", reset=0xFFFFFFFF, write=0xFFFFFFFF, on_write="write_filter"),
        Register(0x50, "MACA2HR", reset=0xFFFF, write=0xFF00FFFF, on_write="write_filter"),
        Register(0x54, "MACA2LR", reset=0xFFFFFFFF, write=0xFFFFFFFF, on_write="write_filter"),
        Register(0x58, "MACA3HR", reset=0xFFFF, write=0xFF00FFFF, on_write="write_filter"),
        Register(0x5C, "MACA3LR", reset=0xFFFFFFFF, write=0xFFFFFFFF, on_write="write_filter"),
    )

    def __init__(self, eth):
        super().__init__(eth)
        self._destinations = {}
        self._sources = {}

    def reset(self):
        self._forget()

    def _forget(self):
        self._destinations.clear()
        self._sources.clear()

    def write_filter(self, register, old, value):
        if self.eth.take(register):
            self._forget()

    # Addresses

    def mac_address(self, index=0):
        """MACAn as six bytes in the order of the wire."""
        used = self.eth.used
        low = used[MACA0LR + 8 * index].to_bytes(4, "little")
        return low + (used[MACA0HR + 8 * index] & 0xFFFF).to_bytes(2, "little")

    def _perfect(self, address, source):
        if not source and address == self.mac_address(0):
            return True
        for index in (1, 2, 3):
            high = self.eth.used[MACA0HR + 8 * index]
            if not high & ADDRESS_ENABLE or bool(high & SOURCE_ADDRESS) != source:
                continue
            own = self.mac_address(index)
            # MBC bit 24 leaves out the first byte on the wire (MACAxLR[7:0]), bit 29 the last
            if all(own[i] == address[i] or high >> (24 + i) & 1 for i in range(6)):
                return True
        return False

    def _hashed(self, address):
        index = hash_index(address)
        return bool(self.eth.used[MACHTHR if index & 32 else MACHTLR] >> (index & 31) & 1)

    def destination(self, address):
        """Whether the destination address passes."""
        known = self._destinations.get(address)
        if known is None:
            if len(self._destinations) > 4096:
                self._destinations.clear()
            known = self._destinations[address] = self._judge_destination(address)
        return known

    def _judge_destination(self, address):
        control = self.eth.used[MACFFR]
        if control & PM:
            return True
        if address == BROADCAST:
            return not control & BFD
        if address[0] & 1 and control & PAM:
            return True
        hashed = control & (HM if address[0] & 1 else HU)
        if not hashed:
            match = self._perfect(address, False)
        else:
            match = self._hashed(address) or bool(control & HPF and self._perfect(address, False))
        return match != bool(control & DAIF)

    def source(self, address):
        """Whether the source address passes. Without a source address set up and without SAF: yes."""
        known = self._sources.get(address)
        if known is None:
            if len(self._sources) > 4096:
                self._sources.clear()
            known = self._sources[address] = self._judge_source(address)
        return known

    def _judge_source(self, address):
        control = self.eth.used[MACFFR]
        if control & PM:
            return True
        both = ADDRESS_ENABLE | SOURCE_ADDRESS
        in_use = any(self.eth.used[MACA0HR + 8 * index] & both == both for index in (1, 2, 3))
        if not in_use and not control & SAF:
            return True
        return self._perfect(address, True) != bool(control & SAIF)

    def control_frame_passes(self, is_pause, address_ok):
        """PCF: whether a MAC control frame (type 0x8808) goes up."""
        control = self.eth.used[MACFFR]
        mode = control >> PCF_SHIFT & 3
        if mode == PCF_NONE:
            return False
        if mode == PCF_NO_PAUSE:
            return not is_pause and address_ok
        return mode == PCF_ALL or address_ok

    def vlan(self, frame):
        """Whether MACVLANTR recognises the frame's tag."""
        if frame[12] != 0x81 or frame[13] != 0 or len(frame) < 16:
            return False
        register = self.eth.used[MACVLANTR]
        mask = 0x0FFF if register & 0x10000 else 0xFFFF
        wanted = register & mask
        if wanted == 0:
            return True
        return (frame[14] << 8 | frame[15]) & mask == wanted
