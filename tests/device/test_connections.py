# SPDX-License-Identifier: MIT
"""Connections in great number: one after the other, made and served, and 32 at once, with Linux's sockets.

`--full` (make soak) for 10,000 in a row by each API in each direction.
"""

import selectors
import socket
import threading

import pytest
from support.streams import APIS, ends_source

UP = """
import network
lan = network.LAN()
lan.active(True)
until(lambda: lan.isconnected(), "link")
print(lan.ipconfig("addr4")[0])
"""
PORT = 4000
AT_ONCE = 32
ROUNDS = 12


@pytest.fixture
def ends_board(net_board):
    """The board with ends.py, and its address."""
    net_board.exec(ends_source(), timeout=60)
    return net_board, net_board.exec(UP, timeout=120).strip()


@pytest.fixture
def count(pytestconfig):
    """More in a row than there are PCBs, so that each connection has another one's, of those in TIME_WAIT."""
    return 10_000 if pytestconfig.getoption("full") else 80


@pytest.fixture
def seconds(pytestconfig):
    return 7200 if pytestconfig.getoption("full") else 120


class EchoServer(threading.Thread):
    """Echoes on every connection, until close()."""

    def __init__(self, lan):
        super().__init__(daemon=True)
        self.listener = lan.socket()
        self.listener.bind(("", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.accepted = self.errors = 0
        self.over = False
        self.start()

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.1):
                if key.fileobj is self.listener:
                    self.selector.register(self.listener.accept()[0], selectors.EVENT_READ)
                    self.accepted += 1
                else:
                    self.echo(key.fileobj)

    def echo(self, connection):
        try:
            data = connection.recv(4096)
            connection.sendall(data)
        except OSError:
            self.errors += 1
            data = b""
        if not data:
            self.selector.unregister(connection)
            connection.close()

    def close(self):
        self.over = True
        self.join(10)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


@pytest.fixture
def echo_server(lan):
    made = EchoServer(lan)
    yield made
    made.close()


def call(lan, address):
    """A connection to the board. One that fails asks no more: the next test's server would take it in."""
    made = lan.socket()
    made.settimeout(60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.connect((address, PORT))
    except OSError:
        made.close()
        raise
    return made


def read(connection, length):
    """`length` bytes, less at the end."""
    got = b""
    while len(got) < length and (data := connection.recv(length - len(got))):
        got += data
    return got


@pytest.mark.timeout(14400)
@pytest.mark.parametrize("api", APIS)
def test_in_a_row__made(ends_board, lan, echo_server, api, count, seconds):
    """Each is made, used and ended by the board, whose PCBs in TIME_WAIT are taken by the next ones."""
    board, _ = ends_board
    board.exec(f"short_call(TCP[{api!r}], False, {lan.host!r}, {echo_server.port}, {count})", seconds)
    assert (echo_server.accepted, echo_server.errors) == (count, 0)


@pytest.mark.timeout(14400)
@pytest.mark.parametrize("api", APIS)
def test_in_a_row__served(ends_board, lan, api, count, seconds):
    """The same from outside: the board accepts, answers and ends each; none is refused or reset."""
    board, address = ends_board
    board.start(f"short_serve(TCP[{api!r}], False, {PORT}, {count})")
    board.expect(b"listening")
    for number in range(count):
        with call(lan, address) as connection:
            connection.sendall(number.to_bytes(4, "big"))
            assert read(connection, 5) == number.to_bytes(4, "big"), number
    _, error = board.finish(seconds)
    assert not error, error


@pytest.mark.parametrize("api", APIS)
def test_at_once__made(ends_board, lan, echo_server, api):
    """32 connections to Linux are open and each exchanges its own data, in turn, many times."""
    board, _ = ends_board
    board.exec(
        f"many_call(TCP[{api!r}], False, {lan.host!r}, {echo_server.port}, {AT_ONCE}, {ROUNDS})", timeout=120
    )
    assert (echo_server.accepted, echo_server.errors) == (AT_ONCE, 0)


@pytest.mark.parametrize("api", APIS)
def test_at_once__served(ends_board, lan, api):
    """The same with 32 connections that Linux makes to the board."""
    board, address = ends_board
    board.start(f"many_serve(TCP[{api!r}], False, {PORT}, {AT_ONCE}, {ROUNDS})")
    board.expect(b"listening")
    connections = [call(lan, address) for _ in range(AT_ONCE)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(60)
            assert ready
            for key, _ in ready:
                if data := key.fileobj.recv(4096):
                    key.fileobj.sendall(data)
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    _, error = board.finish(timeout=120)
    assert not error, error
