# SPDX-License-Identifier: MIT
"""A bare chip that runs a few lines of assembly: CPU and memories, and one bus peripheral to watch it by."""

import re
import subprocess
import tempfile
from pathlib import Path

from emulator.cpu import Cpu
from emulator.machine import Machine
from emulator.peripheral import BusFault, Peripheral, Register

FLASH = 0x08000000
RAM = 0x20000000
STACK = 0x20008000
PORT = 0x40000000

# Vector table with weak handlers: one that a test leaves out ends in `unexpected`.
HANDLERS = (
    "nmi_handler hardfault_handler memmanage_handler busfault_handler usagefault_handler 0 0 0 0 "
    "svc_handler debugmon_handler 0 pendsv_handler systick_handler"
).split() + [f"irq{n}_handler" for n in range(16)]

PROLOGUE = """
.syntax unified
.cpu cortex-m4
.fpu fpv4-sp-d16
.thumb
.section .text
vectors:
.word 0x20008000
.word reset + 1
"""

EPILOGUE = """
.pool
unexpected:
    bkpt 0xFF
    b unexpected
"""


def assemble(source):
    """(image, {label: address}) of a program that begins at label `reset`."""
    lines = [PROLOGUE]
    for handler in HANDLERS:
        if handler == "0":
            lines.append(".word 0")
        else:
            lines.append(f".word {handler} + 1")
            # Bit 0 is added here, so that labels are addresses.
            if not re.search(rf"^\s*{handler}:", source, re.M):
                lines.append(f".set {handler}, unexpected")
    text = "\n".join(lines) + "\n.align 2\n" + source + EPILOGUE
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "a.s").write_text(text)

        def tool(name, *arguments):
            command = ["arm-none-eabi-" + name, *arguments]
            return subprocess.run(command, cwd=path, check=True, stdout=subprocess.PIPE, text=True).stdout

        tool("as", "a.s", "-o", "a.o")
        tool("ld", f"-Ttext={FLASH:#x}", "-e", f"{FLASH:#x}", "a.o", "-o", "a.elf")
        tool("objcopy", "-O", "binary", "-j", ".text", "a.elf", "a.bin")
        listing = tool("nm", "a.elf")
        image = (path / "a.bin").read_bytes()
    labels = {}
    for line in listing.splitlines():
        address, name = line.split()[0], line.split()[-1]
        labels[name] = int(address, 16) & ~1
    return image, labels


class Port(Peripheral):
    """OUT (+0) keeps what is written with its time; IN (+4) gives what was put in; IRQ (+8) drives lines;
    FAULT (+0xC) answers with a bus fault; ERROR (+0x10) fails in the model."""

    REGISTERS = (
        Register(0x00, "OUT", write=0xFFFFFFFF, on_write="_out"),
        Register(0x04, "IN", on_read="_in"),
        Register(0x08, "IRQ", write=0xFFFFFFFF, on_write="_irq"),
        Register(0x0C, "FAULT", on_read="_fault", on_write="_fault"),
        Register(0x10, "ERROR", on_read="_error", on_write="_error"),
    )

    def __init__(self, machine):
        self.out = []
        self.times = []
        self.input = []
        super().__init__(machine, "PORT", PORT)

    def _out(self, register, old, value):
        self.out.append(value)
        self.times.append((self.machine.now, self.machine.cpu.pc))

    def _in(self, register):
        return self.input.pop(0) if self.input else 0

    def _irq(self, register, old, value):
        for line in range(16):
            self.machine.irq(line, value >> line & 1)

    def _fault(self, *_):
        raise BusFault(self.base + 0xC)

    def _error(self, *_):
        self.machine.report("ERROR was touched")


class Bare:
    """machine, cpu, port, labels of a program in flash, after reset. 100 MHz, a cycle per instruction."""

    def __init__(self, source, strict=True):
        image, self.labels = assemble(source)
        self.machine = Machine(strict=strict)
        self.cpu = Cpu(cpi=(1, 1))
        self.cpu.attach(self.machine)
        self.port = self.machine.add(Port(self.machine))
        self.cpu.write(FLASH, image)
        self.cpu.set_clock(100_000_000)
        self.cpu.reset()

    def run(self, ns=1_000_000):
        """Run until BKPT; returns what was written to OUT."""
        self.cpu.set_debugged(True)
        deadline = self.machine.now + ns
        while True:
            event = self.machine.scheduler.next_time()
            reason = self.cpu.run(deadline if event is None else min(event, deadline))
            self.machine.scheduler.run_due(self.machine.now)
            if reason == "reset":
                self.machine.reset("software")
            elif reason != "deadline" or self.machine.now >= deadline:
                self.reason = reason
                return self.port.out

    def word(self, address):
        return int.from_bytes(self.cpu.read(address, 4), "little")

    def close(self):
        self.cpu.close()
