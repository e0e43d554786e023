# SPDX-License-Identifier: MIT
"""UDP echo server with sockets. examples/netconn/udp_echo.py does the same without copying the data."""

import socket


def serve(port=7, datagrams=None):
    """Send every datagram back; return after so many, if told how many."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    buffer = bytearray(1472)
    print("listening on", port)
    while datagrams is None or datagrams > 0:
        n, peer = sock.recvfrom_into(buffer)
        sock.sendto(memoryview(buffer)[:n], peer)
        datagrams = datagrams and datagrams - 1
    sock.close()


if __name__ == "__main__":
    serve()
