# SPDX-License-Identifier: MIT
"""The Ethernet driver against frames, cables and clocks that misbehave. Emulated board, in this process."""

import ipaddress
import random
import socket
import struct
import zlib
from dataclasses import replace

import pytest
from emulator.net.wire import Signal
from emulator.peripherals.phy import KINDS
from support.eth_lab import (
    BOARD_IP,
    BROADCAST,
    HOST_IP,
    HOST_MAC,
    MS,
    EthLab,
    checksum,
    ethernet,
    ipv4,
    udp4,
    udp4_checksum_ok,
)

pytestmark = pytest.mark.emulator_only

RX_COUNT, DESCRIPTOR_BYTES, CCM = 12, 32, 0x10000000

LISTEN = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(0.5)
def drain():
    got = []
    try:
        while True:
            got.append(s.recvfrom(4000)[0])
    except OSError:
        pass
    return got
"""


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    yield made
    made.close()


def test_lan__active_returns_at_once_and_link_comes_later(firmware):
    lab = EthLab(firmware)
    lab.exec("import network, time; lan = network.LAN(); t = time.ticks_ms(); lan.active(True)")
    assert lab.eval("time.ticks_diff(time.ticks_ms(), t)") < 60
    assert lab.eval("lan.status('phy')") == (0, 0x0007C0F1)
    lab.run(4000)
    assert lab.eval("(lan.status(), lan.status('speed'), lan.status('duplex'))") == (2, 100, "full")
    lab.close()


@pytest.mark.parametrize(("mbit_s", "full"), [(100, True), (100, False), (10, True), (10, False)])
def test_lan__speed_and_duplex_follow_the_partner(firmware, mbit_s, full):
    lab = EthLab(firmware, signal=Signal(modes=((mbit_s, full),)))
    lab.up()
    assert lab.eval("(lan.status('speed'), lan.status('duplex'))") == (mbit_s, "full" if full else "half")
    lab.exec(LISTEN)
    lab.send_udp(b"x" * 1000, 7000)
    assert lab.eval("drain()") == [b"x" * 1000]
    lab.close()


def test_lan__parallel_detection(firmware):
    """A partner that does not negotiate: its speed, half duplex."""
    lab = EthLab(firmware, signal=Signal(autoneg=False, modes=((10, False),)))
    lab.up()
    assert lab.eval("(lan.status('speed'), lan.status('duplex'))") == (10, "half")
    lab.close()


def test_lan__no_phy_clock_is_an_error(firmware):
    lab = EthLab(firmware)
    lab.board.phy.clock_glitch(True)
    lab.exec("import network; lan = network.LAN()")
    lab.exec("try:\n lan.active(True)\nexcept OSError as e:\n error = e.errno, e.args[1]")
    assert lab.eval("error") == (19, "no PHY clock")
    assert lab.eval("lan.active()") is False
    lab.board.phy.clock_glitch(False)
    lab.up()
    lab.close()


def test_lan__wrong_phy_address_is_told(firmware):
    lab = EthLab(firmware)
    lab.exec("import network; lan = network.LAN(phy_addr=5); lan.active(True)")
    lab.run(1000)
    assert lab.eval("(lan.status(), lan.status('error'))") == (0, "no PHY")
    lab.exec("lan.active(False); lan = network.LAN(phy_addr=0)")
    lab.up()
    lab.close()


def test_filter__foreign_unicast_and_unjoined_groups_stay_out(lab):
    foreign = ethernet(bytes.fromhex("02000000beef"), 0x88B5, b"x")
    before = lab.stats()["rx_frames"]

    def arrivals(*frames):
        nonlocal before
        for frame in frames:
            lab.peer.transmit(frame)
        lab.run(5)
        start, before = before, lab.stats()["rx_frames"]
        return before - start

    assert arrivals(foreign, ethernet(bytes.fromhex("01005e7f0001"), 0x88B5, b"x")) == 0
    assert arrivals(ethernet(lab.mac, 0x88B5, b"x"), ethernet(BROADCAST, 0x88B5, b"x")) == 2
    lab.exec("lan.config(promiscuous=True)")
    assert arrivals(foreign) == 1
    lab.exec("lan.config(promiscuous=False)")
    assert arrivals(foreign) == 0


def test_filter__promiscuous_does_not_make_lwip_answer_for_others(lab):
    lab.exec("lan.config(promiscuous=True)")
    lab.peer.frames.clear()
    echo = ipv4(1, bytes.fromhex("0800f7fe00010000"))
    lab.peer.transmit(ethernet(bytes.fromhex("02000000beef"), 0x0800, echo))
    lab.run(20)
    assert not lab.peer.take(0x0800)
    lab.peer.transmit(ethernet(lab.mac, 0x0800, echo))
    lab.run(20)
    assert len(lab.peer.take(0x0800)) == 1


def test_filter__groups_of_ipv6_come_in(lab):
    """All nodes, and the solicited-node group of the link-local address, whose neighbours ask there."""
    address = lab.eval("lan.ipconfig('addr6')[0][0]")
    packed = ipaddress.ip_address(address).packed
    group = bytes.fromhex("ff0200000000000000000001ff") + packed[-3:]
    source = ipaddress.ip_address("fe80::1").packed
    solicit = bytes([135, 0, 0, 0, 0, 0, 0, 0]) + packed + b"\x01\x01" + HOST_MAC
    pseudo = source + group + struct.pack("!II", len(solicit), 58)
    value = checksum(pseudo + solicit)
    solicit = solicit[:2] + struct.pack("!H", value) + solicit[4:]
    header = struct.pack("!IHBB", 0x60000000, len(solicit), 58, 255) + source + group
    lab.run(3000)  # duplicate address detection
    lab.peer.frames.clear()
    lab.peer.transmit(ethernet(b"\x33\x33" + group[-4:], 0x86DD, header + solicit))
    lab.run(20)
    answers = [frame for frame in lab.peer.take(0x86DD) if frame[54] == 136]
    assert len(answers) == 1
    body = answers[0][14:]
    assert checksum(body[8:40] + struct.pack("!II", len(body) - 40, 58) + body[40:]) == 0


def test_rx__every_length(lab):
    """From the minimum to the maximum, frame by frame: none lost, none changed, none copied."""
    lab.exec(LISTEN)
    for length in [1, 17, 18, 19, 20, 100, 511, 1000, 1469, 1470, 1471, 1472]:
        payload = bytes(i & 0xFF for i in range(length))
        lab.send_udp(payload, 7000)
        assert lab.eval("s.recvfrom(2000)[0]") == payload
    assert lab.stats()["rx_copied_bytes"] == 0


def test_rx__bad_frames_are_counted_one_by_one(lab):
    from emulator.net.wire import DRIBBLE, RX_ER, with_fcs

    good = with_fcs(ethernet(lab.mac, 0x88B5, bytes(100)))
    broken = good[:-1] + bytes([good[-1] ^ 1])
    before = lab.stats()
    lab.peer.transmit_raw(broken)
    lab.peer.transmit_raw(broken, DRIBBLE)
    lab.peer.transmit_raw(good, RX_ER)
    lab.peer.transmit_raw(with_fcs(ethernet(lab.mac, 0x88B5, bytes(1700))))
    short = good[:30]
    lab.peer.transmit_raw(short + zlib.crc32(short).to_bytes(4, "little"))
    lab.peer.transmit_raw(good)
    lab.run(5)
    after = lab.stats()
    assert after["rx_frames"] - before["rx_frames"] == 1
    assert after["rx_oversize"] - before["rx_oversize"] == 1
    for name in ("rx_crc", "rx_alignment", "rx_phy", "rx_runt", "mmc_rx_crc", "mmc_rx_alignment"):
        assert after[name] - before[name] == 1, name
    # What was read once is not counted again; what the MAC counted is read before a reset clears it.
    lab.peer.transmit_raw(broken)
    lab.run(5)
    memory, base = lab.machine.memory, lab.symbol("rx_desc")
    for at in range(base, base + RX_COUNT * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES):
        memory.write(at + 8, CCM.to_bytes(4, "little"))
    lab.send_udp(b"boom", 7000)
    lab.run(500)
    last = lab.stats()
    assert (last["recoveries"], last["mmc_rx_crc"] - before["mmc_rx_crc"]) == (1, 2)


def test_rx__checksum_faults_do_not_reach_the_script(lab):
    lab.exec(LISTEN)
    lab.send_udp(b"good", 7000)
    lab.send_udp(b"bad payload", 7000, bad=True)
    lab.send_udp(b"bad header", 7000, bad_ip=True)
    lab.send_udp(b"good too", 7000)
    assert lab.eval("drain()") == [b"good", b"good too"]
    assert lab.stats()["rx_checksum_bad"] == 2


def test_rx__fragments_are_checked_after_reassembly(lab):
    """The MAC passes fragments over, so lwIP must look: a wrong byte in one is not to come up."""
    lab.exec(LISTEN)
    for spoil in (False, True):
        data = bytearray(udp4(bytes(range(256)) * 8, 7000))
        if spoil:
            data[1600] ^= 1
        first = ipv4(17, bytes(data[:1480]), ident=7 + spoil, fragment=0x2000)
        rest = ipv4(17, bytes(data[1480:]), ident=7 + spoil, fragment=1480 // 8)
        lab.peer.transmit(ethernet(lab.mac, 0x0800, first))
        lab.peer.transmit(ethernet(lab.mac, 0x0800, rest))
        assert lab.eval("drain()") == ([] if spoil else [bytes(range(256)) * 8])


def test_tx__checksums_of_whole_and_fragmented_datagrams(lab):
    lab.exec(LISTEN)
    lab.peer.frames.clear()
    lab.exec(f's.sendto(b"x" * 1000, ("{HOST_IP}", 9)); s.sendto(b"y" * 3001, ("{HOST_IP}", 9))')
    lab.run(20)
    whole = len(lab.peer.frames)
    lab.exec(
        f's.sendto(bytes(3001), ("{HOST_IP}", 9))'
    )  # a fragment of zeros looks as if it lacked its checksum
    lab.run(20)
    zeros = b"".join(frame[34:] for frame in lab.peer.frames[whole:])
    assert zeros[8:3009] == bytes(3001)
    del lab.peer.frames[whole:]
    packets = [frame[14:] for frame in lab.peer.take(0x0800)]
    assert [checksum(packet[:20]) for packet in packets] == [0] * len(packets)
    whole = packets[0]
    assert udp4_checksum_ok(whole) and struct.unpack("!H", whole[26:28])[0] != 0
    fragments = packets[1:]
    assert len(fragments) == 3
    data = b"".join(packet[20 : struct.unpack("!H", packet[2:4])[0]] for packet in fragments)
    assert len(data) == 3009 and data[8:] == b"y" * 3001
    assert udp4_checksum_ok(fragments[0][:20] + data) and data[6:8] != b"\0\0"


def test_rx__exhaustion_is_counted_and_over_by_itself(lab):
    """A script that does not read holds buffers back; afterwards reception goes on."""
    lab.exec(LISTEN)
    before = lab.stats()
    for n in range(60):
        lab.send_udp(n.to_bytes(2, "big") + bytes(1400), 7000)
    lab.run(30)
    got = lab.eval("[data[:2] for data in drain()]")
    assert got == sorted(got) and len(got) >= 8
    # By poll demand, as buffers come back, and not by luck with the next frame (33.6.5).
    assert lab.machine["ETH"].dma.rx.state == 3
    after = lab.stats()
    lost = sum(after[name] - before[name] for name in ("rx_missed", "rx_fifo_overflow"))
    assert after["rx_starved"] > before["rx_starved"]
    assert (after["rx_frames"] - before["rx_frames"]) + lost == 60
    lab.send_udp(b"again", 7000)
    assert lab.eval("drain()") == [b"again"]


def test_rx__drought_ends_as_buffers_come_back(lab):
    """While nobody takes them frames fill the ring: the DMA suspends and counts what it cannot place. It is
    told of the first buffer that comes back (poll demand): no further frame is needed to wake it (33.6.5)."""
    lab.exec(LISTEN)
    before, rx = lab.stats(), lab.machine["ETH"].dma.rx
    lab.exec("from machine import mem32\nmem32[0xE000E184] = 1 << 29  # ICER1: no interrupt 61")
    for n in range(30):
        lab.send_udp(bytes([n]) * 200, 7000)
    assert lab.eval("time.sleep_us(1000)") is None
    assert rx.state == 4  # suspended
    lab.exec("mem32[0xE000E104] = 1 << 29")
    lab.run(5)
    assert rx.state == 3  # waits for a frame
    after = lab.stats()
    frames, missed = (after[name] - before[name] for name in ("rx_frames", "rx_missed"))
    assert after["rx_starved"] - before["rx_starved"] == 1
    assert missed > 0 and frames >= RX_COUNT and frames + missed == 30


def test_rx__flood_leaves_the_prompt_answerable(lab):
    """Minimum-size frames at line rate for a second: Python still gets its turn."""
    frame = ethernet(lab.mac, 0x0800, ipv4(17, udp4(b"", 9)))
    per_ms = 148

    def pour():
        if lab.machine.now < end:
            for _ in range(per_ms):
                lab.peer.transmit(frame)
            lab.machine.at(1_000_000, pour)

    end = lab.machine.now + 300_000_000
    lab.machine.at(0, pour)
    started = lab.machine.now
    assert lab.eval("sum(range(1000))") == 499500
    assert lab.machine.now - started < 200_000_000
    lab.machine.at(0, lambda: None)
    lab.run(400)
    assert lab.stats()["rx_deferred"] > 0
    lab.exec(LISTEN)
    lab.send_udp(b"after", 7000)
    assert lab.eval("drain()") == [b"after"]


def test_link__cable_out_and_in(lab):
    """Also with another speed behind it; a static address stays."""
    for signal, speed in [(Signal(), 100), (Signal(modes=((10, True),)), 10), (Signal(), 100)]:
        lab.board.net.cut()
        lab.exec("wait_link(False)")
        assert lab.eval("lan.status()") == 0
        lab.peer.set_signal(signal)
        lab.board.net.plug()
        lab.exec("wait_link()")
        assert lab.eval("(lan.ipconfig('addr4')[0], lan.status('speed'))") == (BOARD_IP, speed)
        lab.exec(LISTEN)
        lab.send_udp(b"hello", 7000)
        assert lab.eval("drain()") == [b"hello"]
        lab.exec("s.close()")


def test_link__short_loss_is_noticed(lab):
    ups = lab.stats()["link_ups"]
    lab.board.net.cut()
    lab.run(20)
    lab.board.net.plug()
    lab.run(5000)
    assert lab.stats()["link_ups"] == ups + 1
    assert lab.eval("lan.isconnected()")


def test_link__loss_that_no_poll_sees(lab):
    """The PHY has its link back before the next poll: its latched bit tells (802.3 22.2.4.2.13), and the MAC
    is set to the partner's speed anew."""
    before = lab.stats()
    lab.run(150)
    lab.board.phy._link_latch = False
    lab.run(250)
    after = lab.stats()
    assert (after["link_downs"], after["link_ups"]) == (before["link_downs"] + 1, before["link_ups"] + 1)
    assert lab.eval("lan.isconnected()")


