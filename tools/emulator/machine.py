# SPDX-License-Identifier: MIT
"""The board as its models see it: virtual time, interrupt lines, memory, the bus, pins.

Without a CPU (`Machine()`) time moves by `advance()`, which is how the models are tested alone;
with one (`cpu.attach`, see cpu.py) it moves with retired instructions.
"""

import sys

from .peripheral import BusFault, GuestError
from .poll import Poll
from .scheduler import Scheduler

# (base, size, name, masters): what RM0090 2.1's bus matrix lets each master reach. The DMA controllers
# read flash, the Ethernet DMA does not; nothing but the CPU reaches CCM.
MEMORIES = (
    (0x08000000, 0x100000, "flash", ("CPU", "DMA")),
    (0x10000000, 0x010000, "ccm", ("CPU",)),
    (0x1FFF0000, 0x008000, "system", ("CPU",)),
    (0x20000000, 0x020000, "sram", ("CPU", "DMA", "ETH", "OTG_HS")),
)


# master: [(first address, the one after the last)]
REACH = {
    master: [(base, base + size) for base, size, _, masters in MEMORIES if master in masters]
    for master in ("CPU", "DMA", "ETH", "OTG_HS")
}

# SYSCFG_MEMRMP: (base, bytes) of what answers at address 0
BOOT_MEMORIES = {0: (0x08000000, 0x100000), 1: (0x1FFF0000, 0x8000), 3: (0x20000000, 0x20000)}

SLICE_NS = 5_000_000  # the CPU is left alone for no longer, so that input and Ctrl-C are seen
ASK_NS = 1_000_000  # ... where run() has to ask until()

# Wake-up times, data sheet table 31: Stop with the main and with the low-power regulator, Standby.
STOP_WAKE_NS, STOP_WAKE_LOW_POWER_NS, STANDBY_WAKE_NS = 13_000, 17_000, 260_000


class Dead(Exception):
    """The CPU cannot go on: locked up, or stopped at a BKPT that no debugger asked for."""

    def __init__(self, reason, cpu):
        super().__init__(f"{reason} at PC=0x{cpu.pc:08x}")
        self.reason = reason


class PlainMemory:
    """The memories as byte arrays, for tests of models without a CPU. cpu.Cpu offers the same two calls."""

    def __init__(self):
        self.blocks = [(base, bytearray(size)) for base, size, _, _ in MEMORIES]

    def _find(self, address, size):
        for base, block in self.blocks:
            if base <= address and address + size <= base + len(block):
                return block, address - base
        raise BusFault(address)

    def read(self, address, size):
        block, offset = self._find(address, size)
        return bytes(block[offset : offset + size])

    def write(self, address, data):
        block, offset = self._find(address, len(data))
        block[offset : offset + len(data)] = data


