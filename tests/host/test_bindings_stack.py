# SPDX-License-Identifier: MIT
"""The rest of the stack: interfaces, DNS, DHCP, AutoIP, groups, ARP and ND tables, on a script's own wire."""

import textwrap

SETUP = """
import lwip, lwiptest, socket, time
from lwip import netif, dns, dhcp, autoip, igmp, mld6, etharp, nd6
en = netif.get_by_index(lwiptest.add_ethernet())

def frames(kind, tries=100):
    # The next frame of that EtherType; lwIP's timers send some of them.
    for _ in range(tries):
        frame = lwiptest.tx()
        if frame is None:
            time.sleep_ms(20)
        elif int.from_bytes(frame[12:14], "big") == kind:
            return frame

def errno_of(function, *args):
    try:
        function(*args)
    except OSError as e:
        return e.errno

def arp_reply(ip, mac):
    packed = socket.inet_pton(socket.AF_INET, ip)
    mine = socket.inet_pton(socket.AF_INET, en.ip4_addr())
    return en.hwaddr + mac + b"\\x08\\x06\\0\\1\\x08\\0\\6\\4\\0\\2" + mac + packed + en.hwaddr + mine

PEER = b"\\2\\0\\0\\0\\0\\2"
def up():
    en.set_addr("10.1.0.1", "255.255.255.0", "10.1.0.2")
    en.set_up()
"""


def run(bindings, script):
    return bindings.run(SETUP + textwrap.dedent(script))


def test_netif__list_and_names(bindings):
    """Interfaces by list, name and index; what is not there is None or ENODEV."""
    out = run(
        bindings,
        """
        print(netif.list(), netif.find("en1") == en, netif.find("en1") is None, netif.find("xx9"))
        print(en.name, en.index, en.mtu, en.mtu6, en.hwaddr)
        print(netif.name_to_index("lo0"), netif.index_to_name(1))
        print(netif.get_by_index(0), netif.get_by_index(77), en != netif.list()[0])
        print({en: 1}[netif.find("en1")])
        print(bool(en.flags & netif.FLAG_ETHARP), errno_of(igmp.groups, "xx9"))
        print(errno_of(netif.name_to_index, "xx9"))
        """,
    )
    assert out == (
        "[Netif('lo0'), Netif('en1')] True False None\n"
        "en1 2 1500 1500 b'\\x02\\x00\\x00\\x00\\x00\\x01'\n1 lo0\n"
        "None None True\n1\n"
        "True 19\n19\n"
    )


def test_netif__ipv4_and_default(bindings):
    """Addresses and the default route are set, read back, and put right again by a soft reset."""
    out = run(
        bindings,
        """
        print(en.is_up(), en.is_link_up(), en.ip4_addr(), netif.default())
        up()
        netif.set_default(en)
        print(en.is_up(), en.ip4_addr(), en.ip4_netmask(), en.ip4_gw(), netif.default())
        en.set_ipaddr("10.1.0.9"); en.set_netmask("255.0.0.0"); en.set_gw("10.1.0.3")
        print(en.ip4_addr(), en.ip4_netmask(), en.ip4_gw())
        for wrong in ("", "::1", "300.1.1.1", "name"):
            try:
                en.set_ipaddr(wrong)
            except ValueError:
                print("ValueError")
        lo = netif.find("lo0")
        lo.set_down()
        lo.set_ipaddr("127.9.9.9")
        print(lo.is_up())
        lwiptest.deinit()
        print(lo.is_up(), lo.ip4_addr(), lo.ip6_addr(0), netif.default())
        """,
    )
    assert out == (
        "False True 0.0.0.0 None\n"
        "True 10.1.0.1 255.255.255.0 10.1.0.2 Netif('en1')\n"
        "10.1.0.9 255.0.0.0 10.1.0.3\n" + 4 * "ValueError\n" + "False\nTrue 127.0.0.1 ::1 None\n"
    )


