# SPDX-License-Identifier: MIT
"""Chat over multicast with lwIP's callbacks: who is in the group reads what each types. An empty line leaves.

What the others say is printed by the callback, while the program waits for the next line.
"""

import sys

from lwip import igmp, netif
from lwip.raw import UDP

GROUP = "239.192.0.7"
PORT = 7007


def on_recv(udp, pbuf, addr, port):
    print(pbuf.copy_partial().decode())
    pbuf.free()


def chat(name):
    interface = netif.default()
    udp = UDP()
    udp.bind("", PORT)
    udp.recv(on_recv)
    igmp.joingroup(interface, GROUP)
    print("talking as", name)
    while line := sys.stdin.readline().strip():
        udp.sendto("{}: {}".format(name, line).encode(), GROUP, PORT)
    igmp.leavegroup(interface, GROUP)
    udp.remove()


if __name__ == "__main__":
    chat("board")
