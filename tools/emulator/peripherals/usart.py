# SPDX-License-Identifier: MIT
"""USART1-3, USART6, UART4, UART5: asynchronous serial ports (RM0090 chapter 30).

Differs from silicon: no noise, so NF is never set; no idle frame precedes the first frame after TE;
LIN, synchronous, smartcard, IrDA, half-duplex and mute modes are reported; what leaves in 9-bit frames
reaches the outside as its low 8 bits; receiver and sender may differ by half a bit over a frame.
"""

from collections import deque

from ..peripheral import Register
from .apb import ApbPeripheral
from .dma_lines import request
from .irqs import IRQ

SR_PE, SR_FE, SR_NF, SR_ORE, SR_IDLE, SR_RXNE, SR_TC, SR_TXE, SR_LBD, SR_CTS = (1 << bit for bit in range(10))
SR_SEQUENCE = SR_PE | SR_FE | SR_NF | SR_ORE | SR_IDLE  # cleared by reading SR, then DR
CR1_SBK, CR1_RWU, CR1_RE, CR1_TE, CR1_IDLEIE, CR1_RXNEIE, CR1_TCIE, CR1_TXEIE, CR1_PEIE, CR1_PS, CR1_PCE = (
    1 << bit for bit in range(11)
)
CR1_WAKE, CR1_M, CR1_UE, CR1_OVER8 = 1 << 11, 1 << 12, 1 << 13, 1 << 15
CR2_LBDIE, CR2_CLKEN, CR2_LINEN = 1 << 6, 1 << 11, 1 << 14
CR3_EIE, CR3_DMAR, CR3_DMAT, CR3_RTSE, CR3_CTSE, CR3_CTSIE, CR3_ONEBIT = (
    1,
    1 << 6,
    1 << 7,
    1 << 8,
    1 << 9,
    1 << 10,
    1 << 11,
)
CR3_TAGGED = 0x3E  # IREN, IRLP, HDSEL, NACK, SCEN
STOP_HALF_BITS = (2, 1, 4, 3)

# Pins that can carry each port's (TX, RX), data sheet table 9, and the alternate function they need.
PINS = {
    "USART1": (("A9", "B6"), ("A10", "B7"), 7),
    "USART2": (("A2", "D5"), ("A3", "D6"), 7),
    "USART3": (("B10", "C10", "D8"), ("B11", "C11", "D9"), 7),
    "UART4": (("A0", "C10"), ("A1", "C11"), 8),
    "UART5": (("C12",), ("D2",), 8),
    "USART6": (("C6", "G14"), ("C7", "G9"), 8),
}


CTS_PINS = {
    "USART1": ("A11",),
    "USART2": ("A0", "D3"),
    "USART3": ("B13", "D11"),
    "USART6": ("G13", "G15"),
}


def sample_frame(value, bits, ratio):
    """(value, stop bit) as a receiver reads a frame whose bits last 1 while it samples every `ratio` bits."""
    line = value << 1 | -1 << (bits + 1)
    samples = [line >> int((index + 0.5) * ratio) & 1 for index in range(1, bits + 2)]
    return sum(level << index for index, level in enumerate(samples[:bits])), samples[bits]


def _registers(name):
    """UART4 and UART5 have neither CTS and RTS nor the synchronous and smartcard modes."""
    full = name.startswith("USART")
    status = SR_TC | SR_RXNE | SR_LBD | (SR_CTS if full else 0)
    cr3 = 0x0FFF if full else 0x08CF
    cr2_tagged = CR2_LINEN | (CR2_CLKEN if full else 0)
    return (
        Register(0x00, "SR", SR_TXE | SR_TC, w0c=status, on_read="_read_sr", on_write="_changed"),
        Register(0x04, "DR", 0, on_read="_read_dr", on_write="_write_dr"),
        Register(0x08, "BRR", 0, write=0xFFFF),
        Register(0x0C, "CR1", 0, write=0xBFFF & ~CR1_RWU, tagged=CR1_RWU, on_write="_write_cr1"),
        Register(0x10, "CR2", 0, write=0x7F6F if full else 0x706F, tagged=cr2_tagged, on_write="_changed"),
        Register(0x14, "CR3", 0, write=cr3, tagged=CR3_TAGGED & cr3, on_write="_changed"),
        Register(0x18, "GTPR", 0, write=0xFFFF),
    )