def test_netif__ipv6(bindings):
    """Address slots, their state and life; a full table is ENOMEM and a wrong slot an IndexError."""
    out = run(
        bindings,
        """
        up()
        en.create_ip6_linklocal_address()
        print(en.ip6_addr(0), en.ip6_addr_state(0) & netif.IP6_ADDR_TENTATIVE != 0)
        print(en.add_ip6_address("fd00::1"), en.get_ip6_addr_match("fd00::1"))
        print(en.get_ip6_addr_match("fd00::2"))
        en.ip6_addr_set_state(1, netif.IP6_ADDR_PREFERRED)
        print(en.ip6_addr(1), en.ip6_addr_state(1) == netif.IP6_ADDR_PREFERRED, en.ip6_addr_valid_life(1))
        en.ip6_addr_valid_life(1, 1000)
        en.ip6_addr_pref_life(1, 500)
        print(en.ip6_addr_valid_life(1) > 990, en.ip6_addr_pref_life(1) > 490)
        print(en.add_ip6_address("fd00::2"), errno_of(en.add_ip6_address, "fd00::3"))
        en.set_ip6_autoconfig_enabled(True)
        for slot in (-1, 3):
            try:
                en.ip6_addr(slot)
            except IndexError:
                print("IndexError")
        """,
    )
    assert out == (
        "fe80::ff:fe00:1%en1 True\n1 1\n-1\nfd00::1 True 0\nTrue True\n2 12\nIndexError\nIndexError\n"
    )


def test_netif__hostname(bindings):
    """lwIP gets a copy of the name, and its own one back at a soft reset."""
    out = run(
        bindings,
        """
        import gc
        print(en.get_hostname())
        en.set_hostname("".join(["bo", "ard"]))
        gc.collect()
        junk = [bytearray(16) for _ in range(200)]
        print(en.get_hostname())
        for wrong in ("", "x" * 33):
            try:
                en.set_hostname(wrong)
            except ValueError:
                print("ValueError")
        lwiptest.deinit()
        print(en.get_hostname())
        """,
    )
    assert out == "None\nboard\nValueError\nValueError\nNone\n"


def test_netif__callback(bindings):
    """Changes come to the function with their reasons, no longer after it is removed or after a reset."""
    out = run(
        bindings,
        """
        seen = []
        def changed(netif, reasons):
            seen.append((netif.name, reasons))
        netif.add_ext_callback(changed)
        up()
        time.sleep_ms(10)
        reasons = 0
        for name, bits in seen:
            reasons |= bits
        print({name for name, bits in seen})
        print(reasons & netif.NSC_STATUS_CHANGED != 0, reasons & netif.NSC_IPV4_ADDRESS_CHANGED != 0)
        netif.remove_ext_callback(changed)
        seen.clear()
        en.set_down()
        time.sleep_ms(10)
        print(seen)
        try:
            netif.remove_ext_callback(changed)
        except ValueError:
            print("ValueError")
        netif.add_ext_callback(changed)
        lwiptest.deinit()
        en.set_up()
        time.sleep_ms(10)
        print([s for s in seen if s[0] == "en1"])
        """,
    )
    assert out == "{'en1'}\nTrue True\n[]\nValueError\n[]\n"


def test_dns__servers(bindings):
    """Servers are set and forgotten one by one."""
    out = run(
        bindings,
        """
        print(dns.getserver(0), dns.MAX_SERVERS)
        dns.setserver(0, "10.1.0.2")
        dns.setserver(1, "fd00::53")
        print(dns.getserver(0), dns.getserver(1))
        dns.setserver(0, None)
        print(dns.getserver(0))
        try:
            dns.getserver(dns.MAX_SERVERS)
        except IndexError:
            print("IndexError")
        """,
    )
    assert out == "None 2\n10.1.0.2 fd00::53\nNone\nIndexError\n"


def test_dns__local_hosts(bindings):
    """Local hosts are found by every call that takes a name, and are gone after a soft reset."""
    out = run(
        bindings,
        """
        dns.local_addhost("printer", "10.1.0.77")
        dns.local_addhost("six", "fd00::6")
        print(dns.local_lookup("printer"), dns.local_lookup("six", dns.ADDRTYPE_IPV6), dns.local_lookup("no"))
        print(socket.gethostbyname("printer"), dns.gethostbyname("printer", print))
        hosts = []
        print(dns.local_iterate(lambda name, addr: hosts.append((name, addr))), sorted(hosts))
        print(dns.local_removehost("printer", None), dns.local_removehost("printer", None))
        before = lwip.stats()["memp"]["LOCALHOSTLIST"][0]
        lwiptest.deinit()
        print(before, lwip.stats()["memp"]["LOCALHOSTLIST"][0], dns.local_lookup("six"))
        """,
    )
    assert out == (
        "10.1.0.77 fd00::6 None\n10.1.0.77 10.1.0.77\n2 [('printer', '10.1.0.77'), ('six', 'fd00::6')]\n"
        "1 0\n1 0 None\n"
    )


