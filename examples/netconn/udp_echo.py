# SPDX-License-Identifier: MIT
"""UDP echo server with netconns: each datagram goes back as it lies, without a copy."""

from lwip.netconn import UDP, NetBuf, Netconn


def serve(port=7, datagrams=None):
    """Send every datagram back; return after so many, if told how many."""
    conn = Netconn(UDP)
    conn.bind("", port)
    answer = NetBuf()
    print("listening on", port)
    while datagrams is None or datagrams > 0:
        with conn.recv() as received:
            answer.ref(received.data)
            conn.sendto(answer, received.fromaddr(), received.fromport())
        datagrams = datagrams and datagrams - 1
    conn.delete()


if __name__ == "__main__":
    serve()
