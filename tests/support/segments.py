# SPDX-License-Identifier: MIT
"""The other end of a TCP connection, segment by segment, for what no peer does on request."""

import struct

from support.eth_lab import BOARD_IP, HOST_IP, checksum, ethernet, ip4, ipv4

FIN, SYN, RST, ACK = 1, 2, 4, 16
WINDOW = 8192
MASK = 0xFFFFFFFF


class Caller:
    """Calls the board of an EthLab from `from_port` at `port`; its numbers begin with `sequence`.

    next: our next sequence number; expected: the board's; isn: its first one.
    """

    def __init__(self, lab, sequence, port, from_port, mss=1460):
        self.lab = lab
        self.next = sequence
        self.expected = self.isn = 0
        self.ports = (from_port, port)
        self.mss = mss

    def send(self, flags, data=b"", options=b"", ahead=0):
        """A segment that begins `ahead` bytes behind what was sent; `next` stays."""
        header = struct.pack(
            "!HHIIBBHHH",
            *(*self.ports, self.next + ahead & MASK, self.expected, (20 + len(options)) << 2, flags),
            *(WINDOW, 0, 0),
        )
        segment = header + options + data
        pseudo = ip4(HOST_IP) + ip4(BOARD_IP) + struct.pack("!BBH", 0, 6, len(segment))
        segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
        self.lab.peer.transmit(ethernet(self.lab.mac, 0x0800, ipv4(6, segment)))
        self.lab.run(2)

    def answers(self):
        """[(sequence number, acknowledged, flags, bytes)] of the board's segments to this port since the last
        call."""
        made = []
        for frame in self.lab.peer.take(0x0800):
            segment = frame[34 : 14 + int.from_bytes(frame[16:18], "big")]
            port_from, port_to, sequence, acknowledged, offset, flags = struct.unpack("!HHIIBB", segment[:14])
            if (port_to, port_from) != self.ports:
                self.lab.peer.frames.append(frame)
                continue
            flags &= FIN | SYN | RST | ACK
            made.append((sequence, acknowledged, flags, len(segment) - (offset >> 2)))
        return made

    def syn(self):
        self.send(SYN, options=b"\x02\x04" + struct.pack("!H", self.mss))

    def open(self):
        self.syn()
        [(self.isn, acknowledged, flags, _)] = self.answers()
        assert (acknowledged, flags) == (self.next + 1 & MASK, SYN | ACK)
        self.expected = self.isn + 1 & MASK
        self.next += 1
        self.send(ACK)
