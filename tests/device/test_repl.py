# SPDX-License-Identifier: MIT
"""The REPL over USB serial: friendly, raw and raw-paste, and Ctrl-C against whatever runs."""

import os
import struct
import sys

import pexpect
import pytest
from support.emulated import TOP

BANNER = rb"MicroPython v1\.25\.0[^\r\n]*\r\nType \"help\(\)\" for more information\.\r\n>>> "


def friendly(board):
    """Leave the raw REPL; the banner and a prompt come."""
    board.dut.write(b"\x02")
    board.dut.expect(BANNER)


def test_repl__banner_and_expressions(board):
    """What somebody sees who opens a terminal: banner, echo, results, tracebacks, continued lines."""
    friendly(board)
    board.dut.write(b"6 * 7\r")
    board.dut.expect_exact(b"6 * 7\r\n42\r\n>>> ")
    board.dut.write(b"1 / 0\r")
    board.dut.expect_exact(b"ZeroDivisionError: divide by zero\r\n>>> ")
    board.dut.write(b"for i in range(2):\rprint(i)\r\r\r\r")
    board.dut.expect_exact(b"0\r\n1\r\n>>> ")


def test_repl__editing(board):
    """Backspace, history and tab completion work over USB."""
    friendly(board)
    board.dut.write(b"12\x7f3\r")
    board.dut.expect_exact(b"\r\n13\r\n>>> ")
    board.dut.write(b"\x1b[A\r")
    board.dut.expect_exact(b"\r\n13\r\n>>> ")
    board.dut.write(b"import sys\rsys.impl\t.name\r")
    board.dut.expect_exact(b"'micropython'\r\n>>> ")


def test_repl__paste_mode(board):
    friendly(board)
    board.dut.write(b"\x05")
    board.dut.expect_exact(b"=== ")
    board.dut.write(b"def f():\r    return 'pasted'\r\rprint(f())\r\x04")
    board.dut.expect_exact(b"\r\npasted\r\n>>> ")


def test_repl__soft_reset(board):
    """Ctrl-D starts over with a fresh heap; the port stays open."""
    friendly(board)
    board.dut.write(b"left_over = 1\r")
    board.dut.expect_exact(b">>> ")
    board.dut.write(b"\x04")
    board.dut.expect_exact(b"MPY: soft reboot\r\n")
    board.dut.expect(BANNER)
    board.dut.write(b"left_over\r")
    board.dut.expect_exact(b"NameError: name 'left_over' isn't defined")


def test_repl__raw_output_and_error(board):
    """Output and traceback come apart, with the line number of the script."""
    output, error = board.exec_raw("print('before')\n\nraise ValueError('x')\n")
    assert output == b"before\r\n"
    assert error.endswith(b'File "<stdin>", line 3, in <module>\r\nValueError: x\r\n')


class RawPaste:
    """Raw-paste mode as MicroPython's documentation describes it (reference/repl)."""

    def __init__(self, board):
        self.dut = board.dut
        self.dut.write(b"\x05A\x01")
        self.dut.expect_exact(b"R\x01")
        self.window = struct.unpack("<H", self.take(2))[0]
        self.left = self.window
        self.grants = 0

    def take(self, count):
        return self.dut.expect(rb"(?s).{%d}" % count).group(0)

    def send(self, data):
        """Send, within the window. False if the board ends the transfer."""
        while data:
            if not self.left:
                answer = self.take(1)
                if answer == b"\x04":
                    return False
                assert answer == b"\x01"
                self.left += self.window
                self.grants += 1
            part, data = data[: self.left], data[self.left :]
            self.dut.write(part)
            self.left -= len(part)
        return True


def test_repl__raw_paste(board):
    """A script of several windows arrives whole under flow control, and runs."""
    lines = [f"x{n} = {n}" for n in range(300)]
    script = "\n".join(lines) + "\nprint(x0 + x299)\n"
    paste = RawPaste(board)
    assert paste.window >= 32
    assert paste.send(script.encode())
    assert paste.grants >= len(script) // paste.window - 1
    board.dut.write(b"\x04")
    board.dut.expect(rb"\x01*\x04299\r\n\x04\x04>")


