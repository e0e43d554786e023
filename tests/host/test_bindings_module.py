# SPDX-License-Identifier: MIT
"""Names: the pages in docs/library against dir(), lwip.options() against opt.h, the table of errors."""

import os
import re

import pytest
from host.bindings import harness

PAGES = {
    "socket.md": ["socket", "socket.socket"],
    "lwip.netconn.md": ["lwip.netconn", "lwip.netconn.Netconn", "lwip.netconn.NetBuf"],
    "lwip.raw.md": ["lwip.raw", "lwip.raw.TCP", "lwip.raw.UDP", "lwip.raw.RawIP", "lwip.raw.Pbuf"],
    "lwip.netif.md": ["lwip.netif", "lwip.netif.Netif"],
    "lwip.dns.md": ["lwip.dns"],
    "lwip.dhcp.md": ["lwip.dhcp", "lwip.autoip"],
    "lwip.igmp.md": ["lwip.igmp", "lwip.mld6"],
    "lwip.etharp.md": ["lwip.etharp", "lwip.nd6"],
    "lwip.sntp.md": ["lwip.sntp"],
    "lwip.mdns.md": ["lwip.mdns"],
    "lwip.lwiperf.md": ["lwip.lwiperf"],
}

# opt.h, but no numbers or nothing of this build: macros, thread names, hooks, debugging, SLIP.
NO_NUMBERS = {
    "MEMCPY", "SMEMCPY", "MEMMOVE", "LWIP_ASSERT_CORE_LOCKED", "LWIP_MPU_COMPATIBLE", "LWIP_PBUF_REF_T",
    "LWIP_PBUF_CUSTOM_DATA", "LWIP_PBUF_CUSTOM_DATA_INIT", "TCPIP_THREAD_NAME", "SLIPIF_THREAD_NAME",
    "DEFAULT_THREAD_NAME", "LWIP_TCPIP_THREAD_ALIVE", "LWIP_PERF", "LWIP_DBG_MIN_LEVEL", "LWIP_DBG_TYPES_ON",
    "MEM_CUSTOM_ALLOCATOR", "SLIPIF_THREAD_STACKSIZE", "SLIPIF_THREAD_PRIO", "LWIP_TCPIP_TIMEOUT",
    "MEMP_NUM_ALTCP_PCB", "LWIP_ALTCP_TLS",
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_docs__name_everything(bindings, page):
    """Every name that a script finds in a module or class stands on its page."""
    with open(os.path.join(harness.TOP, "docs", "library", page)) as file:
        text = file.read()
    code = " ".join(re.findall(r"`([^`]+)`", text))
    for path in PAGES[page]:
        out = bindings.run(f"import lwip, socket\nfor name in dir({path}):\n    print(name)")
        missing = [
            name
            for name in out.split()
            if not name.startswith("__")
            # Families, kinds of sockets, protocols and TCP's states are named by their standards.
            and not re.match(r"(AF|SOCK|IPPROTO|SHUT|MSG|UDP_FLAGS|SOF|PRIO|EVT)_|[A-Z0-9_]+$", name)
            and not re.search(rf"\b{name}\b", code)
        ]
        assert missing == [], path


def test_options__all_of_opt_h(bindings):
    """No numeric option of this lwIP's opt.h is missing in lwip.options(), and none is invented."""
    lwip = os.environ.get("LWIP_DIR") or os.path.expanduser(
        os.path.join(os.environ.get("CACHE", "~/.cache/mplwip"), "src", "lwip-2.2.1")
    )
    with open(os.path.join(lwip, "src", "include", "lwip", "opt.h")) as file:
        defined = set(re.findall(r"^#if !defined (\w+) \|\| defined __DOXYGEN__", file.read(), re.M))
    wanted = {name for name in defined - NO_NUMBERS if not name.endswith("_DEBUG")}
    out = bindings.run("import lwip\nfor name in lwip.options():\n    print(name)")
    assert set(out.split()) == wanted


def test_options__values_and_read_only(bindings):
    """The values are those of lwipopts.h, and the dict cannot be changed."""
    out = bindings.run("""
        import lwip
        o = lwip.options()
        print(o["TCP_MSS"], o["TCP_WND"], o["LWIP_IPV6"], o["MEMP_NUM_NETCONN"])
        try:
            o["TCP_MSS"] = 5
        except TypeError:
            print("TypeError")
    """)
    assert out == "1460 11680 1 44\nTypeError\n"


def test_stats__count(bindings):
    """A datagram is seen in the counters of UDP and IP; an unknown group is a KeyError."""
    out = bindings.run("""
        import lwip, socket
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        u.bind(("127.0.0.1", 0))
        before = lwip.stats("udp"), lwip.stats("ip")
        u.sendto(b"x", u.getsockname())
        u.recv(1)
        after = lwip.stats("udp"), lwip.stats("ip")
        print([after[i][k] - before[i][k] for i in (0, 1) for k in ("xmit", "recv", "drop")])
        everything = lwip.stats()
        print(everything["memp"]["UDP_PCB"][0], everything["mem"][2])
        print(sorted(everything["tcp"]) == sorted(before[0]))
        try:
            lwip.stats("nonsense")
        except KeyError:
            print("KeyError")
    """)
    assert out == "[1, 1, 0, 1, 1, 0]\n1 65536\nTrue\nKeyError\n"


def test_errors__one_table(bindings):
    """Each err_t has its errno, ERR_IF too, and what is out of range is EIO."""
    out = bindings.run("import lwiptest\nprint([lwiptest.errno(-i) for i in range(18)], lwiptest.errno(1))")
    assert out == "[0, 12, 105, 110, 113, 115, 22, 11, 98, 114, 106, 107, 5, 103, 104, 107, 22, 5] 5\n"


def test_modules__the_same(bindings):
    """lwip.socket is socket, however it is imported."""
    out = bindings.run("""
        import lwip, socket, sys
        import lwip.socket as by_import
        from lwip.raw import Pbuf
        from lwip import netconn
        print(lwip.socket is socket is by_import, Pbuf is lwip.raw.Pbuf)
        print(netconn is sys.modules["lwip.netconn"])
    """)
    assert out == "True True\nTrue\n"
