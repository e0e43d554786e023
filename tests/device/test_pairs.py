# SPDX-License-Identifier: MIT
"""Every API on the board against Linux's sockets, and all nine pairs of ends on the board's own loopback.

`--full` (make soak) for transfers of 1 MB everywhere.
"""

import ast
import socket
import threading

import pytest
from support import streams
from support.streams import APIS, MSS, ends_source

UP = """
import network
lan = network.LAN()
lan.active(True)
until(lambda: lan.isconnected(), "link")
def global6():
    # The address that the router's prefix gave, once it is known to be nobody else's.
    for address in lan.ipconfig("addr6"):
        if address[0].startswith("fd07:") and address[1] & 0x10:
            return address[0]
until(global6, "addr6")
print(lan.ipconfig("addr4")[0], global6())
"""
SECONDS = 600  # for a board on a busy machine


@pytest.fixture
def lengths(pytestconfig):
    return (1, MSS, 1 << 20) if pytestconfig.getoption("full") else (1, MSS, 40_000)


@pytest.fixture
def ends_board(net_board):
    """The board with ends.py, and its addresses: {False: IPv4, True: IPv6}."""
    net_board.exec(ends_source(), timeout=60)
    four, six = net_board.exec(UP, timeout=120).split()
    return net_board, {False: four, True: six}


def family(v6):
    return socket.AF_INET6 if v6 else socket.AF_INET


def bound(lan, v6, kind):
    made = lan.socket(family(v6), kind)
    made.bind(("", 0))
    return made


class Elsewhere(threading.Thread):
    """call() in a thread; result() waits for its value."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self.call = call
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.call()
        except BaseException as error:
            self.error = error

    def result(self):
        self.join(SECONDS)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.value


@pytest.mark.parametrize("api", APIS)
def test_pairs__board_calls_linux(ends_board, lan, api, lengths):
    """Streams and datagrams to a CPython server and back, IPv4 and IPv6; the digests are right."""
    board, _ = ends_board
    for v6 in (False, True):
        host = lan.host6 if v6 else lan.host
        with bound(lan, v6, socket.SOCK_STREAM) as listener, bound(lan, v6, socket.SOCK_DGRAM) as datagrams:
            listener.listen(8)
            tcp = Elsewhere(lambda listener=listener: streams.tcp_serve(listener, lengths))
            udp = Elsewhere(lambda datagrams=datagrams: streams.udp_serve(datagrams))
            ports = listener.getsockname()[1], datagrams.getsockname()[1]
            got = board.exec(
                f"print((call('tcp', {api!r}, {v6}, {host!r}, {ports[0]}, {lengths}), "
                f"call('udp', {api!r}, {v6}, {host!r}, {ports[1]}, {lengths})))",
                timeout=SECONDS,
            )
            assert tcp.result() == streams.expected_tcp(lengths)
            assert udp.result() == streams.expected_udp_serve(lengths)
        assert ast.literal_eval(got) == (streams.expected_tcp(lengths), streams.expected_udp_call(lengths))


@pytest.mark.parametrize("api", APIS)
def test_pairs__linux_calls_board(ends_board, lan, api, lengths):
    """The same the other way round: the board serves."""
    board, addresses = ends_board
    for v6 in (False, True):
        board.start(
            f"""
listening = []
for proto, port in (("tcp", 4000), ("udp", 4001)):
    print("serving")
    print("got", serve(proto, {api!r}, {v6}, port, {lengths}))
"""
        )
        board.expect(b"serving", SECONDS)

        def stream(v6=v6):
            return lan.socket(family(v6), socket.SOCK_STREAM)

        sent = streams.tcp_call(stream, (addresses[v6], 4000), lengths)
        board.expect(b"serving", SECONDS)
        with bound(lan, v6, socket.SOCK_DGRAM) as datagrams:
            asked = streams.udp_call(datagrams, (addresses[v6], 4001), lengths)
        out, error = board.finish(SECONDS)
        assert not error, error
        assert sent == streams.expected_tcp(lengths)
        assert asked == streams.expected_udp_call(lengths)


LOOPBACK = """
import _thread
_thread.stack_size(8192)
served = []
def server(*case):
    try:
        served.append(serve(*case))
    except Exception as e:
        served.append(e)
for i, (a, b) in enumerate({cases}):
    case = {proto!r}, a, {v6}, 4000 + i, {lengths}
    _thread.start_new_thread(server, case)
    called = call({proto!r}, b, {v6}, {host!r}, 4000 + i, {lengths})
    until(lambda: served, "served")
    print((a, b, served.pop(), called))
"""


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_pairs__loopback(board, proto, v6, lengths):
    """All nine pairs on 127.0.0.1 and ::1, one end in a thread of its own."""
    board.exec(ends_source(), timeout=60)
    cases = [(a, b) for a in APIS for b in APIS]
    host = "::1" if v6 else "127.0.0.1"
    script = LOOPBACK.format(cases=cases, proto=proto, v6=v6, lengths=lengths, host=host)
    tcp = proto == "tcp"
    served = streams.expected_tcp(lengths) if tcp else streams.expected_udp_serve(lengths)
    called = streams.expected_tcp(lengths) if tcp else streams.expected_udp_call(lengths)
    got = [ast.literal_eval(line) for line in board.exec(script, timeout=SECONDS).splitlines()]
    assert got == [(a, b, served, called) for a, b in cases]
