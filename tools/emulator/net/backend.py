# SPDX-License-Identifier: MIT
"""What `--net` names.

none                     the cable is out
silent                   link, and nobody there
peer                     a host in the emulator itself and its time: 10.0.7.1 with DHCP and DNS (peers.Peer)
tap:IF, tap:IF@NETNS     a TAP interface of this machine
passt[:PORT:BOARDPORT,...]   the host's network without privileges; TCP ports of 127.0.0.1 lead to the board

Behind it, +KIND=CHANCE,... makes trouble on the cable, as faults.Faults has it:
tap:tap0+drop=0.02,reorder=0.01,seed=7.
"""

import os

from .faults import Faults, parse
from .passt import Passt
from .pcap import PcapWriter
from .peers import Peer
from .tap import Tap
from .wire import Station

# A resolver for the board instead of /etc/resolv.conf's, e.g. 127.0.0.1 for one on this machine's loopback.
DNS_VARIABLE = "EMULATOR_DNS"
PEER_ADDRESS, PEER_LEASES = "10.0.7.1", "10.0.7.100"


class BadSpec(ValueError):
    """`--net` names nothing that exists; the text lists what does."""


def attach(machine, wire, spec, **keywords):
    """Put what `spec` names on the free end of `wire`; returns it (a Station or a Peer), None for "none"."""
    kind, _, rest = spec.partition(":")
    if kind == "none" and not rest:
        return None
    if kind == "silent" and not rest:
        return Station(machine, wire, **keywords)
    if kind == "peer" and not rest:
        return Peer(machine, wire, dhcp=PEER_LEASES, names={"peer.test": PEER_ADDRESS}, **keywords)
    if kind == "tap" and rest:
        name, _, netns = rest.partition("@")
        return Tap(machine, wire, name, netns or None, **keywords)
    if kind == "passt":
        keywords.setdefault("dns", os.environ.get(DNS_VARIABLE))
        return Passt(machine, wire, forward=tuple(filter(None, rest.split(","))), **keywords)
    raise BadSpec(
        f"--net {spec}: none, silent, peer, tap:IF, tap:IF@NETNS, passt or passt:PORT:BOARDPORT,..."
    )


class Connection:
    """What hangs on a board's cable: `station` (None without one) and `pcap`."""

    def __init__(self, station, pcap):
        self.station = station
        self.pcap = pcap

    def close(self):
        if self.station is not None and hasattr(self.station, "close"):
            self.station.close()
        if self.pcap is not None:
            self.pcap.close()


def connect(board, spec, pcap=None):
    """The other end of a board.Board's cable by `--net`, and a capture of it to the file `pcap`."""
    spec, _, trouble = spec.partition("+")
    if board.net is None:
        raise BadSpec(f"--net {spec}: this board has no network socket")
    writer = None
    if pcap:
        writer = PcapWriter(pcap)
        board.net.observe(writer)
    if trouble:
        board.net.faults = Faults(board.machine, **parse(trouble))
    return Connection(attach(board.machine, board.net, spec), writer)
