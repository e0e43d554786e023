# SPDX-License-Identifier: MIT
"""What set-up says: a line per step, and one clear line where it has to give up."""

import os
import shutil
import subprocess
import sys


class SetupError(Exception):
    """Set-up cannot go on; the text is the one line for the user."""


def say(text):
    print(f"set-up: {text}", flush=True)


def require_space(path, megabytes, what):
    """Fail before a step that would run out of disk, with the figure it needs."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    free = shutil.disk_usage(path).free // 1_000_000
    if free < megabytes:
        raise SetupError(f"too little disk: {what} needs {megabytes} MB at {path}, {free} MB are free")


def stream(command, show, env=None):
    """Run `command`, passing each line of its output through show(line); returns (status, all lines)."""
    lines = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C", **(env or {})},
    ) as process:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            show(lines[-1])
    return process.returncode, lines


# What apt, pip and the resolver say when there is no way out.
NO_NETWORK = (
    "temporary failure resolving",
    "temporary failure in name resolution",
    "could not resolve",
    "could not connect",
    "unable to connect",
    "network is unreachable",
    "connection failed",
    "connection timed out",
    "no route to host",
    "failed to establish a new connection",
    "name or service not known",
)


def failure(what, lines):
    """The SetupError for a failed command, told by its output."""
    text = "\n".join(lines).lower()
    if any(sign in text for sign in NO_NETWORK):
        return SetupError(f"no network: {what} could not reach its server")
    if "no space left" in text or "enough free space" in text:
        return SetupError(f"too little disk: {what} ran out of space")
    wrong = (
        [line for line in lines if line.startswith(("E:", "Err:", "ERROR"))] or lines[-1:] or ["no output"]
    )
    return SetupError(f"{what} failed: {wrong[0].removeprefix('RuntimeError: ')}")


def die(error):
    print(f"set-up: error: {error}", file=sys.stderr, flush=True)
    sys.exit(1)
