# SPDX-License-Identifier: MIT
"""Web server of files with asyncio streams: any number of clients at once, each with its own buffer."""

import asyncio
import os


def find(root, request):
    """(path, size) of the file that the request's first line names, None if there is none."""
    words = request.split()
    if len(words) < 2 or words[0] != b"GET" or b".." in words[1]:
        return None
    path = root + words[1].decode()
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return None if stat[0] & 0x4000 else (path, stat[6])


async def send(writer, path, size):
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    buffer = bytearray(1460)
    with open(path, "rb") as file:
        while n := file.readinto(buffer):
            writer.write(memoryview(buffer)[:n])
            await writer.drain()


async def answer(reader, writer, root):
    try:
        request = await reader.readline()
        while await reader.readline() not in (b"\r\n", b""):
            pass
        found = find(root, request)
        if found is None:
            writer.write(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        else:
            await send(writer, *found)
    except OSError as error:
        print("lost", writer.get_extra_info("peername"), error)
    finally:
        writer.close()
        await writer.wait_closed()


async def serve(root="", port=80):
    """The files under `root`, until cancelled."""
    server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, root), "0.0.0.0", port)
    print("listening on", port)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve())
