# SPDX-License-Identifier: MIT
"""docs/library/network.LAN.rst names every method, constant, counter and parameter of network.LAN."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "".join(path.read_text() for path in sorted((ROOT / "ports/stm32f407/net").glob("network_lan*.c")))
PAGE = (ROOT / "docs/library/network.LAN.rst").read_text()


def words(text):
    return set(re.findall(r"\w+", text))


def table(name):
    return re.search(rf"{name}\[\] = \{{(.*?)\n\}};", SOURCE, re.S).group(1)


def test_docs_lan__every_member_is_there():
    members = set(re.findall(r"\{ MP_ROM_QSTR\(MP_QSTR_(\w+)\)", table("lan_locals_table")))
    assert len(members) > 15
    assert members <= words(PAGE)


def test_docs_lan__every_counter_is_there_and_no_other():
    counters = set(re.findall(r"MP_QSTR_(\w+)", table("counters")))
    assert len(counters) > 30
    named = {word for word in words(PAGE) if word.startswith(("rx_", "tx_"))}
    assert named == {name for name in counters if name.startswith(("rx_", "tx_"))}
    assert {name for name in counters if not name.startswith("mmc_")} <= words(PAGE)


def test_docs_lan__every_parameter_is_there():
    parameters = set(re.findall(r"case MP_QSTR_(\w+)", SOURCE))
    assert len(parameters) > 12
    assert parameters <= words(PAGE)
