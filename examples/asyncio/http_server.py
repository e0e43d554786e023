# SPDX-License-Identifier: MIT
"""HTTP server with asyncio streams: one page that tells how lwIP is doing."""

import asyncio

import lwip

PAGE = """<!DOCTYPE html>
<title>Board</title>
<table><tr><th>Pool<th>used<th>most<th>of
{}</table>
"""


def page():
    pools = lwip.stats("memp")
    rows = ["<tr><td>{}<td>{}<td>{}<td>{}\n".format(name, *pools[name][:3]) for name in sorted(pools)]
    return PAGE.format("".join(rows)).encode()


async def answer(reader, writer):
    """One request, one page."""
    request = await reader.readline()
    while await reader.readline() not in (b"\r\n", b""):
        pass
    found = request.split()[1:2] == [b"/"]
    body = page() if found else b"there is only /\n"
    status = "200 OK" if found else "404 Not Found"
    writer.write("HTTP/1.0 {}\r\nContent-Length: {}\r\n\r\n".format(status, len(body)).encode())
    writer.write(body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main(port=80):
    server = await asyncio.start_server(answer, "0.0.0.0", port)
    print("listening on", port)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
