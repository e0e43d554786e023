# SPDX-License-Identifier: MIT
"""Sockets on the board against programs on the other end of its wire, and on its own loopback interface."""

import hashlib
import os
import socket
import threading

import pytest
from support.lan import UP

INTERRUPTED = b"KeyboardInterrupt"


@pytest.fixture
def online(net_board):
    """The board with an address by DHCP, and that address."""
    address = net_board.exec(UP + "import socket\n", timeout=60).strip()
    if isinstance(address, bytes):
        address = address.decode()
    assert address.startswith("10.0.7."), address
    return net_board, address


class Server:
    """Accepts connections in the namespace and hands each to a function, in threads."""

    def __init__(self, lan, handle, family=socket.AF_INET):
        self.listener = lan.socket(family)
        self.listener.bind(("", 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.handle = handle
        self.error = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    connection.settimeout(30)
                    self.handle(connection)
        except OSError as error:
            self.error = error

    def close(self):
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def server(lan):
    servers = []

    def make(handle, family=socket.AF_INET):
        servers.append(Server(lan, handle, family))
        return servers[-1].port

    yield make
    for made in servers:
        made.close()


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def serve_http(connection):
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    path = request.split()[1].decode()
    body = f"you asked for {path}".encode() * 100
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def test_http_client__by_name(online, lan, server):
    """GET from a server that is found by its name, over DHCP's DNS server."""
    board, _ = online
    port = server(serve_http)
    out = board.exec(
        f"""
address = socket.getaddrinfo("host.test", {port}, 0, socket.SOCK_STREAM)[0][-1]
s = socket.socket()
s.connect(address)
s.write(b"GET /the/page HTTP/1.0\\r\\nHost: host.test\\r\\n\\r\\n")
print(s.readline())
length = 0
while True:
    line = s.readline()
    if line == b"\\r\\n":
        break
    name, value = line.split(b":")
    if name.lower() == b"content-length":
        length = int(value)
body = s.read(length)
print(address[0], len(body), body[:23], s.read())
s.close()
""",
        timeout=60,
    )
    assert out == "b'HTTP/1.0 200 OK\\r\\n'\n" + f"{lan.host} 2300 b'you asked for /the/page' b''\n"


def test_echo_server__reached_from_outside(online, lan):
    """A TCP echo server on the board serves two clients in turn, the second while the first is open."""
    board, address = online
    board.start("""
server = socket.socket()
server.bind(("", 7))
server.listen(2)
print("listening")
import select
poll = select.poll()
poll.register(server, select.POLLIN)
clients = 0
while True:
    for s, events in poll.poll():
        if s is server:
            client, peer = server.accept()
            poll.register(client, select.POLLIN)
            clients += 1
        else:
            data = s.recv(2048)
            if data:
                s.sendall(data)
            else:
                poll.unregister(s)
                s.close()
                clients -= 1
    if clients == 0:
        break
print("served")
""")
    board.dut.expect_exact(b"listening")
    first, second = lan.socket(), lan.socket()
    first.connect((address, 7))
    first.sendall(b"first")
    assert first.recv(100) == b"first"
    second.connect((address, 7))
    data = os.urandom(20000)
    feeder = threading.Thread(target=second.sendall, args=(data,))
    feeder.start()
    got = b""
    while len(got) < len(data):
        got += second.recv(65536)
    feeder.join()
    assert got == data
    first.close()
    second.close()
    out, error = board.finish(timeout=60)
    assert b"served" in out and not error, (out, error)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_tcp__quarter_megabyte_each_way(online, lan, server, family):
    """What the board receives and sends back has the digest that it had."""
    board, _ = online
    data = bytes(range(256)) * 1024
    echoed = []

    def handle(connection):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        echoed.append(read_all(connection))

    port = server(handle, family)
    host = lan.host if family == socket.AF_INET else lan.host6
    out = board.exec(
        f"""
import hashlib
s = socket.socket(socket.{family.name})
for i in range(100):
    try:
        s.connect(("{host}", {port}))
        break
    except OSError as e:
        # An IPv6 address takes a moment to be announced and checked.
        s.close()
        s = socket.socket(socket.{family.name})
        time.sleep_ms(100)
h = hashlib.sha256()
buf = bytearray(4096)
total = 0
while True:
    n = s.recv_into(buf)
    if not n:
        break
    total += n
    h.update(memoryview(buf)[:n])
block = bytes(range(256)) * 8
for i in range({len(data)} // len(block)):
    s.sendall(block)
s.close()
print(total, h.digest())
""",
        timeout=120,
    )
    assert out == f"{len(data)} {hashlib.sha256(data).digest()}\n".replace("\\\\", "\\")
    for _ in range(100):
        if echoed:
            break
        threading.Event().wait(0.1)
    assert echoed == [data]


def test_udp__echo_both_ways(online, lan):
    """Datagrams of every interesting size, the largest in fragments."""
    board, address = online
    board.start("""
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 9000))
print("ready")
while True:
    data, peer = u.recvfrom(4000)
    if data == b"end":
        break
    u.sendto(data, peer)
""")
    board.dut.expect_exact(b"ready")
    peer = lan.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.settimeout(10)
    for size in (0, 1, 17, 18, 64, 1471, 1472, 1473, 3000):
        data = os.urandom(size)
        peer.sendto(data, (address, 9000))
        assert peer.recvfrom(4096) == (data, (address, 9000)), size
    peer.sendto(b"end", (address, 9000))
    _, error = board.finish(timeout=30)
    assert not error, error


def test_errors__seen_from_the_wire(online, lan):
    """Refused, reset and time-out have their errno."""
    board, _ = online
    listener = lan.socket()
    listener.bind(("", 0))
    listener.listen(1)
    listener.settimeout(30)
    port = listener.getsockname()[1]
    board.start(f"""
import errno
def err(f, *args):
    try:
        return f(*args)
    except OSError as e:
        return errno.errorcode.get(e.errno, e.errno)
s = socket.socket()
print(err(s.connect, ("{lan.host}", 1)))
s = socket.socket()
s.connect(("{lan.host}", {port}))
s.settimeout(0.2)
print(err(s.recv, 1))
s.settimeout(10)
s.send(b"go")
print(err(s.recv, 1), err(s.recv, 1))
print(err(socket.getaddrinfo, "nobody.test", 1))
""")
    connection, _ = listener.accept()
    assert connection.recv(2) == b"go"
    # SO_LINGER with no time: closing resets.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
    out, error = board.finish(timeout=60)
    assert not error, error
    assert out.split() == [b"ECONNREFUSED", b"ETIMEDOUT", b"ECONNRESET", b"b''", b"-2"]


@pytest.mark.parametrize(
    "call",
    [
        "u.recv(1)",
        "s.accept()",
        "socket.socket().connect(('10.0.7.250', 80))",
        "socket.getaddrinfo('silent.example', 80)",
        "select.select([u], [], [])",
    ],
)
def test_interrupt__keyboard(online, call):
    """Ctrl-C breaks every call that waits for the network; the network goes on working."""
    board, _ = online
    board.start(f"""
import select
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 9001))
s = socket.socket()
s.bind(("", 9002))
s.listen(1)
if "getaddrinfo" in {call!r}:
    import network
    network.ipconfig(dns="10.0.7.251")
print("waiting")
{call}
""")
    board.dut.expect_exact(b"waiting")
    board.dut.write(b"\x03")
    out, error = board.finish(timeout=30)
    assert INTERRUPTED in error, (out, error)
    assert board.exec("u.sendto(b'alive', ('127.0.0.1', 9001))\nprint(u.recv(9))") == "b'alive'\n"


def test_soft_reset__gives_everything_back(net_board):
    """Pools and heap of lwIP are after a soft reset with sockets open as they were before."""
    used = """
import lwip
pools = lwip.stats("memp")
# Not the timers: TCP's stops by itself a moment after the last connection.
print([(k, pools[k][0]) for k in sorted(pools) if k != "SYS_TIMEOUT"], lwip.stats("mem")[0])
"""
    net_board.soft_reset()
    before = net_board.exec(used)
    for _ in range(3):
        net_board.exec("""
import socket
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(4)
kept = []
for i in range(4):
    c = socket.socket()
    c.connect(server.getsockname())
    c.setblocking(False)
    try:
        c.send(b"x" * 6000)
    except OSError as e:
        # lwIP's heap is full: all the better.
        assert e.errno in (11, 12)
    kept.append(c)
    kept.append(server.accept()[0])
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
try:
    for i in range(4):
        u.sendto(b"y" * 100, u.getsockname())
except OSError as e:
    assert e.errno in (12, 105)
kept[1].close()
""")
        net_board.soft_reset()
    assert net_board.exec(used) == before