def router_advertisement(*servers, lifetime=600):
    """RFC 4861 4.2 with an option of RFC 8106, from fe80::1 to all nodes."""
    source, target = (ipaddress.ip_address(text).packed for text in ("fe80::1", "ff02::1"))
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    body += struct.pack("!BBHI", 25, 1 + 2 * len(servers), 0, lifetime)
    body += b"".join(ipaddress.ip_address(text).packed for text in servers)
    value = checksum(source + target + struct.pack("!II", len(body), 58) + body)
    body = body[:2] + struct.pack("!H", value) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
    return ethernet(bytes.fromhex("333300000001"), 0x86DD, header + source + target + body)


def test_rdnss__takes_free_places_alone(lab):
    """An advertised name server never replaces one of DHCP's or the script's, which may replace it."""
    lab.exec("from lwip import dns\ndef servers(): return [dns.getserver(i) for i in range(2)]")
    empty = lab.eval("servers()")

    def after(*given, **keywords):
        lab.peer.transmit(router_advertisement(*given, **keywords))
        lab.run(20)
        return lab.eval("servers()")

    assert after("fd07::1", "fd07::2", "fd07::3") == ["fd07::1", "fd07::2"]
    assert after("fd07::2", "fd07::3") == ["fd07::1", "fd07::2"]
    assert after("fd07::1", "fd07::2", lifetime=0) == empty
    lab.exec("network.ipconfig(dns='10.9.0.1')")
    assert after("fd07::1") == ["10.9.0.1", "fd07::1"]
    lab.exec("dns.setserver(1, '10.9.0.2')")
    assert after("fd07::1") == ["10.9.0.1", "10.9.0.2"]


