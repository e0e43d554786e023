# SPDX-License-Identifier: MIT
"""Ethernet PHYs behind MDIO: IEEE 802.3 clause 22, and what LAN8720A, LAN8742A, LAN8710A and DP83848 add.

Differs from silicon: no analog matter (cable diagnostics read as "no fault"), energy-detect
power-down keeps the link, autonegotiation takes typical fixed times, next pages are not exchanged.
"""

from dataclasses import dataclass, field

from ..net.wire import FRAGMENT, M10_FULL, M10_HALF, M100_FULL, M100_HALF, PRIORITY, RX_ER, Signal, resolve

MS = 1_000_000

# BMCR (register 0)
RESET, LOOPBACK, SPEED_100, AUTONEG, POWER_DOWN = 1 << 15, 1 << 14, 1 << 13, 1 << 12, 1 << 11
ISOLATE, RESTART, FULL_DUPLEX, COLLISION_TEST = 1 << 10, 1 << 9, 1 << 8, 1 << 7
# BMSR (register 1)
AUTONEG_DONE, REMOTE_FAULT, CAN_AUTONEG, LINK, EXTENDED = 1 << 5, 1 << 4, 1 << 3, 1 << 2, 1

ABILITY_BITS = {M100_FULL: 1 << 8, M100_HALF: 1 << 7, M10_FULL: 1 << 6, M10_HALF: 1 << 5}  # ANAR, ANLPAR
PAUSE_BIT = 1 << 10

# IEEE 802.3 28.3.2 and table 28-9: break_link_timer 1200-1500 ms; a few link code words of 16 ms; then the
# link monitor. Parallel detection waits autoneg_wait_timer (500-1000 ms).
BREAK_LINK_NS = 1250 * MS
EXCHANGE_NS = 150 * MS
PARALLEL_NS = 600 * MS
FORCED_LINK_NS = 350 * MS
LINK_LOSS_NS = 1 * MS

SMSC_SPEED = {M10_HALF: 1, M10_FULL: 5, M100_HALF: 2, M100_FULL: 6}  # register 31, bits 4:2


@dataclass(frozen=True)
class Kind:
    """What one type of PHY is: data for Phy.

    vendor       register -> (reset value, mask software can store)
    soft_reset_ns, start_ns   time from BMCR.15, and from the end of nRST, until MDIO works again
    clock_needs_power   REF_CLK (where the PHY makes it) stops in BMCR power-down
    """

    id1: int
    id2: int
    vendor: dict = field(default_factory=dict)
    family: str = ""
    soft_reset_ns: int = 2 * MS
    start_ns: int = 1 * MS
    reset_pulse_ns: int = 100_000
    anar: int = 0x01E1
    clock_needs_power: bool = True


# Register 18 of the SMSC parts holds MODE (7:5, all capable) and the strapped address (4:0); 31 reads back
# the reserved pattern 0000010b in 11:5.
_SMSC = {
    17: (0x0000, 0x6240),
    18: (0x60E0, 0x40FF),
    26: (0x0000, 0x0000),
    27: (0x0000, 0xA810),
    29: (0x0000, 0x0000),
    30: (0x0000, 0x00FE),
    31: (0x0040, 0x0FE0),
}
_NATIONAL = {
    0x10: (0x0000, 0x0000),
    0x11: (0x0000, 0x0007),
    0x12: (0x0000, 0x007F),
    0x14: (0x0000, 0x0000),
    0x15: (0x0000, 0x0000),
    0x16: (0x0100, 0x2F34),
    0x17: (0x0021, 0x003F),
    0x18: (0x0000, 0x003F),
    0x19: (0x8021, 0xFFE0),
    0x1A: (0x0904, 0x7FFF),
    0x1B: (0x0000, 0x003F),
    0x1D: (0x6011, 0xFFFF),
}
KINDS = {
    "LAN8720A": Kind(0x0007, 0xC0F1, _SMSC, "smsc"),
    "LAN8742A": Kind(0x0007, 0xC131, {**_SMSC, 16: (0, 0), 24: (0, 0), 25: (0, 0), 28: (0, 0)}, "smsc"),
    "LAN8710A": Kind(0x0007, 0xC0F1, _SMSC, "smsc"),
    "DP83848": Kind(0x2000, 0x5C90, _NATIONAL, "national", anar=0x01E1, clock_needs_power=False),
    "generic": Kind(0x0141, 0x0C24, {}, ""),
}

