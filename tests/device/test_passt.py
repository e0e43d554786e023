# SPDX-License-Identifier: MIT
"""The board on passt, as `make run` has it: names by DNS, a page by HTTP, and a connection from the host in.

All of it in a namespace: the DNS server (lan's dnsmasq) and the web server are on its loopback, and what
would be the way out leads nowhere.
"""

import hashlib
import http.server
import socket
import threading
import time

import pytest
from support.board import Board
from support.emulated import EmulatedBoard
from support.lan import HOST, TAP, Lan

pytestmark = [pytest.mark.emulator_only, pytest.mark.network]

PAGE = b"<p>" + bytes(range(32, 127)) * 300
FORWARDED = 18007

CONNECT = """
import network, time
lan = network.LAN()
lan.active(True)
start = time.ticks_ms()
while not lan.isconnected() and time.ticks_diff(time.ticks_ms(), start) < 3000:
    time.sleep_ms(10)
print(lan.isconnected(), lan.ifconfig())
"""

GET = """
import hashlib, socket
address = socket.getaddrinfo("host.test", {port}, socket.AF_INET, socket.SOCK_STREAM)[0][-1]
s = socket.socket()
s.connect(address)
s.send(b"GET /page HTTP/1.0\\r\\nHost: host.test\\r\\n\\r\\n")
digest = hashlib.sha256()
page = s.makefile("rb")
print(address[0], page.readline().decode().strip())
while page.readline().strip():
    pass
while block := page.read(512):
    digest.update(block)
s.close()
print(digest.digest().hex())
"""

ECHO = """
import socket
l = socket.socket()
l.bind(("0.0.0.0", 7))
l.listen(1)
print("listening")
c, peer = l.accept()
while True:
    data = c.recv(4096)
    if not data:
        break
    c.send(data)
c.close()
l.close()
"""


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def away(tmp_path_factory):
    """A namespace with servers and a default route that passt takes as its model."""
    lan = Lan(str(tmp_path_factory.mktemp("passt-lan")))
    try:
        lan.run("ip", "route", "replace", "default", "via", "10.0.7.254", "dev", TAP)
        yield lan
    finally:
        lan.close()


@pytest.fixture(scope="module")
def passt_board(away, firmware, pytestconfig, tmp_path_factory):
    directory = tmp_path_factory.mktemp("passt-board")
    patch = pytest.MonkeyPatch()
    patch.setenv("EMULATOR_DNS", "127.0.0.1")
    process = EmulatedBoard(
        firmware,
        pytestconfig.getoption("board"),
        str(directory / "emulator.log"),
        "--net",
        f"passt:{FORWARDED}:7",
        prefix=away.inside(),
    )
    patch.undo()
    board = Board(process.usb, str(directory / "serial.log"), process)
    board.soft_reset()
    yield board
    board.close()


@pytest.fixture(scope="module")
def web(away):
    """The port of a web server on the namespace's address."""
    listener = away.socket()
    listener.bind((HOST, 0))
    listener.listen(5)
    listener.settimeout(None)
    server = http.server.ThreadingHTTPServer((HOST, 0), Pages, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.shutdown()
    server.server_close()


def test_passt__address_within_three_seconds(passt_board):
    assert passt_board.exec(CONNECT).startswith("True ('10.0.2.15', '255.255.255.0', '10.0.2.2', '10.0.2.2')")


def test_passt__page_by_name(passt_board, web):
    passt_board.exec(CONNECT)
    answer = passt_board.exec(GET.format(port=web)).splitlines()
    assert answer == [f"{HOST} HTTP/1.0 200 OK", hashlib.sha256(PAGE).hexdigest()]


def test_passt__host_reaches_an_echo_server_on_the_board(passt_board, away):
    passt_board.exec(CONNECT)
    passt_board.start(ECHO)
    passt_board.expect(b"listening")
    data = bytes(range(256)) * 40
    with away.socket() as client:
        client.connect(("127.0.0.1", FORWARDED))
        sender = threading.Thread(target=client.sendall, args=(data,), daemon=True)
        sender.start()
        got = b""
        give_up = time.monotonic() + 30
        while len(got) < len(data) and time.monotonic() < give_up:
            got += client.recv(65536)
        sender.join(30)
        client.shutdown(socket.SHUT_WR)
    assert got == data
    assert passt_board.finish()[1] == b""
