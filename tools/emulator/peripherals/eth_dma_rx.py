# SPDX-License-Identifier: MIT
"""The receive DMA engine (RM0090 33.6.5): receive FIFO -> descriptor list.

Differs from silicon: a frame is moved in one go after the time its words take on the bus.
"""

from .eth_dma_engine import OWN, PAIR, WORD, WORDS, Engine
from .eth_mac import DMAOMR, R_ES, R_FT, R_IPHCE, R_PCE

DE, FS, LS = 1 << 14, 1 << 9, 1 << 8
DIC, RER, RCH = 1 << 31, 1 << 15, 1 << 14
SR, DFRF = 1 << 1, 1 << 24
DMASR_ROS, DMASR_RS, DMASR_RBUS, DMASR_RPSS, DMASR_ERS = 1 << 4, 1 << 6, 1 << 7, 1 << 8, 1 << 14

STOPPED, FETCHING, WAITING, SUSPENDED, CLOSING, MOVING = 0, 1, 3, 4, 5, 7  # RPS in DMASR


class RxEngine(Engine):
    """state is RPS as DMASR shows it; missed and overflows are DMAMFBOCR's two counters."""

    NAME = "R"

    def __init__(self, eth):
        super().__init__(eth)
        self._watchdog = None
        self.reset()

    def reset(self):
        self._cancel()
        self._disarm_watchdog()
        self.current = 0
        self.fetched = 0  # DMACHRDR, DMACHRBAR
        self.buffer = 0
        self.state = STOPPED
        self.dead = False
        self.descriptor = None  # the one acquired in advance, as it was when it was read
        self.missed = 0
        self.overflows = 0

    # Commands

    def start(self):
        if self.state == STOPPED and not self.dead:
            self.state = FETCHING
            self.eth.dma.ownership.started(self.NAME)
            self._schedule(4, self._acquire)

    def stop(self):
        """SR cleared: effective when the frame being moved is done."""
        if self.state in (WAITING, SUSPENDED, FETCHING) and self.state != STOPPED:
            self._stopped()

    def _stopped(self):
        self._cancel()
        self.eth.dma.ownership.stopped(self.NAME)
        self.state = STOPPED
        self.descriptor = None
        self.eth.dma.raise_status(DMASR_RPSS)

    def poll_demand(self):
        if self.state == SUSPENDED and self._event is None:
            self._schedule(4, self._acquire)

    def _schedule(self, words, function):
        self._event = self.machine.at(self.eth.dma.bus_ns(words), function)

    # Descriptors

    def _acquire(self):
        """Get hold of the next descriptor in advance (33.6.5, receive descriptor acquisition)."""
        self._event = None
        if not self._fetch():
            return
        if self.descriptor is None:
            self._suspend()
            return
        self.state = WAITING
        if self.eth.mac.rx_fifo:
            self._begin()

    def _fetch(self):
        """Read the descriptor at `current`; False after a bus error. self.descriptor is None if not owned."""
        self.fetched = self.current
        data = self._read(self.current, 16, descriptor=True)
        if data is None:
            return False
        words = WORDS.unpack(data)
        self.descriptor = words if words[0] & OWN else None
        if self.descriptor is not None and (words[1] & 3 or (words[1] >> 16 & 3 and not words[1] & RCH)):
            self.machine.report(f"RDES1 0x{words[1]:08x} at 0x{self.current:08x}: a size is no multiple of 4")
        return True

    def _next(self, words):
        if words[1] & RER:
            return self.eth.dma.rx_base
        if words[1] & RCH:
            return words[3] & ~3
        return self.current + self.eth.dma.stride

    def _suspend(self):
        # RBUS only if the descriptor before was ours (33.8.4, DMASR.RBUS)
        was, self.state = self.state, SUSPENDED
        if was != SUSPENDED:
            self.eth.dma.raise_status(DMASR_RBUS)

    # Frames

    def frame_arrived(self):
        """A frame has come into the FIFO."""
        if self.dead or self._event is not None:
            return
        if self.state == WAITING:
            self._begin()
        elif self.state == SUSPENDED:
            self._schedule(4, self._retry)

    def _retry(self):
        """Suspended, and a frame is there: look again, else discard it unless DFRF."""
        self._event = None
        if not self._fetch():
            return
        if self.descriptor is not None:
            self.state = WAITING
            self._begin()
            return
        if self.eth.used[DMAOMR] & DFRF:
            self.eth.dma.raise_status(DMASR_RBUS)
            return
        while self.eth.mac.rx_fifo:
            self.eth.mac.take_rx()
            self._count_missed()

    def _count_missed(self):
        self.missed += 1
        if self.missed & 0xFFFF == 0:
            self.missed = 1 << 16

    def count_overflow(self):
        self.overflows += 1
        if self.overflows & 0x7FF == 0:
            self.overflows = 1 << 11

    def overflowed(self):
        """The FIFO had no room for a frame."""
        self.count_overflow()
        self.eth.dma.raise_status(DMASR_ROS)

    def _begin(self):
        self.state = MOVING
        self._schedule(len(self.eth.mac.rx_fifo[0].data) // 4 + 8, self._move)

    def _move(self):
        """The frame's time on the bus is over: everything is written."""
        self._event = None
        entry = self.eth.mac.take_rx()
        data = entry.data
        at, first = 0, FS
        while True:
            words = self.descriptor
            room = self._fill(words, data, at)
            if room is None:
                return
            at += room
            if at >= len(data):
                self._finish(words, entry, first | LS)
                return
            if first and self.eth.dma.early_receive_enabled:
                self.eth.dma.raise_status(DMASR_ERS)
            address, current = self.current, self._next(words)
            self.current = current
            if not self._fetch():
                return
            if self.descriptor is None:
                self._truncated(address, first, at)
                return
            # an intermediate descriptor holds the bytes moved so far (RDES0.FL with LS clear)
            if not self._close(address, first | (at & 0x3FFF) << 16):
                return
            first = 0

    def _truncated(self, address, first, moved):
        """No descriptor for the rest of the frame: descriptor error, the rest is thrown away."""
        flush = not self.eth.used[DMAOMR] & DFRF
        status = first | LS | (moved & 0x3FFF) << 16 | (DE | R_ES if flush else 0)
        if self._close(address, status):
            self.state = CLOSING
            self.eth.dma.raise_status(DMASR_RS)
            self._suspend()

    def _fill(self, words, data, at):
        """Put what fits into one descriptor's buffers: the number of bytes, None after a bus error."""
        start = at
        sizes = (words[1] & 0x1FFF, 0 if words[1] & RCH and not words[1] & RER else words[1] >> 16 & 0x1FFF)
        for size, address in zip(sizes, words[2:], strict=True):
            # RDES2: the address's low bits shift the beginning of a frame, and count for nothing after it
            if at == 0:
                size = max(0, size - (address & 3))
            else:
                address &= ~3
            if not size or at >= len(data):
                continue
            self.buffer = address
            if not self._write(address, data[at : at + size], descriptor=False):
                return None
            at = min(len(data), at + size)
        return at - start

    def _finish(self, words, entry, ends):
        """Close the last descriptor with the frame's status, then get the next one."""
        dma = self.eth.dma
        status = entry.status | ends | (len(entry.data) & 0x3FFF) << 16
        address = self.current
        if dma.enhanced:
            status = self._extended(address, entry, status)
        else:
            status = _with_verdict(status, entry.verdict)
            if not self._write_stamp(address + 8, entry.stamp):
                return
        if status is None or not self._close(address, status):
            return
        self.state = CLOSING
        self.current = self._next(words)
        if words[1] & DIC:
            self._arm_watchdog()
        else:
            self._disarm_watchdog()
            dma.raise_status(DMASR_RS)
        if not self.eth.used[DMAOMR] & SR:
            self._stopped()
            return
        if not self._fetch():
            return
        if self.descriptor is None:
            self._suspend()
            if self.eth.mac.rx_fifo:
                self._schedule(4, self._retry)
            return
        self.state = WAITING
        if self.eth.mac.rx_fifo:
            self._begin()

    def _extended(self, address, entry, status):
        """Enhanced descriptors: RDES4, the stamp in RDES6 and 7. Returns RDES0, None after a bus error."""
        extended = entry.ptp
        verdict = entry.verdict
        if verdict is not None:
            extended |= (1 << 7 if verdict.is_ipv6 else 0) | (1 << 6 if verdict.is_ipv4 else 0)
            extended |= (1 << 5 if verdict.bypassed else 0) | (1 << 4 if verdict.payload_error else 0)
            extended |= (1 << 3 if verdict.header_error else 0) | verdict.payload_type
        if not self._write(address + 16, WORD.pack(extended)):
            return None
        if verdict is not None or self.eth.ptp.enabled:
            status |= R_PCE  # ESA: RDES4 is valid
        if not self._write_stamp(address + 24, entry.stamp):
            return None
        if entry.stamp is not None:
            status |= R_IPHCE  # TSV: RDES6 and 7 are valid
        return status

    def _write_stamp(self, address, stamp):
        return stamp is None or self._write(address, PAIR.pack(stamp[1], stamp[0]))

    # Receive status watchdog (DMARSWTR)

    def _arm_watchdog(self):
        count = self.eth.regs[0x1024]
        if count and self._watchdog is None:
            delay = count * 256 * 1_000_000_000 // self.eth.hclk
            self._watchdog = self.machine.at(delay, self._watchdog_over)

    def _disarm_watchdog(self):
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _watchdog_over(self):
        self._watchdog = None
        self.eth.dma.raise_status(DMASR_RS)


def _with_verdict(status, verdict):
    """RDES0 bits 7, 5, 0 (table 158) for normal descriptors with IPCO set. They do not count for ES."""
    if verdict is None or not status & R_FT:
        return status
    if not (verdict.is_ipv4 or verdict.is_ipv6):
        return status & ~R_FT | R_IPHCE | R_PCE
    if verdict.header_error:
        return status | R_IPHCE | (R_PCE if verdict.payload_error else 0)
    if verdict.payload_error:
        return status | R_PCE
    return status & ~R_FT | R_PCE if verdict.bypassed else status
