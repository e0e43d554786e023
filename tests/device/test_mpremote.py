# SPDX-License-Identifier: MIT
"""mpremote as it comes from PyPI, against the board's serial port: what its users type."""

import ast
import datetime
import functools
import hashlib
import http.server
import json
import os
import sys
import threading
import time

import pexpect
import pytest

EVERY_BYTE = bytes(range(256))


@pytest.fixture
def clean(board):
    """A board whose filesystem has no file of this test before and after it."""
    remove = (
        "import os\n"
        "def rm(path):\n"
        "    try:\n"
        "        if os.stat(path)[0] & 0x4000:\n"
        "            for name in os.listdir(path):\n"
        "                rm(path + '/' + name)\n"
        "            os.rmdir(path)\n"
        "        else:\n"
        "            os.remove(path)\n"
        "    except OSError:\n"
        "        pass\n"
        "for name in os.listdir():\n"
        "    if name.startswith('t_'):\n"
        "        rm(name)\n"
    )
    board.exec(remove)
    yield board
    board.enter_raw_repl()
    board.exec(remove)


def run(board, *arguments, **keywords):
    """mpremote's output with the line ends of this system."""
    return board.mpremote(*arguments, **keywords).stdout.replace(b"\r\n", b"\n").decode()


def test_mpremote__exec(board):
    assert run(board, "exec", "print(6 * 7)") == "42\n"


def test_mpremote__eval(board):
    assert run(board, "eval", "'a' + 'b'") == "ab\n"


def test_mpremote__exec_that_raises(board):
    """The traceback comes, and a status that says so."""
    result = board.mpremote("exec", "print('first'); 1/0", check=False)
    assert result.returncode == 1
    assert result.stdout.startswith(b"first\r\nTraceback (most recent call last):\r\n")
    assert result.stdout.endswith(b"ZeroDivisionError: divide by zero\r\n")


