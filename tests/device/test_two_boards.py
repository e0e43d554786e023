# SPDX-License-Identifier: MIT
"""Two emulated boards on one emulated network, in virtual time: they find each other and exchange data."""

import pytest
from emulator.board import Board
from emulator.net.bridge import Bridge
from support.eth_lab import Serial, Transport

pytestmark = pytest.mark.emulator_only

MS = 1_000_000
UIDS = ((1, 2, 3), (4, 5, 6))
BYTES = 100_000

UP = """
import network, socket, time, hashlib
lan = network.LAN()
lan.ipconfig(addr4="10.9.0.{number}/24")
lan.active(True)
while not lan.isconnected():
    time.sleep_ms(10)
digest = hashlib.sha256()
"""

SERVER = """
l = socket.socket()
l.bind(("0.0.0.0", 7))
l.listen(1)
c, peer = l.accept()
while data := c.recv(4096):
    digest.update(data)
    c.sendall(data)
c.close()
print(peer[0], digest.digest().hex())
"""

CLIENT = """
time.sleep_ms(300)
s = socket.socket()
s.connect(("10.9.0.1", 7))
block = bytes(range(256)) * 4
left = {total}
back = 0
while left:
    part = block[: min(left, 1024)]
    s.sendall(part)
    got = 0
    while got < len(part):
        data = s.recv(1024)
        digest.update(data)
        got += len(data)
    left -= len(part)
s.close()
print(lan.config("mac")[0] & 1, digest.digest().hex())
"""


@pytest.fixture
def boards(firmware):
    made = [Board(firmware, strict=False, uid=uid) for uid in UIDS]
    yield made
    for board in made:
        board.close()


def start(board, script):
    board.usb.dtr = True
    board.run(10_000 * MS, until=lambda: board.usb.ready)
    transport = Transport(Serial(board))
    transport.enter_raw_repl(soft_reset=False)
    transport.exec_raw_no_follow(script)
    return transport


def test_two_boards__tcp_echo(boards):
    server, client = boards
    ends = [
        start(server, UP.format(number=1) + SERVER),
        start(client, UP.format(number=2) + CLIENT.format(total=BYTES)),
    ]
    network = Bridge(boards)
    outputs = [b"", b""]

    def over():
        for index, end in enumerate(ends):
            outputs[index] += end.serial.read(end.serial.inWaiting())
        return all(output.count(b"\x04") == 2 for output in outputs)

    network.run(20_000 * MS, until=over)
    (peer, received), (group, sent) = (output.split(b"\x04")[0].split() for output in outputs)
    assert peer == b"10.9.0.2" and group == b"0"
    assert received == sent
    assert boards[0].machine["ETH"].filter.mac_address(0) != boards[1].machine["ETH"].filter.mac_address(0)
