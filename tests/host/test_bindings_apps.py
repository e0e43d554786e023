# SPDX-License-Identifier: MIT
"""lwIP's applications: SNTP client, mDNS responder and search, lwiperf, against peers in the script."""

import random
import struct
import textwrap

import pytest

COMMON = """
import lwip, lwiptest, micropython, socket, time
from lwip import raw, netif

def errno_of(function, *args):
    try:
        function(*args)
    except OSError as e:
        return e.errno

def memory():
    stats = lwip.stats()
    return stats["mem"][0], {name: pool[0] for name, pool in stats["memp"].items()}

def wait(condition, ms=5000):
    start = time.ticks_ms()
    while not condition():
        if time.ticks_diff(time.ticks_ms(), start) > ms:
            return False
        time.sleep_ms(5)
    return True
"""

SNTP = (
    COMMON
    + """
from lwip import sntp
WHEN = 1_800_000_000  # 2027
heard = []
sntp.callback(lambda s, us: heard.append((s, us)))

def answer(request, seconds=WHEN, stratum=2, mode=4, originate=None):
    ntp = (seconds + 2208988800 & 0xffffffff).to_bytes(4, "big") + b"\\x80\\0\\0\\0"
    return bytes([0x20 | mode, stratum]) + bytes(22) + (originate or request[40:48]) + ntp + ntp

class Server:
    def __init__(self, address="127.0.0.1", make=answer):
        self.requests = []
        self.make = make
        self.udp = raw.UDP()
        self.udp.bind(address, 123)
        self.udp.recv(self.serve)

    def serve(self, udp, pbuf, address, port):
        request = pbuf.copy_partial()
        pbuf.free()
        self.requests.append(request)
        reply = self.make(request)
        if reply:
            udp.sendto(reply, address, port)
"""
)


def sntp(bindings, script):
    return bindings.run(SNTP + textwrap.dedent(script))


def test_sntp__answer_sets_the_clock(bindings):
    """A question, its answer, the port's clock and the callback; a stop and a soft reset leave nothing."""
    out = sntp(
        bindings,
        """
        before = memory()
        print(sntp.enabled(), sntp.getoperatingmode() == sntp.OPMODE_POLL, sntp.getserver(0))
        server = Server()
        sntp.setserver(0, "127.0.0.1")
        sntp.init()
        sntp.init()
        print(sntp.enabled(), wait(lambda: heard), lwiptest.time_set() // 1_000_000 - WHEN)
        print(heard[0][0] - WHEN, 500_000 <= heard[0][1] < 700_000, len(server.requests))
        print(len(server.requests[0]), server.requests[0][0], server.requests[0][40:48] != bytes(8))
        print(sntp.getserver(0), sntp.getreachability(0), sntp.getreachability(1), sntp.getkodreceived(0))
        sntp.stop()
        sntp.stop()
        print(sntp.enabled(), sntp.getreachability(0), sntp.getserver(0))
        server.udp.remove()
        print(memory() == before)
        sntp.init()
        lwiptest.deinit()
        print(sntp.enabled(), sntp.getserver(0), wait(lambda: memory() == before))
        """,
    )
    assert out == (
        "False True None\nTrue True 0\n0 True 1\n48 35 True\n127.0.0.1 1 0 False\nFalse 0 127.0.0.1\nTrue\n"
        "False None True\n"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "answer(r, originate=b'12345678')",
        "answer(r)[:40]",
        "answer(r) + b'x'",
        "answer(r, mode=5)",
        "b''.join([b'\\x24'] * 48)",
    ],
)
def test_sntp__wrong_answer_is_ignored(bindings, wrong):
    """Not what was asked, too short, too long, another mode: the clock stays as it is."""
    out = sntp(
        bindings,
        f"""
        server = Server(make=lambda r: {wrong})
        sntp.setserver(0, "127.0.0.1")
        sntp.init()
        print(wait(lambda: server.requests), wait(lambda: heard, 200))
        print(lwiptest.time_set(), sntp.getreachability(0))
        """,
    )
    assert out == "True False\nNone 0\n"


def test_sntp__kiss_of_death_takes_the_next_server(bindings):
    """RFC 4330 section 8: a server that says so is left alone, the other one is asked at once."""
    out = sntp(
        bindings,
        """
        # Both servers are this one, which is rude the first time.
        server = Server(make=lambda r: answer(r, stratum=len(server.requests) - 1))
        sntp.setserver(0, "127.0.0.1")
        sntp.setserver(1, "127.0.0.1")
        sntp.init()
        print(wait(lambda: heard), [sntp.getkodreceived(i) for i in range(sntp.MAX_SERVERS)])
        print(len(server.requests), sntp.getreachability(0), sntp.getreachability(1))
        """,
    )
    assert out == "True [True, False]\n2 0 1\n"


