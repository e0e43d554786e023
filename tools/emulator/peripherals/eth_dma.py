# SPDX-License-Identifier: MIT
"""The Ethernet DMA's registers: modes, commands, status and interrupts (RM0090 33.6, 33.8.4).

Differs from silicon: arbitration between the two engines and burst shapes do not show in timing.
"""

from ..peripheral import BusFault, Register
from .eth_dma_rx import DFRF, RxEngine
from .eth_dma_rx import SR as OMR_SR
from .eth_dma_tx import ST, TxEngine
from .eth_ownership import Ownership
from .eth_part import Part

DMABMR, DMATPDR, DMARPDR, DMARDLAR, DMATDLAR, DMASR = 0x1000, 0x1004, 0x1008, 0x100C, 0x1010, 0x1014
DMAOMR, DMAIER, DMAMFBOCR, DMARSWTR = 0x1018, 0x101C, 0x1020, 0x1024

BMR_SR, DSL_SHIFT, EDFE, PBL_SHIFT = 1, 2, 1 << 7, 8
FTF, TSF, RSF = 1 << 20, 1 << 21, 1 << 25
OMR_WRITE = 0x0731E0DE

# DMASR
NIS, AIS, FBES, RWTS = 1 << 16, 1 << 15, 1 << 13, 1 << 9
NORMAL = 1 | 1 << 2 | 1 << 6 | 1 << 14  # TS, TBUS, RS, ERS
ABNORMAL = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | RWTS | 1 << 10 | FBES
CLEARABLE = NORMAL | ABNORMAL | NIS | AIS
ERS = 1 << 14
FLUSH_CLOCKS = 8


