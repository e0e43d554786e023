# SPDX-License-Identifier: MIT
"""UDP echo server with lwIP's callback: the received pbuf itself is sent back."""

import time

from lwip.raw import UDP

echoed = 0


def on_recv(udp, pbuf, addr, port):
    global echoed
    udp.sendto(pbuf, addr, port)
    pbuf.free()
    echoed += 1


def serve(port=7, datagrams=None):
    """Send every datagram back; return after so many, if told how many."""
    udp = UDP()
    udp.bind("", port)
    udp.recv(on_recv)
    print("listening on", port)
    while datagrams is None or echoed < datagrams:
        time.sleep_ms(100)
    udp.remove()


if __name__ == "__main__":
    serve()
