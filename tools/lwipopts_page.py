# SPDX-License-Identifier: MIT
"""Write docs/lwipopts.md's tables from the comments of net/lwipopts.h: python tools/lwipopts_page.py."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
HEADER = TOP / "ports" / "stm32f407" / "net" / "lwipopts.h"
PAGE = TOP / "docs" / "lwipopts.md"
BEGIN = "<!-- from net/lwipopts.h: written by tools/lwipopts_page.py -->\n"
END = "<!-- end of net/lwipopts.h -->\n"


def options(text):
    """[(section, [(name, value, comment, a board may set it)])]; comments stand before or behind."""
    sections, comment, guarded = [], [], False
    for line in text.splitlines():
        heading = re.match(r"// ---- (.*?) -+$", line)
        define = re.match(r"#define ([A-Z]\w+)(\([^)]*\))?\s*(.*?)\s*(?://\s*(.*))?$", line)
        if heading:
            sections.append((heading[1], []))
            comment = []
        elif line.startswith("//"):
            comment.append(line.strip("/ "))
        elif line.startswith("#ifndef") and sections:
            guarded = True
        elif define and sections:
            before = " ".join(comment)
            after = define[4] or ""
            text = f"{before} {after}".strip() if before and after else before or after
            sections[-1][1].append((define[1], define[3], text, guarded))
            comment, guarded = [], False
        elif not line.strip():
            comment = []
    return [section for section in sections if section[1]]


def cell(text):
    return text.replace("|", "\\|").replace("*", "\\*")


def tables(text):
    lines = []
    for title, rows in options(text):
        lines.append(f"\n### {title}\n\n| Option | Value | |\n|---|---|---|\n")
        for name, value, comment, guarded in rows:
            mark = " (board)" if guarded else ""
            lines.append(
                f"| `{name}`{mark} | `{value}` | {cell(comment)} |\n"
                if value
                else f"| `{name}`{mark} | | {cell(comment)} |\n"
            )
    return "".join(lines) + "\n"


def written(page, header):
    """The page with its tables as the header has them."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + tables(header) + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), HEADER.read_text()))
