# SPDX-License-Identifier: MIT
"""What `--net` names: none (cable out), silent, tap:IF, tap:NETNS/IF, passt, passt:PORT:BOARDPORT,..."""

from .passt import Passt
from .tap import Tap
from .wire import Station


class BadSpec(ValueError):
    """`--net` names nothing that exists; the text lists what does."""


def connect(machine, wire, spec, **keywords):
    """Put what `spec` names on the free end of `wire`; returns the Station, or None for "none"."""
    kind, _, rest = spec.partition(":")
    if kind == "none":
        return None
    if kind == "tap" and rest:
        netns, _, name = rest.rpartition("/")
        return Tap(machine, wire, name, netns or None, **keywords)
    if kind == "passt":
        return Passt(machine, wire, forward=tuple(filter(None, rest.split(","))), **keywords)
    if kind == "silent" and not rest:
        return Station(machine, wire, **keywords)
    raise BadSpec(f"--net {spec}: none, silent, tap:IF, tap:NETNS/IF, passt or passt:PORT:BOARDPORT,...")
