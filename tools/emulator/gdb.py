# SPDX-License-Identifier: MIT
"""gdb's remote serial protocol: gdb-multiarch FIRMWARE.elf -ex 'target remote :PORT'.

Breakpoints, single steps, registers with the FPU's, memory, Ctrl-C, and FreeRTOS tasks as threads.
While gdb holds the board, virtual time stands still.
"""

import socket

from .peripheral import BusFault, GuestError
from .rtos import Tasks
from .symbols import Symbols

# As in target.xml: name, bytes; gdb's numbers follow from the order, with xpsr at 25.
CORE = [*(f"r{n}" for n in range(13)), "sp", "lr", "pc"]
SYSTEM = ["msp", "psp", "primask", "basepri", "faultmask", "control"]
DOUBLES = [f"d{n}" for n in range(16)]
ORDER = [*CORE, "xpsr", *DOUBLES, "fpscr", *SYSTEM]
NUMBERS = {**{n: name for n, name in enumerate(CORE)}, **{25 + n: name for n, name in enumerate(ORDER[16:])}}
INTERRUPT = b"\x03"
CPU_THREAD = 1
# Z packet: (kind for the core, name in the stop reply)
WATCH_KINDS = {"2": (1, "watch"), "3": (2, "rwatch"), "4": (3, "awatch")}


def _target_xml():
    lines = ['<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">']
    lines.append("<architecture>arm</architecture>")
    lines.append('<feature name="org.gnu.gdb.arm.m-profile">')
    kinds = {"sp": ' type="data_ptr"', "pc": ' type="code_ptr"'}
    lines += [f'<reg name="{name}" bitsize="32"{kinds.get(name, "")}/>' for name in CORE]
    lines.append('<reg name="xpsr" bitsize="32" regnum="25"/></feature>')
    lines.append('<feature name="org.gnu.gdb.arm.vfp">')
    lines += [f'<reg name="{name}" bitsize="64" type="ieee_double"/>' for name in DOUBLES]
    lines.append('<reg name="fpscr" bitsize="32" type="int" group="float"/></feature>')
    lines.append('<feature name="org.gnu.gdb.arm.m-system">')
    lines += [f'<reg name="{name}" bitsize="32"/>' for name in SYSTEM]
    lines.append("</feature></target>")
    return "".join(lines)


class Disconnected(Exception):
    """gdb went away."""


