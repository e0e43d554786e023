# SPDX-License-Identifier: MIT
"""The emulator's USB/IP server, message by message (Linux, Documentation/usb/usbip_protocol.rst)."""

import os
import socket
import struct

import pytest
from emulator.board import Board
from emulator.usb.usbip import UsbIp, listen

DEVLIST = struct.pack(">HHI", 0x0111, 0x8005, 0)
IMPORT = struct.pack(">HHI", 0x0111, 0x8003, 0) + b"1-1".ljust(32, b"\0")
EPIPE, ECONNRESET = 32, 104


class Client:
    def __init__(self, bench):
        self.board = bench.board
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(bench.path)
        self.socket.setblocking(False)

    def ask(self, message, size, ns=2_000_000_000):
        """Send a message, run the board until `size` bytes are there."""
        self.socket.sendall(message)
        data = bytearray()

        def there():
            try:
                data.extend(self.socket.recv(size - len(data)))
            except BlockingIOError:
                pass
            return len(data) >= size

        self.board.run(ns=ns, until=there)
        return bytes(data)

    def submit(self, sequence, setup, length=0, data=b"", endpoint=0):
        is_in = setup[0] >> 7
        head = struct.pack(
            ">IIIIIIIIII", 1, sequence, 0x10002, is_in, endpoint, 0, length or len(data), 0, 0, 0
        )
        return head + setup + data


@pytest.fixture
def bench(tmp_path):
    class Bench:
        path = os.path.join(os.path.relpath(tmp_path), "s")  # a socket's path is short
        board = Board(None, "STM32F4DISC_DISBB", boot0=True)

    bench = Bench()
    bench.server = UsbIp(bench.board.machine, bench.board.usb, bench.path)
    yield bench
    bench.server.close()
    bench.board.close()
    assert not os.path.exists(bench.path)


@pytest.fixture
def client(bench):
    host = bench.board.usb.host
    bench.board.run(ns=5_000_000_000, until=lambda: host.configured)
    client = Client(bench)
    yield client
    client.socket.close()


def test_usbip__list_without_device(bench):
    """Before the device is enumerated there is none to list or to import."""
    client = Client(bench)
    assert client.ask(DEVLIST, 12, ns=10_000_000) == struct.pack(">HHII", 0x0111, 0x0005, 0, 0)
    assert client.ask(IMPORT, 8, ns=10_000_000) == struct.pack(">HHI", 0x0111, 0x0003, 1)
    client.socket.close()


def test_usbip__list(client):
    answer = client.ask(DEVLIST, 12 + 312 + 4)
    assert answer[:12] == struct.pack(">HHII", 0x0111, 0x0005, 0, 1)
    assert answer[12 + 256 :].startswith(b"1-1\0")
    assert answer[12 + 288 : 12 + 312] == struct.pack(
        ">IIIHHHBBBBBB", 1, 2, 2, 0x0483, 0xDF11, 0x2200, 0, 0, 0, 1, 1, 1
    )
    assert answer[-4:] == b"\xfe\x01\x02\0"


def test_usbip__one_client_at_a_time(bench, client):
    assert client.ask(IMPORT, 320)[:8] == struct.pack(">HHI", 0x0111, 0x0003, 0)
    other = Client(bench)
    assert other.ask(IMPORT, 8) == struct.pack(">HHI", 0x0111, 0x0003, 1)
    client.socket.close()
    bench.board.run(ns=20_000_000)
    assert other.ask(IMPORT, 320)[:8] == struct.pack(">HHI", 0x0111, 0x0003, 0)
    other.socket.close()


def test_usbip__transfers(client):
    """IN with data, OUT, STALL; each answer bears its request's number."""
    client.ask(IMPORT, 320)
    answer = client.ask(client.submit(7, struct.pack("<BBHHH", 0x80, 6, 0x100, 0, 64), 64), 48 + 18)
    assert struct.unpack_from(">IIIIIiI", answer) == (3, 7, 0, 0, 0, 0, 18)
    assert answer[48:66][:2] == b"\x12\x01"
    answer = client.ask(client.submit(8, struct.pack("<BBHHH", 0x21, 1, 0, 0, 1), data=b"\x41"), 48)
    assert struct.unpack_from(">IIIIIiI", answer) == (3, 8, 0, 0, 0, 0, 1)
    answer = client.ask(client.submit(9, struct.pack("<BBHHH", 0xA1, 2, 1, 0, 64), 64), 48)
    assert struct.unpack_from(">IIIIIiI", answer) == (3, 9, 0, 0, 0, -EPIPE, 0)
    answer = client.ask(client.submit(10, bytes(8), data=bytes(64), endpoint=3), 48)
    assert struct.unpack_from(">IIIIIiI", answer) == (3, 10, 0, 0, 0, -EPIPE, 0)


def test_usbip__unlink(client):
    """A transfer that is taken back is never answered; one that is over cannot be."""
    client.ask(IMPORT, 320)
    client.socket.sendall(client.submit(5, struct.pack("<BBHHH", 0x80, 6, 0x100, 0, 18), 18))
    unlink = struct.pack(">IIIIII", 2, 6, 0x10002, 0, 0, 5) + bytes(24)
    answer = client.ask(unlink, 48)
    assert struct.unpack_from(">IIIIIi", answer) == (4, 6, 0, 0, 0, -ECONNRESET)
    answer = client.ask(struct.pack(">IIIIII", 2, 7, 0x10002, 0, 0, 5) + bytes(24), 48)
    assert struct.unpack_from(">IIIIIi", answer) == (4, 7, 0, 0, 0, 0)


def test_usbip__port_reset(client):
    """The connection outlives a reset of the port, and the device is as new."""
    client.ask(IMPORT, 320)
    client.ask(client.submit(1, struct.pack("<BBHHH", 0x21, 1, 0, 0, 1), data=b"\x55"), 48)
    client.ask(client.submit(2, struct.pack("<BBHHH", 0xA1, 3, 0, 0, 6), 6), 54)
    answer = client.ask(client.submit(3, struct.pack("<BBHHH", 0x23, 3, 4, 0, 0)), 48)
    assert struct.unpack_from(">IIIIIi", answer) == (3, 3, 0, 0, 0, 0)
    client.board.run(ns=2_000_000_000, until=lambda: client.board.usb.host.configured)
    answer = client.ask(client.submit(4, struct.pack("<BBHHH", 0xA1, 5, 0, 0, 1), 1), 49)
    assert answer[48:] == b"\x02"  # dfuIDLE


def test_usbip__device_leaves(bench, client):
    """The connection ends with the device."""
    client.ask(IMPORT, 320)
    bench.board.usb.unplug()
    bench.board.run(ns=10_000_000)
    assert client.socket.recv(1) == b""


def test_usbip__stale_socket(tmp_path):
    """A path left behind by an emulator that was killed is taken over; one that is in use is not."""
    path = os.path.join(os.path.relpath(tmp_path), "s")
    listen(path).close()
    server = listen(path)
    with pytest.raises(OSError):
        listen(path)
    server.close()
