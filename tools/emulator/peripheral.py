# SPDX-License-Identifier: MIT
"""What every peripheral model is made of: a table of registers and the rules for touching them.

A model declares its registers as data (offset, reset value, what software may write) and adds a
method only where an access does something. The rules that are the same everywhere, widths, reserved
and unmodelled bits, clocks that are off, stand here once.
"""


class GuestError(Exception):
    """Firmware did what silicon refuses or what no model covers. The text names register, value and PC."""


class BusFault(Exception):
    """A bus master, CPU or DMA, reached for an address that does not answer it."""

    def __init__(self, address):
        super().__init__(f"no bus target at 0x{address:08x}")
        self.address = address


class Register:
    """One register.

    name, offset   as in RM0090 (the SVD's spelling, without the peripheral's prefix)
    reset          value after reset
    write          mask of the bits that software can store
    w1c            mask of the bits cleared by writing 1 (rc_w1)
    w0c            mask of the bits cleared by writing 0 (rc_w0)
    w1s            mask of the bits set by writing 1 and never cleared by software (rs)
    tagged         mask of the bits that exist on silicon but are not modelled: setting one is reported
    widths         access widths in bytes that the bus takes
    on_read        method name: `value = on_read(register)`, called instead of returning the stored value
    on_write       method name: `on_write(register, old, value)`, called after the stored value changed;
                   `value` is what the bus carried, the new stored value is in `self.regs[offset]`
    """

    __slots__ = (
        *("name", "offset", "reset", "write", "w1c", "w0c", "w1s", "tagged", "widths"),
        *("on_read", "on_write"),
    )

    def __init__(
        self,
        offset,
        name,
        reset=0,
        write=0,
        w1c=0,
        w0c=0,
        w1s=0,
        tagged=0,
        widths=(4, 2, 1),
        on_read=None,
        on_write=None,
    ):
        self.offset = offset
        self.name = name
        self.reset = reset
        self.write = write
        self.w1c = w1c
        self.w0c = w0c
        self.w1s = w1s
        self.tagged = tagged
        self.widths = widths
        self.on_read = on_read
        self.on_write = on_write


class Peripheral:
    """Base of every model. Subclasses set REGISTERS and, where there is one, CLOCK.

    self.regs       offset -> stored 32-bit value
    self.machine    the board: time, interrupts, memory (see machine.Machine)
    """

    REGISTERS = ()
    SIZE = 0x400

    def __init__(self, machine, name, base, clock=None):
        """`clock` is (RCC enable register, bit), e.g. ("AHB1ENR", 25); None for what is always clocked."""
        self.machine = machine
        self.name = name
        self.base = base
        self.clock = clock
        self.regs = {}
        self._map = {}
        for register in self.REGISTERS:
            read = getattr(self, register.on_read) if register.on_read else None
            write = getattr(self, register.on_write) if register.on_write else None
            self._map[register.offset] = (register, read, write)
        self.reset()

    def reset(self):
        """Back to the manual's reset values. Subclasses extend it: queues, timers, interrupt lines."""
        self.regs = {register.offset: register.reset for register in self.REGISTERS}

    def register(self, name):
        """The Register called `name`."""
        return next(register for register in self.REGISTERS if register.name == name)

    def read(self, offset, width):
        """A bus read of `width` bytes at `offset`; returns the value, low bytes first."""
        entry = self._map.get(offset & ~3)
        if entry is None:
            self.machine.report(f"read of unmodelled {self.name}+0x{offset:03x} ({width} bytes)")
            return 0
        register, on_read, _ = entry
        if width not in register.widths:
            self.machine.report(
                f"{width}-byte read of {self.name}.{register.name}, which takes {register.widths}"
            )
        value = on_read(register) if on_read else self.regs[register.offset]
        return (value >> (8 * (offset & 3))) & ((1 << (8 * width)) - 1)

    def write(self, offset, value, width):
        """A bus write of the low `width` bytes of `value` at `offset`."""
        entry = self._map.get(offset & ~3)
        if entry is None:
            self.machine.report(
                f"write of 0x{value:x} to unmodelled {self.name}+0x{offset:03x} ({width} bytes)"
            )
            return
        register, _, on_write = entry
        lanes = 0xFFFFFFFF
        if width != 4:
            if width not in register.widths:
                self.machine.report(
                    f"{width}-byte write to {self.name}.{register.name}, which takes {register.widths}"
                )
            shift = 8 * (offset & 3)
            lanes = ((1 << (8 * width)) - 1) << shift
            value = (value << shift) & lanes
        old = self.regs[register.offset]
        new = (old & ~(register.write & lanes)) | (value & register.write & lanes)
        new &= ~(value & register.w1c)
        new &= ~(~value & lanes & register.w0c)
        new |= value & register.w1s
        self.regs[register.offset] = new
        if value & register.tagged & ~old:
            self.machine.report(
                f"{self.name}.{register.name} = 0x{value:08x} sets bits that are not modelled"
            )
        if on_write:
            on_write(register, old, value)
