# SPDX-License-Identifier: MIT
"""The cable and what hangs on it: faults, captures, TAP, passt."""

import os
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest
from emulator.machine import Machine
from emulator.net import backend, pcap
from emulator.net.faults import KINDS, Faults
from emulator.net.passt import ADDRESS, GATEWAY, Passt, PasstError
from emulator.net.passt_window import WindowRepair
from emulator.net.tap import Tap
from emulator.net.wire import Station, Wire, fcs_ok, with_fcs
from emulator.poll import Poll
from support.eth_player import HOST, MAC, MS, EthPlayer, frame

WALL_SECONDS = 20  # long enough for a busy machine; no test measures it


@pytest.fixture
def player(machine):
    player = EthPlayer(machine)
    player.start(rx=16)
    return player


# Frames


def test_fcs__of_a_known_frame():
    """IEEE 802.3 3.2.9: CRC-32, whose check value for "123456789" is cbf43926, low byte first on the wire."""
    assert fcs_ok(b"123456789" + b"\x26\x39\xf4\xcb")
    assert not fcs_ok(bytes(64))
    assert len(with_fcs(b"")) == 64 and fcs_ok(with_fcs(b""))


def test_wire__cut_loses_what_is_on_it(player):
    player.station.transmit(frame(payload=bytes(1000)))
    player.advance(20_000)
    player.wire.cut()
    player.advance(1 * MS)
    assert player.received() == [] and player.wire.lost == 1


def test_station__without_link_drops_and_counts(machine):
    player = EthPlayer(machine, link=False)
    player.station.transmit(frame())
    player.advance(1 * MS)
    assert player.station.counters["no_link"] == 1


# Faults


@pytest.mark.parametrize("kind", KINDS)
def test_faults__each_kind(player, kind):
    """What the board makes of each fault: how many good frames, which counters."""
    player.wire.faults = Faults(player.machine, seed=1)
    player.wire.faults.script(player.phy, [kind])
    first, second = frame(payload=b"\1" * 300), frame(payload=b"\2" * 300)
    player.station.transmit(first)
    player.station.transmit(second)
    player.advance(10 * MS)
    good = [data[:-4] for _, data in player.received()]
    expected = {
        "duplicate": sorted([first, first, second]),
        "reorder": [first, second],
        "delay": [first, second],
    }
    assert sorted(good) == expected.get(kind, [second])
    if kind == "reorder":
        assert good == [second, first]
    assert player.wire.faults.counters[kind] == 1
    bad_fcs, alignment = player.read("MMCRFCECR"), player.read("MMCRFAECR")
    assert bad_fcs == (kind in ("corrupt", "truncate", "giant"))
    assert alignment == (kind == "alignment")


def test_faults__sums_agree_and_repeat():
    """Every frame sent is delivered or in a counter; the same seed gives the same trouble."""

    def run():
        player = EthPlayer(Machine())
        player.start(rx=16)
        chances = dict.fromkeys(("drop", "corrupt", "runt", "alignment", "symbol", "truncate"), 0.05)
        player.wire.faults = faults = Faults(player.machine, seed=7, reorder=0.05, **chances)
        delivered = []
        for number in range(400):
            player.station.transmit(frame(payload=number.to_bytes(2, "big") * 100))
            if number % 8 == 7:
                player.advance(1 * MS)
                delivered += [int.from_bytes(data[14:16], "big") for _, data in player.received()]
        player.advance(10 * MS)
        delivered += [int.from_bytes(data[14:16], "big") for _, data in player.received()]
        counters = faults.counters
        assert len(delivered) == counters["passed"] + counters["reorder"]
        assert sum(counters.values()) == 400
        assert (
            player.eth.mac.counters["dropped_errors"]
            == sum(counters[kind] for kind in ("corrupt", "runt", "alignment", "symbol", "truncate"))
            - player.eth.mac.counters["filtered"]
        )
        return delivered, counters

    assert run() == run()


def test_faults__unknown_kind():
    with pytest.raises(ValueError, match="gremlin"):
        Faults(Machine(), gremlin=0.1)


# Capture


