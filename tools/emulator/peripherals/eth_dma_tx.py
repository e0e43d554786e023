# SPDX-License-Identifier: MIT
"""The transmit DMA engine (RM0090 33.6.4): descriptor list -> transmit FIFO, status back.

A descriptor keeps its control bits when it is closed. The manual says that they are reset, but ST's own
drivers set TCH and CIC once, at start-up, and work.

Differs from silicon: all segments of a frame are read when its first descriptor is, and take
their time on the bus together; descriptors are closed at the end of that time.
"""

from collections import deque

from .eth_dma_engine import OWN, PAIR, WORDS, Engine
from .eth_mac import DMAOMR, FIFO_BYTES, T_ERRORS, T_ES, T_TTSS, TSF, TxFrame

IC, LS, FS, TER, TCH = 1 << 30, 1 << 29, 1 << 28, 1 << 21, 1 << 20
STATUS_MASK = 0x0003FFFF
OSF, ST = 1 << 2, 1 << 13
DMASR = 0x1014
DMASR_TS, DMASR_TPSS, DMASR_TBUS, DMASR_TJTS, DMASR_TUS, DMASR_ETS = 1, 2, 4, 8, 1 << 5, 1 << 10
THRESHOLDS = (64, 128, 192, 256, 40, 32, 24, 16)  # TTC

STOPPED, FETCHING, WAITING, READING, SUSPENDED, CLOSING = 0, 1, 2, 3, 6, 7  # TPS in DMASR


