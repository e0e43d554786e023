# SPDX-License-Identifier: MIT
"""Many frames both ways at once, and many cable cycles. `--full` (make soak) for the long runs."""

import json
import random
import socket
import struct
import zlib

import pytest
from emulator.net.faults import Faults
from emulator.net.peers import Peer as Served
from emulator.net.tap import Tap
from emulator.net.wire import fcs_ok
from support.eth_lab import BROADCAST, EthLab, Peer, ethernet, ipv4, udp4

pytestmark = pytest.mark.emulator_only

TYPE, UNKNOWN, PORT = 0x88B5, 0x88B6, 7000
FOREIGN = bytes.fromhex("02000000beef")
LOSSES = (
    "rx_truncated rx_overflow rx_crc rx_alignment rx_phy rx_watchdog rx_other rx_oversize rx_runt rx_missed "
    "rx_fifo_overflow rx_aborted"
).split()
# On the cable towards the board; what becomes of each is for the MAC and the driver to tell.
FAULTS = dict.fromkeys(("corrupt", "alignment", "symbol", "giant", "runt", "truncate", "duplicate"), 0.004)


@pytest.fixture
def full(pytestconfig):
    return pytestconfig.getoption("full")


def payload(rng, number, most=1500):
    """Its own checksum, its number, its size, noise."""
    size = rng.choice((46, 60, 200, 700, most, rng.randrange(46, most + 1)))
    body = struct.pack("!IH", number, size) + rng.randbytes(size - 10)
    return struct.pack("!I", zlib.crc32(body)) + body


def some_frame(rng, number, mac):
    """Mostly raw frames that a script reads; datagrams, a type that nobody knows, other stations' frames."""
    kind = rng.random()
    if kind < 0.70:
        return ethernet(BROADCAST if kind < 0.1 else mac, TYPE, payload(rng, number))
    if kind < 0.90:
        return ethernet(mac, 0x0800, ipv4(17, udp4(payload(rng, number, 1472), PORT)))
    return ethernet(FOREIGN if kind < 0.95 else mac, UNKNOWN, payload(rng, number))


class ModelEnd:
    """The far end is a station of the emulator's own. sent: frames from the board, in order."""

    def __init__(self, lab):
        self.station = lab.peer
        self.sent = []

    def offer(self, frame):
        self.station.transmit(frame)

    def take(self):
        self.sent += self.station.frames
        self.station.frames = []

    def lost(self):
        """(frames that did not get to the cable, frames of the board's that did not get here)."""
        counters = self.station.counters
        return counters["dropped"] + counters["no_link"], counters["bad"]

    def came(self):
        return len(self.sent)


ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS = 3, 263, 6


class TapEnd:
    """The far end is Linux: a packet socket on a TAP without addresses, on which the kernel says nothing."""

    NAME = "soak0"

    @classmethod
    def make(cls, lan):
        lan.run("ip", "tuntap", "add", "dev", cls.NAME, "mode", "tap")
        lan.run("ip", "link", "set", cls.NAME, "addrgenmode", "none")
        lan.run("ip", "link", "set", cls.NAME, "multicast", "off", "up")

    def __init__(self, lab, lan):
        self.lan, self.station = lan, lab.peer
        self.socket = lan.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((self.NAME, ETH_P_ALL))
        self.socket.setblocking(False)
        self.sent = []
        self.drops = 0
        self.before = self.kernel()
        lab.machine.poll.realtime = 0  # a packet socket has no time-outs to wait for
        self.write, self.station.on_frame = self.station.on_frame, self.pass_on

    def kernel(self):
        text = self.lan.run("ip", "-s", "-j", "link", "show", "dev", self.NAME)
        return json.loads(text)[0]["stats64"]

    def offer(self, frame):
        self.socket.send(frame)

    def pass_on(self, frame):
        """The socket's buffer holds fewer frames than the board sends in one call."""
        self.write(frame)
        self.take()

    def take(self):
        try:
            while True:
                self.sent.append(self.socket.recv(2000))
        except BlockingIOError:
            pass

    def lost(self):
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.drops += struct.unpack("II", statistics)[1]
        now, counters = self.kernel(), self.station.counters
        change = {way: {name: now[way][name] - self.before[way][name] for name in now[way]} for way in now}
        # The kernel's "tx" is towards the board. "packets" are those that got through, either way.
        assert change["tx"]["packets"] == counters["sent"] + counters["dropped"] + counters["no_link"]
        assert change["rx"]["packets"] + change["rx"]["dropped"] == counters["received"] - counters["dropped"]
        out = change["tx"]["dropped"] + counters["dropped"] + counters["no_link"]
        return out, counters["bad"] + change["rx"]["dropped"] + self.drops

    def came(self):
        return len(self.sent)


