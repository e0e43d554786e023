# SPDX-License-Identifier: MIT
"""A cable with two ends, in virtual time, and a station that can sit on one of them.

Differs from real cables: no bit is modelled, a frame is one event at the moment its last bit
arrives; noise and collisions come from faults.py or from two ends that talk at once.

An end is any object with
    mode                 (speed, full_duplex) of its link as it sees it, or None without a link
    receive(frame, flags)   a frame has arrived, FCS included, preamble not
    partner_changed()    what the other end puts on the line has changed
    collided(offset)     the frame it is sending met another one after `offset` bytes
    departed()           its frame has left the cable at the other end; the next one may be handed over
"""

import zlib
from collections import deque
from dataclasses import dataclass

M100_FULL = (100, True)
M100_HALF = (100, False)
M10_FULL = (10, True)
M10_HALF = (10, False)
PRIORITY = (M100_FULL, M100_HALF, M10_FULL, M10_HALF)  # IEEE 802.3 annex 28B.3

# Flags of a frame on its way
RX_ER = 1  # the PHY saw a symbol error: RX_ER is asserted during the frame
DRIBBLE = 2  # an odd nibble follows the last byte
FRAGMENT = 4  # what a collision left over

PREAMBLE_BYTES = 8
GAP_BYTES = 12
BYTE_NS = {100: 80, 10: 800}
JAM_BYTES = 4
JAM_OFFSET = 1  # bytes of a frame that are out when an end that wants none (`jams`) collides with it


@dataclass(frozen=True)
class Signal:
    """What an end puts on its pair: link code words with `modes`, or the idle of one forced mode."""

    autoneg: bool = True
    modes: tuple = PRIORITY
    pause: bool = False


def resolve(mine, theirs):
    """The mode that an end sending `mine` and hearing `theirs` comes to, or None.

    Against a forced partner it finds the speed by parallel detection and can only assume half duplex
    (IEEE 802.3 28.2.3.1).
    """
    if mine is None or theirs is None:
        return None
    if mine.autoneg and theirs.autoneg:
        return next((mode for mode in PRIORITY if mode in mine.modes and mode in theirs.modes), None)
    if mine.autoneg:
        heard = (theirs.modes[0][0], False)
        return heard if heard in mine.modes else None
    forced = mine.modes[0]
    if theirs.autoneg:
        return forced if (forced[0], False) in theirs.modes else None
    return forced if theirs.modes[0][0] == forced[0] else None


def with_fcs(frame):
    """`frame` padded to the minimum size, with its frame check sequence."""
    if len(frame) < 60:
        frame = bytes(frame) + bytes(60 - len(frame))
    return bytes(frame) + zlib.crc32(frame).to_bytes(4, "little")


def fcs_ok(frame):
    """Whether the last four bytes are the FCS of what is before them."""
    return zlib.crc32(frame) == 0x2144DF1C


