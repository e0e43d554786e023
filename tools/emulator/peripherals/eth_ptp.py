# SPDX-License-Identifier: MIT
"""IEEE 1588 clock and time-stamps (RM0090 33.5.10, 33.8.3).

Differs from silicon: sub-second increments are not stepped one by one; the time is worked out from
the rate when somebody looks, so that it lacks the jitter of one increment. The PPS output drives no pin.
"""

from ..peripheral import Register
from .eth_part import Part

PTPTSCR, PTPSSIR, PTPTSHR, PTPTSLR, PTPTSHUR, PTPTSLUR = 0x700, 0x704, 0x708, 0x70C, 0x710, 0x714
PTPTSAR, PTPTTHR, PTPTTLR, PTPTSSR, PTPPPSCR = 0x718, 0x71C, 0x720, 0x728, 0x72C

TSE, TSFCU, TSSTI, TSSTU, TSITE, TSARU = 1, 2, 4, 8, 16, 32
TSSARFE, TSSSR, TSPTPPSV2E, TSSPTPOEFE = 1 << 8, 1 << 9, 1 << 10, 1 << 11
TSSIPV6FE, TSSIPV4FE, TSSEME, TSSMRME, TSCNT_SHIFT, TSPFFMAE = 1 << 12, 1 << 13, 1 << 14, 1 << 15, 16, 1 << 18
TSSO, TSTTR = 1, 2
SELF_CLEARING = TSSTI | TSSTU | TSARU | TSITE

SYNC, FOLLOW_UP, DELAY_REQ, DELAY_RESP = 0, 8, 1, 9
PDELAY_REQ, PDELAY_RESP, PDELAY_FOLLOW_UP = 2, 3, 10
ANNOUNCE, MANAGEMENT, SIGNALING = 11, 13, 12
# RDES4 PMT (table 160): message type codes
MESSAGE_CODES = {
    SYNC: 1,
    FOLLOW_UP: 2,
    DELAY_REQ: 3,
    DELAY_RESP: 4,
    PDELAY_REQ: 5,
    PDELAY_RESP: 6,
    PDELAY_FOLLOW_UP: 7,
    ANNOUNCE: 5,
    MANAGEMENT: 6,
    SIGNALING: 7,
}
VERSION1_TYPES = {0: SYNC, 1: DELAY_REQ, 2: FOLLOW_UP, 3: DELAY_RESP, 4: MANAGEMENT}  # its control field
PTP_MULTICAST = (bytes.fromhex("011b19000000"), bytes.fromhex("0180c200000e"))


