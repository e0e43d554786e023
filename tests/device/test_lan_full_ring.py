# SPDX-License-Identifier: MIT
"""The rings are full. Transmit: what TCP could not hand over goes out later, once and in order. Receive: what
connections keep behind a segment they miss does not keep that one out."""

import pytest
from emulator.net.peers import Peer
from emulator.net.wire import M10_FULL, Signal
from support.eth_lab import HOST_IP, EthLab
from support.segments import ACK, Caller

pytestmark = pytest.mark.emulator_only

PORT = 7000
PIECES = 40
SCRIPT = f"""
from lwip import raw
flood = raw.UDP()
datagram = raw.Pbuf(bytes(258))
def fill():
    # On a wire of 10 Mbit/s: 250 us a frame, and much less to hand it over.
    try:
        while True:
            flood.sendto(datagram, {HOST_IP!r}, 9)
    except OSError:
        pass
def send(byte):
    while True:
        try:
            t.write(bytes([byte]) * 50, 0)
            break
        except OSError:  # too much is not acknowledged yet
            time.sleep_ms(1)
    try:
        t.output()
    except OSError:
        pass
t = raw.TCP()
state = []
t.connect({HOST_IP!r}, {PORT}, lambda tcp, err: state.append(err))
while not state:
    time.sleep_ms(1)
t.nagle(False)
full = lan.stats()["tx_full"]
for i in range({PIECES}):
    fill()
    send(i)
    # Some frames go, without an interrupt: the next output finds them gone.
    time.sleep_us({{pause}})
    send(i)
time.sleep_ms(700)
print(lan.stats()["tx_full"] - full >= {PIECES})
"""


class Sink(Peer):
    """At 10 Mbit/s; keeps what it is sent by TCP."""

    def __init__(self, machine, wire):
        super().__init__(machine, wire, HOST_IP, names={}, signal=Signal(modes=(M10_FULL,)))
        self.udp_listen(9, lambda source, port, data: None)
        self.received = b""
        self.tcp.listen(PORT, self.accept)

    def accept(self, connection):
        def take(data):
            self.received += data

        connection.on_data = take


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware, peer=Sink)
    made.up()
    yield made
    made.close()


@pytest.mark.parametrize("pause", [0, 300, 900, 4000])
def test_full_ring__tcp_sends_the_rest_once(lab, pause):
    """However much of the ring is free by the next attempt, and whoever finds that out: the one that sends
    (in the middle of tcp_output(), which must not be entered again) or the interrupt."""
    segments = []
    lab.board.net.observe(
        lambda time, sender, frame, flags: (
            segments.append(frame[38:42])
            if sender is lab.board.net.ends[0] and frame[23] == 6 and len(frame) > 64
            else None
        )
    )
    assert lab.exec(SCRIPT.format(pause=pause)) == "True\n"
    assert lab.peer.received == b"".join(bytes([i]) * 100 for i in range(PIECES))
    assert len(segments) == len(set(segments))  # none twice


CALLERS, PIECE = 6, 1400
SERVE = f"""
server = socket.socket()
server.bind(("", {PORT}))
server.listen({CALLERS})
ends = []
"""
READ = f"""
end = ends.pop(0)
end.settimeout(1)
data = bytearray()
while len(data) < 3 * {PIECE}:
    data += end.recv(2000)
print(data == b"\\0" * {PIECE} + b"\\1" * {PIECE} + b"\\2" * {PIECE})
"""


def test_full_ring__missing_segments_get_in(firmware):
    """Each of many connections misses its first segment and has got the next two: these fill the ring. The
    missing ones are taken all the same, at once, and in the end every byte arrives once."""
    lab = EthLab(firmware)
    lab.up()
    lab.exec(SERVE)
    pieces = [bytes([n]) * PIECE for n in range(3)]
    callers = [Caller(lab, 1000, PORT, 40001 + n) for n in range(CALLERS)]
    for caller in callers:
        caller.open()
        lab.exec("ends.append(server.accept()[0])")
    for caller in callers:
        for n in (1, 2):
            caller.send(ACK, pieces[n], ahead=n * PIECE)
        assert {answer[1] for answer in caller.answers()} <= {caller.next}
    for caller in callers:
        caller.send(ACK, pieces[0])
        lab.run(300)  # more than a delayed acknowledgement waits
        taken = caller.answers()[-1][1] - caller.next
        assert taken in (PIECE, 2 * PIECE, 3 * PIECE)
    for caller in callers:
        for n in (1, 2):
            caller.send(ACK, pieces[n], ahead=n * PIECE)
        assert lab.exec(READ) == "True\n"
    lab.close()
