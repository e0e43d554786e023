# SPDX-License-Identifier: MIT
"""From reset to the prompt and through every kind of reset, on the console UART of an emulated board."""

import pytest
from emulator.rtos import DELAYED, READY, RUNNING, SUSPENDED, Tasks
from emulator.symbols import Symbols
from support.uart_bench import PROMPT, UartBench

pytestmark = pytest.mark.emulator_only

BANNER = b'Type "help()" for more information.'
SYSTEM_MEMORY = 0x1FFF0000
ROM_STACK = 0x20002D40
ROM_ENTRY = 0x1FFF0100


@pytest.fixture(scope="module")
def empty_flash(firmware, pytestconfig):
    """A flash with the firmware and a new, empty filesystem."""
    bench = UartBench(firmware, pytestconfig.getoption("board"))
    bench.expect(PROMPT)
    image = bench.board.flash_image()
    bench.close()
    return image


@pytest.fixture
def start(firmware, pytestconfig, empty_flash):
    """start(flash_image=..., ...) -> UartBench; all are closed after the test."""
    benches = []

    def make(flash_image=empty_flash, **keywords):
        benches.append(UartBench(None, pytestconfig.getoption("board"), flash_image=flash_image, **keywords))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(start):
    made = start()
    made.expect(PROMPT)
    return made


def reset_cause(bench):
    bench.line("import machine")
    causes = "('PWRON', 'HARD', 'SOFT', 'WDT', 'DEEPSLEEP', 'FAULT')"
    said = bench.line(f"[c for c in {causes} if getattr(machine, c + '_RESET') == machine.reset_cause()]")
    return said.split(b"'")[1].decode()


def test_boot__new_flash(firmware, pytestconfig):
    """A flash that never held files gets a filesystem, and the next boot finds it."""
    bench = UartBench(firmware, pytestconfig.getoption("board"))
    said = bench.expect(PROMPT)
    assert b"No filesystem in flash: making one" in said and BANNER in said
    bench.board.reset("pin")
    assert b"making one" not in bench.expect(PROMPT)
    bench.close()


def test_boot__reset_causes(bench):
    """Each way to reset is told from the others."""
    assert reset_cause(bench) == "PWRON"
    bench.board.reset("pin")
    bench.expect(PROMPT)
    assert reset_cause(bench) == "HARD"
    bench.line("machine.reset()")
    assert reset_cause(bench) == "SOFT"
    bench.line("w = machine.WDT(timeout=300)")
    bench.expect(BANNER)
    bench.expect(PROMPT)
    assert reset_cause(bench) == "WDT"


def test_wdt__fed_in_time(bench):
    """A watchdog that is fed does not bite; one left alone does."""
    bench.line("import machine, time; w = machine.WDT(timeout=400)")
    bench.send(b'exec(\'for i in range(8):\\n time.sleep_ms(200); w.feed()\\nprint("f" + "ed")\')\r')
    said = bench.expect(b"fed", 5)
    assert BANNER not in said
    bench.expect(BANNER, 5)


def test_boot__scripts_run_in_order(bench):
    """boot.py, then main.py, then the prompt, at a hard and at a soft reset."""
    bench.write_file("/flash/boot.py", "print('this is boot')")
    bench.write_file("/flash/main.py", "print('this is main')")
    for reset in ("import machine; machine.reset()", "raise SystemExit"):
        said = bench.line(reset)
        assert said.index(b"this is boot") < said.index(b"this is main") < said.index(BANNER)


def test_boot__main_that_raises(bench):
    """A traceback, and then the prompt."""
    bench.write_file("/flash/main.py", "1/0")
    said = bench.line("import machine; machine.reset()")
    assert b'File "main.py", line 1' in said and b"ZeroDivisionError" in said


def test_boot__ctrl_c_breaks_main(bench):
    bench.write_file("/flash/main.py", "print('looping')\nwhile True: pass")
    bench.line("import machine; machine.reset()", b"looping")
    bench.send(b"\x03")
    assert b"KeyboardInterrupt" in bench.expect(PROMPT)


def test_boot__button_held(bench):
    """The user button at reset: neither script runs, and the next reset without it runs both."""
    bench.write_file("/flash/boot.py", "print('this is boot')")
    bench.write_file("/flash/main.py", "print('this is main')")
    bench.board.press_button()
    bench.board.reset("pin")
    said = bench.expect(PROMPT)
    assert b"Button held: boot.py and main.py are skipped" in said and b"this is" not in said
    assert b"hello" in bench.line("print('hel' + 'lo')")
    bench.board.release_button()
    assert b"this is boot" in bench.line("import machine; machine.reset()")


def test_boot__files_outlive_power(bench, start):
    bench.write_file("/flash/note.txt", "still here")
    after = start(flash_image=bench.board.flash_image())
    after.expect(PROMPT)
    assert b"still here" in after.line("open('/flash/note.txt').read()")


def test_boot__filesystem_destroyed(start, empty_flash):
    """Rubbish where the files were: a new filesystem, and the prompt."""
    image = bytearray(empty_flash)
    image[0xA0000:] = b"\x5a" * (len(image) - 0xA0000)
    bench = start(flash_image=bytes(image))
    said = bench.expect(PROMPT, 30)
    assert b"No filesystem in flash: making one" in said
    bench.write_file("/flash/a.txt", "x")
    assert b"['a.txt']" in bench.line("__import__('os').listdir('/flash')")


