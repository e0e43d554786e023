# SPDX-License-Identifier: MIT
"""The MAC itself: frames out of the transmit FIFO onto the wire, frames off the wire into the receive FIFO.

Differs from silicon: a frame is judged when its last bit has arrived, so that the receive FIFO fills
at that moment and a frame that overflows it never arrives in part (RDES0.OE); the transmit FIFO empties
when a frame is done; back-off counts slots from a fixed pseudo-random sequence instead of the silicon's
own; the levels of the receive FIFO at which MACFCR.TFCE acts, which the manual does not give, are a half and
a quarter.
"""

from collections import deque
from zlib import crc32

from ..net.wire import BYTE_NS, DRIBBLE, PREAMBLE_BYTES, RX_ER, fcs_ok, with_fcs
from ..peripheral import Register
from . import eth_checksum
from .eth_mmc import RX_ALIGNMENT, RX_CRC, RX_UNICAST, TX_GOOD, TX_MULTI, TX_SINGLE
from .eth_part import Part

MACCR, MACFCR, MACDBGR, MACSR, MACIMR = 0x00, 0x18, 0x34, 0x38, 0x3C

# MACCR
RE, TE, DC, APCS, RD, IPCO = 1 << 2, 1 << 3, 1 << 4, 1 << 7, 1 << 9, 1 << 10
DM, LM, FES, CSD, JD, WD, CSTF = 1 << 11, 1 << 12, 1 << 14, 1 << 16, 1 << 22, 1 << 23, 1 << 25
BL_SHIFT, IFG_SHIFT = 5, 17
# MACFCR
FCB, TFCE, RFCE, UPFD, ZQPD = 1, 2, 4, 8, 1 << 7
PAUSE_SLOTS = (4, 28, 144, 256)  # PLT: so long before a pause ends it is asked for again
SLOT_BYTES = 64
# DMAOMR bits that govern the FIFOs
DMAOMR = 0x1018
FUGF, FEF, TSF, RSF, DTCEFD = 1 << 6, 1 << 7, 1 << 21, 1 << 25, 1 << 26

FIFO_BYTES = 2048
FRAME_LIMIT, LONG_LIMIT = 2048, 16384  # jabber and watchdog timers, in bytes (33.8.1, JD and WD)
MAX_GAP_BYTES = 12
EXCESSIVE_DEFERRAL_BITS = 24288
PAUSE_ADDRESS = bytes.fromhex("0180c2000001")
BACKOFF_LIMITS = (10, 8, 4, 1)  # BL

# TDES0 as the MAC reads it
T_TTSE, T_DC, T_DP = 1 << 25, 1 << 27, 1 << 26
# TDES0 as the MAC reports it
T_TTSS, T_IHE, T_ES, T_JT, T_FF, T_IPE = 1 << 17, 1 << 16, 1 << 15, 1 << 14, 1 << 13, 1 << 12
T_LCA, T_NC, T_LCO, T_EC, T_VF, T_ED, T_UF, T_DB = 1 << 11, 1 << 10, 1 << 9, 1 << 8, 1 << 7, 1 << 2, 1 << 1, 1
T_ERRORS = T_IHE | T_JT | T_FF | T_IPE | T_LCA | T_NC | T_LCO | T_EC | T_ED | T_UF

# RDES0 as the MAC reports it
R_AFM, R_ES, R_SAF, R_LE, R_OE, R_VLAN = 1 << 30, 1 << 15, 1 << 13, 1 << 12, 1 << 11, 1 << 10
R_IPHCE, R_LCO, R_FT, R_RWT, R_RE, R_DBE, R_CE, R_PCE = (1 << bit for bit in range(7, -1, -1))
R_ERRORS = R_OE | R_LCO | R_RWT | R_RE | R_CE


class TxFrame:
    """A frame in the transmit FIFO."""

    __slots__ = ("data", "control", "token", "status", "stamp", "complete", "attempts", "deferred_since")

    def __init__(self, data, control, token, complete=True):
        self.data = data
        self.control = control  # TDES0 of the first descriptor
        self.token = token  # the DMA's own note
        self.status = 0
        self.stamp = None
        self.complete = complete  # False: only its beginning is in the FIFO (threshold mode)
        self.attempts = 0
        self.deferred_since = None


