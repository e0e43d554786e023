# SPDX-License-Identifier: MIT
"""Whole boards from their data files, and what one looks into them with: gdb, trace, profile, report."""

import re
import shutil
import subprocess
import threading

import pytest
from emulator import board as boards
from emulator.board import Board
from emulator.gdb import Server
from emulator.machine import Dead
from emulator.peripheral import GuestError
from emulator.profile import Profiler
from emulator.symbols import Symbols, crash_report
from emulator.trace import Tracer

# HSE and PLL to 168 MHz, the console at 115200 baud, SysTick at 1 kHz: a line of text, then echo plus one.
SMOKE = """
#include <stdint.h>
#define R(a) (*(volatile uint32_t *)(a))
#define UART CONSOLE_BASE
volatile uint32_t ticks;
volatile float ratio;
static __attribute__((noinline)) void putch(int c) {
    while (!(R(UART) & 0x80)) {
    }
    R(UART + 4) = c;
}
void systick(void) {
    ticks++;
}
__attribute__((noinline)) void clocks(void) {
    R(0x40023800) |= 1 << 16;
    while (!(R(0x40023800) & (1 << 17))) {
    }
    R(0x40023840) |= 1 << 28;
    R(0x40023804) = PLL_M | 336 << 6 | 1 << 22 | 7 << 24;
    R(0x40023C00) = 5 | 7 << 8;
    R(0x40023808) = 5 << 10 | 4 << 13;
    R(0x40023800) |= 1 << 24;
    while (!(R(0x40023800) & (1 << 25))) {
    }
    R(0x40023808) |= 2;
    while ((R(0x40023808) & 0xC) != 8) {
    }
}
__attribute__((noinline)) void crash(void) {
    R(0x70000000) = 1;
}
int main(void) {
    ticks = 0;
    clocks();
    R(0x40023830) |= 0x1F;
    R(0x40023844) |= CONSOLE_ENABLE;
    (void)R(0x40023844);
    R(CONSOLE_PORT) = (R(CONSOLE_PORT) & ~(0xFu << CONSOLE_PIN * 2)) | 0xAu << CONSOLE_PIN * 2;
    R(CONSOLE_PORT + 0x20 + CONSOLE_PIN / 8 * 4) |= CONSOLE_AF * 0x11u << CONSOLE_PIN % 8 * 4;
    R(UART + 8) = 84000000 / 115200;
    R(UART + 12) = 1 << 13 | 1 << 3 | 1 << 2;
    R(0xE000E014) = 168000 - 1;
    R(0xE000E018) = 0;
    R(0xE000E010) = 7;
    for (const char *s = "hello\\r\\n"; *s; s++) {
        putch(*s);
    }
    for (;;) {
        if (R(UART) & 0x20) {
            int c = R(UART + 4);
            if (c == '!') {
                crash();
            }
            putch(c + 1);
        }
        __asm volatile("wfi");
    }
}
void stuck(void) {
    for (;;) {
    }
}
void reset(void) {
    main();
}
__attribute__((section(".vectors"), used)) const void *vectors[] = {
    (void *)0x20020000, reset, stuck, stuck, stuck, stuck, stuck, 0, 0, 0, 0, stuck, stuck, 0, stuck, systick,
};
"""
CONSOLES = {"USART6": (0x40011400, 5, 0x40020800, 6, 8), "USART1": (0x40011000, 4, 0x40020000, 9, 7)}


def build(directory, name):
    """The smoke firmware for a board; returns the ELF's path."""
    config = boards.tomllib.loads((boards.BOARDS / f"{name}.toml").read_text())
    base, bit, port, pin, function = CONSOLES[config["console"]["uart"]]
    defines = {
        "PLL_M": config["hse_hz"] // 1_000_000,
        "CONSOLE_BASE": f"{base:#x}u",
        "CONSOLE_ENABLE": f"{1 << bit:#x}",
        "CONSOLE_PORT": f"{port:#x}u",
        "CONSOLE_PIN": pin,
        "CONSOLE_AF": f"{function}u",
    }
    (directory / "smoke.c").write_text(SMOKE)
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-O1", "-g", "-nostdlib", "-ffreestanding"]
    command += [f"-D{key}={value}" for key, value in defines.items()]
    command += ["-Wl,--section-start=.vectors=0x08000000", "-Wl,-Ttext=0x08000200", "-Wl,-Tbss=0x20000000"]
    command += ["-Wl,-e,reset", "smoke.c", "-o", "smoke.elf"]
    subprocess.run(command, cwd=directory, check=True)
    return directory / "smoke.elf"


@pytest.fixture
def smoke(tmp_path):
    """smoke(name): a board with the smoke firmware; its console's output gathers in .text."""
    made = []

    def make(name="STM32F4DISC_DISBB"):
        board = Board(build(tmp_path, name), name, usb=False)
        board.text = bytearray()
        board.console.attach(lambda data: board.text.extend(data if isinstance(data, bytes) else [data]))
        made.append(board)
        return board

    yield make
    for board in made:
        board.close()


@pytest.mark.parametrize("name", boards.names())
def test_board__runs_firmware(smoke, name):
    """Crystal, PLL, console and timing of every board there is a data file for."""
    board = smoke(name)
    board.run(20_000_000)
    assert board.machine.clock.hclk == 168_000_000
    assert board.text == b"hello\r\n"
    board.console.feed(b"a")
    board.run(5_000_000)
    assert board.text == b"hello\r\nb"


def test_board__two_runs_are_the_same(smoke, tmp_path):
    results = []
    for _ in range(2):
        board = smoke()
        board.run(10_000_000)
        board.console.feed(b"xyz")
        board.run(10_000_000)
        results.append((board.cpu.icount, board.machine.now, bytes(board.text), board.cpu.exceptions_taken))
    assert results[0] == results[1]


