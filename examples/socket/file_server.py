# SPDX-License-Identifier: MIT
"""Web server of files with sockets: one client after the other, through one buffer.

lwIP copies what a socket sends; examples/netconn/file_server.py and examples/raw/file_server.py spare that.
"""

import os
import socket


def find(root, request):
    """(path, size) of the file that the request's first line names, None if there is none."""
    words = request.split()
    if len(words) < 2 or words[0] != b"GET" or b".." in words[1]:
        return None
    path = root + words[1].decode()
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return None if stat[0] & 0x4000 else (path, stat[6])


def answer(client, root, buffer):
    request = client.readline()
    while client.readline() not in (b"\r\n", b""):
        pass
    found = find(root, request)
    if found is None:
        client.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    path, size = found
    client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    with open(path, "rb") as file:
        while n := file.readinto(buffer):
            client.sendall(memoryview(buffer)[:n])


def serve(root="", port=80, clients=None):
    """The files under `root`; return after so many clients, if told how many."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    server.listen(4)
    buffer = bytearray(4096)
    print("listening on", port)
    while clients is None or clients > 0:
        client, peer = server.accept()
        with client:
            client.settimeout(10)
            try:
                answer(client, root, buffer)
            except OSError as error:
                print("lost", peer, error)
        clients = clients and clients - 1
    server.close()


if __name__ == "__main__":
    serve()
