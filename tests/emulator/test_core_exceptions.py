# SPDX-License-Identifier: MIT
"""ARMv7-M exceptions on the emulated core, against ARM DDI 0403E B1.5 (the Architecture Reference Manual)."""

import pytest
from support.core_board import RAM, Bare

SYSTEM = """
.equ ICSR, 0xE000ED04
.equ VTOR, 0xE000ED08
.equ AIRCR, 0xE000ED0C
.equ SCR, 0xE000ED10
.equ CCR, 0xE000ED14
.equ SHPR2, 0xE000ED1C
.equ SHPR3, 0xE000ED20
.equ SHCSR, 0xE000ED24
.equ CFSR, 0xE000ED28
.equ HFSR, 0xE000ED2C
.equ BFAR, 0xE000ED38
.equ CPACR, 0xE000ED88
.equ STIR, 0xE000EF00
.equ ISER, 0xE000E100
.equ ICER, 0xE000E180
.equ ISPR, 0xE000E200
.equ ICPR, 0xE000E280
.equ IABR, 0xE000E300
.equ IPR, 0xE000E400
.equ PORT, 0x40000000
.macro out value
    movs r0, #\\value
    str r0, [r7]
.endm
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
"""
START = SYSTEM + "reset:\n ldr r7, =PORT\n"


@pytest.fixture
def run():
    """run(source): the values that the program wrote to OUT; run.board is the board."""
    boards = []

    def runner(source, start=START):
        board = Bare(start + source)
        boards.append(board)
        runner.board = board
        return board.run()

    yield runner
    for board in boards:
        board.close()


def test_core__svc_stacks_and_returns(run):
    """Entry pushes r0-r3, r12, lr, the next PC and xPSR (B1.5.6); return restores all of it."""
    out = run("""
        movs r0, #10
        movs r1, #11
        movs r2, #12
        movs r3, #13
        mov r12, r1
        cmp r0, r0
        svc 0
    after:
        mrs r4, apsr
        str r0, [r7]
        str r4, [r7]
        bkpt 0
    svc_handler:
        mrs r0, ipsr
        str r0, [r7]
        str lr, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        ldr r0, [sp, #28]
        str r0, [r7]
        movs r1, #0
        subs r1, #1
        bx lr
    """)
    assert out[0] == 11
    assert out[1] == 0xFFFFFFF9
    assert out[2] == run.board.labels["after"]
    assert out[3] == 0x61000000
    assert out[4:] == [10, 0x60000000]
    assert run.board.cpu.register("r1") == 11


def test_core__interrupt_is_taken_at_the_unmask(run):
    """What PRIMASK held off comes right after CPSIE, before the next instruction after an ISB (B1.5.14)."""
    out = run("""
        put ISER, 1
        cpsid i
        put ISPR, 1
        dsb
        isb
        out 1
        cpsie i
        out 3
        bkpt 0
    irq0_handler:
        out 2
        bx lr
    """)
    assert out == [1, 2, 3]


def test_core__pending_by_software_is_taken_after_the_barrier(run):
    out = run("""
        put ISER, 4
        put STIR, 2
        dsb
        isb
        out 2
        put ICSR, 0x10000000
        dsb
        isb
        out 4
        bkpt 0
    irq2_handler:
        out 1
        bx lr
    pendsv_handler:
        out 3
        bx lr
    """)
    assert out == [1, 2, 3, 4]


def test_core__higher_priority_preempts_lower_waits(run):
    """IRQ1 (0x20) preempts IRQ0 (0x40); IRQ2 (0x40) waits for IRQ0's return."""
    out = run("""
        put IPR, 0x00402040
        put ISER, 7
        put ISPR, 1
        dsb
        isb
        out 9
        bkpt 0
    irq0_handler:
        push {lr}
        out 1
        put ISPR, 6
        dsb
        isb
        out 3
        get IABR
        pop {pc}
    irq1_handler:
        out 2
        bx lr
    irq2_handler:
        out 4
        bx lr
    """)
    assert out == [1, 2, 3, 1, 4, 9]