class RxFrame:
    """A frame in the receive FIFO with its status words."""

    __slots__ = ("data", "status", "verdict", "stamp", "ptp", "room")

    def __init__(self, data, status, verdict, stamp, ptp):
        self.data = data
        self.status = status  # bits of RDES0
        self.verdict = verdict  # eth_checksum.Verdict or None
        self.stamp = stamp  # (high, low) or None
        self.ptp = ptp  # message description for RDES4, bits 13:8
        self.room = (len(data) + 3 & ~3) + 8


class Mac(Part):
    """tx_enqueue(frame) from the DMA; receive(frame, flags) from the PHY; rx_fifo for the DMA to drain."""

    REGISTERS = (
        Register(MACCR, "MACCR", reset=0x8000, write=0x02CF7EFC, on_write="write_config"),
        Register(MACFCR, "MACFCR", write=0xFFFF00BF, on_write="write_flow_control"),
        Register(MACDBGR, "MACDBGR", on_read="read_debug"),
    )

    def __init__(self, eth):
        super().__init__(eth)
        self.tx_fifo = deque()
        self.rx_fifo = deque()
        self._timer = self._pause_again = None
        self.counters = {}
        self.reset()

    def reset(self):
        self.tx_fifo.clear()
        self.rx_fifo.clear()
        self.rx_used = 0
        self.sending = None  # TxFrame on the wire
        self.transmission = None
        self.stuck = False  # ES0182: flushed one clock after a transmission
        self.sent_at = -1
        self._gap_end = 0
        self._pause_until = 0
        self._pause_frame = None
        self._holding = False  # the receive FIFO is so full that the partner is to pause (TFCE)
        if self._pause_again is not None:
            self._pause_again.cancel()
            self._pause_again = None
        self._random = 0x2D3C
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.counters = {"deaf": 0, "filtered": 0, "dropped_errors": 0, "asleep": 0, "control": 0}

    # Registers

    def write_config(self, register, old, value):
        if value >> IFG_SHIFT & 7 > 4 and not value & DM:
            self.machine.report(f"{self.eth.name}.MACCR = 0x{value:08x}: IFG over 4 in half duplex")
        if self.eth.take(register):
            self.try_start()

    def write_flow_control(self, register, old, value):
        regs = self.eth.regs
        if not self.eth.take(register):
            return
        if value & FCB and self.full_duplex:
            # 33.5.6: FCB starts a pause frame and clears when it is out
            self._pause_frame = self._make_pause(value >> 16)
            self.try_start()
        elif value & FCB and not value & TFCE:
            regs[MACFCR] &= ~FCB

    @property
    def full_duplex(self):
        return bool(self.eth.used[MACCR] & DM)

    @property
    def backpressure(self):
        """Half duplex with TFCE, and FCB/BPA or a full FIFO: every frame that comes in is collided with."""
        flow = self.eth.used[MACFCR]
        return not self.full_duplex and bool(flow & TFCE) and (bool(flow & FCB) or self._holding)

    def _fifo_level(self):
        """33.5.6: with TFCE the MAC asks for a pause by itself, and for its end."""
        flow = self.eth.used[MACFCR]
        if not self._holding and flow & TFCE and self.rx_used > FIFO_BYTES // 2:
            self._holding = True
            self._ask_pause()
        elif self._holding and self.rx_used <= FIFO_BYTES // 4:
            self._holding = False
            if self._pause_again is not None:
                self._pause_again.cancel()
                self._pause_again = None
            if self.full_duplex and flow & TFCE and not flow & ZQPD:
                self._pause_frame = self._make_pause(0)
                self.try_start()

    def _ask_pause(self):
        flow = self.eth.used[MACFCR]
        self._pause_again = None
        if not self.full_duplex or not self._holding or not flow & TFCE:
            return
        quanta = flow >> 16
        self._pause_frame = self._make_pause(quanta)
        slots = max(1, quanta - PAUSE_SLOTS[flow >> 4 & 3])
        self._pause_again = self.machine.at(slots * SLOT_BYTES * self.byte_ns, self._ask_pause)
        self.try_start()

    @property
    def byte_ns(self):
        return BYTE_NS[100 if self.eth.used[MACCR] & FES else 10]

    def read_debug(self, register):
        value = 0
        if self.rx_fifo:
            value |= 2 << 8 if self.rx_used > FIFO_BYTES // 2 else 1 << 8
            if self.rx_used + 64 > FIFO_BYTES:
                value |= 3 << 8
        if self.sending is not None:
            value |= 1 << 16 | 3 << 17 | 1 << 20
        if self.tx_fifo or self.sending is not None:
            value |= 1 << 24
        if self.machine.now < self._pause_until:
            value |= 1 << 19
        return value

    # Transmit

    @property
    def tx_used(self):
        held = sum(len(frame.data) for frame in self.tx_fifo)
        return held + (len(self.sending.data) if self.sending is not None else 0)

    def tx_enqueue(self, frame):
        self.tx_fifo.append(frame)
        if self.sending is None:
            self.try_start()

    def _wait(self, delay):
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.machine.at(delay, self._retry)

    def _retry(self):
        self._timer = None
        self.try_start()

    def try_start(self):
        """Begin the next frame if everything allows it; otherwise whatever changes calls here again."""
        eth = self.eth
        if self.sending is not None or self.stuck or not (self.tx_fifo or self._pause_frame):
            return
        control = eth.used[MACCR]
        if not control & TE or eth.resetting or not eth.clocks_run():
            return
        now = self.machine.now
        wait = self._gap_end - now
        if self._pause_frame is None and self._pause_until > now:
            wait = max(wait, self._pause_until - now)
        if not control & DM and not control & LM:
            carrier = eth.phy.carrier_until() if eth.phy is not None else 0
            if carrier > now:
                wait = max(wait, carrier - now + self._gap(control) * self.byte_ns)
                if self.tx_fifo:
                    self.tx_fifo[0].status |= T_DB
                if control & DC and self.tx_fifo and (wait := self._patience(wait)) <= 0:
                    self._give_up()
                    return
        if wait > 0 and (not control & DM or wait > MAX_GAP_BYTES * self.byte_ns):
            self._wait(wait)
            return
        self._send(control, max(0, wait))

    def _patience(self, wait):
        """MACCR.DC: a frame defers for 24,288 bit times at most. How much of `wait` that leaves."""
        frame = self.tx_fifo[0]
        if frame.deferred_since is None:
            frame.deferred_since = self.machine.now
        left = frame.deferred_since + EXCESSIVE_DEFERRAL_BITS * self.byte_ns // 8 - self.machine.now
        return min(wait, left)

    def _give_up(self):
        frame = self.tx_fifo.popleft()
        frame.status |= T_ED
        self.eth.dma.tx.complete(frame)
        self.try_start()

    @staticmethod
    def _gap(control):
        """Interframe gap in bytes: 96 bit times less 8 for each step of IFG."""
        return 12 - (control >> IFG_SHIFT & 7)

    def _make_pause(self, quanta):
        source = self.eth.filter.mac_address(0)
        return with_fcs(PAUSE_ADDRESS + source + b"\x88\x08\x00\x01" + quanta.to_bytes(2, "big"))

    def _send(self, control, delay):
        """The frame at the head goes out in `delay` ns, which is at most the gap behind the one before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pause_frame is not None:
            frame = TxFrame(self._pause_frame, T_DC, None)
            wire_frame, self._pause_frame = self._pause_frame, None
        else:
            frame = self.tx_fifo.popleft()
            if not frame.complete:
                self._send_partial(control, frame, delay)
                return
            wire_frame = self._build(frame)
            limit = LONG_LIMIT if control & JD else FRAME_LIMIT
            if len(wire_frame) > limit:
                wire_frame = wire_frame[:limit]
                frame.status |= T_JT
        self.sending = frame
        now = self.machine.now
        byte_ns = self.byte_ns
        ptp = self.eth.ptp
        if frame.control & T_TTSE and ptp.enabled:
            frame.stamp = ptp.snapshot(now + delay + PREAMBLE_BYTES * byte_ns)
        self._launch(control, wire_frame, delay)
        self._timer = self.machine.at(delay + (PREAMBLE_BYTES + len(wire_frame)) * byte_ns, self._sent)

    def _launch(self, control, wire_frame, delay):
        eth = self.eth
        phy = eth.phy
        self.transmission = None
        if control & LM:
            duration = delay + (PREAMBLE_BYTES + len(wire_frame)) * self.byte_ns
            self.machine.at(duration, lambda: self.receive(wire_frame, 0))
        elif phy is not None and eth.speaks:
            if phy.loops_back:
                duration = delay + (PREAMBLE_BYTES + len(wire_frame)) * self.byte_ns
                self.machine.at(duration, lambda: self.receive(wire_frame, 0))
                return
            self.transmission = phy.transmit(wire_frame, self.speed, delay)
            if self.transmission is None and not control & (DM | CSD):
                self.sending.status |= T_NC  # half duplex: its own carrier does not come back

    @property
    def speed(self):
        return 100 if self.eth.used[MACCR] & FES else 10

    def _build(self, frame):
        """Checksums, padding, FCS: TxFrame -> bytes for the wire."""
        data, control = frame.data, frame.control
        cic = control >> 22 & 3
        if cic and self.eth.used[DMAOMR] & TSF:  # 33.5.8: offload works in store-and-forward mode only
            done = eth_checksum.insert(data, cic, len(data) <= FIFO_BYTES)
            data = done.frame
            frame.status |= (T_IHE if done.header_error else 0) | (T_IPE if done.payload_error else 0)
        if len(data) > 13 and data[12] == 0x81 and data[13] == 0:
            frame.status |= T_VF
        short = len(data) < 60
        if control & T_DC and not (short and not control & T_DP):
            return bytes(data)
        if short and control & T_DP:
            return with_fcs_unpadded(data)
        return with_fcs(data)  # padding brings an FCS even with DC set (TDES0.DP)

    def _sent(self):
        """The last bit is out."""
        self._timer = None
        frame, self.sending, transmission = self.sending, None, self.transmission
        self.transmission = None
        now = self.machine.now
        control = self.eth.used[MACCR]
        if not control & (DM | CSD) and transmission is not None and self.eth.phy.mode is None:
            frame.status |= T_LCA  # half duplex: the carrier went away under the frame
        self.sent_at = now
        self._gap_end = now + self._gap(control) * self.byte_ns
        if frame.token is None:
            self.eth.regs[MACFCR] &= ~FCB
            self.eth.used[MACFCR] &= ~FCB
        else:
            if not frame.status & T_ERRORS & ~(T_IHE | T_IPE):
                self._count_sent(frame)
            self.eth.dma.tx.complete(frame)
        self.try_start()

    def _count_sent(self, frame):
        mmc = self.eth.mmc
        mmc.count(TX_GOOD)
        if frame.attempts == 1:
            mmc.count(TX_SINGLE)
        elif frame.attempts > 1:
            mmc.count(TX_MULTI)
        frame.status |= min(frame.attempts, 15) << 3

    def collided(self, offset):
        """Half duplex: what is being sent met another frame after `offset` bytes."""
        frame = self.sending
        control = self.eth.used[MACCR]
        if frame is None or control & DM:
            return  # in full duplex nobody looks at COL: what was cut off counts as sent
        self._timer.cancel()
        self._timer = None
        self.sending = self.transmission = None
        self._gap_end = self.machine.now + self._gap(control) * self.byte_ns
        frame.attempts += 1
        if offset >= 64:
            frame.status |= T_LCO | min(frame.attempts - 1, 15) << 3
        elif control & RD or frame.attempts > 15:
            frame.status |= T_EC | (min(frame.attempts, 15) << 3 if control & RD else 0)
        else:
            self.tx_fifo.appendleft(frame)
            self._gap_end = self.machine.now + self._backoff(control, frame.attempts) * 64 * self.byte_ns
            self.try_start()
            return
        if frame.token is not None:
            self.eth.dma.tx.complete(frame)
        self.try_start()

    def _backoff(self, control, attempts):
        limit = min(attempts, BACKOFF_LIMITS[control >> BL_SHIFT & 3])
        self._random = (self._random * 0x5DEECE66D + 11) & 0xFFFFFFFFFFFF
        return (self._random >> 20) & ((1 << limit) - 1)

    def _send_partial(self, control, frame, delay):
        """Threshold mode: the beginning of a frame goes out in the hope that the rest arrives in time."""
        self.sending = frame
        self._launch(control, frame.data, delay)
        self._timer = self.machine.at(
            delay + (PREAMBLE_BYTES + len(frame.data)) * self.byte_ns, self.underflow
        )

    def join_partial(self, partial, frame):
        """The rest of `partial` has come into the FIFO: `frame` is the whole."""
        if partial in self.tx_fifo:
            self.tx_fifo[self.tx_fifo.index(partial)] = frame
        elif self.sending is partial:
            # ES0182, "transmit frame data corruption": the FIFO went empty and filled again under the frame
            cut = len(partial.data)
            data = bytearray(frame.data)
            data[min(cut, len(data) - 1)] ^= 0x40
            frame.data = bytes(data)
            wire_frame = self._build(frame)
            gone = self._timer.time - (PREAMBLE_BYTES + cut) * self.byte_ns
            self._timer.cancel()
            if self.transmission is not None:
                self.transmission.extend(wire_frame)
            self.sending = frame
            end = gone + (PREAMBLE_BYTES + len(wire_frame)) * self.byte_ns
            self._timer = self.machine.at(end - self.machine.now, self._sent)

    def underflow(self):
        """Threshold mode: the FIFO ran dry in the middle of the frame on the wire (33.5.4)."""
        frame = self.sending
        if self.transmission is not None:
            self.transmission.abort()
        self._timer.cancel()
        self._timer = None
        self.sending = self.transmission = None
        self._gap_end = self.machine.now + self._gap(self.eth.used[MACCR]) * self.byte_ns
        frame.status |= T_UF
        self.eth.dma.tx.underflow(frame)
        self.try_start()

    def flush_tx(self):
        """DMAOMR.FTF: empty the FIFO; the frame on the wire ends as a runt. Returns the frames flushed."""
        flushed = list(self.tx_fifo)
        self.tx_fifo.clear()
        for frame in flushed:
            frame.status |= T_FF
        if self.sending is not None:
            if self.transmission is not None:
                self.transmission.abort()
            self._timer.cancel()
            self._timer = None
            self.sending.status |= T_FF | T_UF
            if self.sending.token is not None:
                flushed.insert(0, self.sending)
            self.sending = self.transmission = None
        elif 0 <= self.machine.now - self.sent_at <= self.byte_ns // 2 and self.sent_at >= 0:
            self.stuck = True  # ES0182: flush one clock after the status of a transmission; only SR helps
        return flushed

    def clock_lost(self):
        """REF_CLK is gone. In the middle of a frame the transmitter comes to a state that only SR ends.

        Seen on F407 with LAN8720A: DMASR shows TPSS and RPSS, and nothing is sent any more.
        """
        if self.sending is None:
            return
        if self.transmission is not None:
            self.transmission.abort()
        self._timer.cancel()
        self._timer = None
        self.sending = self.transmission = None
        self.stuck = True
        self.eth.dma.clock_lost()

    # Receive

    def receive(self, frame, flags):
        """A frame off the wire, FCS included, complete at this moment."""
        eth = self.eth
        control = eth.used[MACCR]
        counters = self.counters
        if not control & RE or eth.resetting or not eth.hears:
            counters["deaf"] += 1
            return
        if not control & DM and self.transmission is not None:
            self._talked_over(len(frame))
        if self.backpressure:
            counters["control"] += 1  # what is left of it: wire.py made its sender stop
            return
        if len(frame) < 14:
            counters["dropped_errors"] += 1  # gone before an address was seen: in no MMC counter
            return
        frame, status = self._errors(frame, flags, control)
        passes, status = self._filter(frame, status)
        if eth.pmt.asleep:
            counters["asleep"] += 1
            if not status & R_ERRORS:
                eth.pmt.look(frame[:-4], not status & (R_AFM | R_SAF))
            return
        if not passes:
            counters["filtered"] += 1
            return
        self._count_received(frame, flags, status)
        self._into_fifo(frame, status, control)

    def _talked_over(self, length):
        """Half duplex on a full-duplex link: carrier while sending is a collision, late as a rule."""
        now = self.machine.now
        began = now - (PREAMBLE_BYTES + length) * self.byte_ns
        offset = max(0, (began - self.transmission.start) // self.byte_ns - PREAMBLE_BYTES)
        self.transmission.abort()
        self.collided(offset)

    def _errors(self, frame, flags, control):
        """(frame as far as the watchdog lets it in, bits of RDES0)."""
        status = 0
        limit = LONG_LIMIT if control & WD else FRAME_LIMIT
        if len(frame) > limit:
            frame = frame[:limit]
            status |= R_RWT
            self.eth.dma.raise_rwt()
        if not fcs_ok(frame):
            status |= R_CE
        if flags & RX_ER:
            status |= R_RE
        if flags & DRIBBLE:
            status |= R_DBE
        kind = frame[12] << 8 | frame[13]
        if kind >= 0x600:
            status |= R_FT
        elif not status & R_CE:
            payload = len(frame) - 18
            if kind > payload or (kind < payload and payload > 46):
                status |= R_LE
        return frame, status

    def _filter(self, frame, status):
        """(whether it goes up, status with AFM, SAF, VLAN)."""
        filters = self.eth.filter
        address_ok = filters.destination(frame[:6])
        source_ok = filters.source(frame[6:12])
        control = self.eth.used[0x04]
        if not address_ok:
            status |= R_AFM
        if not source_ok:
            status |= R_SAF
        if frame[12] == 0x81 and filters.vlan(frame):
            status |= R_VLAN
        passes = address_ok and (source_ok or not control & (1 << 9))
        if frame[12] == 0x88 and frame[13] == 0x08:
            passes = self._control_frame(frame, status, passes)
        return passes or bool(control >> 31), status

    def _control_frame(self, frame, status, address_ok):
        pause = frame[14] == 0 and frame[15] == 1
        flow = self.eth.used[MACFCR]
        ours = frame[:6] == PAUSE_ADDRESS or (flow & UPFD and frame[:6] == self.eth.filter.mac_address(0))
        if pause and ours and flow & RFCE and self.full_duplex and not status & R_ERRORS and len(frame) == 64:
            self._pause_until = self.machine.now + (frame[16] << 8 | frame[17]) * 64 * self.byte_ns
            self.counters["control"] += 1
            if self.sending is None:
                self.try_start()
        return self.eth.filter.control_frame_passes(pause, address_ok)

    def _count_received(self, frame, flags, status):
        mmc = self.eth.mmc
        if status & R_CE:
            mmc.count(RX_ALIGNMENT if flags & DRIBBLE else RX_CRC)
        elif not status & R_ERRORS and not frame[0] & 1 and len(frame) >= 64:
            mmc.count(RX_UNICAST)

    def _into_fifo(self, frame, status, control):
        eth = self.eth
        mode = eth.used[DMAOMR]
        data = frame
        if status & R_FT:
            if control & CSTF and not status & R_CE:
                data = frame[:-4]
        elif control & APCS and not status & (R_CE | R_LE):
            length = frame[12] << 8 | frame[13]
            data = frame[: 14 + length] if length < len(frame) - 18 else frame[:-4]
        verdict = None
        if control & IPCO and status & R_FT and not status & R_CE:
            verdict = eth_checksum.check(frame[:-4])
        bad_sum = verdict is not None and (verdict.header_error or verdict.payload_error)
        if self._dropped(frame, status, mode, bad_sum):
            self.counters["dropped_errors"] += 1
            if len(frame) < 64 and not status & R_ERRORS:
                eth.dma.rx.count_overflow()  # 33.8.4, DMAMFBOCR: "and runt frames (good frames of ...)"
            return
        ptp = eth.ptp
        stamp, message = None, 0
        if ptp.enabled:
            arrived = self.machine.now - len(frame) * self.byte_ns
            stamp, message = ptp.received(frame, arrived)
        if status & R_ERRORS:
            status |= R_ES
        entry = RxFrame(data, status, verdict, stamp, message)
        if self.rx_used + entry.room > FIFO_BYTES + 8 and (mode & RSF or self.rx_fifo):
            eth.dma.rx.overflowed()
            return
        self.rx_fifo.append(entry)
        self.rx_used += entry.room
        self._fifo_level()
        eth.dma.rx.frame_arrived()

    @staticmethod
    def _dropped(frame, status, mode, bad_sum):
        """What the FIFO's read side throws away (DMAOMR.FEF, FUGF, DTCEFD)."""
        runt = len(frame) < 64
        if status & R_ERRORS:
            # with FEF errors go up, except runts with an error; in threshold mode a longer frame is already
            # on its way when its error is known
            threshold = (64, 32, 96, 128)[mode >> 3 & 3]
            if mode & FEF or (not mode & RSF and len(frame) > threshold):
                return runt
            return True
        if runt and not mode & FUGF:
            return True
        return bad_sum and not mode & (DTCEFD | FEF)

    def take_rx(self):
        """The DMA has the frame at the head of the FIFO."""
        entry = self.rx_fifo.popleft()
        self.rx_used -= entry.room
        self._fifo_level()
        return entry


def with_fcs_unpadded(data):
    """A frame as it is, with FCS (TDES0.DP)."""
    return bytes(data) + crc32(data).to_bytes(4, "little")
