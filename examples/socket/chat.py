# SPDX-License-Identifier: MIT
"""Chat over multicast with a socket: who is in the group reads what each types. An empty line leaves."""

import select
import socket
import sys

GROUP = "239.192.0.7"
PORT = 7007


def chat(name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", PORT))
    membership = socket.inet_pton(socket.AF_INET, GROUP) + bytes(4)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.register(sys.stdin, select.POLLIN)
    print("talking as", name)
    while True:
        for source, _events in poll.poll():
            if source is sock:
                print(sock.recv(1472).decode())
                continue
            line = sys.stdin.readline().strip()
            if not line:
                sock.close()
                return
            sock.sendto("{}: {}".format(name, line).encode(), (GROUP, PORT))


if __name__ == "__main__":
    chat("board")
