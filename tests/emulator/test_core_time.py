# SPDX-License-Identifier: MIT
"""Time on the emulated core: instruction counts, SysTick, DWT, sleep, stalls, and that runs repeat."""

import pytest
from support.core_board import FLASH, Bare

START = """
.equ PORT, 0x40000000
.macro put address value
    ldr r1, =\\address
    ldr r0, =\\value
    str r0, [r1]
.endm
.macro get address
    ldr r0, =\\address
    ldr r0, [r0]
    str r0, [r7]
.endm
reset:
    ldr r7, =PORT
"""
TICK_NS = 10  # of Bare: 100 MHz, one cycle per instruction


@pytest.fixture
def board():
    """board(source) builds one; it has not run."""
    boards = []

    def build(source, **keywords):
        boards.append(Bare(START + source, **keywords))
        return boards[-1]

    yield build
    for each in boards:
        each.close()


def test_core__straight_code_counts_exactly(board):
    b = board("str r7, [r7]\n nop\n mov.w r0, #1\n nop.w\n it eq\n moveq r1, #1\n str r7, [r7]\n bkpt 0")
    b.run()
    # Before the first store: ldr. Between the two: itself, nop, mov.w, nop.w, it, moveq.
    assert [time for time, _ in b.port.times] == [1 * TICK_NS, 7 * TICK_NS]
    assert b.cpu.icount == 1 + 7 + 1


def test_core__a_loop_counts_exactly(board):
    b = board("movs r0, #100\n1: subs r0, #1\n bne 1b\n str r7, [r7]\n bkpt 0")
    b.run()
    assert b.port.times[0][0] == (2 + 2 * 100) * TICK_NS


def test_core__bus_access_knows_its_pc(board):
    b = board("nop\nfirst: str r7, [r7]\n cmp r7, r7\n it eq\nsecond: streq r7, [r7]\n bkpt 0")
    b.run()
    assert [pc for _, pc in b.port.times] == [b.labels["first"], b.labels["second"]]


def test_core__it_block_survives_a_bus_access_in_it(board):
    """Looking up the PC of an access inside an IT block leaves the block's state alone."""
    b = board("""
        movs r5, #0
        cmp r7, r7
        itte eq
        streq r7, [r7]
        addeq r5, #1
        addne r5, #2
        adds r5, #4
        str r5, [r7]
        bkpt 0
    """)
    assert b.run() == [0x40000000, 5]


def test_core__cyccnt(board):
    b = board("""
        put 0xE000EDFC, 0x01000000
        put 0xE0001004, 0
        put 0xE0001000, 1
        ldr r1, =0xE0001004
        ldr r2, [r1]
        nop
        nop
        nop
        ldr r3, [r1]
        subs r3, r2
        str r3, [r7]
        bkpt 0
    """)
    assert b.run() == [4]


def test_core__cyccnt_needs_trcena(board):
    assert board("put 0xE0001000, 1\n get 0xE0001004\n get 0xE0001004\n bkpt 0").run() == [0, 0]


def test_core__systick_counts_down_and_reloads(board):
    """LOAD 999: a period of 1000 cycles (B3.3.1)."""
    b = board("""
        put 0xE000E014, 999
        put 0xE000E018, 5
        put 0xE000E010, 5
        ldr r1, =0xE000E010
        ldr r2, [r1, #8]
        nop
        ldr r3, [r1, #8]
        subs r2, r3
        str r2, [r7]
        get 0xE000E010
        ldr r4, =1000
    1:  subs r4, #1
        bne 1b
        get 0xE000E010
        get 0xE000E010
        bkpt 0
    """)
    assert b.run() == [2, 5, 0x10005, 5]


def test_core__systick_interrupt_period(board):
    b = board("""
        put 0xE000E014, 4999
        put 0xE000E018, 0
        put 0xE000E010, 7
    1:  wfi
        b 1b
    systick_handler:
        str r7, [r7]
        bx lr
    """)
    b.run(1_000_000)
    times = [time for time, _ in b.port.times]
    assert len(times) == 19
    assert {later - earlier for earlier, later in zip(times, times[1:], strict=False)} == {50_000}


