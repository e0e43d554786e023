# SPDX-License-Identifier: MIT
"""Two boards on one emulated wire: every API talks to every other, also over a bad cable; in virtual time.

`--full` (make soak) for transfers of 1 MB everywhere.
"""

import ast

import pytest
from emulator.board import Board
from emulator.net.bridge import Bridge
from emulator.net.faults import Faults
from support.eth_lab import MS, Serial, Transport
from support.streams import (
    APIS,
    MSS,
    ends_source,
    expected_tcp,
    expected_udp_call,
    expected_udp_serve,
)

pytestmark = pytest.mark.emulator_only

UIDS = ((1, 2, 3), (4, 5, 6))
ADDRESSES = {False: ("10.9.0.1", "10.9.0.2"), True: ("fd09::1", "fd09::2")}
BAD_CABLE = {"drop": 0.02, "reorder": 0.02, "duplicate": 0.02}
SECONDS = 3000  # of virtual time, for all cases of a test together: 1 MB at 10 % loss takes some 10 minutes

UP = """
import network
lan = network.LAN()
lan.ipconfig(addr4="10.9.0.{number}/24")
lan.ipconfig(addr6="fd09::{number}")
lan.active(True)
until(lambda: lan.isconnected(), "link")
time.sleep(2)  # until the IPv6 address is known to be nobody else's
import lwip
def rest():
    gc.collect()
    own = ("SYS_TIMEOUT", "TCPIP_MSG_API", "TCP_PCB")
    pools = {{k: v[0] for k, v in lwip.stats("memp").items() if k not in own}}
    pools["PBUF"] = max(pools["PBUF"] - 1, 0)  # a datagram's memory is let go when the next one is sent
    return pools, lwip.stats("mem")[0]
before = rest()
"""


class Pair:
    """Two boards with ends.py on each; run() gives both a script and returns what they print."""

    def __init__(self, firmware):
        self.boards = [Board(firmware, strict=False, uid=uid) for uid in UIDS]
        self.ends = []
        for board in self.boards:
            board.usb.dtr = True
            board.run(10_000 * MS, until=lambda board=board: board.usb.ready)
            transport = Transport(Serial(board))
            transport.enter_raw_repl(soft_reset=False)
            transport.exec_raw(ends_source())
            self.ends.append(transport)
        self.network = Bridge(self.boards)
        self.run(*(UP.format(number=number) for number in (1, 2)))

    def spoil(self, **chances):
        """Trouble on one board's cable, for what comes and for what goes; without an argument, its end."""
        board = self.boards[0]
        board.net.faults = Faults(board.machine, seed=2, **chances) if chances else None

    def run(self, *scripts):
        outputs = [b"", b""]
        for end, script in zip(self.ends, scripts, strict=True):
            end.exec_raw_no_follow(script)

        def over():
            for index, end in enumerate(self.ends):
                outputs[index] += end.serial.read(end.serial.inWaiting())
            return all(output.endswith(b"\x04>") for output in outputs)

        self.network.run(SECONDS * 1000 * MS, until=over)
        assert over(), outputs
        results = []
        for end, output in zip(self.ends, outputs, strict=True):
            end.serial.received += b">"  # the next command looks for it
            text, error, _ = output.split(b"\x04")
            results.append(text.decode().replace("\r\n", "\n"))
            assert not error, (results, error.decode())
        return results

    def close(self):
        reports = [text for board in self.boards for text in board.machine.reports if "OTG_FS" not in text]
        for board in self.boards:
            board.close()
        assert not reports


@pytest.fixture(scope="module")
def pair(firmware):
    made = Pair(firmware)
    yield made
    made.close()


@pytest.fixture
def lengths(pytestconfig):
    return (1, MSS, 1 << 20) if pytestconfig.getoption("full") else (1, MSS, 40_000)


CASES = [(server, client) for server in APIS for client in APIS]
SERVER = """
got = []
for i, (server, client) in enumerate({cases}):
    got.append(serve({proto!r}, server, {v6}, 4000 + i, {lengths}))
    print(server, client, got[-1])
"""
CLIENT = """
got = []
for i, (server, client) in enumerate({cases}):
    got.append(call({proto!r}, client, {v6}, {host!r}, 4000 + i, {lengths}))
    print(server, client, got[-1])
"""
# Soon nothing is left of it all, but PCBs in TIME_WAIT, and timers, which are lwIP's own. Before that a FIN
# that was lost is sent again, and a datagram of which a fragment was lost is given up (IPv6: after a minute).
SETTLED = """
del got
for _ in range(250):
    time.sleep_ms(300)
    if rest() == before:
        break
print(rest() == before or (rest(), before))
"""
# Collects after every record, and puts something else where it may have lain.
LITTER = """
def record(number):
    gc.collect()
    litter = [b"\\xa5" * RECORD for _ in range(3)]
    return number.to_bytes(4, "big") + TAIL
"""


def results(pair, *scripts):
    """Of each side what each case got."""
    return [
        [ast.literal_eval(line.split(None, 2)[2]) for line in text.splitlines()]
        for text in pair.run(*scripts)
    ]


def all_pairs(pair, proto, v6, lengths):
    names = {"proto": proto, "v6": v6, "lengths": lengths, "cases": CASES, "host": ADDRESSES[v6][0]}
    served, called = results(pair, SERVER.format(**names), CLIENT.format(**names))
    assert pair.run(SETTLED, SETTLED) == ["True\n"] * 2
    if proto == "tcp":
        assert served == [expected_tcp(lengths)] * 9
        assert called == served
    else:
        assert served == [expected_udp_serve(lengths)] * 9
        assert called == [expected_udp_call(lengths)] * 9


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_pairs__two_boards(pair, proto, v6, lengths):
    """One byte, one segment and 1 MB each way between all nine pairs of ends; every digest is right."""
    all_pairs(pair, proto, v6, lengths)


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_pairs__bad_cable(pair, proto, v6, lengths):
    """The same with 2 % of the frames lost, 2 % late and 2 % doubled."""
    pair.spoil(**BAD_CABLE)
    try:
        all_pairs(pair, proto, v6, lengths)
        counters = pair.boards[0].net.faults.counters
        assert min(counters[kind] for kind in BAD_CABLE) > 0, counters
    finally:
        pair.spoil()


def test_nocopy__bad_cable(pair, lengths):
    """What lwIP sends without a copy is kept until it is acknowledged, though the script forgets it at once
    and fills its heap anew; lost segments are sent again from it, intact."""
    names = {"proto": "tcp", "v6": False, "lengths": lengths, "host": ADDRESSES[False][0]}
    cases = [("socket", "netconn"), ("socket", "raw")]
    pair.spoil(**{**BAD_CABLE, "drop": 0.1})
    try:
        client = CLIENT.replace("{lengths})", "{lengths}, NOCOPY)").format(**names, cases=cases)
        served, called = results(pair, SERVER.format(**names, cases=cases), LITTER + client)
    finally:
        pair.spoil()
    assert served == called == [expected_tcp(lengths)] * 2
    assert pair.run(SETTLED, SETTLED) == ["True\n"] * 2
