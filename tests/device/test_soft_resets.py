# SPDX-License-Identifier: MIT
"""Soft resets with whatever open and data in flight: afterwards every pool and heap is as it was.

`--full` (make soak) for 1,000 of them.
"""

import ast
import random
import socket
import struct

import pytest
from emulator.net.peers import Peer, link_local
from support.eth_lab import BOARD_IP, HOST_IP, HOST_MAC, EthLab, ethernet, ipv4

pytestmark = pytest.mark.emulator_only

PORTS = range(7000, 7004)  # the datagrams' are 100 higher
# What each reset finds open: a random choice of these, in random order; 10.9.0.1 is the peer, which echoes on
# port 7, sends without end from port 19 and reads nothing sent to port 9; nobody is 10.9.0.77.
BEGIN = """
import _thread, asyncio, gc, select
from lwip import dns, etharp, igmp, mld6, netconn, netif, raw
en = netif.default().name
kept = []
keep = kept.append
def quiet(f, *args):
    # Where something is used up, that is what the reset finds.
    try:
        return f(*args)
    except (OSError, MemoryError):
        return None
"""
MENU = {
    "listener with connections nobody accepts": """
s = socket.socket()
s.bind(("", {port}))
s.listen(3)
keep(s)
""",
    "netconn listener": """
n = netconn.Netconn(netconn.TCP)
n.bind("", {port})
n.listen(3)
keep(n)
""",
    "raw listener": """
t = raw.TCP()
t.bind("", {port})
t.listen()
t.accept(lambda server, tcp, err: keep(tcp))
keep(t)
""",
    "half-open connects": """
for port in (80, 81):
    s = socket.socket()
    s.setblocking(False)
    quiet(s.connect, ("10.9.0.77", port))
    keep(s)
n = netconn.Netconn(netconn.TCP)
n.set_nonblocking(True)
quiet(n.connect, "10.9.0.77", 82)
keep(n)
t = raw.TCP()
quiet(t.connect, "10.9.0.77", 83)
""",
    "socket that is sent to": """
s = socket.socket()
quiet(s.connect, ("10.9.0.1", 19))
keep(s)
""",
    "netconn that is sent to, with netbufs and views": """
n = netconn.Netconn(netconn.TCP)
if quiet(n.connect, "10.9.0.1", 19) is None:
    time.sleep_ms(2)
    for i in range(3):
        b = quiet(n.recv, netconn.DONTBLOCK)
        if b:
            keep((b, b.data[:10]))
keep(n)
""",
    "raw that is sent to, with pbufs": """
t = raw.TCP()
t.recv(lambda tcp, p, err: keep(p))
t.sent(lambda tcp, n: None)
t.poll(lambda tcp: None, 1)
quiet(t.connect, "10.9.0.1", 19, lambda tcp, err: None)
""",
    "socket with a full send queue": """
s = socket.socket()
if quiet(s.connect, ("10.9.0.1", 9)) is None:
    s.setblocking(False)
    for i in range(10):
        quiet(s.send, bytes(2000))
keep(s)
""",
    "netconn with data not copied": """
n = netconn.Netconn(netconn.TCP)
if quiet(n.connect, "10.9.0.1", 9) is None:
    for i in range(10):
        quiet(n.write, bytes(1000), netconn.NOCOPY | netconn.DONTBLOCK)
keep(n)
""",
    "raw with data not copied": """
t = raw.TCP()
def connected(tcp, err):
    for i in range(10):
        quiet(tcp.write, bytes(1000), 0)
    quiet(tcp.output)
quiet(t.connect, "10.9.0.1", 9, connected)
time.sleep_ms(2)
""",
    "connections being closed": """
for i in range(3):
    s = socket.socket()
    if quiet(s.connect, ("10.9.0.1", 9)) is None:
        s.setblocking(False)
        quiet(s.send, bytes(1500))
    s.close()
""",
    "datagrams in sockets": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", {udp}))
keep(s)
quiet(s.sendto, bytes(3000), ("10.9.0.1", 7))
quiet(s.sendto, bytes(300), ("10.9.0.77", 7))
""",
    "datagrams in netconns": """
n = netconn.Netconn(netconn.UDP)
n.bind("", {udp})
b = netconn.NetBuf()
b.ref(bytes(1000))
quiet(n.sendto, b, "10.9.0.77", 7)
keep((n, b))
""",
    "datagrams in raw": """
u = raw.UDP()
u.bind("", {udp})
u.recv(lambda udp, p, addr, port: keep(p))
quiet(u.sendto, bytes(1000), "10.9.0.77", 7)
""",
    "raw IP": """
r = raw.RawIP(1)
r.recv(lambda raw, p, addr: keep(p), True)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
n = quiet(netconn.Netconn, netconn.RAW, 3)
keep((s, n))
""",
    "pbufs": """
p = quiet(raw.Pbuf, 3000, raw.TRANSPORT, raw.POOL)
q = quiet(raw.Pbuf, b"x" * 1000)
if p and q:
    p.chain(q)
    keep((p, q, p.ref(), p.data))
b = netconn.NetBuf()
keep((b, quiet(b.alloc, 700)))
""",
    "names asked for": """
for i in range(3):
    quiet(dns.gethostbyname, "a%d.nobody.test" % i, lambda name, address: None)
""",
    "name asked for by a thread": """
_thread.start_new_thread(quiet, (socket.getaddrinfo, "b.nobody.test", 80))
time.sleep_ms(1)
""",
    "threads that wait": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
_thread.start_new_thread(quiet, (s.recv, 1))
n = netconn.Netconn(netconn.TCP)
n.bind("", 0)
n.listen()
_thread.start_new_thread(quiet, (n.accept,))
time.sleep_ms(1)
""",
    "threads that write what a view shows, not copied": """
u = netconn.Netconn(netconn.TCP)
u.bind("127.0.0.1", 0)
u.listen()
c = netconn.Netconn(netconn.TCP)
if quiet(c.connect, "127.0.0.1", u.addr()[1]) is None:
    a = u.accept()
    quiet(a.write, bytes(1000))
    b = quiet(c.recv)
    def write(n):
        while n:
            c.write(n.data, netconn.NOCOPY)
    if b:
        _thread.start_new_thread(quiet, (write, b))
    keep((u, a, c, b))
    time.sleep_ms(5)
""",
    "groups": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
quiet(s.setsockopt, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
      bytes((239, 1, 2, 3)) + bytes(map(int, lan.ifconfig()[0].split("."))))
n = netconn.Netconn(netconn.UDP)
quiet(n.join_leave_group, "239.1.2.4", "10.9.0.2", netconn.JOIN)
quiet(igmp.joingroup, en, "239.1.2.5")
quiet(mld6.joingroup, en, "ff15::1234")
keep((s, n))
""",
    "poll": """
p = select.poll()
for i in range(3):
    s = socket.socket()
    p.register(s)
    n = netconn.Netconn(netconn.UDP)
    p.register(n, select.POLLIN)
keep(p)
p.poll(0)
""",
    "asyncio": """
async def serve(r, w):
    w.write(await r.read(10))
    await w.drain()
async def main():
    await asyncio.start_server(serve, "0.0.0.0", {port})
    r, w = await asyncio.open_connection("127.0.0.1", {port})
    w.write(b"0123456789")
    await w.drain()
    await r.read(3)
quiet(asyncio.run, main())
""",
    "loopback": """
s = socket.socket()
s.bind(("127.0.0.1", {port}))
s.listen(2)
c = socket.socket()
if quiet(c.connect, ("127.0.0.1", {port})) is None:
    c.setblocking(False)
    quiet(c.send, bytes(4000))
keep((s, c, s.accept() if {port} & 1 else None))
""",
    "frames and neighbours": """
f = lan.frames(0x88B5, queue=4)
f.irq(lambda f: None)
quiet(f.send, b"\\xff" * 6 + lan.config("mac") + b"\\x88\\xb5" + bytes(100))
keep(f)
quiet(etharp.add_static_entry, "10.9.0.88", b"\\2\\0\\0\\0\\0\\x58")
quiet(etharp.query, en, "10.9.0.99")
""",
    "rubbish": """
for i in range(4):
    s = socket.socket()
    quiet(s.connect, ("10.9.0.1", 7))
    s.setblocking(False)
    quiet(s.send, b"x" * 100)
s = n = t = u = None
""",
}
# What the script does last: ends, raises, goes on until Ctrl-C, waits until Ctrl-C, resets the board itself.
LAST = (
    "",
    "raise OSError(1)",
    "while True: pass",
    "time.sleep(1000)",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).recv(1)",
    "__import__('machine').soft_reset()",
)

# TCP's timer, one of the pools' objects, ends by itself soon after the last connection; a datagram of which
# only the end came after the reset is given up after a while.
MEASURE = """
import gc, lwip, time
time.sleep_ms(600)
while lwip.stats("memp")["REASSDATA"][0]:
    time.sleep_ms(100)
gc.collect()
gc.collect()
pools = {k: v[0] for k, v in lwip.stats("memp").items()}
print((pools, lwip.stats("mem")[0], gc.mem_alloc(), gc.mem_free()))
"""


class Crowd(Peer):
    """The other end of the cable: echoes, sends without end, reads nothing, and calls on the board."""

    def __init__(self, machine, wire):
        super().__init__(machine, wire, HOST_IP, names={})
        self.tcp.listen(7, self.echo)
        self.tcp.listen(19, lambda connection: connection.send(bytes(200_000)))
        self.tcp.listen(9, lambda connection: None)
        self.udp_listen(7, lambda source, port, data: self.udp_send(source, port, 7, data))
        self.udp_listen(53, lambda source, port, data: None)

    @staticmethod
    def echo(connection):
        connection.on_data = connection.send
        connection.on_end = connection.close


class Lab(EthLab):
    """A board and a crowd, and what a soft reset leaves behind."""

    def measure(self):
        self.soft_reset()
        pools, *heaps = ast.literal_eval(self.exec(MEASURE))
        free = int.from_bytes(self.board.cpu.read(self.symbol("xFreeBytesRemaining"), 4), "little")
        return {**pools, "lwIP, collector's, RTOS's": (*heaps, free)}

    def begin(self):
        self.soft_reset()
        self.up()

    def calls(self, rng):
        """The crowd's part: it calls at ports that may be open, and sends datagrams."""
        for port in PORTS:
            if rng.random() < 0.5:
                connection = self.peer.tcp.connect(BOARD_IP, port)
                connection.on_open = lambda connection=connection: connection.send(bytes(3000))
            count = rng.randrange(20)
            self.peer.udp_stream(BOARD_IP, port + 100, rng.randrange(4, 1400), count, gap_ns=20_000)


@pytest.fixture
def lab(firmware):
    made = Lab(firmware, peer=Crowd)
    made.begin()
    made.exec("socket.socket().close()")  # a task's semaphore is made at its first call and stays
    made.before = made.measure()
    yield made
    made.close()


def script(names, rng):
    """The parts of MENU of these names, each on a port of its own while there are some."""
    ports = rng.sample(PORTS, len(PORTS))
    text = BEGIN
    for index, name in enumerate(names):
        port = ports[index % len(ports)]
        text += MENU[name].replace("{port}", str(port)).replace("{udp}", str(port + 100))
    return text


def test_soft_reset__each_kind(lab):
    """Objects of one kind after the other, none of which raises, all in use: nothing of them is left."""
    rng = random.Random(1)
    for name in MENU:
        lab.begin()
        lab.exec(script([name], rng))
        lab.calls(rng)
        lab.run(5)
        assert lab.measure() == lab.before, name


def test_soft_reset__fragments(lab):
    """What came of datagrams that never become whole is given up at once, with its receive buffers."""
    lab.begin()
    lab.run(2500)  # until nobody else is known to have the board's IPv6 address
    six = socket.inet_pton(socket.AF_INET6, lab.eval("lan.ipconfig('addr6')[0][0]").partition("%")[0])
    part = bytes(1280)
    fragment = bytes((17, 0, 0, 1)) + (7).to_bytes(4, "big") + part  # offset 0, more to come; RFC 8200 4.5
    header = struct.pack("!IHBB", 6 << 28, len(fragment), 44, 64)
    station = lab.peer.station
    for ident in (1, 2):
        station.transmit(ethernet(lab.mac, 0x0800, ipv4(17, part, ident=ident, fragment=0x2000)))
    station.transmit(ethernet(lab.mac, 0x86DD, header + link_local(HOST_MAC) + six + fragment))
    lab.run(2)
    lab.exec("import lwip; reass = lwip.stats('memp')")
    assert lab.eval("(reass['REASSDATA'][0], reass['IP6_REASSDATA'][0])") == (2, 1)
    lab.soft_reset()
    lab.exec("import lwip; reass = lwip.stats('memp')")
    assert lab.eval("(reass['REASSDATA'][0], reass['IP6_REASSDATA'][0])") == (0, 0)
    assert lab.measure() == lab.before


def test_soft_reset__whatever_is_open(lab, pytestconfig):
    """A random set of objects of every API, calls under way and data on the wire: the memory statistics of
    lwIP, the collector and FreeRTOS are after each reset what they were after the first."""
    rng = random.Random(4)
    for number in range(1000 if pytestconfig.getoption("full") else 12):
        names = rng.sample(sorted(MENU), rng.randrange(3, 9))
        last = rng.choice(LAST)
        lab.begin()
        lab.start(script(names, rng) + last)
        lab.run(rng.random() * 3)
        lab.calls(rng)
        lab.run(5 + rng.random() * 60)
        assert lab.measure() == lab.before, (number, names, last)
