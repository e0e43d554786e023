# SPDX-License-Identifier: MIT
"""Trouble on a cable, at random from a seed, or one fault after the other from a list.

wire.faults = Faults(machine, seed=1, drop=0.02, reorder=0.01)
wire.faults.script(end, ["pass", "drop", "corrupt"])      # the next three frames towards `end`
"""

import random
from collections import deque
from zlib import crc32

from .wire import DRIBBLE, RX_ER

KINDS = (
    "drop",
    "corrupt",
    "duplicate",
    "reorder",
    "delay",
    "runt",
    "giant",
    "alignment",
    "symbol",
    "truncate",
)
GIANT_BYTES = 3000


def parse(text):
    """Keywords for Faults from "drop=0.02,reorder=0.01,seed=7"."""
    keywords = {}
    for item in text.split(","):
        name, _, value = item.partition("=")
        try:
            keywords[name] = int(value) if name in ("seed", "max_delay_ns") else float(value)
        except ValueError:
            raise ValueError(f"{item!r}: a fault is KIND=CHANCE, e.g. drop=0.02") from None
    return keywords


class Faults:
    """Each of KINDS is a probability per frame; the first one that hits is what happens to it.

    drop        it never arrives
    corrupt     a byte is changed: its FCS is wrong
    duplicate   it arrives twice
    reorder     it arrives after the frame behind it
    delay       it arrives later by up to max_delay_ns
    runt        the first 20 to 59 bytes arrive, with an FCS of their own
    giant       it is followed by rubbish up to 3000 bytes, with an FCS of its own
    alignment   an odd nibble follows, and the FCS is wrong
    symbol      RX_ER during the frame
    truncate    it is cut off somewhere
    collision   probability per frame sent on a half-duplex link; late_collision, the same after 64 bytes

    counters[kind] tells how often each happened; `towards` limits it all to frames for that end.
    """

    def __init__(
        self, machine, seed=0, towards=None, max_delay_ns=2_000_000, collision=0, late_collision=0, **chances
    ):
        unknown = set(chances) - set(KINDS)
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        self.machine = machine
        self.seed = seed
        self.random = random.Random(seed)
        self.towards = towards
        self.max_delay_ns = max_delay_ns
        self.collisions = (collision, late_collision)
        self.chances = [(kind, chances[kind]) for kind in KINDS if chances.get(kind)]
        self.counters = dict.fromkeys((*KINDS, "passed", "collision", "late_collision"), 0)
        self._scripts = {}
        self._held = {}

    def script(self, end, kinds):
        """The next frames towards `end` meet these faults in this order; "pass" is none of them."""
        for kind in kinds:
            if kind != "pass" and kind not in KINDS:
                raise ValueError(f"no such fault: {kind}")
        self._scripts.setdefault(end, deque()).extend(kinds)

    def _choose(self, receiver):
        script = self._scripts.get(receiver)
        if script:
            return script.popleft()
        if self.towards is not None and receiver is not self.towards:
            return "pass"
        for kind, chance in self.chances:
            if self.random.random() < chance:
                return kind
        return "pass"

    def passing(self, wire, receiver, frame, flags):
        """Wire: a frame has reached `receiver`'s end."""
        kind = self._choose(receiver)
        self.counters["passed" if kind == "pass" else kind] += 1
        if kind == "pass":
            wire.deliver(receiver, frame, flags)
        elif kind == "reorder":
            self._hold(wire, receiver, frame, flags)
            return
        elif kind != "drop":
            getattr(self, f"_{kind}")(wire, receiver, frame, flags)
        self._release(wire, receiver)

    def _hold(self, wire, receiver, frame, flags):
        """Keep it until the next one has passed; if none comes within the longest delay, let it go."""
        if receiver in self._held:
            wire.deliver(receiver, frame, flags)
            self._release(wire, receiver)
            return
        event = self.machine.at(self.max_delay_ns, lambda: self._release(wire, receiver))
        self._held[receiver] = (frame, flags, event)

    def _release(self, wire, receiver):
        held = self._held.pop(receiver, None)
        if held is not None:
            held[2].cancel()
            wire.deliver(receiver, held[0], held[1])

    def _corrupt(self, wire, receiver, frame, flags):
        damaged = bytearray(frame)
        damaged[self.random.randrange(len(damaged))] ^= 1 << self.random.randrange(8)
        wire.deliver(receiver, bytes(damaged), flags)

    def _duplicate(self, wire, receiver, frame, flags):
        wire.deliver(receiver, frame, flags)
        self.machine.at(len(frame) * 80, lambda: wire.deliver(receiver, frame, flags))

    def _delay(self, wire, receiver, frame, flags):
        later = self.random.randrange(1, self.max_delay_ns)
        self.machine.at(later, lambda: wire.deliver(receiver, frame, flags))

    def _runt(self, wire, receiver, frame, flags):
        length = self.random.randrange(20, 60)
        body = frame[:length]
        wire.deliver(receiver, body + _fcs(body), flags)

    def _giant(self, wire, receiver, frame, flags):
        body = frame[:-4] + self.random.randbytes(GIANT_BYTES - len(frame))
        wire.deliver(receiver, body + _fcs(body), flags)

    def _alignment(self, wire, receiver, frame, flags):
        damaged = bytearray(frame)
        damaged[-1] ^= 0xFF
        wire.deliver(receiver, bytes(damaged), flags | DRIBBLE)

    def _symbol(self, wire, receiver, frame, flags):
        wire.deliver(receiver, frame, flags | RX_ER)

    def _truncate(self, wire, receiver, frame, flags):
        wire.deliver(receiver, frame[: self.random.randrange(15, len(frame))], flags)

    def collision(self, sender, frame):
        """Wire, on a half-duplex link: the byte at which `frame` meets another, or None."""
        if self.random.random() < self.collisions[0]:
            self.counters["collision"] += 1
            return self.random.randrange(0, min(56, len(frame)))
        if len(frame) > 80 and self.random.random() < self.collisions[1]:
            self.counters["late_collision"] += 1
            return self.random.randrange(65, len(frame))
        return None


def _fcs(body):
    return crc32(body).to_bytes(4, "little")
