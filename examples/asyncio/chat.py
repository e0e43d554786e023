# SPDX-License-Identifier: MIT
"""Chat over multicast in two asyncio tasks, one reads and one types. An empty line leaves."""

import asyncio
import socket
import sys

GROUP = "239.192.0.7"
PORT = 7007


def readable(sock):
    """To be awaited: until there is something to receive."""
    yield asyncio.core._io_queue.queue_read(sock)


async def listen(sock):
    while True:
        await readable(sock)
        print(sock.recv(1472).decode())


async def chat(name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("", PORT))
    membership = socket.inet_pton(socket.AF_INET, GROUP) + bytes(4)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    listener = asyncio.create_task(listen(sock))
    typed = asyncio.StreamReader(sys.stdin)
    print("talking as", name)
    while line := (await typed.readline()).decode().strip():
        sock.sendto("{}: {}".format(name, line).encode(), (GROUP, PORT))
    listener.cancel()
    sock.close()


if __name__ == "__main__":
    asyncio.run(chat("board"))