def test_bootloader(bench):
    """machine.bootloader() runs the ROM with the chip as after reset. test_dfu.py flashes by it."""
    cpu = bench.board.cpu
    cpu.write(SYSTEM_MEMORY, ROM_STACK.to_bytes(4, "little") + (ROM_ENTRY | 1).to_bytes(4, "little"))
    cpu.write(ROM_ENTRY, b"\xfe\xe7")  # b .
    bench.line("import _thread; _thread.start_new_thread(lambda: [i for i in iter(int, 1)], ())")
    bench.send(b"import machine; machine.bootloader()\r")
    bench.run(1)
    assert cpu.pc == ROM_ENTRY
    assert cpu.register("primask") == 0 and cpu.debug_read(0xE000ED08) == 0  # interrupts work, VTOR is 0
    assert cpu.register("msp") == ROM_STACK
    machine = bench.board.machine
    assert machine["SYSCFG"].read(0, 4) == 1  # MEMRMP: system memory at 0
    assert machine["RCC"].read(0x08, 4) == 0  # CFGR: HSI
    assert machine["RCC"].read(0x34, 4) == 0  # AHB2ENR: USB off
    assert cpu.debug_read(0xE000E010) & 1 == 0  # SysTick off
    assert cpu.debug_read(0xE000E100) == 0  # no interrupt enabled
    bench.board.reset("pin")
    bench.expect(PROMPT)


def test_boot__by_a_jump(bench):
    """The ROM's loader starts the image without a reset: clocks, tick, timers and interrupts are running."""
    bench.line("import machine; t = machine.Timer(period=5, callback=print)", b"PERIODIC")
    cpu = bench.board.cpu
    cpu.set_register("primask", 1)  # as the loader leaves it: it is not in a handler, nor on PSP
    while cpu.register("xpsr") & 0x1FF:
        bench.board.run(ns=1000)
    cpu.set_register("control", 0)
    vectors = cpu.read(0x08000000, 8)
    cpu.set_register("msp", int.from_bytes(vectors[:4], "little"))
    cpu.set_register("pc", int.from_bytes(vectors[4:], "little") & ~1)
    bench.expect(BANNER)
    bench.expect(PROMPT)
    assert b"(168000000, 168000000, 42000000, 84000000)" in bench.line("__import__('machine').freq()")


def fault(bench, script):
    """Type a script that kills the firmware; the report and what the next run says."""
    bench.line("from machine import mem32; import micropython")
    bench.send(script.encode() + b"\r")
    report = bench.expect(b"BFAR 0x", 5)
    return report, bench.expect(PROMPT)


def test_fault__bus_fault(bench):
    """A read where nothing is: the report names kind, task and PC, is kept, and the board runs again."""
    report, after = fault(bench, "mem32[0x30000000]")
    assert b"FATAL: bus fault in task main" in report
    assert b"The last run died: bus fault in task main" in after and BANNER in after
    assert reset_cause(bench) == "FAULT"
    assert b"('bus fault', 'main', " in bench.line("machine.fault_report()")
    bench.line("machine.reset()")
    assert b"None" in bench.line("print(__import__('machine').fault_report())")


def test_fault__undefined_instruction(bench):
    """The PC in the report is the instruction's own."""
    bench.line("import uctypes")
    bench.line("code = bytearray(b'\\x00\\xde' * 8)")  # udf #0
    bench.line("micropython = __import__('micropython')")
    bench.send(b"exec('@micropython.asm_thumb\\ndef f(r0):\\n bx(r0)')\r")
    bench.expect(PROMPT)
    address = bench.line("hex(uctypes.addressof(code))").split(b"'")[1].decode()
    bench.send(b"f(uctypes.addressof(code) | 1)\r")
    report = bench.expect(b"BFAR 0x", 5)
    assert b"FATAL: usage fault in task main" in report
    assert f"PC 0x{int(address, 16):08x}".encode() in report


def test_fault__stack_overflow_names_the_task(bench):
    """Writing beyond a thread's stack is found at once, and the task is named."""
    bench.line("import _thread, time, micropython")
    bench.send(b"exec('@micropython.asm_thumb\\ndef dig():\\n label(x)\\n push({r0, r1, r2, r3})\\n b(x)')\r")
    bench.expect(PROMPT)
    bench.send(b"_ = _thread.start_new_thread(dig, ())\r")
    report = bench.expect(b"BFAR 0x", 5)
    assert b"FATAL: " in report and b" in task python" in report
    assert BANNER in bench.expect(PROMPT)


def test_tasks__are_named_to_gdb(bench, firmware):
    """What gdb shows as threads and a crash report names is in this firmware's debug information."""
    bench.line("import time")
    found = {task.name: task.state for task in Tasks(bench.board.cpu, Symbols(firmware)).tasks()}
    assert found == {"main": RUNNING, "IDLE": READY, "tcpip": DELAYED, "usb": SUSPENDED}


def test_uart_console__both_ways_at_speed(bench):
    """A long line in and a long print out lose nothing on the UART."""
    bench.line("import sys")
    assert b"3" * 3000 in bench.line("print('3' * 3000)")
    text = "x" * 200
    assert text.encode() in bench.line(f"'{text}'")
