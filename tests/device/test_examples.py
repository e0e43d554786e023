# SPDX-License-Identifier: MIT
"""Every program in examples/ does on the board what it says, against a peer on the wire."""

import http.server
import os
import socket
import threading

import pytest
from support.emulated import TOP

UP = """
import network, time
lan = network.LAN()
lan.active(True)
for i in range(500):
    if lan.isconnected():
        break
    time.sleep_ms(20)
print(lan.ipconfig("addr4")[0])
"""


def example(name):
    """The program's text, defined and not started."""
    with open(os.path.join(TOP, "examples", name)) as file:
        return '__name__ = "example"\n' + file.read()


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


@pytest.mark.parametrize("api", ["socket", "netconn", "raw"])
def test_tcp_echo(online, lan, api):
    """Two clients, 20 kB each, come back unchanged."""
    board, address = online
    board.start(example(f"{api}/tcp_echo.py") + "\nserve(7, clients=2)\n")
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


@pytest.mark.parametrize("api", ["socket", "netconn", "raw"])
def test_udp_echo(online, lan, api):
    """Datagrams from 1 byte to a whole frame come back unchanged."""
    board, address = online
    sizes = (1, 100, 1472)
    board.start(example(f"{api}/udp_echo.py") + f"\nserve(7, datagrams={len(sizes)})\n")
    board.dut.expect_exact(b"listening")
    peer = lan.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for size in sizes:
        data = os.urandom(size)
        peer.sendto(data, (address, 7))
        assert peer.recvfrom(2000) == (data, (address, 7))
    _, error = board.finish(timeout=30)
    assert not error, error


@pytest.mark.parametrize("api", ["socket", "raw"])
def test_ping(online, lan, api):
    """The other end of the wire answers every time, an address where nobody is never."""
    board, _ = online
    out = board.exec(
        example(f"{api}/ping.py")
        + f"""
print([t is not None and 0 < t < 1000 for t in ping("{lan.host}", 3)])
print(ping("10.0.7.250", 1, 56, 0.2))
""",
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


def test_http_client(online, lan):
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
        out = board.exec(
            example("socket/http_client.py") + f'\nprint(get("{url}/here"))\nprint(get("{url}/nowhere"))\n',
            timeout=60,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert out == "(200, b'page /here')\n(404, b'page /nowhere')\n"


def test_http_server(online, lan):
    """The board's page is served to two clients at once, and ends by Ctrl-C."""
    board, address = online
    board.start(example("socket/http_server.py") + "\nasyncio.run(main(8080))\n")
    board.dut.expect_exact(b"listening")
    clients = [lan.socket(), lan.socket()]
    for client in clients:
        client.connect((address, 8080))
    for client, path in zip(clients, ("/", "/other"), strict=True):
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answers = []
    for client in clients:
        answer = b""
        while part := client.recv(65536):
            answer += part
        answers.append(answer)
    assert b"200 OK" in answers[0] and b"TCP_PCB" in answers[0]
    assert b"404" in answers[1] and answers[1].endswith(b"there is only /\n")
    board.dut.write(b"\x03")
    _, error = board.finish(timeout=30)
    assert b"KeyboardInterrupt" in error