def test_sntp__server_by_name(bindings):
    """A name is looked up when it is asked; stopped meanwhile, the client does not go on by itself."""
    out = sntp(
        bindings,
        """
        server = Server()
        lwip.dns.local_addhost("time.test", "127.0.0.1")
        sntp.setservername(0, "time.test")
        print(sntp.getservername(0), sntp.getserver(0))
        sntp.init()
        print(wait(lambda: heard), sntp.getserver(0))
        sntp.stop()
        sntp.setservername(0, None)
        print(sntp.getservername(0), sntp.getserver(0))
        # A DNS server that answers late.
        dns = raw.UDP()
        dns.bind("127.0.0.1", 53)
        questions = []
        def on_question(udp, pbuf, address, port):
            questions.append((pbuf.copy_partial(), address, port))
            pbuf.free()
        dns.recv(on_question)
        lwip.dns.setserver(0, "127.0.0.1")
        sntp.setservername(0, "late.test")
        sntp.init()
        print(wait(lambda: questions))
        used = len(server.requests)
        before = memory()
        sntp.stop()
        q, address, port = questions[0]
        record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + bytes([127, 0, 0, 1])
        dns.sendto(q[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + q[12:] + record, address, port)
        time.sleep_ms(300)
        print(len(server.requests) == used, sntp.enabled())
        sntp.init()
        print(wait(lambda: len(server.requests) > used))
        """,
    )
    assert out == "time.test None\nTrue 127.0.0.1\nNone None\nTrue\nTrue False\nTrue\n"


def test_sntp__listens_to_broadcasts(bindings):
    """OPMODE_LISTENONLY takes what a server sends unasked; a port in use is EADDRINUSE."""
    out = sntp(
        bindings,
        """
        taken = raw.UDP()
        taken.bind("0.0.0.0", 123)
        sntp.setoperatingmode(sntp.OPMODE_LISTENONLY)
        before = memory()
        print(errno_of(sntp.init), sntp.enabled(), memory() == before)
        taken.remove()
        sntp.init()
        print(errno_of(sntp.setoperatingmode, sntp.OPMODE_POLL), sntp.getoperatingmode())
        sender = raw.UDP()
        sender.bind("127.0.0.1", 1230)
        server = raw.UDP()
        packet = answer(bytes(48), mode=5, originate=bytes(8))
        sender.sendto(packet, "127.0.0.1", 123)
        print(wait(lambda: heard, 300))
        """,
    )
    # From another port than 123 lwIP takes nothing.
    assert out == "98 False True\n16 1\nFalse\n"


def test_sntp__errors(bindings):
    """Numbers and names that are none, no callback; no PCB or memory left is ENOMEM, and nothing is lost."""
    out = sntp(
        bindings,
        """
        def error(function, *args):
            try:
                function(*args)
            except Exception as e:
                return type(e).__name__
        print(error(sntp.setserver, 2, "1.2.3.4"), error(sntp.setserver, 0, "x"), error(sntp.getserver, -1))
        print(error(sntp.setservername, 0, ""), error(sntp.setservername, 0, 5), error(sntp.callback, 5))
        print(error(sntp.setoperatingmode, 2))
        pcbs = []
        while errno_of(lambda: pcbs.append(raw.UDP())) is None:
            pass
        before = memory()
        print(errno_of(sntp.init), sntp.enabled(), memory() == before)
        pcbs.pop().remove()
        sntp.init()
        print(sntp.enabled())
        sntp.stop()
        blocks = []
        size = 1024
        while size:
            if errno_of(lambda: blocks.append(raw.Pbuf(size))):
                size //= 2
        before = memory()
        print(errno_of(sntp.init), sntp.enabled(), memory() == before)
        """,
    )
    assert out == (
        "IndexError ValueError IndexError\nValueError TypeError TypeError\nValueError\n"
        "12 False True\nTrue\n12 False True\n"
    )