# The board counts what comes intact, and sends frames of random size meanwhile.
BOTH_WAYS = f"""
import binascii, gc, random, socket, struct
f = lan.frames(0x{TYPE:x}, queue=16)
f.settimeout(0)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("0.0.0.0", {PORT}))
u.settimeout(0)
buffer = bytearray(1514)
view = memoryview(buffer)
head = b"\\xff" * 6 + lan.config("mac") + b"\\x88\\xb5"
source = memoryview(bytes(random.getrandbits(8) for i in range(1500)))
intact = spoiled = sent = datagrams = 0
def good(at):
    global spoiled
    check, _, size = struct.unpack_from("!IIH", buffer, at)
    if binascii.crc32(view[at + 4:at + size]) != check:
        spoiled += 1
        return 0
    return 1
def read():
    global intact, datagrams
    try:
        while True:
            f.recv_into(buffer)
            intact += good(14)
    except OSError:
        pass
    while u.readinto(buffer) is not None:
        datagrams += good(0)
def both(n):
    global sent
    for i in range(n):
        size = 46 + random.getrandbits(10) if i & 3 else 46
        try:
            f.send(head + sent.to_bytes(4, "big") + bytes(source[:size]))
            sent += 1
        except OSError:
            pass
        read()
def levels():
    stats = lwip.stats()
    used = dict((name, pool[0]) for name, pool in stats["memp"].items())
    used["mem"] = stats["mem"][0]
    return used
"""


class Soak:
    """Traffic both ways on one lab; check() draws up the sums."""

    def __init__(self, lab, end, seed, faults):
        self.lab, self.end = lab, end
        self.rng = random.Random(seed)
        self.arrived = self.offered = self.damaged = 0
        self.faults = Faults(lab.machine, seed=seed, towards=lab.board.phy, **faults)
        lab.exec(BOTH_WAYS)
        lab.run(12_000)  # reports of multicast groups are sent within ten seconds
        lab.exec("lwip = __import__('lwip'); gc.collect(); before = levels()")
        end.take()
        self.skipped = end.came()
        lab.board.net.faults = self.faults
        lab.board.net.observe(self._seen)
        self.stats, self.lwip, self.mac = lab.stats(), lab.eval("lwip.stats()"), self._mac()
        self.sent_on, self.lost = end.station.counters["sent"], end.lost()

    def _mac(self):
        return dict(self.lab.machine["ETH"].mac.counters)

    def _seen(self, time, sender, frame, flags):
        if sender is self.end.station:
            self.arrived += 1
            self.damaged += not fcs_ok(frame)

    def run(self, total, batch):
        lab, end = self.lab, self.end
        for first in range(0, total, batch):
            for number in range(first, min(first + batch, total)):
                end.offer(some_frame(self.rng, number, lab.mac))
                self.offered += 1
            lab.exec(f"both({batch // 4})")
            settled = lab.machine.now
            while lab.machine.now - settled < 10_000_000:
                if end.station.queue:
                    settled = lab.machine.now
                lab.exec("read()")
            end.take()
        lab.board.net.faults = None
        lab.run(250)  # what was sent is looked for with the link, every 100 ms, at the latest
        lab.exec("read(); time.sleep_ms(5); read()")
        end.take()

    def check_received(self):
        """Offered = lost on the way here + on the cable; on the cable = filtered + delivered + counted."""
        lab = self.lab
        after, mac = lab.stats(), self._mac()
        change = {name: after[name] - self.stats[name] for name in after}
        mac = {name: mac[name] - self.mac[name] for name in mac}
        on_cable = self.end.station.counters["sent"] - self.sent_on
        assert self.offered == on_cable + self.end.lost()[0] - self.lost[0]
        assert self.arrived == on_cable + self.faults.counters["duplicate"]
        counted = sum(change[name] for name in LOSSES)
        # A frame cut off inside its header is gone before any address was seen.
        unseen = mac["filtered"] + mac["dropped_errors"]
        assert change["rx_frames"] + counted + unseen == self.arrived
        assert mac["deaf"] == mac["asleep"] == mac["control"] == 0
        self.check_delivered(change["rx_frames"])
        return change

    def check_delivered(self, frames):
        """What the driver handed up is with a script, or in a counter of lwIP's or of its objects."""
        lab = self.lab
        now = lab.eval("lwip.stats()")
        up = {name: now[name]["recv"] - self.lwip[name]["recv"] for name in ("ip", "udp", "etharp", "ip6")}
        unknown = now["etharp"]["proterr"] - self.lwip["etharp"]["proterr"]
        raw = lab.eval("f.stats()")
        intact, spoiled, datagrams = lab.eval("(intact, spoiled, datagrams)")
        assert spoiled == 0
        assert intact == raw["received"] > self.offered // 20
        assert 0 < datagrams <= up["udp"] <= up["ip"] > self.offered // 100
        # What finds the script's queue full is refused, which lwIP counts as a type that nobody takes.
        assert unknown > raw["dropped"]
        assert frames == intact + up["ip"] + up["etharp"] + up["ip6"] + unknown

    def check_sent(self, change):
        """None is lost on the way out, and they come in order."""
        sent = self.lab.eval("sent")
        frames = [frame for frame in self.end.sent[self.skipped :] if frame[12:14] == struct.pack("!H", TYPE)]
        numbers = [int.from_bytes(frame[14:18], "big") for frame in frames]
        assert numbers == list(range(sent)), set(range(sent)) - set(numbers)
        assert self.end.lost()[1] == self.lost[1] == 0
        assert change["tx_frames"] == change["tx_sent"] == self.end.came() - self.skipped >= sent > 0

    def check_restored(self):
        """All pools as at the start, and every buffer in the ring."""
        lab = self.lab
        lab.exec("f.close(); u.close(); time.sleep(1); gc.collect()")
        now, before = lab.eval("(levels(), before)")
        assert {name: used for name, used in now.items() if used > before[name]} == {}
        before = lab.stats()["rx_frames"]
        lab.exec(f"f = lan.frames(0x{TYPE:x}, queue=16)")
        for _ in range(12):
            self.end.offer(ethernet(BROADCAST, TYPE, bytes(1500)))
        lab.run(50)
        assert lab.stats()["rx_frames"] - before == 12


