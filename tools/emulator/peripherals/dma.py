# SPDX-License-Identifier: MIT
"""DMA1 and DMA2: eight streams each (RM0090 chapter 10).

Differs from silicon: streams do not compete, so PL is a bit only; a datum takes four HCLK cycles on its way,
a burst as many as its data; the FIFO never runs over or dry (FEIF rises for illegal thresholds only) and is
shown in FS as empty; the peripheral as flow controller (PFCTRL) is reported.
"""

from ..peripheral import BusFault, Peripheral, Register
from .irqs import IRQ

NS = 1_000_000_000
EN, DMEIE, TEIE, HTIE, TCIE, PFCTRL, CIRC, PINC, MINC, PINCOS, DBM, CT = (
    1 << bit for bit in (0, 1, 2, 3, 4, 5, 8, 9, 10, 15, 18, 19)
)
FEIF, DMEIF, TEIF, HTIF, TCIF = 1, 4, 8, 16, 32
FLAG_SHIFTS = (0, 6, 16, 22)
FLAG_MASK = 0x0F7D0F7D
FCR_DMDIS, FCR_FEIE = 4, 1 << 7
P2M, M2P, M2M = range(3)
CYCLES_PER_DATUM = 4
M2M_BLOCK = 64  # data moved at one event
BURST_BEATS = (1, 4, 8, 16)
FIFO_BYTES = 16

# Requests by channel (row) and stream (column), RM0090 tables 42 and 43; "/" where signals share a place.
_DMA1 = """
SPI3_RX . SPI3_RX SPI2_RX SPI2_TX SPI3_TX . SPI3_TX
I2C1_RX . TIM7_UP . TIM7_UP I2C1_RX I2C1_TX I2C1_TX
TIM4_CH1 . I2S3_EXT_RX TIM4_CH2 I2S2_EXT_TX I2S3_EXT_TX TIM4_UP TIM4_CH3
I2S3_EXT_RX TIM2_UP/TIM2_CH3 I2C3_RX I2S2_EXT_RX I2C3_TX TIM2_CH1 TIM2_CH2/TIM2_CH4 TIM2_UP/TIM2_CH4
UART5_RX USART3_RX UART4_RX USART3_TX UART4_TX USART2_RX USART2_TX UART5_TX
. . TIM3_CH4/TIM3_UP . TIM3_CH1/TIM3_TRIG TIM3_CH2 . TIM3_CH3
TIM5_CH3/TIM5_UP TIM5_CH4/TIM5_TRIG TIM5_CH1 TIM5_CH4/TIM5_TRIG TIM5_CH2 . TIM5_UP .
. TIM6_UP I2C2_RX I2C2_RX USART3_TX DAC1 DAC2 I2C2_TX
"""
_DMA2 = """
ADC1 . TIM8_CH1/TIM8_CH2/TIM8_CH3 . ADC1 . TIM1_CH1/TIM1_CH2/TIM1_CH3 .
. DCMI ADC2 ADC2 . . . DCMI
ADC3 ADC3 . . . CRYP_OUT CRYP_IN HASH_IN
SPI1_RX . SPI1_RX SPI1_TX . SPI1_TX . .
. . USART1_RX SDIO . USART1_RX SDIO USART1_TX
. USART6_RX USART6_RX . . . USART6_TX USART6_TX
TIM1_TRIG TIM1_CH1 TIM1_CH2 TIM1_CH1 TIM1_CH4/TIM1_TRIG/TIM1_COM TIM1_UP TIM1_CH3 .
. TIM8_UP TIM8_CH1 TIM8_CH2 TIM8_CH3 . . TIM8_CH4/TIM8_TRIG/TIM8_COM
"""


def _requests(text):
    """{signal: ((stream, channel), ...)}"""
    places = {}
    for channel, row in enumerate(text.strip().splitlines()):
        for stream, cell in enumerate(row.split()):
            for signal in cell.split("/"):
                if signal != ".":
                    places.setdefault(signal, []).append((stream, channel))
    return places


REQUESTS = {"DMA1": _requests(_DMA1), "DMA2": _requests(_DMA2)}


