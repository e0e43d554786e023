# SPDX-License-Identifier: MIT
"""Web server of files with netconns: lwIP sends each piece from where the file was read to.

A piece written with NOCOPY is lwIP's until the peer has acknowledged it. So each is an object of its own,
which is left alone from then on; lwIP keeps hold of it, and the collector finds it when lwIP has let go.
"""

import os

from lwip.netconn import MORE, NOCOPY, TCP, Netconn

PIECE = 4096


def find(root, request):
    """(path, size) of the file that the request's first line names, None if there is none."""
    words = request.split(None, 2)
    if len(words) < 2 or words[0] != b"GET" or b".." in words[1]:
        return None
    path = root + words[1].decode()
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return None if stat[0] & 0x4000 else (path, stat[6])


def read_request(client):
    """All of the request's head; less if the client ends before."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 2048:
        received = client.recv()
        if received is None:
            break
        with received:
            head += received.copy()
    return head


def answer(client, root):
    found = find(root, read_request(client))
    if found is None:
        client.write(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    path, size = found
    client.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % size, NOCOPY | MORE)
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            client.write(piece, NOCOPY | MORE if len(piece) == PIECE else NOCOPY)


def serve(root="", port=80, clients=None):
    """The files under `root`; return after so many clients, if told how many."""
    server = Netconn(TCP)
    server.bind("", port)
    server.listen()
    print("listening on", port)
    while clients is None or clients > 0:
        with server.accept() as client:
            peer = client.peer()
            client.set_recvtimeout(10000)
            client.set_sendtimeout(10000)
            try:
                answer(client, root)
                client.close()
            except OSError as error:
                print("lost", peer, error)
        clients = clients and clients - 1
    server.delete()


if __name__ == "__main__":
    serve()
