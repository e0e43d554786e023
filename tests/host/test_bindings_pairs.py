# SPDX-License-Identifier: MIT
"""Raw, netconn and socket ends talk to each other on loopback, in all nine pairings; 32 connections each."""

import pytest

# Three kinds of ends under one interface: a stream's start, send everything, receive everything and end;
# a datagram socket's bind, send and receive. Every wait goes on while the other end's callbacks run.
ENDS = """
import hashlib, socket, time
from lwip import netconn, raw

V6 = False
HOST = lambda: "::1" if V6 else "127.0.0.1"

def until(condition, what):
    for _ in range(3000):
        if condition():
            return
        time.sleep_ms(1)
    raise OSError(what)

class Socket:
    def __init__(self, conn=None, kind=socket.SOCK_STREAM):
        self.conn = conn or socket.socket(socket.AF_INET6 if V6 else socket.AF_INET, kind)
    def listen(self, port):
        self.conn.bind((HOST(), port))
        self.conn.listen(32)
    def accept(self):
        return Socket(self.conn.accept()[0])
    def connect(self, port):
        self.conn.connect((HOST(), port))
    def send(self, data):
        self.conn.setblocking(False)
        try:
            return self.conn.send(data)
        except OSError as e:
            if e.errno != 11:
                raise
            return 0
    def recv(self):
        self.conn.setblocking(False)
        try:
            return self.conn.recv(4096)
        except OSError as e:
            if e.errno != 11:
                raise
    def end(self):
        self.conn.shutdown(socket.SHUT_WR)
    def close(self):
        self.conn.close()
    def bind(self, port):
        self.conn.bind((HOST(), port))
    def sendto(self, data, port):
        self.conn.sendto(data, (HOST(), port))
    def recvfrom(self):
        data, address = self.conn.recvfrom(2000)
        return data, address[1]

class Netconn:
    def __init__(self, conn=None, kind=netconn.TCP):
        v6 = netconn.TCP_IPV6 - netconn.TCP if V6 else 0
        self.conn = conn or netconn.Netconn(kind + v6)
    def listen(self, port):
        self.conn.bind(HOST(), port)
        self.conn.listen(32)
    def accept(self):
        return Netconn(self.conn.accept())
    def connect(self, port):
        self.conn.connect(HOST(), port)
    def send(self, data):
        try:
            return self.conn.write(data, netconn.COPY | netconn.DONTBLOCK)
        except OSError as e:
            if e.errno != 11:
                raise
            return 0
    def recv(self):
        try:
            buf = self.conn.recv(netconn.DONTBLOCK)
        except OSError as e:
            if e.errno != 11:
                raise
            return None
        if buf is None:
            return b""
        with buf:
            return buf.copy()
    def end(self):
        self.conn.shutdown(False, True)
    def close(self):
        self.conn.delete()
    def bind(self, port):
        self.conn.bind(HOST(), port)
    def sendto(self, data, port):
        buf = netconn.NetBuf()
        buf.ref(data)
        self.conn.sendto(buf, HOST(), port)
        buf.delete()
    def recvfrom(self):
        with self.conn.recv() as buf:
            return buf.copy(), buf.fromport()

class Raw:
    def __init__(self, conn=None, kind=raw.TCP):
        self.conn = conn or kind(raw.IPADDR_TYPE_V6 if V6 else raw.IPADDR_TYPE_V4)
        self.queue = []
        self.accepted = []
        self.error = None
        self.connected = False
        if isinstance(self.conn, raw.TCP):
            self.conn.err(self.on_err)
            if conn:
                self.conn.recv(self.on_recv)
        else:
            self.conn.recv(lambda udp, p, addr, port: self.queue.append((p, port)))
    def on_recv(self, tcp, p, err):
        self.queue.append(p)
    def on_err(self, tcp, err):
        self.error = err
    def on_connected(self, tcp, err):
        self.connected = True
    def on_accept(self, server, tcp, err):
        self.accepted.append(Raw(tcp))
    def listen(self, port):
        self.conn.bind(HOST(), port)
        self.conn.listen(32)
        self.conn.accept(self.on_accept)
    def accept(self):
        until(lambda: self.accepted, "accept")
        return self.accepted.pop(0)
    def connect(self, port):
        self.conn.recv(self.on_recv)
        self.conn.connect(HOST(), port, self.on_connected)
        until(lambda: self.connected or self.error, "connect")
        if self.error:
            raise OSError(self.error)
    def send(self, data):
        n = min(len(data), self.conn.sndbuf())
        try:
            if n:
                self.conn.write(memoryview(data)[:n])
        except OSError as e:
            if e.errno != 12:
                raise
            n = 0
        try:
            self.conn.output()
        except OSError as e:
            if e.errno != 12:  # what is queued goes out later, when the loopback has room again
                raise
        return n
    def recv(self):
        if not self.queue:
            return None
        p = self.queue.pop(0)
        if p is None:
            return b""
        data = p.copy_partial()
        self.conn.recved(len(data))
        p.free()
        return data
    def end(self):
        self.conn.shutdown(False, True)
    def close(self):
        if isinstance(self.conn, raw.TCP):
            self.conn.close()
        else:
            self.conn.remove()
    def bind(self, port):
        self.conn.bind(HOST(), port)
    def sendto(self, data, port):
        self.conn.sendto(data, HOST(), port)
    def recvfrom(self):
        until(lambda: self.queue, "recvfrom")
        p, port = self.queue.pop(0)
        data = p.copy_partial()
        p.free()
        return data, port

UDP = {Socket: socket.SOCK_DGRAM, Netconn: netconn.UDP, Raw: raw.UDP}

def block(n):
    return bytes((i * 7 + (i >> 8)) & 0xff for i in range(n))

def transfer(a, b, length):
    # length bytes from a to b, and the end; the digest of what came.
    data = memoryview(block(8192))
    digest = hashlib.sha256()
    sent = got = 0
    ended = False
    for _ in range(200000):
        if sent < length:
            at = sent % 4096
            sent += a.send(data[at:at + min(4096 - at, length - sent)])
        elif not ended:
            a.end()
            ended = True
        piece = b.recv()
        if piece == b"":
            break
        if piece:
            digest.update(piece)
            got += len(piece)
        else:
            time.sleep_ms(0)
    return got, digest.digest()

def expected(length):
    data = memoryview(block(8192))
    digest = hashlib.sha256()
    sent = 0
    while sent < length:
        n = min(4096 - sent % 4096, length - sent)
        digest.update(data[sent % 4096:][:n])
        sent += n
    return length, digest.digest()
"""

