# SPDX-License-Identifier: MIT
"""Many connections of every API at once, each to an echo: what comes back must be what went out."""

import errno
import random
import socket
import time

from lwip import netconn, raw

PERIOD = 997
DATA = memoryview(bytes((i * 31 + (i >> 3)) & 0xFF for i in range(PERIOD)) * 4)
AHEAD = 6000  # bytes sent and not come back yet, at most
WAITS = (errno.EAGAIN, errno.ENOMEM)


def pattern(offset, length):
    offset %= PERIOD
    return DATA[offset : offset + length]


class End:
    """send() and receive() move something or raise OSError(EAGAIN or ENOMEM); receive() calls take()."""

    def __init__(self, total):
        self.total = total
        self.sent = self.back = 0
        self.over = False

    def take(self, data):
        at = 0
        while at < len(data):
            piece = data[at : at + 1900]
            if bytes(piece) != pattern(self.back + at, len(piece)):
                raise ValueError("what came back is not what went out, from %d on" % (self.back + at))
            at += len(piece)
        self.back += len(data)

    def step(self):
        """Whether anything moved."""
        before = self.sent, self.back
        try:
            if self.sent < self.total and self.sent - self.back < AHEAD:
                length = min(random.randrange(1, 1900), self.total - self.sent)
                self.sent += self.send(pattern(self.sent, length))
        except OSError as e:
            if e.errno not in WAITS:
                raise
        try:
            self.receive()
        except OSError as e:
            if e.errno not in WAITS:
                raise
        if self.back == self.total and not self.over:
            self.over = True
            self.close()
        return (self.sent, self.back) != before


class SocketEnd(End):
    def __init__(self, address, total):
        super().__init__(total)
        self.socket = socket.socket()
        self.socket.connect(address)
        self.socket.setblocking(False)
        self.send = self.socket.send
        self.close = self.socket.close

    def receive(self):
        self.take(self.socket.recv(random.randrange(1, 3000)))


class NetconnEnd(End):
    def __init__(self, address, total):
        super().__init__(total)
        self.netconn = netconn.Netconn(netconn.TCP)
        self.netconn.connect(*address)
        self.close = self.netconn.delete

    def send(self, data):
        return self.netconn.write(data, random.choice((netconn.COPY, netconn.NOCOPY)) | netconn.DONTBLOCK)

    def receive(self):
        with self.netconn.recv(netconn.DONTBLOCK) as buf:
            self.take(buf.copy())


class RawEnd(End):
    def __init__(self, address, total):
        super().__init__(total)
        self.came = []
        self.tcp = raw.TCP()
        self.tcp.recv(lambda tcp, pbuf, err: self.came.append(pbuf))
        opened = []
        self.tcp.connect(*address, lambda tcp, err: opened.append(err))
        while not opened:
            time.sleep_ms(1)
        self.close = self.tcp.close

    def send(self, data):
        self.tcp.write(data, random.choice((0, raw.WRITE_FLAG_COPY)))
        try:
            self.tcp.output()
        except OSError:
            pass  # it is queued
        return len(data)

    def receive(self):
        while self.came:
            pbuf = self.came.pop(0)
            data = bytearray(pbuf.tot_len)
            pbuf.copy_partial(data)
            pbuf.free()
            self.tcp.recved(len(data))
            self.take(data)


def crowd(host, port, total, seed, patience_ms=30_000):
    """Four sockets, three netconns, three raw PCBs, and datagrams in between; how long it took, in ms."""
    random.seed(seed)
    noise = raw.UDP()
    datagram = raw.Pbuf(bytes(700))
    ends = [kind((host, port), total) for kind in (SocketEnd,) * 4 + (NetconnEnd,) * 3 + (RawEnd,) * 3]
    begin = moved = time.ticks_ms()
    while not all(end.over for end in ends):
        for end in ends:
            if not end.over and end.step():
                moved = time.ticks_ms()
        if time.ticks_diff(time.ticks_ms(), moved) > patience_ms:
            raise OSError(errno.ETIMEDOUT, [(end.sent, end.back) for end in ends])
        for _ in range(random.randrange(6)):
            try:
                noise.sendto(datagram, host, 9)
            except OSError:
                break
        time.sleep_ms(random.randrange(3))
    noise.remove()
    datagram.free()
    return time.ticks_diff(time.ticks_ms(), begin)