def test_sntp__servers_of_a_lease(bindings):
    """DHCP's option 42 sets the servers if the script wants that (RFC 2132 section 8.3)."""
    out = bindings.run(
        COMMON
        + textwrap.dedent("""
        from lwip import sntp, dhcp
        en = netif.get_by_index(lwiptest.add_ethernet())
        en.set_up()
        ME, ALL = en.hwaddr, b"\\xff" * 6

        def reply(kind, request):
            x = request[46:50]
            options = b"\\x63\\x82\\x53\\x63\\x35\\1" + bytes([kind])
            options += b"\\x36\\4\\x0a\\1\\0\\2\\x33\\4\\0\\0\\1\\0"
            options += b"\\1\\4\\xff\\xff\\xff\\0\\x2a\\x08\\x0a\\1\\0\\7\\x0a\\1\\0\\x08\\xff"
            bootp = b"\\2\\1\\6\\0" + x + bytes(8) + b"\\x0a\\1\\0\\5" + bytes(8) + ME + bytes(202) + options
            udp = b"\\0\\x43\\0\\x44" + (8 + len(bootp)).to_bytes(2, "big") + b"\\0\\0" + bootp
            ip = bytearray(b"\\x45\\0" + (20 + len(udp)).to_bytes(2, "big") + b"\\0\\0\\0\\0\\x40\\x11\\0\\0")
            ip += b"\\x0a\\1\\0\\2" + b"\\xff" * 4
            total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
            total = (total & 0xffff) + (total >> 16)
            ip[10:12] = (total & 0xffff ^ 0xffff).to_bytes(2, "big")
            lwiptest.rx(ALL + b"\\2\\0\\0\\0\\0\\2\\x08\\0" + ip + udp)

        def lease():
            # Until the acknowledgement; what lwIP then does with the address takes it some seconds.
            for _ in range(600):
                frame = lwiptest.tx()
                if frame is None:
                    time.sleep_ms(10)
                elif frame[36:38] == b"\\0\\x43":
                    kind = frame[42 + 236 + 4 + 2]
                    reply({1: 2, 3: 5}[kind], frame)
                    if kind == 3:
                        return True

        dhcp.start(en)
        print(lease(), sntp.getserver(0))
        sntp.servermode_dhcp(True)
        dhcp.stop(en)
        dhcp.start(en)
        print(lease(), sntp.getserver(0), sntp.getserver(1))
        """)
    )
    assert out == "True None\nTrue 10.1.0.7 10.1.0.8\n"


# ---- lwiperf ---------------------------------------------------------------------------------------

PERF = (
    COMMON
    + """
from lwip import lwiperf
reports = []
def report(*args):
    reports.append(args)
def used():
    heap, pools = memory()
    del pools["SYS_TIMEOUT"]  # TCP's timer goes when it finds nothing to do
    return heap, pools

def gone():
    # What ended connections leave in lwIP goes with a soft reset, what is on the loopback soon after.
    lwiptest.deinit()
    return wait(lambda: used() == before) or used()
before = used()
"""
)


def perf(bindings, script):
    return bindings.run(PERF + textwrap.dedent(script))


def test_lwiperf__server_counts_a_clients_bytes(bindings):
    """The test of an iperf client: 24 bytes of settings, data, the end; who, how much, how long."""
    out = perf(
        bindings,
        """
        server = lwiperf.start_tcp_server_default(report)
        print(server, type(server) == lwiperf.Session)
        for size in (100, 300000):
            s = socket.socket()
            s.connect(("127.0.0.1", 5001))
            port = s.getsockname()[1]
            # What comes with the settings in one segment lwIP does not count.
            s.sendall(bytes(24))
            time.sleep_ms(100)
            s.sendall(b"x" * size)
            s.close()
            print(wait(lambda: reports))
            kind, local, local_port, remote, remote_port, count, ms, kbit_s = reports.pop()
            print(kind == lwiperf.TCP_DONE_SERVER, local, local_port, remote, remote_port == port)
            print(count - 24 - size)
            print(0 <= ms < 5000, kbit_s == (count // ms * 8 if ms else 0))
        lwiperf.abort(server)
        lwiperf.abort(server)
        print(server, errno_of(socket.socket().connect, ("127.0.0.1", 5001)), gone())
        """,
    )
    one = "True\nTrue 127.0.0.1 5001 127.0.0.1 True\n0\nTrue True\n"
    assert out == f"<Session running> True\n{one}{one}<Session ended> 111 True\n"


RESET = """
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
    s.close()

def until_error(s):
    s.settimeout(5)
    try:
        while s.recv(4096):
            pass
    except OSError as e:
        return e.errno
"""


def test_lwiperf__reset_by_the_peer(bindings):
    """A connection that the peer resets is reported with its ends, as a server's and as a client's."""
    out = perf(
        bindings,
        RESET
        + """
server = lwiperf.start_tcp_server("127.0.0.1", 5005, report)
s = socket.socket()
s.connect(("127.0.0.1", 5005))
s.sendall(bytes(24))
s.sendall(b"x" * 5000)
time.sleep_ms(100)
port = s.getsockname()[1]
reset(s)
print(wait(lambda: reports))
kind, local, local_port, remote, remote_port, count, ms, kbit_s = reports.pop()
print(kind == lwiperf.TCP_ABORTED_REMOTE, local, local_port, remote, remote_port == port, count, server)
l = socket.socket()
l.bind(("127.0.0.1", 5006))
l.listen(1)
client = lwiperf.start_tcp_client("127.0.0.1", 5006, lwiperf.CLIENT, report)
c, address = l.accept()
print(c.recv(24)[8:12] == (5001).to_bytes(4, "big"), len(c.recv(1000)))
reset(c)
print(wait(lambda: reports))
kind, local, local_port, remote, remote_port, count, ms, kbit_s = reports.pop()
print(kind == lwiperf.TCP_ABORTED_REMOTE, (local, local_port) == address, remote, remote_port)
print(count > 1000, client)
l.close()
print(gone())
""",
    )
    assert out == (
        "True\nTrue 127.0.0.1 5005 127.0.0.1 True 5024 <Session running>\nTrue 1000\n"
        "True\nTrue True 127.0.0.1 5006\nTrue <Session ended>\nTrue\n"
    )