def test_irq__link_and_address(lab):
    lab.exec("heard = []\nlan.irq(lambda nic, flags: heard.append((nic is lan, flags, lan.status())))")
    lab.board.net.cut()
    lab.exec("wait_link(False); time.sleep_ms(1)")
    assert lab.eval("heard") == [(True, 1, 0)]
    lab.board.net.plug()
    lab.exec("wait_link(); time.sleep_ms(1); lan.ipconfig(addr4='10.9.0.3/24'); time.sleep_ms(1)")
    assert (True, 1, 3) in lab.eval("heard") and (True, 2, 3) in lab.eval("heard")
    lab.exec("lan.irq(None); n = len(heard); lan.ipconfig(addr4='10.9.0.2/24'); time.sleep_ms(1)")
    assert lab.eval("len(heard) == n")


def test_irq__handler_that_raises_and_soft_reset(lab):
    said = lab.exec(
        "lan.irq(lambda *args: 1 // 0, lan.IRQ_ADDR)\nlan.ipconfig(addr4='10.9.0.3/24')\ntime.sleep_ms(1)"
    )
    assert "ZeroDivisionError" in said
    lab.soft_reset()
    lab.up()


def test_recovery__clock_lost_and_back(lab):
    """REF_CLK goes away for a while and comes back: the interface works again without anybody's help."""
    lab.board.phy.clock_glitch(True)
    lab.exec(LISTEN)
    lab.exec(f'for i in range(40): s.sendto(b"x", ("{HOST_IP}", 9)) if lan.status() else None')
    lab.run(1500)
    lab.board.phy.clock_glitch(False)
    lab.run(6000)
    assert lab.eval("lan.isconnected()")
    lab.send_udp(b"back", 7000)
    assert lab.eval("drain()") == [b"back"]
    assert lab.stats()["recoveries"] >= 1