class Machine:
    """What a peripheral model may ask of the board.

    now               virtual time, ns since power-on (int)
    at(delay, fn)     call fn() in `delay` ns; returns an Event with cancel()
    irq(n, level)     drive external interrupt line n (NVIC position) high or low; -14 is NMI
    cpu_event()       an event for WFE
    memory            read(address, size), write(address, data): host's access, no rules
    dma_read/write    a bus master's access, BusFault where the bus matrix has no way
    stall(ns)         the CPU makes no progress for so long
    reset(cause)      system reset; cause as in RCC.CSR: "power-on" "pin" "software" "iwdg" "wwdg"
                      "low-power", and "standby", the way out of that mode
    deep              None, "stop" or "standby": the mode that the chip is in (RM0090 5.3)
    wake_standby()    RTC and PWR: one of their wake-up sources
    remap(mode)       what answers at address 0 (SYSCFG_MEMRMP)
    poll              file descriptors of the world outside (see poll.Poll)
    report(text)      the guest did what silicon refuses, or what is not modelled
    boot0             the level of the BOOT0 pin, which counts at the next reset
    clock             the RCC model: hclk, pclk1, pclk2, timclk1, timclk2 in Hz
    """

    def __init__(self, strict=True, memory=None):
        """strict: report() raises GuestError; otherwise it prints each distinct text once."""
        self.strict = strict
        self.memory = memory or PlainMemory()
        self.cpu = None
        self.scheduler = Scheduler()
        self.peripherals = {}
        self.irq_lines = {}
        self.reports = []
        self.poll = Poll()
        self.reset_cause = None
        self.deep = None
        self.deep_entries = {"stop": 0, "standby": 0}
        self.describe_pc = "0x{:08x}".format  # a board with symbols says more
        self._running = False
        self._reset_wanted = None
        self._stopping = False
        self.boot0 = False  # the level of BOOT0 at the next reset
        self.debugged = False  # run() returns "break" and "step" instead of raising Dead
        self._halted = None
        self._found = {}
        self._now = 0

    # Time

    @property
    def now(self):
        return self.cpu.now if self.cpu else self._now

    def at(self, delay, function):
        """Call function() `delay` ns from now (0: after the current access)."""
        event = self.scheduler.at(self.now + max(0, int(delay)), function)
        if self.cpu:
            self.cpu.deadline_changed()
        return event

    def advance(self, ns):
        """Without a CPU: let `ns` of virtual time pass, running what falls due on the way."""
        end = self._now + ns
        while (time := self.scheduler.next_time()) is not None and time <= end:
            self._now = max(self._now, time)
            self.scheduler.run_due(self._now)
        self._now = end

    def stall(self, ns):
        """The CPU makes no progress for `ns` (a fetch that waits for the flash); events go on."""
        if self.cpu:
            self.cpu.stall(int(ns))

    # Running (with a CPU)

    def stop(self):
        """End run() before the next block of code."""
        self._stopping = True
        if self.cpu:
            self.cpu.stop()

    def run(self, ns=None, until=None):
        """Run for `ns` of virtual time (None: without end), or until until() is true; it is asked after
        every event and at least every millisecond of virtual time. Returns "time", "until", "stopped", and
        where a debugger is attached "break", "step", "watch" or "lockup".
        Raises GuestError, and Dead where the CPU cannot go on."""
        end = None if ns is None else self.now + int(ns)
        self._stopping = False
        while True:
            if until is not None and until():
                return "until"
            if self._stopping:
                return "stopped"
            if self._halted:
                halted, self._halted = self._halted, None
                return halted
            if end is not None and self.now >= end:
                return "time"
            self._slice(end, SLICE_NS if until is None else ASK_NS)

    def _slice(self, end, longest):
        """Run up to the next event, `end` or `longest` ns, then serve what is due."""
        cpu, poll, scheduler = self.cpu, self.poll, self.scheduler
        if self._reset_wanted:
            self._reset_now()
        deadline = self.now + longest
        event = scheduler.next_time()
        if event is not None and event < deadline:
            deadline = event
        if end is not None and end < deadline:
            deadline = end
        cpu.hold_sleep = poll.realtime > 0
        self._running = True
        try:
            reason = cpu.run(deadline)
        finally:
            self._running = False
        if reason == "sleep":
            self._sleep(min(cpu.sleep_until(), deadline))
        elif len(poll):
            poll.wait(0)
        if reason == "reset":
            self.reset("software")
        elif reason == "deep":
            self._enter_deep_sleep()
        elif reason == "wake":
            self._leave_stop()
        elif reason in ("break", "step", "watch", "lockup") and self.debugged:
            self._halted = reason
        elif reason in ("lockup", "broken", "break"):
            raise Dead(reason, cpu)
        scheduler.run_due(self.now)
        if self._reset_wanted:
            self._reset_now()

    def _sleep(self, until):
        """The CPU sleeps: let the wall clock come along, or input wake it, whichever is first."""
        poll = self.poll
        wait = until - poll.wall_to_virtual(self.now)
        if wait <= 0:
            poll.wait(0)
            self.cpu.skip_to(until)
            return
        poll.wait(wait / 1e9)
        self.cpu.skip_to(max(self.now, min(until, poll.wall_to_virtual(self.now))))

    # Stop and Standby

    def _enter_deep_sleep(self):
        """SLEEPDEEP and WFI or WFE: PWR says what that means."""
        pwr = self.peripherals.get("PWR")
        if pwr is None:
            self.report("WFI with SCR.SLEEPDEEP on a chip without PWR")
            return
        self.deep = pwr.deep_sleep_mode
        self.deep_entries[self.deep] += 1
        if "RCC" in self.peripherals:
            self.clock.enter_stop()
        if self.deep == "standby":
            # The 1.2 V domain is off: nothing in it is left but what the backup domain and the watchdog keep.
            for name, peripheral in list(self.peripherals.items()):
                if name not in ("RTC", "PWR", "IWDG", "RCC", "BKPSRAM"):
                    peripheral.reset()
            self.cpu.scramble_ram()
            pwr.note_standby(woken=False)

    def _leave_stop(self):
        """An interrupt or event woke the core: the HSI starts, and the core goes on with it."""
        self.deep = None
        if "RCC" in self.peripherals:
            self.clock.stop_wakeup()
        low_power = self.peripherals["PWR"].low_power_regulator if "PWR" in self.peripherals else False
        self.cpu.stall(STOP_WAKE_LOW_POWER_NS if low_power else STOP_WAKE_NS)

    def wake_standby(self):
        """A rising edge of WKUP, an RTC alarm or wake-up: counts in Standby alone."""
        if self.deep == "standby":
            self.deep = "waking"
            self.peripherals["PWR"].note_standby(woken=True)
            self.at(STANDBY_WAKE_NS, lambda: self.reset("standby"))

    # Reset

    def reset(self, cause):
        """A system reset. From inside a bus access it takes effect when that access is over."""
        self._reset_wanted = cause
        if self._running:
            self.cpu.stop()
        else:
            self._reset_now()

    def _reset_now(self):
        cause, self._reset_wanted = self._reset_wanted, None
        self.reset_cause = cause
        self.deep = None
        for peripheral in list(self.peripherals.values()):
            peripheral.reset()
        if "RCC" in self.peripherals:
            self.clock.note_reset(cause)
        if self.cpu:
            if cause in ("power-on", "standby"):
                self.cpu.scramble_ram()
            self.cpu.reset()

    def remap(self, mode):
        """SYSCFG_MEMRMP: 0 flash, 1 system memory, 3 SRAM1 at address 0."""
        if self.cpu and mode in BOOT_MEMORIES:
            self.cpu.set_boot_alias(*BOOT_MEMORIES[mode])

    # Interrupts

    def irq(self, number, level):
        level = bool(level)
        if self.irq_lines.get(number, False) != level:
            self.irq_lines[number] = level
            if self.cpu:
                self.cpu.irq(number, level)

    def cpu_event(self):
        """An event without an interrupt (EXTI_EMR): a CPU in WFE goes on."""
        if self.cpu:
            self.cpu.event()

    # Memory

    def dma_read(self, address, size, master):
        self._check_reach(address, size, master)
        return self.memory.read(address, size)

    def dma_write(self, address, data, master):
        self._check_reach(address, len(data), master)
        self.memory.write(address, data)

    @staticmethod
    def _check_reach(address, size, master):
        for base, end in REACH[master]:
            if base <= address and address + size <= end:
                return
        raise BusFault(address)

    # Peripherals

    def add(self, peripheral):
        """Put a model on the bus; returns it."""
        self.peripherals[peripheral.name] = peripheral
        self._found = {}
        return peripheral

    def __getitem__(self, name):
        """The model called `name`: machine["RCC"]."""
        return self.peripherals[name]

    @property
    def clock(self):
        return self.peripherals["RCC"]

    def clocked(self, peripheral):
        """Whether RCC feeds `peripheral` (true for what declares no clock, or on a board without RCC)."""
        gate = peripheral.clock
        if gate is None:
            return True
        rcc = self.peripherals.get("RCC")
        return rcc is None or rcc.enabled(*gate)

    def find(self, address):
        """(peripheral, offset) at a bus address, or None."""
        found = self._found.get(address)
        if found is None:
            for peripheral in self.peripherals.values():
                if peripheral.base <= address < peripheral.base + peripheral.SIZE:
                    found = self._found[address] = peripheral, address - peripheral.base
                    break
        return found

    def bus_read(self, address, width):
        """A CPU read of a peripheral address, with the rules of the bus. BusFault where nothing answers."""
        found = self.find(address)
        if found is None:
            raise BusFault(address)
        peripheral, offset = found
        if not self.clocked(peripheral):
            self.report(f"read of {peripheral.name}+0x{offset:03x} while its clock is off")
            return 0
        return peripheral.read(offset, width)

    def bus_write(self, address, value, width):
        """A CPU write to a peripheral address, with the rules of the bus. BusFault where nothing answers."""
        found = self.find(address)
        if found is None:
            raise BusFault(address)
        peripheral, offset = found
        if not self.clocked(peripheral):
            self.report(f"write of 0x{value:x} to {peripheral.name}+0x{offset:03x} while its clock is off")
            return
        peripheral.write(offset, value, width)

    def report(self, text):
        """A guest's mistake: an error in strict mode, else one line on stderr for each distinct text."""
        known = text in self.reports
        if known and not self.strict:
            return
        where = f"PC={self.describe_pc(self.cpu.pc)} " if self.cpu else ""
        if not known:
            self.reports.append(text)
        if self.strict:
            raise GuestError(where + text)
        print(f"emulator: {where}{text}", file=sys.stderr)
