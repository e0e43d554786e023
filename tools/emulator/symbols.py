# SPDX-License-Identifier: MIT
"""Names for addresses, from the firmware's ELF, and the report on firmware that died."""

import bisect
from functools import cached_property

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

CFSR_BITS = {
    0: "IACCVIOL",
    1: "DACCVIOL",
    3: "MUNSTKERR",
    4: "MSTKERR",
    5: "MLSPERR",
    7: "MMARVALID",
    8: "IBUSERR",
    9: "PRECISERR",
    10: "IMPRECISERR",
    11: "UNSTKERR",
    12: "STKERR",
    13: "LSPERR",
    15: "BFARVALID",
    16: "UNDEFINSTR",
    17: "INVSTATE",
    18: "INVPC",
    19: "NOCP",
    24: "UNALIGNED",
    25: "DIVBYZERO",
}
HFSR_BITS = {1: "VECTTBL", 30: "FORCED", 31: "DEBUGEVT"}
EXCEPTION_NAMES = {
    0: "Thread mode",
    2: "NMI",
    3: "HardFault",
    4: "MemManage",
    5: "BusFault",
    6: "UsageFault",
    11: "SVCall",
    12: "DebugMonitor",
    14: "PendSV",
    15: "SysTick",
}
BACKTRACE_WORDS = 512
BACKTRACE_LINES = 24


def exception_name(number):
    if number < 16:
        return EXCEPTION_NAMES.get(number, f"exception {number}")
    from .peripherals.irqs import IRQ_NAMES

    irq = number - 16
    return f"IRQ {irq} ({IRQ_NAMES[irq]})" if irq < len(IRQ_NAMES) else f"IRQ {irq}"


class Symbols:
    """function(address), line(address), address(name) of an ELF file."""

    def __init__(self, path):
        self.path = path
        self._file = open(path, "rb")
        self.elf = ELFFile(self._file)
        self.sizes = {}
        self.addresses = {}
        starts = {}
        for section in self.elf.iter_sections():
            if not isinstance(section, SymbolTableSection):
                continue
            for symbol in section.iter_symbols():
                self._take(symbol, starts)
        self._starts = sorted(starts)
        self._functions = [starts[start] for start in self._starts]
        self._lines = {}

    def _take(self, symbol, starts):
        kind, address, name = symbol["st_info"]["type"], symbol["st_value"], symbol.name
        if kind in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE") and name and not name.startswith("$"):
            plain = address & ~1 if kind == "STT_FUNC" else address
            self.addresses.setdefault(name, plain)
            self.sizes.setdefault(name, symbol["st_size"])
            if kind == "STT_FUNC":
                starts[plain] = (name, symbol["st_size"])

    def close(self):
        self._file.close()

    def address(self, name):
        """Address of a symbol, or None."""
        return self.addresses.get(name)

    def function(self, address):
        """(name, offset) of the function at `address`, or None."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        start, (name, size) = self._starts[index], self._functions[index]
        return (name, address - start) if address - start < max(size, 2) else None

    @cached_property
    def _unit_ranges(self):
        """DWARF's index of which unit covers which addresses."""
        if not self.elf.has_dwarf_info():
            return None
        return self.elf.get_dwarf_info().get_aranges()

    def unit(self, address):
        """The DWARF compile unit that holds `address`, or None."""
        if self._unit_ranges is None:
            return None
        offset = self._unit_ranges.cu_offset_at_addr(address)
        return None if offset is None else self.elf.get_dwarf_info().get_CU_at(offset)

    def unit_of_source(self, name):
        """The DWARF compile unit of the source file `name` (the last part of its path), or None."""
        for unit in self.elf.get_dwarf_info().iter_CUs() if self.elf.has_dwarf_info() else ():
            source = unit.get_top_DIE().attributes.get("DW_AT_name")
            if source and source.value.decode(errors="replace").rpartition("/")[2] == name:
                return unit
        return None

    def line(self, address):
        """ "file:line" of an instruction, or None."""
        unit = self.unit(address)
        if unit is None:
            return None
        if unit.cu_offset not in self._lines:
            self._lines[unit.cu_offset] = self._line_table(unit)
        starts, places = self._lines[unit.cu_offset]
        index = bisect.bisect_right(starts, address) - 1
        return places[index] if index >= 0 else None

    def _line_table(self, unit):
        program = self.elf.get_dwarf_info().line_program_for_CU(unit)
        if program is None:
            return [], []
        names = program["file_entry"]
        first = 0 if program["version"] >= 5 else 1
        rows = {}
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                rows.setdefault(state.address, None)
            else:
                rows[state.address] = f"{names[state.file - first].name.decode()}:{state.line}"
        starts = sorted(rows)
        return starts, [rows[start] for start in starts]

    def describe(self, address):
        """ "0x08001234 main+0x10 (main.c:12)" """
        address &= ~1
        found = self.function(address)
        if found is None:
            return f"0x{address:08x}"
        name, offset = found
        line = self.line(address)
        return f"0x{address:08x} {name}+0x{offset:x}" + (f" ({line})" if line else "")