def test_core__systick_interrupt_in_a_busy_loop(board):
    """At most one block late, never early, and without drift."""
    b = board("""
        put 0xE000E014, 4999
        put 0xE000E018, 0
        put 0xE000E010, 7
        .ltorg_skip:
    1:  adds r4, #1
        adds r4, #1
        b 1b
    systick_handler:
        str r7, [r7]
        bx lr
    """)
    b.run(1_000_000)
    first = b.port.times[0][0]
    for n, (time, _) in enumerate(b.port.times):
        assert abs(time - first - n * 50_000) <= 3 * TICK_NS


def test_core__wfi_skips_to_the_event(board):
    b = board(
        "put 0xE000E100, 1\n wfi\n str r7, [r7]\n bkpt 0\n"
        "irq0_handler:\n movs r0, #0\n str r0, [r7, #8]\n bx lr"
    )
    b.machine.at(500_000, lambda: b.machine.irq(0, True))
    b.run()
    assert 500_000 <= b.port.times[0][0] < 500_200
    assert b.cpu.idle_ns > 499_000


def test_core__wfi_wakes_with_primask_set_without_taking_it(board):
    b = board("put 0xE000E100, 1\n cpsid i\n wfi\n str r7, [r7]\n bkpt 0")
    b.machine.at(1000, lambda: b.machine.irq(0, True))
    assert b.run() == [0x40000000]
    assert b.cpu.exceptions_taken == 0


def test_core__wfi_does_not_wake_for_a_masked_priority(board):
    b = board(
        "put 0xE000E100, 1\n movs r0, #0x10\n msr basepri, r0\n put 0xE000E400, 0x80\n"
        "wfi\n str r7, [r7]\n bkpt 0"
    )
    b.machine.at(1000, lambda: b.machine.irq(0, True))
    assert b.run(100_000) == []
    assert b.machine.now == 100_000


def test_core__wfe_and_sev(board):
    """SEV sets the event, the first WFE takes it without waiting, the second waits (B1.5.18)."""
    b = board("sev\n wfe\n str r7, [r7]\n wfe\n str r7, [r7]\n bkpt 0")
    b.run(100_000)
    assert len(b.port.out) == 1


def test_core__wfe_wakes_by_sevonpend(board):
    b = board("put 0xE000ED10, 0x10\n wfe\n str r7, [r7]\n bkpt 0")
    b.machine.at(1000, lambda: b.machine.irq(3, True))
    assert len(b.run(100_000)) == 1


def test_core__sleeponexit(board):
    b = board("""
        put 0xE000E100, 1
        put 0xE000ED10, 2
        wfi
        str r7, [r7]
        bkpt 0
    irq0_handler:
        movs r0, #0
        str r0, [r7, #8]
        bx lr
    """)
    for n in range(5):
        b.machine.at(1000 * (n + 1), lambda: b.machine.irq(0, True))
    assert b.run(100_000) == []
    assert b.cpu.exceptions_taken == 5


def test_core__yield_and_hints_are_instructions(board):
    b = board("yield\n nop\n dbg #0\n nop.w\n yield.w\n str r7, [r7]\n bkpt 0")
    assert len(b.run()) == 1
    assert b.port.times[0][0] == 6 * TICK_NS


def test_core__an_event_scheduled_by_an_access_is_on_time(board):
    b = board("str r7, [r7, #8]\n 1: b 1b\nirq0_handler:\n str r7, [r7]\n bkpt 0")
    b.cpu.write(0x20000000, b"")
    fired = []
    original = b.port._map[8]
    b.port._map[8] = (original[0], None, lambda *_: b.machine.at(1234, lambda: fired.append(b.machine.now)))
    b.run(10_000)
    assert fired and 1234 + TICK_NS <= fired[0] <= 1234 + 3 * TICK_NS


def test_core__stall_stops_the_cpu_not_the_time(board):
    """Events run and SysTick counts while the CPU is held; its next instruction comes after."""
    b = board("nop\n str r7, [r7]\n b 1f\n1: str r7, [r7]\n bkpt 0")
    seen = []
    original = b.port._map[0]

    def store(register, old, value):
        b.port._out(register, old, value)
        if len(b.port.out) == 1:
            b.machine.stall(50_000)
            b.machine.at(20_000, lambda: seen.append((b.machine.now, len(b.port.out))))

    b.port._map[0] = (original[0], None, store)
    b.run()
    assert seen == [(20_020, 1)]
    assert b.port.times[1][0] >= 50_000


