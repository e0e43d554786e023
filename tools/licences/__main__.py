# SPDX-License-Identifier: MIT
"""List the licences of everything in an image: `make licences` runs this.

    python tools/licences BUILD [--files] [--output FILE]

BUILD is a board's build folder. Exit status 1 where a linked file has no known licence, or one that no image
may hold. --files lists every file; --output writes the notices that have to go with a binary.
"""

import argparse
import os
import re
import sys
from collections import defaultdict
from pathlib import Path

from linked import Projects, linked
from terms import ACCEPTED, of_file

TOP = Path(__file__).resolve().parents[2]
PORT = TOP / "ports" / "stm32f407"
NOTICE_FILES = (
    ("MicroPython", "MICROPYTHON_DIR", "LICENSE"),
    ("lwIP", "LWIP_DIR", "COPYING"),
)
PACKAGES = {
    "newlib": "/usr/share/doc/libnewlib-arm-none-eabi/copyright",
    "libgcc": "/usr/share/doc/gcc-arm-none-eabi/copyright",
}
COMMENT = re.compile(r"\A\s*(/\*.*?\*/|(?://[^\n]*\n)+|(?:#[^\n]*\n)+)", re.DOTALL)


def roots():
    """[(project, folder)] of where sources come from; FreeRTOS first, which lies in MicroPython's tree."""
    environment = os.environ
    return [
        ("FreeRTOS", environment["FREERTOS_DIR"]),
        ("MicroPython", environment["MICROPYTHON_DIR"]),
        ("lwIP", environment["LWIP_DIR"]),
        ("TinyUSB", environment["TINYUSB_DIR"]),
        ("this port", TOP),
    ]


def read(path):
    return path.read_text(errors="replace") if path and path.exists() else ""


def judge(files):
    """[(file, licence, who says so)], and a line for each that may not be in an image."""
    judged, faults = [], []
    for file in files:
        licence, where = of_file(file.project, file.name, read(file.path))
        judged.append((file, licence, where))
        if file.path and not file.path.exists():
            faults.append(f"{file.project}: {file.name} is gone since the image was built: build it anew")
        elif licence not in ACCEPTED:
            what = "no known licence" if licence is None else f"{licence}, which no image may hold"
            faults.append(f"{file.project or 'unknown project'}: {file.name}: {what}")
    return judged, faults


def table(judged, unit_bytes, stream):
    groups = defaultdict(lambda: [0, 0])
    for file, licence, _ in judged:
        group = groups[file.project or "unknown", licence or "unknown"]
        group[0] += 1
        group[1] += file.size
    print(f"{'project':14}{'licence':38}{'files':>6}{'bytes':>9}", file=stream)
    for (project, licence), (count, size) in sorted(groups.items()):
        print(f"{project:14}{licence:38}{count:6}{size:9}", file=stream)
    if unit_bytes:
        print(f"{'of several projects, compiled as one when linked':58}{unit_bytes:9}", file=stream)


def notices(judged, unit_bytes, stream):
    """What a binary has to carry: each project's licence file, and each different notice of a file."""
    table(judged, unit_bytes, stream)
    for project, variable, name in NOTICE_FILES:
        print(f"\n{'=' * 80}\n{project}: {name}\n", file=stream)
        stream.write(read(Path(os.environ[variable], name)))
    for project, path in PACKAGES.items():
        if any(file.project == project for file, _, _ in judged):
            print(f"\n{'=' * 80}\n{project}: {path}\n", file=stream)
            stream.write(read(Path(path)))
    seen = defaultdict(list)
    for file, _, _ in judged:
        head = COMMENT.match(read(file.path))
        if head and "opyright" in head[1]:
            seen[head[1].strip()].append(f"{file.project}: {file.name}")
    for text, names in seen.items():
        print(f"\n{'=' * 80}\n{chr(10).join(names)}\n\n{text}", file=stream)


def main():
    parser = argparse.ArgumentParser(prog="licences", description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--files", action="store_true", help="every file with its licence and what says so")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the notices there")
    options = parser.parse_args()
    map_file = options.build / "firmware.map"
    if not map_file.exists():
        sys.exit(f"licences: no {map_file}: make firmware comes first")
    micropython = Path(os.environ["MICROPYTHON_DIR"])
    frozen = [
        TOP / "modules",
        micropython / "extmod",
        micropython / "lib" / "micropython-lib" / "python-stdlib",
    ]
    frozen += sorted((micropython / "drivers").glob("*"))
    frozen += sorted((micropython / "lib" / "micropython-lib" / "micropython").rglob("manifest.py"))
    frozen = [place.parent if place.name == "manifest.py" else place for place in frozen]
    files, unit_bytes = linked(map_file, options.build, PORT, Projects(roots()), frozen)
    judged, faults = judge(files)
    if options.files:
        for file, licence, where in judged:
            print(f"{licence or 'UNKNOWN':38}{file.project or 'unknown'}: {file.name} ({where})")
    table(judged, unit_bytes, sys.stdout)
    if options.output:
        with open(options.output, "w") as stream:
            notices(judged, unit_bytes, stream)
        print(f"The notices that go with a binary: {options.output}")
    for fault in faults:
        print(f"licences: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