def decode_bits(value, names):
    return " ".join(name for bit, name in names.items() if value >> bit & 1) or "-"


def follows_call(board, address):
    """Whether the instruction before `address` is a call: BL, or BLX of a register."""
    try:
        code = board.cpu.read(address - 4, 4)
    except Exception:
        return False
    first, second = int.from_bytes(code[:2], "little"), int.from_bytes(code[2:], "little")
    return (first & 0xF800 == 0xF000 and second & 0xD000 == 0xD000) or second & 0xFF87 == 0x4780


def backtrace(board, symbols, sp):
    """Return addresses found on the stack: candidates, callers of callers among leftovers."""
    lines = []
    for n in range(BACKTRACE_WORDS):
        try:
            word = int.from_bytes(board.cpu.read(sp + 4 * n, 4), "little")
        except Exception:
            break
        if word & 1 and symbols.function(word & ~1) and follows_call(board, word & ~1):
            lines.append(f"  {symbols.describe((word & ~1) - 1)}")
        if len(lines) == BACKTRACE_LINES:
            break
    return lines


def task_name(board, symbols):
    """Name of the running FreeRTOS task, or None."""
    from .rtos import Tasks

    try:
        return Tasks(board.cpu, symbols).current_name()
    except Exception:
        return None


def _register_lines(cpu, symbols):
    values = [f"{name:>4}=0x{cpu.register(name):08x}" for name in [f"r{n}" for n in range(13)] + ["sp"]]
    lines = [" ".join(values[n : n + 7]) for n in range(0, 14, 7)]
    xpsr = cpu.register("xpsr")
    lines.append(f"  pc={symbols.describe(cpu.pc)}")
    lines.append(f"  lr={symbols.describe(cpu.register('lr'))}")
    lines.append(
        f"xpsr=0x{xpsr:08x} ({exception_name(xpsr & 0x1FF)})  msp=0x{cpu.register('msp'):08x} "
        f"psp=0x{cpu.register('psp'):08x} control={cpu.register('control')} "
        f"primask={cpu.register('primask')} basepri=0x{cpu.register('basepri'):02x}"
    )
    return lines


def _fault_lines(cpu):
    faults = cpu.fault_registers()
    if not (faults["cfsr"] or faults["hfsr"]):
        return []
    lines = [
        f"CFSR=0x{faults['cfsr']:08x} {decode_bits(faults['cfsr'], CFSR_BITS)}  "
        f"HFSR=0x{faults['hfsr']:08x} {decode_bits(faults['hfsr'], HFSR_BITS)}"
    ]
    if faults["cfsr"] & 1 << 15:
        lines.append(f"bus fault at address 0x{faults['bfar']:08x}")
    if faults["cfsr"] & 1 << 7:
        lines.append(f"memory fault at address 0x{faults['mmfar']:08x}")
    return lines


def _stacked_frame(cpu, symbols):
    """Where the exception that runs came from."""
    lr = cpu.register("lr")
    if not cpu.register("xpsr") & 0x1FF or lr >> 5 != 0xFFFFFFE0 >> 5:
        return []
    frame = cpu.register("psp" if lr & 4 else "msp")
    try:
        words = [int.from_bytes(cpu.read(frame + 4 * n, 4), "little") for n in range(8)]
    except Exception:
        return [f"no exception frame at 0x{frame:08x}"]
    return [f"interrupted: {symbols.describe(words[6])}", f"called from: {symbols.describe(words[5])}"]


def crash_report(board):
    """Registers, faults, places with names and lines, the task, what the stack says."""
    cpu = board.cpu
    symbols = Symbols(board.elf)
    try:
        lines = _register_lines(cpu, symbols) + _fault_lines(cpu) + _stacked_frame(cpu, symbols)
        task = task_name(board, symbols)
        if task:
            lines.append(f"task: {task}")
        stack = cpu.register("sp")
        trace = backtrace(board, symbols, stack)
        if trace:
            lines.append("return addresses on the stack (candidates):")
            lines += trace
        thread = cpu.register("psp")
        if cpu.register("xpsr") & 0x1FF and thread and thread != stack:
            lines.append("... on the task's stack:")
            lines += backtrace(board, symbols, thread)
        lines.append(f"after {cpu.icount} instructions, at {cpu.now / 1e9:.6f} s")
    finally:
        symbols.close()
    return "\n".join(lines)
