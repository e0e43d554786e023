# SPDX-License-Identifier: MIT
"""select() and poll() in states that mean the same everywhere."""

import select
import socket


def flags(sock, mask=select.POLLIN | select.POLLOUT):
    poll = select.poll()
    poll.register(sock, mask)
    return [event for _, event in poll.poll(0)]


def ready(sock):
    r, w, x = select.select([sock], [sock], [sock], 0)
    return len(r), len(w), len(x)


u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
print("udp", flags(u), ready(u))
u.sendto(b"x", u.getsockname())
select.select([u], [], [], 5)
print("udp with a datagram", flags(u), ready(u))
u.recv(10)
print("udp again", flags(u), ready(u))

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(2)
print("listening", flags(listener), ready(listener))
a = socket.socket()
a.connect(listener.getsockname())
select.select([listener], [], [], 5)
print("one waits", flags(listener), ready(listener))
b, _ = listener.accept()
print("accepted", flags(listener), ready(listener))
print("connected", flags(a), flags(b), ready(a))
a.send(b"data")
select.select([b], [], [], 5)
print("data", flags(b), flags(b, select.POLLOUT), flags(b, select.POLLIN), ready(b))
a.shutdown(socket.SHUT_WR)
print(b.recv(10))
select.select([b], [], [], 5)
print("peer ended", flags(b), ready(b))
print(b.recv(10))
print("end read", flags(b), ready(b))
b.setblocking(False)
filled = 0
try:
    while filled < 10_000_000:
        filled += b.send(bytes(1000))
except OSError:
    print("full")
poll = select.poll()
poll.register(b, select.POLLOUT)
print(poll.poll(0))
while filled:
    filled -= len(a.recv(min(filled, 2000)))
print("drained", len(poll.poll(5000)))
poll.modify(b, select.POLLIN)
print(len(poll.poll(5000)))
poll.unregister(b)
print(poll.poll(0))
b.close()
select.select([a], [], [], 5)
print("both ended", [event & ~select.POLLHUP for event in flags(a, select.POLLIN)], a.recv(1))
for s in (a, u, listener):
    s.close()
print(select.select([], [], [], 0))
