# SPDX-License-Identifier: MIT
"""HTTP client with sockets: get(url) -> (status, body)."""

import socket


def get(url, timeout=10):
    """The status code and the body as bytes; OSError if the server is not to be reached."""
    scheme, _, host, *path = url.split("/", 3)
    if scheme != "http:":
        raise ValueError("only http: is spoken here")
    host, _, port = host.partition(":")
    address = socket.getaddrinfo(host, int(port or 80), 0, socket.SOCK_STREAM)[0][-1]
    with socket.socket() as sock:
        sock.settimeout(timeout)
        sock.connect(address)
        request = "GET /{} HTTP/1.0\r\nHost: {}\r\n\r\n".format(path[0] if path else "", host)
        sock.sendall(request.encode())
        status = int(sock.readline().split()[1])
        while sock.readline() not in (b"\r\n", b""):
            pass
        return status, sock.read()


if __name__ == "__main__":
    print(get("http://micropython.org/ks/test.html"))