def test_core__subpriority_orders_but_does_not_preempt(run):
    """PRIGROUP 6: bit 7 preempts, the rest orders (B1.5.4)."""
    out = run("""
        put AIRCR, 0x05FA0600
        put IPR, 0x00102030
        put ISER, 7
        cpsid i
        put ISPR, 7
        isb
        cpsie i
        out 9
        bkpt 0
    irq0_handler:
        out 0
        bx lr
    irq1_handler:
        out 1
        bx lr
    irq2_handler:
        out 2
        bx lr
    """)
    assert out == [2, 1, 0, 9]


def test_core__priority_has_four_bits(run):
    out = run("put IPR, 0x12345678\n get IPR\n put SHPR3, 0xFFFF00FF\n get SHPR3\n bkpt 0")
    assert out == [0x10305070, 0xF0F000F0]


def test_core__basepri_masks_its_level_and_below(run):
    out = run("""
        put IPR, 0x00604020
        put ISER, 7
        movs r0, #0x40
        msr basepri, r0
        put ISPR, 7
        dsb
        isb
        out 8
        movs r0, #0
        msr basepri, r0
        out 9
        bkpt 0
    irq0_handler:
        out 0
        bx lr
    irq1_handler:
        out 1
        bx lr
    irq2_handler:
        out 2
        bx lr
    """)
    assert out == [0, 8, 1, 2, 9]


def test_core__faultmask_masks_all_but_nmi_and_return_clears_it(run):
    out = run("""
        put ISER, 1
        cpsid f
        put ISPR, 1
        put ICSR, 0x80000000
        dsb
        isb
        mrs r0, faultmask
        str r0, [r7]
        cpsie f
        out 9
        bkpt 0
    nmi_handler:
        out 2
        bx lr
    irq0_handler:
        cpsid f
        out 3
        bx lr
    """)
    assert out[:3] == [2, 1, 3] and out[3:] == [9]
    assert run.board.cpu.register("faultmask") == 0


def test_core__tail_chaining_keeps_the_frame(run):
    """The second handler runs on the first one's frame, with no return to the thread between (B1.5.12)."""
    out = run("""
        put ISER, 3
        put ISPR, 3
        dsb
        isb
        mov r0, sp
        str r0, [r7]
        bkpt 0
    irq0_handler:
        mov r0, sp
        str r0, [r7]
        bx lr
    irq1_handler:
        mov r0, sp
        str r0, [r7]
        str lr, [r7]
        bx lr
    """)
    assert out == [0x20007FE0, 0x20007FE0, 0xFFFFFFF9, 0x20008000]
    assert run.board.cpu.exceptions_taken == 2


def test_core__level_line_pends_again_until_it_falls(run):
    """A line still high at the handler's return brings it back (B3.4.1)."""
    out = run("""
        put ISER, 1
        movs r4, #3
        put PORT+8, 1
        dsb
        isb
        out 9
        bkpt 0
    irq0_handler:
        str r4, [r7]
        subs r4, #1
        bne 1f
        movs r0, #0
        str r0, [r7, #8]
    1:  bx lr
    """)
    assert out == [3, 2, 1, 9]


def test_core__icpr_does_not_clear_a_line_that_is_high(run):
    out = run("""
        put PORT+8, 1
        get ISPR
        put ICPR, 1
        get ISPR
        put PORT+8, 0
        get ISPR
        put ICPR, 1
        get ISPR
        bkpt 0
    """)
    assert out == [1, 1, 1, 0]


def test_core__stack_alignment(run):
    """With STKALIGN an SP at 4 modulo 8 is aligned down and bit 9 of the stacked xPSR says so (B1.5.7)."""
    out = run("""
        sub sp, #4
        svc 0
        mov r0, sp
        str r0, [r7]
        bkpt 0
    svc_handler:
        mov r0, sp
        str r0, [r7]
        ldr r0, [sp, #28]
        str r0, [r7]
        bx lr
    """)
    assert out[0] == 0x20007FD8
    assert out[1] & 0x200
    assert out[2] == 0x20007FFC


