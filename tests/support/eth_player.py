# SPDX-License-Identifier: MIT
"""Plays the driver of the Ethernet MAC in Python, on a machine without a CPU.

player = EthPlayer(machine)        MAC, LAN8720A, cable, a station at its other end, link up
player.start()                     rings, checks off, transmitter and receiver on
player.send(frame); player.station.transmit(frame); player.received()
"""

import struct

from emulator.net.wire import Station, Wire
from emulator.peripherals.eth import Eth
from emulator.peripherals.phy import Phy

BASE = 0x40028000
MAC = bytes.fromhex("021122334455")
HOST = bytes.fromhex("02aabbccddee")
RX_RING, TX_RING, RX_BUFFERS, TX_BUFFERS = 0x20001000, 0x20002000, 0x20004000, 0x20014000
MS = 1_000_000
OFFSETS = {register.name: register.offset for register in Eth.REGISTERS}
OWN = 1 << 31
# MACCR: 100 Mbit/s, full duplex, transmitter, receiver; bit 15 keeps its reset value
CONFIG = 0x8000 | 1 << 14 | 1 << 11 | 1 << 3 | 1 << 2
RSF, TSF, ST, SR = 1 << 25, 1 << 21, 1 << 13, 1 << 1
TX_FIRST, TX_LAST, TX_IC = 1 << 28, 1 << 29, 1 << 30


class EthPlayer:
    """regs by name through read() and write(); `memory` is the board's."""

    def __init__(self, machine, kind="LAN8720A", signal=None, link=True, delay_ns=500, **keywords):
        self.machine = machine
        self.memory = machine.memory
        self.phy = Phy(machine, kind)
        self.wire = Wire(machine, delay_ns)
        self.phy.attach(self.wire)
        self.station = Station(machine, self.wire, signal)
        self.frames = []
        self.station.on_frame = self.frames.append
        self.eth = machine.add(Eth(machine, phys=[self.phy], clock=None, **keywords))
        self.rx_count = self.tx_count = 4
        self.rx_size = 1536
        self.rx_next = self.tx_next = 0
        self.enhanced = False
        machine.advance(3_000 * MS if link else 1 * MS)

    def write(self, name, value):
        """A register write, far enough from the next one for ES0182."""
        self.machine.bus_write(BASE + OFFSETS[name], value, 4)
        self.machine.advance(2_000)

    def read(self, name):
        return self.machine.bus_read(BASE + OFFSETS[name], 4)

    def advance(self, ns):
        self.machine.advance(ns)

    # Rings

    @property
    def stride(self):
        return 32 if self.enhanced else 16

    def words(self, address, count=4):
        return struct.unpack(f"<{count}I", self.memory.read(address, 4 * count))

    def poke(self, address, *words):
        self.memory.write(address, struct.pack(f"<{len(words)}I", *words))

    def rx_descriptor(self, index):
        return RX_RING + self.stride * index

    def tx_descriptor(self, index):
        return TX_RING + self.stride * index

    def start(self, config=CONFIG, mode=RSF | TSF | ST | SR, rx=4, tx=4, rx_size=1536, enhanced=False):
        """Set up both rings (ring mode) and start."""
        self.rx_count, self.tx_count, self.rx_size, self.enhanced = rx, tx, rx_size, enhanced
        if enhanced:
            self.write("DMABMR", 0x00020100 | 1 << 7)
        for index in range(rx):
            self.give(index)
        for index in range(tx):
            self.poke(self.tx_descriptor(index), 1 << 21 if index == tx - 1 else 0, 0, 0, 0)
        self.write("MACA0HR", int.from_bytes(MAC[4:], "little"))
        self.write("MACA0LR", int.from_bytes(MAC[:4], "little"))
        self.write("DMARDLAR", RX_RING)
        self.write("DMATDLAR", TX_RING)
        self.write("MACCR", config)
        self.write("DMAOMR", mode)
        self.write("DMASR", 0x1FFFF)

    def give(self, index):
        """Hand a receive descriptor to the DMA."""
        end = 1 << 15 if index == self.rx_count - 1 else 0
        buffer = RX_BUFFERS + self.rx_size * index
        self.poke(self.rx_descriptor(index), OWN, self.rx_size | end, buffer, 0)

    def send(self, *segments, flags=TX_IC, demand=True):
        """Queue a frame of one or more segments; the number of its last descriptor."""
        addresses, at = [], TX_BUFFERS + self.tx_next * 1600
        for segment in segments:
            self.memory.write(at, segment)
            addresses.append(at)
            at += len(segment)
        numbers = []
        for number, (segment, address) in enumerate(zip(segments, addresses, strict=True)):
            index = self.tx_next
            self.tx_next = (index + 1) % self.tx_count
            control = OWN | flags | (1 << 21 if index == self.tx_count - 1 else 0)
            control |= TX_FIRST if number == 0 else 0
            control |= TX_LAST if number == len(segments) - 1 else 0
            numbers.append((index, control, len(segment), address))
        for index, control, length, address in reversed(numbers):  # the first descriptor last
            self.poke(self.tx_descriptor(index), control, length, address, 0)
        if demand:
            self.write("DMATPDR", 0)
        return numbers[-1][0]

    def tx_status(self, index):
        return self.words(self.tx_descriptor(index))[0]

    def rx_status(self, index):
        return self.words(self.rx_descriptor(index))[0]

    def received(self):
        """[(RDES0, data)] of the frames that wait in the ring, which get their descriptors back."""
        frames, data = [], b""
        while not (status := self.rx_status(self.rx_next)) & OWN:
            index = self.rx_next
            length = (status >> 16 & 0x3FFF) - len(data) if status & 1 << 8 else self.rx_size
            data += self.memory.read(RX_BUFFERS + self.rx_size * index, max(0, length))
            self.give(index)
            self.rx_next = (index + 1) % self.rx_count
            if status & 1 << 8:
                frames.append((status, data))
                data = b""
        return frames

    # MDIO

    def mdio_read(self, register, address=0, cr=4):
        self.write("MACMIIAR", address << 11 | register << 6 | cr << 2 | 1)
        self._mdio_wait()
        return self.read("MACMIIDR")

    def mdio_write(self, register, value, address=0, cr=4):
        self.write("MACMIIDR", value)
        self.write("MACMIIAR", address << 11 | register << 6 | cr << 2 | 3)
        self._mdio_wait()

    def _mdio_wait(self):
        for _ in range(50):
            if not self.read("MACMIIAR") & 1:
                return
            self.advance(2_000)
        raise AssertionError("MACMIIAR.MB stays set")


def frame(destination=MAC, source=HOST, kind=0x88B5, payload=b""):
    """An Ethernet frame without FCS; 0x88B5 is IEEE's ethertype for local experiments."""
    return destination + source + kind.to_bytes(2, "big") + payload


def pass_through(player, *frames):
    """What of `frames`, sent by the station, reaches memory: [(status, data without FCS)]."""
    for each in frames:
        player.station.transmit(each)
    player.advance(1 * MS)
    return [(status, data[:-4]) for status, data in player.received()]
