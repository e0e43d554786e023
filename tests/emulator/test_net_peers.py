# SPDX-License-Identifier: MIT
"""The model peer and the switch: two peers talk to each other, which shows both sides of each protocol."""

import hashlib
import struct

import pytest
from emulator.machine import Machine
from emulator.net.bridge import Bridge
from emulator.net.faults import Faults
from emulator.net.peers import DHCP_MAGIC, Peer, link_local
from emulator.net.switch import Switch
from emulator.net.wire import Station, Wire
from support.eth_player import MS

LEFT_MAC, RIGHT_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


class Pair:
    """Two peers on one cable."""

    def __init__(self, **keywords):
        self.machine = Machine()
        self.wire = Wire(self.machine)
        self.left = Peer(self.machine, self.wire, "10.0.7.1", address6="fd07::1", mac=LEFT_MAC, **keywords)
        self.right = Peer(self.machine, self.wire, "10.0.7.2", address6="fd07::2", mac=RIGHT_MAC)
        self.advance = self.machine.advance


@pytest.fixture
def pair():
    return Pair()


@pytest.mark.parametrize("address", ["10.0.7.2", "fd07::2", str(Peer.text(link_local(RIGHT_MAC)))])
def test_ping__resolves_and_answers(pair, address):
    pair.left.ping(address, 7, 3, b"x" * 100)
    pair.advance(1 * MS)
    [(_, source, identifier, sequence, data)] = pair.left.echo_replies
    assert (source, identifier, sequence, data) == (address, 7, 3, b"x" * 100)


def test_resolve__gives_up_after_three(pair):
    pair.left.ping("10.0.7.99")
    pair.advance(2_900 * MS)
    assert pair.left.counters["unreachable"] == 0
    pair.advance(200 * MS)
    assert pair.left.counters["unreachable"] == 1


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 8000])
def test_udp__sizes_and_fragments(pair, size):
    got = []
    pair.right.udp_listen(9, lambda *arguments: got.append(arguments))
    pair.left.udp_send("10.0.7.2", 9, 1000, bytes(size))
    pair.advance(5 * MS)
    assert got == [("10.0.7.1", 1000, bytes(size))]


def test_udp__stream_at_line_rate(pair):
    """1514 bytes on the wire every 123.04 us: 8127 a second."""
    times = []
    pair.right.udp_listen(9, lambda source, port, data: times.append(pair.machine.now))
    pair.left.udp_stream("10.0.7.2", 9, 1472, 50)
    pair.advance(10 * MS)
    assert len(times) == 50
    assert {b - a for a, b in zip(times[1:], times[2:], strict=False)} == {123_040}


def echo(connection):
    connection.on_data = connection.send


def exchange(pair, address, data, ms):
    """Send `data` to an echo server and read it back; the client's connection and what came."""
    pair.right.tcp.listen(7, echo)
    got = bytearray()

    def opened():
        client.on_data = got.extend
        client.send(data)

    client = pair.left.tcp.connect(address, 7, opened)
    pair.advance(ms * MS)
    return client, bytes(got)


@pytest.mark.parametrize("address", ["10.0.7.2", "fd07::2"])
@pytest.mark.parametrize("size", [1, 1460, 100_000])
def test_tcp__echo(pair, address, size):
    data = bytes(n * 7 & 255 for n in range(size))
    client, got = exchange(pair, address, data, 200)
    assert got == data
    client.close()
    pair.advance(100 * MS)
    assert client.state == "closed" and client.error is None
    assert not pair.left.tcp.connections and not pair.right.tcp.connections


def test_tcp__one_way_is_line_rate_with_an_ack_for_two(pair):
    """1460 of 1538 bytes of wire time: 94.93 Mbit/s."""
    done = []

    def accept(connection):
        connection.on_data = lambda data: connection.received == 1_460_000 and done.append(pair.machine.now)

    pair.right.tcp.listen(5, accept)
    client = pair.left.tcp.connect("10.0.7.2", 5, lambda: client.send(bytes(1_460_000)))
    pair.advance(1 * MS)
    start = pair.machine.now
    pair.advance(200 * MS)
    rate = 1_460_000 * 8 * 1000 / (done[0] - start)
    assert 94 < rate < 96
    server_segments = client.segments_in
    assert 500 <= server_segments <= 505


@pytest.mark.parametrize("seed", range(3))
def test_tcp__loss_reordering_duplication(seed):
    pair = Pair()
    pair.wire.faults = Faults(
        pair.machine, seed=seed, drop=0.02, corrupt=0.01, reorder=0.02, duplicate=0.02, delay=0.02
    )
    data = b"".join(n.to_bytes(4, "big") for n in range(50_000))
    client, got = exchange(pair, "10.0.7.2", data, 60_000)
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
    assert client.retransmitted > 0


def test_tcp__refused_reset_and_timeout(pair):
    refused = pair.left.tcp.connect("10.0.7.2", 99)
    pair.advance(10 * MS)
    assert (refused.state, refused.error) == ("closed", "refused")
    client, _ = exchange(pair, "10.0.7.2", b"x", 10)
    [server] = pair.right.tcp.connections.values()
    server.abort()
    pair.advance(10 * MS)
    assert (client.state, client.error) == ("closed", "reset")
    lost = pair.left.tcp.connect("10.0.7.2", 7)
    pair.wire.cut()
    pair.advance(120_000 * MS)
    assert (lost.state, lost.error) == ("closed", "timeout")


