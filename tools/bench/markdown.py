# SPDX-License-Identifier: MIT
"""The table of docs/which-api.md from what `make bench` measured: python -m bench.markdown [--check]."""

import argparse
import json
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "which-api.md"
BEGIN = "<!-- measured: written by python -m bench.markdown -->\n"
END = "<!-- end of measured -->\n"
APIS = ("raw", "netconn", "socket")
ROWS = (
    ("TCP receive, Mbit/s", "tcp.rx.mbit_s"),
    ("TCP receive, instructions a byte", "tcp.rx.instructions_per_byte"),
    ("TCP receive, bytes copied a byte", "tcp.rx.copied_per_byte"),
    ("TCP send, Mbit/s", "tcp.tx.mbit_s"),
    ("TCP send, instructions a byte", "tcp.tx.instructions_per_byte"),
    ("TCP send, bytes copied a byte", "tcp.tx.copied_per_byte"),
    ("UDP receive, Mbit/s", "udp.rx.mbit_s"),
    ("UDP receive, instructions a byte", "udp.rx.instructions_per_byte"),
    ("UDP receive, bytes copied a byte", "udp.rx.copied_per_byte"),
    ("UDP send, Mbit/s", "udp.tx.mbit_s"),
    ("UDP send, instructions a byte", "udp.tx.instructions_per_byte"),
    ("UDP send, bytes copied a byte", "udp.tx.copied_per_byte"),
    ("round trip of 64 bytes by TCP, instructions", "tcp.echo64.instructions"),
    ("TCP connections made a second", "tcp.connects_per_s"),
)
# Beyond this share a figure of the page is out of date.
TOLERANCE = 0.05


def table(results):
    """The lines of the table; a KeyError names what was not measured."""
    lines = ["| | raw | netconn | socket |\n", "|---|---|---|---|\n"]
    for label, key in ROWS:
        figures = " | ".join(f"{results[f'{api}.{key}']:.4g}" for api in APIS)
        lines.append(f"| {label} | {figures} |\n")
    return "".join(lines)


def parts(page):
    """What stands before, in and after the measured part of the page."""
    before, rest = page.split(BEGIN)
    inside, after = rest.split(END)
    return before, inside, after


def figures(text):
    """{label: [figure of each API]} of a table's lines."""
    rows = (line.strip("| \n").split(" | ") for line in text.splitlines()[2:])
    return {label: [float(cell) for cell in cells] for label, *cells in rows}


def stale(page, results):
    """The labels whose figures on the page are not those measured."""
    written, measured = figures(parts(page)[1]), figures(table(results))
    return [
        label
        for label, values in measured.items()
        if any(
            abs(old - new) > TOLERANCE * max(abs(new), 0.1)
            for old, new in zip(written.get(label, ()), values, strict=True)
        )
    ]


def main():
    parser = argparse.ArgumentParser(prog="bench.markdown", description="Write docs/which-api.md's table.")
    parser.add_argument("results", nargs="?", type=Path, default=TOP / "build" / "bench.json")
    parser.add_argument("--check", action="store_true", help="only say which figures are out of date")
    arguments = parser.parse_args()
    results, page = json.loads(arguments.results.read_text()), PAGE.read_text()
    if arguments.check:
        old = stale(page, results)
        for label in old:
            print(f"out of date: {label}", file=sys.stderr)
        return bool(old)
    before, _, after = parts(page)
    PAGE.write_text(before + BEGIN + table(results) + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