def test_dns__callback(bindings):
    """An answer from the wire reaches the callback; one that comes after a soft reset reaches nobody."""
    out = run(
        bindings,
        """
        up()
        netif.set_default(en)
        dns.setserver(0, "10.1.0.2")
        etharp.add_static_entry("10.1.0.2", PEER)

        def reply(address):
            query = frames(0x0800)
            while query[23] != 17:
                query = frames(0x0800)
            udp = query[34:]
            body = udp[8:]
            answer = body[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + body[12:]
            answer += b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x0a\\0\\4"
            answer += socket.inet_pton(socket.AF_INET, address)
            udp = udp[2:4] + udp[:2] + (len(answer) + 8).to_bytes(2, "big") + b"\\0\\0" + answer
            ip = b"\\x45\\0" + (len(udp) + 20).to_bytes(2, "big") + b"\\0\\0\\0\\0\\x40\\x11\\0\\0"
            ip += query[30:34] + query[26:30]
            total = sum(ip[i] << 8 | ip[i + 1] for i in range(0, 20, 2))
            total = (total & 0xffff) + (total >> 16)
            ip = ip[:10] + (0xffff - total).to_bytes(2, "big") + ip[12:]
            lwiptest.rx(query[6:12] + PEER + b"\\x08\\0" + ip + udp)

        got = []
        print(dns.gethostbyname("far.example", lambda *args: got.append(args)))
        reply("192.0.2.7")
        for _ in range(100):
            if got:
                break
            time.sleep_ms(10)
        print(got, dns.gethostbyname("far.example", print))
        print(dns.gethostbyname("late.example", lambda *args: got.append(args)))
        lwiptest.deinit()
        netif.set_default(en)
        etharp.add_static_entry("10.1.0.2", PEER)
        reply("192.0.2.8")
        time.sleep_ms(100)
        print(len(got), dns.gethostbyname("late.example", print))
        """,
    )
    assert out == "None\n[('far.example', '192.0.2.7')] 192.0.2.7\nNone\n1 192.0.2.8\n"


def test_etharp__table(bindings):
    """A question goes out on the wire, the answer is in the table; static entries end with a soft reset."""
    out = run(
        bindings,
        """
        up()
        while lwiptest.tx():
            pass
        etharp.request(en, "10.1.0.2")
        frame = frames(0x0806)
        print(frame[:6] == b"\\xff" * 6, frame[20:22], frame[28:32], frame[38:42])
        print(etharp.find_addr(en, "10.1.0.2"))
        etharp.query(en, "10.1.0.2")
        lwiptest.rx(arp_reply("10.1.0.2", PEER))
        print(etharp.find_addr(en, "10.1.0.2"))
        etharp.add_static_entry("10.1.0.7", b"\\2\\0\\0\\0\\0\\7")
        entries = map(etharp.get_entry, range(etharp.TABLE_SIZE))
        print(sorted((e[0], e[2]) for e in entries if e and e[1] == en))
        print(errno_of(etharp.remove_static_entry, "10.1.0.2"))
        print(errno_of(etharp.add_static_entry, "9.9.9.9", PEER))
        lwiptest.deinit()
        print(etharp.find_addr(en, "10.1.0.7"), etharp.find_addr(en, "10.1.0.2"))
        etharp.cleanup_netif(en)
        print(etharp.find_addr(en, "10.1.0.2"), errno_of(etharp.request, "lo0", "127.0.0.1"))
        while lwiptest.tx():
            pass
        etharp.gratuitous(en)
        frame = frames(0x0806)
        print(frame[28:32] == frame[38:42] == b"\\x0a\\1\\0\\1")
        """,
    )
    assert out == (
        "True b'\\x00\\x01' b'\\n\\x01\\x00\\x01' b'\\n\\x01\\x00\\x02'\nNone\n"
        "b'\\x02\\x00\\x00\\x00\\x00\\x02'\n"
        "[('10.1.0.2', b'\\x02\\x00\\x00\\x00\\x00\\x02'), ('10.1.0.7', b'\\x02\\x00\\x00\\x00\\x00\\x07')]\n"
        "22\n113\nNone b'\\x02\\x00\\x00\\x00\\x00\\x02'\nNone 95\nTrue\n"
    )


