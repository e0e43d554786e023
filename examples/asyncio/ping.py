# SPDX-License-Identifier: MIT
"""ping in an asyncio task: await ping(host) -> milliseconds for each answer, None where none came."""

import asyncio
import random
import socket
import struct
import time


def readable(sock):
    """To be awaited: until there is something to receive."""
    yield asyncio.core._io_queue.queue_read(sock)


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


async def answer(sock, identifier, number):
    """Until the answer to this request is there."""
    while True:
        await readable(sock)
        kind, _, _, theirs, which = struct.unpack(">BBHHH", sock.recv(1500)[20:28])
        if (kind, theirs, which) == (0, identifier, number):
            return


async def ping(host, count=4, size=56, timeout=1):
    """RFC 792: echo request and echo reply."""
    address = socket.getaddrinfo(host, 0, socket.AF_INET, socket.SOCK_RAW)[0][-1]
    identifier = random.getrandbits(16)
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.setblocking(False)
        for number in range(count):
            start = time.ticks_us()
            sock.sendto(request(identifier, number, size), address)
            try:
                await asyncio.wait_for(answer(sock, identifier, number), timeout)
                times.append(time.ticks_diff(time.ticks_us(), start) / 1000)
            except asyncio.TimeoutError:
                times.append(None)
    return times


if __name__ == "__main__":
    print(asyncio.run(ping("127.0.0.1")))