def test_mpremote__run(board, tmp_path):
    """A script larger than the raw-paste window and all buffers runs from the host's disk."""
    script = tmp_path / "script.py"
    script.write_text("total = 0\n" + "total += 1  # a line of the script\n" * 1000 + "print(total)\n")
    assert run(board, "run", str(script)) == "1000\n"


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 4096, 20_000])
def test_mpremote__copy_there_and_back(clean, tmp_path, size):
    """A binary file comes back as it went, whatever bytes it holds."""
    data = (EVERY_BYTE * (size // 256 + 1))[:size]
    there, back = tmp_path / "t_there.bin", tmp_path / "back.bin"
    there.write_bytes(data)
    run(clean, "fs", "cp", str(there), ":t_there.bin")
    run(clean, "fs", "cp", ":t_there.bin", str(back))
    assert back.read_bytes() == data
    listing = run(clean, "fs", "ls")
    assert f"{size} t_there.bin\n" in listing


def test_mpremote__folders(clean, tmp_path):
    """mkdir, cp -r, ls, cat, rm, rmdir."""
    tree = tmp_path / "t_tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "one.txt").write_text("one\n")
    (tree / "inner" / "two.bin").write_bytes(EVERY_BYTE)
    run(clean, "fs", "mkdir", ":t_dir")
    run(clean, "fs", "cp", "-r", str(tree), ":t_dir/")
    assert "inner/" in run(clean, "fs", "ls", ":t_dir/t_tree")
    assert run(clean, "fs", "cat", ":t_dir/t_tree/one.txt") == "one\n"
    back = tmp_path / "back"
    back.mkdir()
    run(clean, "fs", "cp", "-r", ":t_dir", str(back) + "/")
    assert (back / "t_dir" / "t_tree" / "inner" / "two.bin").read_bytes() == EVERY_BYTE
    run(clean, "fs", "rm", ":t_dir/t_tree/one.txt", ":t_dir/t_tree/inner/two.bin")
    run(clean, "fs", "rmdir", ":t_dir/t_tree/inner")
    assert run(clean, "fs", "ls", ":t_dir/t_tree").splitlines()[1:] == []


def test_mpremote__missing_file(clean):
    result = clean.mpremote("fs", "cat", ":t_missing", check=False)
    assert result.returncode == 1
    assert b"No such file" in result.stderr


def test_mpremote__files_outlive_soft_reset(clean, tmp_path):
    """What was copied is there after a soft reset and can be imported."""
    module = tmp_path / "t_module.py"
    module.write_text("value = 'imported'\n")
    run(clean, "fs", "cp", str(module), ":", "+", "soft-reset")
    assert run(clean, "exec", "import t_module; print(t_module.value)") == "imported\n"


def test_mpremote__mount(board, tmp_path):
    """A folder of the host's is a filesystem of the board's: import, read and write files in it."""
    (tmp_path / "local_module.py").write_text("def answer():\n    return 'from the host'\n")
    (tmp_path / "data.bin").write_bytes(EVERY_BYTE * 8)
    script = (
        "import local_module\n"
        "print(local_module.answer())\n"
        "with open('data.bin', 'rb') as f: data = f.read()\n"
        "with open('copy.bin', 'wb') as f: f.write(data)\n"
        "print(len(data))\n"
    )
    output = run(board, "mount", str(tmp_path), "exec", script)
    assert output.endswith("from the host\n2048\n")
    assert (tmp_path / "copy.bin").read_bytes() == EVERY_BYTE * 8


def test_mpremote__soft_reset(board):
    """Variables are gone after it; without it (resume) they stay."""
    run(board, "exec", "kept = 'kept'")
    assert run(board, "resume", "exec", "print(kept)") == "kept\n"
    run(board, "soft-reset")
    result = board.mpremote("resume", "exec", "print(kept)", check=False)
    assert b"NameError: name 'kept' isn't defined" in result.stdout


def test_mpremote__df(board):
    """The filesystem's size is told, and is what statvfs says."""
    output = run(board, "df")
    board.enter_raw_repl()
    head, *lines = output.splitlines()
    assert head.split() == ["filesystem", "size", "used", "avail", "use%", "mounted", "on"]
    _, size, used, available, _, path = lines[0].split()
    block, _, blocks = board.eval(f"__import__('os').statvfs('{path}')[:3]")
    assert int(size) == block * blocks
    assert int(used) + int(available) == int(size)


def test_mpremote__repl(board):
    """A person at `mpremote repl`: banner, a line, Ctrl-C against a loop, Ctrl-] to leave."""
    board.dut.write(b"\x02")
    board.dut.expect_exact(b">>> ")
    board.release()
    child = pexpect.spawn(
        sys.executable,
        ["-m", "mpremote", "connect", board.port, "repl"],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"},
        timeout=60,
    )
    try:
        child.expect_exact("Use Ctrl-] or Ctrl-x to exit this shell")
        child.send("\r")
        child.expect_exact(">>> ")
        child.send("print('typed', 'by', 'hand')\r")
        child.expect_exact("typed by hand\r\n>>> ")
        child.send("print('loop' + 'ing'); exec('while True: pass')\r")
        child.expect_exact("looping\r\n")
        child.send("\x03")
        child.expect_exact("KeyboardInterrupt")
        child.expect_exact(">>> ")
        child.send("\x1d")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
        board.open()


def test_mpremote__edit(clean, tmp_path):
    """The editor gets the file, and what it leaves goes back to the board."""
    clean.exec("with open('t_edit.py', 'w') as f: f.write('old = 1\\n')")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/old/new/ "$1"\n')
    editor.chmod(0o755)
    clean.mpremote("edit", ":t_edit.py", env={"EDITOR": str(editor)})
    assert run(clean, "fs", "cat", ":t_edit.py") == "new = 1\n"


def test_mpremote__rtc(board):
    """`rtc --set` gives the board the host's time, `rtc` tells it."""
    run(board, "rtc", "--set")
    told = ast.literal_eval(run(board, "rtc"))
    year, month, day, weekday, hour, minute, second, _ = told
    board_time = datetime.datetime(year, month, day, hour, minute, second)
    assert abs((datetime.datetime.now() - board_time).total_seconds()) < 600
    assert weekday == board_time.isoweekday()  # as on stm32: Monday is 1


def test_mpremote__sha256sum(clean, tmp_path):
    data = EVERY_BYTE * 5
    (tmp_path / "t_sum").write_bytes(data)
    run(clean, "fs", "cp", str(tmp_path / "t_sum"), ":t_sum")
    assert hashlib.sha256(data).hexdigest() in run(clean, "fs", "sha256sum", ":t_sum")


def test_mpremote__copy_only_what_changed(clean, tmp_path):
    """cp skips a file that the board has already, by its digest; rm -r takes a tree away."""
    tree = tmp_path / "t_tree"
    tree.mkdir()
    (tree / "same").write_text("same\n")
    run(clean, "fs", "cp", "-r", str(tree), ":")
    assert "Up to date: t_tree/same" in run(clean, "fs", "cp", "-r", str(tree), ":").replace("./", "")
    run(clean, "fs", "rm", "-r", ":t_tree")
    assert "t_tree" not in run(clean, "fs", "ls")


@pytest.fixture
def index(tmp_path):
    """An index of mip's on the host's loopback, with one package of a module and a dependency; its URL."""
    folder = tmp_path / "index"
    files = {"t_pack/__init__.py": b"from t_needed import value\n", "t_needed.py": b"value = 'by mip'\n"}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    for name, data in files.items():
        path = folder / "file" / hashes[name][:2] / hashes[name][:8]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    packages = {
        "t_pack": {
            "hashes": [["t_pack/__init__.py", hashes["t_pack/__init__.py"][:8]]],
            "deps": [["t_needed", "latest"]],
        },
        "t_needed": {"hashes": [["t_needed.py", hashes["t_needed.py"][:8]]]},
    }
    for name, package in packages.items():
        path = folder / "package" / "6" / name / "latest.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"v": 1, **package}))
        (folder / "package" / "py" / name).mkdir(parents=True)
        (folder / "package" / "py" / name / "latest.json").write_text(path.read_text())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_mpremote__mip(clean, index):
    """`mip install` from a local index: the package and what it needs are there and can be imported."""
    run(clean, "mip", "install", "--index", index, "--target", "/flash/t_lib", "t_pack")
    script = "import sys; sys.path.append('/flash/t_lib'); import t_pack; print(t_pack.value)"
    assert run(clean, "exec", script) == "by mip\n"


@pytest.mark.emulator_only
def test_mpremote__bootloader(emulated_board):
    """The board ends in its ROM's loader, which speaks no serial line (test_dfu.py talks to it)."""
    board = emulated_board()
    board.mpremote("bootloader", check=False)
    time.sleep(2)  # mpremote has the board wait 100 ms first, and is gone by then: Ctrl-C would end that wait
    with pytest.raises(pexpect.TIMEOUT):
        board.enter_raw_repl(timeout=5)
