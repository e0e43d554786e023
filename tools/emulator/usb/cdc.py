# SPDX-License-Identifier: MIT
"""The host's CDC-ACM driver: a serial port with back-pressure both ways.

Differs from Linux's cdc-acm: one IN transfer of one packet at a time is outstanding, not sixteen; line state
changes reported by the device are read and kept in `serial_state`.
"""

from .host import BULK, INTERFACE, Transfer

SET_LINE_CODING, SET_CONTROL_LINE_STATE, SEND_BREAK = 0x20, 0x22, 0x23
DTR, RTS = 1, 2
CDC, CDC_DATA, ACM = 2, 10, 2
READ_LIMIT = 64 * 1024  # bytes kept for a reader who does not read, then the device is refused
RETRY_NS = 1_000_000  # after an error
WRITE_CHUNK = 1280  # bytes per OUT transfer, 20 packets, as Linux does


class Cdc:
    """The port. `on_data()` is called after bytes arrived, `on_space()` when all that was written is gone."""

    def __init__(self, host):
        self.host = host
        self.on_data = None
        self.on_space = None
        self.on_ready = None
        self.is_open = False
        self.received = bytearray()
        self.outgoing = bytearray()
        self.baud = 115200
        self.serial_state = 0
        self._held = False
        self.bytes_in = 0
        self.bytes_out = 0
        self._device_gone()
        host.drivers.append(self)

    def _device_gone(self):
        self.ready = False
        self._reading = None
        self._writing = None
        self._notification = None
        self.ep_in = self.ep_out = self.ep_notify = self.interface = None

    def gone(self):
        """The device was unplugged or reset: what it was sent and did not take is lost with it."""
        self._device_gone()
        self.outgoing.clear()

    def probe(self):
        """Called after SET_CONFIGURATION: claim a CDC-ACM function if there is one."""
        current = None
        offset, configuration = 0, self.host.configuration
        while offset < len(configuration):
            item = configuration[offset : offset + configuration[offset]]
            offset += len(item)
            if item[1] == INTERFACE:
                current = item
                if item[5:7] == bytes((CDC, ACM)):
                    self.interface = item[2]
            elif item[1] == 5 and current is not None:
                address, kind = item[2], item[3] & 3
                if current[5] == CDC_DATA and kind == BULK:
                    if address & 0x80:
                        self.ep_in = address & 15
                    else:
                        self.ep_out = address
                elif current[5] == CDC and address & 0x80:
                    self.ep_notify, self._interval = address & 15, max(1, item[6])
        if None in (self.interface, self.ep_in, self.ep_out):
            return
        yield self._line_coding()
        self.ready = True
        if self.is_open:
            yield from self._open()
        if self.on_ready:
            self.on_ready()

    def _line_coding(self):
        return self.host.control(
            0x21, SET_LINE_CODING, 0, self.interface, self.baud.to_bytes(4, "little") + bytes((0, 0, 8))
        )

    def _line_state(self, bits):
        return self.host.control(0x21, SET_CONTROL_LINE_STATE, bits, self.interface, b"")

    def _open(self):
        yield self._line_state(DTR | RTS)
        yield self._line_coding()
        if self.is_open and self.ready:
            self._read_more()
            self._watch_notifications()
            self._write_more()

    def open(self):
        """A program opens the port: DTR and RTS on, reading begins."""
        if not self.is_open:
            self.is_open = True
            self.received.clear()
            if self.ready:
                self.host.start(self._open())

    def close(self):
        """The last program closed the port: DTR off, nothing is read any more."""
        if not self.is_open:
            return
        self.is_open = False
        if self._reading:
            self.host.cancel(self._reading)
            self._reading = None
        if self._notification:
            self.host.cancel(self._notification)
            self._notification = None
        if self.ready:
            self.host.start(iter_one(self._line_state(0)))

    def send_break(self, ms):
        """A break of so many ms (0xFFFF: until the next call)."""
        self.host.start(iter_one(self.host.control(0x21, SEND_BREAK, ms, self.interface, b"")))

    def set_baud(self, baud):
        """SET_LINE_CODING with another rate."""
        self.baud = baud
        if self.ready:
            self.host.start(iter_one(self._line_coding()))

    # Data

    def write(self, data):
        """Queue bytes for the device; they go as fast as it takes them."""
        self.outgoing += data
        self._write_more()

    def _write_more(self):
        if self._writing or not self.ready or not self.outgoing:
            return
        chunk = bytes(self.outgoing[:WRITE_CHUNK])
        del self.outgoing[:WRITE_CHUNK]
        self._writing = Transfer(self.ep_out, False, self._written, chunk)
        self.bytes_out += len(chunk)
        self.host.submit(self._writing)

    def _written(self, transfer):
        self._writing = None
        if transfer.error:
            self.host.log.append(f"CDC OUT: {transfer.error}")  # and the data are lost, as in Linux
        self._write_more()
        if not self.outgoing and self.on_space:
            self.on_space()

    @property
    def pending_out(self):
        """Bytes written and not yet taken by the device."""
        return len(self.outgoing) + (len(self._writing.data) if self._writing else 0)

    def read(self, limit=None):
        """Take up to `limit` bytes (default: all) of what has arrived."""
        limit = len(self.received) if limit is None else limit
        data = bytes(self.received[:limit])
        del self.received[:limit]
        self._read_more()
        return data

    def _read_more(self):
        if (
            self._reading
            or self._held
            or not self.ready
            or not self.is_open
            or len(self.received) >= READ_LIMIT
        ):
            return
        size = self.host.packet_sizes[self.ep_in | 0x80]
        self._reading = Transfer(self.ep_in, True, self._arrived, length=size)
        self.host.submit(self._reading)

    def hold(self, on):
        """A program that has the port open and does not read: the device's data are refused while on."""
        self._held = on
        if on and self._reading:
            self.host.cancel(self._reading)
            self._reading = None
        self._read_more()

    def _arrived(self, transfer):
        self._reading = None
        if transfer.error:
            self.host.log.append(f"CDC IN: {transfer.error}")
            self.host.machine.at(RETRY_NS, self._read_more)
            return
        self.bytes_in += len(transfer.data)
        self.received += transfer.data
        if transfer.data and self.on_data:
            self.on_data()
        self._read_more()

    def _watch_notifications(self):
        if self.ep_notify is not None and not self._notification and self.is_open and self.ready:
            self._notification = Transfer(
                self.ep_notify, True, self._notified, length=16, interval=self._interval
            )
            self.host.submit(self._notification)

    def _notified(self, transfer):
        self._notification = None
        if not transfer.error:
            if transfer.data[1:2] == b"\x20" and len(transfer.data) >= 10:
                self.serial_state = int.from_bytes(transfer.data[8:10], "little")
            self._watch_notifications()


def iter_one(transfer):
    """A task of one transfer."""
    yield transfer
