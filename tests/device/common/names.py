# SPDX-License-Identifier: MIT
"""Addresses, options and the values of names."""

import socket

for text in ("0.0.0.0", "1.2.3.4", "255.255.255.255"):
    packed = socket.inet_pton(socket.AF_INET, text)
    print(packed, socket.inet_ntop(socket.AF_INET, packed))
for text in ("::", "::1", "fd00::1:2", "2001:db8::1:0:2", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"):
    packed = socket.inet_pton(socket.AF_INET6, text)
    print(packed, socket.inet_ntop(socket.AF_INET6, packed).lower())
for family, text in ((socket.AF_INET, "1.2.3"), (socket.AF_INET, "::1"), (socket.AF_INET6, "1::2::3")):
    try:
        print(socket.inet_pton(family, text))
    except (OSError, ValueError):
        print("no address")
for info in socket.getaddrinfo("127.0.0.1", 80, 0, socket.SOCK_STREAM):
    print(info[0] == socket.AF_INET, info[1] == socket.SOCK_STREAM, info[-1])
for info in socket.getaddrinfo("::1", 80, socket.AF_INET6, socket.SOCK_DGRAM):
    print(info[0] == socket.AF_INET6, info[1] == socket.SOCK_DGRAM, info[-1][:2])

s = socket.socket()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM)
print(u.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM)
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
for sock, level, option, value in (
    (s, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
    (s, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (s, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (s, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77),
    (s, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 7),
    (s, socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5),
    (s, socket.IPPROTO_IP, socket.IP_TTL, 33),
    (s, socket.IPPROTO_IP, socket.IP_TOS, 16),
    (u, socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
    (u, socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 9),
):
    before = sock.getsockopt(level, option)
    sock.setsockopt(level, option, value)
    after = sock.getsockopt(level, option)
    # Of a flag POSIX says only that it is not 0.
    print(bool(before), (after == value) if value > 1 else bool(after) == bool(value), type(after).__name__)
for bad in ((socket.SOL_SOCKET, 9999, 1), (socket.IPPROTO_TCP, 9999, 1)):
    try:
        s.setsockopt(*bad)
    except OSError as error:
        print(error.errno)
for kind in (u, s):
    kind.close()
try:
    socket.socket(socket.AF_INET, 77)
except (OSError, ValueError):
    print("no such kind")
