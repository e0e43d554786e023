# SPDX-License-Identifier: MIT
# The board's side of what one frame costs in driver and netif.
import time


def idle():
    print("ready")
    time.sleep_ms(1000)
    print(0)


def send(peer, port, size, count):
    from lwip import raw

    udp = raw.UDP()
    # Ethernet's, IP's and UDP's headers come on top.
    data = raw.Pbuf(size - 42)
    udp.sendto(data, peer, port)
    time.sleep_ms(50)
    print("ready")
    for _ in range(count):
        udp.sendto(data, peer, port)
        time.sleep_ms(1)
    print(count)
