# SPDX-License-Identifier: MIT
"""LAN.capture(): the board's own pcap files and what its filters let through."""

import shutil
import struct
import subprocess

import pytest
from emulator.net.pcap import read
from support.eth_lab import BROADCAST, HOST_IP, EthLab, ethernet

pytestmark = pytest.mark.emulator_only

SETUP = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(0.2)
def talk(n=1):
    for i in range(n):
        s.sendto(bytes(100), ("{HOST_IP}", 9))
    time.sleep_ms(5)
def error(function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except (OSError, ValueError) as e:
        return e.errno if isinstance(e, OSError) else type(e).__name__
"""


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    made.exec(SETUP)
    made.exec("talk()")  # ARP is done with
    yield made
    made.close()


def test_capture__pcap_file_on_the_board(lab, tmp_path):
    lab.exec("file = open('lan.pcap', 'wb'); c = lan.capture(file); talk(3)")
    lab.send_udp(b"hello", 7000)
    lab.run(5)
    lab.send_udp(bytes(1400), 7000)
    lab.exec("time.sleep_ms(5); c.stop(); file.close()")
    assert lab.eval("c.stats()") == {"captured": 5, "dropped": 0}
    path = tmp_path / "lan.pcap"
    path.write_bytes(lab.eval("open('lan.pcap', 'rb').read()"))
    frames = read(path)
    assert [len(data) for _, data in frames] == [142] * 3 + [60, 1442]
    assert frames[3][1][42:47] == b"hello"
    assert [data[:6] == lab.mac for _, data in frames] == [False] * 3 + [True] * 2
    times = [time for time, _ in frames]
    assert times == sorted(times) and times[-1] - times[0] < 2_000_000_000
    if shutil.which("tshark"):
        command = ["tshark", "-r", str(path), "-T", "fields", "-e", "udp.dstport"]
        ports = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        assert ports == ["9", "9", "9", "7000", "7000"]
    lab.exec("import os; os.remove('lan.pcap')")


FILTERS = [
    ("ethertype=0x88b5", {"raw"}),
    ("ethertype=0x800", {"udp", "icmp", "tcp", "fragment", "other"}),
    ("proto=17", {"udp", "fragment", "udp6", "other"}),
    ("proto=1", {"icmp"}),
    ("port=7000", {"udp", "udp6"}),
    ("port=4000", {"udp", "udp6", "other"}),
    ("proto=6, port=80", {"tcp"}),
    (f"host='{HOST_IP}'", {"arp", "udp", "icmp", "tcp", "fragment"}),
    ("host='10.9.0.7'", {"other"}),
    ("host='fe80::7'", {"udp6"}),
    ("ethertype=0x806, host='10.9.0.1'", {"arp"}),
    ("host='10.9.0.1', proto=17, port=7000", {"udp"}),
    ("host='10.9.0.1', proto=6, port=7000", set()),
]


def samples(lab):
    from support.eth_lab import HOST_MAC, ip4, ipv4, udp4

    segment = struct.pack("!HHIIBBHHH", 80, 5555, 1, 1, 0x50, 4, 0, 0, 0)
    datagram = udp4(b"six", 7000)
    packet6 = struct.pack("!IHBB", 6 << 28, len(datagram) + 16, 0, 64)
    packet6 += bytes.fromhex("fe80" + "00" * 13 + "07" + "ff02" + "00" * 13 + "01")
    packet6 += bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + datagram
    arp = bytes.fromhex("0001080006040002") + HOST_MAC + ip4(HOST_IP) + lab.mac + ip4("10.9.0.2")
    return {
        "raw": ethernet(BROADCAST, 0x88B5, bytes(46)),
        "arp": ethernet(lab.mac, 0x0806, arp),
        "udp": ethernet(lab.mac, 0x0800, ipv4(17, udp4(b"four", 7000))),
        "icmp": ethernet(lab.mac, 0x0800, ipv4(1, bytes.fromhex("0000fffe00010000"))),
        "tcp": ethernet(lab.mac, 0x0800, ipv4(6, segment)),
        "fragment": ethernet(lab.mac, 0x0800, ipv4(17, udp4(b"", 7000), fragment=5)),
        "udp6": ethernet(bytes.fromhex("333300000001"), 0x86DD, packet6),
        "other": ethernet(lab.mac, 0x0800, ipv4(17, udp4(b"", 9, source="10.9.0.7"), source="10.9.0.7")),
    }


def test_capture__filters(lab):
    """Each filter on each kind of frame: what comes through is what it says."""
    kinds = samples(lab)
    for keywords, wanted in FILTERS:
        lab.exec(f"got = []; c = lan.capture(lambda data, sent, t: sent or got.append(data), {keywords})")
        for data in kinds.values():
            lab.peer.transmit(data)
            lab.run(1)
        lab.exec("time.sleep_ms(5); c.stop()")
        got = lab.eval("got")
        names = {name for name, data in kinds.items() if data.ljust(60, b"\0") in got}
        assert names == wanted and len(got) == len(wanted), keywords


def test_capture__function_both_ways_and_snaplen(lab):
    lab.exec("got = []; c = lan.capture(lambda *arguments: got.append(arguments), port=9, snaplen=50)")
    lab.exec("talk(2)")
    got = lab.eval("got")
    assert [(len(data), sent) for data, sent, _ in got] == [(50, True)] * 2
    assert got[0][2] <= got[1][2]


def test_capture__full_buffer_counts_what_it_drops(lab):
    lab.exec("got = []; c = lan.capture(lambda *a: got.append(a), ethertype=0x88b5, buffer=2000)")
    lab.start("x = sum(range(200000))")  # a while in C, in which no callback is called
    lab.run(5)
    for _ in range(30):
        lab.peer.transmit(ethernet(lab.mac, 0x88B5, bytes(500)))
    lab.run(5)
    lab.finish()
    lab.exec("time.sleep_ms(5)")
    stats = lab.eval("c.stats()")
    assert stats == {"captured": 3, "dropped": 27}
    lab.peer.transmit(ethernet(lab.mac, 0x88B5, bytes(500)))
    lab.exec("time.sleep_ms(5); c.stop()")
    assert lab.eval("(len(got), c.stats()['captured'])") == (4, 4)


def test_capture__errors_and_soft_reset(lab):
    lab.exec("c = lan.capture(print, port=1)")
    assert lab.eval("error(lan.capture, print)") == 16
    lab.exec("c.stop(); c.stop()")
    for keywords in (
        "port=65536",
        "proto=-1",
        "proto=256",
        "ethertype=65536",
        "host='x'",
        "snaplen=0",
        "buffer=1",
    ):
        assert lab.eval(f"error(lan.capture, print, {keywords})") in ("ValueError", 22), keywords
    said = lab.exec("c = lan.capture(lambda *a: 1 // 0); talk()")
    assert "ZeroDivisionError" in said
    lab.exec("got = []; c = lan.capture(lambda *a: got.append(a)); talk()")
    assert lab.eval("len(got) > 0")
    lab.soft_reset()
    lab.up()
    lab.exec(SETUP + "talk()\nlan.capture(print, port=1).stop()")
