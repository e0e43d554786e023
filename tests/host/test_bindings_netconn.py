# SPDX-License-Identifier: MIT
"""lwip.netconn on lwIP's loopback: zero-copy receive and send, events, and what misuse gets."""

import errno
import signal
import time

import pytest

PAIR = """
from lwip.netconn import *
import lwip
def pair(kind=TCP, host="127.0.0.1"):
    server = Netconn(kind)
    server.bind(host, 0)
    server.listen()
    client = Netconn(kind)
    client.connect(host, server.addr()[1])
    accepted = server.accept()
    server.delete()
    return client, accepted
def used():
    memp = lwip.stats("memp")
    return {name: memp[name][0] for name in sorted(memp) if name != "SYS_TIMEOUT"}, lwip.stats("mem")[0]
def err(f, *args):
    try:
        return f(*args)
    except OSError as e:
        return e.errno
"""


@pytest.mark.parametrize("kind,host", [("TCP", "127.0.0.1"), ("TCP_IPV6", "::1")])
def test_tcp__netbufs(bindings, kind, host):
    """Data comes as NetBufs whose data is a view; the end is None, again and again."""
    out = bindings.run(
        PAIR
        + f"""
c, a = pair({kind}, "{host}")
print(c.peer() == a.addr(), a.peer() == c.addr(), c.peer()[0])
print(c.write(b"hello world"))
with a.recv() as nb:
    d = nb.data
    print(bytes(d), d[0], d[-1], d[2:5].tobytes(), len(d), len(nb), nb.next())
    print(d == b"hello world", list(d[:2]))
print(a.write_vectors([b"ab", b"", bytearray(b"cd")]), c.recv().copy())
a.write(b"0123456789")
buf = bytearray(4)
print(c.recv_into(buf), buf, c.recv().copy())
a.delete()
print(c.recv(), c.recv(), c.recv_into(buf))
"""
    )
    assert out.split("\n") == [
        f"True True {host}",
        "11",
        "b'hello world' 104 100 b'llo' 11 11 -1",
        "True [104, 101]",
        "4 b'abcd'",
        "4 bytearray(b'0123') b'456789'",
        "None None 0",
        "",
    ]


def test_udp__sendto_and_addresses(bindings):
    """NetBufs allocated, referring and chained; source and destination of what arrives."""
    out = bindings.run(
        PAIR
        + """
u = Netconn(UDP)
u.bind("127.0.0.1", 6000)
v = Netconn(UDP_IPV6)
m = NetBuf()
m.alloc(5)[:] = b"datag"
v.sendto(m, "127.0.0.1", 6000)
r = u.recv()
print(r.copy(), r.fromaddr(), r.fromport() == v.addr()[1], r.destaddr(), r.destport())
n = NetBuf()
n.ref(b"from ram")
u.sendto(n, r.fromaddr(), r.fromport())
print(v.recv().copy())
tail = NetBuf()
tail.alloc(3)[:] = b"ram"
m.chain(tail)
print(len(m), m.next(), bytes(m.data), err(tail.copy))
v.connect("127.0.0.1", 6000)
v.send(m)
print(u.recv().copy())
v.send(m)
print(u.recv().copy(), len(m))
lite = Netconn(UDPLITE)
lite.bind("127.0.0.1", 6001)
lite.sendto(n, "127.0.0.1", 6001)
print(lite.recv().copy())
"""
    )
    assert out.split("\n") == [
        "b'datag' 127.0.0.1 True 127.0.0.1 6000",
        "b'from ram'",
        f"8 1 b'ram' {errno.EBADF}",
        "b'datagram'",
        "b'datagram' 8",
        "b'from ram'",
        "",
    ]


def test_view__void_after_delete(bindings):
    """A view keeps its NetBuf, and notices its deletion; memoryview(), which could not, is refused."""
    out = bindings.run(
        PAIR
        + """
import gc
c, a = pair()
c.write(b"0123456789")
part = a.recv().data[2:6]
def deep(n):
    return deep(n - 1) if n else [0] * 50
for i in range(5):
    deep(20)
    gc.collect()
print(part.tobytes())
c.write(b"x" * 100)
nb = a.recv()
view = nb.data
wrongs = [lambda: memoryview(view), lambda: view[200], lambda: nb.delete() or view[0]]
for wrong in wrongs + [lambda: bytes(view), lambda: nb.data]:
    try:
        print(wrong())
    except Exception as e:
        print(type(e).__name__)
"""
    )
    assert out.split("\n") == [
        "b'2345'", "ValueError", "IndexError", "ValueError", "ValueError", "OSError", "",
    ]  # fmt: skip


