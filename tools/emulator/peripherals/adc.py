# SPDX-License-Identifier: MIT
"""ADC1, ADC2, ADC3 and their common registers: regular conversions by software (RM0090 chapter 13).

Differs from silicon: injected channels, external triggers, discontinuous mode, the multi-ADC modes and the
analog watchdog are reported; no noise, no sampling error; inputs are the voltages that the board sets (0 V
where it sets none, VDDA where the chip drives the pin high); VREF+ is VDDA.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .dma_lines import request
from .irqs import IRQ

NS = 1_000_000_000
SR_EOC, SR_STRT, SR_OVR = 1 << 1, 1 << 4, 1 << 5
CR1_EOCIE, CR1_SCAN, CR1_OVRIE = 1 << 5, 1 << 8, 1 << 26
CR1_TAGGED = 1 << 22 | 1 << 23 | 1 << 10 | 1 << 11 | 1 << 12  # JAWDEN AWDEN JAUTO DISCEN JDISCEN
CR2_ADON, CR2_CONT, CR2_DMA, CR2_DDS, CR2_EOCS, CR2_ALIGN, CR2_SWSTART = (
    1,
    2,
    1 << 8,
    1 << 9,
    1 << 10,
    1 << 11,
    1 << 30,
)
CR2_TAGGED = 1 << 22 | 3 << 20 | 3 << 28  # JSWSTART JEXTEN EXTEN
CCR_VBATE, CCR_TSVREFE = 1 << 22, 1 << 23
SAMPLE_CYCLES = (3, 15, 28, 56, 84, 112, 144, 480)
VREFINT_V = 1.21
# (port, first pin, pins, channel of the first, ADCs that have it): data sheet table 7
PINS = (
    ("GPIOA", 0, 4, 0, (1, 2, 3)),
    ("GPIOA", 4, 4, 4, (1, 2)),
    ("GPIOB", 0, 2, 8, (1, 2)),
    ("GPIOC", 0, 4, 10, (1, 2, 3)),
    ("GPIOC", 4, 2, 14, (1, 2)),
    ("GPIOF", 3, 1, 9, (3,)),
    ("GPIOF", 4, 2, 14, (3,)),
    ("GPIOF", 6, 5, 4, (3,)),
)
STABILISE_NS = 3_000  # tSTAB, data sheet table 67
MAX_CLOCK_HZ = 36_000_000


def _registers():
    table = []
    for n in range(3):
        base, name = 0x100 * n, f"ADC{n + 1}"
        table += (
            Register(base, f"{name}.SR", w0c=0x3F, on_write="_write_sr"),
            Register(base + 0x04, f"{name}.CR1", write=0x07C0FFFF, tagged=CR1_TAGGED, on_write="_changed"),
            Register(base + 0x08, f"{name}.CR2", write=0x3F7F0F03, tagged=CR2_TAGGED, on_write="_write_cr2"),
            Register(base + 0x0C, f"{name}.SMPR1", write=0x07FFFFFF),
            Register(base + 0x10, f"{name}.SMPR2", write=0x3FFFFFFF),
            *(Register(base + 0x14 + 4 * j, f"{name}.JOFR{j + 1}", write=0xFFF) for j in range(4)),
            Register(base + 0x24, f"{name}.HTR", 0xFFF, write=0xFFF),
            Register(base + 0x28, f"{name}.LTR", write=0xFFF),
            Register(base + 0x2C, f"{name}.SQR1", write=0x00FFFFFF),
            Register(base + 0x30, f"{name}.SQR2", write=0x3FFFFFFF),
            Register(base + 0x34, f"{name}.SQR3", write=0x3FFFFFFF),
            Register(base + 0x38, f"{name}.JSQR", write=0x003FFFFF),
            *(Register(base + 0x3C + 4 * j, f"{name}.JDR{j + 1}") for j in range(4)),
            Register(base + 0x4C, f"{name}.DR", on_read="_read_dr"),
        )
    table += (
        Register(0x300, "CSR", on_read="_read_csr"),
        Register(0x304, "CCR", write=0x00C3EF1F, tagged=0x1F),
        Register(0x308, "CDR"),
    )
    return tuple(table)


class Adc(ApbPeripheral):
    """set_voltage(channel, volts), set_pin_voltage(port, pin, volts): what lies on an input; temperature in
    degrees Celsius, vdda and vbat in volts: the board's to set."""

    REGISTERS = _registers()
    RESET_LINE = ("APB2RSTR", 8)

    def __init__(self, machine, name="ADC", base=0x40012000, clock=None):
        self.voltages = {}
        self.temperature = 25.0
        self.vdda = 3.3
        self.vbat = 3.0
        self._events = [None] * 3
        self._requests = [False] * 3
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        for event in self._events:
            if event:
                event.cancel()
        self._events = [None] * 3
        self._index = [0] * 3
        self._on_at = [0] * 3
        self._update()

    def set_voltage(self, channel, volts, adc=None):
        """Volts on input `channel`, of one ADC (1 to 3) or of all."""
        for number in (adc,) if adc else (1, 2, 3):
            self.voltages[number, channel] = volts

    def set_pin_voltage(self, port, pin, volts):
        """Volts on a pin ("GPIOA", 3)."""
        for name, first, pins, channel, adcs in PINS:
            if port == name and first <= pin < first + pins:
                for adc in adcs:
                    self.voltages[adc, channel + pin - first] = volts
                return
        raise ValueError(f"{port} pin {pin} has no ADC")

    def _driven(self, adc, channel):
        """The level that the chip itself drives on the channel's pin, None if it does not."""
        for name, first, pins, base, adcs in PINS:
            if adc + 1 in adcs and base <= channel < base + pins:
                port = self.machine.peripherals.get(name)
                return port.output(first + channel - base) if port is not None else None
        return None

    # The bus: each ADC has its own clock enable

    def _clocked(self, offset, what):
        bits = (8, 9, 10) if offset >= 0x300 else (8 + (offset >> 8),)
        if "RCC" in self.machine.peripherals and not any(
            self.machine.clock.enabled("APB2ENR", bit) for bit in bits
        ):
            self.machine.report(f"{what} {self.name}+0x{offset:03x} while its clock is off")
            return False
        return True

    def read(self, offset, width):
        return super().read(offset, width) if self._clocked(offset, "read of") else 0

    def write(self, offset, value, width):
        if self._clocked(offset, f"write of 0x{value:x} to"):
            super().write(offset, value, width)

    # Conversions

    def _reg(self, adc, offset):
        return self.regs[0x100 * adc + offset]

    def _clock_hz(self):
        pclk2 = self.machine.clock.pclk2 if "RCC" in self.machine.peripherals else 16_000_000
        return pclk2 // (2 * (self.regs[0x304] >> 16 & 3) + 2)

    def _length(self, adc):
        return (self._reg(adc, 0x2C) >> 20 & 0xF) + 1 if self._reg(adc, 0x04) & CR1_SCAN else 1

    def _channel(self, adc):
        place = self._index[adc]
        return self._reg(adc, 0x34 - 4 * (place // 6)) >> (5 * (place % 6)) & 0x1F

    def _conversion_ns(self, adc):
        channel = self._channel(adc)
        samples = (
            self._reg(adc, 0x10) >> 3 * channel
            if channel < 10
            else self._reg(adc, 0x0C) >> 3 * (channel - 10)
        )
        bits = 12 - 2 * (self._reg(adc, 0x04) >> 24 & 3)
        return -(-(SAMPLE_CYCLES[samples & 7] + bits) * NS // max(self._clock_hz(), 1))

    def _volts(self, adc, channel):
        """The voltage on a channel, internal sources included (RM0090 13.3.3, 13.10, 13.11)."""
        sensors = self.regs[0x304] & CCR_TSVREFE
        if adc == 0 and channel == 18 and self.regs[0x304] & CCR_VBATE:
            return self.vbat / 2
        if adc == 0 and channel == 16:
            return 0.76 + 0.0025 * (self.temperature - 25) if sensors else 0
        if adc == 0 and channel == 17:
            return VREFINT_V if sensors else 0
        driven = self._driven(adc, channel)
        if driven is not None:
            return driven * self.vdda
        return self.voltages.get((adc + 1, channel), 0)

    def _start(self, adc):
        if self._events[adc] is None:
            self._events[adc] = self.machine.at(self._conversion_ns(adc), lambda: self._converted(adc))

    def _converted(self, adc):
        self._events[adc] = None
        base, cr1, cr2 = 0x100 * adc, self._reg(adc, 0x04), self._reg(adc, 0x08)
        resolution = 12 - 2 * (cr1 >> 24 & 3)
        volts = min(max(self._volts(adc, self._channel(adc)), 0), self.vdda)
        data = min(int(volts / self.vdda * (1 << resolution)), (1 << resolution) - 1)
        if cr2 & CR2_ALIGN:
            data <<= 16 - resolution if resolution != 6 else 2
        last = self._index[adc] + 1 >= self._length(adc)
        watched = cr2 & (CR2_DMA | CR2_EOCS)
        if self.regs[base] & SR_EOC and watched:
            self.regs[base] |= SR_OVR
        else:
            self.regs[base + 0x4C] = data
        if last or watched:
            self.regs[base] |= SR_EOC
        self._index[adc] = 0 if last else self._index[adc] + 1
        if not self.regs[base] & SR_OVR and (not last or cr2 & CR2_CONT):
            self._start(adc)
        self._update()

    # Registers

    def _write_cr2(self, register, old, value):
        adc = register.offset >> 8
        new = self.regs[register.offset]
        if new & CR2_ADON and not old & CR2_ADON:
            self._on_at[adc] = self.machine.now + STABILISE_NS
        if not new & CR2_ADON and self._events[adc]:
            self._events[adc].cancel()
            self._events[adc], self._index[adc] = None, 0
        if value & CR2_SWSTART:
            self._software_start(adc, new)
        self._update()

    def _software_start(self, adc, cr2):
        if not cr2 & CR2_ADON:
            self.machine.report(f"ADC{adc + 1}: SWSTART while ADON is 0 starts nothing")
            return
        self.regs[0x100 * adc] |= SR_STRT
        self._start(adc)
        if self._clock_hz() > MAX_CLOCK_HZ:
            self.machine.report(f"ADC clock is {self._clock_hz()} Hz, above its limit of {MAX_CLOCK_HZ} Hz")
        if self.machine.now < self._on_at[adc]:
            self.machine.report(f"ADC{adc + 1}: SWSTART less than {STABILISE_NS} ns after ADON")

    def _write_sr(self, register, old, value):
        self._update()

    def _changed(self, register, old, value):
        self._update()

    def _read_dr(self, register):
        adc = register.offset >> 8
        self.regs[0x100 * adc] &= ~SR_EOC
        self._update()
        return self.regs[register.offset]

    def _read_csr(self, register):
        return sum((self.regs[0x100 * adc] & 0x3F) << 8 * adc for adc in range(3))

    def _update(self):
        """The shared interrupt line and the DMA requests."""
        pending = False
        for adc in range(3):
            sr, cr1, cr2 = self._reg(adc, 0), self._reg(adc, 4), self._reg(adc, 8)
            pending |= bool(sr & SR_EOC and cr1 & CR1_EOCIE) or bool(sr & SR_OVR and cr1 & CR1_OVRIE)
            level = bool(sr & SR_EOC and cr2 & CR2_DMA)
            if level != self._requests[adc]:
                self._requests[adc] = level
                request(self.machine, f"ADC{adc + 1}", level)
        self.machine.irq(IRQ["ADC"], pending)