def test_recovery__phy_is_gone_and_back(lab):
    """Nobody answers on MDIO any more: that is told, and once somebody does the interface works again."""
    phy = lab.board.phy
    phy.address = 9
    lab.run(1000)
    assert lab.eval("(lan.isconnected(), lan.status('error'))") == (False, "no PHY")
    phy.address = 0
    lab.run(6000)
    lab.exec(LISTEN)
    lab.send_udp(b"back", 7000)
    assert lab.eval("lan.isconnected()") and lab.eval("drain()") == [b"back"]


def test_recovery__phy_that_stopped_its_clock(lab):
    """The MAC's reset cannot end without REF_CLK, which the PHY drives again only after its own."""
    phy = lab.board.phy
    set_reset = phy.set_reset

    def restart(active):
        phy.clock_glitch(False)
        set_reset(active)

    phy.set_reset = restart
    phy.clock_glitch(True)
    lab.exec(f'{LISTEN}for i in range(40): s.sendto(b"x", ("{HOST_IP}", 9)) if lan.status() else None')
    lab.run(8000)
    assert lab.stats()["no_clock"] == 1 and lab.eval("lan.isconnected()")
    lab.send_udp(b"back", 7000)
    assert lab.eval("drain()") == [b"back"]


def test_phy__has_time_to_boot(firmware):
    """A DP83848 answers 167 ms after it has power: nobody calls it absent before."""
    lab = EthLab(firmware)
    lab.board.phy.kind = replace(KINDS["DP83848"], start_ns=167 * MS)
    lab.exec("import network; lan = network.LAN(); lan.active(True)")
    for _ in range(40):
        lab.run(10)
        assert lab.eval("lan.status('error')") is None
    lab.run(3000)
    assert lab.eval("lan.status()") == 2
    lab.close()


