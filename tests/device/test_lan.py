# SPDX-License-Identifier: MIT
"""network.LAN on a real network: DHCP from dnsmasq, and ping from Linux."""

import ipaddress
import socket
import struct

import pytest
from support.board import BoardError
from support.eth_lab import checksum

UP = """
import network, time
lan = network.LAN()
lan.active(True)
start = time.ticks_ms()
while not lan.isconnected() and time.ticks_diff(time.ticks_ms(), start) < 10000:
    time.sleep_ms(10)
"""

STATIC = "10.0.7.20"


@pytest.fixture
def up(net_board):
    net_board.exec(UP)
    return net_board


def ping(lan, address, size=56, count=3, v6=False):
    """Echo requests from Linux, which cuts and reassembles fragments itself; how many answers are missing."""
    data = bytes(i & 0xFF for i in range(size))
    family, protocol = (socket.AF_INET6, 58) if v6 else (socket.AF_INET, 1)
    target = (address, 0, 0, scope_of(lan)) if v6 else (address, 0)
    missing = 0
    with lan.socket(family, socket.SOCK_RAW, protocol) as raw:
        for number in range(count):
            echo = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 0x7E57, number) + data
            if not v6:  # the kernel fills in ICMPv6's
                echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
            raw.sendto(echo, target)
            missing += not answered(raw, echo, v6)
    return missing


def answered(raw, echo, v6):
    """Whether the answer to `echo` comes, with its data and a right checksum (ICMPv6's the kernel checks)."""
    raw.settimeout(10)
    try:
        while True:
            packet = raw.recv(65536)
            packet = packet if v6 else packet[20:]
            if packet[0] == (129 if v6 else 0) and packet[4:8] == echo[4:8]:
                return packet[8:] == echo[8:] and (v6 or checksum(packet) == 0)
    except TimeoutError:
        return False


def scope_of(lan):
    return int(lan.run("ip", "-o", "link", "show", "tap0").split(":")[0])


def test_dhcp__address_within_3_s_of_the_boards_time(up):
    assert up.eval("time.ticks_diff(time.ticks_ms(), start)") < 3000
    address, mask = up.eval("lan.ipconfig('addr4')")
    assert ipaddress.ip_address(address) in ipaddress.ip_network("10.0.7.0/24")
    assert mask == "255.255.255.0"
    assert up.eval("(lan.ipconfig('dhcp4'), lan.ipconfig('has_dhcp4'))") == (True, True)
    assert up.eval("lan.ifconfig()") == (address, mask, "10.0.7.1", "10.0.7.1")
    assert up.eval("network.ipconfig('dns')") == "10.0.7.1"
    assert up.eval("lan.status()") == 3


def test_dhcp__server_gets_the_hostname(net_board, lan):
    net_board.exec("import network; network.hostname('thermometer')")
    net_board.exec(UP)
    assert "thermometer" in lan.said()


def test_dhcp__ifconfig_waits(net_board):
    net_board.exec("import network; lan = network.LAN(); lan.active(True); lan.ifconfig('dhcp')")
    assert net_board.eval("lan.ifconfig()[0]").startswith("10.0.7.")


def test_dns__router_advertisements_leave_the_name_server_alone(up):
    up.exec("network.ipconfig(dns='10.0.7.1')")
    up.exec("for i in range(600):\n if lan.ipconfig('has_autoconf6'): break\n time.sleep_ms(10)")
    assert up.eval("network.ipconfig('dns')") == "10.0.7.1"


def test_ipv6__autoconfiguration(up):
    up.exec("for i in range(600):\n if lan.ipconfig('has_autoconf6'): break\n time.sleep_ms(10)")
    addresses = [ipaddress.ip_address(each[0]) for each in up.eval("lan.ipconfig('addr6')")]
    assert any(each in ipaddress.ip_network("fd07::/64") for each in addresses)
    assert addresses[0].is_link_local
    up.exec("lan.ipconfig(autoconf6=False)")
    assert up.eval("(lan.ipconfig('autoconf6'), lan.ipconfig('has_autoconf6'))") == (False, False)