def test_core__process_stack(run):
    """A thread on PSP is stacked there, the handler runs on MSP, EXC_RETURN is 0xFFFFFFFD (table B1-8)."""
    out = run("""
        ldr r0, =0x20004000
        msr psp, r0
        movs r0, #2
        msr control, r0
        isb
        svc 0
        mov r0, sp
        str r0, [r7]
        mrs r0, control
        str r0, [r7]
        bkpt 0
    svc_handler:
        str lr, [r7]
        mov r0, sp
        str r0, [r7]
        mrs r0, psp
        str r0, [r7]
        mrs r0, control
        str r0, [r7]
        bx lr
    """)
    assert out == [0xFFFFFFFD, 0x20008000, 0x20003FE0, 0, 0x20004000, 2]


def test_core__unprivileged_thread(run):
    """nPRIV survives exceptions; a handler is privileged; unprivileged MSR is ignored."""
    out = run("""
        ldr r0, =0x20004000
        msr psp, r0
        movs r0, #3
        msr control, r0
        isb
        movs r0, #1
        msr primask, r0
        svc 0
        svc 0
        bkpt 0
    svc_handler:
        mrs r0, control
        str r0, [r7]
        mrs r0, primask
        str r0, [r7]
        bx lr
    """)
    assert out == [1, 0, 1, 0]
    assert run.board.cpu.register("control") == 3
    assert run.board.cpu.register("sp") == 0x20004000


FPU_ON = "put CPACR, 0x00F00000\n dsb\n isb\n"


def test_core__fpu_frame(run):
    """A thread that used the FPU gets the extended frame: 26 words, and bit 4 of EXC_RETURN clear."""
    out = run(
        FPU_ON
        + """
        vmov.f32 s0, #1.0
        vmov.f32 s15, #2.0
        mrs r0, control
        str r0, [r7]
        svc 0
        vmov r0, s0
        str r0, [r7]
        vmov r0, s15
        str r0, [r7]
        mrs r0, control
        str r0, [r7]
        bkpt 0
    svc_handler:
        str lr, [r7]
        mov r0, sp
        str r0, [r7]
        mrs r0, control
        str r0, [r7]
        vmov.f32 s0, #3.0
        vmov.f32 s15, #3.0
        bx lr
    """
    )
    assert out == [4, 0xFFFFFFE9, 0x20008000 - 104, 0, 0x3F800000, 0x40000000, 4]


def test_core__fpscr_survives_an_interrupt(run):
    """Flags of a VCMP are still there when a handler that uses the FPU came between it and VMRS."""
    out = run(
        FPU_ON
        + """
        movs r0, #0
        msr control, r0
        vmov.f32 s0, #1.0
        vcmp.f32 s0, s0
        svc 0
        vmrs r0, fpscr
        str r0, [r7]
        bkpt 0
    svc_handler:
        vmov.f32 s1, #2.0
        vcmp.f32 s0, s1
        vmrs r0, fpscr
        str r0, [r7]
        bx lr
    """
    )
    assert out == [0x80000000, 0x60000000]


def test_core__no_fpu_frame_without_fpu_use(run):
    out = run(FPU_ON + "svc 0\n bkpt 0\nsvc_handler:\n str lr, [r7]\n mov r0, sp\n str r0, [r7]\n bx lr")
    assert out == [0xFFFFFFF9, 0x20007FE0]


