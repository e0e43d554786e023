# SPDX-License-Identifier: MIT
"""What device/onboard/ends.py sends, and its other side on CPython's sockets."""

import hashlib
import os
import socket
import time

from support.emulated import TOP

ENDS = os.path.join(TOP, "tests", "device", "onboard", "ends.py")
APIS = ("raw", "netconn", "socket")
RECORD, DATAGRAM, MSS = 1024, 1400, 1460
TAIL = bytes((i * 7 + (i >> 8)) & 0xFF for i in range(RECORD - 4))
PIECE = 16384


def ends_source():
    with open(ENDS) as file:
        return file.read()


def record(number):
    return number.to_bytes(4, "big") + TAIL


def stream(length):
    """The bytes that push(end, length) sends."""
    return b"".join(record(number) for number in range(-(-length // RECORD)))[:length]


def datagram(number, size):
    return (record(number) + TAIL * 2)[:size]


def datagrams(lengths):
    """For each length the datagrams that udp_call() sends for it; they are numbered through."""
    number = 0
    for length in lengths:
        step = DATAGRAM if length > MSS else length
        pieces = []
        for left in range(length, 0, -step):
            pieces.append(datagram(number, min(left, step)))
            number += 1
        yield pieces


def digest(data):
    return len(data), hashlib.sha256(data).hexdigest()


def expected_tcp(lengths):
    return [digest(stream(length)) for length in lengths]


def expected_udp_call(lengths):
    return [digest(b"".join(pieces)) for pieces in datagrams(lengths)]


def expected_udp_serve(lengths):
    return digest(b"".join(b"".join(pieces) for pieces in datagrams(lengths)))


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def tcp_serve(listener, lengths):
    """tcp_serve() of the board on a listening socket."""
    got = []
    for length in lengths:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(60)
            got.append(digest(read_all(connection)))
            connection.sendall(stream(length))
    return got


def connected(make, address):
    """A socket from make() that is connected, once the other side listens."""
    for _ in range(200):
        connection = make()
        connection.settimeout(60)
        try:
            connection.connect(address)
            return connection
        except ConnectionRefusedError as error:
            connection.close()
            refused = error
            time.sleep(0.05)
    raise refused


def tcp_call(make, address, lengths):
    """tcp_call() of the board, on sockets from make()."""
    got = []
    for length in lengths:
        with connected(make, address) as connection:
            connection.sendall(stream(length))
            connection.shutdown(socket.SHUT_WR)
            got.append(digest(read_all(connection)))
    return got


def udp_serve(sock):
    """udp_serve() of the board on a bound socket."""
    came = hashlib.sha256()
    total = expected = 0
    over = None
    sock.settimeout(60)
    while True:
        try:
            request, peer = sock.recvfrom(2048)
        except TimeoutError:
            if over is None:
                raise
            return total, over
        number = int.from_bytes(request[1:5], "big")
        answer = request[:5]
        if request[:1] == b"P":
            if number == expected and over is None:
                expected += 1
                total += len(request) - 5
                came.update(request[5:])
        elif request[:1] == b"G":
            answer += datagram(number, int.from_bytes(request[5:7], "big"))
        elif over is None:
            over = came.hexdigest()
            sock.settimeout(0.3)
        sock.sendto(answer, peer)


def ask(sock, request, address):
    sock.settimeout(0.3)
    for _ in range(100):
        sock.sendto(request, address)
        try:
            while True:
                answer, _ = sock.recvfrom(2048)
                if answer[:5] == request[:5]:
                    return answer
        except TimeoutError:
            pass
    raise TimeoutError("nobody answers")


def udp_call(sock, address, lengths):
    """udp_call() of the board on a bound socket."""
    got = []
    number = 0
    for pieces in datagrams(lengths):
        came = b""
        for piece in pieces:
            head = number.to_bytes(4, "big")
            ask(sock, b"P" + head + piece, address)
            came += ask(sock, b"G" + head + len(piece).to_bytes(2, "big"), address)[5:]
            number += 1
        got.append(digest(came))
    ask(sock, b"E\0\0\0\0", address)
    return got