def test_lwiperf__abort(bindings):
    """abort() resets what runs, says nothing more, and gives everything back."""
    out = perf(
        bindings,
        RESET
        + """
server = lwiperf.start_tcp_server("127.0.0.1", 5005, report)
s = socket.socket()
s.connect(("127.0.0.1", 5005))
s.sendall(bytes(24))
time.sleep_ms(50)
lwiperf.abort(server)
print(until_error(s), server)
l = socket.socket()
l.bind(("127.0.0.1", 5006))
l.listen(1)
client = lwiperf.start_tcp_client("127.0.0.1", 5006, lwiperf.CLIENT, report)
c, address = l.accept()
print(len(c.recv(24)), client)
lwiperf.abort(client)
print(until_error(c), client, reports)
c.close()
s.close()
l.close()
print(gone())
""",
    )
    assert out == "104 <Session ended>\n24 <Session running>\n104 <Session ended> []\nTrue\n"


def test_lwiperf__refused_and_in_use(bindings):
    """Nobody listens: the report says so; a port in use or no PCB is the start's error, and loses nothing."""
    out = perf(
        bindings,
        """
        client = lwiperf.start_tcp_client_default("127.0.0.1", report)
        print(wait(lambda: reports), reports.pop()[0] == lwiperf.TCP_ABORTED_REMOTE, client)
        print(gone())
        s = socket.socket()
        s.bind(("0.0.0.0", 5001))
        s.listen(1)
        start = memory()
        for _ in range(3):
            print(errno_of(lwiperf.start_tcp_server_default, report),
                errno_of(lwiperf.start_tcp_client, "127.0.0.1", 9, lwiperf.DUAL, report))
        print(memory() == start, errno_of(lwiperf.start_tcp_client, "9.9.9.9", 9, lwiperf.CLIENT, report))
        print(memory() == start, reports)
        s.close()
        pcbs = []
        while errno_of(lambda: pcbs.append(raw.TCP())) is None:
            pass
        start = memory()
        print(errno_of(lwiperf.start_tcp_server_default, report), memory() == start)
        print(errno_of(lwiperf.start_tcp_client_default, "127.0.0.1", report), memory() == start)
        for wrong in (3, -1):
            try:
                lwiperf.start_tcp_client("127.0.0.1", 1, wrong, report)
            except ValueError:
                print("ValueError")
        try:
            lwiperf.abort(None)
        except TypeError:
            print("TypeError")
        """,
    )
    assert out == (
        "True True <Session ended>\nTrue\n" + 3 * "98 98\n" + "True 113\nTrue []\n12 True\n12 True\n"
        "ValueError\nValueError\nTypeError\n"
    )


def test_lwiperf__dual_connects_back(bindings):
    """DUAL has the server send as well: this end's own listener takes that connection, and an abort all."""
    out = perf(
        bindings,
        """
        s = socket.socket()
        s.bind(("127.0.0.1", 5009))
        s.listen(1)
        client = lwiperf.start_tcp_client("127.0.0.1", 5009, lwiperf.DUAL, report)
        c, _ = s.accept()
        settings = b""
        while len(settings) < 24:
            settings += c.recv(24 - len(settings))
        print(settings[:4] == b"\\x80\\0\\0\\1", int.from_bytes(settings[8:12], "big"))
        back = socket.socket()
        back.connect(("127.0.0.1", 5001))
        back.sendall(bytes(24))
        time.sleep_ms(100)
        back.sendall(b"y" * 5000)
        back.close()
        print(wait(lambda: reports), reports[0][0] == lwiperf.TCP_DONE_SERVER, reports[0][5])
        print(client)
        lwiperf.abort(client)
        c.close()
        s.close()
        print(client, gone())
        """,
    )
    assert out == "True 5001\nTrue True 5024\n<Session running>\n<Session ended> True\n"


# ---- mDNS ------------------------------------------------------------------------------------------

