# SPDX-License-Identifier: MIT
"""GPIOA to GPIOI: pins, their modes and their lock (RM0090 chapter 8).

Differs from silicon: levels are 0, 1 or None (nobody drives); a floating input reads 0; pull resistors lose
against every other driver; slew rate (OSPEEDR) does not show; a pin that is driven from both sides keeps
the chip's level inside and says so once; a pin in alternate mode is driven by the timers' outputs, and where
another peripheral's model does it by drive_alternate().
"""

from ..peripheral import Peripheral, Register
from .tim_pins import OUTPUTS

MODE_INPUT, MODE_OUTPUT, MODE_ALTERNATE, MODE_ANALOG = range(4)
LCKR_LCKK = 1 << 16


def _registers(moder, ospeedr, pupdr):
    """The register table; ports A and B come out of reset with the debug pins configured."""
    return (
        Register(0x00, "MODER", moder, write=0xFFFFFFFF, on_write="_write_config"),
        Register(0x04, "OTYPER", 0, write=0xFFFF, on_write="_write_config"),
        Register(0x08, "OSPEEDR", ospeedr, write=0xFFFFFFFF, on_write="_write_config"),
        Register(0x0C, "PUPDR", pupdr, write=0xFFFFFFFF, on_write="_write_config"),
        Register(0x10, "IDR", 0, on_read="_read_idr"),
        Register(0x14, "ODR", 0, write=0xFFFF, on_write="_write_odr"),
        Register(0x18, "BSRR", 0, on_write="_write_bsrr"),
        Register(0x1C, "LCKR", 0, on_read="_read_lckr", on_write="_write_lckr"),
        Register(0x20, "AFRL", 0, write=0xFFFFFFFF, on_write="_write_config"),
        Register(0x24, "AFRH", 0, write=0xFFFFFFFF, on_write="_write_config"),
    )


def _spread(bits, width):
    """A mask with `width` ones for each of the 16 pins set in `bits`."""
    return sum(((1 << width) - 1) << (width * pin) for pin in range(16) if bits >> pin & 1)