def test_groups__join_and_leave(bindings):
    """Joins are counted and announced; only what a script joined can be left, and a soft reset leaves it."""
    out = run(
        bindings,
        """
        up()
        at_boot = igmp.groups(en), len(mld6.groups(en)), lwip.stats()["memp"]["IGMP_GROUP"][0]
        igmp.joingroup(en, "239.1.2.3")
        igmp.joingroup("10.1.0.1", "239.1.2.3")
        frame = frames(0x0800)
        print(frame[:6], frame[23], igmp.groups(en), igmp.lookfor_group(en, "239.9.9.9"))
        igmp.leavegroup(en, "239.1.2.3")
        print(igmp.lookfor_group(en, "239.1.2.3"))
        mld6.joingroup(en, "ff02::1234")
        print(mld6.lookfor_group(en, "ff02::1234"), len(mld6.groups(en)) - at_boot[1])
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, b"\\xef\\1\\1\\1\\x0a\\1\\0\\1")
        print(errno_of(igmp.leavegroup, en, "239.1.1.1"), errno_of(mld6.leavegroup, en, "ff02::9"))
        for module, wrong in ((igmp, "10.1.0.1"), (igmp, "ff02::1"), (mld6, "fd00::1"), (mld6, "239.1.2.3")):
            try:
                module.joingroup(en, wrong)
            except ValueError:
                print("ValueError")
        igmp.report_groups(en)
        mld6.report_groups(en)
        lwiptest.deinit()
        print(at_boot == (igmp.groups(en), len(mld6.groups(en)), lwip.stats()["memp"]["IGMP_GROUP"][0]))
        """,
    )
    assert out == (
        "b'\\x01\\x00^\\x01\\x02\\x03' 2 [('224.0.0.1', 1), ('239.1.2.3', 2)] None\n1\n1 1\n99 99\n"
        + 4 * "ValueError\n"
        + "True\n"
    )


def test_groups__joined_by_netconns(bindings):
    """A netconn's groups outlive it, as in lwIP; a soft reset leaves them."""
    out = run(
        bindings,
        """
        up()
        def all_groups():
            pools = lwip.stats()["memp"]
            used = pools["IGMP_GROUP"][0], pools["MLD6_GROUP"][0]
            return sorted(igmp.groups(en)), sorted(mld6.groups(en)), used
        def joined():
            return [igmp.lookfor_group(en, "239.1.2.%d" % i) for i in (1, 2, 3)]
        at_boot = all_groups()
        from lwip import netconn
        index = netif.name_to_index(en.name)
        n = netconn.Netconn(netconn.UDP)
        v6 = netconn.Netconn(netconn.UDP_IPV6)
        for i in range(2):
            n.join_leave_group("239.1.2.1", "10.1.0.1", netconn.JOIN)
            n.join_leave_group("239.1.2.2", "", netconn.JOIN)
            n.join_leave_group("239.1.2.3", index, netconn.JOIN)
            v6.join_leave_group("ff12::77", index, netconn.JOIN)
            v6.join_leave_group("ff12::78", "::", netconn.JOIN)
        print(joined(), mld6.lookfor_group(en, "ff12::77"), mld6.lookfor_group(en, "ff12::78"))
        n.join_leave_group("239.1.2.1", "10.1.0.1", netconn.LEAVE)
        n.join_leave_group("239.1.2.2", "", netconn.LEAVE)
        n.join_leave_group("239.1.2.3", index, netconn.LEAVE)
        print(joined())
        n.delete()
        print(igmp.lookfor_group(en, "239.1.2.1"))
        lwiptest.deinit()
        print(at_boot == all_groups() or (at_boot, all_groups()))
        """,
    )
    assert out == "[2, 2, 2] 2 2\n[1, 1, 1]\n1\nTrue\n"


