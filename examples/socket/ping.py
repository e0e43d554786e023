# SPDX-License-Identifier: MIT
"""ping with a raw socket: ping(host) -> milliseconds for each answer, None for each that did not come."""

import random
import socket
import struct
import time


def checksum(data):
    """RFC 1071, of an even number of bytes."""
    total = sum(struct.unpack(">{}H".format(len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def request(identifier, number, size):
    header = struct.pack(">BBHHH", 8, 0, 0, identifier, number)
    data = bytes(i & 0xFF for i in range(size))
    return struct.pack(">BBHHH", 8, 0, checksum(header + data), identifier, number) + data


def ping(host, count=4, size=56, timeout=1):
    """RFC 792: echo request and echo reply."""
    address = socket.getaddrinfo(host, 0, socket.AF_INET, socket.SOCK_RAW)[0][-1]
    identifier = random.getrandbits(16)
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(timeout)
        for number in range(count):
            start = time.ticks_us()
            sock.sendto(request(identifier, number, size), address)
            elapsed = None
            try:
                while elapsed is None:
                    answer = sock.recv(size + 28)
                    kind, _, _, theirs, which = struct.unpack(">BBHHH", answer[20:28])
                    if (kind, theirs, which) == (0, identifier, number):
                        elapsed = time.ticks_diff(time.ticks_us(), start) / 1000
            except OSError:
                print("no answer to", number)
            times.append(elapsed)
    return times


if __name__ == "__main__":
    print(ping("127.0.0.1"))
