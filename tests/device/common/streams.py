# SPDX-License-Identifier: MIT
"""asyncio's streams: servers and clients in one program."""

import asyncio

PORT = 8123


async def serve(reader, writer):
    while True:
        line = await reader.readline()
        if not line:
            break
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def client(number, lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    got = []
    for i in range(lines):
        writer.write(b"client %d line %d\n" % (number, i))
        await writer.drain()
        got.append(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return got


async def bulk(reader, writer):
    total = 0
    while data := await reader.read(4096):
        total += len(data)
        if total >= 50_000:
            break
    writer.write(str(total).encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def silent(reader, writer):
    try:
        await reader.read(1)
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    for got in await asyncio.gather(*(client(n, 3) for n in range(4))):
        print(got)
    server.close()
    await server.wait_closed()

    server = await asyncio.start_server(bulk, "127.0.0.1", PORT + 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT + 1)
    for _ in range(50):
        writer.write(bytes(1000))
        await writer.drain()
    print(await reader.readexactly(5), await reader.read(1))
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()

    server = await asyncio.start_server(silent, "127.0.0.1", PORT + 2)
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT + 2)
    try:
        await asyncio.wait_for(reader.read(1), 0.1)
    except asyncio.TimeoutError:
        print("timeout")
    task = asyncio.create_task(reader.read(1))
    await asyncio.sleep(0.05)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


asyncio.run(main())