def test_core__cyccnt_counts_a_stall_and_no_sleep(board):
    """A core that waits for the flash is clocked; asleep its clock is gated (RM0090 38.13)."""
    b = board("""
        put 0xE000EDFC, 0x01000000
        put 0xE0001000, 1
        put 0xE000E100, 1
        put 0xE0001004, 0
        str r7, [r7]
        b 1f
    1:  ldr r1, =0xE0001004
        ldr r0, [r1]
        str r0, [r7]
        wfi
        ldr r1, =0xE0001004
        ldr r0, [r1]
        str r0, [r7]
        bkpt 0
    irq0_handler:
        movs r0, #0
        str r0, [r7, #8]
        bx lr
    """)
    original = b.port._map[0]

    def store(register, old, value):
        b.port._out(register, old, value)
        if len(b.port.out) == 1:
            b.machine.stall(50_000)
            b.machine.at(500_000, lambda: b.machine.irq(0, True))

    b.port._map[0] = (original[0], None, store)
    b.run()
    assert 5_000 <= b.port.out[1] < 5_050
    assert 0 < b.port.out[2] - b.port.out[1] < 50


DEEP = "put 0xE000E100, 1\n put 0xE000ED10, 4\n {0}\n str r7, [r7]\n bkpt 0\n"
DEEP += "irq0_handler:\n movs r0, #0\n str r0, [r7, #8]\n bx lr"


@pytest.mark.parametrize("wait", ("wfi", "wfe"))
def test_core__sleepdeep_stops_the_clock(board, wait):
    """run() says so, SysTick and the cycles stand still, and run() says when something woke the core."""
    b = board("put 0xE000E014, 999\n put 0xE000E010, 7\n" + DEEP.format(wait))
    b.cpu.set_debugged(True)
    assert b.cpu.run(100_000) == "deep"
    cycles, start = b.cpu.cycles, b.machine.now
    assert b.cpu.run(10_000_000) == "deadline"
    assert (b.cpu.cycles, b.machine.now) == (cycles, 10_000_000)
    b.machine.irq(0, True)
    assert b.cpu.run(20_000_000) == "wake"
    assert b.cpu.run(20_000_000) == "break" and b.port.out == [0x40000000]
    assert b.cpu.cycles < cycles + 1000 and start < 10_000


def test_core__sleepdeep_with_an_interrupt_pending(board):
    """Then it is no sleep (B1.5.19)."""
    b = board("cpsid i\n movs r0, #1\n str r0, [r7, #8]\n" + DEEP.format("wfi"))
    assert b.run() == [0x40000000] and b.reason == "break"


def test_core__clock_change_keeps_time(board):
    """Half the clock: from then on an instruction takes twice as long, and nothing jumps."""
    b = board("str r7, [r7]\n nop\n str r7, [r7]\n nop\n str r7, [r7]\n bkpt 0")
    original = b.port._map[0]

    def store(register, old, value):
        b.port._out(register, old, value)
        if len(b.port.out) == 2:
            b.cpu.set_clock(50_000_000)

    b.port._map[0] = (original[0], None, store)
    b.run()
    times = [time for time, _ in b.port.times]
    assert [times[1] - times[0], times[2] - times[1]] == [20, 40]


def test_core__bit_band_of_sram(board):
    b = board("""
        put 0x20000010, 0xF0
        ldr r1, =0x22000200
        movs r0, #1
        str r0, [r1, #12]
        movs r0, #0
        str r0, [r1, #28]
        get 0x20000010
        ldr r0, [r1, #12]
        str r0, [r7]
        ldr r0, [r1, #28]
        str r0, [r7]
        ldrb r0, [r1, #24]
        str r0, [r7]
        bkpt 0
    """)
    assert b.run() == [0x78, 1, 0, 1]


def test_core__bit_band_of_peripherals(board):
    """A read-modify-write of the word on the bus."""
    b = board("""
        put 0x40000000, 0x80
        put 0x42000004, 1
        put 0x4200001C, 0
        get 0x42000004
        bkpt 0
    """)
    assert b.run() == [0x80, 0x82, 2, 1]


