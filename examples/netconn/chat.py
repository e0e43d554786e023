# SPDX-License-Identifier: MIT
"""Chat over multicast with a netconn: who is in the group reads what each types. An empty line leaves."""

import select
import sys

from lwip.netconn import JOIN, UDP, NetBuf, Netconn

GROUP = "239.192.0.7"
PORT = 7007


def chat(name):
    conn = Netconn(UDP)
    conn.bind("", PORT)
    conn.join_leave_group(GROUP, "0.0.0.0", JOIN)
    poll = select.poll()
    poll.register(conn, select.POLLIN)
    poll.register(sys.stdin, select.POLLIN)
    print("talking as", name)
    while True:
        for source, _events in poll.poll():
            if source is conn:
                with conn.recv() as received:
                    print(received.copy().decode())
                continue
            line = sys.stdin.readline().strip()
            if not line:
                conn.delete()
                return
            with NetBuf() as message:
                message.ref("{}: {}".format(name, line).encode())
                conn.sendto(message, GROUP, PORT)


if __name__ == "__main__":
    chat("board")
