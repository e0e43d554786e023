# SPDX-License-Identifier: MIT
"""A host in the emulator's own process and time, for benchmarks and tests that must repeat exactly.

    peer = Peer(machine, wire, "10.0.7.1", dhcp="10.0.7.100", names={"host.test": "10.0.7.1"})
    peer.udp_listen(7, lambda source, port, data: peer.udp_send(source, port, 7, data))
    peer.tcp.listen(80, accept); peer.tcp.connect("10.0.7.100", 23); see peer_tcp

It answers ARP, neighbour solicitations, ICMP and ICMPv6 echo, DHCP and DNS. Its own frames carry right
checksums, those of the board's that do not are counted in `bad_checksums` and dropped.

Differs from a real host: no routing (everything is on the link), no router advertisements, no IP options.
"""

import ipaddress
import struct

from ..peripherals.eth_checksum import checksum, pseudo_header
from .wire import Station

MS = 1_000_000
BROADCAST = b"\xff" * 6
MTU = 1500
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
DHCP_MAGIC = bytes.fromhex("63825363")
DISCOVER, OFFER, REQUEST, DECLINE, ACKNOWLEDGE, REFUSE, RELEASE, INFORM = range(1, 9)
LEASE_SECONDS = 3600
PEER_MAC = bytes.fromhex("020000000001")


def link_local(mac):
    """fe80:: address of a MAC address (RFC 4291 appendix A)."""
    return bytes.fromhex("fe80000000000000") + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]