def test_pcap__both_ways_with_virtual_times(player, tmp_path):
    writer = pcap.PcapWriter(tmp_path / "wire.pcap")
    player.wire.observe(writer)
    sent, came = frame(HOST, MAC, payload=bytes(60)), frame(payload=bytes(70))
    player.send(sent)
    player.advance(1 * MS)
    player.station.transmit(came)
    before = player.machine.now
    player.advance(1 * MS)
    writer.close()
    (first_time, first), (second_time, second) = pcap.read(tmp_path / "wire.pcap")
    assert (first, second) == (sent, came)
    assert 3_000 * MS < first_time < second_time
    assert second_time - before == (8 + 84 + 4) * 80 + player.wire.delay_ns
    header = (tmp_path / "wire.pcap").read_bytes()[:24]
    assert struct.unpack("<IHHiIII", header) == (0xA1B23C4D, 2, 4, 0, 0, 65535, 1)


# Back ends


def test_backend__names():
    machine = Machine()
    assert backend.attach(machine, Wire(machine), "none") is None
    assert isinstance(backend.attach(machine, Wire(machine), "silent"), Station)
    for spec in ("", "tap", "tap:", "ethernet", "silent:x"):
        with pytest.raises(backend.BadSpec):
            backend.attach(machine, Wire(machine), spec)


class Desk:
    """What connect() takes: a board with a cable."""

    def __init__(self):
        self.machine = Machine()
        self.net = Wire(self.machine)


def test_backend__connects_with_capture_and_faults(tmp_path):
    desk = Desk()
    near = Station(desk.machine, desk.net)
    cable = backend.connect(desk, "peer+drop=1.0,seed=5", tmp_path / "wire.pcap")
    near.transmit(arp_request(MAC, "10.0.7.9", "10.0.7.1"))
    desk.machine.advance(1 * MS)
    desk.net.faults = None
    near.transmit(arp_request(MAC, "10.0.7.9", "10.0.7.1"))
    desk.machine.advance(1 * MS)
    cable.close()
    assert near.counters["received"] == 1
    assert len(pcap.read(tmp_path / "wire.pcap")) == 3
    for spec in ("peer+gremlin=1", "peer+drop", "peer+drop=often"):
        with pytest.raises(ValueError):
            backend.connect(Desk(), spec)


@pytest.fixture
def outside():
    """A machine that listens to file descriptors, and a station that plays the board at the near end."""
    machine = Machine()
    machine.poll = Poll()
    wire = Wire(machine)
    board = Station(machine, wire)
    board.frames = []
    board.on_frame = board.frames.append
    yield machine, wire, board
    machine.poll.close()


def pump(machine, until, board=None, frame=None):
    """Let virtual time and file descriptors run until `until()`, sending `frame` again and again."""
    give_up = time.monotonic() + WALL_SECONDS
    turn = 0
    while not until():
        if frame is not None and turn % 20 == 0:
            board.transmit(frame)
        turn += 1
        assert time.monotonic() < give_up, "nothing came"
        machine.advance(1 * MS)
        machine.poll.wait(0.01)


def arp_request(sender, sender_ip, wanted_ip):
    body = bytes.fromhex("0001080006040001") + sender + socket.inet_aton(sender_ip) + bytes(6)
    return b"\xff" * 6 + sender + b"\x08\x06" + body + socket.inet_aton(wanted_ip)


def internet_checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ip_packet(source, destination, protocol, payload):
    header = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0))
    header += socket.inet_aton(source) + socket.inet_aton(destination)
    header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
    return bytes(header) + payload


def udp(source, destination, source_port, port, data):
    return ip_packet(source, destination, 17, struct.pack(">4H", source_port, port, 8 + len(data), 0) + data)


@pytest.fixture
def namespace():
    """A network namespace with a TAP in it: its name."""
    name, ip = f"emu{os.getpid()}", shutil.which("ip")
    if ip is None:
        pytest.skip("iproute2's ip is not installed")
    if subprocess.run([ip, "netns", "add", name], capture_output=True).returncode:
        pytest.skip("no rights to make a network namespace (root only)")
    try:
        for command in (
            "tuntap add dev tap0 mode tap",
            "address add 10.0.7.1/24 dev tap0",
            "link set tap0 up",
        ):
            subprocess.run([ip, "-n", name, *command.split()], check=True)
        yield name
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