MDNS = (
    COMMON
    + """
from lwip import mdns
en = netif.get_by_index(lwiptest.add_ethernet())
en.set_addr("10.1.0.1", "255.255.255.0", "10.1.0.2")
en.set_up()
en.create_ip6_linklocal_address()
wait(lambda: en.ip6_addr_state(0) & netif.IP6_ADDR_PREFERRED == netif.IP6_ADDR_PREFERRED, 3000)
while lwiptest.tx():
    pass
idle = memory()

def all_back():
    while lwiptest.tx():
        pass
    return memory()[0] == idle[0]

def collect(ms):
    # The mDNS packets of IPv4 that go out meanwhile.
    found = []
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < ms:
        frame = lwiptest.tx()
        if frame is None:
            time.sleep_ms(5)
        elif frame[12:14] == b"\\x08\\0" and frame[23] == 17 and frame[36:38] == b"\\x14\\xe9":
            found.append(frame[42:])
    return found

def deliver(packet, source=b"\\x0a\\1\\0\\2", port=5353, to=b"\\xe0\\0\\0\\xfb"):
    udp = port.to_bytes(2, "big") + b"\\x14\\xe9" + (8 + len(packet)).to_bytes(2, "big") + b"\\0\\0" + packet
    ip = bytearray(b"\\x45\\0" + (20 + len(udp)).to_bytes(2, "big") + b"\\0\\0\\0\\0\\xff\\x11\\0\\0")
    ip += source + to
    total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xffff) + (total >> 16)
    ip[10:12] = (total & 0xffff ^ 0xffff).to_bytes(2, "big")
    lwiptest.rx(b"\\1\\0\\x5e\\0\\0\\xfb\\2\\0\\0\\0\\0\\2\\x08\\0" + ip + udp)

results = []
def ready(name="board"):
    mdns.init()
    mdns.register_name_result_cb(lambda *args: results.append(args))
    mdns.add_netif(en, name)
"""
)


def mdns(bindings, script, timeout=60):
    return bindings.run(MDNS + textwrap.dedent(script), timeout=timeout)


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(name, kind, klass=1):
    return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + encode(name) + struct.pack("!2H", kind, klass)


def record(name, kind, data, klass=1, ttl=120):
    return encode(name) + struct.pack("!2HIH", kind, klass, ttl, len(data)) + data


def response(*records):
    return struct.pack("!6H", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def decode_name(packet, at):
    labels, end = [], None
    while packet[at]:
        if packet[at] >= 0xC0:
            end = end or at + 2
            at = (packet[at] & 0x3F) << 8 | packet[at + 1]
            continue
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels), end or at + 1


def decode(packet):
    """(questions, records): (name, type), and (name, type, data), names in the data decoded."""
    counts = struct.unpack("!4H", packet[4:12])
    at, questions, records = 12, [], []
    for _ in range(counts[0]):
        name, at = decode_name(packet, at)
        questions.append((name, int.from_bytes(packet[at : at + 2], "big")))
        at += 4
    for _ in range(sum(counts[1:])):
        name, at = decode_name(packet, at)
        kind, _, _, length = struct.unpack("!2HIH", packet[at : at + 10])
        at += 10
        data = packet[at : at + length]
        if kind == 12:
            data = decode_name(packet, at)[0]
        elif kind == 33:
            data = (int.from_bytes(data[4:6], "big"), decode_name(packet, at + 6)[0])
        records.append((name, kind, data))
        at += length
    return questions, records


def packets(line):
    return [decode(bytes.fromhex(part)) for part in line.split()]


def test_mdns__probes_announces_and_answers(bindings):
    """RFC 6762 section 8: three probes, announcements, then answers for host, service and TXT."""
    wanted = [("board.local", 1), ("_http._tcp.local", 12), ("web._http._tcp.local", 16)]
    wanted = [question(name, kind) for name, kind in wanted]
    out = mdns(
        bindings,
        f"""
        ready()
        print(mdns.netif_active(en), mdns.netif_active("lo0"))
        slot = mdns.add_service(en, "web", "_http", mdns.PROTO_TCP, 80, ("path=/", b"v=1"))
        print(slot, mdns.txt(en, slot))
        print(*(p.hex() for p in collect(3000)))
        print(results)
        for packet in {wanted!r}:
            collect(1200)  # an answer is not repeated within a second
            deliver(packet)
            print(*(p.hex() for p in collect(400)))
        mdns.txt(en, slot, ["v=2"])
        print(*(p.hex() for p in collect(100)))
        """,
    )
    lines = out.splitlines()
    assert lines[:2] == ["True False", "0 [b'path=/', b'v=1']"]
    started = packets(lines[2])
    probes = [questions for questions, _ in started if questions]
    assert len(probes) == 3 and probes[0] == [("board.local", 255), ("web._http._tcp.local", 255)]
    unasked = [records for questions, records in started if not questions]
    announced = {(name, kind): data for records in unasked for name, kind, data in records}
    assert announced["board.local", 1] == bytes([10, 1, 0, 1])
    assert ("board.local", 28) in announced
    assert announced["_http._tcp.local", 12] == "web._http._tcp.local"
    assert announced["web._http._tcp.local", 33] == (80, "board.local")
    assert announced["web._http._tcp.local", 16] == b"\6path=/\3v=1"
    assert lines[3] == "[(Netif('en1'), 1, 0)]"
    answers = [
        dict(((n, k), d) for _, records in packets(line) for n, k, d in records) for line in lines[4:8]
    ]
    assert answers[0]["board.local", 1] == bytes([10, 1, 0, 1])
    assert answers[1]["_http._tcp.local", 12] == "web._http._tcp.local"
    assert answers[2]["web._http._tcp.local", 16] == b"\6path=/\3v=1"
    assert answers[3]["web._http._tcp.local", 16] == b"\3v=2"


