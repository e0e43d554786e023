# SPDX-License-Identifier: MIT
# The board's side of the measurements through raw PCBs, whose callbacks run while the script sleeps.
import time

from lwip import raw
from lwip.raw import TCP, UDP, Pbuf
from micropython import const

_PIECE = const(3 * 1460)  # half of what may be on its way, in whole segments


def _serve(port, on_accept):
    """A listening PCB that gives its first connection to on_accept() and closes."""
    server = TCP()
    server.bind("0.0.0.0", port)
    server.listen(1)

    def accepted(server, tcp, err):
        server.close()
        on_accept(tcp)

    server.accept(accepted)
    print("ready")


def _wait(done):
    while not done:
        time.sleep_ms(1000)


def tcp_rx(port, size):
    done = []
    left = size

    def on_recv(tcp, pbuf, err):
        nonlocal left
        if pbuf is None:
            tcp.close()
            done.append(True)
            return
        n = pbuf.tot_len
        pbuf.free()
        tcp.recved(n)
        left -= n
        if not left:
            done.append(True)

    _serve(port, lambda tcp: tcp.recv(on_recv))
    _wait(done)
    print(size - left)


def tcp_tx(port, size):
    data = bytes(_PIECE)
    left = room = 0

    # Few names, closed over or its own: with more, each call would allocate.
    def fill(tcp, acknowledged):
        nonlocal left, room
        room += acknowledged
        if room < _PIECE:
            return
        while room >= _PIECE:
            tcp.write(data, 0)  # without WRITE_FLAG_COPY
            room -= _PIECE
            left -= _PIECE
        tcp.output()
        if left <= 0:
            tcp.sent(None)
            tcp.close()

    def on_accept(tcp):
        nonlocal left, room
        left, room = size, tcp.sndbuf()
        tcp.sent(fill)
        fill(tcp, 0)

    _serve(port, on_accept)
    while not room or left > 0:
        time.sleep_ms(1000)
    print(size - left)


def tcp_echo(port):
    done = []

    def on_recv(tcp, pbuf, err):
        if pbuf is None:
            tcp.close()
            done.append(True)
            return
        tcp.recved(pbuf.tot_len)
        tcp.write(pbuf.data)
        tcp.output()
        pbuf.free()

    def on_accept(tcp):
        tcp.nagle(False)
        tcp.recv(on_recv)

    _serve(port, on_accept)
    _wait(done)
    print(0)


def tcp_connects(peer, port, count):
    done = []
    left = count

    def connect():
        TCP().connect(peer, port, on_connected)

    def on_connected(tcp, err):
        nonlocal left
        tcp.close()
        left -= 1
        if left:
            connect()
        else:
            done.append(time.ticks_us())

    print("ready")
    start = time.ticks_us()
    connect()
    _wait(done)
    print(time.ticks_diff(done[0], start))


def udp_rx(port, idle_ms):
    count = 0

    def on_recv(udp, pbuf, addr, port):
        nonlocal count
        pbuf.free()
        count += 1

    udp = UDP()
    udp.bind("0.0.0.0", port)
    udp.recv(on_recv)
    print("ready")
    seen = -1
    while not count or seen != count:
        seen = count
        time.sleep_ms(idle_ms)
    udp.remove()
    print(count)


def udp_tx(peer, port, size, count):
    udp = UDP()
    udp.connect(peer, port)
    send = udp.send
    # Refers to the data, which does not change: nothing is copied.
    data = Pbuf(bytes(size), raw.TRANSPORT, raw.ROM)
    send(data)
    time.sleep_ms(50)
    print("ready")
    for _ in range(count):
        while True:
            try:
                send(data)
                break
            except OSError:
                # The interface's queue is full: of more than goes out in that time.
                time.sleep_ms(1)
    print(count)
