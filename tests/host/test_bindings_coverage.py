# SPDX-License-Identifier: MIT
"""Every function of lwIP's public headers is in a script's hands, or bindings/coverage.txt says why not."""

import os
import re

import pytest
from host.bindings import harness

LIST = os.path.join(harness.HERE, "coverage.txt")
HEADERS = [
    "tcp.h", "udp.h", "raw.h", "pbuf.h", "api.h", "netbuf.h", "sockets.h", "netdb.h", "if_api.h", "dns.h",
    "dhcp.h", "autoip.h", "igmp.h", "mld6.h", "netif.h", "etharp.h", "apps/sntp.h", "apps/mdns.h",
    "apps/lwiperf.h",
]  # fmt: skip


def functions(text):
    """Functions that a header declares or defines, and macros of the same form; not typedefs of them."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S).replace("\\\n", " ")
    # Macros in capitals compute constants, pick fields or declare things: they are no functions.
    found = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+([a-z]\w*)\(", text, re.M))
    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.M).replace('extern "C" {', "")
    inner = re.compile(r"\{[^{}]*\}")
    while inner.search(text):
        text = inner.sub(";", text)
    for statement in text.split(";"):
        match = re.match(r"[\w\s*]+?\b(\w+)\s*\(", statement.strip())
        if match and not statement.strip().startswith("typedef"):
            found.add(match[1])
    return found


def public_functions(header):
    lwip = os.environ.get("LWIP_DIR") or os.path.expanduser(
        os.path.join(os.environ.get("CACHE", "~/.cache/mplwip"), "src", "lwip-2.2.1")
    )
    with open(os.path.join(lwip, "src", "include", "lwip", header)) as file:
        return functions(file.read())


def listed():
    """{header: ({name: Python expressions}, {name: reason})}; a name stands in it once."""
    result = {}
    with open(LIST) as file:
        for line in file.read().splitlines():
            if not line or line.startswith("#"):
                continue
            section = re.fullmatch(r"\[(.*)\]", line)
            if section:
                current = result.setdefault(section[1], ({}, {}))
                continue
            entry = re.fullmatch(r"([\w ]+?)(?: -> |: )(\S.*)", line)
            assert entry, line
            for name in entry[1].split():
                assert name not in current[0] and name not in current[1], f"{name} is listed twice"
                current[" -> " not in line][name] = entry[2]
    return result


def test_functions__of_a_header():
    """The reader finds declarations, inline functions and macros, and takes nothing else for one."""
    header = """
        #define CONSTANT(x) (x)
        #define two_lines(a, b) \\
            three(a)
        #define no_function 1
        typedef void (*callback_fn)(int four(void));
        struct s { int field; int (*member)(void); };
        extern "C" {
        /* int in_comment(void); */
        err_t declared (struct s *x,
                        int y);
        static inline int defined(void) { return called(1); }
        extern int variable;
        }
    """
    assert functions(header) == {"two_lines", "declared", "defined"}


@pytest.mark.parametrize("header", HEADERS)
def test_header__every_function_listed(header):
    """No function of the header is missing in the list, and the list names none that is not there."""
    bound, reasons = listed()[header]
    assert public_functions(header) == set(bound) | set(reasons)


def test_list__python_names_exist(bindings):
    """What the list calls bound has a value in the image."""
    expressions = sorted(
        {name for bound, _ in listed().values() for names in bound.values() for name in names.split(", ")}
    )
    assert len(expressions) > 100
    script = f"import lwip, select, socket\nfor name in {expressions!r}:\n    try:\n        eval(name)\n"
    script += "    except Exception as e:\n        print(name, repr(e))\nprint('end')"
    assert bindings.run(script) == "end\n"


def test_list__nothing_is_left(record_property):
    """Every function is bound or has a reason, and a reason is one."""
    found = listed()
    bound = sum(len(bound) for bound, _ in found.values())
    reasons = [why for _, reasons in found.values() for why in reasons.values()]
    record_property("bound", bound)
    record_property("not_for_scripts", len(reasons))
    assert bound > 250
    assert not [why for why in reasons if re.search(r"\b(?:not yet|later|missing)\b", why)]