class Ptp(Part):
    """The clock: time(now), snapshot(at), received(frame, at)."""

    REGISTERS = (
        Register(PTPTSCR, "PTPTSCR", reset=0x2000, write=0x7FF03, on_write="write_ptp_control"),
        Register(PTPSSIR, "PTPSSIR", write=0xFF, on_write="write_ptp_rate"),
        Register(PTPTSHR, "PTPTSHR", on_read="read_ptp_high"),
        Register(PTPTSLR, "PTPTSLR", on_read="read_ptp_low"),
        Register(PTPTSHUR, "PTPTSHUR", write=0xFFFFFFFF, on_write="write_ptp_value"),
        Register(PTPTSLUR, "PTPTSLUR", write=0xFFFFFFFF, on_write="write_ptp_value"),
        Register(PTPTSAR, "PTPTSAR", write=0xFFFFFFFF, on_write="write_ptp_value"),
        Register(PTPTTHR, "PTPTTHR", write=0xFFFFFFFF, on_write="write_ptp_value"),
        Register(PTPTTLR, "PTPTTLR", write=0x7FFFFFFF, on_write="write_ptp_value"),
        Register(PTPTSSR, "PTPTSSR", on_read="read_ptp_status"),
        Register(PTPPPSCR, "PTPPPSCR", write=0xF, on_write="write_pps"),
    )

    def __init__(self, eth):
        super().__init__(eth)
        self._event = None
        self.reset()

    def reset(self):
        self._base_at = 0  # virtual ns at which the clock read _base
        self._base = 0  # sub-second units since 0
        self._rate = (0, 1)  # sub-second units per virtual ns, as a fraction
        self._addend = 0
        if self._event is not None:
            self._event.cancel()
            self._event = None

    @property
    def enabled(self):
        return bool(self.eth.used[PTPTSCR] & TSE)

    @property
    def _units(self):
        """Sub-second units in a second: TSSSR chooses 1 ns (10^9) or 2^-31 s."""
        return 1_000_000_000 if self.eth.used[PTPTSCR] & TSSSR else 1 << 31

    @property
    def interrupt(self):
        return bool(self.eth.regs[PTPTSSR] & TSTTR)

    # The clock

    def count(self, at=None):
        """Sub-second units since zero at virtual time `at`."""
        at = self.machine.now if at is None else at
        numerator, denominator = self._rate
        return self._base + (at - self._base_at) * numerator // denominator

    def snapshot(self, at=None):
        """(high, low) as the registers and descriptors hold it."""
        seconds, part = divmod(self.count(at), self._units)
        return seconds & 0xFFFFFFFF, part & 0x7FFFFFFF

    def _set(self, count):
        self._base, self._base_at = count, self.machine.now
        self._arm()

    def _retime(self):
        """The rate changed: go on from here."""
        base = self.count()
        used = self.eth.used
        increment = used[PTPSSIR] & 0xFF
        if not self.enabled:
            self._rate = (0, 1)
        elif used[PTPTSCR] & TSFCU:  # the accumulator overflows at HCLK * addend / 2^32
            self._rate = (self.eth.hclk * self._addend * increment, (1 << 32) * 1_000_000_000)
        else:
            self._rate = (self.eth.hclk * increment, 1_000_000_000)
        self._set(base)

    # Registers

    def write_ptp_value(self, register, old, value):
        self.eth.take(register)

    def write_pps(self, register, old, value):
        self.eth.take(register)

    def write_ptp_rate(self, register, old, value):
        if self.eth.take(register):
            self._retime()

    def write_ptp_control(self, register, old, value):
        if not self.eth.take(register):
            return
        regs, used = self.eth.regs, self.eth.used
        if value & TSE and not old & TSE or (value ^ old) & (TSFCU | TSSSR):
            self._retime()
        if value & TSARU:
            self._addend = used[PTPTSAR]
            self._retime()
        if value & (TSSTI | TSSTU) == TSSTI | TSSTU:
            self.machine.report(f"{self.eth.name}.PTPTSCR: TSSTI and TSSTU at once")
        elif value & TSSTI:
            low = used[PTPTSLUR]
            self._check_fraction(low)
            self._set(used[PTPTSHUR] * self._units + (low & 0x7FFFFFFF))
        elif value & TSSTU:
            low = used[PTPTSLUR]
            self._check_fraction(low)
            step = used[PTPTSHUR] * self._units + (low & 0x7FFFFFFF)
            self._set(self.count() + (-step if low >> 31 else step))
        if value & TSITE:
            regs[PTPTSCR] |= TSITE
            used[PTPTSCR] |= TSITE
            regs[PTPTSSR] &= ~TSTTR
            self._arm()
        if not value & TSE:
            self._retime()

    def _check_fraction(self, low):
        if low & 0x7FFFFFFF >= self._units:
            self.machine.report(f"{self.eth.name}.PTPTSLUR = 0x{low:08x}: more than a second with TSSSR set")

    def read_ptp_high(self, register):
        return self.snapshot()[0]

    def read_ptp_low(self, register):
        return self.snapshot()[1]

    def read_ptp_status(self, register):
        value = self.eth.regs[PTPTSSR]
        if self.count() // self._units > 0xFFFFFFFF:
            value |= TSSO
        if value & TSTTR:
            self.eth.regs[PTPTSSR] &= ~TSTTR
            self.eth.update_irq()
        return value

    def _arm(self):
        """Wake up when the clock reaches the target time."""
        if self._event is not None:
            self._event.cancel()
            self._event = None
        if not self.eth.used[PTPTSCR] & TSITE or not self._rate[0]:
            return
        used = self.eth.used
        target = used[PTPTTHR] * self._units + (used[PTPTTLR] & 0x7FFFFFFF)
        ahead = target - self.count()
        numerator, denominator = self._rate
        delay = max(0, -(-ahead * denominator // numerator))
        self._event = self.machine.at(delay, self._target_reached)

    def _target_reached(self):
        self._event = None
        regs = self.eth.regs
        regs[PTPTSCR] &= ~TSITE
        self.eth.used[PTPTSCR] &= ~TSITE
        regs[PTPTSSR] |= TSTTR
        self.eth.update_irq()

    # Frames

    def received(self, frame, at):
        """(stamp or None, bits 13:8 of RDES4) for a received frame whose first byte came at `at`."""
        control = self.eth.used[PTPTSCR]
        message = self._parse(frame, control)
        if control & TSSARFE:
            return self.snapshot(at), self._message_bits(message)
        if message is None or not self._wanted(message[0], control):
            return None, self._message_bits(message)
        return self.snapshot(at), self._message_bits(message)

    @staticmethod
    def _message_bits(message):
        if message is None:
            return 0
        kind, version2, over_ethernet = message
        bits = (1 << 13 if version2 else 0) | (1 << 12 if over_ethernet else 0)
        return bits | MESSAGE_CODES.get(kind, 0) << 8

    @staticmethod
    def _wanted(kind, control):
        """Table 154: which messages are stamped, from TSCNT, TSSMRME, TSSEME."""
        clock = control >> TSCNT_SHIFT & 3
        if clock == 2:
            return (
                kind in (SYNC, DELAY_REQ, PDELAY_REQ, PDELAY_RESP)
                if not control & TSSEME
                else kind
                in (
                    SYNC,
                    PDELAY_REQ,
                    PDELAY_RESP,
                )
            )
        if clock == 3:
            return kind in (SYNC, PDELAY_REQ, PDELAY_RESP)
        if not control & TSSEME:
            return kind in (SYNC, FOLLOW_UP, DELAY_REQ, DELAY_RESP)
        return kind == (DELAY_REQ if control & TSSMRME else SYNC)

    def _parse(self, frame, control):
        """(message type, is version 2, over Ethernet), or None for what is not PTP or not switched on."""
        kind = frame[12] << 8 | frame[13]
        if kind == 0x88F7:
            if not control & TSSPTPOEFE or (control & TSPFFMAE and not self._ptp_address(frame)):
                return None
            return self._message(frame, 14, control, True)
        if kind == 0x0800 and control & TSSIPV4FE and len(frame) > 34 and frame[23] == 17:
            at = 14 + (frame[14] & 15) * 4
        elif kind == 0x86DD and control & TSSIPV6FE and len(frame) > 62 and frame[20] == 17:
            at = 54
        else:
            return None
        if len(frame) < at + 12 or (frame[at + 2] << 8 | frame[at + 3]) not in (319, 320):
            return None
        return self._message(frame, at + 8, control, False)

    def _ptp_address(self, frame):
        address = bytes(frame[:6])
        return address in PTP_MULTICAST or address == self.eth.filter.mac_address(0)

    @staticmethod
    def _message(frame, at, control, over_ethernet):
        if len(frame) < at + 34:
            return None
        version = frame[at + 1] & 15
        if control & TSPTPPSV2E:
            return (frame[at] & 15, True, over_ethernet) if version == 2 else None
        if version != 1 or len(frame) < at + 33:
            return None
        return VERSION1_TYPES.get(frame[at + 32], SIGNALING), False, over_ethernet