def test_phy__reset_by_register_is_waited_for(firmware):
    """Without a pin for it the PHY is reset by BMCR.15, which may take 500 ms (802.3 22.2.4.1.1); it takes no
    setting before."""
    lab = EthLab(firmware, signal=Signal(autoneg=False, modes=((10, True),)))
    lab.board.phy.kind = replace(KINDS["generic"], soft_reset_ns=450 * MS)
    lab.board.phy.set_reset(False)
    lab.exec("import network; lan = network.LAN()")
    reset_pin = lab.symbol("config") + 9  # eth_config_t.phy_reset
    assert lab.machine.memory.read(reset_pin, 1) == bytes([4 * 16 + 2])
    lab.machine.memory.write(reset_pin, b"\xff")
    lab.exec("lan.config(speed=10, duplex='full')")
    lab.up()
    assert lab.eval("(lan.status('error'), lan.status('speed'))") == (None, 10)
    assert lab.board.phy.regs[0] == 1 << 8
    lab.close()


def test_soft_reset__gives_everything_back(lab):
    first = lab.eval("__import__('lwip').stats()['mem'][0]")
    lab.soft_reset()
    assert lab.eval("__import__('network').LAN().active()") is False
    lab.up()
    second = lab.eval("__import__('lwip').stats()['mem'][0]")
    assert second <= first


