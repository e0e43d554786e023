# SPDX-License-Identifier: MIT
"""Web server of files with lwIP's callbacks: any number of clients at once, no thread, nothing copied.

A piece written without WRITE_FLAG_COPY is lwIP's until the peer has acknowledged it: each is an object of its
own.
"""

import errno
import os
import time

from lwip.raw import TCP, WRITE_FLAG_MORE

PIECE = 2920  # two segments
ended = 0


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


class Client:
    """One connection: the request so far, then the file and the piece that lwIP had no room for."""

    def __init__(self, tcp, root):
        self.tcp = tcp
        self.root = root
        self.request = b""
        self.piece = None
        self.file = None
        tcp.recv(self.on_recv)
        tcp.sent(self.on_sent)
        tcp.poll(self.on_poll, 4)
        tcp.err(self.on_err)

    def on_recv(self, tcp, pbuf, err):
        if pbuf is None:
            if self.piece is None:
                self.end()
            return
        if self.piece is None:
            self.request += pbuf.copy_partial()
        tcp.recved(len(pbuf))
        pbuf.free()
        if self.piece is None and b"\r\n\r\n" in self.request:
            self.answer()
        elif len(self.request) > 2048:
            self.end()

    def answer(self):
        found = find(self.root, self.request)
        if found is None:
            self.piece = b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        else:
            self.piece = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % found[1]
            self.file = open(found[0], "rb")
        self.push()

    def push(self):
        """As much as lwIP takes now; on_sent goes on."""
        while self.piece:
            if self.tcp.sndbuf() < len(self.piece):
                break
            try:
                self.tcp.write(self.piece, WRITE_FLAG_MORE)
            except OSError as error:
                if error.errno != errno.ENOMEM:
                    raise
                break
            self.piece = self.file.read(PIECE) if self.file else b""
        self.tcp.output()
        if not self.piece:
            self.end()

    def on_sent(self, tcp, length):
        if self.piece is not None:
            self.push()

    def on_poll(self, tcp):
        """After two seconds without anything: what found no memory is tried again."""
        if self.piece is not None:
            self.push()

    def on_err(self, tcp, err):
        print("lost a client:", errno.errorcode.get(err, err))
        self.end()

    def end(self):
        """close() sends what is still queued, then ends the connection. After an error there is none."""
        global ended
        if self.tcp is None:
            return
        ended += 1
        if self.file:
            self.file.close()
        tcp, self.tcp, self.piece = self.tcp, None, None
        try:
            tcp.close()
        except OSError as error:
            if error.errno != errno.EBADF:
                raise


def serve(root="", port=80, clients=None):
    """The files under `root`; return after so many clients, if told how many."""
    server = TCP()
    server.bind("", port)
    server.listen()
    server.accept(lambda server, tcp, err: Client(tcp, root))
    print("listening on", port)
    while clients is None or ended < clients:
        time.sleep_ms(100)
    server.close()


if __name__ == "__main__":
    serve()
