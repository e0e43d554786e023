# SPDX-License-Identifier: MIT
"""The style checks of `make lint`: every tool's verdict, then our own rules. Exit status 1 on any finding."""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
C_FILES = (".c", ".h")
SPDX = "SPDX-License-Identifier: MIT"
NEEDS_SPDX = (".c", ".h", ".S", ".py", ".mk", ".ld", ".toml", "Makefile", ".ci/run")
C_COLUMNS = 110  # as for Python: one width for the tree
C_LINES = 700
SUBJECT_COLUMNS = 72
SUBJECT = re.compile(r"^[A-Za-z0-9_./*,+ {}-]+: .+\.$")
# hal/ knows registers alone.
FOREIGN_TO_HAL = re.compile(r'#\s*include\s+["<](py/|FreeRTOS|task\.h|queue\.h|semphr\.h|lwip/|netif/|tusb)')
# A wait on a register with an empty body never ends when the hardware does not answer.
ENDLESS_WAIT = re.compile(r"\bwhile\s*\(.*->.*\)\s*(;|\{\s*\})\s*$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=TOP, capture_output=True, text=True, check=True).stdout


def tracked():
    """Files of the work tree that git has or would take, as far as they are there."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return sorted(name for name in names if os.path.isfile(os.path.join(TOP, name)))


def check_text(name, lines):
    """Findings as (line number, text) for one file."""
    if lines and name.endswith(NEEDS_SPDX) and not any(SPDX in line for line in lines[:3]):
        yield 1, f"no '{SPDX}' line at the top"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "trailing space"
        if name != "tools/lint.py" and UNFINISHED.search(line):
            yield number, "unfinished work marked in the code"
    if name.endswith(C_FILES):
        yield from check_c(name, lines)


def check_c(name, lines):
    if len(lines) > C_LINES:
        yield len(lines), f"more than {C_LINES} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > C_COLUMNS:
            yield number, f"more than {C_COLUMNS} columns"
        if "\t" in line:
            yield number, "tab"
        if "/hal/" in name and FOREIGN_TO_HAL.search(line):
            yield number, "hal/ includes no header of MicroPython, FreeRTOS, lwIP or TinyUSB"
        if "/hal/" in name and ENDLESS_WAIT.search(line):
            yield number, "a wait on hardware without a bound"


def check_commits():
    """Subjects of the commits since the last one that every clone shares: at most the newest 200."""
    for line in git("log", "-200", "--no-merges", "--format=%h %s").splitlines():
        commit, subject = line.split(" ", 1)
        if len(subject) > SUBJECT_COLUMNS or not SUBJECT.match(subject):
            yield f"commit {commit}: '{subject}': 'path: Sentence.' in at most {SUBJECT_COLUMNS} columns"


def own_rules(names):
    count = 0
    for name in names:
        try:
            with open(os.path.join(TOP, name), encoding="utf-8") as file:
                lines = file.read().split("\n")
        except UnicodeDecodeError:
            continue
        for number, text in check_text(name, lines):
            print(f"{name}:{number}: {text}")
            count += 1
    for text in check_commits():
        print(text)
        count += 1
    return count


def tool(*command):
    """Run a checker that prints its own findings; returns whether it found any."""
    return subprocess.run(command, cwd=TOP, check=False).returncode != 0


def main():
    names = tracked()
    shell = [name for name in names if name.endswith(".sh") or name == ".ci/run"]
    words = [name for name in names if not name.endswith((".txt", ".json", ".pcap", ".bin"))]
    failed = tool(sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise", ".")
    failed |= tool(sys.executable, "-m", "ruff", "format", "--check", "--output-format", "concise", ".")
    failed |= tool(sys.executable, "-m", "codespell_lib", *words)
    for name in shell:
        failed |= tool("bash", "-n", name)
    failed |= own_rules(names) > 0
    print("lint: found faults" if failed else f"lint: {len(names)} files are clean")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
