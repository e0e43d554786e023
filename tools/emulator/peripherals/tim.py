# SPDX-License-Identifier: MIT
"""TIM1 to TIM14: advanced, general-purpose and basic timers (RM0090 chapters 17 to 20).

Differs from silicon: input capture, the slave modes (external clock, encoder, gated, reset, trigger), the
break input, complementary outputs and the DMA burst register are reported; a master mode (MMS) reaches no
slave; an output faster than 50 kHz moves its pin only when somebody looks at or watches it, a slower one at
every edge; the prescaler's counter starts afresh when CEN is set. ARR is 0 after reset, as RM0090 (rev. 4)
and ST's SVD file have it; of younger chips ST says all ones: firmware does well to write it.
"""

from ..peripheral import Register
from .apb import ApbPeripheral
from .dma_lines import pulse
from .irqs import IRQ, drive_shared

NS = 1_000_000_000
EDGES_HZ = 50_000  # outputs up to here move their pins at every edge
CR1_CEN, CR1_UDIS, CR1_URS, CR1_OPM, CR1_DIR, CR1_CMS, CR1_ARPE = 1, 2, 4, 8, 0x10, 0x60, 0x80
UIF, TIF = 1, 1 << 6
DIER_UDE = 1 << 8
BDTR_MOE = 1 << 15
CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR, RCR, CCR1, BDTR, DCR, DMAR, OR = (
    *range(0x00, 0x34, 4),
    0x34,
    0x44,
    0x48,
    0x4C,
    0x50,
)
ADVANCED, GENERAL, TWO_CHANNELS, ONE_CHANNEL, BASIC = range(5)
KINDS = {
    **dict.fromkeys(("TIM1", "TIM8"), ADVANCED),
    **dict.fromkeys(("TIM2", "TIM3", "TIM4", "TIM5"), GENERAL),
    **dict.fromkeys(("TIM9", "TIM12"), TWO_CHANNELS),
    **dict.fromkeys(("TIM10", "TIM11", "TIM13", "TIM14"), ONE_CHANNEL),
    **dict.fromkeys(("TIM6", "TIM7"), BASIC),
}
CHANNELS = {ADVANCED: 4, GENERAL: 4, TWO_CHANNELS: 2, ONE_CHANNEL: 1, BASIC: 0}
ON_APB2 = ("TIM1", "TIM8", "TIM9", "TIM10", "TIM11")
# Timer -> (interrupt of the update, interrupt of the channels); one name where they share a line.
INTERRUPTS = {
    "TIM1": ("TIM1_UP_TIM10", "TIM1_CC"),
    "TIM8": ("TIM8_UP_TIM13", "TIM8_CC"),
    "TIM6": ("TIM6_DAC", "TIM6_DAC"),
    "TIM9": ("TIM1_BRK_TIM9", "TIM1_BRK_TIM9"),
    "TIM10": ("TIM1_UP_TIM10", "TIM1_UP_TIM10"),
    "TIM11": ("TIM1_TRG_COM_TIM11", "TIM1_TRG_COM_TIM11"),
    "TIM12": ("TIM8_BRK_TIM12", "TIM8_BRK_TIM12"),
    "TIM13": ("TIM8_UP_TIM13", "TIM8_UP_TIM13"),
    "TIM14": ("TIM8_TRG_COM_TIM14", "TIM8_TRG_COM_TIM14"),
}