def _registers():
    table = [
        Register(0x00, "LISR"),
        Register(0x04, "HISR"),
        Register(0x08, "LIFCR", on_write="_write_ifcr"),
        Register(0x0C, "HIFCR", on_write="_write_ifcr"),
    ]
    for n in range(8):
        base = 0x10 + 0x18 * n
        table += (
            Register(base, f"S{n}CR", write=0x0FEFFFFF, tagged=PFCTRL, on_write="_write_cr"),
            Register(base + 0x04, f"S{n}NDTR", write=0xFFFF, on_read="_read_ndtr", on_write="_write_setting"),
            Register(base + 0x08, f"S{n}PAR", write=0xFFFFFFFF, on_write="_write_setting"),
            Register(base + 0x0C, f"S{n}M0AR", write=0xFFFFFFFF, on_write="_write_address"),
            Register(base + 0x10, f"S{n}M1AR", write=0xFFFFFFFF, on_write="_write_address"),
            Register(base + 0x14, f"S{n}FCR", 0x21, write=0x87, on_write="_write_fcr"),
        )
    return tuple(table)


class Stream:
    """The state of one stream while it is enabled."""

    __slots__ = ("number", "left", "total", "peripheral", "memory", "fifo", "event", "pulses")

    def __init__(self, number):
        self.number = number
        self.event = None
        self.pulses = 0
        self.left = self.total = self.peripheral = self.memory = 0
        self.fifo = bytearray()


