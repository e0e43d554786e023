# SPDX-License-Identifier: MIT
"""FreeRTOS tasks read from memory, with the help of the firmware's DWARF, for gdb and the crash report."""

from dataclasses import dataclass, field

READY, DELAYED, SUSPENDED, RUNNING = "ready", "blocked", "suspended", "running"
# Lists of task control blocks and what being in one means.
LISTS = (
    ("xDelayedTaskList1", DELAYED),
    ("xDelayedTaskList2", DELAYED),
    ("xPendingReadyList", READY),
    ("xSuspendedTaskList", SUSPENDED),
)
MOST_TASKS = 64  # a list longer than that is taken to be garbage


@dataclass
class Task:
    address: int
    name: str
    priority: int
    state: str
    stack: int
    registers: dict = field(default_factory=dict)


class Tasks:
    """tasks(), current() of the FreeRTOS in the firmware; available is false where there is none."""

    def __init__(self, cpu, symbols):
        self.cpu = cpu
        self.symbols = symbols
        self.available = symbols.address("pxCurrentTCB") is not None
        self._layouts = {}

    def _word(self, address):
        return int.from_bytes(self.cpu.read(address, 4), "little")

    # Layout from DWARF

    def _layout(self, name):
        """{member: offset} and size of a structure."""
        if name not in self._layouts:
            members, size = {}, 0
            for die in self._types():
                if die.tag == "DW_TAG_structure_type" and self._name(die) == name:
                    size = die.attributes["DW_AT_byte_size"].value
                    for child in die.iter_children():
                        if child.tag == "DW_TAG_member":
                            members[self._name(child)] = child.attributes["DW_AT_data_member_location"].value
                    break
            self._layouts[name] = members, size
        return self._layouts[name]

    def _types(self):
        """The DIEs of tasks.c: link-time optimization leaves its types there and has the code elsewhere."""
        unit = self.symbols.unit_of_source("tasks.c")
        return unit.iter_DIEs() if unit else ()

    @staticmethod
    def _name(die):
        attribute = die.attributes.get("DW_AT_name")
        return attribute.value.decode() if attribute else None

    # Lists

    def _owners(self, list_address):
        """The owners of a List_t's items, in order."""
        layout, _ = self._layout("xLIST")
        item, _ = self._layout("xLIST_ITEM")
        end = list_address + layout["xListEnd"]
        count = self._word(list_address + layout["uxNumberOfItems"])
        owners = []
        at = self._word(end + item["pxNext"])
        while at != end and len(owners) < min(count, MOST_TASKS):
            owners.append(self._word(at + item["pvOwner"]))
            at = self._word(at + item["pxNext"])
        return owners

    def _found(self):
        """{TCB address: state}"""
        found = {}
        ready = self.symbols.address("pxReadyTasksLists")
        _, size = self._layout("xLIST")
        if ready is None or not size:
            return found
        for offset in range(0, self.symbols.sizes["pxReadyTasksLists"], size):
            found.update(dict.fromkeys(self._owners(ready + offset), READY))
        for name, state in LISTS:
            address = self.symbols.address(name)
            if address is not None:
                found.update(dict.fromkeys(self._owners(address), state))
        return found

    # Tasks

    def current_address(self):
        """The running task's control block, 0 before the scheduler runs."""
        return self._word(self.symbols.address("pxCurrentTCB")) if self.available else 0

    def _task(self, address, state):
        layout, _ = self._layout("tskTaskControlBlock")
        raw = self.cpu.read(address + layout["pcTaskName"], 16)
        name = raw.split(b"\0")[0].decode("ascii", "replace")
        return Task(
            address,
            name,
            self._word(address + layout["uxPriority"]),
            state,
            self._word(address + layout["pxTopOfStack"]),
        )

    def current_name(self):
        address = self.current_address()
        return self._task(address, RUNNING).name if address else None

    def tasks(self):
        """Every task; the running one first, with no saved registers (the CPU has them)."""
        current = self.current_address()
        if not current:
            return []
        found = self._found()
        found.pop(current, None)
        tasks = [self._task(current, RUNNING)]
        for address, state in found.items():
            task = self._task(address, state)
            task.registers = self._saved(task.stack)
            tasks.append(task)
        return tasks

    def _saved(self, at):
        """Registers of a task that does not run, as the port's PendSV left them: r4-r11, EXC_RETURN,
        s16-s31 where its bit 4 is clear, then what the hardware stacks."""
        registers = {}
        for number in range(4, 12):
            registers[f"r{number}"] = self._word(at + 4 * (number - 4))
        exc_return = self._word(at + 32)
        at += 36
        fp = not exc_return & 0x10
        if fp:
            for number in range(16, 32):
                registers[f"s{number}"] = self._word(at + 4 * (number - 16))
            at += 64
        for index, name in enumerate(("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr")):
            registers[name] = self._word(at + 4 * index)
        if fp:
            for number in range(16):
                registers[f"s{number}"] = self._word(at + 32 + 4 * number)
            registers["fpscr"] = self._word(at + 96)
        registers["sp"] = at + (104 if fp else 32) + (4 if registers["xpsr"] & 0x200 else 0)
        registers["xpsr"] &= ~0x200
        return registers
