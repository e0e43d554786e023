# SPDX-License-Identifier: MIT
"""Each rule of `make lint` catches what it is for, and lets good code pass."""

import lint
import pytest

HEADER = "// SPDX-License-Identifier: MIT\n"


def findings(name, text):
    return [what for _, what in lint.check_text(name, text.split("\n"))]


@pytest.mark.parametrize(
    "name, text, what",
    [
        ("ports/stm32f407/main.c", "int x;\n", "no 'SPDX"),
        ("boards/X/mpconfigboard.mk", "A = 1\n", "no 'SPDX"),
        ("ports/stm32f407/main.c", HEADER + "int x; \n", "trailing space"),
        ("ports/stm32f407/main.c", HEADER + "// " + "TO" + "DO: later\n", "unfinished"),
        ("ports/stm32f407/main.c", HEADER + "x" * 111 + "\n", "more than 110 columns"),
        ("ports/stm32f407/main.c", HEADER + "\tint x;\n", "tab"),
        ("ports/stm32f407/main.c", HEADER + "\n" * 700, "more than 700 lines"),
        ("ports/stm32f407/hal/a.c", HEADER + '#include "py/obj.h"\n', "hal/ includes no header"),
        ("ports/stm32f407/hal/a.h", HEADER + "#include <lwip/pbuf.h>\n", "hal/ includes no header"),
        ("ports/stm32f407/hal/a.c", HEADER + "    while (ETH->DMABMR & 1);\n", "without a bound"),
        ("ports/stm32f407/hal/a.c", HEADER + "    while (!(RCC->CR & HSERDY)) {}\n", "without a bound"),
    ],
)
def test_check_text__finds(name, text, what):
    [found] = findings(name, text)
    assert what in found


def test_check_text__lets_good_code_pass():
    text = HEADER + '#include "hal/hal.h"\n\nwhile (!(RCC->CR & HSERDY) && --left) {\n}\n'
    assert findings("ports/stm32f407/hal/rcc.c", text) == []
    assert findings("lwip_bindings/a.c", HEADER + '#include "py/obj.h"\n') == []
    assert findings("README.md", "x" * 200 + "\n") == []


@pytest.mark.parametrize(
    "subject, good",
    [
        ("stm32f407/hal: Add the clock tree.", True),
        ("tests, tools: Say why.", True),
        ("add the clock tree", False),
        ("stm32f407/hal: Add the clock tree", False),
        ("stm32f407/hal: " + "Add " * 20 + ".", False),
    ],
)
def test_check_commits__subject(monkeypatch, subject, good):
    monkeypatch.setattr(lint, "git", lambda *arguments: f"abc1234 {subject}\n")
    assert (list(lint.check_commits()) == []) == good
