# SPDX-License-Identifier: MIT
"""lwIP's applications with peers on Linux: time servers, dig, a browser of services, iperf 2."""

import os
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest
from support.lan import HOST

pytestmark = pytest.mark.network

UP = """
import lwip, network, time
lan = network.LAN()
lan.active(True)
while not lan.isconnected():
    time.sleep_ms(10)
def wait(condition, ms=20000):
    start = time.ticks_ms()
    while not condition():
        if time.ticks_diff(time.ticks_ms(), start) > ms:
            return False
        time.sleep_ms(20)
    return True
"""
NTP_1970 = 2208988800
GROUP = "224.0.0.251"
CHRONYD = shutil.which("chronyd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


@pytest.fixture
def up(net_board):
    net_board.exec(UP)
    return net_board


# ---- DHCP's options --------------------------------------------------------------------------------


def test_dhcp_options__dnsmasq(net_board, lan):
    """A server that goes by vendor class, user class and client identifier sends what was asked for."""
    lan.stop_dnsmasq()
    lan.start_dnsmasq(
        "--dhcp-vendorclass=set:ours,thermometer",
        "--dhcp-userclass=set:user,cellar",
        "--dhcp-host=id:board-7,10.0.7.77",
        "--dhcp-option=tag:ours,224,custom",
        "--dhcp-option=tag:user,150,10.0.7.9",
        "--dhcp-option=66,unasked",
    )
    try:
        net_board.exec(
            "import network\nfrom lwip import dhcp\nlan = network.LAN()\n"
            "dhcp.set_option('en1', 60, b'thermometer')\n"
            "dhcp.set_option('en1', 77, b'cellar')\n"
            "dhcp.set_option('en1', 61, b'\\0board-7')\n"
            "dhcp.request_options('en1', (150, 224, 225))\n"
        )
        net_board.exec(UP)
        assert net_board.eval("lan.ipconfig('addr4')[0]") == "10.0.7.77"
        assert net_board.eval("[dhcp.get_option('en1', code) for code in (150, 224, 225)]") == [
            bytes([10, 0, 7, 9]),
            b"custom",
            None,
        ]
        said = lan.said()
        assert "vendor class: thermometer" in said
        assert "user class: cellar" in said
        # The identifier goes with the release, too: else it is of a lease that the server does not know.
        net_board.exec("dhcp.release('en1')")
        check_release(lan)
        net_board.soft_reset()
        net_board.exec(UP + "from lwip import dhcp\n")
        assert net_board.eval("lan.ipconfig('addr4')[0]") != "10.0.7.77"
        with pytest.raises(Exception, match="not requested"):
            net_board.eval("dhcp.get_option('en1', 224)")
    finally:
        lan.stop_dnsmasq()
        lan.start_dnsmasq()


def check_release(lan):
    give_up = time.monotonic() + 20
    while "DHCPRELEASE(tap0) 10.0.7.77" not in lan.said():
        assert time.monotonic() < give_up
        time.sleep(0.1)
    line = next(line for line in lan.said().splitlines() if "DHCPRELEASE(tap0) 10.0.7.77" in line)
    assert "unknown lease" not in line


# ---- SNTP ------------------------------------------------------------------------------------------


@pytest.fixture
def time_server(lan):
    """An NTP server (RFC 4330 section 4) whose clock is in 2031; what it was asked."""
    made = lan.socket(kind=socket.SOCK_DGRAM)
    made.bind((HOST, 123))
    made.settimeout(0.2)
    asked, ended = [], threading.Event()

    def serve():
        while not ended.is_set():
            try:
                request, peer = made.recvfrom(100)
            except TimeoutError:
                continue
            asked.append(request)
            now = int((time.time() + 5 * 365 * 86400 + NTP_1970) * 2**32).to_bytes(8, "big")
            head = bytes([0x24, 2, 6, 0xEC]) + bytes(8) + b"TEST" + now
            made.sendto(head + request[40:48] + now + now, peer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield asked
    ended.set()
    thread.join()
    made.close()


def check_clock(board, seconds_ahead):
    """The RTC says the server's time, to a few seconds of the host's slowness."""
    seconds, year = board.eval("(time.time(), time.localtime()[0])")
    # MicroPython's epoch here is 2000 or 1970: the year says which.
    epoch = 0 if year - 1970 < seconds // (366 * 86400) + 2 else 946684800
    assert abs(seconds + epoch - time.time() - seconds_ahead) < 60
    assert year == time.gmtime(time.time() + seconds_ahead).tm_year


def test_sntp__sets_the_rtc(up, time_server):
    """By a server's name from DNS: the RTC has its time, and the callback was told it."""
    up.exec(
        "heard = []\n"
        "lwip.sntp.callback(lambda s, us: heard.append((s, us)))\n"
        "lwip.sntp.setservername(0, 'host.test')\n"
        "lwip.sntp.init()\n"
    )
    assert up.eval("wait(lambda: heard)")
    assert up.eval("(lwip.sntp.getserver(0), lwip.sntp.getreachability(0))") == (HOST, 1)
    check_clock(up, 5 * 365 * 86400)
    assert abs(up.eval("heard[0][0]") - time.time() - 5 * 365 * 86400) < 60
    assert up.eval("heard[0][1] < 1000000")
    assert time_server[0][0] == 0x23  # version 4, client
    # To the fraction of a second, which the RTC shows to 1/256 s.
    up.exec(
        "def error():\n"
        " import machine\n"
        " before = len(heard)\n"
        " lwip.sntp.stop()\n lwip.sntp.init()\n"
        " wait(lambda: len(heard) > before)\n"
        " at = time.ticks_us()\n"
        " s, us = heard[-1]\n"
        " rtc = machine.RTC().datetime()\n"
        " return (rtc[6] - s % 60) % 60, rtc[7], us, time.ticks_diff(time.ticks_us(), at)\n"
    )
    whole, rtc_us, us, late = up.eval("error()")
    assert -0.03 < whole % 60 + (rtc_us - us) / 1e6 < 0.2 + late / 1e6 or whole == 59


def test_sntp__server_of_the_lease(net_board, lan, time_server):
    """DHCP's option 42 names it, and a soft reset ends the client."""
    lan.stop_dnsmasq()
    lan.start_dnsmasq(f"--dhcp-option=option:ntp-server,{HOST}")
    try:
        net_board.exec("import lwip\nlwip.sntp.servermode_dhcp(True)")
        net_board.exec(UP)
        assert net_board.eval("lwip.sntp.getserver(0)") == HOST
        net_board.exec("lwip.sntp.init()")
        assert net_board.eval("wait(lambda: lwip.sntp.getreachability(0) & 1)")
        net_board.soft_reset()
        net_board.exec("import lwip")
        assert net_board.eval("(lwip.sntp.enabled(), lwip.sntp.getserver(0))") == (False, None)
    finally:
        lan.stop_dnsmasq()
        lan.start_dnsmasq()


@pytest.mark.skipif(CHRONYD is None, reason="chronyd is not installed (its package would start a service)")
def test_sntp__chronyd(up, lan, tmp_path):
    """A server that many use: its local clock, served to this network."""
    config = tmp_path / "chrony.conf"
    config.write_text(f"local stratum 3\nallow all\nport 123\ncmdport 0\npidfile {tmp_path}/pid\n")
    server = lan.start(CHRONYD, "-x", "-d", "-u", "root", "-f", str(config), log=str(tmp_path / "log"))
    try:
        up.exec(f"lwip.sntp.setserver(0, {HOST!r})\nlwip.sntp.init()")
        assert up.eval("wait(lambda: lwip.sntp.getreachability(0) & 1, 60000)"), (
            tmp_path / "log"
        ).read_text()
        check_clock(up, 0)
    finally:
        server.terminate()
        server.wait()


# ---- mDNS ------------------------------------------------------------------------------------------

ANNOUNCED = """
results = []
lwip.mdns.init()
lwip.mdns.register_name_result_cb(lambda *args: results.append(args[1:]))
lwip.mdns.add_netif("en1", {name!r})
"""


def dig(lan, server, name, kind):
    """A question straight to the board (RFC 6762 section 5.5): dig hears no answer to the group's address."""
    options = ("+short", "+timeout=5", "+tries=2", "+noedns", "+norecurse")
    # The board says nothing for a second when IPv6 gave it another address: it probes again. dig asks twice.
    return (
        lan.run("dig", f"@{server}", "-p", "5353", *options, name, kind, check=False).splitlines() or [""]
    )[-1]


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


@pytest.fixture
def responder(lan):
    """A socket of Linux's on the group's port."""
    made = lan.socket(kind=socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", 5353))
    made.setsockopt(
        socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(HOST)
    )
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    yield made
    made.close()


def response(*records):
    body = b"".join(
        encode(name) + struct.pack("!2HIH", kind, 1, 120, len(data)) + data for name, kind, data in records
    )
    return struct.pack("!6H", 0, 0x8400, 0, len(records), 0, 0) + body


def test_mdns__dig_finds_host_and_service(up, lan, responder):
    """Linux's tool asks the board, a socket the group: address, instance, port and text are the board's."""
    up.exec(ANNOUNCED.format(name="thermometer"))
    up.exec(
        "from lwip import mdns\n"
        "slot = mdns.add_service('en1', 'Kitchen', '_http', mdns.PROTO_TCP, 80, ['path=/', 'v=1'])"
    )
    assert up.eval("wait(lambda: results)") and up.eval("results[-1]") == (1, 0)
    up.exec("time.sleep_ms(3000)")
    board = up.eval("lan.ifconfig()[0]")
    assert dig(lan, board, "thermometer.local", "A") == board
    assert dig(lan, board, "_http._tcp.local", "PTR") == "Kitchen._http._tcp.local."
    assert dig(lan, board, "Kitchen._http._tcp.local", "SRV") == "0 0 80 thermometer.local."
    assert dig(lan, board, "Kitchen._http._tcp.local", "TXT") == '"path=/" "v=1"'
    up.exec("mdns.txt('en1', slot, ['v=2']); time.sleep_ms(1500)")
    assert dig(lan, board, "Kitchen._http._tcp.local", "TXT") == '"v=2"'
    question = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + encode("thermometer.local") + struct.pack("!2H", 1, 1)
    responder.sendto(question, (GROUP, 5353))
    while True:
        packet, (address, port) = responder.recvfrom(2000)
        if (address, port) == (board, 5353) and packet[2] & 0x80 and socket.inet_aton(board) in packet:
            break
    up.exec("mdns.del_service('en1', slot)")
    assert "no servers could be reached" in dig(lan, board, "_http._tcp.local", "PTR")


def test_mdns__somebody_has_the_name(up, responder):
    """A host of Linux's defends its name against the board's probe; under another one the board goes on."""
    ended = threading.Event()

    def defend():
        while not ended.is_set():
            if select.select([responder], [], [], 0.1)[0]:
                packet = responder.recv(2000)
                if packet[2] & 0x80 == 0 and encode("taken.local") in packet:
                    responder.sendto(response(("taken.local", 1, socket.inet_aton(HOST))), (GROUP, 5353))

    thread = threading.Thread(target=defend)
    thread.start()
    try:
        up.exec(ANNOUNCED.format(name="taken"))
        assert up.eval("wait(lambda: results)") and up.eval("results[-1]") == (0, 0)
        up.exec("results.clear()\nlwip.mdns.rename_netif('en1', 'free')")
        assert up.eval("wait(lambda: results)") and up.eval("results[-1]") == (1, 0)
    finally:
        ended.set()
        thread.join()


def test_mdns__search_and_names(up, responder):
    """The board finds a service of Linux's, and a name ending in .local, by multicast."""
    records = (
        ("_ipp._tcp.local", 12, encode("Printer._ipp._tcp.local")),
        ("Printer._ipp._tcp.local", 33, struct.pack("!3H", 0, 0, 631) + encode("printer.local")),
        ("Printer._ipp._tcp.local", 16, b"\x07rp=auto"),
        ("printer.local", 1, socket.inet_aton(HOST)),
    )
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            if select.select([responder], [], [], 0.1)[0]:
                packet, peer = responder.recvfrom(2000)
                if packet[2] & 0x80 == 0 and encode("_ipp._tcp.local") in packet:
                    responder.sendto(response(*records), (GROUP, 5353))
                elif packet[2] & 0x80 == 0 and encode("printer.local") in packet:
                    # A one-shot question gets its number and itself back.
                    answer = response(records[3])
                    question = packet[12:]
                    responder.sendto(
                        packet[:2] + answer[2:4] + b"\0\1" + answer[6:12] + question + answer[12:], peer
                    )

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        up.exec(ANNOUNCED.format(name="searcher"))
        up.exec(
            "found = []\n"
            "wait(lambda: results)\n"
            "lwip.mdns.search_service(None, '_ipp', lwip.mdns.PROTO_TCP, 'en1', lambda *a: found.append(a))"
        )
        assert up.eval("wait(lambda: len(found) == 4)")
        assert up.eval("[item[3] for item in found]") == [
            "Printer._ipp._tcp.local",
            (0, 0, 631, "printer.local"),
            [b"rp=auto"],
            HOST,
        ]
        up.exec("import socket")
        assert up.eval("socket.getaddrinfo('printer.local', 631, socket.AF_INET)[0][-1]") == (HOST, 631)
    finally:
        ended.set()
        thread.join()


def test_mdns__soft_reset_gives_all_back(up):
    """Running, with services, timers and a search: lwIP's heap, pools and groups are as before."""
    pools = "{k: v[0] for k, v in lwip.stats('memp').items() if v[0] and k != 'SYS_TIMEOUT'}"
    state = f"(lwip.stats('mem')[0], {pools})"
    up.soft_reset()
    up.exec("import lwip")
    before = up.eval(state)
    for _ in range(2):
        up.exec(UP + ANNOUNCED.format(name="short"))
        up.exec(
            "lwip.mdns.add_service('en1', 's', '_http', lwip.mdns.PROTO_TCP, 80, ['a'])\n"
            "lwip.mdns.search_service(None, '_x', lwip.mdns.PROTO_UDP, 'en1', print)\n"
            "lwip.sntp.setserver(0, '10.0.7.99')\nlwip.sntp.init()\n"
            "lwip.lwiperf.start_tcp_server_default(print)\n"
            "time.sleep_ms(700)"
        )
        up.soft_reset()
        up.exec("import lwip, time\ntime.sleep_ms(3000)")
        assert up.eval(state) == before


# ---- lwiperf ---------------------------------------------------------------------------------------


def test_lwiperf__iperf_sends(up, lan):
    """iperf 2 as client of the board: both ends count the same bytes."""
    up.exec("reports = []\nsession = lwip.lwiperf.start_tcp_server_default(lambda *a: reports.append(a))")
    address = up.eval("lan.ifconfig()[0]")
    client = subprocess.Popen(
        [*lan.inside(), "iperf", "-c", address, "-n", "2M", "-y", "C"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert up.eval("wait(lambda: reports, 60000)")
        out, _ = client.communicate(timeout=30)
    finally:
        client.kill()
    kind, local, port, remote, _, count, ms, kbit_s = up.eval("reports[0]")
    assert (kind, local, port, remote) == (0, address, 5001, HOST)
    sent = int(out.split(",")[7])
    # What lwIP does not count came in one segment with the settings.
    assert sent - 1460 <= count <= sent and sent >= 2 * 1024 * 1024
    assert kbit_s == count // ms * 8 and kbit_s > 0


def test_lwiperf__iperf_receives(up, lan):
    """The board as client of iperf 2 for a while, then aborted: the server counted what was sent."""
    server = subprocess.Popen([*lan.inside(), "iperf", "-s", "-y", "C"], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(1)
        up.exec(
            "reports = []\n"
            f"session = lwip.lwiperf.start_tcp_client_default({HOST!r}, lambda *a: reports.append(a))"
        )
        if up.emulated:
            # Ten seconds on the wire are a long time for the emulator.
            up.exec("time.sleep_ms(300); lwip.lwiperf.abort(session); time.sleep_ms(300)")
            assert up.eval("(str(session), reports)") == ("<Session ended>", [])
        else:
            assert up.eval("wait(lambda: reports)") and up.eval("reports[0][0]") == 1
        server.terminate()
        out, _ = server.communicate(timeout=30)
    finally:
        server.kill()
    received = [int(line.split(",")[7]) for line in out.splitlines()]
    assert received and received[-1] > 100_000


def test_lwiperf__nobody_listens(up):
    """Refused: the report says by whom."""
    up.exec(
        "reports = []\n"
        "from lwip import lwiperf\n"
        f"lwiperf.start_tcp_client({HOST!r}, 5999, lwiperf.CLIENT, lambda *a: reports.append(a))"
    )
    assert up.eval("wait(lambda: reports)")
    kind, _, _, remote, port, *_ = up.eval("reports[0]")
    assert (kind, remote, port) == (5, HOST, 5999)


# ---- Names of the board's own ----------------------------------------------------------------------


def test_dns__local_hosts(up):
    """A host that the script names is found before any server is asked; a soft reset forgets it."""
    up.exec("import socket\nlwip.dns.local_addhost('host.test', '10.9.8.7')")
    assert up.eval("socket.getaddrinfo('host.test', 80)[0][-1][0]") == "10.9.8.7"
    up.soft_reset()
    up.exec(UP + "import socket")
    assert up.eval("lwip.dns.local_lookup('host.test')") is None
    assert up.eval("socket.getaddrinfo('host.test', 80, socket.AF_INET)[0][-1][0]") == HOST


def test_mdns__two_probe_for_one_name(up, responder):
    """RFC 6762 section 8.2: the later probe in order wins; lwIP's comparison has the stack for it."""
    ended = threading.Event()
    # A probe for the same name with an address that comes after every other.
    probe = struct.pack("!6H", 0, 0, 1, 0, 1, 0) + encode("both.local") + struct.pack("!2H", 255, 1)
    probe += encode("both.local") + struct.pack("!2HIH", 1, 1, 120, 4) + bytes([255, 255, 255, 254])

    def insist():
        while not ended.wait(0.02):
            responder.sendto(probe, (GROUP, 5353))

    thread = threading.Thread(target=insist)
    thread.start()
    try:
        up.exec(ANNOUNCED.format(name="both"))
        up.exec("time.sleep_ms(2500)")
        # The board waits for the other one to finish, each time.
        assert (1, 0) not in up.eval("results")
    finally:
        ended.set()
        thread.join()
    assert up.eval("wait(lambda: results)") and up.eval("results[-1]") == (1, 0)
