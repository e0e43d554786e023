# SPDX-License-Identifier: MIT
"""TCP echo server with sockets: any number of clients in one loop, without a thread.

The interface is expected to be up. examples/netconn/tcp_echo.py does the same with netconns.
"""

import select
import socket


def serve(port=7, clients=None):
    """Echo what comes in; return after so many clients, if told how many."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    server.listen(4)
    poll = select.poll()
    poll.register(server, select.POLLIN)
    buffer = bytearray(2048)
    print("listening on", port)
    while clients is None or clients > 0:
        for sock, _events in poll.poll():
            if sock is server:
                client, peer = server.accept()
                print("connected", peer)
                poll.register(client, select.POLLIN)
                continue
            try:
                n = sock.recv_into(buffer)
                sock.sendall(memoryview(buffer)[:n])
            except OSError as error:
                print("lost a client:", error)
                n = 0
            if n == 0:
                poll.unregister(sock)
                sock.close()
                clients = clients and clients - 1
    server.close()


if __name__ == "__main__":
    serve()
