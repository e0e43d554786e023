# SPDX-License-Identifier: MIT
"""The machine round the models: events, bus, masters' reach, reset, file descriptors."""

import os

import pytest
from emulator.machine import Machine
from emulator.peripheral import BusFault, GuestError, Peripheral, Register
from emulator.poll import Poll
from support.core_board import Bare


class Block(Peripheral):
    SIZE = 0x800
    REGISTERS = (
        Register(0x00, "PLAIN", reset=0x12345678, write=0xFFFF00FF),
        Register(0x04, "FLAGS", reset=0xFF, w1c=0x0F, w0c=0xF0),
        Register(0x08, "WORD", write=0xFF, widths=(4,)),
        Register(0x0C, "TAGGED", write=0xFF, tagged=0x100),
        Register(0x10, "SET", w1s=3),
    )


@pytest.fixture
def block(machine):
    return machine.add(Block(machine, "BLOCK", 0x40001000))


def test_machine__events_run_in_order_of_time_then_of_scheduling(machine):
    seen = []
    machine.at(20, lambda: seen.append("c"))
    machine.at(10, lambda: seen.append("a"))
    machine.at(10, lambda: seen.append("b"))
    machine.at(15, lambda: seen.append("x")).cancel()
    machine.advance(19)
    assert seen == ["a", "b"] and machine.now == 19
    machine.advance(1)
    assert seen == ["a", "b", "c"]


def test_machine__an_event_schedules_another_for_now(machine):
    seen = []
    machine.at(5, lambda: machine.at(0, lambda: seen.append(machine.now)))
    machine.advance(5)
    assert seen == [5]


def test_machine__register_rules(machine, block):
    machine.bus_write(0x40001000, 0xFFFFFFFF, 4)
    assert machine.bus_read(0x40001000, 4) == 0xFFFF56FF
    assert machine.bus_read(0x40001001, 1) == 0x56
    machine.bus_write(0x40001002, 0xABCD, 2)
    assert machine.bus_read(0x40001000, 4) == 0xABCD56FF
    machine.bus_write(0x40001004, 0xF1, 4)
    assert machine.bus_read(0x40001004, 4) == 0xFE
    machine.bus_write(0x40001004, 0x0F, 4)
    assert machine.bus_read(0x40001004, 4) == 0x00
    machine.bus_write(0x40001010, 2, 4)
    machine.bus_write(0x40001010, 0, 4)
    assert machine.bus_read(0x40001010, 4) == 2
    block.reset()
    assert machine.bus_read(0x40001000, 4) == 0x12345678


@pytest.mark.parametrize(
    "access, text",
    [
        (lambda m: m.bus_write(0x40001008, 1, 2), "2-byte write to BLOCK.WORD"),
        (lambda m: m.bus_read(0x40001008, 1), "1-byte read of BLOCK.WORD"),
        (lambda m: m.bus_write(0x4000100C, 0x100, 4), "BLOCK.TAGGED = 0x00000100"),
        (lambda m: m.bus_read(0x40001100, 4), r"unmodelled BLOCK\+0x100"),
        (lambda m: m.bus_write(0x400017FC, 1, 4), r"unmodelled BLOCK\+0x7fc"),
    ],
)
def test_machine__mistakes_are_reported(machine, block, access, text):
    with pytest.raises(GuestError, match=text):
        access(machine)


def test_machine__lenient_reports_each_text_once(capsys):
    machine = Machine(strict=False)
    machine.add(Block(machine, "BLOCK", 0x40001000))
    for _ in range(3):
        assert machine.bus_read(0x40001100, 4) == 0
    assert capsys.readouterr().err.count("unmodelled") == 1
    assert len(machine.reports) == 1


def test_machine__nothing_there_is_a_bus_fault(machine, block):
    for address in (0x40000FFC, 0x40001800, 0x5FFFFFFC):
        with pytest.raises(BusFault):
            machine.bus_read(address, 4)
        with pytest.raises(BusFault):
            machine.bus_write(address, 0, 4)