def test_dhcp__discover_and_stop(bindings):
    """A client asks on the wire and says how far it is; what needs a lease or a wire is an error."""
    out = run(
        bindings,
        """
        print(dhcp.data(en), dhcp.supplied_address(en), errno_of(dhcp.start, en), errno_of(dhcp.start, "lo0"))
        en.set_up()
        dhcp.start(en)
        frame = frames(0x0800)
        print(frame[:6] == b"\\xff" * 6, frame[34:38], dhcp.data(en)["state"] == dhcp.STATE_SELECTING)
        print(errno_of(dhcp.renew, en), dhcp.data(en)["server_ip_addr"])
        dhcp.stop(en)
        print(dhcp.data(en)["state"] == dhcp.STATE_OFF)
        en.set_ipaddr("10.1.0.1")
        while lwiptest.tx():
            pass
        dhcp.inform(en)
        frame = frames(0x0800)
        print(frame[34:38], frame[42 + 240:42 + 243])
        """,
    )
    assert out == (
        "None False 5 95\nTrue b'\\x00D\\x00C' True\n107 0.0.0.0\nTrue\nb'\\x00D\\x00C' b'5\\x01\\x08'\n"
    )


# A server: reply(request, kind, options) sends its message, heard() is the client's next one.
SERVER = """
def heard(kind=None):
    for _ in range(800):
        frame = lwiptest.tx()
        if frame is None:
            time.sleep_ms(10)
        elif frame[12:14] == b"\\x08\\0" and frame[36:38] == b"\\0\\x43":
            if kind is None or frame[284] == kind:
                return frame

def options(frame):
    found, i = [], 282
    while frame[i] != 255:
        found.append((frame[i], bytes(frame[i + 2:i + 2 + frame[i + 1]])))
        i += 2 + frame[i + 1]
    return found

def reply(request, kind, more, cut=0, secs=600):
    tail = b"\\x63\\x82\\x53\\x63\\x35\\1" + bytes([kind]) + b"\\x36\\4\\x0a\\1\\0\\2\\x33\\4"
    tail += secs.to_bytes(4, "big") + b"\\1\\4\\xff\\xff\\xff\\0" + more + b"\\xff"
    head = b"\\2\\1\\6\\0" + request[46:50] + bytes(8) + b"\\x0a\\1\\0\\5" + bytes(8)
    bootp = head + en.hwaddr + bytes(202) + tail[:len(tail) - cut]
    udp = b"\\0\\x43\\0\\x44" + (8 + len(bootp)).to_bytes(2, "big") + b"\\0\\0" + bootp
    ip = bytearray(b"\\x45\\0" + (20 + len(udp)).to_bytes(2, "big") + b"\\0\\0\\0\\0\\x40\\x11\\0\\0")
    ip += b"\\x0a\\1\\0\\2" + b"\\xff" * 4
    total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xffff) + (total >> 16)
    ip[10:12] = (total & 0xffff ^ 0xffff).to_bytes(2, "big")
    lwiptest.rx(b"\\xff" * 6 + b"\\2\\0\\0\\0\\0\\2\\x08\\0" + ip + udp)

def bound():
    for _ in range(2000):
        if dhcp.data(en)["state"] == dhcp.STATE_BOUND:
            # Renewing and releasing go to the server alone.
            etharp.add_static_entry("10.1.0.2", PEER)
            return True
        time.sleep_ms(10)

def raised(function, *args):
    try:
        function(*args)
    except Exception as e:
        return type(e).__name__, e.args
"""


def test_dhcp_options__sent(bindings):
    """What is set stands in DISCOVER, REQUEST and INFORM, the codes wanted in lwIP's own list; the client's
    identity alone in RELEASE (RFC 2131 section 4.4.1, table 5)."""
    out = run(
        bindings,
        SERVER
        + """
en.set_up()
dhcp.set_option(en, 60, b"vendor")
dhcp.set_option(en, 61, b"gone")
dhcp.set_option("en1", 77, bytearray(b"user"))
dhcp.set_option(en, 61, b"\\0me")
dhcp.set_option(en, 124, b"x")
dhcp.set_option(en, 124, None)
dhcp.set_option(en, 125, None)
dhcp.request_options(en, (224, 28, 150, 224))
dhcp.start(en)
frame = heard(1)
print(options(frame))
reply(frame, 2, b"")
frame = heard(3)
print([o for o in options(frame) if o[0] in (55, 60, 61, 77)])
reply(frame, 5, b"")
print(bound())
dhcp.inform(en)
print([o for o in options(heard(8)) if o[0] in (55, 60, 61, 77)])
dhcp.release(en)
print([o for o in options(heard(7)) if o[0] not in (53, 54)])
""",
    )
    theirs = "(60, b'vendor'), (77, b'user'), (61, b'\\x00me')"
    asked = "(55, b'\\x01\\x03\\x1c\\x06*\\xe0\\x96')"
    assert out.splitlines() == [
        f"[(53, b'\\x01'), (57, b'\\x05\\xdc'), {asked}, {theirs}]",
        f"[{asked}, {theirs}]",
        "True",
        f"[{theirs}]",
        "[(61, b'\\x00me')]",
    ]