def test_core__code_written_by_the_host_runs(board):
    """A flash model's write reaches code that was translated before."""
    b = board("""
        movs r4, #2
    1:  bl routine
        str r0, [r7]
        ldr r0, [r7, #4]
        subs r4, #1
        bne 1b
        bkpt 0
    routine:
        movs r0, #1
        bx lr
    """)
    original = b.port._map[4]

    def patch(_register):
        b.cpu.write(b.labels["routine"], b"\x07\x20")
        return 0

    b.port._map[4] = (original[0], patch, None)
    assert b.run() == [1, 7]


def test_core__code_in_sram_and_its_rewriting_by_the_guest(board):
    b = board("""
        ldr r1, =0x20000000
        ldr r0, =0x47702005
        str r0, [r1]
        adds r2, r1, #1
        blx r2
        str r0, [r7]
        movs r0, #6
        strb r0, [r1]
        blx r2
        str r0, [r7]
        bkpt 0
    """)
    assert b.run() == [5, 6]


def test_core__stores_to_flash_reach_the_model(board):
    b = board("""
        ldr r1, =0x08080000
        ldr r0, =0x11223344
        str r0, [r1]
        strb r0, [r1, #5]
        strh r0, [r1, #6]
        str.w r0, [r1, #8]!
        str r0, [r1], #4
        strd r0, r1, [r1, #4]
        cmp r0, r1
        it ne
        strne r0, [r1]
        it eq
        streq r0, [r1]
        stmia r1!, {r0, r2}
        str r1, [r7]
        bkpt 0
    """)
    calls = []

    class Flash:
        name, base, SIZE, clock = "FLASH", 0x40023C00, 0x400, None

        @staticmethod
        def program(address, value, width):
            calls.append((address - 0x08080000, value, width))

    b.machine.add(Flash)
    assert b.run() == [0x08080014]
    value = 0x11223344
    assert calls == [
        (0, value, 4),
        (5, 0x44, 1),
        (6, 0x3344, 2),
        (8, value, 4),
        (8, value, 4),
        (16, value, 4),
        (20, 0x0808000C, 4),
        (12, value, 4),
        (12, value, 4),
        (16, 0, 4),
    ]
    assert b.cpu.read(FLASH + 0x80000, 4) == b"\xff\xff\xff\xff"


def test_core__boot_memory_at_zero(board):
    b = board("get 0x00000000\n get 0x00000004\n bkpt 0")
    assert b.run() == [b.word(FLASH), b.word(FLASH + 4)]


def test_core__remap_while_code_runs(board):
    """SYSCFG_MEMRMP from inside a bus access: SRAM, then flash again; code at address 0 follows."""
    b = board("""
        put 0x20000000, 0x20008000
        put 0x20000004, 0x47702009
        str r7, [r7, #8]
        get 0x00000000
        movs r2, #5
        blx r2
        str r0, [r7]
        str r7, [r7, #8]
        get 0x00000000
        bkpt 0
    """)
    modes = iter((3, 0))
    original = b.port._map[8]
    b.port._map[8] = (original[0], None, lambda *_: b.machine.remap(next(modes)))
    assert b.run() == [0x20008000, 9, b.word(FLASH)]


def test_core__runs_repeat_to_the_instruction(board):
    source = """
        put 0xE000E014, 777
        put 0xE000E018, 0
        put 0xE000E010, 7
        put 0xE000E100, 1
        ldr r5, =30000
    1:  muls r4, r5
        adds r4, #3
        tst r4, #1
        beq 2f
        wfi
    2:  subs r5, #1
        bne 1b
        bkpt 0
    systick_handler:
        push {r4, lr}
        adds r6, #1
        pop {r4, pc}
    irq0_handler:
        movs r0, #0
        str r0, [r7, #8]
        bx lr
    """
    results = []
    for slices in (1, 1, 7):
        b = board(source)
        for n in range(200):
            b.machine.at(10_000 * n, lambda b=b: b.machine.irq(0, True))
        for n in range(slices):
            b.run(20_000_000 - b.machine.now if n == slices - 1 else 333_333)
        results.append((b.cpu.icount, b.machine.now, b.cpu.exceptions_taken, b.cpu.register("r6")))
    assert results[0] == results[1] == results[2]
