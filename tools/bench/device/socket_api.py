# SPDX-License-Identifier: MIT
# The board's side of the measurements through BSD sockets.
import socket
import time


def _accept(port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", port))
    server.listen(1)
    print("ready")
    connection = server.accept()[0]
    server.close()
    return connection


def tcp_rx(port, size):
    connection = _accept(port)
    buffer = memoryview(bytearray(8192))
    recv_into = connection.recv_into
    left = size
    while left:
        n = recv_into(buffer)
        if not n:
            break
        left -= n
    connection.close()
    print(size - left)


def tcp_tx(port, size):
    connection = _accept(port)
    buffer = bytes(8192)
    send = connection.send
    left = size
    while left > 0:
        left -= send(buffer)
    connection.close()
    print(size - left)


def tcp_tx_in_turn(port, connections, size):
    buffer = bytes(4096)
    server = socket.socket()
    server.bind(("0.0.0.0", port))
    server.listen(connections)
    print("ready")
    sends = []
    opened = []
    for _ in range(connections):
        opened.append(server.accept()[0])
        sends.append(opened[-1].send)
    left = size
    while left > 0:
        for send in sends:
            left -= send(buffer)
    for connection in opened:
        connection.close()
    print(size - left)


def tcp_echo(port):
    connection = _accept(port)
    buffer = bytearray(64)
    while connection.recv_into(buffer):
        connection.send(buffer)
    connection.close()
    print(0)


def tcp_connects(peer, port, count):
    print("ready")
    address = (peer, port)
    start = time.ticks_us()
    for _ in range(count):
        connection = socket.socket()
        connection.connect(address)
        connection.close()
    print(time.ticks_diff(time.ticks_us(), start))


def udp_rx(port, idle_ms):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    s.settimeout(idle_ms / 1000)
    buffer = bytearray(1500)
    recv_into = s.recv_into
    print("ready")
    count = 0
    try:
        while True:
            recv_into(buffer)
            count += 1
    except OSError:
        pass
    print(count)


def udp_tx(peer, port, size, count):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((peer, port))
    buffer = bytes(size)
    send = s.send
    send(buffer)
    time.sleep_ms(50)
    print("ready")
    for _ in range(count):
        send(buffer)
    print(count)


def udp_burst(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    s.setblocking(False)
    print("ready")
    time.sleep_ms(200)
    count = 0
    try:
        while True:
            s.recv(1500)
            count += 1
    except OSError:
        pass
    print(count)


def memory():
    import gc

    gc.collect()
    print("ready", gc.mem_free())
