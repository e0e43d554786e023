# SPDX-License-Identifier: MIT
# The board's side of the measurements through netconns.
import time

from lwip import netconn
from lwip.netconn import NetBuf, Netconn


def _accept(port):
    server = Netconn()
    server.bind("0.0.0.0", port)
    server.listen()
    print("ready")
    connection = server.accept()
    server.delete()
    return connection


def tcp_rx(port, size):
    connection = _accept(port)
    recv = connection.recv
    left = size
    while left:
        buf = recv()
        if buf is None:
            break
        left -= buf.len()
        buf.delete()
    connection.delete()
    print(size - left)


def tcp_tx(port, size):
    connection = _accept(port)
    # Whole segments, so that none is of two pieces.
    buffer = bytes(8 * 1460)
    write = connection.write
    flags = netconn.NOCOPY
    left = size
    while left > 0:
        left -= write(buffer, flags)
    connection.delete()
    print(size - left)


def tcp_tx_in_turn(port, connections, size):
    buffer = bytes(4096)
    server = Netconn()
    server.bind("0.0.0.0", port)
    server.listen(connections)
    print("ready")
    opened = [server.accept() for _ in range(connections)]
    writes = [connection.write for connection in opened]
    left = size
    while left > 0:
        for write in writes:
            left -= write(buffer)
    for connection in opened:
        connection.delete()
    server.delete()
    print(size - left)


def tcp_echo(port):
    connection = _accept(port)
    recv = connection.recv
    write = connection.write
    while True:
        buf = recv()
        if buf is None:
            break
        write(buf.data)
        buf.delete()
    connection.delete()
    print(0)


def tcp_connects(peer, port, count):
    print("ready")
    start = time.ticks_us()
    for _ in range(count):
        connection = Netconn()
        connection.connect(peer, port)
        connection.delete()
    print(time.ticks_diff(time.ticks_us(), start))


def udp_rx(port, idle_ms):
    s = Netconn(netconn.UDP)
    s.bind("0.0.0.0", port)
    s.set_recvtimeout(idle_ms)
    recv = s.recv
    print("ready")
    count = 0
    try:
        while True:
            recv().delete()
            count += 1
    except OSError:
        pass
    print(count)


def udp_tx(peer, port, size, count):
    s = Netconn(netconn.UDP)
    s.connect(peer, port)
    data = bytes(size)
    buf = NetBuf()
    buf.ref(data)
    send = s.send
    send(buf)
    time.sleep_ms(50)
    print("ready")
    for _ in range(count):
        send(buf)
    print(count)
