# SPDX-License-Identifier: MIT
"""The power goes while files are written: whatever was closed is there, old or new. `--full`: 2,000 cuts."""

import random
import re

import pytest
from support.uart_bench import PROMPT, UartBench

pytestmark = pytest.mark.emulator_only

SEEDS = 8

# It tells what the last cut left, tidies up, and goes on. A file's number is in each of its words, so that
# half an old one and half a new one would show. Odd numbers are renamed over the old file, even ones when
# that is gone.
MAIN = """
import os

def look(name):
    try:
        with open(name, 'rb') as f:
            data = f.read()
    except OSError:
        return None
    words = {data[i : i + 4] for i in range(0, len(data), 4)}
    return int.from_bytes(data[:4], 'little'), len(data), len(words)

old, new = look('old'), look('new')
with open('keep') as f:
    keep = f.read()
if new is not None and new[1]:
    os.rename('new', 'old')
for name in ('new', 'gone'):
    try:
        os.remove(name)
    except OSError:
        pass
stat = os.statvfs('')
print('state', (old, new, keep, sorted(os.listdir()), stat[2] - stat[3]))
n = max(found[0] for found in (old, new, (0,)) if found)
while True:
    n += 1
    with open('new', 'wb') as f:
        f.write(n.to_bytes(4, 'little') * (25 + n * 37 % 750))
    with open('gone', 'w') as f:
        f.write('for a moment')
    os.remove('gone')
    print('closed', n)
    if n % 2 == 0:
        try:
            os.remove('old')
        except OSError:
            pass
    os.rename('new', 'old')
    print('kept', n)
"""


def size(n):
    return 4 * (25 + n * 37 % 750)


def last(output, word):
    """The highest number that a whole line "word n" of the output gives, or 0."""
    lines = bytes(output).decode().split("\r\n")[:-1]
    return max((int(line.split()[1]) for line in lines if re.fullmatch(rf"{word} \d+", line)), default=0)


def check(state, closed, kept):
    """`state` is what was found after a cut; before it files `closed` and `kept` were said to be so far.

    Returns the number of the newest file.
    """
    old, new, keep, names, used = state
    assert keep == "all my life"
    if new is not None and new[1] == 0:
        new = None  # it was open: nothing of it counts before it is closed
    for found in (old, new):
        assert found is None or found == (found[0], size(found[0]), 1), state
    newest = max((found[0] for found in (old, new) if found is not None), default=0)
    assert max(closed, kept) <= newest <= max(closed, kept) + 2, (state, closed, kept)
    # Only an even number's way leads over the removal of the old file.
    assert old is not None and old[0] >= kept or old is None and newest % 2 == 0, (state, closed, kept)
    # The rest is free: a file of 3 KB at most, two small ones and the folders' blocks.
    assert set(names) <= {"boot.py", "main.py", "keep", "old"} and used <= 12, state
    return newest


@pytest.fixture(scope="module")
def image(firmware, pytestconfig):
    """A flash with the program that writes."""
    bench = UartBench(firmware, pytestconfig.getoption("board"))
    bench.expect(PROMPT)
    bench.write_file("keep", "all my life")
    bench.write_file("main.py", MAIN)
    flash = bench.board.flash_image()
    bench.close()
    return flash


@pytest.mark.parametrize("seed", range(SEEDS))
def test_power_cut__at_any_instruction(image, pytestconfig, seed):
    """At random instructions of writing, renaming, removing, erasing: closed files are whole."""
    rng = random.Random(seed)
    flash, closed, kept = image, 0, 0
    for _ in range(2000 // SEEDS if pytestconfig.getoption("full") else 8):
        bench = UartBench(None, pytestconfig.getoption("board"), flash_image=flash)
        said = bench.expect(b"state ")
        assert b"making one" not in said and b"does not work" not in said
        newest = check(eval(bench.expect(b")\r\n")), closed, kept)
        bench.board.run(ns=rng.randrange(1_000_000_000))
        closed, kept = (max(newest, last(bench.output, word)) for word in ("closed", "kept"))
        flash = bench.board.flash_image()
        bench.close()
