# SPDX-License-Identifier: MIT
"""The board's USB device for programs outside, by USB/IP (Linux, Documentation/usb/usbip_protocol.rst).

One device, one client at a time. A device that the emulator's own driver serves (the CDC port, see pty.py) is
not offered. The connection ends when the device leaves the bus.

Differs from Linux's usbipd: the descriptors are those that the emulated host read when it enumerated the
device; isochronous transfers fail; SET_FEATURE(PORT_RESET), by which a client resets the port, enumerates the
device anew.
"""

import os
import socket
import struct

from .host import BULK, CONTROL, ENDPOINT, INTERFACE, INTERRUPT, Transfer

VERSION = 0x0111
REQ_DEVLIST, REP_DEVLIST, REQ_IMPORT, REP_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
BUS_ID = b"1-1"
FULL_SPEED = 2
EPIPE, ECONNRESET, EPROTO, EOVERFLOW = 32, 104, 71, 75
URB = struct.Struct(">IIIIIIIIII8s")  # the header of a submit
REPLY = struct.Struct(">IIIIIiIIII8x")
SET_ADDRESS = b"\x00\x05"
PORT_RESET = b"\x23\x03\x04\x00"


def listen(address):
    """A socket listening at "PORT", "HOST:PORT" or a path."""
    if "/" in address:
        remove_stale(address)
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
    else:
        host, _, port = address.rpartition(":")
        server = socket.create_server((host or "127.0.0.1", int(port)))
    server.listen()
    return server


def remove_stale(path):
    """Remove a socket at which nobody listens any more: what an emulator that was killed left behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except FileNotFoundError:
            pass


class UsbIp:
    """usb: the board's emulator.usb.Usb. address: as listen() has it."""

    def __init__(self, machine, usb, address):
        self.machine = machine
        self.usb = usb
        self.host = usb.host
        self.address = address
        self.server = listen(address)
        self.clients = set()
        self.owner = None  # the client that has the device
        machine.poll.add(self.server.fileno(), self._accept)
        machine.poll.realtime += 1  # a host's program has its time-outs
        self.host.drivers.append(self)

    def close(self):
        for client in list(self.clients):
            client.close()
        self.machine.poll.remove(self.server.fileno())
        self.machine.poll.realtime -= 1
        self.host.drivers.remove(self)
        self.server.close()
        if "/" in self.address:
            os.unlink(self.address)

    def probe(self):
        """A device is there; nothing to do before somebody asks."""
        return iter(())

    def gone(self):
        """The device left the bus."""
        if self.owner:
            self.owner.close()

    def _accept(self):
        connection, _ = self.server.accept()
        self.clients.add(Client(self, connection))

    def device(self):
        """The 312 bytes that describe the device, or None; the interfaces' classes."""
        host = self.host
        if not host.configured or self.usb.cdc.ready or not host.descriptor:
            return None, b""
        d, interfaces = host.descriptor, host.descriptors(INTERFACE)
        first = [item for item in interfaces if item[3] == 0]
        vendor, product, version = struct.unpack_from("<HHH", d, 8)
        record = struct.pack(
            ">256s32sIIIHHHBBBBBB",
            b"/emulator/" + BUS_ID,
            BUS_ID,
            1,
            2,
            FULL_SPEED,
            vendor,
            product,
            version,
            *d[4:7],
            host.configuration[5],
            d[17],
            len(first),
        )
        return record, b"".join(bytes(item[5:8]) + b"\0" for item in first)

    def endpoint_kind(self, number, is_in):
        if number == 0:
            return CONTROL, 0
        wanted = number | (0x80 if is_in else 0)
        for item in self.host.descriptors(ENDPOINT):
            if item[2] == wanted:
                return item[3] & 3, item[6]
        return None, 0