class Peer:
    """One host. Addresses in calls are text, in handlers too."""

    def __init__(
        self,
        machine,
        wire,
        address="10.0.7.1",
        prefix=24,
        address6=None,
        mac=PEER_MAC,
        dhcp=None,
        names=None,
        signal=None,
    ):
        """dhcp: first address to lease out, None: no server. names: what the DNS server on port 53 knows."""
        from .peer_tcp import Tcp

        self.machine = machine
        self.mac = mac
        self.address = self.address_bytes(address)
        self.mask = (0xFFFFFFFF << (32 - prefix) & 0xFFFFFFFF).to_bytes(4, "big")
        self.own6 = [link_local(mac)] + ([self.address_bytes(address6)] if address6 else [])
        self.station = Station(machine, wire, signal, queue_frames=100_000)
        self.station.on_frame = self._frame
        self.neighbours = {}
        self.waiting = {}
        self.udp_ports = {}
        self.tcp = Tcp(self)
        self.counters = {"bad_checksums": 0, "unknown": 0, "unreachable": 0}
        self.echo_replies = []  # (time, source, identifier, sequence, data)
        self._identification = 0
        self._fragments = {}
        if dhcp is not None:
            self.leases = {}
            self._next_lease = int.from_bytes(self.address_bytes(dhcp), "big")
            self.udp_listen(67, self._dhcp)
        self.names = dict(names or {})
        if names is not None:
            self.udp_listen(53, self._dns)

    @staticmethod
    def address_bytes(address):
        return address if isinstance(address, bytes) else ipaddress.ip_address(address).packed

    @staticmethod
    def text(address):
        return str(ipaddress.ip_address(address))

    # Link layer

    def _frame(self, frame):
        kind = frame[12] << 8 | frame[13]
        if kind == 0x0800:
            self._ipv4(frame)
        elif kind == 0x0806:
            self._arp(frame)
        elif kind == 0x86DD:
            self._ipv6(frame)
        else:
            self.counters["unknown"] += 1

    def _send(self, destination, kind, payload):
        self.station.transmit(destination + self.mac + kind.to_bytes(2, "big") + payload)

    def _learn(self, address, mac):
        if mac != self.neighbours.get(address):
            self.neighbours[address] = mac
        for kind, packet in self.waiting.pop(address, ()):
            self._send(mac, kind, packet)

    def _resolve_and_send(self, address, kind, packet):
        mac = self.neighbours.get(address)
        if mac is not None:
            self._send(mac, kind, packet)
            return
        queue = self.waiting.setdefault(address, [])
        queue.append((kind, packet))
        if len(queue) == 1:
            self._ask(address, 0)

    def _ask(self, address, tries):
        """ARP or ND once a second, until somebody answers or three went unheard."""
        if address not in self.waiting:
            return
        if tries == 3:
            self.counters["unreachable"] += len(self.waiting.pop(address))
            return
        if len(address) == 4:
            self._send(BROADCAST, 0x0806, self._arp_body(1, bytes(6), address))
        else:
            group = bytes.fromhex("ff0200000000000000000001ff") + address[-3:]
            body = bytes.fromhex("8700000000000000") + address + b"\x01\x01" + self.mac
            self._icmp6(group, body, b"\x33\x33" + group[-4:])
        self.machine.at(1_000 * MS, lambda: self._ask(address, tries + 1))

    def _arp_body(self, operation, mac, address):
        head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation)
        return head + self.mac + self.address + mac + address

    def _arp(self, frame):
        operation, sender, target = frame[21], frame[28:32], frame[38:42]
        if target == self.address:
            if sender != bytes(4):
                self._learn(sender, frame[22:28])
            if operation == 1:
                self._send(frame[22:28], 0x0806, self._arp_body(2, frame[22:28], sender))

    # IP

    def send_ip(self, destination, protocol, payload, source=None):
        """A packet to `destination` (bytes), in fragments where it is too long."""
        if len(destination) == 16:
            header = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64)
            packet = header + (source or self._source6(destination)) + destination + payload
            self._resolve_and_send(destination, 0x86DD, packet)
            return
        self._identification = (self._identification + 1) & 0xFFFF
        at, step = 0, MTU - 20 & ~7
        while True:
            part = payload[at : at + step] if len(payload) > MTU - 20 else payload
            more = 0x2000 if at + len(part) < len(payload) else 0
            packet = self._ipv4_header(destination, protocol, len(part), more | at >> 3) + part
            if destination == b"\xff\xff\xff\xff":
                self._send(BROADCAST, 0x0800, packet)
            else:
                self._resolve_and_send(destination, 0x0800, packet)
            at += len(part)
            if not more:
                return

    def _ipv4_header(self, destination, protocol, length, fragment):
        header = bytearray(
            struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, self._identification, fragment, 64, protocol, 0)
        )
        header += self.address + destination
        header[10:12] = checksum(header).to_bytes(2, "big")
        return bytes(header)

    def _source6(self, destination):
        local = destination[:2] == b"\xfe\x80" or destination[0] == 0xFF
        return self.own6[0] if local else self.own6[-1]

    def transport_checksum(self, remote, protocol, segment):
        own = self.address if len(remote) == 4 else self._source6(remote)
        return checksum(segment, pseudo_header(own + remote, protocol, len(segment)))

    def _ipv4(self, frame):
        length = (frame[14] & 15) * 4
        total = frame[16] << 8 | frame[17]
        source, destination = frame[26:30], frame[30:34]
        if checksum(frame[14 : 14 + length]) != 0:
            self.counters["bad_checksums"] += 1
            return
        if destination not in (self.address, b"\xff\xff\xff\xff") and destination[3] != 255:
            return
        if source != bytes(4):
            self._learn(source, frame[6:12])
        payload = frame[14 + length : 14 + total]
        fragment = frame[20] << 8 | frame[21]
        if fragment & 0x3FFF:
            payload = self._reassemble(source, frame[18:20], frame[23], fragment, payload)
            if payload is None:
                return
        self._transport(source, destination, frame[23], payload)

    def _reassemble(self, source, identification, protocol, fragment, payload):
        key = (source, identification, protocol)
        parts = self._fragments.setdefault(key, {})
        parts[(fragment & 0x1FFF) * 8] = (payload, bool(fragment & 0x2000))
        at, whole = 0, []
        while at in parts:
            data, more = parts[at]
            whole.append(data)
            at += len(data)
            if not more:
                del self._fragments[key]
                return b"".join(whole)
        return None

    def _ipv6(self, frame):
        length = frame[18] << 8 | frame[19]
        source, destination = frame[22:38], frame[38:54]
        if destination not in self.own6 and destination[0] != 0xFF:
            return
        protocol, at = frame[20], 54
        while protocol in (0, 43, 60) and at + 2 <= len(frame):
            protocol, at = frame[at], at + 8 * (frame[at + 1] + 1)
        if any(source):
            self._learn(source, frame[6:12])
        self._transport(source, destination, protocol, frame[at : 54 + length])

    def _transport(self, source, destination, protocol, payload):
        if protocol == ICMP:
            good = checksum(payload) == 0
        elif protocol == UDP and len(source) == 4 and payload[6:8] == b"\0\0":
            good = True
        elif protocol in (TCP, UDP, ICMP6):
            good = checksum(payload, pseudo_header(source + destination, protocol, len(payload))) == 0
        else:
            self.counters["unknown"] += 1
            return
        if not good:
            self.counters["bad_checksums"] += 1
        if protocol == TCP:
            self.tcp.arrived(source, payload, good)
        elif good and protocol == UDP:
            self._udp(source, payload)
        elif good and protocol == ICMP:
            self._echo(source, payload)
        elif good:
            self._icmp6_arrived(source, payload)

    # ICMP

    def ping(self, address, identifier=1, sequence=1, data=b"ping"):
        """An echo request; answers are in echo_replies."""
        address = self.address_bytes(address)
        body = struct.pack(">HH", identifier, sequence) + data
        if len(address) == 16:
            self._icmp6(address, b"\x80\0\0\0" + body)
        else:
            self.send_ip(address, ICMP, self._with_checksum(b"\x08\0\0\0" + body))

    @staticmethod
    def _with_checksum(message, start=0):
        return message[:2] + checksum(message, start).to_bytes(2, "big") + message[4:]

    def _echo(self, source, message):
        if message[0] == 8:
            self.send_ip(source, ICMP, self._with_checksum(b"\0\0\0\0" + message[4:]))
        elif message[0] == 0:
            self._echo_reply(source, message)

    def _echo_reply(self, source, message):
        identifier, sequence = struct.unpack_from(">HH", message, 4)
        self.echo_replies.append((self.machine.now, self.text(source), identifier, sequence, message[8:]))

    def _icmp6(self, destination, message, mac=None):
        """ICMPv6 with its checksum; to a neighbour's or a group's MAC address where `mac` tells it."""
        source = self._source6(destination)
        message = self._with_checksum(message, pseudo_header(source + destination, ICMP6, len(message)))
        if mac is None:
            self.send_ip(destination, ICMP6, message, source)
            return
        header = struct.pack(">IHBB", 6 << 28, len(message), ICMP6, 255)
        self._send(mac, 0x86DD, header + source + destination + message)

    def _icmp6_arrived(self, source, message):
        kind = message[0]
        if kind == 128:
            self._icmp6(source, b"\x81\0\0\0" + message[4:])
        elif kind == 129:
            self._echo_reply(source, message)
        elif kind == 135 and message[8:24] in self.own6 and any(source):
            body = bytes.fromhex("8800000060000000") + message[8:24] + b"\x02\x01" + self.mac
            self._icmp6(source, body, self.neighbours[source])
        elif kind == 136 and len(message) >= 32:
            self._learn(message[8:24], message[26:32])

    # UDP

    def udp_listen(self, port, handler):
        """handler(source, port, data) for each datagram."""
        self.udp_ports[port] = handler

    def udp_send(self, address, port, own_port, data):
        address = self.address_bytes(address)
        datagram = struct.pack(">4H", own_port, port, 8 + len(data), 0) + data
        value = self.transport_checksum(address, UDP, datagram) or 0xFFFF
        self.send_ip(address, UDP, datagram[:6] + value.to_bytes(2, "big") + data)

    def _udp(self, source, datagram):
        port_from, port_to, length, _ = struct.unpack_from(">4H", datagram)
        handler = self.udp_ports.get(port_to)
        if handler is None:
            self.counters["unknown"] += 1
            return
        handler(self.text(source), port_from, datagram[8:length])

    def udp_stream(self, address, port, size, count, gap_ns=0, own_port=5001):
        """`count` datagrams of `size` bytes, numbered in their first four; gap_ns 0: at line rate."""
        if gap_ns == 0:
            for number in range(count):
                self.udp_send(address, port, own_port, number.to_bytes(4, "big") + bytes(size - 4))
            return

        def step(number=0):
            self.udp_send(address, port, own_port, number.to_bytes(4, "big") + bytes(size - 4))
            if number + 1 < count:
                self.machine.at(gap_ns, lambda: step(number + 1))

        step()

    # Servers

    def _lease(self, mac):
        if mac not in self.leases:
            self.leases[mac] = self._next_lease.to_bytes(4, "big")
            self._next_lease += 1
        return self.leases[mac]

    def _dhcp(self, source, port, data):
        """RFC 2131, as a server with one network and no memory of its own but `leases`."""
        if len(data) < 240 or data[236:240] != DHCP_MAGIC or data[0] != 1:
            return
        options = _dhcp_options(data[240:])
        kind = options.get(53, b"\0")[0]
        mac = data[28:34]
        if kind == DECLINE:
            self.leases.pop(mac, None)
        if kind not in (DISCOVER, REQUEST, INFORM):
            return
        offered = self._lease(mac)
        wanted = options.get(50, data[12:16])
        if kind == DISCOVER:
            answer = OFFER
        elif kind == REQUEST and wanted not in (offered, bytes(4)):
            answer = REFUSE
        else:
            answer = ACKNOWLEDGE
        reply = struct.pack(">BBBBIHH", 2, 1, 6, 0, int.from_bytes(data[4:8], "big"), 0, 0)
        reply += bytes(4) + (offered if answer != REFUSE else bytes(4)) + self.address + bytes(4)
        reply += data[28:44] + bytes(192) + DHCP_MAGIC + bytes([53, 1, answer, 54, 4]) + self.address
        if answer != REFUSE:
            reply += bytes([51, 4]) + LEASE_SECONDS.to_bytes(4, "big")
            reply += b"\x01\x04" + self.mask + b"\x03\x04" + self.address + b"\x06\x04" + self.address
        reply += b"\xff"
        target = data[12:16]
        if target == bytes(4):
            target = b"\xff\xff\xff\xff"
        self.udp_send(target, 68, 67, reply)

    def _dns(self, source, port, query):
        """RFC 1035: A and AAAA records of `names`."""
        if len(query) < 17 or query[2] & 0x80:
            return
        labels, at = [], 12
        while at < len(query) and query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        kind = query[at + 1] << 8 | query[at + 2]
        known = self.names.get(".".join(labels).lower())
        texts = () if known is None else (known,) if isinstance(known, str) else known
        wanted = {1: 4, 28: 16}.get(kind)
        packed = [each for each in map(self.address_bytes, texts) if len(each) == wanted]
        answers = b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(each)) + each for each in packed)
        flags = 0x8180 | (0 if known is not None else 3)
        header = query[:2] + struct.pack(">HHHHH", flags, 1, len(packed), 0, 0)
        self.udp_send(source, port, 53, header + question + answers)


def _dhcp_options(data):
    options, at = {}, 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        options[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return options
