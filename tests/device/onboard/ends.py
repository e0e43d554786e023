# SPDX-License-Identifier: MIT
"""For the board: ends of TCP and UDP in each of the three APIs, and both sides of a transfer between any two.

A stream is records of 1 KB that begin with their number; its receiver has nothing but the digest. Every call
blocks as its API does by itself; what takes longer than WAIT_MS raises.
"""

import gc
import hashlib
import socket
import time

from lwip import netconn, raw

RECORD = 1024
TAIL = bytes((i * 7 + (i >> 8)) & 0xFF for i in range(RECORD - 4))
WAIT_MS = 60000
DATAGRAM = 1400
RETRY_MS = 60
V6_NETCONN = netconn.TCP_IPV6 - netconn.TCP


class Silence(Exception):
    """No answer, however often it was asked."""


def until(condition, what):
    end = time.ticks_add(time.ticks_ms(), WAIT_MS)
    while not condition():
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            raise OSError(what)
        time.sleep_ms(1)


def record(number):
    return number.to_bytes(4, "big") + TAIL


class SocketTcp:
    def __init__(self, v6=False, conn=None):
        self.conn = conn or socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        self.conn.settimeout(WAIT_MS // 1000)

    def listen(self, port):
        self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.conn.bind(("", port))
        self.conn.listen(8)

    def accept(self):
        return SocketTcp(conn=self.conn.accept()[0])

    def connect(self, host, port):
        self.conn.connect((host, port))

    def send(self, data):
        self.conn.sendall(data)

    def recv(self):
        return self.conn.recv(1460)

    def end(self):
        self.conn.shutdown(socket.SHUT_WR)

    def close(self):
        self.conn.close()


class NetconnTcp:
    flags = netconn.COPY

    def __init__(self, v6=False, conn=None):
        self.v6 = v6
        self.conn = conn or netconn.Netconn(netconn.TCP + (V6_NETCONN if v6 else 0))
        self.conn.set_recvtimeout(WAIT_MS)
        self.buf = None

    def listen(self, port):
        self.conn.bind("::" if self.v6 else "", port)
        self.conn.listen(8)

    def accept(self):
        return NetconnTcp(conn=self.conn.accept())

    def connect(self, host, port):
        self.conn.connect(host, port)

    def send(self, data):
        self.conn.write(data, self.flags)

    def recv(self):
        buf = self.buf
        if buf is None or buf.next() < 0:
            if buf:
                buf.delete()
            self.buf = buf = self.conn.recv()
            if buf is None:
                return b""
        return buf.data

    def end(self):
        self.conn.shutdown(False, True)

    def close(self):
        if self.buf:
            self.buf.delete()
        self.conn.delete()


class RawTcp:
    flags = raw.WRITE_FLAG_COPY

    def __init__(self, v6=False, conn=None):
        self.conn = conn or raw.TCP(raw.IPADDR_TYPE_V6 if v6 else raw.IPADDR_TYPE_V4)
        self.v6 = v6
        self.queue = []
        self.accepted = []
        self.parts = []
        self.pbuf = self.error = None
        self.connected = False
        self.conn.err(self.on_err)
        if conn:
            self.conn.recv(self.on_recv)

    def on_recv(self, tcp, p, err):
        self.queue.append(p)

    def on_err(self, tcp, err):
        self.error = err

    def on_connected(self, tcp, err):
        self.connected = True

    def on_accept(self, server, tcp, err):
        self.accepted.append(RawTcp(conn=tcp))

    def check(self):
        if self.error:
            raise OSError(self.error)

    def listen(self, port):
        self.conn.bind("::" if self.v6 else "", port)
        self.conn.listen(8)
        self.conn.accept(self.on_accept)

    def accept(self):
        until(lambda: self.accepted, "accept")
        return self.accepted.pop(0)

    def connect(self, host, port):
        self.conn.recv(self.on_recv)
        self.conn.connect(host, port, self.on_connected)
        until(lambda: self.connected or self.error, "connect")
        self.check()

    def room(self, length):
        return self.error or self.conn.sndbuf() >= length

    def send(self, data):
        for _ in range(WAIT_MS):
            until(lambda: self.room(len(data)), "send")
            self.check()
            try:
                self.conn.write(data, self.flags)
                break
            except OSError as e:  # no segment or no heap until the peer acknowledges
                if e.errno != 12:
                    raise
                time.sleep_ms(1)
        self.output()

    def output(self):
        try:
            self.conn.output()
        except OSError as e:
            if e.errno not in (11, 12):  # what is queued goes out when there is room again
                raise

    def recv(self):
        if not self.parts:
            if self.pbuf:
                self.pbuf.free()
                self.pbuf = None
            until(lambda: self.queue or self.error, "recv")
            if not self.queue:
                self.check()
            self.pbuf = self.queue.pop(0)
            if self.pbuf is None:
                return b""
            self.conn.recved(len(self.pbuf))  # a connection closed with data not told of would be reset
            self.parts = list(self.pbuf.segments())
        return self.parts.pop(0)

    def end(self):
        self.conn.shutdown(False, True)

    def close(self):
        for p in [self.pbuf] + self.queue:
            if p:
                p.free()
        self.queue.clear()
        self.parts.clear()
        self.conn.close()


class NocopyNetconnTcp(NetconnTcp):
    flags = netconn.NOCOPY


class NocopyRawTcp(RawTcp):
    flags = 0


class SocketUdp:
    def __init__(self, v6=False):
        self.conn = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)

    def bind(self, port):
        self.conn.bind(("", port))

    def sendto(self, data, host, port):
        self.conn.sendto(data, (host, port))

    def recvfrom(self, ms):
        self.conn.settimeout(ms / 1000)
        try:
            data, peer = self.conn.recvfrom(2000)
        except OSError as e:
            if e.errno not in (11, 110):
                raise
            return None
        return data, peer[0], peer[1]

    def close(self):
        self.conn.close()