def test_tap__kernel_answers_arp_and_ping(outside, namespace):
    machine, wire, board = outside
    tap = backend.attach(machine, wire, f"tap:tap0@{namespace}")
    assert machine.poll.realtime == 1
    arp = arp_request(MAC, "10.0.7.9", "10.0.7.1")
    # more than once: the kernel's queue opens some time after the interface was
    pump(
        machine,
        lambda: any(data[12:14] == b"\x08\x06" and data[21] == 2 for data in board.frames),
        board,
        arp,
    )
    reply = next(data for data in board.frames if data[12:14] == b"\x08\x06" and data[21] == 2)
    kernel = reply[6:12]
    echo = bytes.fromhex("0800") + internet_checksum(bytes.fromhex("0800000000010001")).to_bytes(2, "big")
    echo += bytes.fromhex("00010001")

    # the kernel will ask for us first
    def answer(data):
        board.frames.append(data)
        if data[12:14] == b"\x08\x06" and data[21] == 1:
            body = bytes.fromhex("0001080006040002") + MAC + socket.inet_aton("10.0.7.9") + data[22:32]
            board.transmit(data[6:12] + MAC + b"\x08\x06" + body)

    board.on_frame = answer
    board.transmit(kernel + MAC + b"\x08\x00" + ip_packet("10.0.7.9", "10.0.7.1", 1, echo))
    pump(machine, lambda: any(data[23:24] == b"\1" and data[34:35] == b"\0" for data in board.frames))
    tap.close()
    assert machine.poll.realtime == 0 and len(machine.poll) == 0


def test_tap__unknown_interface_is_an_error_that_names_it(outside):
    machine, wire, _ = outside
    if not os.access("/dev/net/tun", os.W_OK):
        pytest.skip("/dev/net/tun is not writable")
    with pytest.raises(OSError, match="namespace|TAP"):
        Tap(machine, wire, "tap0", "no-such-namespace-here")


@pytest.fixture
def loopback():
    """A namespace with loopback and a default route into nothing: what passt needs as a model."""
    name, ip = f"pst{os.getpid()}", shutil.which("ip")
    if ip is None or shutil.which("passt") is None:
        pytest.skip("ip or passt is not installed")
    if subprocess.run([ip, "netns", "add", name], capture_output=True).returncode:
        pytest.skip("no rights to make a network namespace (root only)")
    try:
        for command in (
            "link set lo up",
            "tuntap add dev up0 mode tap",
            "address add 192.0.2.2/24 dev up0",
            "link set up0 up",
            "route add default via 192.0.2.1 dev up0",
        ):
            subprocess.run([ip, "-n", name, *command.split()], check=True)
        yield name
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


class Inside(threading.Thread):
    """Runs `function` in a thread that is in a network namespace."""

    def __init__(self, name, function):
        super().__init__(daemon=True)
        self.name_space = name
        self.function = function
        self.result = None
        self.ready = threading.Event()
        self.start()
        self.ready.wait(WALL_SECONDS)

    def run(self):
        import ctypes

        with open(f"/var/run/netns/{self.name_space}") as there:
            ctypes.CDLL(None).setns(there.fileno(), 0x40000000)
        self.result = self.function()
        self.ready.set()


def test_passt__dhcp_dns_and_forwarding(outside, loopback, monkeypatch):
    """An address by DHCP, a datagram to a resolver on the host's loopback, a connection from there."""
    machine, wire, board = outside
    monkeypatch.setattr("emulator.net.passt.PREFIX_COMMAND", ("ip", "netns", "exec", loopback))
    passt = Passt(machine, wire, forward=["18080:80"], dns="127.0.0.1")
    options = bytes.fromhex("63825363") + bytes([53, 1, 1, 55, 2, 3, 6, 255])
    discover = struct.pack(">BBBBIHH16x16s192x", 1, 1, 6, 0, 0x1234, 0, 0, MAC + bytes(10)) + options
    board.transmit(b"\xff" * 6 + MAC + b"\x08\x00" + udp("0.0.0.0", "255.255.255.255", 68, 67, discover))
    pump(machine, lambda: any(data[36:38] == b"\x00\x44" for data in board.frames))
    offer = next(data for data in board.frames if data[36:38] == b"\x00\x44")
    gateway = offer[6:12]
    assert socket.inet_ntoa(offer[58:62]) == ADDRESS
    assert b"\x06\x04" + socket.inet_aton(GATEWAY) in offer[282:]

    server = Inside(loopback, lambda: udp_server(53)).result
    with server:
        board.transmit(gateway + MAC + b"\x08\x00" + udp(ADDRESS, GATEWAY, 5000, 53, b"query"))
        pump(machine, lambda: readable(server))
        data, peer = server.recvfrom(100)
        assert data == b"query"
        server.sendto(b"answer", peer)
        pump(machine, lambda: any(data.rstrip(b"\0").endswith(b"answer") for data in board.frames))

    client = Inside(loopback, lambda: tcp_client(18080)).result
    with client:
        # passt asks for our address, then opens the connection
        board.on_frame = lambda data: on_arp(board, data)
        pump(
            machine, lambda: any(data[23:24] == b"\6" and data[36:38] == b"\x00\x50" for data in board.frames)
        )
        syn = next(data for data in board.frames if data[23:24] == b"\6" and data[36:38] == b"\x00\x50")
        assert syn[47] & 2
    passt.close()
    assert passt.process.returncode is not None and len(machine.poll) == 0


