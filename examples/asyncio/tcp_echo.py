# SPDX-License-Identifier: MIT
"""TCP echo server with asyncio streams: any number of clients, a task for each."""

import asyncio

ended = 0


async def echo(reader, writer):
    global ended
    try:
        while data := await reader.read(1460):
            writer.write(data)
            await writer.drain()
    except OSError as error:
        print("lost a client:", error)
    finally:
        writer.close()
        await writer.wait_closed()
        ended += 1


async def serve(port=7, clients=None):
    """Echo what comes in; return after so many clients, if told how many."""
    server = await asyncio.start_server(echo, "0.0.0.0", port)
    print("listening on", port)
    while clients is None or ended < clients:
        await asyncio.sleep_ms(100)
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve())