def test_recovery__fatal_bus_error(lab):
    """A descriptor that points where the DMA has no way (CCM): the DMA stops, and is set up again."""
    lab.exec(LISTEN)
    memory, base = lab.machine.memory, lab.symbol("rx_desc")
    for at in range(base, base + RX_COUNT * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES):
        memory.write(at + 8, CCM.to_bytes(4, "little"))
    for _ in range(3):
        lab.send_udp(b"boom", 7000)
    lab.run(500)
    stats = lab.stats()
    assert (stats["bus_errors"], stats["dma_stopped"], stats["recoveries"]) == (1, 0, 1)
    lab.exec("drain(); wait_link()")
    for n in range(2 * RX_COUNT):
        lab.send_udp(bytes([n]), 7000)
        assert lab.eval("s.recvfrom(9)[0]") == bytes([n])


LOSSES = (
    "rx_truncated rx_overflow rx_crc rx_alignment rx_phy rx_watchdog rx_other rx_oversize rx_runt rx_missed "
    "rx_fifo_overflow rx_aborted"
).split()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_soak__every_frame_is_delivered_or_counted(lab, seed):
    """Frames of random size at line rate, some of them damaged: the sums agree, nothing is left over."""
    from emulator.net.faults import Faults

    rng = random.Random(seed)
    lab.exec("lan.config(promiscuous=True)")  # a damaged address is not to hide a frame
    faults = dict.fromkeys(("corrupt", "alignment", "symbol", "giant", "runt", "duplicate", "reorder"), 0.02)
    lab.board.net.faults = Faults(lab.machine, seed=seed, towards=lab.board.phy, **faults)
    arrived = 0

    def count(time, sender, frame, flags):
        nonlocal arrived
        arrived += sender is lab.peer

    lab.board.net.observe(count)
    before = lab.stats()
    for _ in range(1500):
        size = rng.choice((60, rng.randrange(60, 1515), 1514))
        lab.peer.transmit(ethernet(lab.mac, 0x88B5, rng.randbytes(size - 14)))
    lab.run(200)
    lab.board.net.faults = None
    after = lab.stats()
    delivered = after["rx_frames"] - before["rx_frames"]
    lost = sum(after[name] - before[name] for name in LOSSES)
    assert arrived > 1400
    assert delivered + lost == arrived, {name: after[name] - before[name] for name in LOSSES}
    lab.exec(LISTEN)
    lab.send_udp(b"still here", 7000)
    assert lab.eval("drain()") == [b"still here"]


SHOUT = f"""
def shout(n):
    try:
        for i in range(n):
            s.sendto(bytes(900), ("{HOST_IP}", 9))
    except OSError:
        pass
"""


