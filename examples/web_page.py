# SPDX-License-Identifier: MIT
"""A web page served by the board: what it is doing, and a button for its LED.

As main.py it starts with the board: mpremote cp examples/web_page.py :main.py
"""

import asyncio
import gc
import os
import time

import lwip
import machine
import network

PAGE = """<!DOCTYPE html>
<html><head><title>{board}</title><meta name="viewport" content="width=device-width">
<style>body {{ font: 16px sans-serif; margin: 2em }} td, th {{ padding: 2px 12px; text-align: right }}
tr:nth-child(even) {{ background: #eef }} td:first-child, th:first-child {{ text-align: left }}</style></head>
<body><h1>{board}</h1>
<p>Up for {uptime} s, {free} KB free for scripts. {rx} frames came in, {tx} went out.</p>
<form method="post" action="/led"><button>LED {led}</button></form>
<h2>lwIP's pools</h2>
<table><tr><th>Pool<th>used<th>most<th>of
{rows}</table></body></html>
"""

lan = network.LAN()
led = None
for name in dir(machine.Pin.board):
    if name.startswith("LED"):
        led = machine.Pin(name, machine.Pin.OUT)
        break


def page():
    pools = lwip.stats("memp")
    rows = ["<tr><td>{}<td>{}<td>{}<td>{}\n".format(name, *pools[name][:3]) for name in sorted(pools)]
    stats = lan.stats()
    return PAGE.format(
        board=os.uname().machine,
        uptime=time.ticks_ms() // 1000,
        free=gc.mem_free() // 1024,
        rx=stats["rx_frames"],
        tx=stats["tx_frames"],
        led="off" if led and led.value() else "on",
        rows="".join(rows),
    ).encode()


async def answer(reader, writer):
    """One request: the page, or the LED's button and back to the page."""
    try:
        request = await reader.readline()
        while await reader.readline() not in (b"\r\n", b""):
            pass
        what = request.split()[:2]
        head, body = "200 OK", b""
        if what == [b"GET", b"/"]:
            body = page()
        elif what == [b"POST", b"/led"]:
            if led:
                led.toggle()
            head = "303 See Other\r\nLocation: /"
        else:
            head, body = "404 Not Found", b"there is only /\n"
        writer.write("HTTP/1.0 {}\r\nContent-Length: {}\r\n\r\n".format(head, len(body)).encode())
        writer.write(body)
        await writer.drain()
    except OSError as error:
        print("lost a client:", error)
    finally:
        writer.close()
        await writer.wait_closed()


async def main(port=80):
    lan.active(True)
    while not lan.isconnected():
        await asyncio.sleep_ms(100)
    server = await asyncio.start_server(answer, "0.0.0.0", port)
    print("listening on http://{}:{}/".format(lan.ipconfig("addr4")[0], port))
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
