# SPDX-License-Identifier: MIT
"""The Makefile's own answers when it is asked wrongly, and that what the documents name is there."""

import os
import re
import subprocess

import pytest
from support.emulated import TOP


def make(*arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment.pop("MFLAGS", None)
    return subprocess.run(["make", *arguments], cwd=TOP, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["firmware", "BOARD=NO_SUCH"], "no board NO_SUCH; there are: .*STM32F4DISC_DISBB"),
        (["exec"], "make exec needs SCRIPT=file.py"),
    ],
)
def test_make__wrong_request(arguments, says):
    """One clear line, a status that is not 0, and nothing done."""
    done = make(*arguments)
    assert done.returncode != 0
    assert re.search(says, done.stderr) and done.stdout == ""


def test_make__help_names_every_target():
    with open(os.path.join(TOP, "Makefile")) as file:
        phony = re.search(r"^\.PHONY: (.*)$", file.read(), re.MULTILINE)[1].split()
    text = make("help").stdout
    assert [
        name for name in phony if name not in text and name not in ("help", "check-board", "run-script")
    ] == []


@pytest.mark.emulator_only
@pytest.mark.parametrize(
    "script, output, status, error",
    [
        ("print('done')", "done\n", 0, ""),
        ("import sys\nprint('out')\nsys.exit(7)", "out\n", 7, ""),
        ("1/0", "", 1, "ZeroDivisionError"),
    ],
)
def test_make_exec__status(tmp_path, script, output, status, error):
    """What the script prints is all of stdout, and make's status is the script's, not make's own 2."""
    path = tmp_path / "script.py"
    path.write_text(script)
    done = make("exec", f"SCRIPT={path}", "NET=none")
    assert (done.stdout, done.returncode) == (output, status)
    assert error in done.stderr


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_documents__name_targets_and_paths_that_exist(name):
    with open(os.path.join(TOP, name)) as file:
        text = file.read()
    with open(os.path.join(TOP, "Makefile")) as file:
        targets = set(re.findall(r"^([a-z-]+):", file.read(), re.MULTILINE))
    assert set(re.findall(r"^(?:    |.*?`)make ([a-z]+)", text, re.MULTILINE)) <= targets
    named = re.findall(r"(?:ports|tools|tests|modules|lwip_bindings|boards)/[\w/.-]*\w", text)
    examples = {"tests/device/test_x.py"}
    assert [
        path for path in named if path not in examples and not os.path.exists(os.path.join(TOP, path))
    ] == []
