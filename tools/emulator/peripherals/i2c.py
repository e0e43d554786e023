# SPDX-License-Identifier: MIT
"""I2C1, I2C2, I2C3 as masters with 7-bit addresses (RM0090 chapter 27).

Differs from silicon: slave mode, SMBus, packet error checking, general call and 10-bit addresses are
reported; arbitration is lost and a bus error seen (ES0182: also where there is none) only where a test says
so; noise filters and rise time (TRISE) do not show. What the manual forbids is reported: CR1 written while
START or STOP is pending (27.6.1), CCR and TRISE while the block is on (27.6.8), FREQ that is not the bus
clock, pins that are not open drain. BUSY stays set where a line was low while the block was on and no STOP
came: only SWRST clears it.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .bus_pins import I2C_PINS, carried
from .dma_lines import request
from .irqs import IRQ

NS = 1_000_000_000
CR1_PE, CR1_START, CR1_STOP, CR1_ACK, CR1_POS, CR1_SWRST = 1, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 15
CR1_TAGGED = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 12 | 1 << 13
CR2_ITERREN, CR2_ITEVTEN, CR2_ITBUFEN, CR2_DMAEN, CR2_LAST = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12
SR1_SB, SR1_ADDR, SR1_BTF, SR1_RXNE, SR1_TXE, SR1_AF = 1, 2, 4, 1 << 6, 1 << 7, 1 << 10
SR1_BERR, SR1_ARLO = 1 << 8, 1 << 9
SR1_ERRORS = 0xDF00
SR2_MSL, SR2_BUSY, SR2_TRA = 1, 2, 4
CCR_FS, CCR_DUTY = 1 << 15, 1 << 14


class I2c(ApbPeripheral):
    """attach(address, device): device.start(read) -> ack, write(value) -> ack, read() -> value, stop().

    wires         what the pins are wired to, for a data line that somebody holds (devices.i2c_wires)
    stretch_ns    how long devices hold the clock after each byte; None: for ever
    """

    REGISTERS = (
        Register(0x00, "CR1", 0, write=0xBFFB, tagged=CR1_TAGGED, on_write="_write_cr1"),
        Register(0x04, "CR2", 0, write=0x1F3F, on_write="_write_cr2"),
        Register(0x08, "OAR1", 0, write=0xC3FF),
        Register(0x0C, "OAR2", 0, write=0xFF, tagged=1),
        Register(0x10, "DR", 0, on_read="_read_dr", on_write="_write_dr"),
        Register(0x14, "SR1", 0, w0c=SR1_ERRORS, on_read="_read_sr1", on_write="_write_sr1"),
        Register(0x18, "SR2", 0, on_read="_read_sr2"),
        Register(0x1C, "CCR", 0, write=0xCFFF, on_write="_write_timing"),
        Register(0x20, "TRISE", 2, write=0x3F, on_write="_write_timing"),
    )

    def __init__(self, machine, name, base, clock=None):
        self.devices = {}
        self.wires = None
        self.stretch_ns = 0
        self._event = None
        self._requests = {}
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._stuck_busy = False
        self._idle()
        self._update_irq()

    def _idle(self):
        """The bus is free and nothing is under way."""
        if self._event:
            self._event.cancel()
        self._event = None
        self._device = None
        self._reading = False
        self._sr1_read = False
        self._held = None  # a byte received while DR was still full
        self._next = None  # a byte written while another is on the wire
        self._nacked = False
        self._first = True

    def attach(self, address, device):
        """Put `device` on the bus at a 7-bit address."""
        self.devices[address] = device

    def bus_error(self):
        """A START or STOP out of place, or what the block takes for one (ES0182)."""
        self.regs[0x14] |= SR1_BERR
        self._update_irq()

    def lose_arbitration(self):
        """Another master wins the bus at this moment: the block goes back to being a slave."""
        if self._event:
            self._event.cancel()
        self._idle()
        self.regs[0x14] = self.regs[0x14] & SR1_ERRORS | SR1_ARLO
        self.regs[0x18] = 0
        self._update_irq()

    def line_fell(self):
        """Somebody else pulls SDA low: BUSY, as after his START (27.6.7)."""
        if self.regs[0] & CR1_PE and not self.regs[0x18] & SR2_MSL:
            self._stuck_busy = True

    def _held_low(self):
        """Whether somebody else holds SDA."""
        return self.wires is not None and self.wires.sda_low

    def _pins_ready(self):
        """Whether both lines are on pins, as open drain; says what is wrong otherwise."""
        if "GPIOA" not in self.machine.peripherals:
            return True
        for line in ("scl", "sda"):
            pin = carried(self.machine, I2C_PINS[self.name], line)
            if pin is None:
                self.machine.report(f"{self.name} starts, but no pin carries its {line.upper()}")
                return False
            if not pin[0].open_drain(pin[1]):
                self.machine.report(f"{self.name} starts, but its {line.upper()} is not open drain")
                return False
        return True

    def _write_timing(self, register, old, value):
        if self.regs[0] & CR1_PE and self.regs[register.offset] != old:
            self.machine.report(f"{self.name}.{register.name} changes while PE is set")

    @property
    def bit_rate(self):
        """SCL in Hz, 0 while CCR is not set."""
        ccr = self.regs[0x1C]
        hz = self.machine.clock.pclk1 if "RCC" in self.machine.peripherals else 16_000_000
        periods = 2 if not ccr & CCR_FS else 25 if ccr & CCR_DUTY else 3
        return hz / (periods * (ccr & 0xFFF)) if ccr & 0xFFF else 0

    def _after(self, bits, function):
        """Call function() when `bits` have gone over the wire."""
        rate = self.bit_rate
        if not rate:
            self.machine.report(f"{self.name} starts a transfer with CCR = 0: no clock")
            return
        stretched = bits > 2 and function != self._addressed
        if stretched and self.stretch_ns is None:
            self._event = self.machine.at(10**18, function)
            return
        self._event = self.machine.at(int(bits * NS / rate) + (self.stretch_ns if stretched else 0), function)

    # Master: start, address, data, stop

    def _write_cr1(self, register, old, value):
        new = self.regs[0]
        if new & CR1_SWRST or not new & CR1_PE:
            if self._device:
                self._device.stop()
            for offset in (0x14, 0x18):
                self.regs[offset] = 0
            self._idle()
            self.regs[0] = new & ~(CR1_START | CR1_STOP)
            self._stuck_busy = False
        else:
            self._write_running(old, new)
        self._update_irq()

    def _write_running(self, old, new):
        pending = old & (CR1_START | CR1_STOP)
        if pending:
            self.machine.report(f"{self.name}.CR1 is written while START or STOP is pending")
        if not old & CR1_PE and self._held_low():
            self._stuck_busy = True
        if new & CR1_STOP and not pending & CR1_STOP and self.regs[0x18] & SR2_MSL and not self._busy_byte():
            self._after(1, self._stop)
        elif new & CR1_START and not pending & CR1_START and not self._busy_byte():
            self._request_start()

    def _request_start(self):
        """START waits while somebody else has the bus (27.3.3)."""
        if not self.regs[0x18] & SR2_MSL and (self._stuck_busy or self._held_low()):
            self._stuck_busy = True
            return
        if not self._pins_ready():
            return
        mhz = (self.machine.clock.pclk1 if "RCC" in self.machine.peripherals else 16_000_000) // 1_000_000
        if self.regs[4] & 0x3F != mhz:
            self.machine.report(f"{self.name}.CR2.FREQ is {self.regs[4] & 0x3F}, the bus clock {mhz} MHz")
        self._after(1, self._started)

    def _busy_byte(self):
        """A byte is on the wire: START and STOP wait for its end."""
        return self._event is not None

    def _started(self):
        self._event = None
        self.regs[0] &= ~CR1_START
        # What was received and not read yet stays.
        self.regs[0x14] = self.regs[0x14] & (SR1_ERRORS | SR1_RXNE) | SR1_SB
        self.regs[0x18] = SR2_MSL | SR2_BUSY
        self._next = None
        self._nacked = False
        self._update_irq()

    def _address(self, value):
        self.regs[0x14] &= ~SR1_SB
        self._reading = bool(value & 1)
        self._device = self.devices.get(value >> 1)
        self._after(9, self._addressed)
        if value & 0xF8 == 0xF0:
            self.machine.report(f"{self.name} sends a 10-bit address, which is not modelled")

    def _addressed(self):
        self._event = None
        if self._device is None or not self._device.start(self._reading):
            self.regs[0x14] |= SR1_AF
        else:
            self.regs[0x14] |= SR1_ADDR
            if not self._reading:
                self.regs[0x18] |= SR2_TRA
        self._finish()
        self._update_irq()

    def _address_cleared(self):
        self.regs[0x14] &= ~SR1_ADDR
        self._first = True  # with POS the ACK bit is for the byte after this one
        if self._reading:
            self._receive()
        else:
            self.regs[0x14] |= SR1_TXE
        self._update_irq()

    def _send(self, value):
        self.regs[0x14] &= ~SR1_BTF
        if self._event is not None:
            self._next = value
            self.regs[0x14] &= ~SR1_TXE
            return
        self.regs[0x14] |= SR1_TXE
        self._after(9, lambda: self._sent(value))

    def _sent(self, value):
        self._event = None
        if not self._device.write(value):
            self.regs[0x14] |= SR1_AF
        elif self._next is not None:
            following, self._next = self._next, None
            self._send(following)
        else:
            self.regs[0x14] |= SR1_BTF
        self._finish()
        self._update_irq()

    def _receive(self):
        if not self._nacked and self._event is None:
            self._after(9, self._received)

    def _received(self):
        self._event = None
        value = self._device.read()
        last_by_dma = self.regs[4] & CR2_LAST and self.regs[4] & CR2_DMAEN and self._last_of_dma()
        acknowledges = self.regs[0] & CR1_ACK or (self.regs[0] & CR1_POS and self._first)
        self._first = False
        self._nacked = not acknowledges or last_by_dma
        ending = self.regs[0] & (CR1_STOP | CR1_START)
        if self.regs[0x14] & SR1_RXNE:
            self._held = value
            self.regs[0x14] |= SR1_BTF
        else:
            self.regs[0x10] = value
            self.regs[0x14] |= SR1_RXNE
            # Acknowledged, and neither STOP nor START by now: one more byte is clocked.
            if not ending:
                self._receive()
        self._finish()
        self._update_irq()

    def _last_of_dma(self):
        """Whether the DMA stream that serves reception has one datum left: then LAST sends NACK."""
        dma = self.machine.peripherals.get("DMA1")
        return dma is not None and dma.data_left(f"{self.name}_RX") == 1

    def _finish(self):
        """A byte is over: the START or STOP that waited for it."""
        if self._event is None and self.regs[0] & CR1_STOP:
            self._after(1, self._stop)
        elif self._event is None and self.regs[0] & CR1_START:
            self._after(1, self._started)

    def _stop(self):
        self._event = None
        self.regs[0] &= ~CR1_STOP
        if self._device:
            self._device.stop()
        self._device = None
        self.regs[0x14] &= ~(SR1_TXE | SR1_ADDR | SR1_SB | (0 if self._reading else SR1_BTF))
        self.regs[0x18] = 0
        if self.regs[0] & CR1_START:
            self._after(2, self._started)
        self._update_irq()

    # Registers

    def _read_sr1(self, register):
        self._sr1_read = True
        return self.regs[0x14]

    def _read_sr2(self, register):
        value = self.regs[0x18] | (SR2_BUSY if self._stuck_busy else 0)
        if self._sr1_read and self.regs[0x14] & SR1_ADDR:
            self._address_cleared()
        self._sr1_read = False
        return value

    def _write_sr1(self, register, old, value):
        self._update_irq()

    def _write_cr2(self, register, old, value):
        self._update_irq()

    def _read_dr(self, register):
        value = self.regs[0x10]
        self.regs[0x14] &= ~(SR1_RXNE | SR1_BTF)
        if self._held is not None:
            self.regs[0x10], self._held = self._held, None
            self.regs[0x14] |= SR1_RXNE
        ending = self.regs[0] & (CR1_STOP | CR1_START)
        if self._reading and self._device and self.regs[0x18] & SR2_MSL and not ending:
            self._receive()
        self._update_irq()
        return value

    def _write_dr(self, register, old, value):
        value &= 0xFF
        if self.regs[0x14] & SR1_SB:
            self._address(value)
        elif self.regs[0x18] & SR2_TRA:
            self._send(value)
        else:
            self.machine.report(f"{self.name}.DR = 0x{value:02x} while no transfer takes it")
        self._update_irq()

    def _update_irq(self):
        sr1, cr2 = self.regs[0x14], self.regs[4]
        event = sr1 & (SR1_SB | SR1_ADDR | SR1_BTF)
        buffer = sr1 & (SR1_TXE | SR1_RXNE) and cr2 & CR2_ITBUFEN
        self.machine.irq(IRQ[f"{self.name}_EV"], bool(cr2 & CR2_ITEVTEN and (event or buffer)))
        self.machine.irq(IRQ[f"{self.name}_ER"], bool(cr2 & CR2_ITERREN and sr1 & SR1_ERRORS))
        self._request("RX", sr1 & SR1_RXNE and cr2 & CR2_DMAEN)
        self._request("TX", sr1 & SR1_TXE and cr2 & CR2_DMAEN and not sr1 & SR1_SB)

    def _request(self, direction, level):
        level = bool(level)
        if self._requests.get(direction, False) != level:
            self._requests[direction] = level
            request(self.machine, f"{self.name}_{direction}", level)
