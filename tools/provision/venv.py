# SPDX-License-Identifier: MIT
"""The Python environment: a venv in the cache with exactly what tools/requirements.txt pins."""

import hashlib
import os
import shutil
import sys

from .report import failure, require_space, say, stream

REQUIREMENTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "requirements.txt")
MEGABYTES = 250


def prepare(cache):
    """Create or update cache/venv. Silent when it is as the pins say."""
    directory = os.path.join(cache, "venv")
    python = os.path.join(directory, "bin", "python")
    stamp = os.path.join(directory, "stamp")
    with open(REQUIREMENTS, "rb") as file:
        interpreter = f"{os.path.realpath(sys.executable)} {sys.version}".encode()
        wanted = hashlib.sha256(interpreter + file.read()).hexdigest()
    try:
        with open(stamp) as file:
            if file.read() == wanted and os.path.exists(python):
                return
    except OSError:
        pass
    require_space(cache, MEGABYTES, "the Python environment")
    say(f"building the Python environment in {directory}")
    shutil.rmtree(directory, ignore_errors=True)
    status, lines = stream([sys.executable, "-m", "venv", directory], lambda line: None)
    if status != 0:
        raise failure("python3 -m venv", lines)
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    status, lines = stream(
        # No dependencies but those listed: Thonny's window needs much that its back end does not.
        [*command, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS],
        show_pip,
    )
    if status != 0:
        raise failure("pip install", lines)
    with open(stamp, "w") as file:
        file.write(wanted)


def show_pip(line):
    if line.startswith("Collecting"):
        say("  " + line.split(" (from")[0])