@pytest.mark.parametrize(
    "config",
    [
        f"lan.ifconfig(('{STATIC}', '255.255.255.0', '10.0.7.1', '10.0.7.1'))",
        f"lan.ipconfig(addr4='{STATIC}/24', gw4='10.0.7.1')",
        f"lan.ipconfig(addr4=('{STATIC}', '255.255.255.0'))",
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_static__stays(net_board, lan, config, when):
    net_board.exec("import network, time; lan = network.LAN()")
    if when == "before":
        net_board.exec(config)
        net_board.exec(UP)
    else:
        net_board.exec(UP)
        net_board.exec(config)
    assert net_board.eval("(lan.ipconfig('addr4'), lan.ipconfig('dhcp4'))") == (
        (STATIC, "255.255.255.0"),
        False,
    )
    assert ping(lan, STATIC) == 0
    net_board.exec("lan.active(False)")
    net_board.exec(UP)
    assert net_board.eval("lan.ipconfig('addr4')[0]") == STATIC
    assert ping(lan, STATIC) == 0


@pytest.mark.parametrize("size", [0, 1, 56, 1472])
def test_ping__ipv4(up, lan, size):
    assert ping(lan, up.eval("lan.ipconfig('addr4')[0]"), size) == 0


def test_ping__ipv4_in_fragments(up, lan):
    assert ping(lan, up.eval("lan.ipconfig('addr4')[0]"), 4000) == 0


@pytest.mark.parametrize("size", [56, 1452, 3000])
def test_ping__ipv6(up, lan, size):
    up.exec("for i in range(600):\n if lan.ipconfig('addr6')[0][1] == 0x30: break\n time.sleep_ms(10)")
    address = up.eval("lan.ipconfig('addr6')[0][0]")
    assert ping(lan, address, size, v6=True) == 0


def test_copies__none_between_wire_and_lwip(up, lan):
    """Both ways through driver and interface: what is copied is counted, and it is nothing."""
    before = up.eval("lan.stats()")
    assert ping(lan, up.eval("lan.ipconfig('addr4')[0]"), 1400, count=10) == 0
    after = up.eval("lan.stats()")
    assert after["rx_frames"] - before["rx_frames"] >= 10
    assert after["tx_frames"] - before["tx_frames"] >= 10
    for name in ("rx_copied_bytes", "tx_copied_bytes"):
        assert after[name] == before[name]


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("size", [1, 1000, 3000, 6000])
def test_udp__whole_and_in_fragments(up, lan, size, v6):
    """There and back: Linux drops what has a wrong checksum, lwIP checks what the MAC did not."""
    family, own, host = (socket.AF_INET6, "::", lan.host6) if v6 else (socket.AF_INET, "0.0.0.0", lan.host)
    if v6:
        up.exec("for i in range(600):\n if lan.ipconfig('has_autoconf6'): break\n time.sleep_ms(10)")
    with lan.socket(family, socket.SOCK_DGRAM) as far:
        far.bind((host, 0))
        port = far.getsockname()[1]
        up.exec(
            "import socket\n"
            f"s = socket.socket({'socket.AF_INET6' if v6 else 'socket.AF_INET'}, socket.SOCK_DGRAM)\n"
            f"s.bind(('{own}', 7001)); s.settimeout(10)\n"
            f"s.sendto(bytes(i & 255 for i in range({size})), ('{host}', {port}))"
        )
        data, address = far.recvfrom(65536)
        assert data == bytes(i & 255 for i in range(size))
        far.sendto(data[::-1], address)
        assert up.eval(f"s.recv({size})") == data[::-1]


def test_mac__default_is_local_and_stays_the_same(net_board):
    mac = net_board.eval("__import__('network').LAN().config('mac')")
    assert len(mac) == 6 and mac[0] & 3 == 2
    net_board.soft_reset()
    assert net_board.eval("__import__('network').LAN().config('mac')") == mac


@pytest.mark.parametrize("when", ["before", "after"])
def test_mac__settable(net_board, lan, when):
    net_board.exec("import network; lan = network.LAN(); mac = b'\\x02\\x11\\x22\\x33\\x44\\x55'")
    if when == "before":
        net_board.exec("lan.config(mac=mac)")
    net_board.exec(UP)
    if when == "after":
        net_board.exec("lan.config(mac=mac)")
    assert net_board.eval("lan.config('mac')") == b"\x02\x11\x22\x33\x44\x55"
    address = net_board.eval("lan.ipconfig('addr4')[0]")
    lan.run("ip", "neigh", "flush", "all")
    assert ping(lan, address) == 0
    assert "02:11:22:33:44:55" in lan.run("ip", "neigh", "show", address)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("lan.config(mac=bytes(6))", "ValueError"),
        ("lan.config(mac=b'\\x01\\x00\\x5e\\x00\\x00\\x01')", "ValueError"),
        ("lan.config(mac=b'\\x02')", "ValueError"),
        ("lan.config(mac=5)", "TypeError"),
        ("lan.config(nonsense=1)", "ValueError"),
        ("lan.config('nonsense')", "ValueError"),
        ("lan.config()", "TypeError"),
        ("lan.status('nonsense')", "ValueError"),
        ("lan.ipconfig('nonsense')", "ValueError"),
        ("lan.ipconfig(addr4='10.0.0.300')", "ValueError"),
        ("lan.ipconfig(addr4='10.0.0.3/40')", "ValueError"),
        ("lan.ipconfig(addr4='fe80::1')", "ValueError"),
        ("lan.ipconfig(addr6='10.0.0.3')", "ValueError"),
        ("lan.ifconfig(('10.0.0.3',))", "ValueError"),
        ("lan.ifconfig('dhcp')", "OSError"),
        ("network.LAN(1)", "ValueError"),
        ("network.LAN(phy_addr=32)", "ValueError"),
        ("network.hostname('x' * 33)", "ValueError"),
        ("network.ipconfig(prefer=5)", "ValueError"),
        ("network.ipconfig(dns='nobody')", "ValueError"),
        ("network.country('DEU')", "ValueError"),
    ],
)
def test_errors(board, script, error):
    board.exec("import network; lan = network.LAN()")
    with pytest.raises(BoardError, match=error):
        board.exec(script)