@pytest.mark.parametrize("over", ["model", "tap"])
def test_soak__frames_both_ways(firmware, full, request, over):
    """Line rate towards the board: each frame is delivered intact or in exactly one counter; none is lost
    on the way out; the ring and the pools are as at the start."""
    total, batch = (200_000 if full else 2500), 1250  # the TAP's queue takes 1000, the rest it counts
    if over == "tap":
        lan = request.getfixturevalue("lan")
        TapEnd.make(lan)
        lab = EthLab(
            firmware, peer=lambda machine, wire: Tap(machine, wire, TapEnd.NAME, f"/proc/{lan.pid}/ns/net")
        )
        end = TapEnd(lab, lan)
    else:
        lab = EthLab(firmware, peer=Peer)
        end = ModelEnd(lab)
    lab.up()
    soak = Soak(lab, end, 5, FAULTS)
    soak.run(total, batch)
    change = soak.check_received()
    soak.check_sent(change)
    soak.check_restored()
    lab.close()


CYCLES = """
import gc, network, socket, time
lan = network.LAN()
lan.active(True)
def wait(condition, ms=30000):
    end = time.ticks_add(time.ticks_ms(), ms)
    while not condition():
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            raise OSError("time")
        time.sleep_ms(5)
def leased():
    return lan.isconnected() and lan.ipconfig("has_dhcp4")
wait(leased)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
def shout(n):
    try:
        for i in range(n):
            s.sendto(bytes(900), ("10.9.0.1", 9))
    except OSError:
        pass
def ask(data):
    for i in range(3):
        try:
            s.sendto(data, ("10.9.0.1", 7))
            return s.recv(100) == data
        except OSError:
            pass
"""


def test_soak__cable_cycles_with_dhcp(firmware, full):
    """Out and in at random moments while both sides talk; in one of four cycles the server gives another
    address meanwhile, in another one DHCP begins anew. Connected every time; memory as at the start."""
    rng = random.Random(9)
    lab = EthLab(firmware, peer=lambda machine, wire: Served(machine, wire, "10.9.0.1", dhcp="10.9.0.100"))
    peer = lab.peer
    peer.udp_listen(7, lambda source, port, data: peer.udp_send(source, port, 7, data))
    lab.exec(CYCLES)
    lab.exec("gc.collect(); lwip = __import__('lwip'); mem = lwip.stats()['mem'][0]; free = gc.mem_free()")
    mac = lab.eval("lan.config('mac')")
    for cycle in range(1000 if full else 8):
        address = lab.eval("lan.ifconfig()[0]")
        peer.udp_stream(address, 9, rng.randrange(4, 1400), rng.randrange(60), gap_ns=rng.randrange(500_000))
        lab.exec(f"shout({rng.randrange(20)})")
        lab.run(rng.random() * 5)
        lab.board.net.cut()
        lab.run(rng.random() * 600)
        kind = cycle % 4
        if kind == 1:
            peer.leases.pop(mac)
        elif kind == 3:
            lab.exec("lan.active(False); lan.active(True)")
        lab.board.net.plug()
        lab.exec("time.sleep_ms(200); wait(leased)")
        assert lab.eval(f"ask({cycle.to_bytes(4, 'big')!r})"), cycle
        if kind == 1:
            assert lab.eval("lan.ifconfig()[0]") == peer.text(peer.leases[mac]) != address
    lab.exec("time.sleep(2); gc.collect()")
    assert lab.eval("lwip.stats()['mem'][0] - mem") <= 0
    assert lab.eval("free - gc.mem_free()") < 1000
    assert peer.counters["bad_checksums"] == 0
    lab.close()
