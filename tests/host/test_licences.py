# SPDX-License-Identifier: MIT
"""`make licences` knows the licence of every file that is linked, and fails on one that it does not know."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
TOOL = TOP / "tools" / "licences"
TREES = Path(os.environ.get("CACHE", Path.home() / ".cache" / "mplwip")) / "src"
SOURCES = {
    "MICROPYTHON_DIR": str(TREES / "micropython-1.25.0"),
    "FREERTOS_DIR": str(TREES / "micropython-1.25.0" / "ports" / "cc3200" / "FreeRTOS" / "Source"),
    "LWIP_DIR": str(TREES / "lwip-2.2.1"),
    "TINYUSB_DIR": str(TREES / "tinyusb-0.18.0"),
}
sys.path.insert(0, str(TOOL))
from linked import contributions  # noqa: E402  (tools/licences is run as a folder)
from terms import of_file, of_text  # noqa: E402

pytestmark = pytest.mark.emulator_only

MAP = """\
Discarded input sections

 .text          0x00000000       0x40 {build}/gone.o

Linker script and memory map

LOAD {build}/kept.o
 .text.kept     0x08000100       0x10 {build}/kept.o
 .text.a_name_that_takes_a_line_of_its_own
                0x08000110       0x20 {build}/kept.o
 .text.empty    0x08000130        0x0 {build}/empty.o
 .debug_info    0x00000000     0x1000 {build}/gone.o
"""


def run(build, *arguments, **directories):
    return subprocess.run(
        [sys.executable, str(TOOL), str(build), *arguments],
        env={**SOURCES, **os.environ, **directories},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_licences__of_the_image(firmware, tmp_path):
    """The image that is under test: all known, the projects there, the notices whole."""
    notices = tmp_path / "notices.txt"
    answer = run(Path(firmware).parent, "--output", str(notices))
    assert answer.returncode == 0, answer.stderr
    for line in ("FreeRTOS +GPL-2.0 WITH freertos-exception-2.0", "lwIP +BSD-3-Clause", "TinyUSB +MIT"):
        assert re.search(line, answer.stdout), answer.stdout
    assert not re.search("unknown", answer.stdout)
    text = notices.read_text()
    assert "Swedish Institute of Computer Science" in text and "Damien P. George" in text


def test_licences__leave_nothing_out(firmware):
    """What the map's lines add up to is the image, but for the fill between sections."""
    sizes = contributions(Path(firmware).with_suffix(".map").read_text())
    image = Path(firmware).with_suffix(".bin").stat().st_size
    assert sum(sizes.values()) > 0.97 * image


@pytest.fixture
def build(tmp_path):
    """A build of one object, from one file of a MicroPython tree."""
    folder, tree = tmp_path / "build", tmp_path / "tree"
    folder.mkdir()
    (tree / "lib" / "new").mkdir(parents=True)
    (folder / "firmware.map").write_text(MAP.format(build=folder))
    for name in ("kept", "empty", "gone"):
        (folder / f"{name}.P").write_text(
            f"{folder}/{name}.o: \\\n {tree}/lib/new/{name}.c /usr/include/a.h\n"
        )
        (tree / "lib" / "new" / f"{name}.c").write_text("int x;\n")
    return folder, tree


@pytest.mark.parametrize(
    "text, fault",
    [
        ("int x;\n", "no known licence"),
        ("/* GNU General\n * Public License, version 3 */\n", "GPL, which no image may hold"),
        ("// SPDX-License-Identifier: CC-BY-NC-4.0\n", "CC-BY-NC-4.0, which no image may hold"),
        ("// SPDX-License-Identifier: MIT\n", None),
    ],
)
def test_licences__unknown_file(build, text, fault):
    """A linked third-party file without a known licence fails, named; what is not linked does not count."""
    folder, tree = build
    (tree / "lib" / "new" / "kept.c").write_text(text)
    answer = run(folder, MICROPYTHON_DIR=str(tree))
    if fault is None:
        assert answer.returncode == 0, answer.stderr
    else:
        assert answer.returncode == 1
        assert answer.stderr == f"licences: MicroPython: lib/new/kept.c: {fault}\n"


def test_licences__object_of_unknown_origin(build):
    """An object without a list of dependencies and without a source is not passed over."""
    folder, tree = build
    (folder / "kept.P").unlink()
    answer = run(folder, MICROPYTHON_DIR=str(tree))
    assert answer.returncode == 1 and "unknown project" in answer.stderr and "kept.o" in answer.stderr


def test_licences__stale_build(build):
    """A source that has gone since is no source of unknown licence."""
    folder, tree = build
    (tree / "lib" / "new" / "kept.c").unlink()
    answer = run(folder, MICROPYTHON_DIR=str(tree))
    assert answer.returncode == 1 and "lib/new/kept.c is gone since the image was built" in answer.stderr


def test_licences__link_time_optimisation(build):
    """What was compiled as one when it was linked bears no object's name: all that went into it counts."""
    folder, tree = build
    text = (folder / "firmware.map").read_text()
    text = text.replace(f"0x20 {folder}/kept.o", "0x20 /tmp/ccX.ltrans0.ltrans.o")
    (folder / "firmware.map").write_text(text.replace("LOAD ", f"LOAD {folder}/gone.o\nLOAD ", 1))
    (folder / "gone.o").write_bytes(b"\x7fELF .gnu.lto_.symtab")
    (tree / "lib" / "new" / "kept.c").write_text("// SPDX-License-Identifier: MIT\n")
    answer = run(folder, MICROPYTHON_DIR=str(tree))
    assert answer.returncode == 1
    assert answer.stderr == "licences: MicroPython: lib/new/gone.c: no known licence\n"
    assert re.search("compiled as one when linked +32", answer.stdout)


@pytest.mark.parametrize(
    "text, licence",
    [
        ("/*\n * Permission is hereby\n * granted, free of charge, to any", "MIT"),
        ("# MIT license; Copyright (c) 2019", "MIT"),
        (
            "* Redistribution and use in source and binary forms\n* 3. The name of the author may not be",
            "BSD-3-Clause",
        ),
        ("int licence;", None),
    ],
)
def test_terms__of_text(text, licence):
    assert of_text(text) == licence


def test_terms__folders():
    """A folder's licence counts only where the file itself says nothing, and only in its own project."""
    assert of_file("MicroPython", "py/new.c", "int x;")[0] == "MIT"
    assert (
        of_file("MicroPython", "py/new.c", "/* SPDX-License-Identifier: GPL-3.0-only */")[0] == "GPL-3.0-only"
    )
    assert of_file("TinyUSB", "py/new.c", "int x;")[0] is None
