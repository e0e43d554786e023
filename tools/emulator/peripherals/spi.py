# SPDX-License-Identifier: MIT
"""SPI1, SPI2, SPI3 as masters (RM0090 chapter 28).

Differs from silicon: slave mode, I2S, hardware CRC, the TI frame format and NSS as an input are reported;
a device sees whole bytes, not edges; without one MISO reads ones. What must not change while the SPI is on
(28.5.1) is reported when it does, and so is a transfer whose SCK no pin carries.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .bus_pins import SPI_PINS, carried
from .dma_lines import request
from .irqs import IRQ

NS = 1_000_000_000
CR1_MSTR, CR1_SPE, CR1_SSI, CR1_SSM, CR1_RXONLY, CR1_DFF = 1 << 2, 1 << 6, 1 << 8, 1 << 9, 1 << 10, 1 << 11
CR1_CPHA, CR1_CPOL, CR1_LSBFIRST = 1, 2, 1 << 7
# These must not change while SPE is set.
CR1_FIXED = CR1_CPHA | CR1_CPOL | CR1_MSTR | 7 << 3 | CR1_LSBFIRST | CR1_DFF
CR1_CRCEN, CR1_BIDIOE, CR1_BIDIMODE = 1 << 13, 1 << 14, 1 << 15
CR2_RXDMAEN, CR2_TXDMAEN, CR2_FRF, CR2_ERRIE, CR2_RXNEIE, CR2_TXEIE = 1, 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7
SR_RXNE, SR_TXE, SR_MODF, SR_OVR, SR_BSY = 1, 2, 1 << 5, 1 << 6, 1 << 7


class Spi(ApbPeripheral):
    """attach(fn): fn(value) -> value exchanges one frame with the device on the other end;
    attach_wires(wires): wires.exchange(byte, CPOL, CPHA) -> byte, the first bit on the wire on top."""

    REGISTERS = (
        Register(
            0x00, "CR1", 0, write=0xFFFF & ~(1 << 12), tagged=CR1_CRCEN | 1 << 12, on_write="_write_cr1"
        ),
        Register(0x04, "CR2", 0, write=0xF7, tagged=CR2_FRF, on_write="_changed"),
        Register(0x08, "SR", SR_TXE, w0c=1 << 4, on_read="_read_sr"),
        Register(0x0C, "DR", 0, on_read="_read_dr", on_write="_write_dr"),
        Register(0x10, "CRCPR", 7, write=0xFFFF),
        Register(0x14, "RXCRCR", 0),
        Register(0x18, "TXCRCR", 0),
        Register(0x1C, "I2SCFGR", 0, write=0x0FBF, tagged=1 << 11 | 1 << 10),
        Register(0x20, "I2SPR", 2, write=0x3FF),
    )

    def __init__(self, machine, name, base, clock=None):
        self._device = None
        self._wires = None
        self._event = None
        self._requests = {}
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        if self._event:
            self._event.cancel()
            self._event = None
        self._tx = self._shift = None
        self._rx = 0
        self._clearing = 0
        self._ovr_read = False
        self._update_irq()

    def attach(self, function):
        """function(value) -> value for each frame; None where MOSI carries nothing."""
        self._device = function

    def attach_wires(self, wires):
        """The other end as devices.spi_wires.SpiWires has it."""
        self._wires = wires

    def _pin(self, line):
        """(port, pin) that carries a line; without GPIO models, something true."""
        if "GPIOA" not in self.machine.peripherals:
            return True
        return carried(self.machine, SPI_PINS[self.name], line)

    def _bits_turned(self, value):
        """`value` with its first bit on the wire on top, or back."""
        if not self.regs[0] & CR1_LSBFIRST:
            return value
        return int(f"{value:0{self._bits()}b}"[::-1], 2)

    def _over_wires(self, value):
        """The answer to one frame."""
        cr1, bits = self.regs[0], self._bits()
        mode = int(bool(cr1 & CR1_CPOL)), int(bool(cr1 & CR1_CPHA))
        ones = (1 << bits) - 1
        sent = self._bits_turned(ones if value is None or not self._pin("mosi") else value)
        answer = 0
        for shift in range(bits - 8, -1, -8):
            byte = self._wires.exchange(sent >> shift & 0xFF, *mode)
            answer = answer << 8 | (0xFF if byte is None else byte)
        return self._bits_turned(answer) if self._pin("miso") else ones

    @property
    def bit_rate(self):
        """SCK in Hz."""
        hz = 16_000_000
        if "RCC" in self.machine.peripherals:
            hz = self.machine.clock.pclk2 if self.name == "SPI1" else self.machine.clock.pclk1
        return hz / (2 << (self.regs[0] >> 3 & 7))

    def _bits(self):
        return 16 if self.regs[0] & CR1_DFF else 8

    def _receives_only(self):
        """Modes in which the master clocks as long as it is enabled."""
        cr1 = self.regs[0]
        if cr1 & CR1_BIDIMODE:
            return not cr1 & CR1_BIDIOE
        return bool(cr1 & CR1_RXONLY)

    def _start(self):
        cr1 = self.regs[0]
        if self._event or not cr1 & CR1_SPE or not cr1 & CR1_MSTR:
            return
        if self._receives_only():
            self._shift = None
        elif self._tx is not None:
            self._shift, self._tx = self._tx, None
            self.regs[8] |= SR_TXE
        else:
            return
        duration = -(-self._bits() * NS // max(int(self.bit_rate), 1))
        self._event = self.machine.at(duration, self._done)

    def _done(self):
        self._event = None
        mask = (1 << self._bits()) - 1
        if not self._pin("sck"):
            self.machine.report(f"{self.name} exchanges a frame, but no pin carries its SCK")
        if self._wires is not None:
            answer = self._over_wires(self._shift)
        else:
            answer = mask if self._device is None else self._device(self._shift)
        sends_only = self.regs[0] & CR1_BIDIMODE and self.regs[0] & CR1_BIDIOE
        if not sends_only:
            if self.regs[8] & SR_RXNE:
                self.regs[8] |= SR_OVR
            else:
                self._rx = (mask if answer is None else answer) & mask
                self.regs[8] |= SR_RXNE
        self._start()
        self._update_irq()

    def _write_cr1(self, register, old, value):
        new = self.regs[0]
        if self._clearing == "MODF":
            self.regs[8] &= ~SR_MODF
        self._clearing = 0
        if new & CR1_MSTR and new & CR1_SSM and not new & CR1_SSI:
            self.regs[0] &= ~(CR1_MSTR | CR1_SPE)
            self.regs[8] |= SR_MODF
        if not new & CR1_SPE and self._event:
            if not self._receives_only():
                self.machine.report(f"{self.name}.CR1 = 0x{value:04x} clears SPE in the middle of a frame")
            self._event.cancel()
            self._event = None
        if old & CR1_SPE and new & CR1_SPE and (old ^ new) & CR1_FIXED:
            self.machine.report(f"{self.name}.CR1 = 0x{value:04x} changes the frame while SPE is set")
        self._changed()
        if new & CR1_SPE and not new & CR1_MSTR and not old & CR1_SPE:
            self.machine.report(f"{self.name}.CR1 = 0x{value:04x} makes a slave, which is not modelled")

    def _read_sr(self, register):
        sr = self.regs[8]
        self._clearing = "MODF" if sr & SR_MODF else 0
        if self._ovr_read:
            self.regs[8] &= ~SR_OVR
            self._ovr_read = False
            self._update_irq()
        return sr | (SR_BSY if self._event or self._tx is not None else 0)

    def _read_dr(self, register):
        self._ovr_read = bool(self.regs[8] & SR_OVR)
        self.regs[8] &= ~SR_RXNE
        self._update_irq()
        return self._rx

    def _write_dr(self, register, old, value):
        overwritten = self._tx is not None
        self._tx = value & ((1 << self._bits()) - 1)
        self.regs[8] &= ~SR_TXE
        self._start()
        self._update_irq()
        if overwritten:
            self.machine.report(f"{self.name}.DR is written while TXE is 0: a frame is lost")

    def _changed(self, *_):
        self._start()
        self._update_irq()

    def _update_irq(self):
        sr, cr2 = self.regs[8], self.regs[4]
        pending = sr & SR_TXE and cr2 & CR2_TXEIE
        pending = pending or (sr & SR_RXNE and cr2 & CR2_RXNEIE)
        pending = pending or (sr & (SR_OVR | SR_MODF) and cr2 & CR2_ERRIE)
        self.machine.irq(IRQ[self.name], bool(pending))
        self._request("RX", sr & SR_RXNE and cr2 & CR2_RXDMAEN)
        self._request("TX", sr & SR_TXE and cr2 & CR2_TXDMAEN and self.regs[0] & CR1_SPE)

    def _request(self, direction, level):
        level = bool(level)
        if self._requests.get(direction, False) != level:
            self._requests[direction] = level
            request(self.machine, f"{self.name}_{direction}", level)
