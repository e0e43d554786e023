# SPDX-License-Identifier: MIT
"""What the board puts on the wire, as tshark judges it: every checksum right, no packet malformed."""

import shutil
import subprocess

import pytest
from emulator.net.pcap import PcapWriter
from emulator.net.peers import Peer
from support.eth_lab import EthLab

pytestmark = [
    pytest.mark.emulator_only,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark"),
]

HOST, HOST6, BOARD = "10.9.0.1", "fd09::1", "10.9.0.100"
CHECKS = [option for name in ("ip", "tcp", "udp") for option in ("-o", f"{name}.check_checksum:TRUE")]
SUMS = [f"{name}.checksum.status" for name in ("ip", "tcp", "udp", "icmp", "icmpv6", "igmp")]
# What the board sends, as display filters of tshark.
SENT = (
    "arp.opcode == 1",
    "arp.opcode == 2",
    "dhcp",
    "dns",
    "icmp.type == 0",
    "icmp.type == 3",
    "icmpv6.type == 129",
    "icmpv6.type == 135",
    "icmpv6.type == 136",
    "icmpv6.type == 143 || icmpv6.type == 131",
    "igmp",
    "ip.flags.mf == 1 && ip.proto == 17",
    "ip.flags.mf == 0 && ip.frag_offset > 0 && udp",
    "ip.frag_offset > 0 && icmp",
    "ipv6.fraghdr.offset > 0 && udp",
    "tcp.flags.syn == 1 && ip",
    "tcp.flags.fin == 1 && ip",
    "tcp.len > 1000 && ip",
    "tcp.len > 1000 && ipv6",
    "udp && ip && udp.length < 100",
    "udp && ipv6 && udp.length < 100",
)

SCRIPT = f"""
import network, socket, time
lan = network.LAN()
lan.ipconfig(addr6="fd09::2")
lan.active(True)
while not (lan.isconnected() and lan.ipconfig("has_dhcp4")):
    time.sleep_ms(10)
time.sleep(3)
def packed(group):
    return bytes(int(part) for part in group.split("."))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed("239.1.2.3.0.0.0.0"))
u.settimeout(5)
u6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u6.settimeout(5)
assert socket.getaddrinfo("host.test", 80)[0][-1][0] == "{HOST}"
for s, host in ((u, "{HOST}"), (u6, "{HOST6}")):
    for size in (0, 1, 17, 1000, 1452, 2999, 4001):
        s.sendto(bytes(i & 255 for i in range(size)), (host, 7))
        if s is u or size <= 1452:  # the model of a host knows no fragments of IPv6
            assert len(s.recv(5000)) == size
for family, host in ((socket.AF_INET, "{HOST}"), (socket.AF_INET6, "{HOST6}")):
    t = socket.socket(family)
    t.connect((host, 7))
    for size in (1, 501, 5000):
        t.sendall(bytes(size))
        while size:
            size -= len(t.recv(4000))
    t.close()
time.sleep(1)
"""


def tshark(path, *arguments):
    command = ["tshark", "-r", str(path), *CHECKS, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def capture(firmware, tmp_path_factory):
    """(path of the pcap file, MAC address of the board)."""
    path = tmp_path_factory.mktemp("capture") / "board.pcap"
    lab = EthLab(
        firmware,
        peer=lambda machine, wire: Peer(
            machine, wire, HOST, address6=HOST6, dhcp=BOARD, names={"host.test": HOST}
        ),
    )
    writer = PcapWriter(path)
    lab.board.net.observe(writer)
    peer = lab.peer
    peer.udp_listen(7, lambda source, port, data: peer.udp_send(source, port, 7, data))
    peer.tcp.listen(7, echo)
    lab.exec(SCRIPT)
    for address in (BOARD, "fd09::2"):
        peer.ping(address, data=bytes(range(200)))
        lab.run(100)
    peer.ping(BOARD, data=bytes(3000))
    peer.udp_send(BOARD, 9, 9, b"to a closed port")
    peer.neighbours.clear()  # ask the board for its addresses once more
    peer.ping(BOARD)
    peer.ping("fd09::2")
    lab.run(1000)
    assert len(peer.echo_replies) == 5
    mac = lab.eval("lan.config('mac')").hex(":")
    writer.close()
    assert peer.counters["bad_checksums"] == 0
    lab.close()
    return path, mac


def echo(connection):
    connection.on_data = connection.send
    connection.on_end = connection.close


def test_capture__no_bad_checksum_and_nothing_malformed(capture):
    path, _ = capture
    bad = " || ".join(f'{name} == "Bad"' for name in SUMS)
    assert tshark(path, "-Y", f"{bad} || _ws.malformed || _ws.expert.severity == error") == ""


@pytest.mark.parametrize("wanted", SENT)
def test_capture__protocol_is_there(capture, wanted):
    path, mac = capture
    assert tshark(path, "-Y", f"eth.src == {mac} && ({wanted})") != ""


def test_capture__checksums_of_every_protocol_were_judged(capture):
    """Good and not just unverified, for what the board sent: the options above are in effect."""
    path, mac = capture
    for name in SUMS:
        assert tshark(path, "-Y", f'eth.src == {mac} && {name} == "Good"') != "", name
    unverified = " || ".join(f'{name} == "Unverified"' for name in SUMS)
    assert tshark(path, "-Y", f"eth.src == {mac} && ({unverified}) && !icmp.type == 3") == ""


def test_capture__a_spoiled_file_is_found_out(capture, tmp_path):
    """The judge itself: one wrong byte in a UDP payload is reported."""
    path, mac = capture
    content = bytearray(path.read_bytes())
    frame = tshark(
        path, "-Y", f"eth.src == {mac} && udp.length == 1008", "-T", "fields", "-e", "frame.number"
    )
    at = 24
    for _ in range(int(frame.split()[0]) - 1):
        at += 16 + int.from_bytes(content[at + 8 : at + 12], "little")
    content[at + 16 + 500] ^= 1
    spoiled = tmp_path / "spoiled.pcap"
    spoiled.write_bytes(content)
    assert tshark(spoiled, "-Y", 'udp.checksum.status == "Bad"') != ""
