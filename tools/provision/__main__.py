# SPDX-License-Identifier: MIT
"""python3 -m provision STEP --cache DIR [VARIABLE=DIR ...]: have in place what `make STEP` needs.

Silent and without network when it is already there. STEP: firmware, run, test or lint.
"""

import argparse
import fcntl
import os
import subprocess
import time

from . import packages, sources, venv
from .report import SetupError, die, failure, say, stream

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def build_core(cache):
    """The emulator's C core; build_core itself knows whether there is anything to do."""
    python = os.path.join(cache, "venv", "bin", "python")
    before = time.time()
    status, lines = stream([python, "-m", "emulator.build_core"], lambda line: None, {"PYTHONPATH": TOOLS})
    if status != 0:
        raise failure("building the emulator's core", lines)
    if os.path.getmtime(lines[-1]) >= before:
        say("built the emulator's core")


def prepare(step, cache, directories):
    packages.install(step)
    venv.prepare(cache)
    if step == "lint":
        return
    sources.prepare(cache, directories)
    if os.path.exists(os.path.join(TOOLS, "emulator", "build_core.py")):
        build_core(cache)


def main():
    parser = argparse.ArgumentParser(prog="provision", description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=sorted(packages.STEPS))
    parser.add_argument("--cache", required=True)
    parser.add_argument("directories", nargs="*", metavar="VARIABLE=DIR")
    arguments = parser.parse_intermixed_args()
    cache = os.path.abspath(arguments.cache)
    try:
        os.makedirs(cache, exist_ok=True)
        with open(os.path.join(cache, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second finds it all done
            prepare(arguments.step, cache, dict(pair.split("=", 1) for pair in arguments.directories))
    except SetupError as error:
        die(error)
    except subprocess.CalledProcessError as error:
        die(f"{error.cmd[0]} failed with status {error.returncode}")
    except OSError as error:
        die(error)


if __name__ == "__main__":
    main()