def test_mdns__conflict_is_told(bindings):
    """Somebody has the name: the callback hears of it while probing; a new name then succeeds."""
    theirs = response(record("board.local", 1, bytes([10, 1, 0, 9])))
    out = mdns(
        bindings,
        f"""
        ready()
        collect(300)
        deliver({theirs!r})
        print(wait(lambda: results), results)
        results.clear()
        mdns.rename_netif(en, "board-2")
        collect(2000)
        print(results)
        deliver({question("board-2.local", 1)!r})
        print(len(collect(300)) > 0)
        deliver({question("board.local", 1)!r})
        print(len(collect(300)))
        """,
    )
    assert out == "True [(Netif('en1'), 0, 0)]\n[(Netif('en1'), 1, 0)]\nTrue\n0\n"


def test_mdns__services_come_and_go(bindings):
    """Slots, a full table, names; removing and stopping give everything back, timers and groups included."""
    out = mdns(
        bindings,
        """
        def error(function, *args):
            try:
                function(*args)
            except Exception as e:
                return e.errno if isinstance(e, OSError) else type(e).__name__
        print(error(mdns.add_netif, en, "x"), mdns.netif_active(en))
        mdns.init()
        mdns.init()
        print(error(mdns.add_netif, "lo0", "x"), error(mdns.announce, en), error(mdns.add_netif, en, ""))
        mdns.add_netif(en, "board")
        print(error(mdns.add_netif, en, "board"), error(mdns.add_netif, en, "x" * 64))
        print([mdns.add_service(en, "s%d" % i, "_x", mdns.PROTO_UDP, i) for i in range(mdns.MAX_SERVICES)])
        print(error(mdns.add_service, en, "more", "_x", mdns.PROTO_UDP, 1, ("a",)))
        mdns.del_service(en, 2)
        print(error(mdns.del_service, en, 2), error(mdns.txt, en, 9), error(mdns.txt, en, -1))
        print(mdns.add_service(en, "again", "_x", mdns.PROTO_UDP, 1, ["x" * 63] * 3))
        for items in (["x" * 64], ["x" * 63] * 4, [1]):
            print(error(mdns.txt, en, 0, items))
        print(error(mdns.add_service, en, "a", "_x", 2, 1), error(mdns.rename_service, en, 0, ""))
        mdns.rename_service(en, 0, "renamed")
        collect(2500)
        mdns.remove_netif(en)
        print(error(mdns.remove_netif, en))
        mdns.deinit()
        mdns.deinit()
        print(all_back(), error(mdns.search_stop, 0))
        ready()
        mdns.add_service(en, "web", "_http", mdns.PROTO_TCP, 80, ("a=b",))
        collect(700)
        lwiptest.deinit()
        print(mdns.netif_active(en))
        time.sleep_ms(500)
        while lwiptest.tx():
            pass
        en.set_addr("10.1.0.1", "255.255.255.0", "10.1.0.2")
        print(lwip.stats()["mem"][0] == idle[0], memory()[1]["SYS_TIMEOUT"] == idle[1]["SYS_TIMEOUT"])
        """,
    )
    assert out == (
        "107 False\n95 107 ValueError\n114 ValueError\n[0, 1, 2, 3]\n12\n"
        "IndexError IndexError IndexError\n2\n"
        "ValueError\nValueError\nTypeError\nValueError ValueError\n107\nTrue 107\nFalse\nTrue True\n"
    )


FOUND = response(
    record("_http._tcp.local", 12, encode("my-printer._http._tcp.local")),
    record("my-printer._http._tcp.local", 33, struct.pack("!3H", 1, 2, 8080) + encode("printer.local")),
    record("my-printer._http._tcp.local", 16, b"\4a=bc\0\1z"),
    record("printer.local", 1, bytes([10, 1, 0, 7])),
    record("printer.local", 28, bytes([0xFD] + 14 * [0] + [7])),
)


