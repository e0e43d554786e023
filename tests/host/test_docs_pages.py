# SPDX-License-Identifier: MIT
"""The pages whose tables come from elsewhere: which-api.md from the bench, lwipopts.md from the header."""

import importlib.util
import json
import os
import re

from host.bindings import harness

DOCS = os.path.join(harness.TOP, "docs")


def tool(*path):
    spec = importlib.util.spec_from_file_location("tool", os.path.join(harness.TOP, "tools", *path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(*path):
    with open(os.path.join(harness.TOP, *path)) as file:
        return file.read()


def test_lwipopts_page__as_the_header_says():
    """tools/lwipopts_page.py has nothing to change, and every option that the header sets is there."""
    page, header = read("docs", "lwipopts.md"), read("ports", "stm32f407", "net", "lwipopts.h")
    assert tool("lwipopts_page.py").written(page, header) == page
    names = set(re.findall(r"^#define ([A-Z]\w+)", header, re.M)) - {"LWIPOPTS_H"}
    assert len(names) > 150
    assert names == set(re.findall(r"^\| `(\w+)`", page, re.M))


def test_which_api_page__has_every_figure():
    """Each row that `python -m bench.markdown` writes stands there, with a figure for each API."""
    markdown = tool("bench", "markdown.py")
    written = markdown.figures(markdown.parts(read("docs", "which-api.md"))[1])
    assert list(written) == [label for label, _ in markdown.ROWS]
    assert all(len(values) == len(markdown.APIS) for values in written.values())


def test_which_api_tool__says_what_is_out_of_date():
    """A figure that moved by more than the tolerance, and no other."""
    markdown = tool("bench", "markdown.py")
    results = {f"{api}.{key}": 10.0 for api in markdown.APIS for _, key in markdown.ROWS}
    page = "head\n" + markdown.BEGIN + markdown.table(results) + markdown.END
    assert markdown.stale(page, results) == []
    results["netconn.tcp.tx.mbit_s"] = 10.4
    assert markdown.stale(page, results) == []
    results["netconn.tcp.tx.mbit_s"] = 11.0
    assert markdown.stale(page, json.loads(json.dumps(results))) == ["TCP send, Mbit/s"]


def test_index__links_every_page():
    """docs/README.md leads to all pages, and no link in docs/ goes nowhere."""
    pages = {
        os.path.relpath(os.path.join(directory, name), DOCS)
        for directory, _, names in os.walk(DOCS)
        for name in names
        if name.endswith((".md", ".rst"))
    } - {"README.md"}
    assert pages <= set(re.findall(r"\]\(([^)#]+)\)", read("docs", "README.md")))
    for page in pages | {"README.md"}:
        for link in re.findall(r"\]\(([^)#:]+)\)", read("docs", page)):
            assert os.path.exists(os.path.join(DOCS, os.path.dirname(page), link)), (page, link)
