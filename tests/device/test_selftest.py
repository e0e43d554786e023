# SPDX-License-Identifier: MIT
"""tests/device/selftest.py, run as a user runs it: all good on a good board, and it says what is amiss."""

import os
import re

import pytest
from support.emulated import TOP

SCRIPT = os.path.join(TOP, "tests", "device", "selftest.py")
CHECKS = ["clock", "ram", "flash", "usb", "phy", "link", "dhcp", "ping", "sending", "errors"]


def verdicts(output):
    """{check: (verdict, text)} of what it printed, and the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    found = {}
    for line in lines:
        if match := re.fullmatch(r"(\w+) +(ok|FAIL|-) +(.*)", line):
            found[match[1]] = match.groups()[1:]
    return found, lines[-1]


def test_selftest__all_good(net_board):
    """On a network with DHCP and a gateway that answers, every check has a verdict and none is bad."""
    found, last = verdicts(net_board.mpremote("run", SCRIPT, timeout=120).stdout.decode())
    assert list(found) == CHECKS
    assert {check: text for check, (verdict, text) in found.items() if verdict != "ok"} == {}
    assert last == "all good"


@pytest.mark.emulator_only
def test_selftest__no_cable(board):
    """Without a cable the board itself is checked, and the rest says why it is not."""
    found, last = verdicts(board.mpremote("run", SCRIPT, timeout=120).stdout.decode())
    assert [found[check][0] for check in CHECKS[:5]] == ["ok"] * 5
    assert found["link"] == ("FAIL", "no link: is the cable in, the other end on?")
    assert [found[check] for check in CHECKS[6:]] == [("-", "not tried")] * 4
    assert last == "something failed"