def _pins(bits):
    """Numbers of the pins set in `bits`."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


class Gpio(Peripheral):
    """One port. set_input(), output(), alternate(), watch(): the pins as the board sees them."""

    REGISTERS = _registers(0, 0, 0)
    RESETS = {"GPIOA": (0xA8000000, 0, 0x64000000), "GPIOB": (0x00000280, 0x000000C0, 0x00000100)}

    def __init__(self, machine, name, base, clock=None):
        self.REGISTERS = _registers(*self.RESETS.get(name, (0, 0, 0)))
        self.index = ord(name[-1]) - ord("A")
        self._inputs = [None] * 16
        self._resistors = [None] * 16
        self._alternate_levels = [None] * 16
        self._routes = {}  # pin -> (timer, channel) whose output it carries
        self._levels = 0
        self._watchers = {}
        self._outputs = [None] * 16
        self.regs = {}
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._lock_step = 0
        self._locked = 0
        self._alternate_levels = [None] * 16
        self._route(range(16))
        self._update(range(16))

    # The board's side

    def set_input(self, pin, level):
        """Drive `pin` from outside: 0, 1, or None to let go."""
        self._inputs[pin] = None if level is None else int(bool(level))
        self._update((pin,))

    def set_pull(self, pin, level):
        """A resistor on the board pulls `pin` to 0 or 1: it beats the chip's own, no driver."""
        self._resistors[pin] = level
        self._update((pin,))

    def _pulled(self, pin):
        """The level of `pin` while nobody drives it."""
        if self._resistors[pin] is not None:
            return self._resistors[pin]
        return int(self.regs[0x0C] >> (2 * pin) & 3 == 1)

    def open_drain(self, pin):
        """Whether the pin's driver pulls down alone."""
        return bool(self.regs[0x04] >> pin & 1)

    def output(self, pin):
        """What the chip drives on `pin`: 0, 1, or None (input, analog, open drain let go)."""
        mode = self.regs[0x00] >> (2 * pin) & 3
        if mode == MODE_OUTPUT:
            level = self.regs[0x14] >> pin & 1
        elif mode == MODE_ALTERNATE:
            route = self._routes.get(pin)
            level = route[0].output_level(route[1]) if route else self._alternate_levels[pin]
        else:
            return None
        if level and self.regs[0x04] >> pin & 1:
            return None
        return level

    def alternate(self, pin):
        """Number of the alternate function on `pin`, None if the pin is in another mode."""
        if self.regs[0x00] >> (2 * pin) & 3 != MODE_ALTERNATE:
            return None
        return self.regs[0x20 + 4 * (pin >> 3)] >> (4 * (pin & 7)) & 0xF

    def drive_alternate(self, pin, level):
        """A peripheral's output on a pin in alternate mode."""
        self._alternate_levels[pin] = level
        self._update((pin,))

    def level(self, pin):
        """The level on the wire, 0 or 1; a floating pin counts as 0."""
        driven, outside = self.output(pin), self._inputs[pin]
        if driven is not None:
            return driven
        if outside is not None:
            return outside
        return self._pulled(pin)

    def watch(self, pin, function):
        """Call function(level) whenever what the chip drives on `pin` changes (level as output() has it)."""
        self._watchers.setdefault(pin, []).append(function)
        if pin in self._routes:
            self._routes[pin][0].pins_changed()

    def watched(self, pin):
        """Whether somebody wants to hear of every edge."""
        return bool(self._watchers.get(pin))

    def refresh(self, pin):
        """A peripheral's output on the pin changed."""
        self._update((pin,))

    def _route(self, pins):
        """Which timer's output each pin carries, after a change of modes or functions."""
        for pin in pins:
            name, channel = OUTPUTS.get((self.index, pin, self.alternate(pin)), (None, 0))
            timer = self.machine.peripherals.get(name)
            old = self._routes.get(pin)
            new = (timer, channel) if timer else None
            if new == old:
                continue
            if old:
                del self._routes[pin]
                old[0].disconnect(self, pin)
            if new:
                self._routes[pin] = new
                timer.connect(self, pin)

    # Registers

    def _update(self, pins):
        """Levels again after a change on `pins`; tells watchers and EXTI."""
        moder = self.regs[0x00]
        for pin in pins:
            driven, outside = self.output(pin), self._inputs[pin]
            if driven != self._outputs[pin]:
                self._outputs[pin] = driven
                for function in self._watchers.get(pin, ()):
                    function(driven)
            if moder >> (2 * pin) & 3 == MODE_ANALOG:
                level = 0
            elif driven is not None:
                level = driven
            elif outside is not None:
                level = outside
            else:
                level = self._pulled(pin)
            if level != self._levels >> pin & 1:
                self._levels ^= 1 << pin
                exti = self.machine.peripherals.get("EXTI")
                if exti is not None:
                    exti.pin_changed(self.index, pin, level)
                if self.index == 0 and pin == 0 and "PWR" in self.machine.peripherals:
                    self.machine["PWR"].wake_pin_changed(level)
            if driven is not None and outside is not None and driven != outside:
                self._conflict(pin, driven)

    def _conflict(self, pin, driven):
        text = f"P{self.name[-1]}{pin} drives {driven} against the board's {self._inputs[pin]}"
        if text not in self.machine.reports:
            self.machine.report(text)

    def _write_config(self, register, old, value):
        new = self.regs[register.offset]
        if self._locked:
            locked = self._locked_mask(register)
            new = new & ~locked | old & locked
            self.regs[register.offset] = new
        changed = new ^ old
        if not changed or register.name == "OSPEEDR":
            return
        if register.offset >= 0x20:
            first = 8 if register.name == "AFRH" else 0
            pins = [first + place for place in range(8) if changed >> (4 * place) & 0xF]
            self._route(pins)
            self._update(pins)
            return
        if register.name == "MODER":
            self._route([pin for pin in range(16) if changed >> (2 * pin) & 3])
        bits = 1 if register.name == "OTYPER" else 2
        mask = (1 << bits) - 1
        self._update([pin for pin in range(16) if changed >> (bits * pin) & mask])

    def _locked_mask(self, register):
        if register.offset >= 0x20:
            return _spread(self._locked >> (8 if register.name == "AFRH" else 0) & 0xFF, 4)
        return self._locked if register.name == "OTYPER" else _spread(self._locked, 2)

    def _read_idr(self, register):
        if self._routes:
            self._update(list(self._routes))
        return self._levels

    def _write_odr(self, register, old, value):
        changed = self.regs[0x14] ^ old
        if changed:
            self._update(_pins(changed))

    def _write_bsrr(self, register, old, value):
        odr = self.regs[0x14]
        new = odr & ~(value >> 16) | value & 0xFFFF
        if new != odr:
            self.regs[0x14] = new
            self._update(_pins(new ^ odr))

    def _write_lckr(self, register, old, value):
        """The key: LCKK 1, 0, 1 with the same pins, then a read (RM0090 8.4.8)."""
        if self._locked:
            return
        pins, key = value & 0xFFFF, bool(value & LCKR_LCKK)
        same = self._lock_step == 0 or pins == self.regs[0x1C] & 0xFFFF
        self._lock_step = self._lock_step + 1 if same and key == (self._lock_step != 1) else int(key)
        self.regs[0x1C] = pins
        if self._lock_step == 3:
            self._locked = pins
            self.regs[0x1C] = pins | LCKR_LCKK

    def _read_lckr(self, register):
        return self.regs[0x1C]