def test_repl__raw_paste_syntax_error(board):
    """The compiler's complaint comes with its line when the script is over."""
    paste = RawPaste(board)
    assert paste.send(b"a = 1\nb = = 2\n")
    board.dut.write(b"\x04")
    board.dut.expect(rb'(?s)\x04.*File "<stdin>", line 2\r\nSyntaxError: invalid syntax\r\n\x04>')


def test_repl__raw_paste_aborted(board):
    """Ctrl-C in the midst of a paste throws it away; the board is ready for the next."""
    paste = RawPaste(board)
    assert paste.send(b"print('never')\n")
    board.dut.write(b"\x03")
    board.dut.expect_exact(b"KeyboardInterrupt")
    board.dut.expect_exact(b"\x04>")
    assert board.exec("print('next')") == "next\n"


@pytest.mark.parametrize(
    "script",
    [
        "while True: pass",
        "def f():\n while True: f\nf()",
        "import time\ntime.sleep(1000)",
        "import time\ntime.sleep_us(900_000_000)",
        "import sys\nsys.stdin.read(1)",
        "import select, sys\np = select.poll()\np.register(sys.stdin, select.POLLIN)\np.poll()",
        "import asyncio\nasync def f():\n await asyncio.sleep(1000)\nasyncio.run(f())",
        "while True: print('x' * 40)",
    ],
    ids=["loop", "function", "sleep", "sleep_us", "stdin", "poll", "asyncio", "printing"],
)
def test_interrupt__breaks(board, script):
    """Ctrl-C raises KeyboardInterrupt in whatever the script does, and the next script runs."""
    board.start("print('going')\n" + script)
    board.dut.expect_exact(b"going\r\n")
    board.dut.write(b"\x03")
    _, error = board.finish()
    assert error.endswith(b"KeyboardInterrupt: \r\n")
    assert board.exec("print('alive')") == "alive\n"


@pytest.mark.parametrize(
    "call",
    [
        "s = socket.socket()\ns.bind(('0.0.0.0', 4000))\ns.listen(1)\nprint('going')\ns.accept()",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('0.0.0.0', 4000))\n"
        "print('going')\ns.recvfrom(10)",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('0.0.0.0', 4000))\n"
        "import select\np = select.poll()\np.register(s, select.POLLIN)\nprint('going')\np.poll()",
        "s = socket.socket()\ns.settimeout(1000)\ns.bind(('0.0.0.0', 4000))\ns.listen(1)\n"
        "print('going')\ns.accept()",
    ],
    ids=["accept", "recvfrom", "poll", "timeout"],
)
def test_interrupt__breaks_blocking_socket(board, call):
    """Ctrl-C breaks a call that waits for the network; its socket can be closed and its port used again."""
    board.start("import network, socket\nnetwork.LAN().active(True)\n" + call)
    board.dut.expect_exact(b"going\r\n")
    board.dut.write(b"\x03")
    _, error = board.finish()
    assert error.endswith(b"KeyboardInterrupt: \r\n")
    assert board.exec("s.close()\nprint('closed')") == "closed\n"
    again = "s = socket.socket()\ns.bind(('0.0.0.0', 4000))\ns.close()\nprint('bound')\n"
    assert board.exec(again) == "bound\n"


def test_interrupt__caught(board):
    """A script may catch KeyboardInterrupt and go on."""
    board.start(
        "import time\n"
        "print('going')\n"
        "try:\n"
        "    time.sleep(1000)\n"
        "except KeyboardInterrupt:\n"
        "    print('caught')\n"
    )
    board.dut.expect_exact(b"going\r\n")
    board.dut.write(b"\x03")
    output, error = board.finish()
    assert output.endswith(b"caught\r\n")
    assert error == b""


