# SPDX-License-Identifier: MIT
"""Thonny's own back end, as its window starts it, on the board's port: connect, run, files, interrupt."""

import os
import queue
import subprocess
import sys
import threading

import pytest
from thonny import common

ANSWER_SECONDS = 60
ARGUMENTS = {
    "clean": True,
    "interrupt_on_connect": True,
    "restart_interpreter_before_run": True,
    "sync_rtc": True,
    "local_rtc": True,
    "utc_clock": False,
    "submit_mode": None,
    "write_block_size": None,
    "write_block_delay": None,
    "dtr": None,
    "rts": None,
}


class Thonny:
    """The back end's process. output: what the board printed before the last answer."""

    def __init__(self, port, directory):
        user = directory / "user"
        user.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "thonny.plugins.micropython.bare_metal_backend"]
            + [repr({**ARGUMENTS, "port": port, "api_stubs_path": str(directory)})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "THONNY_USER_DIR": str(user), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.lines = queue.Queue()
        self.output = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def answer(self, kind, until=None):
        """The next message of that type, or the one after which `until` was printed."""
        self.output = ""
        while (line := self.lines.get(timeout=ANSWER_SECONDS)) is not None:
            if not line.startswith(common.MESSAGE_MARKER):
                continue
            message = common.parse_message(line)
            if message.get("event_type") == "ProgramOutput":
                self.output += message["data"].replace("\r\n", "\n")
            if type(message) is kind or (until and until in self.output):
                return message
        raise AssertionError(f"Thonny's back end ended: {self.output}")

    def send(self, command):
        self.process.stdin.write(common.serialize_message(command) + "\n")
        self.process.stdin.flush()

    def run(self, source):
        self.send(common.ToplevelCommand("execute_source", source=source))
        self.answer(common.ToplevelResponse)
        return self.output

    def ask(self, name, **fields):
        self.send(common.InlineCommand(name, id="1", **fields))
        return self.answer(common.InlineResponse)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def thonny(board, tmp_path):
    """Thonny, connected; the board has no file of these tests before and after."""
    remove = "import os\nif 't_thonny.py' in os.listdir(): os.remove('t_thonny.py')"
    board.exec(remove)
    board.dut.write(b"\x02")
    board.release()
    made = Thonny(board.port, tmp_path)
    try:
        yield made
    finally:
        made.close()
        board.enter_raw_repl()
        board.exec(remove)


def test_thonny__connects(thonny):
    """It knows what it talks to and where it is."""
    hello = thonny.answer(common.ToplevelResponse)
    assert hello["welcome_text"].startswith("MicroPython v") and hello["cwd"] == "/flash"


def test_thonny__runs(thonny):
    """A script's output, and the traceback of one that raises; variables stay."""
    thonny.answer(common.ToplevelResponse)
    assert thonny.run("x = 6\nprint(x * 7)\n") == "42\n"
    assert "NameError: name 'y' isn't defined" in thonny.run("print(x)\nprint(y)\n")
    assert thonny.run("print(x)\n") == "6\n"


def test_thonny__files(thonny):
    """A file is saved to the board, listed and opened again."""
    thonny.answer(common.ToplevelResponse)
    content = b"value = 'saved'\n" * 200
    thonny.ask(
        "write_file",
        path="/flash/t_thonny.py",
        content_bytes=content,
        make_shebang_scripts_executable=False,
    )
    listed = thonny.ask("get_dirs_children_info", node_id="", paths={"/flash"}, include_hidden=True)
    assert listed["data"]["/flash"]["t_thonny.py"]["size"] == len(content)
    assert thonny.ask("read_file", path="/flash/t_thonny.py")["content_bytes"] == content


def test_thonny__interrupt(thonny):
    """The stop button ends an endless loop."""
    thonny.answer(common.ToplevelResponse)
    thonny.send(common.ToplevelCommand("execute_source", source="print('loop' + 'ing')\nwhile True: pass\n"))
    thonny.answer(None, until="looping")
    thonny.send(common.ImmediateCommand("interrupt"))
    thonny.answer(common.ToplevelResponse)
    assert "KeyboardInterrupt" in thonny.output