def test_phy__busy_while_active(net_board):
    net_board.exec("import network; lan = network.LAN(); lan.active(True)")
    assert net_board.eval("network.LAN(phy_addr=0) is lan")
    with pytest.raises(BoardError, match="OSError: 16"):  # EBUSY
        net_board.exec("network.LAN(phy_addr=3)")


def test_defaults__after_soft_reset(net_board):
    net_board.exec("import network; network.hostname('a'); network.ipconfig(dns='10.0.7.9')")
    net_board.exec(UP)
    net_board.exec("lan.config(mac=b'\\x02\\x11\\x22\\x33\\x44\\x55', promiscuous=True)")
    net_board.soft_reset()
    net_board.exec("import network; lan = network.LAN()")
    assert net_board.eval("(lan.active(), lan.status(), lan.config('promiscuous'))") == (False, 0, False)
    assert net_board.eval("lan.ifconfig()") == ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
    assert net_board.eval("lan.ipconfig('addr6')") == []
    assert net_board.eval("network.hostname()") == "mpy-stm32f407"
    assert net_board.eval("lan.config('mac')") != b"\x02\x11\x22\x33\x44\x55"


def test_memory__96_kb_free_with_ethernet_up(up):
    up.exec("import gc; gc.collect()")
    assert up.eval("gc.mem_free()") >= 96 * 1024


def test_memory__every_netconn_has_its_mailboxes(up):
    """As many sockets of each kind as there are PCBs for, listeners included, are open at once."""
    up.exec(
        "import lwip, socket\n"
        "options = lwip.options()\n"
        "sockets = []\n"
        "def fill(kind, port):\n"
        "    try:\n"
        "        while True:\n"
        "            s = socket.socket(socket.AF_INET, kind)\n"
        "            sockets.append(s)\n"
        "            if port:\n"
        "                s.bind(('', port + len(sockets)))\n"
        "                s.listen(1)\n"
        "    except OSError as e:\n"
        "        return e.errno"
    )
    assert up.eval("fill(socket.SOCK_STREAM, 7000)") in (12, 23, 105)
    listeners = up.eval("len(sockets)") - 1  # the last one found no PCB to listen with
    assert listeners == up.eval("options['MEMP_NUM_TCP_PCB_LISTEN']")
    up.exec("fill(socket.SOCK_DGRAM, 0)")
    assert up.eval("len(sockets)") - listeners - 1 >= up.eval("options['MEMP_NUM_UDP_PCB']") - 2  # DHCP, DNS
    up.exec("fill(socket.SOCK_STREAM, 0)")
    assert up.eval("len(sockets)") == up.eval("options['MEMP_NUM_NETCONN']")
    up.exec("for s in sockets:\n s.close()")
    assert up.eval("lwip.stats()['memp']['NETCONN'][0]") == 0
