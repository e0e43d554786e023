# SPDX-License-Identifier: MIT
"""The client's side of USB/IP, as far as tools/emulator/usb/usbip.py offers it."""

import socket
import struct

VERSION = 0x0111
REQ_DEVLIST, REQ_IMPORT = 0x8005, 0x8003
DEVICE_BYTES = 312
SUBMIT, UNLINK, RET_SUBMIT = 1, 2, 3
URB = struct.Struct(">IIIIIIIIII8s")
REPLY = struct.Struct(">IIIIIiIIII8x")
DEVICE_ID = 0x10002
PORT_RESET = struct.pack("<BBHHH", 0x23, 3, 4, 0, 0)


def receive(connection, size):
    """Exactly `size` bytes, or ConnectionError."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data


def connect(address):
    """address: [HOST:]PORT or a path."""
    if "/" in address:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address)
        return connection
    host, _, port = address.rpartition(":")
    return socket.create_connection((host or "127.0.0.1", int(port)))


class Device:
    """What an emulator offers at `address`.

    connection       a socket, readable when reply() has something; None while there is no device
    descriptor, configuration    as the device gives them
    """

    def __init__(self, address):
        self.address = address
        self.connection = None
        self._sequence = 0
        self._reading = set()  # sequence numbers of transfers from the device

    def find(self):
        """Import the device; False where there is none, or somebody else has it."""
        connection = None
        try:
            connection = connect(self.address)
            connection.sendall(struct.pack(">HHI", VERSION, REQ_DEVLIST, 0))
            if struct.unpack(">HHII", receive(connection, 12))[3] == 0:
                raise ConnectionError
            record = receive(connection, DEVICE_BYTES)
            receive(connection, 4 * record[-1])
            connection.sendall(struct.pack(">HHI", VERSION, REQ_IMPORT, 0) + record[256:288])
            if struct.unpack(">HHI", receive(connection, 8))[2] != 0:
                raise ConnectionError
            receive(connection, DEVICE_BYTES)
            self.connection = connection
            self.descriptor = self._descriptor(1, 18)
            length = struct.unpack_from("<H", self._descriptor(2, 9), 2)[0]
            self.configuration = self._descriptor(2, length)
        except OSError:
            if connection:
                connection.close()
            self.connection = None
            return False
        return True

    def _descriptor(self, kind, length):
        self.submit(0, True, length, struct.pack("<BBHHH", 0x80, 6, kind << 8, 0, length), b"")
        return self.reply()[2]

    def submit(self, endpoint, is_in, length, setup, data):
        """Send a transfer off; its sequence number."""
        self._sequence += 1
        if is_in:
            self._reading.add(self._sequence)
        header = URB.pack(SUBMIT, self._sequence, DEVICE_ID, int(is_in), endpoint, 0, length, 0, 0, 0, setup)
        self.connection.sendall(header + data)
        return self._sequence

    def reset(self):
        """Have the port reset; the device is as after being plugged in."""
        return self.submit(0, False, 0, PORT_RESET, b"")

    def unlink(self, sequence):
        """Take a transfer back: no reply comes for it, unless it was on its way."""
        self._sequence += 1
        self.connection.sendall(
            URB.pack(UNLINK, self._sequence, DEVICE_ID, 0, 0, sequence, 0, 0, 0, 0, bytes(8))
        )

    def reply(self):
        """(sequence number, status, data, bytes moved) of a transfer; the first is None for an unlink's."""
        command, sequence, _, _, _, status, moved, *_ = REPLY.unpack(receive(self.connection, REPLY.size))
        if command != RET_SUBMIT:
            return None, status, b"", 0
        data = b""
        if sequence in self._reading:
            self._reading.discard(sequence)
            data = receive(self.connection, moved)
        return sequence, status, data, moved

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None