# SMSC register 29 (interrupt source, cleared by reading)
INT_ENERGY_ON, INT_AUTONEG_DONE, INT_LINK_DOWN = 1 << 7, 1 << 6, 1 << 4


class Phy:
    """One PHY on the MDIO bus and on a cable.

    kind       a key of KINDS
    address    what its straps say
    ref_clk    "phy" (it makes REF_CLK), "oscillator" (a module's own, always there), or None (MII)
    reset      ("GPIOE", 2): the pin that drives nRST; None: not wired
    reset_idle level of nRST while nobody drives that pin
    """

    def __init__(self, machine, kind="LAN8720A", address=0, ref_clk="phy", reset=None, reset_idle=False):
        self.machine = machine
        self.kind = KINDS[kind]
        self.address = address
        self.ref_clk_source = ref_clk
        self.wire = None
        self.mac = None  # set by Eth
        self.mode = None
        self.clock_fault = False  # set by clock_glitch(): REF_CLK is gone whatever the state
        self.counters = {"no_link": 0, "isolated": 0, "mac_mismatch": 0}
        self.regs = {}
        self._event = None
        self._ready_at = 0
        self._in_reset = False
        self._reset_since = 0
        self._soft_reset = False
        self._link_latch = False
        self._page_received = False
        self._power_up()
        if reset is not None:
            self._watch_reset_pin(reset, reset_idle)

    # Reset and power

    def _watch_reset_pin(self, reset, idle):
        port, pin = self.machine[reset[0]], reset[1]

        def changed(level):
            self.set_reset(not (idle if level is None else level))

        port.watch(pin, changed)
        changed(port.output(pin))

    def set_reset(self, active):
        """Drive nRST: active means low."""
        if active == self._in_reset:
            return
        self._in_reset = active
        if active:
            self._reset_since = self.machine.now
            self._stop()
            if self.wire is not None:
                self.wire.signal(self, None)
        else:
            held = self.machine.now - self._reset_since
            if 0 < self._reset_since and held < self.kind.reset_pulse_ns:
                self.machine.report(
                    f"PHY {self.address}: nRST low for {held} ns, {self.kind.reset_pulse_ns} needed"
                )
            self._power_up()
        self._clock_changed()

    def _power_up(self):
        self._load_defaults()
        self._ready_at = self.machine.now + self.kind.start_ns
        self._begin(self.kind.start_ns)

    def _load_defaults(self):
        kind = self.kind
        self.regs = dict.fromkeys(range(32), 0)
        self.regs.update({number: reset for number, (reset, _) in kind.vendor.items()})
        self.regs[0] = SPEED_100 | AUTONEG
        self.regs[2], self.regs[3] = kind.id1, kind.id2
        self.regs[4] = kind.anar
        if kind.family == "smsc":
            self.regs[18] |= self.address
        elif kind.family == "national":
            self.regs[0] |= FULL_DUPLEX
            self.regs[0x19] = (self.regs[0x19] & ~0x1F) | self.address
        self._stop()
        self._link_latch = False
        self._soft_reset = False

    def _stop(self):
        if self._event is not None:
            self._event.cancel()
            self._event = None
        self._autoneg_done = False
        self._set_mode(None)

    # REF_CLK

    @property
    def ref_clk(self):
        """Whether 50 MHz come out (REF_CLK for RMII)."""
        if self.clock_fault:
            return False
        if self.ref_clk_source == "oscillator":
            return True
        if self.ref_clk_source != "phy" or self._in_reset:
            return False
        return not (self.kind.clock_needs_power and self.regs[0] & POWER_DOWN)

    @property
    def running(self):
        """Whether it gives TX_CLK and RX_CLK (MII)."""
        return not (self.clock_fault or self._in_reset or self.regs[0] & POWER_DOWN)

    def clock_glitch(self, lost):
        """For tests: REF_CLK disappears (True) or comes back (False)."""
        self.clock_fault = lost
        self._clock_changed()

    def _clock_changed(self):
        if self.mac is not None:
            self.mac.ref_clk_changed()

    # MDIO

    def mdio_read(self, address, register):
        """What this PHY drives on MDIO, or None: it does not answer."""
        if address != self.address or self._in_reset or self.machine.now < self._ready_at:
            return (
                None if not self._soft_reset or address != self.address else (RESET if register == 0 else 0)
            )
        if register == 1:
            return self._read_status()
        if register == 6:
            value = 1 if self._heard_autoneg() else 0
            value |= 2 if self._page_received else 0
            self._page_received = False
            return value
        if register == 5:
            return self._partner_ability() if self._autoneg_done else 0
        return self._read_vendor(register) if register >= 16 else self.regs[register]

    def _read_status(self):
        value = 0x7800 | CAN_AUTONEG | EXTENDED
        if self._autoneg_done:
            value |= AUTONEG_DONE
        if self._link_latch:
            value |= LINK
        self._link_latch = self.mode is not None  # latched low (802.3 22.2.4.2.13)
        return value

    def _heard_autoneg(self):
        heard = self.wire.heard(self) if self.wire else None
        return heard is not None and heard.autoneg

    def _partner_ability(self):
        heard = self.wire.heard(self) if self.wire else None
        if heard is None:
            return 0
        if not heard.autoneg:  # parallel detection: the one bit of the speed found
            return ABILITY_BITS[(heard.modes[0][0], False)]
        value = 0x4001 | (PAUSE_BIT if heard.pause else 0)
        for mode in heard.modes:
            value |= ABILITY_BITS[mode]
        return value

    def _read_vendor(self, register):
        kind = self.kind
        if register not in kind.vendor:
            return 0xFFFF if kind.family == "" else 0
        value = self.regs[register]
        if kind.family == "smsc":
            if register == 31:
                value |= (1 << 12 if self._autoneg_done else 0) | (SMSC_SPEED.get(self.mode, 0) << 2)
            elif register == 17:
                value |= 2 if self.wire is not None and self.wire.heard(self) else 0
            elif register == 29:
                self.regs[29] = 0
        elif register == 0x10:
            value = self._physts()
        return value

    def _physts(self):
        """DP83848 register 16: link, 10 Mbit/s, full duplex, loopback, autonegotiation complete."""
        value = 0
        if self.mode is not None:
            value |= 1 | (2 if self.mode[0] == 10 else 0) | (4 if self.mode[1] else 0) | 0x600
        value |= 8 if self.regs[0] & LOOPBACK else 0
        value |= 0x10 if self._autoneg_done else 0
        value |= 0x100 if self._page_received else 0
        return value

    def mdio_write(self, address, register, value):
        if address != self.address or self._in_reset or self.machine.now < self._ready_at:
            return
        if register == 0:
            self._write_control(value)
        elif register == 4:
            self.regs[4] = value & 0x2DE0 | 1
        elif register in self.kind.vendor:
            mask = self.kind.vendor[register][1]
            self.regs[register] = self.regs[register] & ~mask | value & mask

    def _write_control(self, value):
        if value & RESET:
            self._load_defaults()
            self._soft_reset = True
            self._ready_at = self.machine.now + self.kind.soft_reset_ns
            self.machine.at(self.kind.soft_reset_ns, self._soft_reset_over)
            if self.wire is not None:
                self.wire.signal(self, None)
            return
        old = self.regs[0]
        self.regs[0] = value & (
            LOOPBACK | SPEED_100 | AUTONEG | POWER_DOWN | ISOLATE | FULL_DUPLEX | COLLISION_TEST
        )
        changed = old ^ self.regs[0]
        if changed & POWER_DOWN:
            self._clock_changed()
        restart = value & RESTART and value & AUTONEG
        if restart or changed & (AUTONEG | POWER_DOWN | LOOPBACK):
            self._begin()
        elif changed & (SPEED_100 | FULL_DUPLEX) and not value & AUTONEG:
            self._begin()

    def _soft_reset_over(self):
        if self._soft_reset:
            self._soft_reset = False
            self._begin()

    # Link

    def attach(self, wire):
        """Put the plug of `wire` in."""
        self.wire = wire.attach(self)
        self._begin()
        return self

    def _forced_mode(self):
        return (100 if self.regs[0] & SPEED_100 else 10, bool(self.regs[0] & FULL_DUPLEX))

    def _signal(self):
        """What this PHY puts on the line by its registers."""
        if self._in_reset or self._soft_reset or self.regs[0] & (POWER_DOWN | LOOPBACK):
            return None
        if not self.regs[0] & AUTONEG:
            return Signal(False, (self._forced_mode(),))
        modes = tuple(mode for mode in PRIORITY if self.regs[4] & ABILITY_BITS[mode])
        return Signal(True, modes, bool(self.regs[4] & PAUSE_BIT))

    def _begin(self, delay=0):
        """Start over: drop the link, be silent as long as the standard says, then look for the partner."""
        if self._event is not None:
            self._event.cancel()
        self._autoneg_done = False
        self._set_mode(None)
        self._event = None
        if self.regs[0] & LOOPBACK:
            self._set_mode(self._forced_mode())
            return
        if self.wire is None:
            return
        self.wire.signal(self, None)
        silence = BREAK_LINK_NS if self.regs[0] & AUTONEG else FORCED_LINK_NS
        self._event = self.machine.at(delay + silence, self._speak)

    def _speak(self):
        self._event = None
        self.wire.signal(self, self._signal())
        self._look()

    def _look(self):
        """The line is open at this end: come to a link as soon as the partner can be heard."""
        mine, theirs = self._signal(), self.wire.heard(self)
        if self.mode is not None or self._event is not None or resolve(mine, theirs) is None:
            return
        if not mine.autoneg:
            delay = FORCED_LINK_NS
        else:
            delay = EXCHANGE_NS if theirs.autoneg else PARALLEL_NS
        self._event = self.machine.at(delay, self._link_up)

    def _link_up(self):
        self._event = None
        mine = self._signal()
        mode = resolve(mine, self.wire.heard(self))
        if mode is None:
            return
        self._autoneg_done = mine.autoneg
        self._page_received = self._heard_autoneg()
        if self.kind.family == "smsc" and mine.autoneg:
            self.regs[29] |= INT_AUTONEG_DONE
        self._set_mode(mode)

    def _set_mode(self, mode):
        old, self.mode = self.mode, mode
        if mode == old:
            return
        if mode is None:
            self._link_latch = False
            if self.kind.family == "smsc":
                self.regs[29] |= INT_LINK_DOWN
        if self.wire is not None and (other := self.wire.other(self)) is not None:
            other.partner_changed()

    def partner_changed(self):
        """The cable was cut or plugged, or the partner speaks another way."""
        if self.wire is None or self.regs[0] & LOOPBACK:
            return
        mine, theirs = self.wire.signals[self], self.wire.heard(self)
        if mine is None:
            return  # still silent after a start: _speak() will look
        expected = resolve(mine, theirs)
        if self.mode is not None and expected != self.mode:
            self._autoneg_done = False
            self._set_mode(None)
        if self._event is not None and expected is None:
            self._event.cancel()
            self._event = None
        self._look()

    # Frames

    def transmit(self, frame, speed, delay=0):
        """The MAC sends at `speed` Mbit/s in `delay` ns: a Transmission, or None where nothing comes out."""
        if self.regs[0] & ISOLATE or self._in_reset:
            self.counters["isolated"] += 1
            return None
        if self.mode is None or self.wire is None:
            self.counters["no_link"] += 1
            return None
        if speed != self.mode[0]:
            self.counters["mac_mismatch"] += 1  # RMII samples at the wrong rate: rubbish, which nobody takes
            return None
        return self.wire.send(self, frame, 0, delay)

    def departed(self):
        """The MAC keeps its own time."""

    @property
    def loops_back(self):
        return bool(self.regs[0] & LOOPBACK) and not self._in_reset

    @property
    def jams(self):
        """The MAC sends into every frame that comes (back pressure)."""
        return (
            self.mac is not None and self.mac.speed == (self.mode and self.mode[0]) and self.mac.backpressure
        )

    def receive(self, frame, flags):
        if self.mode is None or self.regs[0] & (ISOLATE | LOOPBACK) or self._in_reset:
            self.counters["no_link"] += 1
            return
        if self.mac is None:
            return
        if self.mac.speed != self.mode[0]:
            self.counters["mac_mismatch"] += 1
            flags |= RX_ER
            frame = frame[: len(frame) // 10] if self.mode[0] == 100 else frame
        if flags & RX_ER and self.kind.family == "smsc":
            self.regs[26] = min(0xFFFF, self.regs[26] + 1)
        self.mac.receive(frame, flags & ~FRAGMENT)

    def collided(self, offset):
        if self.mac is not None:
            self.mac.collided(offset)

    def carrier_until(self):
        return self.wire.carrier_until(self) if self.wire is not None and self.mode is not None else 0
