# SPDX-License-Identifier: MIT
"""The scripts of device/common print the same on the board and on CPython, line by line."""

import glob
import os
import subprocess
import sys

import pytest
from support.emulated import TOP

SCRIPTS = sorted(glob.glob(os.path.join(TOP, "tests", "device", "common", "*.py")))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: os.path.basename(path)[:-3])
def test_common__same_as_cpython(board, lan, path):
    """Both talk to themselves on their loopback; CPython does in the tests' namespace."""
    with open(path) as file:
        script = file.read()
    expected = subprocess.run(
        [*lan.inside(), sys.executable, "-W", "ignore", path], capture_output=True, text=True, timeout=60
    )
    assert not expected.stderr
    assert board.exec(script, timeout=120).splitlines() == expected.stdout.splitlines()
