# SPDX-License-Identifier: MIT
"""ping with a raw PCB: ping(host) -> milliseconds for each answer, None for each that did not come."""

import random
import struct
import time

from lwip.raw import RawIP


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
    identifier = random.getrandbits(16)
    arrived = {}

    def on_recv(raw, pbuf, addr):
        now = time.ticks_us()
        kind, _, _, theirs, number = struct.unpack(">BBHHH", pbuf.data[20:28])
        if (kind, theirs) == (0, identifier):
            arrived[number] = now
        pbuf.free()

    times = []
    with RawIP(1) as raw:
        raw.recv(on_recv)
        for number in range(count):
            start = time.ticks_us()
            raw.sendto(request(identifier, number, size), host)
            while number not in arrived and time.ticks_diff(time.ticks_us(), start) < timeout * 1000000:
                time.sleep_ms(1)
            end = arrived.get(number)
            times.append(None if end is None else time.ticks_diff(end, start) / 1000)
    return times


if __name__ == "__main__":
    print(ping("127.0.0.1"))