class Transmission:
    """A frame on its way; abort() cuts it off where it is."""

    __slots__ = ("wire", "sender", "frame", "flags", "start", "stop", "byte_ns", "event")

    def __init__(self, wire, sender, frame, flags, start, byte_ns):
        self.wire = wire
        self.sender = sender
        self.frame = frame
        self.flags = flags
        self.start = start
        self.byte_ns = byte_ns
        self.stop = start + (PREAMBLE_BYTES + len(frame)) * byte_ns
        self.event = None

    def sent(self, now):
        """Bytes of the frame that have left by `now`."""
        return max(0, min(len(self.frame), (now - self.start) // self.byte_ns - PREAMBLE_BYTES))

    def abort(self, flags=0):
        """The sender stops here: what has left arrives, without a valid FCS."""
        self.wire.cut_short(self, self.sent(self.wire.machine.now), flags)

    def extend(self, frame):
        """The sender goes on: the frame becomes this longer one."""
        self.wire.cut_short(self, len(frame), frame=frame)


class Wire:
    """Two ends and a delay.

    observe(fn)      fn(time, sender, frame, flags) for every frame: as it leaves the board's end, and as it
                     arrives at it, so that a capture shows what the board sent and saw
    faults           faults.Faults or None: what happens to frames between the ends
    """

    def __init__(self, machine, delay_ns=0):
        """delay_ns: from one end to the other (5 ns a metre), with what the PHYs add to it."""
        self.machine = machine
        self.delay_ns = delay_ns
        self.ends = []
        self.signals = {}
        self.plugged = True
        self.faults = None
        self.observers = []
        self.lost = 0  # frames that were on the cable when it was cut
        self._flight = {}

    # Who is on it

    def attach(self, end):
        """Hang `end` on the cable; the first one is the board's as far as observers are concerned."""
        if len(self.ends) == 2:
            raise ValueError("a cable has two ends")
        self.ends.append(end)
        self.signals[end] = None
        return self

    def other(self, end):
        """The end opposite `end`, or None while there is none."""
        for candidate in self.ends:
            if candidate is not end:
                return candidate
        return None

    def signal(self, end, signal):
        """`end` now puts `signal` (a Signal or None) on the line."""
        if self.signals.get(end) != signal:
            self.signals[end] = signal
            other = self.other(end)
            if other is not None and self.plugged:
                other.partner_changed()

    def heard(self, end):
        """The Signal that reaches `end`, or None."""
        other = self.other(end)
        return self.signals[other] if self.plugged and other is not None else None

    def cut(self):
        """Pull the plug; what is on the cable is lost."""
        if self.plugged:
            self.plugged = False
            for transmission in self._flight.values():
                if transmission.event is not None and not transmission.event.cancelled:
                    transmission.event.cancel()
                    self.lost += 1
            self._changed()

    def plug(self):
        if not self.plugged:
            self.plugged = True
            self._changed()

    def _changed(self):
        for end in self.ends:
            end.partner_changed()

    def observe(self, function):
        self.observers.append(function)

    # Frames

    def carrier_until(self, end):
        """Until when (ns) the other end's transmission is heard at `end`; 0 while the line is idle."""
        transmission = self._flight.get(self.other(end))
        if transmission is None or transmission.stop + self.delay_ns <= self.machine.now:
            return 0
        if transmission.start + self.delay_ns > self.machine.now:
            return 0  # not here yet: the window in which two ends collide
        return transmission.stop + self.delay_ns

    def send(self, sender, frame, flags=0, delay=0):
        """`sender` sends `frame` (with FCS) at the speed of its link, in `delay` ns; the Transmission.

        A delay saves an event where the sender only waits for the gap between two frames.
        """
        now = self.machine.now
        speed, full_duplex = sender.mode
        transmission = Transmission(self, sender, frame, flags, now + delay, BYTE_NS[speed])
        if self.observers and sender is self.ends[0]:
            for observer in self.observers:
                observer(now + delay, sender, frame, flags)
        if not self.plugged or len(self.ends) < 2:
            self.lost += 1
            return transmission
        transmission.event = self.machine.at(
            transmission.stop + self.delay_ns - now, lambda: self._arrive(transmission)
        )
        if not full_duplex:
            self._check_collision(transmission)
        self._flight[sender] = transmission
        return transmission

    def cut_short(self, transmission, length, flags=0, frame=None):
        """Only the first `length` bytes of `transmission` (or of what replaces it, `frame`) come out."""
        if transmission.event is None or transmission.event.cancelled:
            return
        transmission.event.cancel()
        if length <= 0:
            return
        transmission.frame = (frame or transmission.frame)[:length]
        transmission.flags |= flags
        now = self.machine.now
        transmission.stop = transmission.start + (PREAMBLE_BYTES + length) * transmission.byte_ns
        transmission.event = self.machine.at(
            transmission.stop + self.delay_ns - now, lambda: self._arrive(transmission)
        )

    def _check_collision(self, transmission):
        sender = transmission.sender
        offset = None
        met = self._flight.get(self.other(sender))
        if met is not None and met.stop + self.delay_ns > self.machine.now:
            offset = 0
        elif (other := self.other(sender)) is not None and other.jams:
            offset = JAM_OFFSET
        elif self.faults is not None:
            offset = self.faults.collision(sender, transmission.frame)
        if offset is None:
            return
        for each in (transmission, met) if offset == 0 and met is not None else (transmission,):
            where = each.sent(self.machine.now) if each is met else offset
            self.cut_short(each, min(len(each.frame), where + JAM_BYTES), FRAGMENT)
            victim = each.sender
            delay = (PREAMBLE_BYTES + where + JAM_BYTES) * each.byte_ns if each is not met else self.delay_ns
            self.machine.at(delay, lambda victim=victim, where=where: victim.collided(where))

    def _arrive(self, transmission):
        sender = transmission.sender
        receiver = self.other(sender)
        if self.faults is None:
            self.deliver(receiver, transmission.frame, transmission.flags)
        else:
            self.faults.passing(self, receiver, transmission.frame, transmission.flags)
        sender.departed()

    def deliver(self, receiver, frame, flags):
        """Hand a frame to an end; faults.py calls it for what comes through."""
        if not self.plugged:
            self.lost += 1
            return
        if self.observers and receiver is self.ends[0]:
            for observer in self.observers:
                observer(self.machine.now, self.other(receiver), frame, flags)
        receiver.receive(frame, flags)


class Station:
    """A network interface on a cable that is not a modelled MAC: back ends and model peers stand on it.

    transmit(frame)  queue a frame without FCS; it goes out in its time, one after the other
    on_frame(frame)  called with each good frame received, without FCS
    jams             an end's wish to collide with all that comes; a station has none
    """

    def __init__(self, machine, wire, signal=None, queue_frames=2000):
        self.machine = machine
        self.wire = wire
        self.own_signal = signal or Signal()
        self.queue = deque()
        self.queue_frames = queue_frames
        self.on_frame = None
        self.mode = None
        self.counters = {"sent": 0, "received": 0, "bad": 0, "dropped": 0, "no_link": 0, "collisions": 0}
        self._free_at = 0
        self._waiting = None
        self._flying = None  # the Transmission whose departed() is to come
        self._attempts = 0
        self._current = self._collided = None
        wire.attach(self)
        wire.signal(self, self.own_signal)
        self.partner_changed()

    jams = False

    def set_signal(self, signal):
        """Another set of abilities, a forced mode, or None: switched off."""
        self.own_signal = signal
        self.wire.signal(self, signal)
        self.partner_changed()

    def partner_changed(self):
        """Comes to its mode at once, but not before a modelled PHY at the other end has its link."""
        other = self.wire.other(self)
        if other is None or (not isinstance(other, Station) and other.mode is None):
            self.mode = None
        else:
            self.mode = resolve(self.own_signal, self.wire.heard(self))
        self._flying = None
        if self.mode is None:
            self.counters["no_link"] += len(self.queue)
            self.queue.clear()

    def transmit(self, frame):
        """Queue `frame` (from destination address to payload); padding and FCS are added."""
        self.transmit_raw(with_fcs(frame))

    def transmit_raw(self, frame, flags=0):
        """Queue a frame that brings its own FCS, right or wrong, long or short."""
        if len(self.queue) >= self.queue_frames:
            self.counters["dropped"] += 1
            return
        self.queue.append((frame, flags))
        if self._waiting is None and self._flying is None:
            self._start()

    def departed(self):
        """The last frame is through: send the next one, after the gap."""
        self._flying = None
        if self.queue and self._waiting is None:
            self._start()

    def _start(self):
        self._waiting = None
        mode = self.mode
        if mode is None:
            self.counters["no_link"] += len(self.queue)
            self.queue.clear()
            return
        now = self.machine.now
        byte_ns = BYTE_NS[mode[0]]
        wait = max(0, self._free_at - now)
        if not mode[1]:
            if until := self.wire.carrier_until(self):
                wait = max(wait, until - now + GAP_BYTES * byte_ns)
            if wait:
                self._waiting = self.machine.at(wait, self._start)
                return
        frame, flags = self._current = self.queue.popleft()
        self._free_at = now + wait + (PREAMBLE_BYTES + len(frame) + GAP_BYTES) * byte_ns
        self.counters["sent"] += 1
        self._flying = self.wire.send(self, frame, flags, wait)
        if self._flying.event is None:  # the cable is out: nothing will tell when it is through
            self._flying = None
            self._waiting = self.machine.at(self._free_at - now, self._next)

    def _next(self):
        self._waiting = None
        if self.queue:
            self._start()

    def collided(self, offset):
        """Truncated binary back-off without the randomness: the longer wait of each round."""
        self.counters["collisions"] += 1
        self.counters["sent"] -= 1
        self._flying = None
        self._attempts = self._attempts + 1 if self._current is self._collided else 1
        self._collided = self._current
        if offset >= 64 or self._attempts > 15:
            self.counters["dropped"] += 1
        else:
            self.queue.appendleft(self._current)
        slots = (1 << min(self._attempts, 10)) - 1
        self._free_at = self.machine.now + slots * 64 * BYTE_NS[self.mode[0] if self.mode else 100]
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.machine.at(self._free_at - self.machine.now, self._next)

    def receive(self, frame, flags):
        if flags or len(frame) < 64 or not fcs_ok(frame):
            self.counters["bad"] += 1
            return
        self.counters["received"] += 1
        if self.on_frame is not None:
            self.on_frame(frame[:-4])