@pytest.mark.parametrize(
    "master, address, reaches",
    [
        ("ETH", 0x20000000, True),
        ("ETH", 0x2001FFFC, True),
        ("ETH", 0x2001FFFD, False),
        ("ETH", 0x10000000, False),
        ("ETH", 0x08000000, False),
        ("DMA", 0x08000000, True),
        ("DMA", 0x10000000, False),
    ],
)
def test_machine__bus_masters_reach(machine, master, address, reaches):
    """RM0090 2.1: only the CPU reaches CCM; the Ethernet DMA reaches SRAM alone."""
    if reaches:
        machine.dma_write(address, b"abcd", master)
        assert machine.dma_read(address, 4, master) == b"abcd"
    else:
        with pytest.raises(BusFault):
            machine.dma_read(address, 4, master)


def test_machine__dma_writes_code_that_runs():
    """What a master writes over code in SRAM is what the CPU runs next."""
    board = Bare("""
    reset:
        ldr r7, =0x40000000
        ldr r1, =0x20000000
        ldr r0, =0x47702005
        str r0, [r1]
        adds r2, r1, #1
        blx r2
        str r0, [r7]
        ldr r0, [r7, #4]
        blx r2
        str r0, [r7]
        bkpt 0
    """)
    original = board.port._map[4]

    def write(_register):
        board.machine.dma_write(0x20000000, b"\x06\x20", "ETH")
        return 0

    board.port._map[4] = (original[0], write, None)
    assert board.run() == [5, 6]
    board.close()


def test_machine__reset_from_inside_a_bus_access():
    """It takes effect when the access is over, and the CPU starts at its vector."""
    board = Bare("""
    reset:
        ldr r7, =0x40000000
        ldr r1, =0x20000000
        ldr r0, [r1]
        adds r0, #1
        str r0, [r1]
        cmp r0, #3
        beq 2f
        str r0, [r7]
    1:  b 1b
    2:  bkpt 0
    """)
    original = board.port._map[0]

    def store(register, old, value):
        board.port._out(register, old, value)
        board.machine.reset("iwdg")

    board.port._map[0] = (original[0], None, store)
    board.machine.debugged = True
    board.cpu.set_debugged(True)
    assert board.machine.run(1_000_000) == "break"
    assert board.port.out == [1, 2]
    assert board.machine.reset_cause == "iwdg"
    board.close()


def test_poll__callbacks_may_remove_each_other():
    poll = Poll()
    pipes = [os.pipe() for _ in range(2)]
    seen = []

    def serve(mine, other):
        seen.append(mine)
        poll.remove(pipes[other][0])

    for n in (0, 1):
        poll.add(pipes[n][0], lambda n=n: serve(n, 1 - n))
        os.write(pipes[n][1], b"x")
    assert poll.wait(0)
    assert len(seen) == 1
    poll.remove(pipes[0][0])
    poll.remove(pipes[0][0])
    poll.close()
    for pair in pipes:
        os.close(pair[0])
        os.close(pair[1])


def test_poll__input_wakes_a_board_that_waits_for_the_wall_clock():
    """With `realtime` a sleeping board does not skip ahead; input comes through at once."""
    board = Bare("""
    reset:
        ldr r7, =0x40000000
        ldr r1, =0xE000E100
        movs r0, #1
        str r0, [r1]
        wfi
        str r0, [r7]
        bkpt 0
    irq0_handler:
        movs r0, #0
        str r0, [r7, #8]
        bx lr
    """)
    reader, writer = os.pipe()

    def arrived():
        board.machine.poll.remove(reader)
        board.machine.irq(0, True)

    board.machine.poll.add(reader, arrived)
    board.machine.poll.realtime += 1
    board.machine.debugged = True
    board.cpu.set_debugged(True)
    os.write(writer, b"x")
    assert board.machine.run(3_600_000_000_000) == "break"
    assert board.port.out == [1]
    os.close(reader)
    os.close(writer)
    board.close()


def test_poll__without_realtime_idle_time_is_skipped():
    board = Bare("reset:\n wfi\n b reset")
    assert board.machine.run(3_600_000_000_000) == "time"
    assert board.machine.now == 3_600_000_000_000
    board.close()