KINDS = ("Raw", "Netconn", "Socket")
PAIRS = [(a, b) for a in KINDS for b in KINDS]


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("server, client", PAIRS, ids=lambda kind: kind.lower())
def test_tcp__transfers(bindings, server, client, v6):
    """One byte, one segment and 1 MB each way between two ends, verified by digest, and nothing is left."""
    out = bindings.run(
        ENDS
        + f"""
import lwip, lwiptest
V6 = {v6}
before = lwip.stats("memp")
listener = {server}()
listener.listen(4000)
for length in (1, 1460, 1 << 20):
    for forth in (True, False):
        client = {client}()
        client.connect(4000)
        server = listener.accept()
        ends = (client, server) if forth else (server, client)
        print(transfer(*ends, length) == expected(length))
        client.close()
        server.close()
listener.close()
lwiptest.deinit()
after = lwip.stats("memp")
# TCP's timer and the loopback's message to its thread are lwIP's own and end by themselves.
own = ("SYS_TIMEOUT", "TCPIP_MSG_API")
print([name for name in before if before[name][0] != after[name][0] and name not in own])
""",
        timeout=240,
    )
    assert out == 6 * "True\n" + "[]\n"


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("server, client", PAIRS, ids=lambda kind: kind.lower())
def test_udp__datagrams(bindings, server, client, v6):
    """One byte, a full frame's datagram and 1 MB in datagrams there and back, verified by digest."""
    out = bindings.run(
        ENDS
        + f"""
V6 = {v6}
server = {server}(kind=UDP[{server}])
server.bind(4001)
client = {client}(kind=UDP[{client}])
client.bind(4002)
data = block(1472)
for length in (1, 1400, 1 << 20):
    there, back, wanted = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    left = length
    while left:
        piece = data[:min(left, 1400)]
        left -= len(piece)
        wanted.update(piece)
        client.sendto(piece, 4001)
        got, port = server.recvfrom()
        assert port == 4002
        there.update(got)
        server.sendto(got, port)
        got, port = client.recvfrom()
        assert port == 4001
        back.update(got)
    wanted = wanted.digest()
    print(there.digest() == wanted, back.digest() == wanted)
""",
        timeout=240,
    )
    assert out == 3 * "True True\n"


@pytest.mark.parametrize("kind", KINDS, ids=str.lower)
def test_tcp__many_at_once(bindings, kind):
    """16 connections with both ends here: 32 ends of one API at once, each with its own data both ways."""
    out = bindings.run(
        ENDS
        + f"""
listener = {kind}()
listener.listen(4000)
clients, servers = [], []
for i in range(16):
    client = {kind}()
    client.connect(4000)
    clients.append(client)
    servers.append(listener.accept())

def receive(end, n):
    data = b""
    for _ in range(3000):
        data += end.recv() or b""
        if len(data) == n:
            break
        time.sleep_ms(1)
    return data

for i, end in enumerate(clients + servers):
    print(end.send(bytes((i,)) * (100 + i)) == 100 + i, end=" ")
print()
for i, end in enumerate(servers + clients):
    print(receive(end, 100 + i) == bytes((i,)) * (100 + i), end=" ")
print()
for end in clients + servers:
    end.close()
"""
    )
    assert out == 2 * (32 * "True " + "\n")