def _registers(name):
    """The registers and bits that this timer has."""
    kind = KINDS[name]
    channels = CHANNELS[kind]
    full = 0xFFFFFFFF if name in ("TIM2", "TIM5") else 0xFFFF
    flags = {ADVANCED: 0x1EFF, GENERAL: 0x1E5F, TWO_CHANNELS: 0x647, ONE_CHANNEL: 0x203, BASIC: 1}[kind]
    interrupts = {ADVANCED: 0x7FFF, GENERAL: 0x5F5F, TWO_CHANNELS: 0x47, ONE_CHANNEL: 3, BASIC: 0x101}[kind]
    cr1 = {ADVANCED: 0x3FF, GENERAL: 0x3FF, TWO_CHANNELS: 0x38F, ONE_CHANNEL: 0x387, BASIC: 0x8F}[kind]
    capture = 0x0303 if channels > 1 else 0x0003
    ccer = {ADVANCED: 0x3FFF, GENERAL: 0xBBBB, TWO_CHANNELS: 0xBB, ONE_CHANNEL: 0xB, BASIC: 0}[kind]
    table = [
        Register(CR1, "CR1", write=cr1, on_write="_write_cr1"),
        Register(DIER, "DIER", write=interrupts, on_write="_changed"),
        Register(SR, "SR", w0c=flags, on_read="_read_sr", on_write="_changed"),
        Register(EGR, "EGR", tagged=0xE0 & flags, on_write="_write_egr"),
        Register(CNT, "CNT", write=full, on_read="_read_cnt", on_write="_write_cnt"),
        Register(PSC, "PSC", write=0xFFFF),
        Register(ARR, "ARR", write=full, on_write="_write_arr"),
    ]
    if kind != ONE_CHANNEL:
        cr2 = {ADVANCED: 0x7FFD, GENERAL: 0xF8, TWO_CHANNELS: 0x70, BASIC: 0x70}[kind]
        table.append(Register(CR2, "CR2", write=cr2, tagged=0x80 & cr2))
    if kind in (ADVANCED, GENERAL, TWO_CHANNELS):
        smcr = 0xF7 if kind == TWO_CHANNELS else 0xFFF7
        table.append(Register(SMCR, "SMCR", write=smcr, tagged=0x4007 & smcr))
    if channels:
        table.append(
            Register(
                CCMR1,
                "CCMR1_Output",
                write={4: 0xFFFF, 2: 0x7F7F, 1: 0x7F}[channels],
                tagged=capture,
                on_write="_write_ccmr",
            )
        )
        table.append(Register(CCER, "CCER", write=ccer, tagged=0x0444 if kind == ADVANCED else 0))
    if channels == 4:
        table.append(Register(CCMR2, "CCMR2_Output", write=0xFFFF, tagged=capture, on_write="_write_ccmr"))
        table.append(Register(DCR, "DCR", write=0x1F1F))
        table.append(Register(DMAR, "DMAR", tagged=0xFFFF))
    for channel in range(channels):
        table.append(Register(CCR1 + 4 * channel, f"CCR{channel + 1}", write=full, on_write="_write_ccr"))
    if kind == ADVANCED:
        table.append(Register(RCR, "RCR", write=0xFF))
        table.append(Register(BDTR, "BDTR", write=0xFFFF, tagged=1 << 12))
    remap = {"TIM2": 0xC00, "TIM5": 0xC0, "TIM11": 3}.get(name)
    if remap:
        table.append(Register(OR, "OR", write=remap, tagged=remap))
    return tuple(sorted(table, key=lambda register: register.offset))