def test_mdns__search(bindings):
    """A search asks, its callback gets every record decoded, and after its end nothing more."""
    out = mdns(
        bindings,
        f"""
        ready()
        collect(2500)
        found = []
        on_found = lambda *args: found.append(args)
        request = mdns.search_service(None, "_http", mdns.PROTO_TCP, en, on_found)
        print(request, *(p.hex() for p in collect(100)))
        deliver({FOUND!r})
        wait(lambda: len(found) == 5, 500)
        for item in found:
            print(item)
        other = mdns.search_service("x", "_udp", mdns.PROTO_UDP, en, print)
        try:
            mdns.search_service("x", "_udp", mdns.PROTO_UDP, en, print)
        except OSError as e:
            print(other, e.errno)
        def other_search(_):
            # What waits to be told meanwhile is the first search's.
            global request
            deliver({FOUND!r})
            time.sleep_ms(100)
            mdns.search_stop(request)
            request = mdns.search_service(None, "_ipp", mdns.PROTO_TCP, en, on_found)
        found.clear()
        micropython.schedule(other_search, None)
        time.sleep_ms(50)
        wait(lambda: found, 200)
        print(found)
        mdns.search_stop(request)
        found.clear()
        deliver({FOUND!r})
        time.sleep_ms(50)
        print(found)
        mdns.deinit()
        print(all_back())
        """,
    )
    lines = out.splitlines()
    request, asked = lines[0].split()
    assert (request, packets(asked)) == ("0", [([("_http._tcp.local", 12)], [])])
    assert lines[1:] == [
        "('_http._tcp.local', 12, 120, 'my-printer._http._tcp.local', 1)",
        "('my-printer._http._tcp.local', 33, 120, (1, 2, 8080, 'printer.local'), 0)",
        "('my-printer._http._tcp.local', 16, 120, [b'a=bc', b'z'], 0)",
        "('printer.local', 1, 120, '10.1.0.7', 0)",
        "('printer.local', 28, 120, 'fd00::7', 2)",
        "1 12",
        "[]",
        "[]",
        "True",
    ]


