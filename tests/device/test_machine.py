# SPDX-License-Identifier: MIT
"""machine, os and time on the board, as MicroPython documents them."""

import pytest
from support.board import BoardError


def test_freq(board):
    """The clock tree is what the board's file says: a wrong PLL makes every time on the board wrong."""
    assert board.eval("__import__('machine').freq()") == (168_000_000, 168_000_000, 42_000_000, 84_000_000)


def test_freq__change_keeps_time_and_usb(board):
    """At half and at full speed a second is a second, and the REPL over USB never notices."""
    board.exec("import machine, time")
    assert board.eval("machine.freq(84_000_000) or machine.freq()[1]") == 84_000_000
    script = "t, c = time.ticks_us(), time.ticks_cpu()\ntime.sleep_us(2000)\n"
    script += "print(time.ticks_diff(time.ticks_us(), t), time.ticks_diff(time.ticks_cpu(), c))"
    us, cycles = map(int, board.exec(script).split())
    assert 2000 <= us < 2600
    assert 80 <= cycles / us <= 85
    board.exec("t = time.ticks_us()\ntime.sleep_ms(50)\nassert 49_000 <= time.ticks_us() - t < 60_000")
    assert board.eval("machine.freq(168_000_000) or machine.freq()[1]") == 168_000_000


def test_freq__impossible__ValueError(board):
    with pytest.raises(BoardError, match="ValueError: can't change freq"):
        board.exec("import machine\nmachine.freq(100_000_000)")


def test_unique_id(board):
    """Twelve bytes, the same each time: MAC address and USB serial number come from it."""
    board.exec("import machine")
    assert board.eval("len(machine.unique_id())") == 12
    assert board.eval("machine.unique_id() == machine.unique_id()") is True


def test_uname(board):
    name = board.eval("tuple(__import__('os').uname())")
    assert name[0] == "stm32" and name[4].endswith(("STM32F407VG", "STM32F407ZG", "STM32F407VE"))


def test_urandom(board):
    """The generator runs: no repetition, all sizes, 0 too."""
    board.exec("import os")
    assert board.eval("os.urandom(0)") == b""
    blocks = [board.eval("os.urandom(33)") for _ in range(3)]
    assert len(set(blocks)) == 3 and all(len(block) == 33 for block in blocks)
    with pytest.raises(BoardError, match="ValueError"):
        board.exec("os.urandom(-1)")


def test_time__sleep_and_ticks(board):
    """Sleeps last as long as they say, in each unit."""
    board.exec("import time")
    for statement, us in (("sleep_us(300)", 300), ("sleep_us(7500)", 7500), ("sleep_ms(30)", 30_000)):
        script = f"t = time.ticks_us()\ntime.{statement}\nprint(time.ticks_diff(time.ticks_us(), t))"
        took = int(board.exec(script))
        assert us <= took <= us + 1500, statement


def test_rtc__set_and_get(board):
    """datetime() is kept, and time.time() and localtime() follow it over the turn of a leap year's day."""
    board.exec("import machine, time\nrtc = machine.RTC()")
    board.exec("rtc.datetime((2024, 2, 28, 0, 23, 59, 59, 0))")
    assert board.eval("rtc.datetime()[:4]") == (2024, 2, 28, 3)
    board.exec("time.sleep_ms(1200)")
    assert board.eval("rtc.datetime()[:7]") == (2024, 2, 29, 4, 0, 0, 0)
    assert board.eval("time.localtime()[:3] + time.localtime()[6:]") == (2024, 2, 29, 3, 60)
    board.exec("a = time.time()\nassert a == time.mktime(time.localtime())")
    board.exec("assert 0 <= time.time_ns() - a * 10**9 < 3 * 10**9")


@pytest.mark.parametrize(
    "date", ["(1999, 1, 1, 0, 0, 0, 0, 0)", "(2023, 2, 29, 0, 0, 0, 0, 0)", "(2024, 1, 1)"]
)
def test_rtc__impossible_date__ValueError(board, date):
    with pytest.raises(BoardError, match="ValueError"):
        board.exec(f"import machine\nmachine.RTC().datetime({date})")


def test_rtc__survives_a_soft_reset(board):
    board.exec("import machine\nmachine.RTC().datetime((2030, 6, 15, 0, 12, 0, 0, 0))")
    board.soft_reset()
    assert board.eval("__import__('machine').RTC().datetime()[:5]") == (2030, 6, 15, 6, 12)


def test_disable_irq(board):
    """Between the two calls no interrupt that wakes Python is taken; after them all goes on."""
    board.exec("import machine\ns = machine.disable_irq()\nx = sum(range(100))\nmachine.enable_irq(s)")
    board.exec("import time\ntime.sleep_ms(5)")


def test_gc__memory_at_the_prompt(board):
    """The script has at least 96 KB in both parts of the heap together (issue 2)."""
    board.exec("import gc")
    board.exec("gc.collect()")
    assert board.eval("gc.mem_free()") >= 96 * 1024


def test_gc__split_heap_is_one(board):
    """Blocks come from SRAM and from CCM, and what lies in one keeps alive what lies in the other."""
    board.exec("import gc, uctypes\nblocks = []")
    board.exec("while gc.mem_free() > 6000:\n blocks.append(bytearray(1000))")
    places = board.eval("{uctypes.addressof(b) >> 28 for b in blocks}")
    assert places == {1, 2}
    board.exec("for i, b in enumerate(blocks):\n b[:] = bytes((i & 255,)) * 1000")
    board.exec("gc.collect()\nassert all(b == bytes((i & 255,)) * 1000 for i, b in enumerate(blocks))")


def test_memory_error(board):
    """A heap that is full is an exception, and the board goes on."""
    with pytest.raises(BoardError, match="MemoryError"):
        board.exec("def fill():\n x = []\n while True:\n  x.append(bytearray(1000))\nfill()")
    board.exec("import gc\ngc.collect()")
    assert board.eval("gc.mem_free()") > 80_000


def test_recursion__RuntimeError(board):
    """The stack's limit is found before the stack's end."""
    with pytest.raises(BoardError, match="RuntimeError: maximum recursion depth exceeded"):
        board.exec("def f():\n f()\nf()")
    assert board.eval("1 + 1") == 2