def test_interrupt__switched_off(board):
    """micropython.kbd_intr(-1): Ctrl-C is a byte like any other."""
    board.start(
        "import micropython, sys\n"
        "micropython.kbd_intr(-1)\n"
        "print('going')\n"
        "data = sys.stdin.buffer.read(3)\n"
        "micropython.kbd_intr(3)\n"
        "print(data)\n"
    )
    board.dut.expect_exact(b"going\r\n")
    board.dut.write(b"a\x03b")
    output, _ = board.finish()
    assert output == b"b'a\\x03b'\r\n"


def test_serial__every_byte_both_ways(board):
    """All 256 values pass unchanged in both directions, more than any buffer on the way holds."""
    rounds = 40
    board.start(
        "import micropython, sys\n"
        "micropython.kbd_intr(-1)\n"
        "print('going')\n"
        f"for _ in range({rounds}):\n"
        "    sys.stdout.buffer.write(sys.stdin.buffer.read(256))\n"
        "micropython.kbd_intr(3)\n"
        "print('done')\n"
    )
    board.dut.expect_exact(b"going\r\n")
    data = bytes(range(256)) * rounds
    for start in range(0, len(data), 512):
        board.dut.write(data[start : start + 512])
    # expect() would stop at what looks like its pattern: the length says where the data end.
    got = board.dut.expect(rb"(?s)(.{%d})done\r\n" % len(data)).group(1)
    assert got == data
    board.finish()


def test_serial__long_output(board):
    """64 KB of output arrive whole."""
    output, error = board.exec_raw(
        "for i in range(4096):\n    print('%015d' % i, end='')\n    print('.', end='')\n"
    )
    assert error == b""
    assert output == b"".join(b"%015d." % i for i in range(4096))


def test_serial__nobody_listens(board):
    """With the port closed output does not hold the script up; who opens it later finds the newest of it."""
    board.start(
        "import time\n"
        "time.sleep_ms(300)\n"
        "start = time.ticks_ms()\n"
        "for i in range(500):\n"
        "    print('line', i)\n"
        "took = time.ticks_diff(time.ticks_ms(), start)\n"
    )
    board.release()
    board.open()
    output, error = board.finish(timeout=60)
    assert output.endswith(b"line 499\r\n") and not error
    assert board.eval("took") < 2000


@pytest.mark.emulator_only
def test_serial__uart_at_the_same_time(board):
    """The UART's REPL hears and says the same as the one on USB."""
    import serial

    with serial.Serial(board.process.uart, 115200, timeout=20) as uart:
        board.dut.write(b"\x02")
        board.dut.expect_exact(b">>> ")
        uart.reset_input_buffer()
        uart.write(b"print('from', 'uart')\r")
        assert uart.read_until(b"from uart\r\n").endswith(b"from uart\r\n")
        board.dut.expect_exact(b"from uart\r\n>>> ")
        uart.write(b"print('loop' + 'ing'); exec('while True: pass')\r")
        board.dut.expect_exact(b"looping\r\n")
        uart.write(b"\x03")
        board.dut.expect_exact(b"KeyboardInterrupt: \r\n>>> ")


@pytest.mark.emulator_only
def test_terminal__prompt_and_leave(firmware, pytestconfig):
    """`make run`: the emulator in a terminal gives the prompt, passes Ctrl-C on, and Ctrl-X leaves it."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "emulator", firmware, "--board", pytestconfig.getoption("board"), "--repl"],
        env={**os.environ, "PYTHONPATH": os.path.join(TOP, "tools"), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=60,
    )
    try:
        child.expect_exact(">>> ")
        child.send("print('typed', 'by', 'hand')\r")
        child.expect_exact("typed by hand\r\n>>> ")
        child.send("import time; print('sleep' + 'ing'); time.sleep(1000)\r")
        child.expect_exact("sleeping\r\n")
        child.send("\x03")
        child.expect_exact("KeyboardInterrupt: \r\n>>> ")
        child.send("\x18")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
