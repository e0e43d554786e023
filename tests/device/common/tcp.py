# SPDX-License-Identifier: MIT
"""TCP sockets: what CPython and the board have in common."""

import errno
import socket


def name(error):
    return errno.errorcode.get(error.errno, type(error).__name__)


def fails(function, *args):
    try:
        print("no error", function(*args))
    except OSError as error:
        print(name(error))


def pair(family=socket.AF_INET, host="127.0.0.1"):
    listener = socket.socket(family)
    listener.bind((host, 0))
    listener.listen(1)
    client = socket.socket(family)
    client.connect(listener.getsockname()[:2])
    server, peer = listener.accept()
    print(peer[:2] == client.getsockname()[:2], client.getpeername()[:2] == listener.getsockname()[:2])
    listener.close()
    return client, server


for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    a, b = pair(family, host)
    print(a.send(b"hello"), b.recv(100))
    a.sendall(b"one\ntwo\nthree")
    print(b.recv(3, socket.MSG_PEEK), b.recv(4))
    a.shutdown(socket.SHUT_WR)
    stream = b.makefile("rb")
    print(stream.readline(), stream.read(), stream.read())
    b.sendall(b"back")
    b.shutdown(socket.SHUT_WR)
    buffer = bytearray(10)
    print(a.recv_into(buffer), buffer)
    print(a.recv(10), a.recv(10), a.recv_into(buffer))
    stream.close()
    a.close()
    b.close()

a, b = pair()
a.setblocking(False)

fails(a.recv, 1)
a.settimeout(5)
b.send(b"x")
print(a.recv(1))
fails(b.recv, 1, socket.MSG_DONTWAIT)
print(a.send(b""))
b.close()
print(a.recv(1))
a.close()
fails(a.recv, 1)
fails(a.send, b"x")
print(a.fileno())

s = socket.socket()
fails(s.recv, 1)
fails(s.getpeername)
s.bind(("127.0.0.1", 0))
address = s.getsockname()
fails(s.accept)
other = socket.socket()
fails(other.bind, address)
fails(other.connect, address)
s.close()
other.close()
with socket.socket() as s:
    print(s.connect_ex(address) == errno.ECONNREFUSED)
print(s.fileno())

a, b = pair()
a.sendall(b"unread")
b.recv(1)
b.close()  # with data not read: a reset
fails(a.recv, 1)
a.close()