def test_core__fpu_without_cpacr_is_nocp(run):
    """UsageFault with NOCP at the FPU instruction itself; what stands before it in the block has run."""
    out = run("""
        put SHCSR, 0x40000
        movs r5, #5
        adds r5, #1
    here:
        vmov.f32 s0, #1.0
        bkpt 0
    usagefault_handler:
        str r5, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        put CPACR, 0x00F00000
        dsb
        isb
        bx lr
    """)
    assert out == [6, run.board.labels["here"], 1 << 19]
    assert run.board.cpu.register("s0") == 0x3F800000


def test_core__bus_fault_is_precise(run):
    """PC of the load, BFAR of the address, the target register as it was; registers before it are done."""
    out = run("""
        put SHCSR, 0x20000
        ldr r1, =0x60000000
        movs r5, #5
        movs r6, #6
    here:
        ldr r6, [r1, #4]
        movs r5, #99
        bkpt 0
    busfault_handler:
        str r5, [r7]
        str r6, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        get BFAR
        bkpt 1
    """)
    assert out == [5, 6, run.board.labels["here"], 0x8200, 0x60000004]


@pytest.mark.parametrize("access", ["ldr r6, [r1]", "str r6, [r1]"])
def test_core__bus_fault_in_an_it_block(run, access):
    """Nothing after the access runs, and the block goes on where the handler returns behind it."""
    conditional = access.replace("r ", "req ")
    out = run(f"""
        put SHCSR, 0x20000
        ldr r1, =0x60000000
        movs r5, #5
        cmp r5, r5
        ittt eq
        addeq r5, #1
    here:
        {conditional}
        addeq r5, #1
        adds r5, #8
        str r5, [r7]
        bkpt 0
    busfault_handler:
        str r5, [r7]
        ldr r0, [sp, #28]
        str r0, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        ldr r1, =0x20000000
        str r1, [sp, #4]
        bx lr
    """)
    # ITSTATE 0b00000100 before the second of three: its bits 7:2 are xPSR bits 15:10.
    assert out == [6, 0x61000000 | 0x0400, run.board.labels["here"], 15]


@pytest.mark.parametrize("access", ["ldr r6, [r7, #12]", "str r6, [r7, #12]"])
def test_core__bus_fault_of_a_peripheral(run, access):
    """A model's BusFault becomes the guest's, at the instruction that made the access."""
    out = run(f"""
        put SHCSR, 0x20000
        movs r6, #6
        movs r5, #5
    here:
        {access}
        movs r5, #99
        bkpt 0
    busfault_handler:
        str r5, [r7]
        str r6, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        get BFAR
        bkpt 1
    """)
    assert out == [5, 6, run.board.labels["here"], 0x4000000C]


def test_core__disabled_fault_escalates(run):
    """BusFault disabled: HardFault with FORCED, the cause still in CFSR (B1.5.8)."""
    out = run("""
        ldr r1, =0x60000000
        ldr r6, [r1]
        bkpt 0
    hardfault_handler:
        mrs r0, ipsr
        str r0, [r7]
        get CFSR
        get HFSR
        bkpt 1
    """)
    assert out == [3, 0x8200, 0x40000000]


def test_core__fault_in_hardfault_locks_up(run):
    run("""
        ldr r1, =0x60000000
        ldr r6, [r1]
    hardfault_handler:
    again:
        ldr r1, =0x60000000
    here:
        ldr r6, [r1]
        bkpt 1
    """)
    assert run.board.reason == "lockup"
    assert run.board.cpu.pc == run.board.labels["here"]


def test_core__undefined_instruction(run):
    out = run("""
        put SHCSR, 0x40000
    here:
        udf 1
        bkpt 0
    usagefault_handler:
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        bkpt 1
    """)
    assert out == [run.board.labels["here"], 0x10000]


def test_core__branch_without_thumb_bit(run):
    """EPSR.T clear: UsageFault INVSTATE at the target (B1.5.6)."""
    out = run("""
        put SHCSR, 0x40000
        ldr r0, =target
        bx r0
    .align 2
    target:
        nop
        bkpt 0
    usagefault_handler:
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        bkpt 1
    """)
    assert out == [run.board.labels["target"], 0x20000]


