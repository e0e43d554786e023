# SPDX-License-Identifier: MIT
"""Whether this board works, one verdict a line: copy it there and run it, with nothing else.

    mpremote connect /dev/ttyACM0 run tests/device/selftest.py

With a cable to a network that has DHCP; without one the last lines say what is missing.
"""

import gc
import os
import time

import machine
import network

LINK_MS = 5000
LEASE_MS = 10000
PING_TRIES = 4
DATAGRAMS = 700
DISCARD = 9  # RFC 863: nobody answers
FILE = "selftest.tmp"
USB_DSTS_DCFG = 0x50000800  # OTG_FS_DCFG: bits 10:4 are the address that the host gave (RM0090 34.16.4)


class Failed(Exception):
    """The verdict is bad; the text says why and what to look at."""


class Skipped(Exception):
    """There is no verdict; the text says what was missing."""


def clock():
    """The crystal that the CPU runs on against the RTC's, over one second."""
    rtc = machine.RTC()

    def next_second():
        second = rtc.datetime()[6]
        while rtc.datetime()[6] == second:
            pass
        return time.ticks_us()

    start = next_second()
    elapsed = time.ticks_diff(next_second(), start)
    error = elapsed - 1000000
    # The RTC may be on its RC oscillator, which is good for some per cent: this finds a wrong crystal.
    if abs(error) > 120000:
        raise Failed(f"a second of the RTC lasts {elapsed // 1000} ms: is the crystal the board's?")
    return f"{machine.freq()[0] // 1000000} MHz, {error / 10000:+.2f} % off the RTC"


def ram():
    """All the memory that a script can have, written and read back."""
    gc.collect()
    blocks, total = [], 0
    size = 16384
    while size >= 512:
        try:
            blocks.append(bytearray(size))
            total += size
        except MemoryError:
            size //= 2
    for number, block in enumerate(blocks):
        pattern = bytes((number * 37 + i * 11) & 0xFF for i in range(64))
        for offset in range(0, len(block), 64):
            block[offset : offset + 64] = pattern
    for number, block in enumerate(blocks):
        pattern = bytes((number * 37 + i * 11) & 0xFF for i in range(64))
        for offset in range(0, len(block), 64):
            if block[offset : offset + 64] != pattern:
                raise Failed(f"block {number} reads back otherwise at {offset}")
    blocks = None
    gc.collect()
    return f"{total // 1024} KB for scripts, all good"


def flash():
    """A file of 8 KB written, read back, and removed again."""
    data = bytes(i * 7 & 0xFF for i in range(1024))
    try:
        with open(FILE, "wb") as file:
            for _ in range(8):
                file.write(data)
        with open(FILE, "rb") as file:
            for block in range(8):
                if file.read(1024) != data:
                    raise Failed(f"block {block} of a file reads back otherwise")
    finally:
        try:
            os.remove(FILE)
        except OSError:
            pass
    stat = os.statvfs("")
    return f"{stat[0] * stat[3] // 1024} of {stat[0] * stat[2] // 1024} KB free for files"


def usb():
    address = machine.mem32[USB_DSTS_DCFG] >> 4 & 0x7F
    if not address:
        raise Skipped("no host on the USB socket (this came over another port)")
    return f"the host calls this board device {address}"


def phy(lan):
    lan.active(True)
    start = time.ticks_ms()
    while lan.status("phy") is None:
        if time.ticks_diff(time.ticks_ms(), start) > LINK_MS:
            raise Failed("{}: look at MDC, MDIO, its power, reset and address".format(lan.status("error")))
        time.sleep_ms(20)
    address, identifier = lan.status("phy")
    return f"at address {address}, identifier {identifier:08x}"


def link(lan):
    start = time.ticks_ms()
    while lan.status() < network.LAN.STAT_NO_IP:
        if time.ticks_diff(time.ticks_ms(), start) > LINK_MS:
            error = lan.status("error")
            if error:
                raise Failed(f"{error}: look at REF_CLK (PA1) and the PHY's oscillator")
            raise Failed("no link: is the cable in, the other end on?")
        time.sleep_ms(20)
    return "{} Mbit/s, {} duplex".format(lan.status("speed"), lan.status("duplex"))


