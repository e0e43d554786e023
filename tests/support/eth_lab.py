# SPDX-License-Identifier: MIT
"""A board in this process with a hand-made station on its network cable, all in virtual time.

For what no real network does on request: frames bit by bit, cuts of the cable at a given moment, trouble with
the clock. What a script prints comes back as text.
"""

import ast
import struct

from elftools.elf.elffile import ELFFile
from emulator.board import Board
from emulator.net.tap import Tap
from emulator.net.wire import Signal, Station
from mpremote.transport_serial import SerialTransport

from support.lan import TAP

MS = 1_000_000
BOARD_IP, HOST_IP = "10.9.0.2", "10.9.0.1"
HOST_MAC = bytes.fromhex("020000000001")
BROADCAST = b"\xff" * 6


def ip4(text):
    return bytes(int(part) for part in text.split("."))


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(destination, kind, payload, source=HOST_MAC):
    return destination + source + struct.pack("!H", kind) + payload


def ipv4(protocol, payload, source=HOST_IP, destination=BOARD_IP, ident=1, fragment=0, bad=False):
    header = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, ip4(source), ip4(destination)),
    )
    header = header[:10] + struct.pack("!H", checksum(header) ^ (1 if bad else 0)) + header[12:]
    return header + payload


def udp4(payload, port, from_port=4000, source=HOST_IP, destination=BOARD_IP, bad=False):
    """A UDP datagram with its checksum, without IP header."""
    length = 8 + len(payload)
    pseudo = ip4(source) + ip4(destination) + struct.pack("!BBH", 0, 17, length)
    header = struct.pack("!HHHH", from_port, port, length, 0)
    value = checksum(pseudo + header + payload) or 0xFFFF
    return header[:6] + struct.pack("!H", value ^ (1 if bad else 0)) + payload


def udp4_checksum_ok(ip):
    """Whether the UDP datagram in the IPv4 packet `ip` has its right checksum."""
    length = struct.unpack("!H", ip[24:26])[0]
    pseudo = ip[12:20] + struct.pack("!BBH", 0, 17, length)
    return checksum(pseudo + ip[20 : 20 + length]) == 0


class Peer(Station):
    """Answers ARP for HOST_IP; keeps every other frame in `frames`."""

    def __init__(self, machine, wire, signal=None):
        super().__init__(machine, wire, signal)
        self.frames = []
        self.on_frame = self._took

    def _took(self, frame):
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x01" and frame[38:42] == ip4(HOST_IP):
            reply = bytes.fromhex("0001080006040002") + HOST_MAC + ip4(HOST_IP) + frame[22:32]
            self.transmit(ethernet(frame[6:12], 0x0806, reply))
        else:
            self.frames.append(frame)

    def take(self, kind):
        """Takes out the frames of one Ethernet type."""
        wanted = struct.pack("!H", kind)
        taken = [frame for frame in self.frames if frame[12:14] == wanted]
        self.frames = [frame for frame in self.frames if frame[12:14] != wanted]
        return taken


UP = f"""
import network, socket, time
lan = network.LAN()
lan.ipconfig(addr4="{BOARD_IP}/24")
lan.active(True)
def wait_link(want=True, ms=6000):
    end = time.ticks_add(time.ticks_ms(), ms)
    while lan.isconnected() != want:
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            raise OSError("link")
        time.sleep_ms(5)
wait_link()
"""


class Serial:
    """pyserial's face of the board's modelled USB port: reading lets virtual time pass."""

    timeout = None

    def __init__(self, board):
        self.board = board
        self.received = bytearray()

    def inWaiting(self):  # noqa: N802 (pyserial's name)
        self.received += self.board.usb.read()
        return len(self.received)

    def read(self, size=1):
        while self.inWaiting() < size:
            self.board.run(20 * MS, until=lambda: self.board.usb.cdc.received)
        data = bytes(self.received[:size])
        del self.received[:size]
        return data

    def write(self, data):
        self.board.usb.write(data)
        return len(data)


class Transport(SerialTransport):
    """mpremote's transport on it."""

    def __init__(self, serial):
        self.serial = serial
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.device_name = "emulated board"
        self.mounted = False
        self.is_pty = True  # reads block until there is a byte


class EthLab:
    """board, machine, peer: see there. mac: the board's address once up() has run.

    lan: a support.lan.Lan to be on the other end of the cable instead of `peer`; time then keeps to the wall.
    peer: peer(machine, wire) makes another station, such as emulator.net.peers.Peer.
    check_dma: what the CPU stores where the Ethernet DMA owns the memory is reported (stores are slow then).
    """

    def __init__(self, elf, signal=None, lan=None, peer=None, check_dma=True):
        self.elf = elf
        self.board = Board(elf, strict=False)
        self.machine = self.board.machine
        if check_dma:
            self.machine["ETH"].dma.watch_stores()
        if peer is not None:
            self.peer = peer(self.machine, self.board.net)
        elif lan is None:
            self.peer = Peer(self.machine, self.board.net, signal or Signal())
        else:
            lan.take_tap()
            self.peer = Tap(self.machine, self.board.net, TAP, f"/proc/{lan.pid}/ns/net")
        self.board.usb.dtr = True
        self.board.run(10_000 * MS, until=lambda: self.board.usb.ready)
        self.transport = Transport(Serial(self.board))
        self.transport.enter_raw_repl(soft_reset=False)
        self.mac = None

    def close(self):
        """Ends it; a mistake of the firmware that the Ethernet models reported fails the test."""
        reports = [text for text in self.machine.reports if "OTG_FS" not in text]
        if isinstance(self.peer, Tap):
            self.peer.close()
        self.board.close()
        assert not reports

    def start(self, script):
        self.transport.exec_raw_no_follow(script)

    def finish(self):
        output, error = self.transport.follow(None)
        assert not error, error.decode()
        return output.decode().replace("\r\n", "\n")

    def exec(self, script):
        """What the script prints. Virtual time passes while it runs, and only then (and in run())."""
        self.start(script)
        return self.finish()

    def eval(self, expression):
        return ast.literal_eval(self.exec(f"print(repr({expression}))"))

    def run(self, ms):
        self.board.run(int(ms * MS))

    def soft_reset(self):
        self.transport.enter_raw_repl(soft_reset=True)

    def up(self):
        """Interface on, static address, link; `lan`, `wait_link` and the usual modules on the board."""
        self.exec(UP)
        self.mac = self.eval("lan.config('mac')")

    def symbol(self, name):
        """Address of a variable of the firmware."""
        with open(self.elf, "rb") as file:
            symbols = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(name)
        return symbols[0]["st_value"]

    def stats(self):
        return self.eval("lan.stats()")

    def send_udp(self, payload, port, **keywords):
        bad_ip = keywords.pop("bad_ip", False)
        destination = keywords.pop("mac", self.mac)
        self.peer.transmit(
            ethernet(destination, 0x0800, ipv4(17, udp4(payload, port, **keywords), bad=bad_ip))
        )
