# SPDX-License-Identifier: MIT
"""TCP echo server with lwIP's callbacks.

The window is opened by what was sent on, so a client that does not read stops by itself.
"""

import errno
import time

from lwip.raw import TCP

ended = 0


class Client:
    """One connection: pbufs that came and are not wholly sent yet, and the views of them that are to be."""

    def __init__(self, tcp):
        self.tcp = tcp
        self.pbufs = []
        self.segments = []
        self.peer_ended = False
        tcp.recv(self.on_recv)
        tcp.sent(self.on_sent)
        tcp.err(self.on_err)

    def on_recv(self, tcp, pbuf, err):
        if pbuf is None:
            self.peer_ended = True
        else:
            self.pbufs.append(pbuf)
            self.segments.extend(pbuf.segments())
        self.push()

    def on_sent(self, tcp, length):
        self.push()

    def on_err(self, tcp, err):
        print("lost a client:", errno.errorcode.get(err, err))
        self.end()

    def push(self):
        """As much as lwIP takes now; on_sent goes on."""
        while self.segments:
            room = self.tcp.sndbuf()
            piece = self.segments[0][:room]
            if room == 0:
                break
            try:
                self.tcp.write(piece)
            except OSError as error:
                if error.errno != errno.ENOMEM:
                    raise
                break
            self.tcp.recved(len(piece))
            if len(piece) == len(self.segments[0]):
                self.segments.pop(0)
            else:
                self.segments[0] = self.segments[0][len(piece) :]
        if not self.segments:
            # Back to the driver now, instead of when the collector finds them.
            while self.pbufs:
                self.pbufs.pop().free()
        self.tcp.output()
        if self.peer_ended and not self.segments:
            self.tcp.close()
            self.end()

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