class Client:
    """One connection: before an import it asks what there is, after it it submits transfers."""

    def __init__(self, server, connection):
        self.server = server
        self.connection = connection
        self.received = bytearray()
        self.transfers = {}  # sequence number -> Transfer
        server.machine.poll.add(connection.fileno(), self._readable)

    def close(self):
        if self.connection is None:
            return
        for transfer in self.transfers.values():
            self.server.host.cancel(transfer)
        if self.server.owner is self:
            self.server.owner = None
        self.server.machine.poll.remove(self.connection.fileno())
        self.connection.close()
        self.connection = None
        self.server.clients.discard(self)

    def _readable(self):
        try:
            data = self.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self.received += data
        while self.connection and self._take_one():
            pass

    def _take(self, size):
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    def _send(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            self.close()

    def _take_one(self):
        """Serve one message; False where it is not complete yet."""
        if self.server.owner is self:
            return self._take_urb()
        if len(self.received) < 8:
            return False
        _, code, _ = struct.unpack_from(">HHI", self.received)
        if code == REQ_DEVLIST:
            self._take(8)
            record, classes = self.server.device()
            found = record is not None
            head = struct.pack(">HHII", VERSION, REP_DEVLIST, 0, int(found))
            self._send(head + (record + classes if found else b""))
        elif code == REQ_IMPORT:
            if len(self.received) < 40:
                return False
            self._import(self._take(40)[8:].rstrip(b"\0"))
        else:
            self.close()
        return True

    def _import(self, bus_id):
        record, _ = self.server.device()
        granted = record is not None and self.server.owner is None and bus_id == BUS_ID
        if granted:
            self.server.owner = self
        head = struct.pack(">HHI", VERSION, REP_IMPORT, 0 if granted else 1)
        self._send(head + (record if granted else b""))

    def _take_urb(self):
        if len(self.received) < URB.size:
            return False
        command, sequence, _, direction, endpoint, flags, length, *_, setup = URB.unpack_from(self.received)
        if command == CMD_UNLINK:
            self._take(URB.size)
            self._unlink(sequence, flags)
        elif command == CMD_SUBMIT:
            size = URB.size + (0 if direction else length)
            if len(self.received) < size:
                return False
            self._submit(sequence, bool(direction), endpoint, length, setup, self._take(size)[URB.size :])
        else:
            self.close()
        return True

    def _unlink(self, sequence, wanted):
        transfer = self.transfers.pop(wanted, None)
        if transfer:
            self.server.host.cancel(transfer)
        status = -ECONNRESET if transfer else 0
        self._send(REPLY.pack(RET_UNLINK, sequence, 0, 0, 0, status, 0, 0, 0, 0))

    def _submit(self, sequence, is_in, endpoint, length, setup, data):
        kind, interval = self.server.endpoint_kind(endpoint, is_in)
        if endpoint == 0 and setup[:4] == PORT_RESET:
            self._reply(sequence, 0, b"", 0)
            self.server.owner = None  # the connection outlives the reset
            self.server.host.reset_device()
            self.server.owner = self
            return
        if endpoint == 0 and setup[:2] == SET_ADDRESS:
            self._reply(sequence, 0, b"", 0)  # the emulated host has given it one
            return
        if kind not in (CONTROL, BULK, INTERRUPT):
            self._reply(sequence, -EPIPE, b"", 0)
            return
        transfer = Transfer(
            endpoint,
            is_in,
            lambda done: self._done(sequence, done, len(data)),
            data,
            length,
            setup if endpoint == 0 else None,
            interval if kind == INTERRUPT else 0,
        )
        self.transfers[sequence] = transfer
        self.server.host.submit(transfer)

    def _done(self, sequence, transfer, sent):
        self.transfers.pop(sequence, None)
        error = transfer.error or ""
        if error == "disconnected":
            return  # the connection ends
        status = -EPIPE if error == "STALL" else -EOVERFLOW if "babble" in error else -EPROTO if error else 0
        data = bytes(transfer.data) if transfer.is_in else b""
        self._reply(sequence, status, data, len(data) if transfer.is_in else sent - len(transfer.data))

    def _reply(self, sequence, status, data, actual):
        self._send(REPLY.pack(RET_SUBMIT, sequence, 0, 0, 0, status, actual, 0, 0, 0) + data)
