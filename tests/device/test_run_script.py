# SPDX-License-Identifier: MIT
"""tools/run_script.py, which is `make exec`: output, exit status, traceback, the same run twice."""

import os
import re
import signal
import subprocess
import sys

import pytest
from support.emulated import TOP

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.path.join(TOP, "tools"), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def command(firmware, pytestconfig, request):
    """The command line up to the script's name."""
    port = pytestconfig.getoption("port")
    if port:
        request.getfixturevalue("board").release()
        where = ["--port", port]
    else:
        where = ["--elf", firmware, "--board", pytestconfig.getoption("board")]
    return [sys.executable, os.path.join(TOP, "tools", "run_script.py"), *where]


@pytest.fixture
def run(command, tmp_path):
    """run(source, *options) -> the finished process; the script is called script.py."""

    def run_it(source, *options):
        (tmp_path / "script.py").write_text(source)
        return subprocess.run(
            [*command, *options, "script.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=300
        )

    return run_it


def test_run_script__output(run):
    """What the script prints is on stdout, byte for byte, and the status is 0."""
    result = run("print('one')\nimport sys\nsys.stdout.write('two')\nprint()\nprint('\\u00e4')\n")
    assert result.stdout == "one\ntwo\n\u00e4\n".encode()
    assert result.stderr == b""
    assert result.returncode == 0


def test_run_script__traceback(run):
    """An exception: its traceback with the script's own name and lines, and status 1."""
    result = run("def f():\n    return 1 // 0\n\nprint('before')\nf()\n")
    assert result.stdout == b"before\n"
    assert result.stderr.decode() == (
        "Traceback (most recent call last):\n"
        '  File "script.py", line 5, in <module>\n'
        '  File "script.py", line 2, in f\n'
        "ZeroDivisionError: divide by zero\n"
    )
    assert result.returncode == 1


def test_run_script__syntax_error(run):
    result = run("a = 1\nb = = 2\n")
    assert result.stderr.decode() == (
        'Traceback (most recent call last):\n  File "script.py", line 2\nSyntaxError: invalid syntax\n'
    )
    assert result.returncode == 1


@pytest.mark.parametrize(
    "call, status, text",
    [
        ("sys.exit()", 0, b""),
        ("sys.exit(0)", 0, b""),
        ("sys.exit(7)", 7, b""),
        ("sys.exit(255)", 255, b""),
        ("sys.exit('why')", 1, b"why\n"),
        ("raise SystemExit", 0, b""),
        ("raise SystemExit(3)", 3, b""),
    ],
)
def test_run_script__exit_status(run, call, status, text):
    """sys.exit() means what it means in CPython."""
    result = run(f"import sys\nprint('x')\n{call}\nprint('never')\n")
    assert (result.returncode, result.stdout, result.stderr) == (status, b"x\n", text)


def test_run_script__name_and_namespace(run):
    """The script is __main__ and finds nothing of the runner's in its namespace."""
    result = run("print(__name__, sorted(n for n in globals() if not n.startswith('__')))\n")
    assert result.stdout == b"__main__ []\n"


def test_run_script__large_script(run):
    """30 KB of source get through."""
    result = run("n = 0\n" + "n += 1  # thirty bytes a line\n" * 1000 + "print(n)\n")
    assert result.stdout == b"1000\n"
    assert result.returncode == 0


def test_run_script__interrupt(command, tmp_path):
    """Ctrl-C in the terminal is a KeyboardInterrupt on the board."""
    (tmp_path / "script.py").write_text("print('going')\nwhile True:\n    pass\n")
    process = subprocess.Popen(
        [*command, "script.py"], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"going\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert error.endswith(b"KeyboardInterrupt: \n")


def test_run_script__missing_file(command):
    result = subprocess.run([*command, "no_such_script.py"], env=ENVIRONMENT, capture_output=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr == b"no_such_script.py: No such file or directory\n"


@pytest.mark.emulator_only
def test_run_script__over_a_port(board, tmp_path):
    """--port: the same over a serial port, from wherever the board is, several times in a row."""
    board.start("while True: pass\n")
    board.release()
    script = tmp_path / "script.py"
    where = [sys.executable, os.path.join(TOP, "tools", "run_script.py"), "--port", board.port]
    for status, last_line, error in (
        (0, "", b""),
        (3, "import sys; sys.exit(3)", b""),
        (1, "1/0", b"ZeroDivisionError: divide by zero\n"),
    ):
        script.write_text(f"print('x' * 3000)\nprint('left' in globals())\nleft = 1\n{last_line}\n")
        result = subprocess.run([*where, str(script)], env=ENVIRONMENT, capture_output=True, timeout=120)
        assert result.stdout == b"x" * 3000 + b"\nFalse\n"
        assert result.stderr.endswith(error)
        assert result.returncode == status


@pytest.mark.emulator_only
def test_run_script__time_limit(run):
    result = run("while True: pass\n", "--timeout", "0.5")
    assert result.returncode == 1
    assert b"the script's time is over" in result.stderr


@pytest.mark.emulator_only
def test_run_script__board_that_resets(run):
    """A reset in the midst is told, not waited for."""
    result = run("import machine\nprint('x')\nmachine.reset()\n")
    assert result.returncode == 1
    assert b"the board left the USB" in result.stderr


@pytest.mark.emulator_only
def test_run_script__same_count_twice(run):
    """The same script retires the same number of instructions, sleep, garbage and floats included."""
    source = (
        "import time, gc, random\n"
        "data = [i * 1.5 for i in range(1000)]\n"
        "time.sleep_ms(5)\n"
        "gc.collect()\n"
        "print(sum(data), time.ticks_us())\n"
    )
    first, second = (run(source, "--count") for _ in range(2))
    assert first.returncode == 0
    assert re.search(rb"\d+ instructions retired, \d+ by the script", first.stderr)
    assert (first.stdout, first.stderr) == (second.stdout, second.stderr)