def test_mdns__malformed_packets(bindings):
    """Packets cut short, lengths and offsets that lie, and random changes do no harm."""
    source = random.Random(6762)
    good = [
        FOUND,
        question("web._http._tcp.local", 255),
        question("board.local", 1, 0x8001),
        # lwIP copies such a name by the length that the record claims.
        response(record("_http._tcp.local", 12, b"\xc0\xff" + bytes(1200))),
        response(record("x._http._tcp.local", 33, b"\0")),
        struct.pack("!6H", 0, 0x8400, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
        struct.pack("!6H", 0, 0x0200, 1, 0, 0, 0) + question("board.local", 1)[12:],
    ]
    bad = []
    for _ in range(400):
        packet = bytearray(source.choice(good))
        for _ in range(source.randrange(4)):
            packet[source.randrange(len(packet))] = source.choice((0, 0xC0, 0xFF, source.randrange(256)))
        bad.append(bytes(packet[: source.randrange(1, len(packet) + 1)]).hex())
    out = mdns(
        bindings,
        f"""
        ready()
        mdns.add_service(en, "web", "_http", mdns.PROTO_TCP, 80, ("a=b",))
        mdns.search_service(None, "_http", mdns.PROTO_TCP, en, lambda *args: None)
        collect(2500)
        for line in {" ".join(bad + [packet.hex() for packet in good])!r}.split():
            deliver(bytes.fromhex(line))
            while lwiptest.tx():
                pass
        collect(3000)
        deliver({question("board.local", 1)!r})
        print(len(collect(1500)) > 0)
        mdns.deinit()
        print(all_back())
        """,
    )
    assert out == "True\nTrue\n"


# ---- Functions that no application has -------------------------------------------------------------


def test_raw__backlog_set(bindings):
    """A larger backlog lets more wait, a smaller one none that waits go; only a listener has one."""
    out = bindings.run(
        COMMON
        + textwrap.dedent("""
        server = raw.TCP()
        print(errno_of(server.backlog_set, 3))
        server.bind("127.0.0.1", 7100)
        server.listen(1)
        def connected(s):
            s.settimeout(0.3)
            return errno_of(s.connect, ("127.0.0.1", 7100))
        made = [socket.socket() for _ in range(5)]
        print([connected(s) for s in made[:2]])
        server.backlog_set(3)
        print([connected(s) for s in made[2:4]])
        server.backlog_set(1)
        print(connected(made[4]) is not None)
        accepted = []
        server.accept(lambda server, tcp, err: accepted.append(tcp.remote()[1]))
        print(wait(lambda: len(accepted) >= 3))
        print({s.getsockname()[1] for s in made[:1] + made[2:4]} <= set(accepted))
        """)
    )
    assert out == "22\n[None, 110]\n[None, None]\nTrue\nTrue\nTrue\n"


def test_pbuf__copy(bindings):
    """From chain to chain, whole, in part, at an offset; without room it is ENOBUFS."""
    out = bindings.run(
        COMMON
        + textwrap.dedent("""
        source = raw.Pbuf(b"hello ")
        source.cat(raw.Pbuf(b"world"))
        to = raw.Pbuf(b"." * 8)
        to.cat(raw.Pbuf(b"-" * 8))
        to.copy(source)
        print(to.copy_partial())
        to.copy(source, 4, 10)
        to.copy(source, 0, 16)
        print(to.copy_partial(), source.copy_partial())
        print(errno_of(to.copy, source, 11, 6), errno_of(raw.Pbuf(3).copy, source))
        try:
            to.copy(source, 12)
        except ValueError:
            print("ValueError")
        try:
            to.copy(b"x")
        except TypeError:
            print("TypeError")
        """)
    )
    assert out == (
        "b'hello world-----'\nb'hello worlhell--' b'hello world'\n105 105\nValueError\nTypeError\n"
    )


def test_udp__multicast_interface_by_address(bindings):
    """mcast_ip4 names the interface that multicast goes out by."""
    out = bindings.run(
        COMMON
        + textwrap.dedent("""
        en = netif.get_by_index(lwiptest.add_ethernet())
        en.set_addr("10.1.0.1", "255.255.255.0", "10.1.0.2")
        en.set_up()
        while lwiptest.tx():
            pass
        u = raw.UDP()
        print(u.mcast_ip4, u.mcast_ifindex)
        def went_out():
            u.sendto(b"x", "239.1.2.3", 9)
            frames = []
            while frame := lwiptest.tx():
                frames.append(frame)
            return any(f[30:34] == bytes([239, 1, 2, 3]) for f in frames)
        u.mcast_ip4 = "10.1.0.1"
        print(u.mcast_ip4, went_out())
        u.mcast_ip4 = "127.0.0.1"
        print(u.mcast_ip4, went_out())
        for wrong in ("::1", "x"):
            try:
                u.mcast_ip4 = wrong
            except ValueError:
                print("ValueError")
        """)
    )
    assert out == "0.0.0.0 0\n10.1.0.1 True\n127.0.0.1 False\nValueError\nValueError\n"


def test_rawip__source_and_interface(bindings):
    """sendto_if() says the source address, be it nobody's, and the interface, whatever the routes are."""
    out = bindings.run(
        COMMON
        + textwrap.dedent("""
        en = netif.get_by_index(lwiptest.add_ethernet())
        en.set_addr("10.1.0.1", "255.255.255.0", "10.1.0.2")
        en.set_up()
        lwip.etharp.add_static_entry("10.1.0.2", b"\\2\\0\\0\\0\\0\\2")
        while lwiptest.tx():
            pass
        r = raw.RawIP(253)
        r.sendto_if(b"data", "9.9.9.9", en, "10.1.0.77")
        frame = lwiptest.tx()
        print(list(frame[26:34]), frame[34:38], frame[23])
        for wrong in ("::1", ""):
            try:
                r.sendto_if(b"data", "9.9.9.9", en, wrong)
            except ValueError:
                print("ValueError")
        print(errno_of(r.sendto_if, b"", "9.9.9.9", "xx0", "10.1.0.1"))
        """)
    )
    assert out == "[10, 1, 0, 77, 9, 9, 9, 9] b'data' 253\nValueError\nValueError\n19\n"


def test_socket__ioctl(bindings):
    """FIONREAD counts a stream's bytes and the next datagram's; FIONBIO is setblocking()."""
    out = bindings.run(
        COMMON
        + textwrap.dedent("""
        a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        a.bind(("127.0.0.1", 7300))
        print(a.ioctl(socket.FIONREAD))
        for size in (10, 20):
            a.sendto(b"x" * size, ("127.0.0.1", 7300))
        time.sleep_ms(50)
        print(a.ioctl(socket.FIONREAD), a.ioctl(socket.FIONREAD), len(a.recv(99)), len(a.recv(99)))
        l = socket.socket()
        l.bind(("127.0.0.1", 7301))
        l.listen(1)
        c = socket.socket()
        c.connect(("127.0.0.1", 7301))
        s, _ = l.accept()
        c.sendall(b"hello world")
        time.sleep_ms(50)
        print(s.ioctl(socket.FIONREAD), s.recv(5), s.ioctl(socket.FIONREAD))
        print(s.getblocking(), s.ioctl(socket.FIONBIO, 1), s.getblocking())
        print(s.ioctl(socket.FIONBIO, 0), s.getblocking())
        print(errno_of(s.ioctl, 5), errno_of(s.ioctl, socket.FIONBIO))
        s.close()
        print(errno_of(s.ioctl, socket.FIONREAD))
        """)
    )
    assert out == "0\n10 10 10 20\n11 b'hello' 6\nTrue 0 False\n0 True\n22 22\n9\n"