def test_dhcp_options__of_the_lease(bindings):
    """The last acknowledgement's, whole (RFC 3396); not an offer's, not those of an earlier lease."""
    out = run(
        bindings,
        SERVER
        + """
def get():
    return [dhcp.get_option(en, code) for code in (66, 150, 224)]

en.set_up()
dhcp.request_options(en, iter([66, 150, 224]))
print(get())
dhcp.start(en)
frame = heard(1)
reply(frame, 2, b"\\x42\\5offer\\xe0\\1o")
frame = heard(3)
print(get())
# Cut within an option: lwIP refuses the message.
reply(frame, 5, b"\\xe0\\x20" + bytes(8), 3)
frame = heard(3)
reply(frame, 5, b"\\x42\\4tftp\\x1c\\4\\xff\\xff\\xff\\xff\\xe0\\3abc\\xe0\\2de\\x96\\0")
print(bound(), get())
# What was kept stays when another one is asked for.
dhcp.request_options(en, b"\\x42\\x96\\xe0\\xe1")
print(get(), dhcp.get_option(en, 225))
dhcp.renew(en)
frame = heard(3)
print(get())
reply(frame, 5, b"\\xe1" + b"\\xff" + b"n" * 255 + b"\\xe0\\xff" + b"m" * 255 + b"\\xe0\\1m")
print(bound(), dhcp.get_option(en, 66), dhcp.get_option(en, 225) == b"n" * 255)
print(raised(dhcp.get_option, en, 224))
dhcp.renew(en)
reply(heard(3), 5, b"")
print(bound(), get())
dhcp.release(en)
print(get())
""",
    )
    assert out.splitlines() == [
        "[None, None, None]",
        "[None, None, None]",
        "True [b'tftp', b'', b'abcde']",
        "[b'tftp', b'', b'abcde'] None",
        "[b'tftp', b'', b'abcde']",
        "True None True",
        "('OSError', (90,))",
        "True [None, None, None]",
        "[None, None, None]",
    ]


def test_dhcp_options__bad_arguments(bindings):
    """Options of lwIP, no bytes or too many, and more than a message holds: errors that change nothing."""
    out = run(
        bindings,
        SERVER
        + """
def errors(function, cases):
    return [(raised(function, en, *case) or ("-",))[0] for case in cases]

print(set(errors(dhcp.set_option, [(code, b"x") for code in (0, 255, 256, -1, 12, 50, 52, 53, 54, 55, 57)])))
print(errors(dhcp.set_option, [(60, b""), (60, bytes(256)), (60, 1), ("60", b"x")]))
lwips = (0, 255, 1, 3, 6, 42, 51, 52, 53, 54, 58, 59)
print(set(errors(dhcp.request_options, [((code,),) for code in lwips])))
print(errors(dhcp.request_options, [(66,), (("x",),)]))
print(raised(dhcp.set_option, "lo0", 60, b"x"), raised(dhcp.set_option, "xx9", 60, b"x"))
print(errors(dhcp.get_option, [(66,), (0,)]))

# To the last byte: with the longest name, the request's options end one byte before the message does.
en.set_hostname("n" * 32)
print(raised(dhcp.set_option, en, 60, bytes(246)))
dhcp.set_option(en, 60, b"v" * 242)
dhcp.request_options(en, (66, 150, 224))
print(raised(dhcp.request_options, en, (66, 150, 224, 225)), raised(dhcp.set_option, en, 77, b"u"))
en.set_up()
dhcp.start(en)
reply(heard(1), 2, b"")
frame = heard(3)
found = options(frame)
print(found[-1] == (60, b"v" * 242), len(dict(found)[55]), len(frame) - 42, frame[-1])
""",
    )
    assert out.splitlines() == [
        "{'ValueError'}",
        "['ValueError', 'ValueError', 'TypeError', 'TypeError']",
        "{'ValueError'}",
        "['TypeError', 'TypeError']",
        "('OSError', (95,)) ('OSError', (19,))",
        "['ValueError', 'ValueError']",
        "('ValueError', ('options too long',))",
        "('ValueError', ('options too long',)) ('ValueError', ('options too long',))",
        "True 8 548 255",
    ]


