# SPDX-License-Identifier: MIT
"""One board, fresh from power-on, on a 100 Mbit/s cable to a peer that lives in the same virtual time.

The peer costs the board nothing and wastes nothing: what is measured is the board's.
"""

import ast
from pathlib import Path

import run_script
from emulator.board import Board
from emulator.net.peers import Peer
from emulator.symbols import Symbols

MS = 1_000_000
PEER, DEVICE = "10.0.7.1", "10.0.7.100"
SCRIPTS = Path(__file__).parent / "device"
BOOT_LIMIT_NS = 10_000 * MS
READY_LIMIT_NS = 20_000 * MS
STEP_NS = 20 * MS
# Shorter calls of memcpy() and its like move headers and structures, not payload.
LEAST_COPY_BYTES = 64
COPY_FUNCTIONS = ("memcpy", "memmove")

BRING_UP = """\
import network, time
lan = network.LAN()
lan.active(True)
while lan.status() != 3:  # an address is there
    time.sleep_ms(10)
"""


class Failed(Exception):
    """A measurement could not be made; the text says why."""


class Mark:
    """The board's counters at one moment."""

    def __init__(self, rig):
        cpu = rig.board.cpu
        self.time = rig.board.machine.now
        self.instructions = cpu.icount
        self.copied = cpu.copied_bytes
        self.interrupts = rig.interrupts


class Rig:
    """with Rig(elf, board) as rig: rig.start(script, call); rig.run_until(...); rig.mark(); rig.finish()"""

    def __init__(self, elf, board):
        self.board = Board(elf, board, strict=True)
        self.peer = Peer(self.board.machine, self.board.net, PEER, dhcp=DEVICE, names={"peer.test": PEER})
        symbols = self._symbols = Symbols(elf)
        self.board.cpu.count_copies([symbols.address(name) for name in COPY_FUNCTIONS], LEAST_COPY_BYTES)
        self.interrupts = 0
        self._count_interrupts()
        self.output = b""
        self._transport = None

    def _count_interrupts(self):
        """The Ethernet interrupt's rising edges."""
        machine, number = self.board.machine, 61
        drive = machine.irq

        def irq(line, level):
            if line == number and level and not machine.irq_lines.get(number):
                self.interrupts += 1
            drive(line, level)

        machine.irq = irq

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.board.close()

    def mark(self):
        return Mark(self)

    def function(self, address):
        """The name of the function that has this address, or None."""
        found = self._symbols.function(address)
        return found[0] if isinstance(found, tuple) else found

    def start(self, script, call):
        """Boot, bring the interface up by DHCP, run device/`script` and then `call`, which prints "ready"
        when the measurement may begin."""
        board = self.board
        board.usb.dtr = True
        board.run(BOOT_LIMIT_NS, until=lambda: board.usb.ready)
        serial = run_script.EmulatedSerial(board, run_script.Interrupts(), None)
        self._transport = run_script.EmulatedTransport(serial)
        self._transport.enter_raw_repl(soft_reset=False)
        source = BRING_UP + (SCRIPTS / script).read_text() + call + "\n"
        self._transport.exec_raw_no_follow(source)
        self.run_until(lambda: b"ready" in self.output, READY_LIMIT_NS, "the script does not get ready")

    def _read(self):
        self.output += self.board.usb.read()
        parts = self.output.split(b"\x04")
        if len(parts) > 2 and parts[1].strip():
            raise Failed(parts[1].decode(errors="replace"))

    def run(self, ns):
        """Let `ns` of virtual time pass."""
        end = self.board.machine.now + ns
        while (left := end - self.board.machine.now) > 0:
            self.board.run(min(left, STEP_NS))
            self._read()

    def run_until(self, condition, limit_ns, complaint):
        """Let time pass until condition(); exact to the event that makes it true."""
        end = self.board.machine.now + limit_ns
        while not condition():
            if self.board.machine.now >= end:
                raise Failed(f"{complaint}; so far: {self.output.decode(errors='replace')!r}")
            self.board.run(STEP_NS, until=lambda: self.board.usb.cdc.received or condition())
            self._read()

    def results(self, limit_ns=20_000 * MS):
        """What the script printed after "ready", as a Python value."""
        self.run_until(lambda: self.output.count(b"\x04") > 1, limit_ns, "the script does not end")
        text = self.output.split(b"ready", 1)[1].split(b"\x04")[0].strip().decode()
        return ast.literal_eval(text) if text else None
