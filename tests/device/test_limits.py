# SPDX-License-Identifier: MIT
"""What happens at lwIP's limits, and when two threads use one end at once: on the board's loopback."""

import ast

import pytest

SET_UP = """
import _thread, gc, lwip, socket, time
from lwip import dns, igmp, netconn, netif, raw
def used():
    gc.collect()
    quiet = ("SYS_TIMEOUT", "TCPIP_MSG_API", "TCP_PCB", "PBUF")  # PBUF: let go at its next use
    return {k: v[0] for k, v in lwip.stats("memp").items() if k not in quiet}, lwip.stats("mem")[0]
listener = socket.socket()
listener.bind(("127.0.0.1", 4000))
listener.listen(1)
near = socket.socket()
near.connect(("127.0.0.1", 4000))
far = listener.accept()[0]
def intact():
    # A connection from before still carries what it is given.
    near.settimeout(5)
    far.settimeout(5)
    near.sendall(b"still" * 100)
    got = b""
    while len(got) < 500:
        got += far.recv(500)
    return got == b"still" * 100
def until_full(make, release):
    kept = []
    error = None
    try:
        while len(kept) < 400:
            kept.append(make())
    except OSError as e:
        error = e.errno
    count = len(kept)
    for each in kept:
        release(each)
    del kept
    time.sleep_ms(300)
    return error, count
def closed(end):
    end.close()
def deleted(end):
    end.delete()
def removed(end):
    end.remove()
def freed(p):
    p.free()
def aborted(tcp):
    tcp.abort()
def nothing(x):
    pass
def listening():
    tcp = raw.TCP()
    tcp.bind("", 0)
    tcp.listen()
    return tcp
intact()
time.sleep_ms(300)
before = used()
"""
# Name: how to make one, and how to give it back.
RESOURCES = {
    "sockets of TCP": ("socket.socket", "closed"),
    "sockets of UDP": ("lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "closed"),
    "raw sockets": ("lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 99)", "closed"),
    "netconns of TCP": ("lambda: netconn.Netconn(netconn.TCP)", "deleted"),
    "netconns of UDP": ("lambda: netconn.Netconn(netconn.UDP)", "deleted"),
    "raw TCP": ("raw.TCP", "aborted"),
    "raw UDP": ("raw.UDP", "removed"),
    "raw IP": ("lambda: raw.RawIP(99)", "removed"),
    "listening PCBs": ("listening", "closed"),
    "pbufs from the heap": ("lambda: raw.Pbuf(1000)", "freed"),
    "pbufs from the pool": ("lambda: raw.Pbuf(200, raw.RAW, raw.POOL)", "freed"),
    "pbufs that refer": ("lambda: raw.Pbuf(b'x', raw.RAW, raw.REF)", "freed"),
    "questions": ("lambda: dns.gethostbyname('n%d.test' % time.ticks_us(), lambda *a: None)", "nothing"),
}


@pytest.mark.parametrize("name", RESOURCES)
def test_exhaustion__intact(board, name):
    """The one too many is ENOMEM, ENOBUFS or EAGAIN; a connection goes on, and all comes back."""
    make, release = RESOURCES[name]
    board.exec(SET_UP)
    if name == "questions":
        board.exec("import network; network.ipconfig(dns='127.0.0.1')")
    error, count = ast.literal_eval(board.exec(f"print(until_full({make}, {release}))", timeout=60))
    assert error in (11, 12, 105) and count > 0
    if name == "questions":
        return  # they end by themselves, some seconds later
    again = ast.literal_eval(board.exec(f"print(until_full({make}, {release}))", timeout=60))
    assert again == (error, count)
    assert board.eval("intact()")
    assert board.exec("time.sleep_ms(300)\nprint(used() == before or (used(), before))") == "True\n"


def test_exhaustion__writes(board):
    """Writing without a reader ends in EAGAIN or ENOMEM by each API, at once, and goes on when it reads."""
    board.exec(SET_UP)
    out = board.exec(
        """
near.setblocking(False)
n = netconn.Netconn(netconn.TCP)
n.connect("127.0.0.1", 4000)
n_far = listener.accept()[0]
n.set_nonblocking(True)
t = raw.TCP()
up = []
t.connect("127.0.0.1", 4000, lambda tcp, err: up.append(err))
t_far = listener.accept()[0]
while not up:
    time.sleep_ms(1)
sent = [0, 0, 0]
errors = set()
def fill(i, write):
    for _ in range(3000):
        try:
            sent[i] += write(b"x" * 100)
        except OSError as e:
            errors.add(e.errno)
            return
start = time.ticks_ms()
def raw_write(data):
    t.write(data)
    t.output()
    return len(data)
fill(0, near.send)
fill(1, n.write)
fill(2, raw_write)
print(errors <= {11, 12, 105}, time.ticks_diff(time.ticks_ms(), start) < 1500, sent[0] > 0)
for i, end in enumerate((far, n_far, t_far)):
    end.settimeout(10)
    while sent[i]:
        sent[i] -= len(end.recv(1000))
print(sent, near.send(b"more"), far.recv(4))
""",
        timeout=60,
    )
    assert out == "True True True\n[0, 0, 0] 4 b'more'\n"


THREADS = """
import _thread, socket, time
from lwip import netconn
l = netconn.Netconn(netconn.TCP)
l.bind("127.0.0.1", 4000)
l.listen()
c = netconn.Netconn(netconn.TCP)
c.connect("127.0.0.1", 4000)
a = l.accept()
_thread.stack_size(6144)
got = 0
def reader():
    global got
    while got < 100_000:
        with c.recv() as buf:
            got += len(buf)
def echo():
    while True:
        buf = a.recv()
        if buf is None:
            return
        with buf:
            a.write(buf.copy())
_thread.start_new_thread(reader, ())
_thread.start_new_thread(echo, ())
for i in range(200):
    c.write(b"y" * 500)
    while i * 500 > got + 2000:  # both ends' data, both ways, is in lwIP's heap of 12 KB
        time.sleep_ms(1)
while got < 100_000:
    time.sleep_ms(5)
print(got)
u = netconn.Netconn(netconn.UDP)
u.bind("127.0.0.1", 4001)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
came = []
def take():
    try:
        while True:
            with u.recv() as buf:
                came.append(buf.copy())
    except OSError as e:
        came.append(e.errno)
_thread.start_new_thread(take, ())
_thread.start_new_thread(take, ())
for i in range(20):
    s.sendto(b"%d" % i, ("127.0.0.1", 4001))
    time.sleep_ms(2)
while len(came) < 20:
    time.sleep_ms(5)
print(sorted(int(x) for x in came) == list(range(20)))
u.delete()
while len(came) < 22:
    time.sleep_ms(5)
print(came[20:])
"""


def test_threads__one_netconn(board):
    """One thread reads and one writes the same netconn; two read one, and both learn that it is deleted."""
    assert board.exec(THREADS, timeout=60) == "100000\nTrue\n[9, 9]\n"


def test_send__the_data_is_given_back_meanwhile(board):
    """A NetBuf that waits for memory to be sent, and is freed by a handler: an error, and nothing is sent."""
    out = board.exec(
        """
import machine
from lwip.netconn import NetBuf, Netconn, UDP
from lwip.raw import Pbuf
to = Netconn(UDP)
to.bind("127.0.0.1", 4001)
to.set_recvtimeout(200)
n = Netconn(UDP)
n.set_sendtimeout(2000)
nb = NetBuf()
nb.ref(b"x" * 100)
hold = []
for size in (1000, 16, 1):
    try:
        while True:
            hold.append(Pbuf(size))
    except OSError:
        pass
def free(timer):
    nb.free()
    for p in hold:
        p.free()
machine.Timer(-1, period=50, mode=machine.Timer.ONE_SHOT, callback=free)
for f, *args in (n.sendto, nb, "127.0.0.1", 4001), (to.recv,):
    try:
        print(f(*args))
    except OSError as e:
        print(e.errno)
"""
    )
    assert out.split() == ["22", "110"]


WRITTEN = """
import gc, time
from lwip import netconn
listener = netconn.Netconn(netconn.TCP)
listener.bind("127.0.0.1", 4000)
listener.listen(5)
pairs = []
for i in range(4):
    near = netconn.Netconn(netconn.TCP)
    near.connect("127.0.0.1", 4000)
    pairs.append((near, listener.accept()))
into = bytearray(1000)
gc.collect()
free = gc.mem_free()
written = sum(near.write(bytes(5000), netconn.NOCOPY) for near, far in pairs)
for near, far in pairs:
    left = 5000
    while left:
        left -= far.recv_into(into)
time.sleep_ms(600)
gc.collect()
print(written, free - gc.mem_free())
"""


def test_written_without_copy__goes_with_the_next_collection(board):
    """What is acknowledged by then is not kept until something else is written."""
    written, kept = map(int, board.exec(WRITTEN, timeout=60).split())
    assert written == 20_000 and kept < 2000
