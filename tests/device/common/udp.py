# SPDX-License-Identifier: MIT
"""UDP sockets: what CPython and the board have in common."""

import errno
import socket


def fails(function, *args):
    try:
        print("no error", function(*args))
    except OSError as error:
        print(errno.errorcode.get(error.errno, type(error).__name__))


for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    a = socket.socket(family, socket.SOCK_DGRAM)
    b = socket.socket(family, socket.SOCK_DGRAM)
    a.bind((host, 0))
    b.bind((host, 0))
    to_b = b.getsockname()[:2]
    for size in (0, 1, 512, 1400):
        print(a.sendto(bytes(size), to_b))
        data, peer = b.recvfrom(2000)
        print(len(data), peer[:2] == a.getsockname()[:2])
    a.sendto(b"0123456789", to_b)
    a.sendto(b"next", to_b)
    print(b.recv(4, socket.MSG_PEEK), b.recv(4), b.recv(100))  # the rest is dropped
    a.connect(to_b)
    print(a.send(b"connected"), b.recv(20), a.getpeername()[:2] == to_b)
    buffer = bytearray(6)
    a.send(b"abcdefgh")
    count, peer = b.recvfrom_into(buffer)
    print(count, buffer, peer[:2] == a.getsockname()[:2])
    b.setblocking(False)
    fails(b.recv, 1)
    b.settimeout(5)
    other = socket.socket(family, socket.SOCK_DGRAM)
    other.bind((host, 0))
    other.sendto(b"not for a", a.getsockname()[:2])  # it is connected to b
    b.sendto(b"for a", a.getsockname()[:2])
    print(a.recv(20))
    try:
        other.send(b"to whom")
    except OSError:
        print("to nobody")
    for s in (a, b, other):
        s.close()
    fails(a.recv, 1)