def test_nocopy__pinned_until_acknowledged(bindings):
    """Data written without copying is sent as it was although the script dropped it, even after close."""
    out = bindings.run(
        PAIR
        + """
import gc, hashlib
c, a = pair()
a.set_nonblocking(True)
def feed(i):
    data = bytes([i]) * 3000
    return a.write(data, NOCOPY)
expected = b""
for i in range(2):
    expected += bytes([i]) * feed(i)
for i in range(30):
    junk = [bytes([255]) * 1000 for j in range(20)]
    junk = None
    gc.collect()
a.delete()
gc.collect()
got = b""
while True:
    nb = c.recv()
    if nb is None:
        break
    got += nb.copy()
    nb.delete()
print(len(got) == len(expected) >= 5000, got == expected)
"""
    )
    assert out == "True True\n"


def test_transfer__megabyte_between_apis(bindings):
    """A netconn that does not copy feeds a socket, and the other way round."""
    out = bindings.run(
        PAIR
        + """
import _thread, hashlib, socket
data = bytes(range(256)) * 64
whole = hashlib.sha256()
for i in range(64):
    whole.update(data)
whole = whole.digest()
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(1)
c = Netconn()
c.connect("127.0.0.1", s.getsockname()[1])
a = s.accept()[0]
def feed():
    for i in range(64):
        assert c.write(data, NOCOPY) == len(data)
    c.shutdown(False, True)
_thread.start_new_thread(feed, ())
h = hashlib.sha256()
buf = bytearray(3000)
total = 0
while True:
    n = a.recv_into(buf)
    if not n:
        break
    total += n
    h.update(memoryview(buf)[:n])
print(total, h.digest() == whole)
def feed_back():
    for i in range(64):
        a.sendall(data)
    a.close()
_thread.start_new_thread(feed_back, ())
h = hashlib.sha256()
total = 0
while True:
    nb = c.recv()
    if nb is None:
        break
    total += len(nb)
    while True:
        h.update(nb.data)
        if nb.next() < 0:
            break
    nb.delete()
print(total, h.digest() == whole)
"""
    )
    assert out == "1048576 True\n1048576 True\n"


def test_callback__events(bindings):
    """The event callback runs in the VM, also while it waits, and may raise without harm."""
    out = bindings.run(
        PAIR
        + """
import select
c, a = pair()
seen = []
c.callback(lambda conn, event, length: seen.append((conn is c, event, length)))
p = select.poll()
p.register(c, select.POLLIN)
a.write(b"12345")
print(p.poll(1000)[0][1] == select.POLLIN)
for i in range(1000):
    pass
print((True, EVT_RCVPLUS, 5) in seen)
c.recv().delete()
def raising(*args):
    raise ValueError("told")
c.callback(raising)
a.write(b"x")
print(c.recv().copy())
for i in range(1000):
    pass
try:
    c.callback(5)
except TypeError:
    print("TypeError")
"""
    )
    assert out.startswith("True\nTrue\n") and out.endswith("TypeError\n")
    assert "ValueError: told" in out and "b'x'" in out


def test_callback__each_event_in_order(bindings):
    """Each reception is told by itself; when too many wait they are told together, and no length is lost."""
    out = bindings.run(
        PAIR
        + """
import select, time
u, v = Netconn(UDP), Netconn(UDP)
u.bind("127.0.0.1", 0)
v.connect("127.0.0.1", u.addr()[1])
idle = Netconn(UDP)
p = select.poll()
p.register(idle, select.POLLIN)
m = NetBuf()
def send(*sizes):
    for size in sizes:
        m.ref(bytes(size))
        v.send(m)
        p.poll(1)
seen = []
def note(conn, event, length):
    if event == EVT_RCVPLUS and length == 1:
        # While a callback runs no other does: what comes now waits.
        send(10, 20, 30)
        conn.recv().delete()
        conn.recv().delete()
        p.poll(30)
    seen.append((event, length))
u.callback(note)
send(1)
p.poll(50)
print(seen == [(EVT_RCVPLUS, 1), (EVT_RCVPLUS, 10), (EVT_RCVPLUS, 20), (EVT_RCVPLUS, 30), (EVT_RCVMINUS, 1),
               (EVT_RCVMINUS, 10)] or seen)
def flood(conn, event, length):
    seen.append((event, length))
    if len(seen) == 1:
        for i in range(50):
            send(100 + i)
            conn.recv().delete()
        p.poll(30)
u.callback(None)
send(5)
while u.recv().len() != 5:
    pass
seen.clear()
u.callback(flood)
send(7)
p.poll(100)
for kind in (EVT_RCVPLUS, EVT_RCVMINUS):
    print(sum(length for event, length in seen if event == kind), end=" ")
u.set_nonblocking(True)
print(sum(100 + i for i in range(50)) + 7, u.recv().len(), err(u.recv), 27 < len(seen) <= 33)
"""
    )
    total = sum(100 + i for i in range(50)) + 7
    assert out == f"True\n{total} {total - 149} {total} 149 {errno.EAGAIN} True\n"