def test_tcp__closed_window_is_probed(pair):
    server = []
    pair.right.tcp.window = 2000

    def accept(connection):
        server.append(connection)
        connection.on_data = lambda data: setattr(connection, "window", max(0, 2000 - connection.received))

    pair.right.tcp.listen(5, accept)
    client = pair.left.tcp.connect("10.0.7.2", 5, lambda: client.send(bytes(4000)))
    pair.advance(1_000 * MS)
    assert server[0].window == 0 and client.queued > 0
    server[0].on_data = lambda data: None
    server[0].window = 65535
    pair.advance(2_000 * MS)
    assert client.queued == 0 and server[0].received == 4000


def test_tcp__half_close(pair):
    """Without on_end the other side closes too; with it, it may go on sending."""
    got = bytearray()

    def accept(connection):
        def ended():
            connection.send(b"after the end")
            connection.close()

        connection.on_end = ended

    pair.right.tcp.listen(5, accept)
    client = pair.left.tcp.connect("10.0.7.2", 5, lambda: client.close())
    client.on_data = got.extend
    pair.advance(100 * MS)
    assert got == b"after the end"
    assert client.state == "closed" and client.error is None


def dhcp_message(kind, mac, requested=None):
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, 0x11223344, 0, 0x8000)
    message = head + bytes(16) + mac + bytes(10) + bytes(192) + DHCP_MAGIC + bytes([53, 1, kind])
    if requested:
        message += bytes([50, 4]) + requested
    return message + b"\xff"


def test_dhcp__discover_request_and_refusal():
    pair = Pair(dhcp="10.0.7.100")
    pair.right.address = bytes(4)
    got = []
    pair.right.udp_listen(68, lambda source, port, data: got.append(data))
    offered = bytes([10, 0, 7, 100])
    for kind, requested in ((1, None), (3, offered), (3, bytes([10, 0, 7, 50]))):
        pair.right.udp_send("255.255.255.255", 67, 68, dhcp_message(kind, RIGHT_MAC, requested))
        pair.advance(1 * MS)
    assert [data[242] for data in got] == [2, 5, 6]
    assert got[0][16:20] == got[1][16:20] == offered
    options = got[1][240:]
    for option in ("0104ffffff00", "03040a000701", "06040a000701", "36040a000701", "330400000e10"):
        assert bytes.fromhex(option) in options


def test_dns__addresses_and_unknown_names():
    pair = Pair(names={"host.test": ["10.0.7.1", "fd07::1"]})
    got = []
    pair.right.udp_listen(4000, lambda source, port, data: got.append(data))
    for name, kind in (("host", 1), ("host", 28), ("none", 1)):
        query = struct.pack(">HHHHHH", 5, 0x0100, 1, 0, 0, 0) + bytes([4]) + name.encode() + b"\4test\0"
        pair.right.udp_send("10.0.7.1", 53, 4000, query + struct.pack(">HH", kind, 1))
        pair.advance(1 * MS)
    assert got[0].endswith(bytes([0, 4, 10, 0, 7, 1]))
    assert got[1].endswith(b"\0\x10\xfd\x07" + bytes(13) + b"\1")
    assert got[2][3] & 15 == 3


def test_bad_checksums_are_counted(pair):
    pair.left.udp_listen(9, lambda *arguments: pytest.fail("delivered"))
    pair.right.neighbours[pair.left.address] = LEFT_MAC
    datagram = struct.pack(">4H", 9, 9, 12, 0x1234) + b"data"
    pair.right.send_ip(pair.left.address, 17, datagram)
    pair.advance(1 * MS)
    assert pair.left.counters["bad_checksums"] == 1


def test_switch__learns():
    machine = Machine()
    switch = Switch(machine)
    wires = [Wire(machine) for _ in range(3)]
    stations = [Station(machine, wire) for wire in wires]
    heard = [[] for _ in stations]
    for station, frames in zip(stations, heard, strict=True):
        station.on_frame = frames.append
    for wire in wires:
        switch.port(wire)
    macs = [bytes([2, 0, 0, 0, 0, n]) for n in range(3)]

    def send(source, destination):
        stations[source].transmit(destination + macs[source] + b"\x88\xb5" + bytes(46))
        machine.advance(1 * MS)
        counts = [len(frames) for frames in heard]
        for frames in heard:
            frames.clear()
        return counts

    assert send(0, b"\xff" * 6) == [0, 1, 1]
    assert send(1, macs[0]) == [1, 0, 0]
    assert send(0, macs[1]) == [0, 1, 0]
    assert send(0, macs[2]) == [0, 1, 1]


class Solo:
    """A board of its own time, with a peer instead of a MAC: what Bridge needs of a board."""

    def __init__(self, address, mac, started_at):
        self.machine = Machine()
        self.machine.advance(started_at)
        self.net = Wire(self.machine)
        self.peer = Peer(self.machine, self.net, address, mac=mac)

    def run(self, ns):
        self.machine.advance(ns)


def test_bridge__two_times_one_network():
    """The boards' clocks need not agree; a round trip takes both frames and twice the latency."""

    def once():
        left, right = Solo("10.0.7.1", LEFT_MAC, 5_000), Solo("10.0.7.2", RIGHT_MAC, 777_777)
        bridge = Bridge([left, right])
        sent = left.machine.now
        left.peer.ping("10.0.7.2")
        bridge.run(5 * MS)
        [(when, *_)] = left.peer.echo_replies
        data = bytes(range(256)) * 400
        got = bytearray()
        right.peer.tcp.listen(7, echo)
        client = left.peer.tcp.connect("10.0.7.2", 7, lambda: client.send(data))
        client.on_data = got.extend
        bridge.run(500 * MS)
        assert bytes(got) == data
        return when - sent, left.machine.now - right.machine.now

    round_trip, difference = once()
    # ARP there and back, then the echo: four frames of 72 bytes, each sent twice
    assert round_trip == 4 * (2 * 72 * 80 + 50_000)
    assert difference == 5_000 - 777_777
    assert once() == (round_trip, difference)