class Dma(Peripheral):
    """signal(name, level), pulse(name): requests from the peripherals."""

    REGISTERS = _registers()

    def __init__(self, machine, name, base, clock=None):
        self.streams = [Stream(n) for n in range(8)]
        self._levels = {}
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        for stream in self.streams:
            if stream.event:
                stream.event.cancel()
            stream.event, stream.left, stream.pulses = None, 0, 0
            stream.fifo.clear()
            self._update_irq(stream)

    # Requests

    def signal(self, name, level):
        """Level of a request line; it is held until the peripheral's data register was served."""
        self._levels[name] = level
        if level:
            for number, channel in REQUESTS[self.name].get(name, ()):
                if self._channel(number) == channel:
                    self._kick(self.streams[number])

    def pulse(self, name):
        """One request, remembered by the stream that listens to it."""
        for number, channel in REQUESTS[self.name].get(name, ()):
            if self._channel(number) == channel and self._cr(number) & EN:
                self.streams[number].pulses += 1
                self._kick(self.streams[number])

    def data_left(self, name):
        """Data that the enabled stream behind a request line has still to move, None without one."""
        for number, channel in REQUESTS[self.name].get(name, ()):
            if self._cr(number) & EN and self._channel(number) == channel:
                return self.streams[number].left
        return None

    def _cr(self, number):
        return self.regs[0x10 + 0x18 * number]

    def _channel(self, number):
        return self._cr(number) >> 25 & 7

    def _requested(self, stream):
        if stream.pulses:
            return True
        place = (stream.number, self._channel(stream.number))
        return any(
            level and place in REQUESTS[self.name].get(name, ()) for name, level in self._levels.items()
        )

    def _kick(self, stream):
        """Have the stream served soon if it is enabled."""
        if stream.event is None and self._cr(stream.number) & EN:
            stream.event = self.machine.at(self._time(1), lambda: self._serve(stream))

    def _time(self, data):
        hz = self.machine.clock.hclk if "RCC" in self.machine.peripherals else 16_000_000
        return max(1, data * CYCLES_PER_DATUM * NS // max(hz, 1))

    # Registers

    def _write_ifcr(self, register, old, value):
        self.regs[register.offset - 8] &= ~(value & FLAG_MASK)
        for stream in self.streams:
            self._update_irq(stream)

    def _flags(self, number):
        return self.regs[0x04 if number >= 4 else 0x00] >> FLAG_SHIFTS[number & 3] & 0x3D

    def _raise(self, stream, flags):
        self.regs[0x04 if stream.number >= 4 else 0x00] |= flags << FLAG_SHIFTS[stream.number & 3]
        self._update_irq(stream)

    def _update_irq(self, stream):
        flags, cr = self._flags(stream.number), self._cr(stream.number)
        fcr = self.regs[0x24 + 0x18 * stream.number]
        enabled = (cr & 0x1E) << 1 | (FEIF if fcr & FCR_FEIE else 0)
        self.machine.irq(IRQ[f"{self.name}_Stream{stream.number}"], bool(flags & enabled))

    def _stream_of(self, register):
        return self.streams[(register.offset - 0x10) // 0x18]

    def _write_setting(self, register, old, value):
        """NDTR and PAR are read-only while the stream is enabled."""
        stream = self._stream_of(register)
        if self._cr(stream.number) & EN:
            self.regs[register.offset] = old
            self.machine.report(
                f"{self.name}.{register.name} = 0x{value:x} while the stream is enabled: no effect"
            )

    def _write_address(self, register, old, value):
        """M0AR, M1AR: while enabled only the one that is not in use, in double-buffer mode."""
        stream = self._stream_of(register)
        cr = self._cr(stream.number)
        current = "M1AR" if cr & CT else "M0AR"
        if cr & EN and (not cr & DBM or register.name.endswith(current)):
            self.regs[register.offset] = old
            self.machine.report(f"{self.name}.{register.name} = 0x{value:x} while it is in use: no effect")

    def _write_fcr(self, register, old, value):
        stream = self._stream_of(register)
        if self._cr(stream.number) & EN and (self.regs[register.offset] ^ old) & 7:
            self.regs[register.offset] = self.regs[register.offset] & ~7 | old & 7
            self.machine.report(
                f"{self.name}.{register.name} = 0x{value:x} while the stream is enabled: no effect"
            )
        self._update_irq(stream)

    def _read_ndtr(self, register):
        stream = self._stream_of(register)
        return stream.left if self._cr(stream.number) & EN else self.regs[register.offset]

    def _write_cr(self, register, old, value):
        stream = self._stream_of(register)
        new = self.regs[register.offset]
        if old & EN and new & EN:
            fixed = ~(TCIE | HTIE | TEIE | DMEIE | EN) & 0x0FFFFFFF
            if (new ^ old) & fixed:
                self.regs[register.offset] = new & ~fixed | old & fixed
                self.machine.report(
                    f"{self.name}.{register.name} = 0x{value:08x} while enabled: only the enables change"
                )
        elif new & EN:
            self._enable(stream, new)
        elif old & EN:
            self._disable(stream, new)
        self._update_irq(stream)

    def _direction(self, cr):
        return cr >> 6 & 3

    def _enable(self, stream, cr):
        base = 0x10 + 0x18 * stream.number
        problem = self._problem(cr, self.regs[base + 0x14])
        if problem:
            self.regs[base] &= ~EN
            self._raise(stream, FEIF if "FIFO" in problem else TEIF)
            self.machine.report(f"{self.name}.S{stream.number}CR = 0x{cr:08x}: {problem}")
            return
        stream.total = stream.left = self.regs[base + 0x04]
        stream.peripheral = self.regs[base + 0x08]
        stream.memory = self.regs[base + (0x10 if cr & CT and cr & DBM else 0x0C)]
        stream.fifo.clear()
        stream.pulses = 0
        if stream.total == 0:
            self.regs[base] &= ~EN
            self.machine.report(f"{self.name}.S{stream.number} is enabled with NDTR = 0")
            return
        if self._direction(cr) == M2M or self._requested(stream):
            self._kick(stream)

    def _problem(self, cr, fcr):
        """What is wrong with the settings (RM0090 10.3.12, 10.3.16), or None."""
        direction, psize, msize = self._direction(cr), cr >> 11 & 3, cr >> 13 & 3
        if direction == 3 or psize == 3 or (fcr & FCR_DMDIS and msize == 3):
            return "a reserved DIR, PSIZE or MSIZE"
        if direction == M2M and self.name == "DMA1":
            return "only DMA2 moves memory to memory"
        if direction == M2M and cr & (CIRC | DBM):
            return "memory to memory goes neither with CIRC nor with DBM"
        if direction == M2M and not fcr & FCR_DMDIS:
            return "memory to memory needs the FIFO (DMDIS)"
        if not fcr & FCR_DMDIS and cr >> 21 & 0xF:
            return "bursts need the FIFO (DMDIS)"
        burst = BURST_BEATS[cr >> 23 & 3] << msize
        if burst > FIFO_BYTES or (fcr & FCR_DMDIS and cr >> 23 & 3 and 4 * ((fcr & 3) + 1) % burst):
            return "FIFO threshold and memory burst do not fit"
        return None

    def _disable(self, stream, cr):
        """Software cleared EN: what is in the FIFO still goes to memory, then TCIF tells."""
        base = 0x10 + 0x18 * stream.number
        if stream.event:
            stream.event.cancel()
            stream.event = None
        self.regs[base + 0x04] = stream.left
        if self._direction(cr) != M2P:
            self._drain(stream, cr, 1)
            self._raise(stream, TCIF)
        stream.fifo.clear()

    # Moving data

    def _serve(self, stream):
        """One request's worth of data, or a block of memory to memory."""
        stream.event = None
        cr = self._cr(stream.number)
        if not cr & EN:
            return
        if self._direction(cr) != M2M and not self._requested(stream):
            return
        stream.pulses = max(0, stream.pulses - 1)
        count = M2M_BLOCK if self._direction(cr) == M2M else BURST_BEATS[cr >> 21 & 3]
        try:
            for _ in range(min(count, stream.left)):
                self._move(stream, cr)
                if not stream.left:
                    break
        except BusFault:
            self.regs[0x10 + 0x18 * stream.number] &= ~EN
            self.regs[0x14 + 0x18 * stream.number] = stream.left
            self._raise(stream, TEIF)
            return
        if self._cr(stream.number) & EN and (self._direction(cr) == M2M or self._requested(stream)):
            if stream.event is None:
                moved = min(count, stream.left or count)
                stream.event = self.machine.at(self._time(moved), lambda: self._serve(stream))

    def _move(self, stream, cr):
        """One datum of PSIZE."""
        psize = 1 << (cr >> 11 & 3)
        fcr = self.regs[0x24 + 0x18 * stream.number]
        msize = 1 << (cr >> 13 & 3) if fcr & FCR_DMDIS else psize
        if self._direction(cr) == M2P:
            while len(stream.fifo) < psize:
                stream.fifo += self._memory_read(stream, cr, msize)
            datum = int.from_bytes(stream.fifo[:psize], "little")
            del stream.fifo[:psize]
            self._peripheral_write(stream.peripheral, datum, psize)
        else:
            datum = self._peripheral_read(stream.peripheral, psize)
            stream.fifo += datum.to_bytes(psize, "little")
        if cr & PINC:
            stream.peripheral += 4 if cr & PINCOS else psize
        stream.left -= 1
        if self._direction(cr) != M2P:
            threshold = 4 * ((fcr & 3) + 1) if fcr & FCR_DMDIS else psize
            if not stream.left:
                self._drain(stream, cr, 1)
            elif len(stream.fifo) >= threshold:
                self._drain(stream, cr, msize)
        self._progress(stream, cr)

    def _drain(self, stream, cr, unit):
        """Write the FIFO's whole `unit`s to memory."""
        count = len(stream.fifo) // unit * unit
        data = bytes(stream.fifo[:count])
        del stream.fifo[:count]
        if cr & MINC:
            self.machine.dma_write(stream.memory, data, "DMA")
            stream.memory += count
        else:
            msize = 1 << (cr >> 13 & 3)
            for start in range(0, count, msize):
                self.machine.dma_write(stream.memory, data[start : start + msize], "DMA")

    def _memory_read(self, stream, cr, size):
        data = self.machine.dma_read(stream.memory, size, "DMA")
        if cr & MINC:
            stream.memory += size
        return data

    def _peripheral_read(self, address, size):
        if 0x40000000 <= address < 0x60000000:
            self._check_bus(address)
            return self.machine.bus_read(address, size)
        if self.name == "DMA1":
            raise BusFault(address)
        return int.from_bytes(self.machine.dma_read(address, size, "DMA"), "little")

    def _peripheral_write(self, address, value, size):
        if 0x40000000 <= address < 0x60000000:
            self._check_bus(address)
            self.machine.bus_write(address, value, size)
        elif self.name == "DMA1":
            raise BusFault(address)
        else:
            self.machine.dma_write(address, value.to_bytes(size, "little"), "DMA")

    def _check_bus(self, address):
        """DMA1's peripheral port reaches APB1 alone (RM0090 figure 33)."""
        if self.name == "DMA1" and address >= 0x40010000:
            raise BusFault(address)

    def _progress(self, stream, cr):
        """Half and whole transfer: flags, then stop, start over, or change buffers."""
        base = 0x10 + 0x18 * stream.number
        if stream.left == stream.total // 2 and stream.total > 1:
            self._raise(stream, HTIF)
        if stream.left:
            return
        if cr & (CIRC | DBM):
            if cr & DBM:
                self.regs[base] ^= CT
            stream.left = stream.total
            stream.peripheral = self.regs[base + 0x08]
            stream.memory = self.regs[base + (0x10 if self.regs[base] & CT and cr & DBM else 0x0C)]
            stream.fifo.clear()
        else:
            self.regs[base] &= ~EN
            self.regs[base + 0x04] = 0
            stream.pulses = 0
        self._raise(stream, TCIF)
