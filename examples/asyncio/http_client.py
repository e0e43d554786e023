# SPDX-License-Identifier: MIT
"""HTTP client with asyncio streams: await get(url) -> (status, body)."""

import asyncio


async def get(url):
    """The status code and the body as bytes; OSError if the server is not to be reached."""
    scheme, _, host, *path = url.split("/", 3)
    if scheme != "http:":
        raise ValueError("only http: is spoken here")
    host, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port or 80))
    try:
        writer.write("GET /{} HTTP/1.0\r\nHost: {}\r\n\r\n".format(path[0] if path else "", host).encode())
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        while await reader.readline() not in (b"\r\n", b""):
            pass
        return status, await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    print(asyncio.run(asyncio.wait_for(get("http://micropython.org/ks/test.html"), 10)))