def test_autoip__probes(bindings):
    """AutoIP picks an address of 169.254/16 and probes it by ARP."""
    out = run(
        bindings,
        """
        print(autoip.data(en), autoip.supplied_address(en))
        en.set_up()
        autoip.start(en)
        frame = frames(0x0806, 300)
        state, address, tried = autoip.data(en)
        print(state == autoip.STATE_CHECKING, address.split(".")[:2], tried)
        print(frame[28:32], frame[38:42] == socket.inet_pton(socket.AF_INET, address))
        autoip.stop(en)
        print(autoip.data(en)[0] == autoip.STATE_OFF)
        """,
    )
    assert out == "None False\nTrue ['169', '254'] 0\nb'\\x00\\x00\\x00\\x00' True\nTrue\n"


def test_nd6__neighbors(bindings):
    """An address that is asked for is in the table with its state."""
    out = run(
        bindings,
        """
        up()
        en.create_ip6_linklocal_address()
        en.ip6_addr_set_state(0, netif.IP6_ADDR_PREFERRED)
        print(nd6.neighbors())
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.sendto(b"x", ("fe80::2%en1", 9))
        print(nd6.neighbors())
        nd6.clear_destination_cache()
        """,
    )
    assert out == ("[]\n[('fe80::2%en1', Netif('en1'), b'\\x00\\x00\\x00\\x00\\x00\\x00', 1, False)]\n")


def test_zones__in_names(bindings):
    """A link-local peer has its zone in the string of raw and netconn, in the last item for a socket."""
    out = run(
        bindings,
        """
        lo = netif.find("lo0")
        lo.ip6_addr_set(1, "fe80::1")
        lo.ip6_addr_set_state(1, netif.IP6_ADDR_PREFERRED)
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("fe80::1%lo0", 99))
        print(s.getsockname(), socket.getaddrinfo("fe80::1%lo0", 99)[0][-1])
        s.sendto(b"x", s.getsockname())
        print(s.recvfrom(1))
        u = lwip.raw.UDP(lwip.raw.IPADDR_TYPE_V6)
        u.bind("fe80::1%lo0", 98)
        print(u.local())
        n = lwip.netconn.Netconn(lwip.netconn.UDP_IPV6)
        n.bind("fe80::1%lo0", 97)
        print(n.addr())
        """,
    )
    assert out == (
        "('fe80::1', 99, 0, 1) ('fe80::1', 99, 0, 1)\n(b'x', ('fe80::1', 99, 0, 1))\n"
        "('fe80::1%lo0', 98)\n('fe80::1%lo0', 97)\n"
    )


def test_udp__sendto_if(bindings):
    """A datagram leaves by the interface that was named, from the address that was given."""
    out = run(
        bindings,
        """
        up()
        etharp.add_static_entry("10.1.0.2", PEER)
        while lwiptest.tx():
            pass
        u = lwip.raw.UDP()
        u.so_options |= lwip.raw.SOF_BROADCAST
        u.bind("", 99)
        u.sendto_if(b"hello", "10.1.0.2", 7, en)
        u.sendto_if(b"hello", "255.255.255.255", 7, "en1", "10.1.0.77")
        for i in range(2):
            frame = frames(0x0800)
            print(frame[:6], frame[26:30], frame[42:47])
        try:
            u.sendto_if(b"hello", "10.1.0.2", 7, en, "fd00::1")
        except ValueError:
            print("ValueError", errno_of(u.sendto_if, b"hello", "10.1.0.2", 7, 9))
        """,
    )
    assert out == (
        "b'\\x02\\x00\\x00\\x00\\x00\\x02' b'\\n\\x01\\x00\\x01' b'hello'\n"
        "b'\\xff\\xff\\xff\\xff\\xff\\xff' b'\\n\\x01\\x00M' b'hello'\nValueError 19\n"
    )