class Dma(Part):
    """tx and rx are the two engines."""

    REGISTERS = (
        Register(
            DMABMR,
            "DMABMR",
            reset=0x00020101,
            write=0x07FFFFFE,
            on_read="read_bus_mode",
            on_write="write_bus_mode",
        ),
        Register(DMATPDR, "DMATPDR", on_write="write_tx_poll"),
        Register(DMARPDR, "DMARPDR", on_write="write_rx_poll"),
        Register(DMARDLAR, "DMARDLAR", write=0xFFFFFFFC, on_write="write_rx_list"),
        Register(DMATDLAR, "DMATDLAR", write=0xFFFFFFFC, on_write="write_tx_list"),
        Register(DMASR, "DMASR", w1c=CLEARABLE, on_read="read_dma_status", on_write="write_dma_status"),
        Register(DMAOMR, "DMAOMR", write=OMR_WRITE, on_write="write_operation_mode"),
        Register(DMAIER, "DMAIER", write=CLEARABLE, on_write="write_interrupt_enable"),
        Register(DMAMFBOCR, "DMAMFBOCR", on_read="read_missed"),
        Register(DMARSWTR, "DMARSWTR", write=0xFF),
        Register(0x1048, "DMACHTDR", on_read="read_tx_descriptor"),
        Register(0x104C, "DMACHRDR", on_read="read_rx_descriptor"),
        Register(0x1050, "DMACHTBAR", on_read="read_tx_buffer"),
        Register(0x1054, "DMACHRBAR", on_read="read_rx_buffer"),
    )

    def __init__(self, eth):
        super().__init__(eth)
        self.ownership = Ownership(self)
        self.tx = TxEngine(eth)
        self.rx = RxEngine(eth)
        self._flush_event = None
        self.tx_base = self.rx_base = 0
        self.stride = 16
        self.enhanced = False
        self.faults = 0  # fatal bus errors since power-on

    def reset(self):
        self.ownership.stopped("T")
        self.ownership.stopped("R")
        self.tx.reset()
        self.rx.reset()
        self.tx_base = self.rx_base = 0
        self.stride = 16
        self.enhanced = False
        if self._flush_event is not None:
            self._flush_event.cancel()
            self._flush_event = None

    def bus_ns(self, words):
        """Time of `words` transfers on the AHB, with arbitration and the first access of a burst."""
        return (words + words // 8 + 8) * 1_000_000_000 // self.eth.hclk

    # Mode

    def read_bus_mode(self, register):
        self.eth.poll_reset()
        return self.eth.regs[DMABMR]

    def write_bus_mode(self, register, old, value):
        if value & BMR_SR:
            self.eth.software_reset()
            return
        mode = self.eth.regs[DMABMR]
        self.enhanced = bool(mode & EDFE)
        self.stride = (32 if self.enhanced else 16) + (mode >> DSL_SHIFT & 31) * 4
        for shift, name in ((PBL_SHIFT, "PBL"), (17, "RDP")):
            burst = mode >> shift & 63
            if burst not in (1, 2, 4, 8, 16, 32) and (name == "PBL" or mode & 1 << 23):
                self.machine.report(f"{self.eth.name}.DMABMR.{name} = {burst}: must be 1, 2, 4, 8, 16 or 32")

    def write_tx_poll(self, register, old, value):
        self.tx.poll_demand()

    def write_rx_poll(self, register, old, value):
        self.rx.poll_demand()

    def write_tx_list(self, register, old, value):
        if self.tx.state:
            self.machine.report(f"{self.eth.name}.DMATDLAR = 0x{value:08x} while transmission is not stopped")
            return
        self.tx_base = self.tx.current = value & ~3

    def write_rx_list(self, register, old, value):
        if self.rx.state:
            self.machine.report(f"{self.eth.name}.DMARDLAR = 0x{value:08x} while reception is not stopped")
            return
        self.rx_base = self.rx.current = value & ~3

    def write_operation_mode(self, register, old, value):
        eth = self.eth
        before = eth.used[DMAOMR]
        if not eth.take(register):
            return
        now = eth.used[DMAOMR]
        changed = before ^ now
        if changed & TSF and self.tx.state:
            self.machine.report(f"{eth.name}.DMAOMR.TSF changes while transmission is not stopped")
        if changed & RSF and self.rx.state:
            self.machine.report(f"{eth.name}.DMAOMR.RSF changes while reception is not stopped")
        if now & FTF and not before & FTF:
            self._flush()
        if changed & ST:
            if now & ST:
                self.tx.start()
            else:
                self.tx.stop()
        if changed & OMR_SR:
            if now & OMR_SR:
                self.rx.start()
            else:
                self.rx.stop()
        if changed & DFRF:
            self.rx.poll_demand()

    def _flush(self):
        """FTF: clears itself when the FIFO is empty, in the MAC's own clock (33.8.4)."""
        if self.eth.used[DMAOMR] & ST and (self.tx.state not in (0, 6) or self.eth.mac.sending is not None):
            self.machine.report(f"{self.eth.name}.DMAOMR.FTF while transmission runs")
        frames = self.eth.mac.flush_tx()
        if self.eth.mac.stuck or not self.eth.clocks_run():
            return
        delay = FLUSH_CLOCKS * self.eth.mii_clock_ns
        self._flush_event = self.machine.at(delay, lambda: self._flushed(frames))

    def _flushed(self, frames):
        self._flush_event = None
        self.tx.flush(frames)
        self.eth.regs[DMAOMR] &= ~FTF
        self.eth.used[DMAOMR] &= ~FTF

    # Status

    @property
    def early_receive_enabled(self):
        return True

    def raise_status(self, bits):
        """Set status bits; what is enabled in DMAIER also latches its summary bit."""
        regs = self.eth.regs
        status = regs[DMASR] | bits
        if bits & 1 << 6:
            status &= ~ERS  # RS clears ERS (33.8.4)
        regs[DMASR] = status
        self._summarise()

    def _summarise(self):
        regs = self.eth.regs
        pending = regs[DMASR] & regs[DMAIER]
        if pending & NORMAL:
            regs[DMASR] |= NIS
        if pending & ABNORMAL:
            regs[DMASR] |= AIS
        self.eth.update_dma_irq()

    def raise_rwt(self):
        self.raise_status(RWTS)

    def fatal(self, transmit, descriptor, read):
        """A bus error: FBES with EBS, and the engine is dead until DMABMR.SR."""
        self.faults += 1
        bits = (1 << 23 if transmit else 0) | (1 << 24 if read else 0) | (1 << 25 if descriptor else 0)
        self.eth.regs[DMASR] = self.eth.regs[DMASR] & ~(7 << 23) | bits
        if transmit:
            self.tx.state = 0
        else:
            self.rx.state = 0
        self.ownership.stopped("T" if transmit else "R")
        self.raise_status(FBES)

    def fail_bus(self, transmit, after=0):
        """For tests: the bus refuses one of the engine's accesses, after so many that work."""
        engine = self.tx if transmit else self.rx
        left = [after]

        def failing(access):
            def refused(address, *rest):
                if left[0] == 0:
                    engine.bus_read, engine.bus_write = self.machine.dma_read, self.machine.dma_write
                    raise BusFault(address)
                left[0] -= 1
                return access(address, *rest)

            return refused

        engine.bus_read, engine.bus_write = failing(self.machine.dma_read), failing(self.machine.dma_write)

    def clock_lost(self):
        """The MAC lost REF_CLK in the middle of a frame: both processes stop, transmission for good."""
        self.tx.dead = True
        self.tx.state = self.rx.state = 0
        self.ownership.stopped("T")
        self.ownership.stopped("R")
        self.raise_status(1 << 1 | 1 << 8)

    def watch_stores(self):
        """From now on report what the CPU stores where the DMA owns the memory."""
        if self.ownership.words is None:
            self.ownership.watch(self.machine.cpu.watch_stores(self.ownership.stored))

    def read_dma_status(self, register):
        value = self.eth.regs[DMASR] | self.rx.state << 17 | self.tx.state << 20
        receive, transmit = self.eth.mmc.interrupts
        value |= 1 << 27 if receive or transmit else 0
        value |= 1 << 28 if self.eth.pmt.interrupt else 0
        return value | (1 << 29 if self.eth.ptp.interrupt else 0)

    def write_dma_status(self, register, old, value):
        # NIS and AIS are sticky: cleared by writing 1 only, set by the next event or enable (33.8.4)
        self.eth.update_dma_irq()

    def write_interrupt_enable(self, register, old, value):
        self._summarise()

    def read_missed(self, register):
        rx = self.rx
        value = (rx.missed & 0x1FFFF) | (rx.overflows & 0xFFF) << 17
        rx.missed = rx.overflows = 0
        return value

    def read_tx_descriptor(self, register):
        return self.tx.fetched

    def read_rx_descriptor(self, register):
        return self.rx.fetched

    def read_tx_buffer(self, register):
        return self.tx.buffer

    def read_rx_buffer(self, register):
        return self.rx.buffer