def test_board__run_until(smoke):
    board = smoke()
    assert board.run(50_000_000, until=lambda: b"\n" in board.text) == "until"
    assert board.machine.now < 5_000_000
    assert board.run(1_000_000) == "time"


def test_board__reset_starts_again_and_says_why(smoke):
    board = smoke()
    board.run(10_000_000)
    board.reset("pin")
    board.run(10_000_000)
    assert board.text == b"hello\r\n" * 2
    assert board.machine["RCC"].read(0x74, 4) >> 24 & 0xFE == 0x0E | 0x04


def test_board__button_is_on_its_pin(smoke):
    board = smoke()
    board.press_button()
    board.run(10_000_000)
    assert board.machine["GPIOA"].level(0) == 1
    board.release_button()
    assert board.machine["GPIOA"].level(0) == 0


def test_board__crash_report_names_the_place(smoke):
    """The fault, its address, the function that did it, and the caller."""
    board = smoke()
    board.run(10_000_000)
    board.console.feed(b"!")
    board.run(10_000_000)
    report = crash_report(board)
    assert "PRECISERR" in report and "0x70000000" in report
    assert re.search(r"pc=0x\w+ stuck", report)
    assert re.search(r"interrupted: 0x\w+ crash\+0x\w+ \(smoke\.c:\d+\)", report)
    assert re.search(r"called from: 0x\w+ main", report)


def test_board__mistakes_are_reported_with_their_place(smoke):
    board = smoke()
    board.run(10_000_000)
    board.machine.clock.write(0x44, 0, 4)
    with pytest.raises(GuestError, match=r"^PC=0x\w+ main\+0x\w+ \(smoke\.c:\d+\) read of USART6\+0x000"):
        board.run(10_000_000)


def test_board__ram_is_not_zero_at_power_on(smoke):
    """The same noise each time, so that a run repeats and no firmware lives by luck."""
    first, second = smoke(), smoke()
    assert first.cpu.read(0x10000000, 64) == second.cpu.read(0x10000000, 64) != bytes(64)
    first.run(5_000_000)
    kept = first.cpu.read(0x10000000, 0x10000)
    first.reset("pin")
    assert first.cpu.read(0x10000000, 0x10000) == kept


def test_board__lockup_ends_the_run(smoke):
    board = smoke()
    board.run(10_000_000)
    # HardFault's vector points nowhere: the fault in its entry locks up.
    board.cpu.write(0x0800000C, b"\x01\x00\x00\x30")
    board.console.feed(b"!")
    with pytest.raises(Dead, match="lockup"):
        board.run(10_000_000)


def test_board__profile_counts_every_instruction(smoke):
    board = smoke()
    profiler = Profiler(board)
    board.run(10_000_000)
    counts = profiler.by_function()
    assert sum(counts.values()) == board.cpu.icount
    assert counts["clocks"] > 1000
    assert profiler.table().startswith(f"{board.cpu.icount} instructions\n")


def test_board__trace_has_every_instruction(smoke, tmp_path):
    board = smoke()
    tracer = Tracer(board, tmp_path / "trace")
    board.run(100_000)
    tracer.close()
    lines = (tmp_path / "trace").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("--")]) == board.cpu.icount
    assert re.match(r"0 0x\w+ reset\+0x0", lines[0])


def test_board__trace_does_not_change_the_run(smoke, tmp_path):
    plain, traced = smoke(), smoke()
    tracer = Tracer(traced, tmp_path / "trace")
    for board in (plain, traced):
        board.run(4_000_000)
    tracer.close()
    assert plain.cpu.icount == traced.cpu.icount
    assert plain.cpu.exceptions_taken == traced.cpu.exceptions_taken


def test_board__symbols_know_lines(smoke):
    board = smoke()
    symbols = Symbols(board.elf)
    address = symbols.address("systick")
    assert symbols.function(address + 2) == ("systick", 2)
    assert re.fullmatch(r"smoke\.c:\d+", symbols.line(address))
    assert symbols.function(0x20) is None
    symbols.close()


@pytest.mark.skipif(not shutil.which("gdb-multiarch"), reason="gdb-multiarch is not installed")
def test_board__gdb(smoke):
    """Attach, registers, breakpoint, backtrace, step, memory, peripheral and core registers, kill."""
    board = smoke()
    server = Server(board, 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    commands = [
        "set pagination off",
        f"target remote :{server.port}",
        "p/x $sp",
        "break putch",
        "continue",
        "backtrace",
        "p c",
        "stepi",
        "p/x $pc",
        "delete",
        "break systick",
        "continue",
        "p/x $xpsr & 0x1ff",
        "p ticks",
        "finish",
        "p ticks",
        "x/wx 0xe000ed00",
        "x/wx 0x40023808",
        "p $d0",
        "info threads",
        "delete",
        "watch ticks",
        "continue",
        "continue",
        "kill",
    ]
    arguments = [argument for command in commands for argument in ("-ex", command)]
    out = subprocess.run(
        ["gdb-multiarch", "-nx", "-batch", *arguments, str(board.elf)],
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    thread.join(10)
    server.close()
    assert "= 0x20020000" in out
    assert "Breakpoint 1, putch (c=104)" in out
    assert re.search(r"#1 .* in main \(\)", out)
    assert "Breakpoint 2, systick ()" in out
    assert "= 0xf\n" in out
    assert re.search(r"= 0\n(.|\n)*= 1\n", out)
    assert "0xe000ed00:\t0x410fc241" in out
    assert "0x40023808:\t0x0000940a" in out
    assert "(CPU)" in out
    assert re.search(r"Old value = 1\nNew value = 2\n(.|\n)*Old value = 2\nNew value = 3\n", out)
