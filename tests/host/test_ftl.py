# SPDX-License-Identifier: MIT
"""The flash translation layer on a flash that the test plays: power cuts, wear, full areas."""

import ctypes
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORAGE = ROOT / "ports" / "stm32f407" / "storage"
CC = shutil.which("gcc") or shutil.which("cc")
PAGE = 1024
SECTOR = 16 * 1024  # small, so that reclaiming comes often
PAGES = (SECTOR - 16) // (PAGE + 8)

pytestmark = pytest.mark.skipif(CC is None, reason="no C compiler on this machine")


class PowerCut(Exception):
    """Raised by the test's flash in the middle of an operation."""


class FlashOps(ctypes.Structure):
    ERASE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)
    PROGRAM = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)
    _fields_ = [
        ("base", ctypes.c_void_p),
        ("sector_bytes", ctypes.c_uint32),
        ("sectors", ctypes.c_uint32),
        ("erase", ERASE),
        ("program", PROGRAM),
    ]


class FtlState(ctypes.Structure):
    _fields_ = [
        ("flash", ctypes.POINTER(FlashOps)),
        ("map", ctypes.c_void_p),
        ("blocks", ctypes.c_uint32),
        ("next_sequence", ctypes.c_uint32),
        ("erase_counts", ctypes.c_uint32 * 8),
        ("live", ctypes.c_uint16 * 8),
        ("used", ctypes.c_uint16 * 8),
        ("valid", ctypes.c_uint8),
        ("active", ctypes.c_uint8),
    ]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    output = tmp_path_factory.mktemp("ftl") / "ftl.so"
    flags = ["-shared", "-fPIC", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined"]
    flags += ["-fno-sanitize-recover=all", f"-I{STORAGE}"]
    subprocess.run([CC, *flags, str(STORAGE / "ftl.c"), "-o", str(output)], check=True)
    return ctypes.CDLL(str(output))


class Device:
    """A flash of some sectors and the layer on it. cut_after: operations until the power goes."""

    def __init__(self, library, sectors=3, seed=1):
        self.library = library
        self.random = random.Random(seed)
        self.size = sectors * SECTOR
        self.sectors = sectors
        self.memory = (ctypes.c_uint8 * self.size)(*([0xFF] * self.size))
        self.cut_after = None
        self.cut = False
        self.ops = FlashOps(
            ctypes.addressof(self.memory),
            SECTOR,
            sectors,
            FlashOps.ERASE(self._erase),
            FlashOps.PROGRAM(self._program),
        )
        self.blocks = (sectors - 1) * PAGES * 7 // 8
        self.erases = [0] * sectors
        self.power_on()

    def power_on(self):
        self.cut_after, self.cut = None, False
        self.map = (ctypes.c_uint16 * self.blocks)()
        self.ftl = FtlState(
            flash=ctypes.pointer(self.ops), map=ctypes.addressof(self.map), blocks=self.blocks
        )

    def _last_gasp(self):
        """True if the power goes during this operation; nothing happens any more after it."""
        if self.cut:
            return True
        if self.cut_after is not None:
            self.cut_after -= 1
            self.cut = self.cut_after < 0
        return self.cut

    def _erase(self, offset):
        sector = offset // SECTOR
        assert offset % SECTOR == 0
        if not self.cut and not self._last_gasp():
            ctypes.memset(ctypes.addressof(self.memory) + offset, 0xFF, SECTOR)
            self.erases[sector] += 1
            return 0
        if self.cut_after == -1:
            # Cut short: any cell may have been erased already, or read as anything.
            self.cut_after = -2
            for i in range(offset, offset + SECTOR):
                kind = self.random.randrange(3)
                if kind == 0:
                    self.memory[i] = 0xFF
                elif kind == 1:
                    self.memory[i] |= self.random.randrange(256)
        return -5

    def _program(self, offset, data, length):
        assert offset % 4 == 0 and length % 4 == 0 and offset + length <= self.size
        if not self.cut and (self.cut_after is None or self.cut_after >= length // 4):
            return self._program_whole(offset, ctypes.string_at(data, length))
        for i in range(0, length, 4):
            word = ctypes.string_at(data + i, 4)
            old = bytes(self.memory[offset + i : offset + i + 4])
            if self._last_gasp():
                if self.cut_after == -1:
                    self.cut_after = -2
                    for k in range(4):  # some of the bits that were to become 0 have
                        self.memory[offset + i + k] &= word[k] | self.random.randrange(256)
                return -5
            if any(new & ~now & 0xFF for new, now in zip(word, old, strict=True)):
                return -5
            for k in range(4):
                self.memory[offset + i + k] &= word[k]
        return 0

    def _program_whole(self, offset, data):
        """All words at once where the power stays on; in parts where a word cannot be programmed."""
        old = int.from_bytes(bytes(self.memory[offset : offset + len(data)]), "little")
        new = int.from_bytes(data, "little")
        if new & ~old:
            return -5
        if self.cut_after is not None:
            self.cut_after -= len(data) // 4
        ctypes.memmove(ctypes.addressof(self.memory) + offset, data, len(data))
        return 0

    def mount(self):
        return self.library.ftl_mount(ctypes.byref(self.ftl))

    def read(self, block):
        buffer = ctypes.create_string_buffer(PAGE)
        self.library.ftl_read(ctypes.byref(self.ftl), block, 0, buffer, PAGE)
        return buffer.raw

    def erase(self, block):
        return self.library.ftl_erase(ctypes.byref(self.ftl), block)

    def program(self, block, data, offset=0):
        return self.library.ftl_program(ctypes.byref(self.ftl), block, offset, data, len(data))

    def write(self, block, data):
        return self.erase(block) or self.program(block, data)


@pytest.fixture
def device(library):
    made = Device(library)
    assert made.mount() == 0
    return made


def content(seed):
    return random.Random(seed).randbytes(PAGE)


def test_new_area_reads_erased(device):
    """A block that was never written reads as erased flash."""
    assert device.blocks == 26
    assert all(device.read(block) == b"\xff" * PAGE for block in range(device.blocks))


def test_written_blocks_survive_a_mount(device):
    """What is written is there after power-off, each block its own."""
    for block in range(device.blocks):
        assert device.write(block, content(block)) == 0
    device.power_on()
    assert device.mount() == 0
    assert all(device.read(block) == content(block) for block in range(device.blocks))


def test_programming_in_parts(device):
    """A block takes its bytes in parts after one erase, and the rest stays erased."""
    assert device.erase(3) == 0
    assert device.program(3, b"ABCD", 0) == 0
    assert device.program(3, b"EFGH", 512) == 0
    assert device.read(3) == b"ABCD" + b"\xff" * 508 + b"EFGH" + b"\xff" * 508


def test_programming_a_one_over_a_zero__EIO(device):
    """Flash cannot: the layer says so instead of keeping other bytes than those given."""
    assert device.program(3, b"\x00\x00\x00\x00") == 0
    assert device.program(3, b"\x01\x00\x00\x00") == -5


def test_full_area_can_be_rewritten_for_ever(device):
    """Every block in use and rewritten at random: reclaiming always finds room, and wear is spread."""
    rng = random.Random(7)
    now = {}
    for i in range(4000):
        block = i if i < device.blocks else rng.randrange(device.blocks)
        now[block] = i
        assert device.write(block, content(i)) == 0, i
    assert all(device.read(block) == content(i) for block, i in now.items())
    assert min(device.erases) > 0.8 * max(device.erases)


def test_resting_content_is_moved_for_wear(device):
    """Blocks that never change do not keep their sector fresh while the others wear out."""
    for block in range(PAGES - 1):
        assert device.write(block, content(block)) == 0
    for i in range(4000):
        assert device.write(PAGES + i % 3, content(i)) == 0
    assert max(device.erases) - min(device.erases) < 100
    assert all(device.read(block) == content(block) for block in range(PAGES - 1))


def test_format_empties(device):
    for block in range(device.blocks):
        device.write(block, content(block))
    assert device.library.ftl_format(ctypes.byref(device.ftl)) == 0
    assert all(device.read(block) == b"\xff" * PAGE for block in range(device.blocks))
    device.power_on()
    assert device.mount() == 0
    assert device.write(0, content(0)) == 0 and device.read(0) == content(0)


def allowed_after_cut(old, new):
    """A write is an erase and then words in order: the block is old, or erased and written to some word."""

    def check(data):
        if data == old:
            return True
        # The word in which the power went has some of its zeros.
        done = 0
        while done < PAGE and data[done : done + 4] == new[done : done + 4]:
            done += 4
        rest = data[done:]
        torn = all(now & want == want for now, want in zip(rest[:4], new[done : done + 4], strict=True))
        return torn and rest[4:] == b"\xff" * len(rest[4:])

    return check


@pytest.mark.parametrize("seed", range(int(os.environ.get("FTL_SEEDS", "24"))))
def test_power_cut_anywhere(library, seed):
    """Cut at a random operation (reclaiming and mounting too), again and again: no block is ever lost."""
    rng = random.Random(seed)
    device = Device(library, sectors=2 + seed % 3, seed=seed)
    while device.mount() != 0:
        device.power_on()
    now = {block: b"\xff" * PAGE for block in range(device.blocks)}
    for _ in range(40):
        device.cut_after = rng.randrange(6000)
        while True:
            block, data = rng.randrange(device.blocks), rng.randbytes(PAGE)
            if device.write(block, data) != 0:
                break
            now[block] = data
        assert device.cut
        interrupted = allowed_after_cut(now[block], data)
        device.power_on()
        device.cut_after = rng.randrange(200) if rng.random() < 0.5 else None
        while device.mount() != 0:
            assert device.cut
            device.power_on()
            device.cut_after = rng.randrange(200) if rng.random() < 0.5 else None
        device.cut_after = None
        for other, expected in now.items():
            if other != block:
                assert device.read(other) == expected, f"block {other} of {device.blocks} is lost"
        assert interrupted(device.read(block)), f"block {block} is neither old nor new"
        now[block] = device.read(block)
