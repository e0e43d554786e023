# SPDX-License-Identifier: MIT
"""MicroPython's own run-tests.py on boards of ours, in the background, a verdict per test file."""

import difflib
import os
import re
import subprocess
import sys
import tempfile
import threading

BOARD_FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "board")
# What tests find in their working directory on a PC has to be on the board's filesystem.
FIXTURES = {
    "import": ("import",),
    "io": ("io/data",),
    "unicode": ("unicode/data",),
}
VERDICT = re.compile(r"^(pass|skip|FAIL)\s+(\S+\.py)")
DIFF_LINES = 60


class SkipList:
    """tests/upstream/skip.txt: {test file: (kind, reason)}. A line: `FILE KIND REASON`, # comments.

    skip  the test says itself that it does not apply, or run-tests.py knows so
    fail  it fails, for a reason that is no fault of the port
    chance  it passes or fails by chance, for such a reason
    never it is not run at all (it cannot end on a board)
    """

    KINDS = ("skip", "fail", "chance", "never")

    def __init__(self, path):
        self.entries = {}
        with open(path) as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                words = line.split(None, 2)
                if len(words) < 3 or words[1] not in self.KINDS:
                    raise ValueError(f"{path}:{number}: not 'FILE {'|'.join(self.KINDS)} REASON': {line}")
                if words[0] in self.entries:
                    raise ValueError(f"{path}:{number}: {words[0]} is listed twice")
                self.entries[words[0]] = (words[1], words[2])

    def kind(self, name):
        return self.entries.get(name, (None, None))[0]

    def reason(self, name):
        return self.entries.get(name, (None, None))[1]


class Run(threading.Thread):
    """Runs `names` in turn on boards from make_board(); a board that dies is replaced, the rest goes on.

    files: {path on the board: content} to put there first. prefix: what comes before run-tests.py's command.
    """

    def __init__(self, tests, names, make_board, results, files=None, prefix=()):
        super().__init__(daemon=True)
        self.files = files or {}
        self.prefix = prefix
        self.tests = tests
        self.names = list(names)
        self.make_board = make_board
        self.results = results
        self.verdicts = {}
        self.changed = threading.Condition()
        self.error = None

    def run(self):
        try:
            left = self.names
            while left:
                ending = self._run_on_one_board(left)
                left = [name for name in left if name not in self.verdicts]
                if left:
                    self._set(left.pop(0), f"the board or run-tests.py gave up:\n{ending}")
        except BaseException as error:
            self.error = error
        finally:
            with self.changed:
                self.changed.notify_all()

    def _set(self, name, verdict):
        with self.changed:
            self.verdicts[name] = verdict
            self.changed.notify_all()

    def _run_on_one_board(self, names):
        """Run `names` as far as one board goes; returns the end of what was said."""
        board = self.make_board()
        try:
            self._copy_fixtures(board, {name.rsplit("/", 1)[0] for name in names})
            board.release()
            said = []
            script = [sys.executable, "-u", "run-tests.py", "-t", f"port:{board.port}", "-r", self.results]
            command = [*self.prefix, *script, *names]
            with subprocess.Popen(
                command,
                cwd=self.tests,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, "MICROPY_CPYTHON3": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"},
            ) as process:
                for line in process.stdout:
                    said.append(line)
                    if match := VERDICT.match(line):
                        self._set(match[2], match[1])
            return "".join(said[-30:]) + (board.process.tail() if board.emulated else "")
        finally:
            board.close()

    def _copy_fixtures(self, board, directories):
        """Put on the board what the tests expect beside them, and unittest."""
        board.mpremote("fs", "mkdir", ":lib", check=False)
        board.mpremote("fs", "cp", os.path.join(BOARD_FILES, "unittest.py"), ":lib/unittest.py")
        for path, content in self.files.items():
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(content)
                file.flush()
                board.mpremote("fs", "cp", file.name, f":{path}")
        for directory in sorted(directories):
            for tree in FIXTURES.get(directory, ()):
                if tree == directory:
                    entries = [
                        os.path.join(self.tests, tree, name)
                        for name in sorted(os.listdir(os.path.join(self.tests, tree)))
                    ]
                else:
                    entries = [os.path.join(self.tests, tree)]
                board.mpremote("fs", "cp", "-r", *entries, ":")

    def wait(self, name):
        """The verdict of `name`: pass, skip, FAIL, or text that tells how the run ended."""
        with self.changed:
            while name not in self.verdicts and self.is_alive():
                self.changed.wait(1)
        if name not in self.verdicts:
            raise RuntimeError(f"the run ended without a verdict on {name}: {self.error!r}")
        return self.verdicts[name]


def difference(results, name):
    """How the test's output differs from what was expected."""
    base = os.path.join(results, name.replace("/", "_"))
    texts = []
    for end in (".exp", ".out"):
        try:
            with open(base + end, errors="replace") as file:
                texts.append(file.read().splitlines())
        except OSError:
            texts.append([])
    lines = list(difflib.unified_diff(*texts, "expected", "board", lineterm=""))
    return "\n".join(lines[:DIFF_LINES])