def test_errors__errno(bindings):
    """Misuse is an OSError with its errno, after deletion EBADF."""
    out = bindings.run(
        PAIR
        + """
t = Netconn()
u = Netconn(UDP)
print(err(t.recv), err(u.listen), err(u.accept), err(u.write, b"x"), err(t.write, b"x"))
print(err(t.connect, "127.0.0.1", 1))
print(err(t.write, b"x"), err(u.peer))
u.set_nonblocking(True)
print(err(u.recv), u.is_nonblocking())
u.set_nonblocking(False)
u.set_recvtimeout(50)
print(err(u.recv), u.get_recvtimeout())
print(err(u.send, NetBuf()))
u.delete()
u.delete()
print(err(u.recv), err(u.bind), err(lambda: u.type), u)
try:
    Netconn(99)
except ValueError:
    print("ValueError")
"""
    )
    e = errno
    assert out.split("\n") == [
        f"{e.ENOTCONN} {e.EOPNOTSUPP} {e.EOPNOTSUPP} {e.EOPNOTSUPP} {e.ENOTCONN}",
        f"{e.ECONNRESET}",
        f"{e.ENOTCONN} {e.ENOTCONN}",
        f"{e.EAGAIN} True",
        f"{e.ETIMEDOUT} 50",
        f"{e.EINVAL}",
        f"{e.EBADF} {e.EBADF} {e.EBADF} <Netconn deleted>",
        "ValueError",
        "",
    ]


@pytest.mark.parametrize("call", ["u.recv()", "s.accept()", "c.write(b'x' * 100000, NOCOPY)"])
def test_interrupt__keyboard(bindings, call):
    """Ctrl-C breaks what waits, and what was under way does no harm afterwards."""
    process = bindings.start(
        PAIR
        + f"""
import lwiptest
u = Netconn(UDP)
u.bind("127.0.0.1", 0)
s = Netconn()
s.bind("127.0.0.1", 0)
s.listen()
c, a = pair()
try:
    print("waiting")
    {call}
except KeyboardInterrupt:
    print("interrupted")
m = NetBuf()
m.ref(b"still fine")
u.sendto(m, "127.0.0.1", u.addr()[1])
print(u.recv().copy())
lwiptest.deinit()
"""
    )
    try:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert out == "interrupted\nb'still fine'\n" and process.returncode == 0, out + error


def test_deinit__gives_all_back(bindings):
    """Soft reset with NetBufs held, data unread, unsent and unacknowledged, and connections unaccepted."""
    out = bindings.run(
        PAIR
        + """
import lwiptest, select
start = used()
for i in range(10):
    kept = [pair() for j in range(3)]
    kept[0][0].write(b"x" * 3000)
    nb = kept[0][1].recv()
    view = nb.data
    kept[1][0].set_nonblocking(True)
    kept[1][0].write(b"y" * 50000, NOCOPY)
    buf = bytearray(10)
    kept[1][1].recv_into(buf)
    kept[2][0].shutdown(False, True)
    server = Netconn()
    server.bind("127.0.0.1", 0)
    server.listen()
    waiting = Netconn()
    waiting.connect("127.0.0.1", server.addr()[1])
    u = Netconn(UDP)
    u.bind("127.0.0.1", 0)
    m = NetBuf()
    m.ref(b"z" * 300)
    u.sendto(m, "127.0.0.1", u.addr()[1])
    r = Netconn(RAW, 1)
    lwiptest.deinit()
    # What was on its way through the loopback interface ends there.
    for j in range(100):
        if used() == start:
            break
        p = select.poll()
        s = Netconn(UDP)
        p.register(s, select.POLLIN)
        p.poll(30)
        s.delete()
    else:
        print(used(), start)
        break
else:
    print("all given back", u, view)
"""
    )
    assert out == "all given back <Netconn deleted> <View of 1460 bytes, given back>\n"


