# SPDX-License-Identifier: MIT
"""ping with a raw netconn: ping(host) -> milliseconds for each answer, None for each that did not come."""

import random
import struct
import time

from lwip.netconn import RAW, NetBuf, Netconn, gethostbyname


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
    address = gethostbyname(host)
    identifier = random.getrandbits(16)
    times = []
    with Netconn(RAW, 1) as conn:
        conn.set_recvtimeout(int(timeout * 1000))
        for number in range(count):
            packet = NetBuf()
            packet.ref(request(identifier, number, size))
            start = time.ticks_us()
            conn.sendto(packet, address, 0)
            packet.delete()
            elapsed = None
            try:
                while elapsed is None:
                    with conn.recv() as answer:
                        kind, _, _, theirs, which = struct.unpack(">BBHHH", answer.copy()[20:28])
                    if (kind, theirs, which) == (0, identifier, number):
                        elapsed = time.ticks_diff(time.ticks_us(), start) / 1000
            except OSError:
                print("no answer to", number)
            times.append(elapsed)
    return times


if __name__ == "__main__":
    print(ping("127.0.0.1"))
