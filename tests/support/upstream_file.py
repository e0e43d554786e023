# SPDX-License-Identifier: MIT
"""A file of MicroPython's own tests that knows its platforms by name, told about this one."""

import os

TESTS = os.path.join(
    os.environ.get("MICROPYTHON_DIR") or os.path.expanduser("~/.cache/mplwip/src/micropython-1.25.0"), "tests"
)


def read(path, changes):
    """(script, expected output or None) of tests/`path`; the script has each of `changes` (old, new) once."""
    with open(os.path.join(TESTS, path)) as file:
        script = file.read()
    for old, new in changes:
        if script.count(old) != 1:
            raise AssertionError(f"{path} has {old!r} {script.count(old)} times")
        script = script.replace(old, new)
    expected = os.path.join(TESTS, path + ".exp")
    if not os.path.exists(expected):
        return script, None
    with open(expected) as file:
        return script, file.read()
