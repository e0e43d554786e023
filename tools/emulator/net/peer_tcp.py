# SPDX-License-Identifier: MIT
"""TCP of the model peer: as good a partner as there can be, in virtual time.

Window 64 KB, MSS 1460, an ACK for every second segment (the odd one after `ack_delay_ns`), out-of-order
data kept, no congestion control: it sends whatever the window allows. Retransmits after a time-out and
after three duplicate ACKs, so that transfers end well on a lossy cable.

Differs from RFC 9293: no urgent data, no window scaling, no time-stamps, no SACK, TIME_WAIT is 1 ms.
"""

import struct

WINDOW, MSS = 65535, 1460
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
HEADER = struct.Struct(">HHIIBBHHH")
MS = 1_000_000
RTO_NS, RTO_MAX_NS, PERSIST_NS = 250 * MS, 8_000 * MS, 500 * MS
MASK = 0xFFFFFFFF
GIVE_UP = 12  # retransmissions of one segment


def ahead(a, b):
    """a - b as sequence numbers: positive if a is later."""
    difference = (a - b) & MASK
    return difference - (1 << 32) if difference >> 31 else difference


class Connection:
    """One connection.

    send(data), close(), abort()
    on_open(), on_data(data), on_sent(), on_end(), on_close(error): called if set
    state: syn-sent, syn-received, open, closed
    received, sent_bytes: counters; error: None, "reset", "refused" or "timeout" once closed
    """

    def __init__(self, tcp, key, local_port, mss, window, ack_delay_ns):
        self.tcp = tcp
        self.machine = tcp.peer.machine
        self.remote, self.remote_port = key[0], key[1]
        self.local_port = local_port
        self.key = key
        self.mss = mss
        self.window = window
        self.ack_delay_ns = ack_delay_ns
        self.on_open = self.on_data = self.on_sent = self.on_end = self.on_close = None
        self.state = "closed"
        self.error = None
        self.received = self.sent_bytes = 0
        self.segments_in = self.segments_out = self.retransmitted = 0
        tcp.serial += 1
        self.una = self.next = tcp.serial * 0x01000193 & MASK
        self.remote_window = 0
        self.receive_next = 0
        self.buffer = bytearray()  # from `una` on: sent and not acknowledged, then not sent
        self.fin_wanted = self.fin_sent = self.fin_acked = self.remote_fin = False
        self._unacked = 0
        self._early = {}
        self._duplicates = 0
        self._tries = 0
        self._timer = self._ack_timer = None

    # The user's side

    def send(self, data):
        """Queue `data`; it goes out as the window opens."""
        if self.fin_wanted or self.state == "closed":
            raise ValueError("this side is closed")
        self.buffer += data
        if self.state == "open":
            self._output()

    @property
    def queued(self):
        """Bytes that the other side has not acknowledged."""
        return len(self.buffer)

    def close(self):
        """No more data from here; the rest still goes out."""
        if not self.fin_wanted and self.state != "closed":
            self.fin_wanted = True
            if self.state == "open":
                self._output()

    def abort(self):
        if self.state != "closed":
            self._segment(RST | ACK, self.next)
            self._closed("reset")

    # Sending

    def _segment(self, flags, sequence, data=b"", options=b""):
        if flags & ACK:
            self._unacked = 0
            if self._ack_timer is not None:
                self._ack_timer.cancel()
                self._ack_timer = None
        self.segments_out += 1
        acknowledge = self.receive_next if flags & ACK else 0
        offset = (20 + len(options)) << 2
        header = HEADER.pack(
            self.local_port, self.remote_port, sequence & MASK, acknowledge, offset, flags, self.window, 0, 0
        )
        self.tcp.send(self.remote, header + options, data)

    def _syn(self, flags):
        self._segment(flags, self.una, options=struct.pack(">BBH", 2, 4, self.mss))
        self.next = (self.una + 1) & MASK
        self._arm()

    def _output(self):
        """Everything that the window takes."""
        base = ahead(self.next, self.una)
        while True:
            room = self.remote_window - base
            data = bytes(self.buffer[base : base + min(self.mss, max(0, room))])
            if not data:
                break
            last = base + len(data) == len(self.buffer)
            self._segment(ACK | (PSH if last else 0), self.next, data)
            base += len(data)
            self.next = (self.next + len(data)) & MASK
        if self.fin_wanted and not self.fin_sent and base == len(self.buffer):
            self.fin_sent = True
            self._segment(FIN | ACK, self.next)
            self.next = (self.next + 1) & MASK
        if self._timer is None and (self.next != self.una or self.buffer):
            self._arm()

    def _arm(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.next == self.una and not self.buffer:
            return
        blocked = self.next == self.una
        delay = PERSIST_NS if blocked else min(RTO_NS << self._tries, RTO_MAX_NS)
        self._timer = self.machine.at(delay, self._expired)

    def _expired(self):
        """Retransmit the first segment, or ask a closed window."""
        self._timer = None
        self._tries += 1
        if self._tries > GIVE_UP:
            self._closed("timeout")
            return
        self._again()
        self._arm()

    def _again(self):
        self.retransmitted += 1
        if self.state == "syn-sent":
            self._segment(SYN, self.una, options=struct.pack(">BBH", 2, 4, self.mss))
        elif self.state == "syn-received":
            self._segment(SYN | ACK, self.una, options=struct.pack(">BBH", 2, 4, self.mss))
        elif self.buffer:
            data = bytes(self.buffer[: min(self.mss, max(1, self.remote_window))])
            self._segment(ACK | PSH, self.una, data)
            if self.next == self.una:  # a window probe: its byte counts as sent
                self.next = (self.una + len(data)) & MASK
        elif self.fin_sent and not self.fin_acked:
            self._segment(FIN | ACK, self.una)

    # Receiving

    def arrived(self, sequence, acknowledge, flags, window, data, options):
        self.segments_in += 1
        if flags & RST:
            in_order = self.state == "syn-sent" or sequence == self.receive_next
            if in_order:
                self._closed("refused" if self.state == "syn-sent" else "reset")
            return
        if flags & SYN:
            self._handshake(sequence, acknowledge, flags, window, options)
            return
        if self.state == "syn-sent" or not flags & ACK:
            return
        self._acknowledged(acknowledge, window, bool(data))
        if self.state == "closed":
            return
        if data or flags & FIN:
            self._take(sequence, data, bool(flags & FIN))
        elif ahead(sequence, self.receive_next) < 0:
            self._segment(ACK, self.next)  # a keep-alive probe
        if self.state == "open":
            self._output()
            self._maybe_done()

    def _handshake(self, sequence, acknowledge, flags, window, options):
        if self.state == "syn-sent" and flags & ACK and acknowledge == self.next:
            self.receive_next = (sequence + 1) & MASK
            self.una = acknowledge
            self._opened(window, options)
            self._segment(ACK, self.next)
            self._output()
        elif self.state == "closed" and not flags & ACK:
            self.receive_next = (sequence + 1) & MASK
            self.remote_window = window
            self._limit_mss(options)
            self.state = "syn-received"
            self._syn(SYN | ACK)
        elif self.state == "syn-received":
            self._again()
        else:
            self._segment(ACK, self.next)

    def _limit_mss(self, options):
        at = 0
        while at < len(options) and options[at] != 0:
            if options[at] == 1:
                at += 1
                continue
            if at + 1 >= len(options) or options[at + 1] < 2:
                break
            if options[at] == 2:
                self.mss = min(self.mss, options[at + 2] << 8 | options[at + 3])
            at += options[at + 1]

    def _opened(self, window, options=b""):
        self.remote_window = window
        self._limit_mss(options)
        self.state = "open"
        self._tries = 0
        self._arm()
        if self.on_open is not None:
            self.on_open()

    def _acknowledged(self, acknowledge, window, has_data):
        new = ahead(acknowledge, self.una)
        if self.state == "syn-received":
            if new != 1:
                return
            self.una = acknowledge
            self._opened(window)
            self.tcp.accepted(self)
            return
        if new > ahead(self.next, self.una) or new < 0:
            return
        if new == 0:
            self._duplicate(window, has_data)
            self.remote_window = window
            return
        self.remote_window = window
        self._duplicates = self._tries = 0
        self.una = acknowledge
        if self.fin_sent and self.una == self.next:
            self.fin_acked = True
            new -= 1
        del self.buffer[:new]
        self.sent_bytes += new
        self._arm()
        if new and self.on_sent is not None:
            self.on_sent()

    def _duplicate(self, window, has_data):
        """The third duplicate ACK in a row tells of a hole (RFC 5681 3.2)."""
        if has_data or window != self.remote_window or self.next == self.una:
            return
        self._duplicates += 1
        if self._duplicates == 3:
            self._again()

    def _take(self, sequence, data, fin):
        skip = ahead(self.receive_next, sequence)
        if skip < 0:
            if len(self._early) < 64:
                self._early[sequence] = (data, fin)
            self._segment(ACK, self.next)
            return
        if skip > len(data) or (skip == len(data) and not (fin and not self.remote_fin)):
            self._segment(ACK, self.next)  # old: it lost our ACK
            return
        self._deliver(data[skip:] if skip else data, fin)
        filled = False
        while self.receive_next in self._early and self.state == "open":
            filled = True
            self._deliver(*self._early.pop(self.receive_next))
        self._unacked += 1
        if self.state != "open":
            return
        if self._unacked >= 2 or fin or filled or self._early:
            self._segment(ACK, self.next)
        elif self._ack_timer is None:
            self._ack_timer = self.machine.at(self.ack_delay_ns, self._late_ack)

    def _late_ack(self):
        self._ack_timer = None
        if self._unacked and self.state == "open":
            self._segment(ACK, self.next)

    def _deliver(self, data, fin):
        self.receive_next = (self.receive_next + len(data) + fin) & MASK
        self.received += len(data)
        if data and self.on_data is not None:
            self.on_data(data)
        if fin:
            self.remote_fin = True
            if self.on_end is not None:
                self.on_end()
            else:
                self.close()

    def _maybe_done(self):
        if self.remote_fin and self.fin_acked:
            self.machine.at(1 * MS, lambda: self._closed(None))

    def _closed(self, error):
        if self.state == "closed":
            return
        self.state = "closed"
        self.error = error
        for timer in (self._timer, self._ack_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._ack_timer = None
        self.tcp.forget(self)
        if self.on_close is not None:
            self.on_close(error)


class Tcp:
    """The peer's connections: listen(port, accept), connect(address, port)."""

    def __init__(self, peer, mss=MSS, window=WINDOW, ack_delay_ns=40 * MS):
        self.peer = peer
        self.mss = mss
        self.window = window
        self.ack_delay_ns = ack_delay_ns
        self.connections = {}
        self.listeners = {}
        self.serial = 0
        self._port = 49152
        self.bad_checksums = 0

    def listen(self, port, accept):
        """accept(connection) is called with each connection once it is open."""
        self.listeners[port] = accept

    def accepted(self, connection):
        self.listeners[connection.local_port](connection)

    def connect(self, address, port, on_open=None):
        """Open a connection; returns it at once, before it is open."""
        self._port = 49152 + (self._port - 49151) % 16384
        key = (self.peer.address_bytes(address), port, self._port)
        connection = self._make(key)
        connection.on_open = on_open
        connection.state = "syn-sent"
        connection._syn(SYN)
        return connection

    def _make(self, key):
        mss = self.mss - 20 if len(key[0]) == 16 else self.mss
        connection = Connection(self, key, key[2], mss, self.window, self.ack_delay_ns)
        self.connections[key] = connection
        return connection

    def forget(self, connection):
        self.connections.pop(connection.key, None)

    def send(self, remote, header, data):
        header = bytearray(header)
        header[16:18] = self.peer.transport_checksum(remote, 6, bytes(header) + data).to_bytes(2, "big")
        self.peer.send_ip(remote, 6, bytes(header) + data)

    def arrived(self, source, segment, checksum_ok):
        if len(segment) < 20:
            return
        if not checksum_ok:
            self.bad_checksums += 1
            return
        port_from, port_to, sequence, acknowledge, offset, flags, window, _, _ = HEADER.unpack_from(segment)
        offset = offset >> 2 & 0x3C
        key = (source, port_from, port_to)
        connection = self.connections.get(key)
        if connection is None:
            if flags & RST:
                return
            if not (flags & SYN and not flags & ACK and port_to in self.listeners):
                self._refuse(source, port_from, port_to, sequence, acknowledge, flags, len(segment) - offset)
                return
            connection = self._make(key)
        connection.arrived(sequence, acknowledge, flags, window, segment[offset:], segment[20:offset])

    def _refuse(self, source, port_from, port_to, sequence, acknowledge, flags, length):
        """A RST for what belongs to no connection (RFC 9293 3.5.2)."""
        if flags & ACK:
            answer = HEADER.pack(port_to, port_from, acknowledge, 0, 5 << 4, RST, 0, 0, 0)
        else:
            next_byte = (sequence + length + bool(flags & SYN) + bool(flags & FIN)) & MASK
            answer = HEADER.pack(port_to, port_from, 0, next_byte, 5 << 4, RST | ACK, 0, 0, 0)
        self.send(source, answer, b"")