def test_recv__gathers_what_waits(bindings):
    """Segments that came together come in one NetBuf, the end behind them; recv_into takes what fits."""
    out = bindings.run(
        PAIR
        + """
import select
c, a = pair()
p = select.poll()
p.register(c, select.POLLIN)
def send(*pieces):
    for piece in pieces:
        a.write(piece)
    p.poll(100)
    p.unregister(c)
    p.register(_idle, select.POLLIN)
    p.poll(20)
    p.unregister(_idle)
    p.register(c, select.POLLIN)
_idle = Netconn(UDP)
a_, b_, c_ = [x * 1460 for x in (b"a", b"b", b"c")]
send(a_, b_, c_)
with c.recv() as nb:
    pieces = [bytes(nb.data)]
    while nb.next() >= 0:
        pieces.append(bytes(nb.data))
    print(nb.len(), len(pieces), b"".join(pieces) == a_ + b_ + c_)
send(a_, b_, c_)
buf = bytearray(2190)
print(c.recv_into(buf), buf == a_ + b_[:730], bool(p.poll(0)))
print(c.recv_into(buf), buf == b_[730:] + c_, bool(p.poll(0)))
send(a_, b_)
print(c.recv_into(buf), c.recv().copy() == b_[730:])
# The window opens by what is taken, however many receptions that was.
c.set_nonblocking(True)
a.set_nonblocking(True)
total = got = 0
while total < 200000:
    try:
        total += a.write(b"x" * 10000)
    except OSError:
        pass
    try:
        with c.recv() as nb:
            got += nb.len()
    except OSError:
        pass
c.set_nonblocking(False)
# By hand: nothing is opened until it is said.
while got < total:
    with c.recv(NOAUTORCVD) as nb:
        c.tcp_recvd(nb.len())
        got += nb.len()
send(b"last words")
a.delete()
p.poll(100)
print(got == total, c.recv().copy(), c.recv(), c.recv(), c.recv_into(buf), bool(p.poll(0)))
"""
    )
    assert out.split("\n") == [
        "4380 3 True",
        "2190 True True",
        "2190 True False",
        "2190 True",
        "True b'last words' None None 0 True",
        "",
    ]


def test_recv__error_behind_data(bindings):
    """What came before a reset is received, then comes the error, once, and nothing is lost or leaked."""
    out = bindings.run(
        PAIR
        + """
import socket, select
start = used()
for i in range(3):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    c = Netconn()
    c.connect("127.0.0.1", server.getsockname()[1])
    a = server.accept()[0]
    a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.write(b"unread, so that closing resets")
    for piece in (b"one", b"two"):
        a.send(piece)
    p = select.poll()
    p.register(a, select.POLLIN)
    p.register(c, select.POLLIN)
    p.poll(50)
    a.close()
    server.close()
    p.unregister(a)
    p.unregister(c)
    p.poll(20)
    print(c.recv().copy(), err(c.recv), c.state)
    c.delete()
"""
    )
    assert set(out.strip().split("\n")) == {f"b'onetwo' {errno.ECONNRESET} 0"}


def test_netbuf__refers_without_copying(bindings):
    """What a NetBuf refers to is held as long as somebody has it to send, and may be joined and deleted."""
    out = bindings.run(
        PAIR
        + """
import gc
u = Netconn(UDP)
u.bind("127.0.0.1", 0)
port = u.addr()[1]
start = used()
for i in range(40):
    head, tail = NetBuf(), NetBuf()
    head.ref(bytes([65 + i % 26]) * 20)
    tail.ref(bytearray(b"tail"))
    head.chain(tail)
    u.sendto(head, "127.0.0.1", port)
    head.ref(b"another")
    head.delete()
    junk = [bytes(20) for j in range(50)]
    with u.recv() as got:
        assert got.copy() == bytes([65 + i % 26]) * 20 + b"tail", got.copy()
print(err(tail.len), start == used() or (start, used()))
m = NetBuf()
m.ref(b"constant")
for code in ("m.take(b'x')", "m.data[0] = 1"):
    try:
        exec(code)
    except TypeError as e:
        print(e)
c, a = pair()
with NetBuf() as m:
    view = m.alloc(3000)
    for j in range(3000):
        view[j] = j & 0xff
    print(c.write_vectors([view[:1000], b"-", view[2000:]], NOCOPY))
junk = NetBuf()
junk.alloc(3000)[:] = bytes(3000)
got = b""
while len(got) < 2001:
    got += a.recv().copy()
print(got == (bytes(range(256)) * 12)[:1000] + b"-" + (bytes(range(256)) * 12)[2000:3000])
"""
    )
    assert out == f"{errno.EBADF} True\nread-only\nread-only\n2001\nTrue\n"


