# SPDX-License-Identifier: MIT
"""The Cortex-M4 of the board: the C core (core/) by ctypes, and the memories it runs in."""

import ctypes
import random
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_uint8, c_uint32, c_uint64, c_void_p

from .build_core import build
from .machine import MEMORIES
from .peripheral import BusFault

FOREVER = (1 << 64) - 1
BUS_FAULT, BUS_ERROR = 1, 2
FLASH_BASE, FLASH_SIZE = 0x08000000, 0x100000
SRAM_SIZE = 0x20000
RAM_SEED = 407

REASONS = (
    "deadline",
    "stopped",
    "error",
    "sleep",
    "stuck",
    "lockup",
    "reset",
    "break",
    "step",
    "watch",
    "broken",
    "deep",
    "wake",
)
REGISTERS = {
    **{f"r{n}": n for n in range(16)},
    "sp": 13,
    "lr": 14,
    "pc": 15,
    "xpsr": 16,
    "msp": 17,
    "psp": 18,
    "control": 19,
    "primask": 20,
    "basepri": 21,
    "faultmask": 22,
    "fpscr": 23,
    **{f"s{n}": 32 + n for n in range(32)},
}
FAULT_REGISTERS = ("cfsr", "hfsr", "mmfar", "bfar", "shcsr", "vtor", "dfsr")

BusRead = CFUNCTYPE(c_uint32, c_uint32, c_uint32)
BusWrite = CFUNCTYPE(None, c_uint32, c_uint32, c_uint32)
Report = CFUNCTYPE(None, c_char_p)
Trace = CFUNCTYPE(None, c_uint32, c_uint32, c_uint32)
StoreSeen = Trace


class _Shared(ctypes.Structure):
    """The beginning of core_t."""

    _fields_ = [
        ("icount", c_uint64),
        ("limit", c_uint64),
        ("deadline_ns", c_uint64),
        ("idle_ns", c_uint64),
        ("bus_result", c_uint32),
        ("hold_sleep", c_uint32),
        ("lockup_pc", c_uint32),
        ("last_exception", c_uint32),
        ("exceptions_taken", c_uint64),
        ("now_ns", c_uint64),
        ("now_valid", c_uint32),
    ]


# name: (result, arguments after the core)
_FUNCTIONS = {
    "core_close": (None, []),
    "core_run": (c_int, []),
    "core_stop": (None, [c_int]),
    "core_reset": (None, []),
    "core_now": (c_uint64, []),
    "core_cycles": (c_uint64, []),
    "core_irq": (None, [c_int, c_int]),
    "core_event": (None, []),
    "core_set_clock": (None, [c_uint32]),
    "core_set_cpi": (None, [c_uint32, c_uint32]),
    "core_set_deadline": (None, [c_uint64]),
    "core_skip_to": (None, [c_uint64]),
    "core_sleep_until": (c_uint64, []),
    "core_stall": (None, [c_uint64]),
    "core_memory": (c_void_p, [c_uint32]),
    "core_memory_written": (None, [c_uint32, c_uint32]),
    "core_set_boot_alias": (c_int, [c_uint32, c_uint32]),
    "core_get_register": (c_uint32, [c_int]),
    "core_set_register": (None, [c_int, c_uint32]),
    "core_fault_register": (c_uint32, [c_int]),
    "core_debug_read": (c_uint32, [c_uint32]),
    "core_set_exact": (None, [c_int]),
    "core_set_trace": (None, [c_void_p]),
    "core_set_breakpoints": (c_int, [POINTER(c_uint32), c_int]),
    "core_set_watchpoints": (c_int, [POINTER(c_uint32), c_int]),
    "core_watch_address": (c_uint32, []),
    "core_resume_from": (None, [c_int]),
    "core_set_debugged": (None, [c_int]),
    "core_set_profile": (POINTER(c_uint64), [c_int]),
    "core_count_copies": (None, [POINTER(c_uint32), c_int, c_uint32]),
    "core_copied_bytes": (c_uint64, []),
    "core_watch_stores": (c_void_p, [c_void_p]),
}


def _load():
    library = ctypes.CDLL(str(build()))
    library.core_open.restype = c_void_p
    library.core_open.argtypes = [BusRead, BusWrite, Report]
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = [c_void_p, *arguments]
    return library