@pytest.mark.parametrize(
    "target, cfsr, name",
    [("0x10000001", 0x100, "busfault"), ("0x60000001", 0x100, "busfault"), ("0x40000001", 1, "memmanage")],
)
def test_core__fetch_faults(run, target, cfsr, name):
    """CCM is on the data bus only, 0x60000000 is empty: IBUSERR. 0x40000000 is execute-never: IACCVIOL."""
    out = run(f"""
        put SHCSR, 0x70000
        ldr r0, ={target}
        bx r0
    {name}_handler:
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        bkpt 1
    """)
    assert out == [int(target, 0) & ~1, cfsr]


def test_core__bad_exc_return_is_invpc(run):
    """To a handler with none below: UsageFault INVPC, taken on the same frame (B1.5.8)."""
    out = run("""
        put SHCSR, 0x40000
        svc 0
        bkpt 0
    svc_handler:
        ldr r0, =0xFFFFFFF1
        bx r0
    usagefault_handler:
        get CFSR
        mov r0, sp
        str r0, [r7]
        bkpt 1
    """)
    assert out == [0x40000, 0x20007FE0]


def test_core__stacking_on_a_bad_stack(run):
    """The push of an exception's frame fails: STKERR (B1.5.8)."""
    out = run("""
        put SHCSR, 0x20000
        ldr r0, =0x60000100
        msr psp, r0
        movs r0, #2
        msr control, r0
        isb
        put ISER, 1
        put STIR, 0
        dsb
        isb
        bkpt 0
    busfault_handler:
        get CFSR
        ldr r0, =0x20002000
        msr psp, r0
        bkpt 1
    """)
    assert out == [0x1000]


def test_core__vtor_moves_the_table(run):
    out = run("""
        ldr r1, =0x20000000
        ldr r2, =svc2 + 1
        str r2, [r1, #44]
        put VTOR, 0x20000000
        dsb
        svc 0
        bkpt 0
    svc2:
        out 7
        bx lr
    svc_handler:
        out 1
        bx lr
    """)
    assert out == [7]


def test_core__sysresetreq(run):
    out = run("""
        ldr r1, =0x20000000
        ldr r0, [r1]
        cmp r0, #1
        beq 1f
        movs r0, #1
        str r0, [r1]
        put AIRCR, 0x05FA0004
        dsb
        b .
    1:  out 2
        bkpt 0
    """)
    assert out == [2]
    assert run.board.machine.reset_cause == "software"


def test_core__icsr_shows_active_and_pending(run):
    out = run("""
        put ISER, 2
        cpsid i
        put ISPR, 2
        get ICSR
        cpsie i
        bkpt 0
    irq1_handler:
        get ICSR
        bx lr
    """)
    assert out[0] == 1 << 22 | 17 << 12 | 1 << 11
    assert out[1] == 17 | 1 << 11


def test_core__guest_error_stops_at_the_access(run):
    """Strict: the model's exception comes out of run(), with PC at the access and nothing after it done."""
    from emulator.peripheral import GuestError

    with pytest.raises(GuestError, match="PC=0x"):
        run("""
            movs r5, #5
        here:
            ldr r6, [r7, #16]
            movs r5, #6
            bkpt 0
        """)
    assert run.board.cpu.pc == run.board.labels["here"]
    assert run.board.cpu.register("r5") == 5


def test_core__exclusive_monitor_is_cleared_by_an_exception(run):
    """STREX after an exception fails (B2.3.2 of A3.4.1): atomic sequences are not torn."""
    out = run("""
        ldr r1, =0x20000000
        ldrex r0, [r1]
        strex r2, r0, [r1]
        str r2, [r7]
        ldrex r0, [r1]
        svc 0
        strex r2, r0, [r1]
        str r2, [r7]
        bkpt 0
    svc_handler:
        bx lr
    """)
    assert out == [0, 1]


