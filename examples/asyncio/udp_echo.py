# SPDX-License-Identifier: MIT
"""UDP echo server in an asyncio task.

asyncio's streams are for TCP. For datagrams the task waits until the socket can be read, beside all others.
"""

import asyncio
import socket


def readable(sock):
    """To be awaited: until there is something to receive."""
    yield asyncio.core._io_queue.queue_read(sock)


async def serve(port=7, datagrams=None):
    """Send every datagram back; return after so many, if told how many."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("", port))
    buffer = bytearray(1472)
    print("listening on", port)
    while datagrams is None or datagrams > 0:
        await readable(sock)
        n, peer = sock.recvfrom_into(buffer)
        sock.sendto(memoryview(buffer)[:n], peer)
        datagrams = datagrams and datagrams - 1
    sock.close()


if __name__ == "__main__":
    asyncio.run(serve())
