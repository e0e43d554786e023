# SPDX-License-Identifier: MIT
"""HTTP client with netconns: get(url) -> (status, body)."""

from lwip.netconn import TCP, Netconn, gethostbyname


def get(url, timeout=10):
    """The status code and the body as bytes; OSError if the server is not to be reached."""
    scheme, _, host, *path = url.split("/", 3)
    if scheme != "http:":
        raise ValueError("only http: is spoken here")
    host, _, port = host.partition(":")
    answer = []
    with Netconn(TCP) as conn:
        conn.set_recvtimeout(timeout * 1000)
        conn.connect(gethostbyname(host), int(port or 80))
        request = "GET /{} HTTP/1.0\r\nHost: {}\r\n\r\n".format(path[0] if path else "", host)
        conn.write(request.encode())
        while (received := conn.recv()) is not None:
            # The body is kept, so here it is copied: the driver wants its buffers back.
            with received:
                answer.append(received.copy())
    head, _, body = b"".join(answer).partition(b"\r\n\r\n")
    return int(head.split(None, 2)[1]), body


if __name__ == "__main__":
    print(get("http://micropython.org/ks/test.html"))