def test_core__memory_is_untouched_by_a_faulting_store(run):
    run("put SHCSR, 0x20000\n ldr r1, =0x30000000\n str r1, [r1]\n bkpt 0\nbusfault_handler:\n bkpt 1")
    assert run.board.word(RAM) == 0


MPU_REGION = """
    put 0xE000ED9C, {base} + 0x10 + {number}
    put 0xE000EDA0, {attributes}
"""
MPU_ON = """
    put 0xE000ED94, 5
    dsb
    isb
    put SHCSR, 0x10000
"""
NO_ACCESS_32 = "(4 << 1) | 1 | (1 << 28)"


@pytest.mark.parametrize("access", ["ldr r6, [r1]", "str r6, [r1]", "ldrb r6, [r1, #31]"])
def test_core__mpu_guard(run, access):
    """A region of 32 bytes without access: DACCVIOL, address, instruction; its neighbours are free."""
    out = run(
        MPU_REGION.format(base=0x20001020, number=7, attributes=NO_ACCESS_32)
        + MPU_ON
        + f"""
        ldr r1, =0x20001020
        movs r6, #6
        str r6, [r1, #-4]
        str r6, [r1, #32]
        ldr r5, [r1, #32]
    here:
        {access}
        movs r5, #99
        bkpt 0
    memmanage_handler:
        str r5, [r7]
        str r6, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        get 0xE000ED34
        bkpt 1
    """
    )
    address = 0x2000103F if "31" in access else 0x20001020
    assert out == [6, 6, run.board.labels["here"], 0x82, address]


@pytest.mark.parametrize(
    "access, address, fault",
    [
        ("str r6, [r1]", 0x20001021, None),
        ("str r6, [r1]", 0x2000107E, None),
        ("strh r6, [r1], #3", 0x20001021, None),
        ("it eq\n streq r6, [r1]", 0x200013FB, None),
        ("str r6, [r1]", 0x20000FFE, 0x20001000),
        ("str r6, [r1]", 0x2000101D, 0x2000101D),
        ("str r6, [r1]", 0x2000101F, 0x2000101F),
    ],
)
def test_core__mpu_guard_at_the_beginning_of_a_page(run, access, address, fault):
    """It forbids its own bytes; of unaligned stores, those that touch one of them."""
    out = run(
        MPU_REGION.format(base=0x20001000, number=7, attributes=NO_ACCESS_32)
        + MPU_ON
        + f"""
        ldr r1, ={address}
        mov r4, r1
        ldr r6, =0x44332211
        cmp r6, r6
        {access}
        ldr r5, [r4]
        str r5, [r7]
        subs r4, r1, r4
        str r4, [r7]
        bkpt 0
    memmanage_handler:
        get CFSR
        get 0xE000ED34
        bkpt 1
    """
    )
    if fault is None:
        half = "strh" in access
        assert out == [0x2211 if half else 0x44332211, 3 if half else 0]
    else:
        assert out == [0x82, fault]


def test_core__mpu_guard_moves(run):
    """After a region is moved the old place is free and the new one closed, however often it was touched."""
    out = run(
        MPU_REGION.format(base=0x20001020, number=7, attributes=NO_ACCESS_32)
        + MPU_ON
        + """
        ldr r1, =0x20001020
        ldr r2, =0x20003040
        str r7, [r2]
    """
        + MPU_REGION.format(base=0x20003040, number=7, attributes=NO_ACCESS_32)
        + """
        ldr r1, =0x20001020
        str r7, [r1]
        movs r5, #5
        ldr r0, [r2]
        bkpt 0
    memmanage_handler:
        str r5, [r7]
        get 0xE000ED34
        bkpt 1
    """
    )
    assert out == [5, 0x20003040]