def dhcp(lan):
    start = time.ticks_ms()
    while not lan.ipconfig("has_dhcp4"):
        if time.ticks_diff(time.ticks_ms(), start) > LEASE_MS:
            raise Failed("no lease: is there a DHCP server? frames in: {}".format(lan.stats()["rx_frames"]))
        time.sleep_ms(20)
    return "{}, gateway {}".format(lan.ipconfig("addr4")[0], lan.ipconfig("gw4"))


def checksum(data):
    """RFC 1071, of an even number of bytes."""
    total = sum(data[i] << 8 | data[i + 1] for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ping(lan):
    """RFC 792, to the gateway."""
    import socket

    from lwip import etharp, netif

    gateway = lan.ipconfig("gw4")
    if gateway == "0.0.0.0":
        raise Skipped("the network has no gateway to ask")
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(1)
        for number in range(PING_TRIES):
            packet = bytearray(b"\x08\0\0\0MP\0\0" + bytes(56))
            packet[7] = number
            packet[2:4] = checksum(packet).to_bytes(2, "big")
            start = time.ticks_us()
            sock.sendto(packet, (gateway, 0))
            try:
                while True:
                    answer = sock.recv(100)
                    if answer[20:21] == b"\0" and answer[24:28] == packet[4:8]:
                        times.append(time.ticks_diff(time.ticks_us(), start))
                        break
            except OSError:
                pass
    if not times:
        if etharp.find_addr(netif.default(), gateway):
            raise Skipped(f"{gateway} answers ARP and no ping")
        raise Failed(f"{gateway} does not answer")
    return f"{len(times)} of {PING_TRIES} from {gateway}, {min(times)} us at best"


def sending(lan):
    """Datagrams to the gateway's discard port, counted by the MAC as they leave."""
    import socket

    peer = lan.ipconfig("gw4")
    if peer == "0.0.0.0":
        raise Skipped("the network has no gateway to send to")
    before = lan.stats()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((peer, DISCARD))
        data = bytes(1472)
        start = time.ticks_us()
        for _ in range(DATAGRAMS):
            try:
                sock.send(data)
            except OSError:  # the gateway said that nobody is there, which counts too
                sock.send(data)
        elapsed = time.ticks_diff(time.ticks_us(), start)
    time.sleep_ms(20)
    after = lan.stats()
    sent = after["tx_sent"] - before["tx_sent"]
    if sent < DATAGRAMS:
        raise Failed(f"{sent} of {DATAGRAMS} frames left")
    return f"{DATAGRAMS * 1472 * 8 / elapsed:.1f} Mbit/s of payload"


def errors(lan):
    stats = lan.stats()
    names = (
        "rx_crc",
        "rx_alignment",
        "rx_phy",
        "rx_missed",
        "tx_carrier",
        "tx_collision",
        "bus_errors",
        "tx_stuck",
    )
    seen = [f"{stats[name]} {name}" for name in names if stats[name]]
    if stats["rx_crc"] + stats["rx_alignment"] + stats["rx_phy"] > stats["rx_frames"] // 1000:
        raise Failed(", ".join(seen) + ": look at the wires to the PHY and at the cable")
    return ", ".join(seen) or "none"


def main():
    """Every check that can be made; True if none failed. Ethernet checks stop at the first that fails."""
    print(os.uname().machine, os.uname().version)
    lan = network.LAN()
    was_active = lan.active()
    good = True
    blocked = False
    for check in (clock, ram, flash, usb, phy, link, dhcp, ping, sending, errors):
        arguments = (lan,) if check in (phy, link, dhcp, ping, sending, errors) else ()
        if arguments and blocked:
            print(f"{check.__name__:8} -     not tried")
            continue
        try:
            verdict, text = "ok", check(*arguments)
        except Skipped as reason:
            verdict, text = "-", reason
        except (Failed, OSError) as reason:
            verdict, text = "FAIL", reason
            good = False
            blocked = blocked or check in (phy, link, dhcp)
        print(f"{check.__name__:8} {verdict:5} {text}")
    if not was_active:
        lan.active(False)
    print("all good" if good else "something failed")
    return good


if __name__ == "__main__":
    main()