class Server:
    """One gdb at a time on 127.0.0.1:port. serve() returns when it kills the board or a run ends it."""

    def __init__(self, board, port):
        self.board = board
        self.machine = board.machine
        self.cpu = board.cpu
        self.symbols = Symbols(board.elf)
        self.tasks = Tasks(self.cpu, self.symbols)
        self.breakpoints = set()
        self.watchpoints = {}
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.connection = None
        self._in = b""
        self._ack = True
        self._thread = 0
        self._running = False

    def serve(self):
        print(f"gdb: waiting on port {self.port}", flush=True)
        while True:
            self.connection, _ = self.listener.accept()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._in, self._ack, self._thread = b"", True, 0
            self.machine.debugged = True
            self.cpu.set_debugged(True)
            try:
                if self._talk():
                    return
            except (Disconnected, ConnectionError):
                pass
            finally:
                self.connection.close()
                self._release()
            # Detached: the board goes on until the next gdb comes.
            self.machine.poll.add(self.listener.fileno(), self.machine.stop)
            self.machine.run()
            self.machine.poll.remove(self.listener.fileno())

    def _release(self):
        self.breakpoints.clear()
        self.watchpoints.clear()
        self._apply_breakpoints()
        self.cpu.set_watchpoints([])
        self.machine.debugged = False
        self.cpu.set_debugged(False)

    def close(self):
        self.listener.close()
        self.symbols.close()

    # Packets

    def _receive(self):
        data = self.connection.recv(4096)
        if not data:
            raise Disconnected
        self._in += data

    def _packet(self):
        while True:
            start = self._in.find(b"$")
            end = self._in.find(b"#", start + 1)
            if start < 0 or end < 0 or len(self._in) < end + 3:
                self._receive()
                continue
            body, self._in = self._in[start + 1 : end], self._in[end + 3 :]
            if self._ack:
                self.connection.sendall(b"+")
            return body

    def _send(self, text):
        data = text.encode() if isinstance(text, str) else text
        self.connection.sendall(b"$" + data + b"#%02x" % (sum(data) & 0xFF))

    def _talk(self):
        """True: gdb killed the board; False: it detached."""
        while True:
            packet = self._packet()
            if packet.startswith(b"k") or packet.startswith(b"vKill"):
                if packet.startswith(b"v"):
                    self._send("OK")
                return True
            if packet.startswith(b"D"):
                self._send("OK")
                return False
            try:
                answer = self._answer(packet.decode("latin-1"))
            except (BusFault, GuestError, ValueError):
                answer = "E01"
            if answer is not None:
                self._send(answer)

    def _answer(self, packet):
        handlers = {
            "q": self._query,
            "Q": self._set,
            "g": self._read_all,
            "G": self._write_all,
            "p": self._read_register,
            "P": self._write_register,
            "m": self._read_memory,
            "M": self._write_memory,
            "Z": self._breakpoint,
            "z": self._breakpoint,
            "H": self._select,
            "T": self._alive,
            "v": self._v,
            "c": lambda rest: self._go(False),
            "s": lambda rest: self._go(True),
            "?": lambda rest: self._stopped(5),
        }
        handler = handlers.get(packet[:1])
        return handler(packet) if handler else ""

    # Queries

    def _query(self, packet):
        if packet.startswith("qSupported"):
            return "PacketSize=1000;qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak-"
        if packet.startswith("qXfer:features:read:target.xml:"):
            offset, length = (int(part, 16) for part in packet.rsplit(":", 1)[1].split(","))
            text = _target_xml()[offset : offset + length]
            return ("m" if offset + length < len(_target_xml()) else "l") + text
        if packet == "qfThreadInfo":
            return "m" + ",".join(f"{number:x}" for number in self._threads())
        if packet == "qsThreadInfo":
            return "l"
        if packet == "qC":
            return f"QC{self._current():x}"
        if packet.startswith("qThreadExtraInfo,"):
            return self._thread_text(int(packet.split(",")[1], 16)).encode().hex()
        if packet == "qAttached":
            return "1"
        if packet.startswith("qRcmd,"):
            return self._monitor(bytes.fromhex(packet[6:]).decode())
        return ""

    def _monitor(self, command):
        if command.strip() in ("reset", "reset halt"):
            self.machine.reset("pin")
            return "OK"
        text = f"commands: reset. {self.cpu.icount} instructions, {self.machine.now} ns\n"
        return text.encode().hex()

    def _set(self, packet):
        if packet == "QStartNoAckMode":
            self._ack = False
            return "OK"
        return ""

    # Threads

    def _threads(self):
        try:
            return [task.address for task in self.tasks.tasks()] or [CPU_THREAD]
        except (BusFault, KeyError):
            return [CPU_THREAD]

    def _current(self):
        return self._threads()[0]

    def _task(self, number):
        """The Task with that thread number, or None for the one that runs."""
        if number in (0, CPU_THREAD, -1):
            return None
        for task in self.tasks.tasks()[1:]:
            if task.address == number:
                return task
        return None

    def _thread_text(self, number):
        for task in self.tasks.tasks() if self.tasks.available else ():
            if task.address == number:
                return f"{task.name} priority {task.priority} {task.state}"
        return "CPU"

    def _select(self, packet):
        if packet[1] == "g":
            number = int(packet[2:], 16) if packet[2:] != "-1" else 0
            self._thread = number
        return "OK"

    def _alive(self, packet):
        return "OK" if int(packet[1:], 16) in self._threads() else "E01"

    # Registers

    def _value(self, name):
        task = self._task(self._thread)
        if name.startswith("d") and name[1:].isdigit():
            low, high = (self._single(task, 2 * int(name[1:]) + n) for n in (0, 1))
            return low | high << 32
        if task is None:
            return self.cpu.register(name)
        if name == "control":
            return 2  # tasks run on PSP
        if name == "psp":
            return task.registers["sp"]
        return task.registers[name] if name in task.registers else self.cpu.register(name)

    def _single(self, task, number):
        return self.cpu.register(f"s{number}") if task is None else task.registers.get(f"s{number}", 0)

    def _hex(self, name):
        return self._value(name).to_bytes(8 if name in DOUBLES else 4, "little").hex()

    def _read_all(self, _packet):
        return "".join(self._hex(name) for name in ORDER)

    def _read_register(self, packet):
        name = NUMBERS.get(int(packet[1:], 16))
        return self._hex(name) if name else "E01"

    def _store(self, name, data):
        if self._task(self._thread) is not None:
            raise ValueError("only the running task's registers can be set")
        value = int.from_bytes(data, "little")
        if name in DOUBLES:
            self.cpu.set_register(f"s{2 * int(name[1:])}", value & 0xFFFFFFFF)
            self.cpu.set_register(f"s{2 * int(name[1:]) + 1}", value >> 32)
        else:
            self.cpu.set_register(name, value)

    def _write_register(self, packet):
        number, value = packet[1:].split("=")
        self._store(NUMBERS[int(number, 16)], bytes.fromhex(value))
        return "OK"

    def _write_all(self, packet):
        data = bytes.fromhex(packet[1:])
        for name in ORDER:
            size = 8 if name in DOUBLES else 4
            self._store(name, data[:size])
            data = data[size:]
        return "OK"

    # Memory

    def _byte(self, address):
        word = address & 0xFFFFFFFC
        if word >= 0xE0000000:
            value = self.cpu.debug_read(word)
        else:
            value = self.machine.bus_read(word, 4)
        return value >> 8 * (address & 3) & 0xFF

    def _read_memory(self, packet):
        address, length = (int(part, 16) for part in packet[1:].split(","))
        if address < 0x100000:
            address += 0x08000000
        try:
            return self.cpu.read(address, length).hex()
        except BusFault:
            return bytes(self._byte(address + n) for n in range(length)).hex()

    def _write_memory(self, packet):
        where, data = packet[1:].split(":")
        address = int(where.split(",")[0], 16)
        content = bytes.fromhex(data)
        try:
            self.cpu.write(address, content)
        except BusFault:
            self.machine.bus_write(address, int.from_bytes(content, "little"), len(content))
        return "OK"

    # Running

    def _breakpoint(self, packet):
        kind, address, length = packet[1:].split(";")[0].split(",")
        if kind in WATCH_KINDS:
            return self._watchpoint(packet[0] == "Z", kind, int(address, 16), int(length, 16))
        if kind not in "01":
            return ""
        address = int(address, 16) & ~1
        if packet[0] == "Z":
            self.breakpoints.add(address)
        else:
            self.breakpoints.discard(address)
        self._apply_breakpoints()
        return "OK"

    def _watchpoint(self, insert, kind, address, length):
        key = (address, length, WATCH_KINDS[kind][0])
        if insert:
            self.watchpoints[key] = WATCH_KINDS[kind][1]
        else:
            self.watchpoints.pop(key, None)
        return "OK" if self.cpu.set_watchpoints(list(self.watchpoints)) else "E01"

    def _watch_text(self):
        hit = self.cpu.watch_address
        for (address, length, _), name in self.watchpoints.items():
            if address - 3 <= hit < address + length:
                return f"{name}:{address:x};"
        return ""

    def _apply_breakpoints(self):
        self.cpu.set_breakpoints(sorted(self.breakpoints))

    def _v(self, packet):
        if packet == "vCont?":
            return "vCont;c;C;s;S"
        if packet.startswith("vCont;"):
            return self._go(packet.split(";")[1][:1] in "sS")
        return ""

    def _go(self, step):
        self.cpu.set_exact(step or bool(self.breakpoints))
        self.cpu.resume(step)
        self._interrupted = False
        self.machine.poll.add(self.connection.fileno(), self._interrupt)
        try:
            reason = self.machine.run()
        except GuestError as error:
            self._send("O" + f"{error}\n".encode().hex())
            reason = "error"
        finally:
            self.machine.poll.remove(self.connection.fileno())
        self.cpu.set_exact(False)
        signal = {"lockup": 11, "error": 11, "stopped": 2}.get(reason, 5)
        return self._stopped(signal, self._watch_text() if reason == "watch" else "")

    def _interrupt(self):
        self._receive()
        if INTERRUPT in self._in:
            self._in = self._in.replace(INTERRUPT, b"")
            self.machine.stop()

    def _stopped(self, signal, what=""):
        self._thread = 0
        return f"T{signal:02x}{what}thread:{self._current():x};"