class Cpu:
    """Runs code. `attach(machine)` makes it that machine's time, memory and interrupt target.

    icount       instructions retired since power-on
    now          virtual ns since power-on
    pc           of the instruction that is executing, exact inside a bus access as well
    """

    def __init__(self, cpi=(3, 2)):
        self._lib = _load()
        # Kept alive here: C holds the addresses.
        self._callbacks = (BusRead(self._bus_read), BusWrite(self._bus_write), Report(self._report))
        self._core = self._lib.core_open(*self._callbacks)
        if not self._core:
            raise RuntimeError(
                "the core does not find its way about this version of unicorn (2.1.4 is known to work)"
            )
        self._shared = _Shared.from_address(self._core)
        self._lib.core_set_cpi(self._core, *cpi)
        self._blocks = []
        for base, size, _, _ in MEMORIES:
            array = (c_uint8 * size).from_address(self._lib.core_memory(self._core, base))
            self._blocks.append((base, base + size, memoryview(array).cast("B")))
        self.write(FLASH_BASE, b"\xff" * FLASH_SIZE)
        self._lib.core_set_boot_alias(self._core, FLASH_BASE, FLASH_SIZE)
        self._error = None
        self._trace = None
        self.machine = None

    def attach(self, machine):
        """Become the CPU of `machine`. To be called before its peripherals are added."""
        self.machine = machine
        machine.memory = self
        machine.cpu = self

    def close(self):
        if self._core:
            self._blocks = []
            self._lib.core_close(self._core)
            self._core = None

    # Bus callbacks. An exception must not be lost in C: it is kept, the access is cut short, run() raises it.

    def _bus_read(self, address, width):
        try:
            return self.machine.bus_read(address, width) & 0xFFFFFFFF
        except BusFault:
            self._shared.bus_result = BUS_FAULT
        except BaseException as error:
            self._keep(error)
        return 0

    def _bus_write(self, address, value, width):
        try:
            if FLASH_BASE <= address < FLASH_BASE + FLASH_SIZE:
                self.machine["FLASH"].program(address, value, width)
            else:
                self.machine.bus_write(address, value, width)
        except BusFault:
            self._shared.bus_result = BUS_FAULT
        except BaseException as error:
            self._keep(error)

    def _report(self, text):
        try:
            self.machine.report(text.decode())
        except BaseException as error:
            self._keep(error)

    def _keep(self, error):
        self._error = self._error or error
        self._shared.bus_result = BUS_ERROR

    # Running

    def run(self, deadline):
        """Run up to virtual time `deadline` in ns (None: no end); returns one of REASONS."""
        lib, core = self._lib, self._core
        lib.core_set_deadline(core, FOREVER if deadline is None else deadline)
        reason = REASONS[lib.core_run(core)]
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return reason

    def stop(self):
        """End run() before the next block."""
        self._lib.core_stop(self._core, 1)

    def deadline_changed(self):
        """An event was scheduled: look whether it comes before the end of the run in hand."""
        time = self.machine.scheduler.next_time()
        if time is not None and time < self._shared.deadline_ns:
            self._lib.core_set_deadline(self._core, time)

    def reset(self):
        """The core's part of a system reset: registers, SCS, then SP and PC from the vector table."""
        self._lib.core_reset(self._core)

    def irq(self, number, level):
        self._lib.core_irq(self._core, number, level)

    def event(self):
        """What SEV does, from outside: the core's event register is set."""
        self._lib.core_event(self._core)

    def set_clock(self, hz):
        """HCLK in Hz."""
        self._lib.core_set_clock(self._core, hz)

    def stall(self, ns):
        self._lib.core_stall(self._core, ns)

    def skip_to(self, time):
        """Let virtual time pass up to `time` without an instruction."""
        self._lib.core_skip_to(self._core, time)

    def sleep_until(self):
        """When a sleeping CPU wakes by SysTick or reaches its deadline (None: never)."""
        time = self._lib.core_sleep_until(self._core)
        return None if time == FOREVER else time

    @property
    def hold_sleep(self):
        """Whether run() comes back with "sleep" instead of skipping the time asleep."""
        return bool(self._shared.hold_sleep)

    @hold_sleep.setter
    def hold_sleep(self, value):
        self._shared.hold_sleep = bool(value)

    @property
    def now(self):
        shared = self._shared
        return shared.now_ns if shared.now_valid else self._lib.core_now(self._core)

    @property
    def icount(self):
        return self._shared.icount

    @property
    def cycles(self):
        """HCLK cycles since power-on, those asleep included."""
        return self._lib.core_cycles(self._core)

    @property
    def idle_ns(self):
        return self._shared.idle_ns

    @property
    def exceptions_taken(self):
        return self._shared.exceptions_taken

    # Registers

    def register(self, name):
        """r0..r15 sp lr pc xpsr msp psp control primask basepri faultmask fpscr s0..s31"""
        return self._lib.core_get_register(self._core, REGISTERS[name])

    def set_register(self, name, value):
        self._lib.core_set_register(self._core, REGISTERS[name], value & 0xFFFFFFFF)

    @property
    def pc(self):
        return self._lib.core_get_register(self._core, 15)

    def fault_registers(self):
        return {name: self._lib.core_fault_register(self._core, n) for n, name in enumerate(FAULT_REGISTERS)}

    # Memory (host's access: no rules, no time)

    def _find(self, address, size):
        for base, end, view in self._blocks:
            if base <= address and address + size <= end:
                return view, address - base
        raise BusFault(address)

    def read(self, address, size):
        view, offset = self._find(address, size)
        return bytes(view[offset : offset + size])

    def write(self, address, data):
        """Write, and forget what was translated from there."""
        size = len(data)
        view, offset = self._find(address, size)
        view[offset : offset + size] = data
        if size:
            self._lib.core_memory_written(self._core, address, size)

    def scramble_ram(self):
        """RAM as power-on leaves it: anything but zero, the same every time."""
        noise = random.Random(RAM_SEED)
        for base, size, name, _ in MEMORIES:
            if name in ("ccm", "sram"):
                self.write(base, noise.randbytes(size))

    def set_boot_alias(self, base, size):
        """What answers at address 0."""
        if not self._lib.core_set_boot_alias(self._core, base, size):
            raise ValueError(f"no memory at 0x{base:08x}")

    # Debugging

    def set_exact(self, on):
        """Look before every instruction (breakpoints, steps and traces need it): a third of the speed."""
        self._lib.core_set_exact(self._core, on)

    def debug_read(self, address):
        """A word of the core's own registers (0xE000E000 and the like)."""
        return self._lib.core_debug_read(self._core, address)

    def set_breakpoints(self, addresses):
        array = (c_uint32 * len(addresses))(*addresses)
        self._lib.core_set_breakpoints(self._core, array, len(addresses))

    def set_watchpoints(self, watched):
        """run() comes back with "watch" before an access to memory: [(address, bytes, kind)], kind 1 for
        writes, 2 for reads, 3 for both. It makes every access slow."""
        flat = [word for each in watched for word in each]
        array = (c_uint32 * len(flat))(*flat)
        return bool(self._lib.core_set_watchpoints(self._core, array, len(watched)))

    @property
    def watch_address(self):
        """The address whose access made run() come back with "watch"."""
        return self._lib.core_watch_address(self._core)

    def resume(self, step=False):
        """The next run() passes a breakpoint at PC; with `step` it comes back after one instruction."""
        self._lib.core_resume_from(self._core, step)

    def set_debugged(self, on):
        """Whether BKPT comes back from run() instead of being a HardFault."""
        self._lib.core_set_debugged(self._core, on)

    def set_trace(self, function):
        """function(kind, a, b): 0 instruction (address, size), 1 exception taken (number, handler),
        2 exception return (number, EXC_RETURN). None ends it."""
        self._trace = Trace(function) if function else None
        self._lib.core_set_trace(self._core, ctypes.cast(self._trace, c_void_p) if function else None)

    def count_copies(self, entries, least):
        """From now on sum the bytes moved by the functions at `entries` (memcpy's arguments; at most four),
        calls of fewer than `least` bytes left out."""
        array = (c_uint32 * len(entries))(*entries)
        self._lib.core_count_copies(self._core, array, len(entries), least)

    @property
    def copied_bytes(self):
        return self._lib.core_copied_bytes(self._core)

    def watch_stores(self, function):
        """function(address, size, value) is called before each store to a word of SRAM whose byte in the
        memoryview that is returned is not 0. The PC is that of the store's block. It makes stores slow."""

        def seen(address, size, value):
            try:
                function(address, size, value)
            except BaseException as error:
                self._keep(error)

        self._store_seen = StoreSeen(seen)
        words = self._lib.core_watch_stores(self._core, ctypes.cast(self._store_seen, c_void_p))
        return memoryview((c_uint8 * (SRAM_SIZE // 4)).from_address(words)).cast("B")

    def start_profile(self):
        """Count instructions per block; returns a function giving {block address: instructions}."""
        counts = self._lib.core_set_profile(self._core, 1)
        array = (c_uint64 * (0x80000 + 0x10000)).from_address(ctypes.addressof(counts.contents))

        def read():
            result = {}
            for index, count in enumerate(array):
                if count:
                    base = FLASH_BASE if index < 0x80000 else 0x20000000 - 0x100000
                    result[base + 2 * index] = count
            return result

        return read
