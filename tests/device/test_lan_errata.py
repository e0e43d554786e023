# SPDX-License-Identifier: MIT
"""ES0182's Ethernet errata and other misbehaviour of the silicon, brought about on purpose; forced modes."""

import ipaddress
import struct

import pytest
from emulator.net.wire import Signal
from emulator.peripherals import eth_checksum
from support.eth_lab import BROADCAST, HOST_IP, EthLab, checksum, ethernet, ipv4, udp4

pytestmark = pytest.mark.emulator_only

LISTEN = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(0.5)
def heard():
    try:
        return s.recv(100)
    except OSError:
        return None
"""
REGISTERS = "MACCR MACFFR MACHTHR MACHTLR MACA0HR MACA0LR MACFCR DMAOMR".split()


@pytest.fixture
def lab(firmware):
    made = EthLab(firmware)
    made.up()
    made.exec(LISTEN)
    yield made
    made.close()


def talks(lab):
    """Both ways."""
    lab.peer.frames.clear()
    lab.exec(f's.sendto(b"hello" * 12, ("{HOST_IP}", 9))')
    lab.send_udp(b"in", 7000)
    return lab.eval("heard()") == b"in" and any(b"hello" in frame for frame in lab.peer.frames)


def settings_in_effect(lab):
    """Registers whose value the MAC does not work with, because a write was lost."""
    eth = lab.machine["ETH"]
    return [
        register.name
        for register in eth.REGISTERS
        if register.name in REGISTERS and eth.used[register.offset] != eth.regs[register.offset]
    ]


@pytest.mark.parametrize("mbit_s", [10, 100])
def test_errata__no_write_is_lost(firmware, mbit_s):
    """Everything that writes to the MAC, in quick succession; at 10 Mbit/s its clock is slowest."""
    lab = EthLab(firmware, signal=Signal(modes=((mbit_s, True),)))
    lab.up()
    lab.exec(LISTEN)
    eth = lab.machine["ETH"]
    lab.exec("for i in range(4): lan.config(promiscuous=True); lan.config(promiscuous=False)")
    lab.exec("m = lan.config('mac')\nfor i in range(4): lan.config(mac=b'\\x02abcde'); lan.config(mac=m)")
    lab.exec(
        "def option(o, g): s.setsockopt(socket.IPPROTO_IP, o, bytes([239, 1, 2, g, 10, 9, 0, 2]))\n"
        "for g in range(4): option(socket.IP_ADD_MEMBERSHIP, g)\n"
        "for g in range(4): option(socket.IP_DROP_MEMBERSHIP, g)"
    )
    lab.exec("c = lan.ptp(); c.active(True); c.time(5); c.rate(7); c.rate(8); c.offset(9); c.offset(-9)")
    lab.board.net.cut()
    lab.exec("wait_link(False)")
    lab.board.net.plug()
    lab.exec("wait_link()")
    assert talks(lab)
    assert eth.lost_writes == [] and settings_in_effect(lab) == []
    lab.close()


@pytest.mark.parametrize("register", REGISTERS)
def test_errata__a_lost_write_is_made_up_for(firmware, register):
    """The first write to a register is lost in bring-up, the one that changes the speed included."""
    lab = EthLab(firmware, signal=Signal(modes=((10, True),)))
    eth = lab.machine["ETH"]
    lab.exec("import network; lan = network.LAN()")
    eth.lose_next.add(register)
    lab.up()
    assert [name for _, name, _ in eth.lost_writes] == [register]
    if register in ("MACCR", "MACFFR", "MACA0LR"):
        eth.lose_next.add(register)
        lab.exec("lan.config(promiscuous=True); lan.config(mac=b'\\x02abcde')")
        lab.board.net.cut()
        lab.exec("wait_link(False)")
        lab.peer.set_signal(Signal())
        lab.board.net.plug()
        lab.exec("wait_link()")
        lab.mac = b"\x02abcde"
    lab.exec(LISTEN)
    assert talks(lab) and settings_in_effect(lab) == []
    lab.close()


CHANGES = {
    "enable": ("MACCR", 1 << 2 | 1 << 3),
    "speed": ("MACCR", 1 << 14),
    "start": ("DMAOMR", 1 << 13 | 1 << 1),
    "modes": ("DMAOMR", 1 << 21 | 1 << 25),
    "hash": ("MACHTHR", 0xFFFFFFFF),
}


@pytest.mark.parametrize("change", CHANGES)
def test_errata__the_write_that_matters_is_lost(firmware, change):
    """Of the writes to one register the very one that enables, starts or changes speed is not taken. That is
    made up for at once: nothing that writes the register later, and no recovery, had to help."""
    register, bits = CHANGES[change]
    lab = EthLab(firmware, signal=Signal(modes=((10, True),)))
    eth = lab.machine["ETH"]
    lab.board.net.cut()
    lab.exec("import network; lan = network.LAN()")
    if change != "speed":
        eth.lose_change[register] = bits
    lab.exec("lan.active(True)")
    lab.run(500)
    if change == "speed":
        eth.lose_change[register] = bits
        lab.board.net.plug()
        lab.run(4000)
    assert [name for _, name, _ in eth.lost_writes] == [register]
    assert settings_in_effect(lab) == []
    lab.board.net.plug()
    lab.up()
    lab.exec(LISTEN)
    assert talks(lab) and settings_in_effect(lab) == []
    assert lab.stats()["recoveries"] == 0
    lab.close()


def test_order__barrier_before_poll_demands(lab):
    """DSB stands before each store to DMATPDR and DMARPDR, with nothing but counters between them."""
    places, cpu = set(), lab.board.cpu
    dma = lab.machine["ETH"].dma
    for engine in (dma.tx, dma.rx):

        def noted(engine=engine, demand=engine.poll_demand):
            places.add((engine.NAME, cpu.pc))
            demand()

        engine.poll_demand = noted
    for _ in range(40):
        lab.send_udp(bytes(1400), 7000)
    lab.exec(f'time.sleep_ms(30)\ns.sendto(b"x", ("{HOST_IP}", 9))\nwhile heard(): pass')
    assert {name for name, _ in places} == {"T", "R"}
    for name, pc in places:
        assert b"\xbf\xf3\x4f\x8f" in lab.machine.memory.read(pc - 48, 48), (
            name,
            lab.machine.describe_pc(pc),
        )


def test_order__rmii_is_selected_in_reset_and_read_back(firmware):
    """RM0090 33.4.4 and SYSCFG_PMC: written while ETHMACRST is set, and read before that is cleared."""
    lab = EthLab(firmware)
    machine, seen = lab.machine, []
    names = {0x40013804: "PMC", 0x40023810: "AHB1RSTR"}
    read, write = machine.bus_read, machine.bus_write

    def noted_read(address, width):
        value = read(address, width)
        seen.append(("read", names.get(address), value))
        return value

    def noted_write(address, value, width):
        seen.append(("write", names.get(address), value))
        write(address, value, width)

    machine.bus_read, machine.bus_write = noted_read, noted_write
    lab.exec("import network; network.LAN().active(True)")
    selected = seen.index(("write", "PMC", 1 << 23))
    released = next(
        n
        for n, (kind, name, value) in enumerate(seen)
        if n > selected and (kind, name) == ("write", "AHB1RSTR") and not value >> 25 & 1
    )
    in_reset = [value for kind, name, value in seen[:selected] if (kind, name) == ("write", "AHB1RSTR")]
    assert in_reset[-1] >> 25 & 1
    assert ("read", "PMC", 1 << 23) in seen[selected:released]
    lab.close()


def test_order__high_half_of_the_address_first(lab):
    """In the core that ST took over the low half's write takes both to the receiver's clock domain; RM0090
    does not say so. No frame meets half of an old address."""
    machine, seen = lab.machine, []
    write = machine.bus_write

    def noted(address, value, width):
        if address in (0x40028040, 0x40028044):
            seen.append(address & 0xFF)
        write(address, value, width)

    machine.bus_write = noted
    lab.exec("lan.config(mac=b'\\x02abcde')")
    assert seen == [0x40, 0x40, 0x44, 0x44]


@pytest.mark.parametrize("where", ["flash", "ccm"])
def test_tx__payload_out_of_reach_is_copied(lab, where):
    """The DMA has no way to CCM (RM0090 2.1), nor is it sent to flash: what is there goes out as a copy."""
    start = 0x08000000
    if where == "ccm":  # the far end of Python's stack
        start = lab.symbol("main_stack") + 512
        assert start >> 16 == 0x1000
        lab.machine.memory.write(start, bytes(range(250)) * 4)
    lab.exec("import uctypes, lwip.raw as raw")
    lab.exec(f"data = uctypes.bytearray_at({start}, 1000)")
    before = lab.stats()
    lab.exec(
        "u = raw.UDP(); p = raw.Pbuf(data, raw.TRANSPORT, raw.ROM)\n"
        f'u.sendto(p, "{HOST_IP}", 9)\n'
        "u.remove(); p.free()"
    )
    lab.run(5)
    after = lab.stats()
    [frame] = [frame for frame in lab.peer.take(0x0800) if len(frame) > 1000]
    assert frame[42:1042] == lab.machine.memory.read(start, 1000)
    assert after["tx_copied_bytes"] - before["tx_copied_bytes"] == 1000
    assert after["bus_errors"] == 0


def test_bound__fifo_flush_without_a_clock(firmware):
    """REF_CLK goes away as the transmit FIFO is flushed: FTF never clears. Nobody waits for ever."""
    lab = EthLab(firmware)
    dma, phy = lab.machine["ETH"].dma, lab.board.phy
    flush = dma._flush

    def lose_clock():
        dma._flush = flush
        phy.clock_glitch(True)
        flush()

    dma._flush = lose_clock
    lab.exec("import network; network.LAN().active(True)")
    lab.run(1000)
    assert dma._flush == flush and lab.eval("1 + 1") == 2
    phy.clock_glitch(False)
    lab.up()
    lab.exec(LISTEN)
    assert talks(lab)
    lab.close()


def test_bound__switching_off_a_stuck_transmitter(lab):
    """ST is cleared and the engine does not stop: active(False) returns all the same."""
    assert talks(lab)
    lab.machine["ETH"].mac.stuck = True
    lab.exec(f'for i in range(3): s.sendto(b"x", ("{HOST_IP}", 9))\nlan.active(False)')
    assert lab.eval("lan.active()") is False
    assert lab.stats()["tx_aborted"] == 3
    lab.up()
    assert talks(lab)


def test_errata__verdict_is_not_believed_on_what_the_engine_misreads(lab, monkeypatch):
    """ES0182: it accepts extension headers in any order, and passes fragments over. Even if it says "good"
    lwIP looks itself; on a plain packet "good" saves that."""
    verdict = eth_checksum.Verdict()
    verdict.is_ipv4 = verdict.is_ipv6 = True
    verdict.payload_type = eth_checksum.TYPE_UDP
    monkeypatch.setattr(eth_checksum, "check", lambda frame: verdict)
    lab.exec(
        "s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s6.bind(('::', 7001)); s6.settimeout(0.1)"
    )
    address = ipaddress.ip_address(lab.eval("lan.ipconfig('addr6')[0][0]")).packed
    lab.run(3000)  # duplicate address detection
    source = ipaddress.ip_address("fe80::1").packed

    def heard6(options, good):
        datagram = struct.pack("!HHHH", 4000, 7001, 12, 0) + b"sixo"
        value = checksum(source + address + struct.pack("!II", 12, 17) + datagram) ^ (not good)
        datagram = datagram[:6] + struct.pack("!H", value) + datagram[8:]
        extension = bytes.fromhex("1100010400000000") if options else b""  # PadN, next header UDP
        header = struct.pack("!IHBB", 6 << 28, 12 + len(extension), 60 if options else 17, 64)
        lab.peer.transmit(ethernet(lab.mac, 0x86DD, header + source + address + extension + datagram))
        return lab.eval("select_in(s6) and s6.recv(9)") == b"sixo"

    lab.exec("import select\ndef select_in(s): return bool(select.select([s], [], [], 0.05)[0])")
    assert [heard6(False, True), heard6(False, False)] == [True, True]
    assert [heard6(True, True), heard6(True, False)] == [True, False]
    for good in (True, False):
        data = bytearray(udp4(b"fragment" * 8, 7000, bad=not good))
        for at, more in ((0, 0x2000), (40, 0)):
            piece = bytes(data[at:40] if more else data[at:])
            lab.peer.transmit(
                ethernet(lab.mac, 0x0800, ipv4(17, piece, ident=9 + good, fragment=more | at // 8))
            )
        assert (lab.eval("heard()") is not None) == good


def test_errata__transmitter_that_sticks(lab):
    """No status, no interrupt, no progress: noticed, set up again, counted. What waited is counted too."""
    lab.machine["ETH"].mac.stuck = True
    before = lab.stats()
    lab.exec(f'for i in range(5): s.sendto(b"x", ("{HOST_IP}", 9))')
    lab.run(1500)
    after = lab.stats()
    assert after["tx_stuck"] - before["tx_stuck"] == 1
    assert after["recoveries"] - before["recoveries"] == 1
    assert after["tx_aborted"] - before["tx_aborted"] == 5
    lab.exec("wait_link()")
    assert talks(lab)


def test_errata__clock_glitch_in_a_frame_stops_both_engines(lab):
    """TPSS and RPSS at once, and REF_CLK is back before anybody looks."""
    lab.exec("f = lan.frames(0x88b5)")
    data = ethernet(BROADCAST, 0x88B5, bytes(1500))
    sending = lab.machine["ETH"].mac
    lab.start(f"try:\n for i in range(3): f.send({data!r})\nexcept OSError: pass  # the link is down by then")
    lab.board.run(50_000_000, until=lambda: sending.sending is not None)
    assert sending.sending is not None
    lab.board.phy.clock_glitch(True)
    lab.board.run(10_000)
    lab.board.phy.clock_glitch(False)
    lab.finish()
    lab.run(2)  # the interrupt tells, long before the next poll of the link
    assert lab.stats()["recoveries"] == 1
    lab.run(1500)
    stats = lab.stats()
    assert (stats["dma_stopped"], stats["recoveries"]) == (1, 1)
    lab.exec("wait_link()")
    assert talks(lab)


def test_errata__fatal_bus_error_of_the_transmitter(lab):
    """A chain that leads into CCM: FBES. The next frames go out again."""
    memory, base = lab.machine.memory, lab.symbol("tx_desc")
    for at in range(base, base + 32 * 32, 32):
        memory.write(at + 12, (0x10000000).to_bytes(4, "little"))
    lab.exec(f'try:\n for i in range(3): s.sendto(b"x", ("{HOST_IP}", 9))\nexcept OSError: pass')
    lab.run(500)
    stats = lab.stats()
    assert (stats["bus_errors"], stats["dma_stopped"], stats["recoveries"]) == (1, 0, 1)
    lab.exec("wait_link()")
    for _ in range(5):
        assert talks(lab)


CONFIG = [
    ("speed=10", ("10", "half")),
    ("speed=10, duplex='full'", ("10", "full")),
    ("duplex='full'", ("100", "full")),
    ("duplex='half'", ("100", "half")),
    ("auto=False", ("100", "half")),
]


@pytest.mark.parametrize(("keywords", "wanted"), CONFIG)
def test_config__speed_and_duplex(firmware, keywords, wanted):
    speed, duplex = int(wanted[0]), wanted[1]
    lab = EthLab(firmware, signal=Signal(autoneg=False, modes=((speed, duplex == "full"),)))
    lab.exec("import network; lan = network.LAN()")
    assert lab.eval("[lan.config(key) for key in ('auto', 'speed', 'duplex')]") == [True, None, None]
    lab.exec(f"lan.config({keywords})")
    assert lab.eval("[lan.config(key) for key in ('auto', 'speed', 'duplex')]") == [False, speed, duplex]
    lab.up()
    lab.exec(LISTEN)
    assert lab.eval("(lan.status('speed'), lan.status('duplex'))") == (speed, duplex)
    assert talks(lab)
    lab.exec("lan.config(auto=True)")
    assert lab.eval("[lan.config(key) for key in ('auto', 'speed', 'duplex')]") == [True, None, None]
    lab.close()


@pytest.mark.parametrize("keywords", ["speed=1000", "speed=0", "duplex='both'", "mode=5", "mode=-1"])
def test_config__what_is_not_there(lab, keywords):
    lab.exec(f"try:\n lan.config({keywords})\n e = None\nexcept ValueError:\n e = 1")
    assert lab.eval("e") == 1