class TxEngine(Engine):
    """state is TPS as DMASR shows it."""

    NAME = "T"

    def __init__(self, eth):
        super().__init__(eth)
        self.reset()

    def reset(self):
        self._cancel()
        self.current = 0  # address of the next descriptor
        self.fetched = 0  # DMACHTDR, DMACHTBAR
        self.buffer = 0
        self.state = STOPPED
        self.dead = False
        self._skipping = False
        self.open = deque()  # frames in the MAC's hands, oldest first
        self._gather()

    def _gather(self):
        """Start to collect a new frame."""
        self._segments = []
        self._control = None
        self._addresses = []  # descriptors before the last
        self._partial = None  # TxFrame already sending in threshold mode

    # Commands

    def start(self):
        if self.state == STOPPED and not self.dead:
            self.eth.dma.ownership.started(self.NAME)
            self._go()

    def stop(self):
        """ST cleared: effective once the current frame is done, or at once when suspended."""
        if self.state == SUSPENDED or (self.state == FETCHING and not self.open):
            self._stopped()

    def _stopped(self):
        self._cancel()
        self.eth.dma.ownership.stopped(self.NAME)
        if self.state != STOPPED:
            self.state = STOPPED
            self.eth.dma.raise_status(DMASR_TPSS)

    def poll_demand(self):
        # 33.6.4, step 9: after an underflow only once its status bit is cleared
        if self.state == SUSPENDED and not self.eth.regs[DMASR] & DMASR_TUS:
            self._go()

    def _go(self):
        """Fetch at once: the time of the descriptor's words is added to that of the buffers'."""
        self.state = FETCHING
        if self._event is None:
            self._fetch()

    # Fetch

    def _fetch(self):
        if not self.eth.used[DMAOMR] & ST:
            self._stopped()
            return
        words = 0
        while True:
            descriptor = self._read_descriptor()
            if descriptor is None:
                return
            if not descriptor[0] & OWN:
                self._suspend()
                return
            if self._skipping and not descriptor[0] & FS:
                if not self._close(self.current, descriptor[0] & ~OWN):
                    return
                self.current = self._next(descriptor)
                continue
            self._begin_or_go_on(descriptor[0])
            if not self._read_buffers(descriptor):
                return
            words += 4 + self._last_words
            address, self.current = self.current, self._next(descriptor)
            if descriptor[0] & LS:
                break
            self._addresses.append((address, descriptor[0]))
        self.state = READING
        last = (address, descriptor[0])
        self._event = self.machine.at(self.eth.dma.bus_ns(words), lambda: self._loaded(last))

    def _read_descriptor(self):
        self.fetched = self.current
        data = self._read(self.current, 16, descriptor=True)
        return None if data is None else WORDS.unpack(data)

    def _begin_or_go_on(self, control):
        """An owned descriptor: FS where a frame begins and nowhere else."""
        where = f"TDES0 0x{control:08x} at 0x{self.current:08x}"
        if control & FS:
            if self._control is not None:
                self.machine.report(f"{where}: FS inside a frame")
                self._gather()
            self._control = control
            self._skipping = False
        elif self._control is None:
            self.machine.report(f"{where}: a frame begins without FS")
            self._control = control

    def _read_buffers(self, descriptor):
        control, sizes, buffer1, buffer2 = descriptor
        self._last_words = 0
        chained = control & TCH and not control & TER
        for size, address in ((sizes & 0x1FFF, buffer1), (0 if chained else sizes >> 16 & 0x1FFF, buffer2)):
            if not size:
                continue
            self.buffer = address
            data = self._read(address, size, descriptor=False)
            if data is None:
                return False
            self._segments.append(data)
            self._last_words += (size + (address & 3) + 3) // 4
        return True

    def _next(self, descriptor):
        control = descriptor[0]
        if control & TER:
            return self.eth.dma.tx_base
        if control & TCH:
            return descriptor[3] & ~3
        return self.current + self.eth.dma.stride

    def _suspend(self):
        """No descriptor: TBUS, wait for a poll demand. Half a frame waits in the FIFO."""
        self.state = SUSPENDED
        if self._segments and not self.eth.used[DMAOMR] & TSF:
            self._start_partial()
        self.eth.dma.raise_status(DMASR_TBUS)

    def _start_partial(self):
        """Threshold mode: enough bytes for TTC, and the MAC starts with what there is."""
        held = b"".join(self._segments)
        if len(held) < THRESHOLDS[self.eth.used[DMAOMR] >> 14 & 7] or self._partial is not None:
            return
        self._partial = TxFrame(held, self._control, (0, 0), complete=False)
        self.eth.mac.tx_enqueue(self._partial)

    # Into the FIFO, and back

    def _loaded(self, last):
        """The whole frame is in the FIFO."""
        self._event = None
        data = self._segments[0] if len(self._segments) == 1 else b"".join(self._segments)
        frame = TxFrame(data, self._control, last)
        partial = self._partial
        for address, control in self._addresses:
            if not self._close(address, control & ~OWN):
                return
        self._gather()
        self.open.append(frame)
        self.state = WAITING
        self.eth.dma.raise_status(DMASR_ETS)
        if not data:
            frame.token = last
            self.complete(frame)
            return
        if partial is not None:
            self.eth.mac.join_partial(partial, frame)
        else:
            self.eth.mac.tx_enqueue(frame)
        if self.eth.used[DMAOMR] & OSF and len(self.open) < 2 and self._event is None:
            self._continue()

    def _continue(self):
        """Go for the next descriptor, if the FIFO has room for a frame."""
        if self.dead or self._event is not None:
            return
        if not self.eth.used[DMAOMR] & ST:
            if not self.open:
                self._stopped()
            return
        if self.state == SUSPENDED:
            return
        if self.eth.mac.tx_used >= FIFO_BYTES:
            return
        self._go()

    def complete(self, frame):
        """The MAC is done with `frame`: write its status back, go on."""
        if self.dead or frame not in self.open:
            return
        self.open.remove(frame)
        address, control = frame.token
        status = frame.status | (T_ES if frame.status & T_ERRORS else 0)
        was, self.state = self.state, CLOSING
        if frame.stamp is not None and not self._write_stamp(address, frame.stamp):
            return
        if frame.stamp is not None:
            status |= T_TTSS
        if not self._close(address, control & ~(OWN | STATUS_MASK) | status):
            return
        self.state = was if was in (SUSPENDED, READING, FETCHING) else WAITING
        if control & IC:
            self.eth.dma.raise_status(DMASR_TS)
        if status & 1 << 14:
            self.eth.dma.raise_status(DMASR_TJTS)
        if self.state in (WAITING, FETCHING):
            self._continue()

    def underflow(self, frame):
        """The frame ended in an underflow: TUS, and the engine suspends until a poll demand."""
        if frame in self.open:
            self.complete(frame)
        elif self._addresses:
            address, control = self._addresses.pop()
            self._addresses.append((address, control & ~STATUS_MASK | frame.status | T_ES))
            for address, control in self._addresses:
                self._close(address, control & ~OWN)
            self._gather()
            self._skipping = True  # what is left of the frame
        self._cancel()
        self.state = SUSPENDED
        self.eth.dma.raise_status(DMASR_TUS)

    def flush(self, frames):
        """DMAOMR.FTF: the status words of what was thrown away."""
        self._gather()
        for frame in frames:
            self.complete(frame)

    def _write_stamp(self, address, stamp):
        high, low = stamp
        at = address + (24 if self.eth.dma.enhanced else 8)
        return self._write(at, PAIR.pack(low, high))