class Usart(ApbPeripheral):
    """attach(fn): fn(bytes) gets what the port sends; feed(bytes): what it receives. Both take their time."""

    REGISTERS = _registers("USART1")

    def __init__(self, machine, name, base, clock=None):
        self.REGISTERS = _registers(name)
        self._sink = None
        self._sink_baud = None
        self._wires = []
        self._feed = deque()
        self._cts = True
        self._events = {}
        self._requests = {}
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        for event in self._events.values():
            event.cancel()
        self._events = {}
        self._tdr = self._shift = None
        self._rdr = 0
        self._sr_seen = 0
        self._update_irq()
        self._next_input()

    # The outside

    def attach(self, function, baud=None):
        """function(data) gets each byte sent, when its frame ends; with `baud`, as read at that speed."""
        self._sink, self._sink_baud = function, baud

    def connect(self, port):
        """A wire from TX to the RX of another port, or of this one."""
        self._wires.append(port)

    def line_busy(self):
        """The wire at RX carries a start bit: the line is not idle."""
        idle = self._events.pop("idle", None)
        if idle:
            idle.cancel()

    def line_frame(self, value, bits, baud, broken):
        """A frame (its parity bit in `value`) ends on the wire at RX; broken: without a stop bit."""
        cr1 = self.regs[0x0C]
        if not (cr1 & CR1_UE and cr1 & CR1_RE and self._divider() and self._pin_ready(1)):
            return
        own = self._bits()
        if not broken:
            value, stop = sample_frame(value | -1 << bits, own, baud / self.baud)
        flags = 0 if not broken and stop else SR_FE
        if cr1 & CR1_PCE and self._parity(value, own) != value:
            flags |= SR_PE
        self._receive(value, flags)
        self._at("idle", self._frame_ns() or 1, self._idle)

    def feed(self, data, baud=None):
        """Send `data` to the port, frame after frame, at its own speed or at `baud`."""
        for value in data:
            self._feed.append((value, baud, 0))
        self._next_input()

    def feed_frame(self, value, flags=0, baud=None):
        """One frame with its parity bit in `value` and errors (SR_FE, SR_NF, SR_PE) forced by `flags`."""
        self._feed.append((value, baud, flags | 1 << 31))
        self._next_input()

    def set_cts(self, asserted):
        """The other side's RTS: with CTSE a frame starts only while it is asserted."""
        if self._cts != asserted:
            self._cts = asserted
            if self.regs[0x14] & CR3_CTSE:
                self.regs[0x00] |= SR_CTS
                self._changed()

    @property
    def rts(self):
        """Whether the port asks for more (always, without RTSE)."""
        return not (self.regs[0x14] & CR3_RTSE and self.regs[0x00] & SR_RXNE)

    @property
    def waiting_input(self):
        """Bytes fed that have not reached the port yet."""
        return len(self._feed)

    # Frames

    @property
    def baud(self):
        """Bits per second, 0 while BRR or the bus clock does not allow any."""
        divider = self._divider()
        return self._fck() / divider if divider else 0

    def _fck(self):
        if "RCC" not in self.machine.peripherals:
            return 16_000_000
        return self.machine.clock.pclk2 if self.name in ("USART1", "USART6") else self.machine.clock.pclk1

    def _divider(self):
        brr = self.regs[0x08]
        if self.regs[0x0C] & CR1_OVER8:
            divider = (brr >> 4) * 8 + (brr & 7)
            return divider if divider >= 8 else 0
        return brr if brr >= 16 else 0

    def _bits(self):
        """Bits between start and stop, parity included."""
        return 9 if self.regs[0x0C] & CR1_M else 8

    def _frame_ns(self, baud=None):
        half_bits = 2 + 2 * self._bits() + STOP_HALF_BITS[self.regs[0x10] >> 12 & 3]
        if baud:
            return half_bits * 500_000_000 // baud
        return half_bits * 500_000_000 * self._divider() // max(self._fck(), 1)

    def _parity(self, value, bits):
        """`value` with the parity bit that the port's settings put into its top bit."""
        if not self.regs[0x0C] & CR1_PCE:
            return value & ((1 << bits) - 1)
        data = value & ((1 << (bits - 1)) - 1)
        odd = bin(data).count("1") & 1
        return data | (odd ^ bool(self.regs[0x0C] & CR1_PS)) << (bits - 1)

    def _pin_ready(self, direction):
        """Whether a pin carries the signal (0: TX, 1: RX); without GPIO models, always."""
        if "GPIOA" not in self.machine.peripherals:
            return True
        *pins, function = PINS[self.name]
        return any(
            self.machine[f"GPIO{pin[0]}"].alternate(int(pin[1:])) == function for pin in pins[direction]
        )

    def _at(self, name, delay, function):
        self._events[name] = self.machine.at(delay, function)

    # Transmitter

    def _start_output(self):
        """Start a frame if the transmitter is free and something waits."""
        cr1 = self.regs[0x0C]
        if self._shift is not None or not cr1 & CR1_UE or not cr1 & CR1_TE:
            return
        if self.regs[0x14] & CR3_CTSE and not self._cts:
            return
        if cr1 & CR1_SBK:
            self._shift = "break"
        elif self._tdr is not None:
            self._shift, self._tdr = self._tdr, None
            self.regs[0x00] |= SR_TXE
        else:
            return
        self.regs[0x00] &= ~SR_TC
        for port in self._wires:
            port.line_busy()
        if not self._divider():
            self._shift = None
            self.machine.report(f"{self.name} sends with BRR = 0x{self.regs[0x08]:x}: no baud rate")
            return
        self._at("output", self._frame_ns(), self._output_done)

    def _output_done(self):
        value, self._shift = self._shift, None
        if value == "break":
            self.regs[0x0C] &= ~CR1_SBK
            self._deliver(0, broken=True)
        else:
            self._deliver(value)
        self._start_output()
        if self._shift is None and self._tdr is None:
            self.regs[0x00] |= SR_TC
        self._update_irq()

    def _deliver(self, value, broken=False):
        if not self._pin_ready(0):
            self.machine.report(f"{self.name} sends, but no pin carries its TX")
            return
        for port in self._wires:
            frame = 0 if broken else self._parity(value, self._bits())
            port.line_frame(frame, self._bits(), self.baud, broken)
        if self._sink is None:
            return
        bits = self._bits()
        value = self._parity(value, bits)
        if self._sink_baud:
            value, _ = sample_frame(value, bits, self._sink_ratio())
        if self.regs[0x0C] & CR1_PCE:
            value &= (1 << (bits - 1)) - 1
        self._sink(bytes((value & 0xFF,)))

    def _sink_ratio(self):
        """Length of the outside receiver's bit, in bits of this port."""
        return self.baud / self._sink_baud

    # Receiver

    def _next_input(self):
        """Put the next fed frame on the wire, unless one is under way or RTS is withheld."""
        if not self._feed or "input" in self._events or not self.rts:
            return
        idle = self._events.pop("idle", None)
        if idle:
            idle.cancel()
        baud = self._feed[0][1]
        if not self._fck() or (not baud and not self._divider()):
            self._feed.popleft()
            self._next_input()
            return
        self._at("input", self._frame_ns(baud), self._input_done)

    def _input_done(self):
        del self._events["input"]
        value, baud, flags = self._feed.popleft()
        cr1, bits = self.regs[0x0C], self._bits()
        hears = cr1 & CR1_UE and cr1 & CR1_RE and self._divider() and self._fck()
        if hears and self._pin_ready(1):
            raw = bool(flags >> 31)
            sent = value if raw else self._parity(value, bits)
            if baud:
                sent, stop = sample_frame(sent, bits, baud / self.baud)
                flags |= 0 if stop else SR_FE
            if cr1 & CR1_PCE and self._parity(sent, bits) != sent:
                flags |= SR_PE
            self._receive(sent, flags & (SR_FE | SR_NF | SR_PE))
        if self._feed:
            self._next_input()
        elif cr1 & CR1_RE:
            self._at("idle", self._frame_ns() or 1, self._idle)

    def _receive(self, value, flags):
        if self.regs[0x00] & SR_RXNE:
            self.regs[0x00] |= SR_ORE
        else:
            self._rdr = value
            self.regs[0x00] |= SR_RXNE | flags
        self._update_irq()

    def _idle(self):
        del self._events["idle"]
        if self.regs[0x0C] & CR1_UE:
            self.regs[0x00] |= SR_IDLE
            self._update_irq()

    # Registers

    def _read_sr(self, register):
        self._sr_seen = self.regs[0x00]
        return self._sr_seen

    def _read_dr(self, register):
        self.regs[0x00] &= ~(SR_RXNE | self._sr_seen & SR_SEQUENCE)
        self._sr_seen &= ~SR_SEQUENCE
        self._update_irq()
        self._next_input()
        return self._rdr

    def _write_dr(self, register, old, value):
        self.regs[0x00] &= ~(self._sr_seen & (SR_TC | SR_PE))
        overwritten = self._tdr is not None
        self._tdr = value & 0x1FF
        self.regs[0x00] &= ~(SR_TXE | SR_TC)
        self._start_output()
        self._update_irq()
        if overwritten:
            self.machine.report(f"{self.name}.DR is written while TXE is 0: a byte is lost")

    def _write_cr1(self, register, old, value):
        new = self.regs[0x0C]
        if old & CR1_UE and not new & CR1_UE:
            for event in ("output", "idle"):
                if event in self._events:
                    self._events.pop(event).cancel()
            self._shift = self._tdr = None
            self.regs[0x00] |= SR_TXE | SR_TC
        self._changed()

    def _changed(self, *_):
        self._start_output()
        self._update_irq()
        self._next_input()

    def _update_irq(self):
        sr, cr1, cr2, cr3 = self.regs[0x00], self.regs[0x0C], self.regs[0x10], self.regs[0x14]
        pending = sr & cr1 & (SR_TXE | SR_TC | SR_RXNE | SR_IDLE)
        pending |= sr & SR_ORE and cr1 & CR1_RXNEIE
        pending |= sr & SR_PE and cr1 & CR1_PEIE
        pending |= sr & SR_CTS and cr3 & CR3_CTSIE
        pending |= sr & SR_LBD and cr2 & CR2_LBDIE
        pending |= sr & (SR_FE | SR_ORE | SR_NF) and cr3 & CR3_EIE and cr3 & CR3_DMAR
        self.machine.irq(IRQ[self.name], bool(pending and cr1 & CR1_UE))
        self._request("RX", sr & SR_RXNE and cr3 & CR3_DMAR)
        self._request("TX", sr & SR_TXE and cr3 & CR3_DMAT and cr1 & CR1_UE)

    def _request(self, direction, level):
        level = bool(level)
        if self._requests.get(direction, False) != level:
            self._requests[direction] = level
            request(self.machine, f"{self.name}_{direction}", level)
