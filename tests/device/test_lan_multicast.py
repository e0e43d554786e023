# SPDX-License-Identifier: MIT
"""The MAC's hash filter follows the groups that sockets join and leave (IGMP), hash collisions included."""

import pytest
from support.eth_lab import BOARD_IP, EthLab, ethernet, ip4, ipv4, udp4

pytestmark = pytest.mark.emulator_only

JOIN = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(0.2)
def packed(group):
    return bytes(int(part) for part in (group + ".{BOARD_IP}").split("."))
def join(group):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed(group))
def leave(group):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, packed(group))
def received():
    try:
        return s.recv(100)
    except OSError:
        return None
"""


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    made.exec(JOIN)
    yield made
    made.close()


def group_mac(group):
    """RFC 1112 6.4."""
    octets = ip4(group)
    return b"\x01\x00\x5e" + bytes([octets[1] & 0x7F, octets[2], octets[3]])


def hash_index(mac):
    """RM0090 33.5.3: the upper six bits of the bit-reversed CRC-32."""
    import zlib

    return int(f"{zlib.crc32(mac):032b}"[::-1], 2) >> 26


def shout(lab, group):
    packet = ipv4(17, udp4(group.encode(), 7000, destination=group), destination=group)
    lab.peer.transmit(ethernet(group_mac(group), 0x0800, packet))


def test_multicast__comes_in_while_joined(lab):
    frames = lab.stats()["rx_frames"]
    shout(lab, "239.1.2.3")
    lab.run(5)
    assert lab.stats()["rx_frames"] == frames
    lab.exec("join('239.1.2.3')")
    shout(lab, "239.1.2.3")
    assert lab.eval("received()") == b"239.1.2.3"
    lab.exec("leave('239.1.2.3')")
    frames = lab.stats()["rx_frames"]
    shout(lab, "239.1.2.3")
    lab.run(5)
    assert lab.stats()["rx_frames"] == frames


def test_multicast__groups_that_share_a_bit_of_the_hash(lab):
    """One of two leaves: the other still hears."""
    first = "239.1.2.3"
    wanted = hash_index(group_mac(first))
    second = next(
        group
        for group in (f"239.1.{i}.{j}" for i in range(3, 256) for j in range(256))
        if hash_index(group_mac(group)) == wanted
    )
    lab.exec(f"join('{first}'); join('{second}'); leave('{first}')")
    shout(lab, second)
    assert lab.eval("received()") == second.encode()
    shout(lab, first)  # passes the filter, and stops at IP
    assert lab.eval("received()") is None


def test_multicast__kept_over_a_cut_and_a_recovery(lab):
    """IGMP reports the groups again when the link is back, and the filter is as it was."""
    lab.exec("join('239.1.2.3')")
    lab.board.net.cut()
    lab.exec("wait_link(False)")
    lab.board.net.plug()
    lab.exec("wait_link()")
    lab.peer.frames.clear()
    lab.run(11_000)
    reports = [frame[42:46] for frame in lab.peer.take(0x0800) if frame[23] == 2]
    assert ip4("239.1.2.3") in reports
    shout(lab, "239.1.2.3")
    assert lab.eval("received()") == b"239.1.2.3"