class NetconnUdp:
    def __init__(self, v6=False):
        self.v6 = v6
        self.conn = netconn.Netconn(netconn.UDP + (V6_NETCONN if v6 else 0))

    def bind(self, port):
        self.conn.bind("::" if self.v6 else "", port)

    def sendto(self, data, host, port):
        buf = netconn.NetBuf()
        buf.ref(data)
        self.conn.sendto(buf, host, port)
        buf.delete()

    def recvfrom(self, ms):
        self.conn.set_recvtimeout(ms)
        try:
            with self.conn.recv() as buf:
                return buf.copy(), buf.fromaddr(), buf.fromport()
        except OSError as e:
            if e.errno not in (11, 110):
                raise

    def close(self):
        self.conn.delete()


class RawUdp:
    def __init__(self, v6=False):
        self.conn = raw.UDP(raw.IPADDR_TYPE_V6 if v6 else raw.IPADDR_TYPE_V4)
        self.v6 = v6
        self.queue = []
        self.conn.recv(self.on_recv)

    def on_recv(self, udp, p, host, port):
        self.queue.append((p, host, port))

    def bind(self, port):
        self.conn.bind("::" if self.v6 else "", port)

    def sendto(self, data, host, port):
        with raw.Pbuf(data, raw.TRANSPORT, raw.REF) as p:
            self.conn.sendto(p, host, port)

    def recvfrom(self, ms):
        end = time.ticks_add(time.ticks_ms(), ms)
        while not self.queue:
            if time.ticks_diff(end, time.ticks_ms()) < 0:
                return None
            time.sleep_ms(1)
        p, host, port = self.queue.pop(0)
        data = p.copy_partial()
        p.free()
        return data, host, port

    def close(self):
        for p, _, _ in self.queue:
            p.free()
        self.conn.remove()


TCP = {"socket": SocketTcp, "netconn": NetconnTcp, "raw": RawTcp}
NOCOPY = {"netconn": NocopyNetconnTcp, "raw": NocopyRawTcp}
UDP = {"socket": SocketUdp, "netconn": NetconnUdp, "raw": RawUdp}


