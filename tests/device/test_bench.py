# SPDX-License-Identifier: MIT
"""What `make bench` measures with: that it works, repeats exactly, and what must hold whatever the speed."""

import pytest
from bench import measures
from bench.rig import PEER, Rig

pytestmark = pytest.mark.emulator_only

NONBLOCKING = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(({PEER!r}, 5001))
s.send(b"warm")
time.sleep_ms(50)
s.setblocking(False)
print("ready")
def flood(send, data):
    for sent in range(200):
        try:
            send(data)
        except OSError as e:
            return e.errno, sent

error, sent = flood(s.send, bytes(1472))
time.sleep_ms(50)
s.send(b"again")
print((error, sent))
"""


@pytest.fixture
def rig(firmware):
    with Rig(str(firmware), "STM32F4DISC_DISBB") as rig:
        yield rig


def test_udp_tx__waits_for_memory(rig):
    """Datagrams sent faster than the wire takes them wait for memory and all go out, none too late."""
    figures = measures.udp_tx(rig, "socket")
    assert figures["socket.udp.tx.mbit_s"] > 90


def test_udp_tx__nonblocking(rig):
    """Without blocking, a datagram that finds no memory is EAGAIN, and later ones go out again."""
    arrived = []
    rig.peer.udp_listen(5001, lambda source, port, data: arrived.append(len(data)))
    rig.start("socket_api.py", NONBLOCKING)
    error, sent = rig.results()
    assert error == 11
    assert arrived == [4] + [1472] * sent + [5]


def test_tcp_tx__connections_in_turn(rig):
    """Eight connections share a heap smaller than what they have in flight, and none waits for a timer."""
    assert measures.tcp_tx_in_turn(rig, "socket", 8)["socket.tcp.tx8.mbit_s"] > 60


def test_repeats(firmware):
    """The same image gives the same figures to the last digit."""
    runs = []
    for _ in range(2):
        with Rig(str(firmware), "STM32F4DISC_DISBB") as rig:
            runs.append(measures.tcp_echo(rig, "socket"))
    assert runs[0] == runs[1]
    assert runs[0]["socket.tcp.echo64.instructions"] > 0


def test_udp_burst__all_delivered(rig):
    """Datagrams back to back, at 7 us each, while the script sleeps: none is lost."""
    figures = measures.udp_burst(rig, "socket")
    assert figures == {"udp.burst32.delivered": 32}


@pytest.mark.parametrize("way", ["rx", "tx"])
def test_frame__no_copies(rig, way):
    """From the wire to lwIP and back no byte of a frame is copied, and interrupts do not outnumber frames."""
    figures = getattr(measures, f"frame_{way}")(rig, "socket", 1514)
    assert figures[f"frame1514.{way}.copied_bytes"] == 0
    assert figures[f"frame1514.{way}.interrupts"] <= 1
    assert 0 < figures[f"frame1514.{way}.instructions"] < 5000
