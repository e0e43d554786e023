# SPDX-License-Identifier: MIT
"""TCP echo server with lwIP's callbacks.

The window is opened by what was sent on, so a client that does not read stops by itself.
"""

import errno
import time

from lwip.raw import TCP

ended = 0


class Client:
    """One connection: what came and is not wholly sent yet, as (pbuf, views of what is left of it)."""

    def __init__(self, tcp):
        self.tcp = tcp
        self.waiting = []
        self.peer_ended = False
        tcp.recv(self.on_recv)
        tcp.sent(self.on_sent)
        tcp.err(self.on_err)

    def on_recv(self, tcp, pbuf, err):
        if pbuf is None:
            self.peer_ended = True
        else:
            self.waiting.append((pbuf, list(pbuf.segments())))
        self.push()

    def on_sent(self, tcp, length):
        self.push()

    def on_err(self, tcp, err):
        print("lost a client:", errno.errorcode.get(err, err))
        self.end()

    def push(self):
        """As much as lwIP takes now; on_sent goes on."""
        while self.waiting and self.write(self.waiting[0][1]):
            pbuf = self.waiting.pop(0)[0]
            length = pbuf.tot_len
            # The buffer goes back to the driver before the peer may fill another one.
            pbuf.free()
            self.tcp.recved(length)
        self.tcp.output()
        if self.peer_ended and not self.waiting:
            self.tcp.close()
            self.end()

    def write(self, segments):
        """Whether lwIP has taken all of `segments`; what it has not is left in the list."""
        while segments:
            piece = segments[0][: self.tcp.sndbuf()]
            if not piece:
                return False
            try:
                self.tcp.write(piece)
            except OSError as error:
                if error.errno != errno.ENOMEM:
                    raise
                return False
            if len(piece) == len(segments[0]):
                segments.pop(0)
            else:
                segments[0] = segments[0][len(piece) :]
        return True

    def end(self):
        global ended
        ended += 1


def on_accept(server, tcp, err):
    print("connected", tcp.remote())
    Client(tcp)


def serve(port=7, clients=None):
    """Any number of clients at a time; return after so many, if told how many."""
    server = TCP()
    server.bind("", port)
    server.listen()
    server.accept(on_accept)
    print("listening on", port)
    while clients is None or ended < clients:
        time.sleep_ms(100)
    server.close()


if __name__ == "__main__":
    serve()