def push(end, length):
    """Sends the stream's first `length` bytes, each record an object of its own that nobody keeps."""
    for number in range(length // RECORD):
        end.send(record(number))
    if length % RECORD:
        end.send(record(length // RECORD)[: length % RECORD])
    end.end()


def pull(end):
    """(bytes, digest) of all that comes until the other side ends."""
    digest = hashlib.sha256()
    total = 0
    while len(data := end.recv()):
        digest.update(data)
        total += len(data)
    return total, digest.digest().hex()


def retry(call, error=None, tries=200):
    """call(), again while the other side is not there yet."""
    for _ in range(tries):
        try:
            return call()
        except OSError as e:
            error = e
            time.sleep_ms(20)
    raise error


def tcp_serve(kind, v6, port, lengths):
    """Accepts a connection per length, takes what comes and sends as much back; what came, for each."""
    listener = kind(v6)
    retry(lambda: listener.listen(port))
    got = []
    for length in lengths:
        end = listener.accept()
        got.append(pull(end))
        push(end, length)
        end.close()
    listener.close()
    return got


def tcp_call(kind, v6, host, port, lengths):
    """The other side of tcp_serve()."""
    got = []
    for length in lengths:

        def connect():
            end = kind(v6)
            try:
                end.connect(host, port)
            except OSError:
                try:
                    end.close()
                except OSError:  # raw: its PCB went with the error
                    pass
                raise
            return end

        end = retry(connect)
        push(end, length)
        got.append(pull(end))
        end.close()
    return got


def udp_serve(kind, v6, port):
    """Takes numbered pieces ("P"), gives them ("G"), and ends on request ("E"): (bytes, digest) of what came.

    Each request is answered however often it comes, a piece taken once and in turn.
    """
    end = kind(v6)
    retry(lambda: end.bind(port))
    digest = hashlib.sha256()
    total = expected = 0
    over = None
    while True:
        got = end.recvfrom(WAIT_MS if over is None else 5 * RETRY_MS)
        if got is None:
            end.close()
            return total, over
        request, host, port = got
        number = int.from_bytes(request[1:5], "big")
        answer = request[:5]
        if request[:1] == b"P":
            if number == expected and over is None:
                expected += 1
                total += len(request) - 5
                digest.update(memoryview(request)[5:])
        elif request[:1] == b"G":
            size = int.from_bytes(request[5:7], "big")
            answer += datagram(number, size)
        elif over is None:
            over = digest.digest().hex()
        try:
            end.sendto(answer, host, port)
        except OSError as e:  # no memory, or no neighbour yet: the request comes again
            if e.errno not in (11, 12, 105, 113):
                raise


def datagram(number, size):
    piece = record(number)
    while len(piece) < size:
        piece += TAIL
    return piece[:size]


def ask(end, request, host, port):
    """The answer that begins as the request does, which is repeated until it comes."""
    wanted = request[:5]
    for _ in range(50):
        try:
            end.sendto(request, host, port)
        except OSError as e:
            if e.errno not in (11, 12, 105, 113):
                raise
        while got := end.recvfrom(RETRY_MS):
            if got[0][:5] == wanted:
                return got[0]
    raise Silence


def udp_call(kind, v6, host, port, lengths):
    """Sends udp_serve() a stream for each of `lengths` and fetches it back: (bytes, digest) of each."""
    end = kind(v6)
    end.bind(port + 1000)
    numbers = 0
    got = []
    for length in lengths:
        digest = hashlib.sha256()
        total = left = 0
        for left in range(length, 0, -DATAGRAM if length > 1460 else -length):
            size = min(left, DATAGRAM if length > 1460 else length)
            head = numbers.to_bytes(4, "big")
            ask(end, b"P" + head + datagram(numbers, size), host, port)
            answer = ask(end, b"G" + head + size.to_bytes(2, "big"), host, port)
            digest.update(memoryview(answer)[5:])
            total += len(answer) - 5
            numbers += 1
        got.append((total, digest.digest().hex()))
    try:
        ask(end, b"E\0\0\0\0", host, port)
    except Silence:  # it answered and went; those answers were lost
        pass
    end.close()
    return got


def serve(proto, api, v6, port, lengths):
    got = tcp_serve(TCP[api], v6, port, lengths) if proto == "tcp" else udp_serve(UDP[api], v6, port)
    gc.collect()
    return got


def call(proto, api, v6, host, port, lengths, kinds=TCP):
    if proto == "tcp":
        got = tcp_call(kinds[api], v6, host, port, lengths)
    else:
        got = udp_call(UDP[api], v6, host, port, lengths)
    gc.collect()
    return got


def short_serve(kind, v6, port, count):
    """Answers `count` connections with what they send, and ends each of them: TIME_WAIT is here."""
    listener = kind(v6)
    listener.listen(port)
    print("listening")
    for _ in range(count):
        end = listener.accept()
        end.send(bytes(end.recv()))
        end.close()
    listener.close()


def short_call(kind, v6, host, port, count):
    """Makes `count` connections, has its number echoed on each and ends it first: TIME_WAIT is here."""
    for number in range(count):
        end = kind(v6)
        end.connect(host, port)
        end.send(number.to_bytes(4, "big"))
        assert int.from_bytes(end.recv(), "big") == number
        end.close()


def many(ends, rounds):
    """On all of `ends` at once: a message each, then the answers, which are the messages."""
    for number in range(rounds):
        messages = [bytes((number, i)) * (20 + i) for i in range(len(ends))]
        for end, message in zip(ends, messages):
            end.send(message)
        for end, message in zip(ends, messages):
            got = b""
            while len(got) < len(message):
                data = end.recv()
                assert len(data), (number, message[1])
                got += bytes(data)
            assert got == message


def many_call(kind, v6, host, port, count, rounds):
    ends = []
    for _ in range(count):
        end = kind(v6)
        end.connect(host, port)
        ends.append(end)
    many(ends, rounds)
    for end in ends:
        end.close()


def many_serve(kind, v6, port, count, rounds):
    """The same on connections that others make."""
    listener = kind(v6)
    listener.listen(port)
    print("listening")
    ends = [listener.accept() for _ in range(count)]
    many(ends, rounds)
    for end in ends:
        end.close()
    listener.close()