@pytest.mark.parametrize("rx", [False, True])
def test_shutdown__parts_netconn_and_pcb(bindings, rx):
    """After a shutdown that ended both ways the PCB goes on alone: its end does not touch the next netconn.

    With the end read, a shutdown of the other way parts them. The PCB in TIME_WAIT goes when lwIP wants
    a PCB; a netconn made in the meantime has the memory of the one before.
    """
    out = bindings.run(
        PAIR
        + f"""
for i in range(60):
    c, conn = pair()
    conn.shutdown(False, True)
    print(c.recv(), end=" ")
    c.delete()
    print(conn.recv(), end=" ")
    conn.shutdown({rx}, True)
    conn.delete()
    left, right = pair()
    right.write(b"still there")
    print(left.recv().copy())
    left.delete()
    right.delete()
"""
    )
    assert out.split("\n")[:-1] == ["None None b'still there'"] * 60


USED = f"""
EAGAIN = {errno.EAGAIN}
import micropython, socket, time
def fill(send):
    # Until nothing has gone on for a while.
    full = 0
    while full < 20:
        full = full + 1 if err(send, bytes(1000)) == EAGAIN else 0
        time.sleep_ms(2 if full else 0)
def stream():
    # A socket whose queue is full: its peer reads nothing.
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    s = socket.socket()
    s.connect(server.getsockname())
    peer, _ = server.accept()
    server.close()
    s.settimeout(0)
    fill(s.send)
    s.settimeout(2)
    return s, peer
def netconns():
    c, a = pair()
    c.set_nonblocking(True)
    fill(c.write)
    c.set_nonblocking(False)
    c.set_sendtimeout(2000)
    a.set_recvtimeout(2000)
    c.set_recvtimeout(2000)
    return c, a
def view():
    c, a = pair()
    a.write(bytes(range(200)) * 5)
    nb = c.recv()
    kept.append((c, a))
    return nb.data, nb.delete
def array():
    b = bytearray(600)
    return b, lambda: b.extend(bytes(5000))
def attempt(call, buffer, change):
    # The change is made while the call waits: nothing runs callbacks in a straight line.
    micropython.schedule(lambda _: change(), None)
    try:
        call(buffer)
    except Exception as e:
        return type(e).__name__, e.args[0]
kept = []
"""
# What waits, with the buffer that it is given; `s`, `peer` are sockets, `c`, `a` netconns.
WAITING = {
    "send": "s.send",
    "sendall": "s.sendall",
    "write": "s.write",
    "sendmsg": "lambda b: s.sendmsg([b'', b])",
    "recv_into": "s.recv_into",
    "recvfrom_into": "s.recvfrom_into",
    "readinto": "s.readinto",
    "netconn.write": "c.write",
    "netconn.write_vectors": "lambda b: c.write_vectors([b'x' * 30, b])",
    "netconn.recv_into": "c.recv_into",
}


@pytest.mark.parametrize("call", WAITING)
def test_buffer__gone_while_the_call_waits(bindings, call):
    """What a callback gives back, or moves by resizing it, is not touched any more: ValueError."""
    reads = "into" in call
    out = bindings.run(
        PAIR
        + USED
        + f"""
{"c, a = netconns()" if "netconn" in call else "s, peer = stream()"}
call = {WAITING[call]}
{"" if reads else "print(attempt(call, *view()))"}
print(attempt(call, *array()))
print(attempt(call, bytearray(600), lambda: None))
"""
    ).splitlines()
    gone = "('ValueError', 'the buffer was given back or resized meanwhile')"
    *changed, untouched = out
    assert changed == [gone] * (1 if reads else 2)
    # A write may find room for its bytes by then.
    assert untouched in (f"('OSError', {errno.ETIMEDOUT})", "OSError" if reads else "None")
