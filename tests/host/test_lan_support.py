# SPDX-License-Identifier: MIT
"""The tests' own network: the other end of the wire must work before a board is judged by it."""

import os
import socket
import struct
import sys

import pytest
from support.lan import HOST6, LanError


def test_lan__sockets_are_inside(lan):
    """A server and a client made by the test meet in the namespace; outside of it nobody listens."""
    with lan.socket() as server, lan.socket() as client:
        server.bind((lan.host, 8080))
        server.listen()
        client.connect((lan.host, 8080))
        accepted, _ = server.accept()
        with accepted:
            accepted.sendall(b"inside")
            assert client.recv(16) == b"inside"
    addresses = lan.run("ip", "-brief", "address")
    assert "tap0" in addresses and "eth0" not in addresses


def test_lan__names(lan):
    """DNS (RFC 1035 4.1): an A query for host.test is answered with our address."""
    query = (
        struct.pack(">6H", 0x1234, 0x0100, 1, 0, 0, 0) + b"\x04host\x04test\x00" + struct.pack(">2H", 1, 1)
    )
    with lan.socket(kind=socket.SOCK_DGRAM) as client:
        client.sendto(query, (lan.host, 53))
        answer = client.recv(512)
    assert struct.unpack_from(">4H", answer) == (0x1234, 0x8580, 1, 1)
    assert answer.endswith(struct.pack(">2HIH", 1, 1, 0, 4) + socket.inet_aton(lan.host))


def test_lan__failure_is_told(lan):
    with pytest.raises(LanError, match="ip link set nosuch up: .*nosuch"):
        lan.run("ip", "link", "set", "nosuch", "up")
    with lan.socket(socket.AF_INET6) as server:
        server.bind((HOST6, 0))


def test_lan__programs_are_inside(lan, tmp_path):
    """A program that is started inside resolves names by this network's server, from its own folder."""
    script = "import os, socket; print(os.getcwd(), socket.gethostbyname('micropython.org'))"
    log = tmp_path / "log"
    assert lan.start(sys.executable, "-c", script, log=log).wait(30) == 0
    assert log.read_text().split() == [os.getcwd(), lan.host]