def on_arp(board, data):
    board.frames.append(data)
    if data[12:14] == b"\x08\x06" and data[21] == 1:
        body = bytes.fromhex("0001080006040002") + MAC + socket.inet_aton(ADDRESS) + data[22:32]
        board.transmit(data[6:12] + MAC + b"\x08\x06" + body)


def udp_server(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    made.setblocking(False)
    return made


def tcp_client(port):
    made = socket.socket()
    made.setblocking(False)
    made.connect_ex(("127.0.0.1", port))
    return made


def readable(server):
    try:
        return bool(server.recvfrom(100, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_passt__that_ends_says_why(outside, namespace, monkeypatch, capfd):
    """In a namespace without a default route there is nothing it could stand for: no link, one line."""
    if shutil.which("passt") is None:
        pytest.skip("passt is not installed")
    machine, wire, _ = outside
    monkeypatch.setattr("emulator.net.passt.PREFIX_COMMAND", ("ip", "netns", "exec", namespace))
    passt = Passt(machine, wire)
    pump(machine, lambda: passt.failure)
    [line] = [line for line in capfd.readouterr().err.splitlines() if line]
    assert line.startswith("emulator: no network, passt ended: No external routable interface")
    assert passt.mode is None


SCALED = bytes.fromhex("0204 05b4 01 030308")  # MSS 1460, NOP, window scale 8
PLAIN = bytes.fromhex("0204 05b4")


def tcp(source, destination, flags, window, options=b"", ports=(7, 40576)):
    """A TCP segment with its checksum, in a frame."""
    offset = (20 + len(options)) << 2
    header = struct.pack(">HHIIBBHHH", *ports, 1, 2, offset, flags, window, 0, 0) + options
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", 6, len(header))
    header = header[:16] + internet_checksum(pseudo + header).to_bytes(2, "big") + header[18:]
    return MAC + HOST + b"\x08\x00" + ip_packet(source, destination, 6, header)


def test_passt__windows_that_it_should_not_have_scaled():
    """RFC 7323: both sides send the option, or no window is scaled. The checksum follows."""
    to_board = ("10.0.2.2", "10.0.2.15")
    to_passt = ("10.0.2.15", "10.0.2.2")
    repair = WindowRepair()
    syn = tcp(*to_board, 2, 65535, SCALED, (40576, 7))
    assert repair.from_passt(syn) == syn
    repair.from_board(tcp(*to_passt, 18, 11680, PLAIN))
    data = tcp(*to_board, 16, 100, ports=(40576, 7))
    assert repair.from_passt(data) == tcp(*to_board, 16, 25600, ports=(40576, 7))
    assert repair.from_passt(tcp(*to_board, 16, 300, ports=(40576, 7))) == tcp(
        *to_board, 16, 65535, ports=(40576, 7)
    )
    repair.from_board(tcp(*to_passt, 18, 11680, SCALED))
    assert repair.from_passt(data) == data
    other = tcp(*to_board, 16, 100, ports=(40577, 7))
    assert repair.from_passt(other) == other
    assert repair.from_passt(frame()) == frame()


def test_passt__missing_program_is_one_line(outside, monkeypatch):
    machine, wire, _ = outside
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(PasstError, match="passt is not installed"):
        Passt(machine, wire)