def test_soak__cable_cycles_with_traffic(lab):
    """Out and in at random moments while both sides talk: connected again every time."""
    rng = random.Random(7)
    lab.exec(LISTEN)
    lab.exec(SHOUT)
    for _ in range(10):
        for _ in range(rng.randrange(40)):
            lab.send_udp(rng.randbytes(rng.randrange(1, 1400)), 7000)
        lab.exec(f"shout({rng.randrange(20)})")
        lab.run(rng.random() * 5)
        lab.board.net.cut()
        lab.run(rng.random() * 400)
        lab.board.net.plug()
        lab.exec("time.sleep_ms(200); wait_link(); drain()")
        lab.send_udp(b"there", 7000)
        assert lab.eval("drain()") == [b"there"]
    assert lab.eval("__import__('lwip').stats()['mem'][0]") < 400


DHCP_UP = """
import network, socket, time
lan = network.LAN()
lan.active(True)
def wait(condition, ms=20000):
    end = time.ticks_add(time.ticks_ms(), ms)
    while not condition():
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            raise OSError("time")
        time.sleep_ms(10)
def leased():
    return lan.isconnected() and lan.ipconfig("has_dhcp4")
"""


def test_dhcp__cable_plugged_in_late_and_cut_later(firmware, lan):
    """A lease comes whenever the cable does; after a cut it is asked for again."""
    lab = EthLab(firmware, lan=lan)
    lab.board.net.cut()
    lab.exec(DHCP_UP)
    lab.run(2000)
    assert lab.eval("lan.status()") == 0
    for _ in range(3):
        lab.board.net.plug()
        lab.exec("wait(leased)")
        asked = lan.said().count("DHCPREQUEST")
        assert lab.eval("lan.ifconfig()[0]").startswith("10.0.7.")
        lab.board.net.cut()
        lab.exec("wait(lambda: not lan.isconnected())")
    lab.board.net.plug()
    lab.exec("wait(leased)")
    lab.run(300)
    assert lan.said().count("DHCPREQUEST") > asked
    lab.close()


@pytest.mark.parametrize("v6", [False, True])
def test_tcp__outlasts_a_short_cut(firmware, lan, v6):
    """Written while the cable is out, it arrives when the cable is back; and the other way."""
    lab = EthLab(firmware, lan=lan)
    lab.exec(DHCP_UP + "wait(leased)")
    if v6:
        lab.exec("wait(lambda: lan.ipconfig('has_autoconf6'))")
    with lan.socket(socket.AF_INET6 if v6 else socket.AF_INET) as listener:
        host = lan.host6 if v6 else lan.host
        listener.bind((host, 0))
        listener.listen(1)
        family = "socket.AF_INET6" if v6 else "socket.AF_INET"
        lab.exec(f"s = socket.socket({family}); s.connect(('{host}', {listener.getsockname()[1]}))")
        far, _ = listener.accept()
    with far:
        far.settimeout(20)
        lab.board.net.cut()
        lab.run(300)
        lab.exec("s.send(b'from the board')")
        far.sendall(b"from Linux")
        lab.run(300)
        lab.board.net.plug()
        assert lab.eval("s.recv(100)") == b"from Linux"
        lab.run(500)
        assert far.recv(100) == b"from the board"
        lab.exec("s.close()")
        lab.run(500)
        assert far.recv(100) == b""
    lab.close()


def test_autoip__when_no_server_answers(firmware):
    lab = EthLab(firmware)
    lab.exec(DHCP_UP + "mem = __import__('lwip').stats()['mem'][0]")
    lab.run(60_000)
    address = lab.eval("lan.ifconfig()[0]")
    assert address.startswith("169.254.")
    lab.exec("lan.active(False)")
    assert lab.eval("__import__('lwip').stats()['mem'][0]") == 0
    lab.close()


@pytest.mark.parametrize(
    ("mode", "speed", "duplex"),
    [("10_FULL", 10, "full"), ("10_HALF", 10, "half"), ("100_FULL", 100, "full"), ("100_HALF", 100, "half")],
)
def test_lan__forced_mode(firmware, mode, speed, duplex):
    lab = EthLab(firmware, signal=Signal(autoneg=False, modes=((speed, duplex == "full"),)))
    lab.exec(f"import network; network.LAN().config(mode=network.LAN.MODE_{mode})")
    lab.up()
    assert lab.eval("(lan.status('speed'), lan.status('duplex'))") == (speed, duplex)
    lab.exec(LISTEN)
    lab.send_udp(b"x" * 100, 7000)
    assert lab.eval("drain()") == [b"x" * 100]
    lab.close()
