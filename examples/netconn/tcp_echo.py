# SPDX-License-Identifier: MIT
"""TCP echo server with netconns: what arrives is sent back from where lwIP received it.

examples/socket/tcp_echo.py does the same with sockets, which copy twice.
"""

from lwip.netconn import TCP, Netconn


def echo(client):
    """Until the client ends the connection."""
    while True:
        received = client.recv()
        if received is None:
            break
        while True:
            client.write(received.data)
            if received.next() < 0:
                break
        received.delete()


def serve(port=7, clients=None):
    """One client after the other; return after so many, if told how many."""
    server = Netconn(TCP)
    server.bind("", port)
    server.listen()
    print("listening on", port)
    while clients is None or clients > 0:
        with server.accept() as client:
            print("connected", client.peer())
            try:
                echo(client)
            except OSError as error:
                print("lost a client:", error)
        clients = clients and clients - 1
    server.delete()


if __name__ == "__main__":
    serve()
