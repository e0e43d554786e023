# SPDX-License-Identifier: MIT
"""Every program in examples/ does on the board what it says, against a peer on the wire."""

import http.server
import os
import socket
import threading

import pytest
from support.emulated import TOP
from support.lan import UP

APIS = ["socket", "netconn", "raw", "asyncio"]


def example(name):
    """The program's text, defined and not started."""
    with open(os.path.join(TOP, "examples", name)) as file:
        return '__name__ = "example"\n' + file.read()


def call(api, expression):
    """What runs a function of an example: asyncio's are coroutines."""
    return f"asyncio.run({expression})" if api == "asyncio" else expression


@pytest.fixture
def online(net_board):
    return net_board, net_board.exec(UP, timeout=60).strip()


def echo(lan, address):
    """20 kB there and back on a connection of their own."""
    client = lan.socket()
    client.connect((address, 7))
    data = os.urandom(20000)
    feeder = threading.Thread(target=client.sendall, args=(data,))
    feeder.start()
    got = b""
    while len(got) < len(data):
        part = client.recv(65536)
        assert part, len(got)
        got += part
    feeder.join()
    client.close()
    assert got == data


@pytest.mark.parametrize("api", APIS)
def test_tcp_echo(online, lan, api):
    """Two clients, 20 kB each, come back unchanged."""
    board, address = online
    board.start(example(f"{api}/tcp_echo.py") + call(api, "serve(7, clients=2)"))
    board.dut.expect_exact(b"listening")
    for _ in range(2):
        echo(lan, address)
    _, error = board.finish(timeout=60)
    assert not error, error


def test_tcp_echo__acknowledgements_find_a_buffer(online, lan):
    """The raw server holds what it read in what it sends on: buffers are left to take the ACKs in."""
    board, address = online
    board.start(example("raw/tcp_echo.py") + "\nserve(7, clients=30)\n")
    board.dut.expect_exact(b"listening")
    for _ in range(30):
        echo(lan, address)
    _, error = board.finish(timeout=60)
    assert not error, error


@pytest.mark.parametrize("api", APIS)
def test_udp_echo(online, lan, api):
    """Datagrams from 1 byte to a whole frame come back unchanged."""
    board, address = online
    sizes = (1, 100, 1472)
    board.start(example(f"{api}/udp_echo.py") + call(api, f"serve(7, datagrams={len(sizes)})"))
    board.dut.expect_exact(b"listening")
    peer = lan.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for size in sizes:
        data = os.urandom(size)
        peer.sendto(data, (address, 7))
        assert peer.recvfrom(2000) == (data, (address, 7))
    _, error = board.finish(timeout=30)
    assert not error, error


@pytest.mark.parametrize("api", APIS)
def test_ping(online, lan, api):
    """The other end of the wire answers every time, an address where nobody is never."""
    board, _ = online
    answered = call(api, f"ping('{lan.host}', 3)")
    nobody = call(api, "ping('10.0.7.250', 1, 56, 0.2)")
    out = board.exec(
        example(f"{api}/ping.py")
        + f"\nprint([t is not None and 0 < t < 1000 for t in {answered}])\nprint({nobody})\n",
        timeout=60,
    )
    assert out.startswith("[True, True, True]\n") and out.endswith("[None]\n"), out


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"page {self.path}".encode()
        self.send_response(200 if self.path == "/here" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("api", APIS)
def test_http_client(online, lan, api):
    """The client fetches from Python's own web server, by name."""
    board, _ = online
    listener = lan.socket()
    listener.bind(("", 0))
    listener.listen(4)
    server = http.server.HTTPServer(("", 0), Pages, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://host.test:{listener.getsockname()[1]}"
    try:
        here, nowhere = call(api, f"get('{url}/here')"), call(api, f"get('{url}/nowhere')")
        out = board.exec(
            example(f"{api}/http_client.py") + f"\nprint({here})\nprint({nowhere})\n", timeout=60
        )
    finally:
        server.shutdown()
        server.server_close()
    assert out == "(200, b'page /here')\n(404, b'page /nowhere')\n"


def fetch(lan, address, path):
    """(status, body) of the board's file server, by HTTP/1.0."""
    client = lan.socket()
    client.connect((address, 80))
    client.sendall(f"GET {path} HTTP/1.0\r\nHost: board\r\n\r\n".encode())
    answer = b""
    while part := client.recv(65536):
        answer += part
    client.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return int(head.split()[1]), body


FILES = """
import os
with open("/flash/big.bin", "wb") as file:
    for i in range(100):
        file.write(bytes((i * j) & 0xFF for j in range(500)))
open("/flash/empty.txt", "w").close()
"""
BIG = b"".join(bytes((i * j) & 0xFF for j in range(500)) for i in range(100))


@pytest.mark.parametrize("api", APIS)
def test_file_server(online, lan, api):
    """Files whole and intact, an empty one, 404 for what is not there, is a directory or leads upwards."""
    board, address = online
    board.exec(FILES)
    paths = ("/big.bin", "/empty.txt", "/nothing", "/", "/../flash/big.bin", "/big.bin")
    limit = "" if api == "asyncio" else f", clients={len(paths)}"
    board.start(example(f"{api}/file_server.py") + call(api, f"serve('/flash', 80{limit})"))
    board.dut.expect_exact(b"listening")
    answers = [fetch(lan, address, path) for path in paths]
    assert [status for status, _ in answers] == [200, 200, 404, 404, 404, 200]
    assert answers[0][1] == answers[-1][1] == BIG and answers[1][1] == b""
    if api == "asyncio":
        board.dut.write(b"\x03")
    _, error = board.finish(timeout=60)
    assert not error or b"KeyboardInterrupt" in error, error
    board.exec("import os\nos.remove('/flash/big.bin')\nos.remove('/flash/empty.txt')")


@pytest.mark.parametrize("api", APIS)
def test_chat(online, lan, api):
    """What is typed on the board reaches the group; what another says there is printed."""
    board, address = online
    group = socket.inet_aton("239.192.0.7") + socket.inet_aton(lan.host)
    peer = lan.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("", 7007))
    peer.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lan.host))
    board.start(example(f"{api}/chat.py") + call(api, "chat('anna')"))
    board.dut.expect_exact(b"talking")
    peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    board.dut.write(b"hello\n")
    assert peer.recvfrom(2000) == (b"anna: hello", (address, 7007))
    peer.sendto(b"bert: good morning", ("239.192.0.7", 7007))
    board.dut.expect_exact(b"bert: good morning")
    board.dut.write(b"bye\n")
    assert peer.recv(2000) == b"anna: bye"
    board.dut.write(b"\n")
    _, error = board.finish(timeout=30)
    assert not error, error
