# SPDX-License-Identifier: MIT
"""HTTP client with lwIP's callbacks: fetch(url, done) returns at once, get(url) -> (status, body) waits."""

import errno
import time

from lwip import dns
from lwip.raw import TCP


class Fetch:
    """One request. done(error, answer) is called once, with an errno or 0 and what came until then."""

    def __init__(self, host, port, request, done):
        self.port = port
        self.request = request
        self.done = done
        self.answer = []
        self.tcp = None
        address = dns.gethostbyname(host, self.on_found)
        if address is not None:
            self.on_found(host, address)

    def on_found(self, host, address):
        if address is None:
            self.end(errno.EHOSTUNREACH)
        elif self.done:
            self.tcp = TCP()
            self.tcp.err(self.on_err)
            self.tcp.recv(self.on_recv)
            self.tcp.connect(address, self.port, self.on_connected)

    def on_connected(self, tcp, err):
        tcp.write(self.request)
        tcp.output()

    def on_recv(self, tcp, pbuf, err):
        if pbuf is None:
            self.end(0)
            return
        self.answer.append(pbuf.copy_partial())
        tcp.recved(len(pbuf))
        pbuf.free()

    def on_err(self, tcp, err):
        self.tcp = None
        self.end(err)

    def end(self, error):
        """Also to give up: the connection goes, and nothing is called any more."""
        if self.tcp:
            self.tcp.close()
        done, self.done, self.tcp = self.done, None, None
        if done:
            done(error, b"".join(self.answer))


def fetch(url, done):
    scheme, _, host, *path = url.split("/", 3)
    if scheme != "http:":
        raise ValueError("only http: is spoken here")
    host, _, port = host.partition(":")
    request = "GET /{} HTTP/1.0\r\nHost: {}\r\n\r\n".format(path[0] if path else "", host)
    return Fetch(host, int(port or 80), request.encode(), done)


def get(url, timeout=10):
    """The status code and the body as bytes; OSError if the server is not to be reached."""
    result = []
    under_way = fetch(url, lambda error, answer: result.extend((error, answer)))
    start = time.ticks_ms()
    while not result:
        if time.ticks_diff(time.ticks_ms(), start) > timeout * 1000:
            under_way.end(errno.ETIMEDOUT)
        else:
            time.sleep_ms(10)
    error, answer = result
    if error:
        raise OSError(error)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(None, 2)[1]), body


if __name__ == "__main__":
    print(get("http://micropython.org/ks/test.html"))