def test_core__mpu_is_off_in_hardfault(run):
    """Without HFNMIENA a fault handler of negative priority may read the stack it reports on (B3.5.1)."""
    out = run(
        MPU_REGION.format(base=0x20001020, number=0, attributes=NO_ACCESS_32)
        + """
        put 0xE000ED94, 5
        dsb
        isb
        ldr r1, =0x20001020
        str r7, [r1]
        bkpt 0
    hardfault_handler:
        ldr r1, =0x20001020
        ldr r0, [r1]
        str r0, [r7]
        get CFSR
        bkpt 1
    """
    )
    assert out == [0, 0x82]


def test_core__mpu_stacking_into_a_guard(run):
    """An exception whose frame meets the guard: MSTKERR (B1.5.8)."""
    out = run(
        MPU_REGION.format(base=0x20001020, number=7, attributes=NO_ACCESS_32)
        + MPU_ON
        + """
        ldr r0, =0x20001050
        msr psp, r0
        movs r0, #2
        msr control, r0
        isb
        put ISER, 1
        put STIR, 0
        dsb
        isb
        bkpt 0
    memmanage_handler:
        get CFSR
        bkpt 1
    """
    )
    assert out == [0x10]


def test_core__mpu_unprivileged_needs_a_region(run):
    """PRIVDEFENA's background is for privileged code; a read-only region lets unprivileged code read."""
    flash = "(19 << 1) | 1 | (6 << 24)"
    ram = "(16 << 1) | 1 | (3 << 24)"
    port = "(27 << 1) | 1 | (3 << 24)"
    out = run(
        MPU_REGION.format(base=0x08000000, number=0, attributes=flash)
        + MPU_REGION.format(base=0x20000000, number=1, attributes=ram)
        + MPU_REGION.format(base=0x40000000, number=2, attributes=port)
        + MPU_ON
        + """
        movs r0, #1
        msr control, r0
        isb
        out 1
        ldr r1, =0x20010000
        str r0, [r1]
        out 2
        ldr r1, =0x10000000
        ldr r0, [r1]
        bkpt 0
    memmanage_handler:
        get 0xE000ED34
        bkpt 1
    """
    )
    assert out == [1, 2, 0x10000000]


def test_core__division_by_zero_traps_on_request(run):
    """DIV_0_TRP: UsageFault at the division; without it the quotient is 0 (A7.7.127)."""
    out = run("""
        put SHCSR, 0x40000
        movs r1, #8
        movs r2, #0
        movs r3, #2
        udiv r4, r1, r2
        str r4, [r7]
        put CCR, 0x210
        isb
        movs r1, #8
        udiv r4, r1, r3
        sdiv r5, r1, r3
        str r5, [r7]
        cmp r1, r1
        it ne
        udivne r4, r1, r2
        str r4, [r7]
    here:
        sdiv r4, r1, r2
        bkpt 0
    usagefault_handler:
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        bkpt 1
    """)
    assert out == [0, 4, 4, run.board.labels["here"], 1 << 25]


@pytest.mark.parametrize(
    "access, traps", [("ldr r6, [r1, #2]", True), ("strh r6, [r1, #1]", True), ("ldr r6, [r1, #4]", False)]
)
def test_core__unaligned_access_traps_on_request(run, access, traps):
    out = run(f"""
        put SHCSR, 0x40000
        ldr r2, =0x20000001
        ldr r6, [r2]
        put CCR, 0x208
        isb
        ldr r1, =0x20000000
        movs r5, #5
    here:
        {access}
        movs r5, #6
        str r5, [r7]
        bkpt 0
    usagefault_handler:
        str r5, [r7]
        ldr r0, [sp, #24]
        str r0, [r7]
        get CFSR
        bkpt 1
    """)
    assert out == ([5, run.board.labels["here"], 1 << 24] if traps else [6])


def test_core__fpu_instruction_that_its_condition_skips_is_no_nocp(run):
    out = run("""
        put SHCSR, 0x40000
        cmp r7, r7
        it ne
        vmovne.f32 s0, #1.0
        out 1
        bkpt 0
    """)
    assert out == [1]