class Timer(ApbPeripheral):
    """output_level(channel), frequency(): what the outputs do. connect(), disconnect(): put them on pins.

    The counter is worked out when somebody looks. `_position` counts ticks inside one period: 0 to ARR when
    counting up or down, 0 to 2 * ARR - 1 when counting up and down; `_origin` is the moment of that
    position, in units of 1 / timer clock ns, so that no fraction is ever lost.
    """

    REGISTERS = _registers("TIM3")

    def __init__(self, machine, name, base, clock=None):
        self.REGISTERS = _registers(name)
        self.kind = KINDS[name]
        self.channels = CHANNELS[self.kind]
        self.irqs = tuple(IRQ[line] for line in INTERRUPTS.get(name, (name, name)))
        self.limit = 0xFFFFFFFF if name in ("TIM2", "TIM5") else 0xFFFF
        self._event = None
        self._subscribed = False
        self._hz = 0
        self._pins = []  # (port, pin) that carry an output
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        if not self._subscribed and "RCC" in self.machine.peripherals:
            self._subscribed = True
            self.machine.clock.subscribe(self._clock_changed)
        self._hz = self._source_hz()
        self._prescaler = 0
        self._period = self.regs[ARR]
        self._compare = [0] * self.channels
        self._latched = [0] * self.channels
        self._repetition = 0
        self._position = 0
        self._origin = 0
        self._uneventful = 0  # ticks during which nothing but the count changes
        self._cancel()
        self._update_irq()

    # Time

    def _source_hz(self):
        if "RCC" not in self.machine.peripherals:
            return 16_000_000
        return self.machine.clock.timclk2 if self.name in ON_APB2 else self.machine.clock.timclk1

    def _running(self):
        return self.regs[CR1] & CR1_CEN and self._period and self._hz

    def _tick(self):
        """Length of a counter tick in the units of _origin."""
        return NS * (self._prescaler + 1)

    def _restart(self):
        """The present position begins now."""
        self._origin = self.machine.now * self._hz

    def _clock_changed(self):
        hz = self._source_hz()
        if hz != self._hz:
            self._sync()
            self._hz = hz
            self._restart()
            self._schedule()

    # Positions in the period

    def _cycle(self):
        """Ticks in a whole period."""
        return (2 * self._period or 1) if self.regs[CR1] & CR1_CMS else self._period + 1

    def _to_count(self, position):
        if self.regs[CR1] & CR1_CMS:
            return position if position <= self._period else 2 * self._period - position
        return self._period - position if self.regs[CR1] & CR1_DIR else position

    def _from_count(self, count):
        if self.regs[CR1] & CR1_CMS:
            return count % self._cycle()
        return self._period - count if self.regs[CR1] & CR1_DIR else count

    def _next_update(self):
        """Ticks from the present position to the next update event."""
        if self.regs[CR1] & CR1_CMS and self._position < self._period:
            return self._period - self._position
        if self._position >= self._cycle():  # above ARR: the counter runs to its end first
            return self.limit + 1 - self._position
        return self._cycle() - self._position

    def _match_positions(self, channel):
        """Positions at which the counter equals the channel's compare value."""
        compare = self._compare[channel]
        if self.regs[CR1] & CR1_CMS:
            if compare > self._period:
                return ()
            mode = self.regs[CR1] >> 5 & 3  # 1: flags when counting down, 2: up, 3: both
            up, down = compare, (2 * self._period - compare) % self._cycle()
            return tuple({1: {down}, 2: {up}, 3: {up, down}}[mode])
        if compare > self._period:
            return (0,) if not self.regs[CR1] & CR1_DIR else ()
        return (self._from_count(compare),)

    def _to_match(self, channel):
        """Ticks from the present position to the channel's next match, None if there is none."""
        cycle, positions = self._cycle(), self._match_positions(channel)
        if self._position >= cycle:
            waits = [self.limit + 1 - self._position + position for position in positions]
        else:
            waits = [(position - self._position - 1) % cycle + 1 for position in positions]
        return min(waits, default=None)

    # Running

    def _sync(self):
        """Bring position and flags up to now."""
        if not self._running():
            return
        tick = NS * (self._prescaler + 1)
        ticks = (self.machine.now * self._hz - self._origin) // tick
        if ticks < self._uneventful:
            self._uneventful -= ticks
            self._position += ticks
            self._origin += ticks * tick
        else:
            self._sync_events()

    def _sync_events(self):
        """Matches and updates up to now, one by one unless the periods are all alike."""
        while True:
            ticks = (self.machine.now * self._hz - self._origin) // self._tick()
            if ticks <= 0:
                break
            whole = ticks // self._cycle() - 1
            if whole > 0 and self._repeats_itself():
                self._origin += whole * self._cycle() * self._tick()
                self._raise(UIF if not self.regs[CR1] & CR1_UDIS else 0)
                for channel in range(self.channels):
                    if self._match_positions(channel):
                        self._match(channel, whole)
                continue
            step = min(ticks, self._next_update())
            update = step == self._next_update()
            self._pass(step, update)
            self._origin += step * self._tick()
            if update:
                self._update_event()
                self._match_here()
                if not self._running():
                    return
        waits = [self._next_update()]
        for channel in range(self.channels):
            if not self.regs[SR] >> (1 + channel) & 1 or self._acts_on_match(channel):
                waits.append(self._to_match(channel) or waits[0])
        self._uneventful = min(waits)

    def _acts_on_match(self, channel):
        """Whether a match does more than raise the channel's flag."""
        return self._mode(channel) in (1, 2, 3) or self.regs[DIER] >> (9 + channel) & 1

    def _repeats_itself(self):
        """Whether one period is like the next, so that many may be taken at once."""
        if not 0 <= self._position < self._cycle() or self._repetition or self.regs[CR1] & CR1_OPM:
            return False
        if self._preloads_wait() or self.regs.get(RCR):
            return False
        return not self.regs[DIER] & (DIER_UDE | (0x1E00 if self.channels else 0))

    def _preloads_wait(self):
        """Whether the next update changes the way that the counter goes on."""
        if self._prescaler != self.regs[PSC] or self._period != self.regs[ARR]:
            return True
        return self._compare != self._compare_registers()

    def _compare_registers(self):
        return [self.regs[CCR1 + 4 * channel] for channel in range(self.channels)]

    def _pass(self, step, update):
        """`step` ticks go by, at most up to the next update; `update` when that is reached."""
        for channel in range(self.channels):
            wait = self._to_match(channel)
            if wait is not None and (wait < step or (wait == step and not update)):
                self._match(channel, 1)
        self._position += step
        if update and not (self.regs[CR1] & CR1_CMS and self._position == self._period):
            self._position = 0

    def _match(self, channel, times):
        """The counter met the compare value `times` times."""
        self._raise(2 << channel)
        mode = self._mode(channel)
        if mode in (1, 2):
            self._latched[channel] = int(mode == 1)
        elif mode == 3:
            self._latched[channel] ^= times & 1
        if self.regs[DIER] >> (9 + channel) & 1:
            pulse(self.machine, f"{self.name}_CH{channel + 1}")

    def _mode(self, channel):
        return self.regs[CCMR1 if channel < 2 else CCMR2] >> (4 + 8 * (channel & 1)) & 7

    def _update_event(self, software=False):
        """Overflow, underflow or UG: preloaded values take effect, UIF rises."""
        if self.regs[CR1] & CR1_UDIS:
            return
        if self._repetition and not software:
            self._repetition -= 1
            return
        self._repetition = self.regs.get(RCR, 0)
        self._prescaler = self.regs[PSC]
        if self._preloads_wait():
            self._load_preloads()
        if not software or not self.regs[CR1] & CR1_URS:
            self._raise(UIF)
            if self.regs[DIER] & DIER_UDE:
                pulse(self.machine, f"{self.name}_UP")
        if self.regs[CR1] & CR1_OPM and not software:
            self.regs[CR1] &= ~CR1_CEN

    def _load_preloads(self):
        """New period and compare values."""
        count = self._to_count(self._position)
        center = self.regs[CR1] & CR1_CMS
        self._period = self.regs[ARR]
        self._position = self._from_count(min(count, self._period)) if center else 0
        self._compare = self._compare_registers()

    def _match_here(self):
        """Matches at an update are those of the values that it loaded."""
        for channel in range(self.channels):
            if self._position in self._match_positions(channel):
                self._match(channel, 1)

    def _raise(self, flags):
        self.regs[SR] |= flags

    def _cancel(self):
        if self._event:
            self._event.cancel()
            self._event = None

    def _schedule(self):
        """Plan the next moment at which something happens that others can see without looking."""
        self._cancel()
        if not self._running():
            return
        waits = []
        dier, unseen = self.regs[DIER], self.regs[DIER] & ~self.regs[SR]
        if (unseen & UIF or dier & DIER_UDE or self.regs[CR1] & CR1_OPM) and not self.regs[CR1] & CR1_UDIS:
            waits.append(self._next_update())
        for channel in range(self.channels):
            if unseen >> (1 + channel) & 1 or dier >> (9 + channel) & 1:
                wait = self._to_match(channel)
                if wait is not None:
                    waits.append(wait)
                if self._preloads_wait():
                    waits.append(self._next_update())
        if self._pins and self._edges_wanted():
            waits += self._to_edges()
        if waits:
            end = self._origin + min(waits) * self._tick()
            self._event = self.machine.at(-(-end // self._hz) - self.machine.now, self._due)

    def _due(self):
        self._event = None
        self._settle()

    def _settle(self):
        self._sync()
        self._update_irq()
        self._drive_pins()
        self._schedule()

    def _update_irq(self):
        pending = self.regs[SR] & self.regs[DIER]
        channels = bool(pending & 0x1E)
        if self.irqs[0] == self.irqs[1]:
            self._drive(self.irqs[0], bool(pending & UIF) or channels)
        else:
            self._drive(self.irqs[0], bool(pending & UIF))
            self._drive(self.irqs[1], channels)

    def _drive(self, number, level):
        """Lines shared by two timers are the OR of both."""
        drive_shared(self.machine, number, self.name, level)

    # Registers

    def write(self, offset, value, width):
        """Every write sees the state of this moment."""
        self._sync()
        self._uneventful = 0
        super().write(offset, value, width)
        if self._pins and offset & ~3 in (CCER, BDTR):
            self.pins_changed()

    def _write_cr1(self, register, old, value):
        changed = self.regs[CR1] ^ old
        if changed & (CR1_CMS | CR1_DIR):
            new, self.regs[CR1] = self.regs[CR1], old
            if changed & CR1_CMS and old & CR1_CEN:
                self.machine.report(f"{self.name}.CR1 = 0x{value:x} changes CMS while the counter runs")
            count = self._to_count(self._position)
            if not old & CR1_CMS and new & CR1_CMS == 0 or not new & CR1_CMS:
                self.regs[CR1] = new
            else:
                self.regs[CR1] = new & ~CR1_DIR
            self._position = self._from_count(count)
        if changed & CR1_CEN:
            self._restart()
        if not self.regs[CR1] & CR1_ARPE:
            self._load_period()
        self._settle()

    def _load_period(self):
        if self._period != self.regs[ARR]:
            count = self._to_count(self._position) if self._period else 0
            stopped = not self._period
            self._period = self.regs[ARR]
            self._position = self._from_count(count) if self._period else 0
            if stopped:
                self._restart()

    def _write_arr(self, register, old, value):
        if not self.regs[CR1] & CR1_ARPE:
            self._load_period()
        self._settle()

    def _write_ccmr(self, register, old, value):
        for channel in range(self.channels):
            if self._mode(channel) in (4, 5):
                self._latched[channel] = int(self._mode(channel) == 5)
        self._write_ccr(register, old, value)

    def _write_ccr(self, register, old, value):
        """Without the channel's preload bit the compare value takes effect at once."""
        for channel in range(self.channels):
            if not self.regs[CCMR1 if channel < 2 else CCMR2] >> (3 + 8 * (channel & 1)) & 1:
                self._compare[channel] = self.regs[CCR1 + 4 * channel]
        self._settle()

    def _write_egr(self, register, old, value):
        if value & 1:
            self._position = 0
            self._restart()
            self._update_event(software=True)
            self._position = 0
        for channel in range(self.channels):
            if value >> (1 + channel) & 1:
                self._raise(2 << channel)
                if self.regs[DIER] >> (9 + channel) & 1:
                    pulse(self.machine, f"{self.name}_CH{channel + 1}")
        self._settle()

    def _write_cnt(self, register, old, value):
        self._position = self._from_count(self.regs[CNT])
        self._restart()
        self._settle()

    def _read_cnt(self, register):
        self._sync()
        return self._to_count(self._position) & self.limit

    def _read_sr(self, register):
        self._sync()
        return self.regs[SR]

    def _changed(self, register, old, value):
        self._settle()

    # Outputs

    def connect(self, port, pin):
        """A pin that carries one of the outputs from now on: GPIO's word."""
        self._pins.append((port, pin))
        self._schedule()

    def disconnect(self, port, pin):
        self._pins.remove((port, pin))
        self._schedule()

    def pins_changed(self):
        """An output was switched on or off, or somebody watches a pin."""
        self._drive_pins()
        self._schedule()

    def _drive_pins(self):
        for port, pin in tuple(self._pins):
            port.refresh(pin)

    def _edges_wanted(self):
        return self.frequency() <= EDGES_HZ or any(port.watched(pin) for port, pin in self._pins)

    def _to_edges(self):
        """Ticks to each moment at which an output that is on can change."""
        waits = [self._next_update()]
        cycle = self._cycle()
        for channel in range(self.channels):
            if not self.regs[CCER] >> (4 * channel) & 1:
                continue
            positions = self._match_positions(channel)
            if self.regs[CR1] & CR1_CMS:
                compare = self._compare[channel]
                positions = (compare % cycle, (cycle - compare) % cycle)
            elif self.regs[CR1] & CR1_DIR and self._compare[channel] <= self._period:
                # Counting down the output is active from the compare value on, at it included.
                positions = (self._from_count(self._compare[channel]),)
            waits += [(position - self._position - 1) % cycle + 1 for position in positions]
        return waits

    def frequency(self):
        """Periods per second of what the timer counts."""
        return self._hz / ((self._prescaler + 1) * self._cycle()) if self._hz else 0

    def output_level(self, channel):
        """Level of output `channel` (1 to 4) now, None while it is not enabled."""
        self._sync()
        ccer = self.regs[CCER] >> (4 * (channel - 1))
        if not ccer & 1 or (self.kind == ADVANCED and not self.regs[BDTR] & BDTR_MOE):
            return None
        mode, compare = self._mode(channel - 1), self._compare[channel - 1]
        if mode >= 6:
            count = self._to_count(self._position)
            down = self.regs[CR1] & CR1_DIR and not self.regs[CR1] & CR1_CMS
            if self.regs[CR1] & CR1_CMS:
                down = self._position >= self._period
            active = count <= compare if down else count < compare
            level = int(active == (mode == 6))
        else:
            level = self._latched[channel - 1]
        return level ^ (ccer >> 1 & 1)
