# SPDX-License-Identifier: MIT
"""A caller that comes again from the port it had, while the board keeps the old connection in TIME_WAIT."""

import errno
import socket
import time

import pytest
from support.eth_lab import EthLab
from support.lan import UP
from support.segments import ACK, FIN, MASK, RST, SYN, Caller

pytestmark = pytest.mark.emulator_only

PORT, FROM_PORT = 4000, 40001
MSS = 600
SENT = 3 * MSS
BEGIN = f"""
s = socket.socket()
s.bind(("", {PORT}))
s.listen(2)
"""
SERVE = f"""
c, _ = s.accept()
c.send(bytes({SENT}))
c.close()
"""
GLOBAL6 = """
found = []
while not found:
    time.sleep_ms(20)
    found = [a[0] for a in lan.ipconfig("addr6") if a[0].startswith("fd07") and a[1] == 0x30]
print(found[0])
"""


class Repeater(Caller):
    """From one and the same port."""

    def __init__(self, lab, sequence):
        super().__init__(lab, sequence, PORT, FROM_PORT, MSS)
        self.lengths = []  # of the board's segments

    def call(self):
        """Open, read all until the board's end, end: it is in TIME_WAIT."""
        self.open()
        self.lab.exec(SERVE)
        for _ in range(8):
            for sequence, _, flags, length in self.answers():
                assert sequence == self.expected and length <= MSS
                self.expected += length + bool(flags & FIN)
                self.lengths.append(length)
            self.send(ACK)
        assert sum(self.lengths) == SENT
        self.send(FIN | ACK)
        self.next += 1
        assert self.answers()[-1][1:3] == (self.next & MASK, ACK)


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    made.exec(BEGIN)
    yield made
    made.close()


@pytest.mark.parametrize("ahead", [1, 2000, 700_000])
@pytest.mark.parametrize("first", [1000, 0xFFFF_FF00])
def test_time_wait__a_later_syn_opens_anew(lab, ahead, first):
    """RFC 9293 3.10.7.4 (MAY-2), RFC 1122 4.2.2.13: at once, and with a number above all that were used."""
    old = Repeater(lab, first)
    old.call()
    new = Repeater(lab, old.next + ahead)
    new.call()
    assert 0 < (new.isn - old.expected) & 0xFFFFFFFF < 1 << 31
    assert max(new.lengths) == MSS  # its options were read
    assert lab.eval("len(__import__('lwip').stats('memp')['TCP_PCB']) > 0")


@pytest.mark.parametrize(
    "flags, ahead", [(SYN, 0), (SYN, -1), (SYN, -5000), (RST, 0), (SYN | RST, 9), (SYN | FIN, 9)]
)
def test_time_wait__nothing_else_ends_it(lab, flags, ahead):
    """Older segments and resets (RFC 1337) leave it alone; a later SYN is still known for what it is."""
    old = Repeater(lab, 1000)
    old.call()
    stray = Repeater(lab, old.next + ahead)
    stray.send(flags)
    assert all(not flags & SYN for _, _, flags, _ in stray.answers())
    lab.exec("import lwip; before = lwip.stats('memp')['TCP_PCB'][0]")
    assert lab.eval("before") == 1
    Repeater(lab, old.next + 10).call()


def test_time_wait__where_nobody_listens_any_more(lab):
    """The answer is the one of a closed port."""
    old = Repeater(lab, 1000)
    old.call()
    lab.exec("s.close()")
    new = Repeater(lab, old.next + 100_000)
    new.syn()
    assert new.answers() == [(0, new.next + 1, RST | ACK, 0)]


def call_from(lan, family, port, address):
    """A connection from `port`, as soon as Linux has forgotten the last one: its end is acknowledged then."""
    for _ in range(500):
        caller = lan.socket(family)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        caller.bind(("", port))
        try:
            caller.connect((address, PORT))
            return caller
        except OSError as error:
            caller.close()
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            time.sleep(0.02)
    raise AssertionError("the last connection does not end")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["4", "6"])
def test_time_wait__linux_comes_again(net_board, lan, family):
    """Linux's sockets, bound to one port, one after the other."""
    address = net_board.exec(UP, timeout=120).strip()
    net_board.exec(
        f"import socket\ns = socket.socket(socket.AF_INET6)\ns.bind(('::', {PORT}))\ns.listen(2)\n"
    )
    if family == socket.AF_INET6:
        address = net_board.exec(GLOBAL6, timeout=60).strip()
    net_board.start("for i in range(6):\n c, _ = s.accept()\n c.send(c.recv(4))\n c.close()\n")
    for number in range(6):
        with call_from(lan, family, FROM_PORT, address) as caller:
            caller.sendall(number.to_bytes(4, "big"))
            assert caller.recv(4, socket.MSG_WAITALL) == number.to_bytes(4, "big")
            assert caller.recv(1) == b""
    _, error = net_board.finish(timeout=30)
    assert not error, error
