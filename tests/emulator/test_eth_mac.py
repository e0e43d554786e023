# SPDX-License-Identifier: MIT
"""The MAC against RM0090 33.5, 33.8.1: resets, clocks, framing, filters, errors, flow control, timing."""

import zlib

import pytest
from emulator.net.wire import DRIBBLE, M10_FULL, RX_ER, Signal, with_fcs
from emulator.peripheral import GuestError
from emulator.peripherals.eth import Eth
from emulator.peripherals.eth_filter import hash_index
from emulator.peripherals.phy import Phy
from support.eth_player import (
    CONFIG,
    HOST,
    MAC,
    MS,
    OFFSETS,
    RSF,
    SR,
    ST,
    TSF,
    TX_IC,
    EthPlayer,
    frame,
    pass_through,
)

DM, FES = 1 << 11, 1 << 14
PM, HU, HM, DAIF, PAM, BFD, SAIF, SAF, HPF, RA = (1 << n for n in (0, 1, 2, 3, 4, 5, 8, 9, 10, 31))
AFM, ES, SA_FAIL, LE, VLAN, FT, RWT, RE, DRIBBLED, CE = (1 << n for n in (30, 15, 13, 12, 10, 5, 4, 3, 2, 1))
FEF, FUGF = 1 << 7, 1 << 6
BROADCAST = b"\xff" * 6
OTHER = bytes.fromhex("020000000099")
GROUP = bytes.fromhex("01005e000001")


@pytest.fixture
def player(machine):
    return EthPlayer(machine)


@pytest.fixture
def started(player):
    player.start()
    return player


def arrives(player, destination, source=HOST):
    return len(pass_through(player, frame(destination, source))) == 1


# Reset and clocks


def test_reset__values(machine):
    """33.8: reset values; DMABMR has SR set until the reset is over."""
    eth = machine.add(Eth(machine, clock=None))
    values = {name: machine.bus_read(0x40028000 + offset, 4) for name, offset in OFFSETS.items()}
    expected = {
        "MACCR": 0x00008000,
        "MACA0HR": 0x8000FFFF,
        "MACA0LR": 0xFFFFFFFF,
        "MACA1HR": 0x0000FFFF,
        "MACA2LR": 0xFFFFFFFF,
        "PTPTSCR": 0x00002000,
        "DMABMR": 0x00020101,
    }
    for name in (
        "MACFFR",
        "MACMIIAR",
        "MACFCR",
        "MACPMTCSR",
        "MMCCR",
        "DMASR",
        "DMAOMR",
        "DMAIER",
        "DMAMFBOCR",
    ):
        expected[name] = 0
    assert {name: values[name] for name in expected} == expected
    assert eth.resetting


def test_reset__never_ends_without_ref_clk(machine):
    player = EthPlayer(machine)
    player.phy.clock_glitch(True)
    player.write("DMABMR", 1)
    player.advance(1000 * MS)
    assert player.read("DMABMR") & 1
    player.phy.clock_glitch(False)
    assert player.read("DMABMR") & 1  # and takes some time then
    player.advance(1 * MS)
    assert not player.read("DMABMR") & 1


def test_reset__clears_registers_but_not_mdio(started):
    started.mdio_read(2)
    started.write("DMABMR", 1)
    started.advance(1 * MS)
    assert started.read("DMAOMR") == 0
    assert started.read("MACCR") == 0x8000
    assert started.read("MACMIIDR") == 0x0007


def test_reset__write_while_it_lasts_is_reported(machine):
    player = EthPlayer(machine)
    player.phy.clock_glitch(True)
    player.write("DMABMR", 1)
    with pytest.raises(GuestError, match="DMABMR.SR"):
        player.write("DMAOMR", SR)


def test_clock__lost_ref_clk_stops_both_ways(started):
    started.phy.clock_glitch(True)
    started.send(frame(HOST, MAC))
    started.station.transmit(frame())
    started.advance(10 * MS)
    assert started.frames == [] and started.received() == []
    started.phy.clock_glitch(False)
    started.advance(10 * MS)
    assert len(started.frames) == 1


def test_clock__lost_in_a_frame_is_a_deadlock_until_reset(started):
    """Hardware notes: TPSS and RPSS set, transmission dead, although the clock is back."""
    started.send(frame(HOST, MAC, payload=bytes(1000)))
    started.advance(20_000)
    started.phy.clock_glitch(True)
    started.phy.clock_glitch(False)
    started.advance(1 * MS)
    assert started.read("DMASR") & (1 << 1 | 1 << 8) == 1 << 1 | 1 << 8
    started.send(frame(HOST, MAC))
    started.advance(100 * MS)
    assert started.frames == [] and started.station.counters["bad"] == 1
    started.write("DMABMR", 1)
    started.advance(1 * MS)
    started.rx_next = started.tx_next = 0
    started.start()
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert len(started.frames) == 1


def test_mode__mii(machine):
    """A PHY on MII gives TX_CLK and RX_CLK, and SYSCFG has to say MII."""

    class Syscfg:
        name, base, SIZE, clock, rmii = "SYSCFG", 0x40013800, 0x400, None, False

    machine.peripherals["SYSCFG"] = Syscfg()
    phy = Phy(machine, "DP83848", ref_clk=None)
    eth = machine.add(Eth(machine, clock=None, phys=[phy]))
    machine.advance(1 * MS)
    assert not eth.resetting
    phy.set_reset(True)
    machine.bus_write(0x40029000, 1, 4)
    machine.advance(1 * MS)
    assert eth.resetting


def test_mode__mii_selected_for_an_rmii_phy_gets_no_clock(machine):
    class Syscfg:
        name, base, SIZE, clock, rmii = "SYSCFG", 0x40013800, 0x400, None, False

    machine.peripherals["SYSCFG"] = Syscfg()
    phy = Phy(machine)
    eth = machine.add(Eth(machine, clock=None, phys=[phy]))
    machine.advance(100 * MS)
    assert eth.resetting
    Syscfg.rmii = True
    machine.bus_write(0x40029000, 1, 4)
    machine.advance(1 * MS)
    assert not eth.resetting


def test_pins__signals_need_their_alternate_function(machine):
    class Port:
        name, base, SIZE, clock = "GPIOA", 0x40020000, 0x400, None

        def __init__(self):
            self.functions = {}

        def alternate(self, pin):
            return self.functions.get(pin)

    port = machine.peripherals["GPIOA"] = Port()
    signals = ("REF_CLK", "MDIO", "MDC", "CRS_DV", "RXD0", "RXD1", "TX_EN", "TXD0", "TXD1")
    pins = {signal: ("GPIOA", number) for number, signal in enumerate(signals)}
    player = EthPlayer(machine, pins=pins)
    assert player.eth.resetting
    port.functions[0] = 11
    player.read("DMABMR")
    player.advance(1 * MS)
    assert not player.eth.resetting
    assert player.mdio_read(2) == 0xFFFF
    port.functions.update({1: 11, 2: 11})
    assert player.mdio_read(2) == 0x0007
    player.start()
    player.send(frame(HOST, MAC))
    player.advance(1 * MS)
    assert player.frames == []
    port.functions.update({6: 11, 7: 11, 8: 11})
    player.advance(2 * MS)
    player.send(frame(HOST, MAC))
    player.station.transmit(frame())
    player.advance(1 * MS)
    assert len(player.frames) == 1 and player.received() == []
    port.functions.update({3: 11, 4: 11, 5: 11})
    player.advance(2 * MS)
    player.station.transmit(frame())
    player.advance(1 * MS)
    assert len(player.received()) == 1


# ES0182: successive writes


def test_lost_write__second_write_reads_back_but_has_no_effect(player):
    player.start(config=0x8000)
    player.advance(1 * MS)
    base = 0x40028000
    player.machine.bus_write(base, CONFIG & ~4, 4)
    player.advance(100)
    player.machine.bus_write(base, CONFIG, 4)
    assert player.read("MACCR") == CONFIG
    assert [name for _, name, _ in player.eth.lost_writes] == ["MACCR"]
    player.advance(1 * MS)
    assert pass_through(player, frame()) == []
    player.machine.bus_write(base, player.read("MACCR"), 4)
    assert len(pass_through(player, frame())) == 1


def test_lost_write__can_be_injected(started):
    started.eth.lose_next.add("MACFFR")
    started.write("MACFFR", RA)
    assert started.read("MACFFR") == RA
    assert not arrives(started, OTHER)
    started.write("MACFFR", RA)
    assert arrives(started, OTHER)


def test_lost_write__by_what_it_changes(started):
    """The first write that would set the bit is lost; one that changes others is not."""
    started.eth.lose_change["MACFFR"] = 1 << 31
    started.write("MACFFR", 1)
    assert started.eth.used[4] == 1
    started.write("MACFFR", 1 << 31)
    assert (started.eth.used[4], started.eth.lost_writes[-1][1]) == (1, "MACFFR")
    started.write("MACFFR", 1 << 31)
    assert started.eth.used[4] == 1 << 31


def test_lost_write__window_is_four_clocks(player):
    """40 ns a clock at 100 Mbit/s, 400 ns at 10."""
    base = 0x40028000
    for config, window in ((CONFIG, 160), (CONFIG & ~FES, 1600)):
        player.write("MACCR", config)
        for gap, lost in ((window - 1, 1), (window, 0)):
            player.advance(1 * MS)
            player.eth.lost_writes.clear()
            player.machine.bus_write(base + 4, 0, 4)
            player.advance(gap)
            player.machine.bus_write(base + 4, RA, 4)
            assert len(player.eth.lost_writes) == lost


def test_lost_write__start_in_dmaomr(player):
    player.start(mode=0)
    player.advance(1 * MS)
    player.machine.bus_write(0x40029018, RSF | TSF, 4)
    player.machine.bus_write(0x40029018, RSF | TSF | ST | SR, 4)
    player.advance(1 * MS)
    assert player.read("DMASR") >> 17 & 0x3F == 0


# Transmit framing


def test_tx__pads_and_appends_fcs(started):
    seen = []
    started.wire.observe(lambda time, sender, data, flags: seen.append(data))
    started.send(frame(HOST, MAC, payload=b"x"))
    started.advance(1 * MS)
    body = frame(HOST, MAC, payload=b"x").ljust(60, b"\0")
    assert seen == [body + zlib.crc32(body).to_bytes(4, "little")]


def test_tx__dc_leaves_the_fcs_to_software(started):
    """TDES0.DC: the frame brings its own."""
    whole = with_fcs(frame(HOST, MAC, payload=bytes(range(60))))
    started.send(whole, flags=TX_IC | 1 << 27)
    started.send(whole[:-1] + b"\0", flags=TX_IC | 1 << 27)
    started.advance(1 * MS)
    assert started.frames == [whole[:-4]]
    assert started.station.counters["bad"] == 1


def test_tx__dp_and_dc_with_short_frames(started):
    """DP: no padding. Without DP a short frame is padded and gets an FCS in spite of DC."""
    seen = []
    started.wire.observe(lambda time, sender, data, flags: seen.append(len(data)))
    short = frame(HOST, MAC, payload=b"12345")
    started.send(short, flags=1 << 26)
    started.send(short, flags=1 << 27)
    started.send(short, flags=1 << 27 | 1 << 26)
    started.advance(1 * MS)
    assert seen == [23, 64, 19]


def test_tx__jabber_is_cut(player):
    """MACCR.JD clear: 2048 bytes and no more; TDES0.JT, DMASR.TJTS."""
    player.start()
    index = player.send(frame(HOST, MAC, payload=bytes(1400)), bytes(1400))
    player.advance(1 * MS)
    assert player.tx_status(index) & (1 << 14 | ES) == 1 << 14 | ES
    assert player.read("DMASR") & 1 << 3
    assert player.frames == []
    player.write("MACCR", CONFIG | 1 << 22)
    player.send(frame(HOST, MAC, payload=bytes(1400)), bytes(1400))
    player.advance(1 * MS)
    assert len(player.frames) == 1


def test_tx__disabled_keeps_the_frame(player):
    player.start(config=CONFIG & ~8)
    player.send(frame(HOST, MAC))
    player.advance(10 * MS)
    assert player.frames == [] and player.read("DMASR") >> 20 & 7 == 2
    player.write("MACCR", CONFIG)
    player.advance(1 * MS)
    assert len(player.frames) == 1


def test_tx__vlan_is_noted(started):
    index = started.send(frame(HOST, MAC, 0x8100, bytes.fromhex("000588b5") + bytes(60)))
    started.advance(1 * MS)
    assert started.tx_status(index) & 1 << 7


@pytest.mark.parametrize("speed, byte_ns", [(100, 80), (10, 800)])
def test_timing__line_rate(machine, speed, byte_ns):
    """Preamble 8, gap 12 bytes: 1518 bytes take 123.04 us at 100 Mbit/s."""
    config = CONFIG if speed == 100 else CONFIG & ~FES
    player = EthPlayer(machine, signal=None if speed == 100 else Signal(True, (M10_FULL,)))
    player.start(config=config, mode=RSF | TSF | SR | 1 << 2, tx=8)
    starts = []
    player.wire.observe(lambda time, sender, data, flags: starts.append(time))
    for _ in range(4):
        player.send(frame(HOST, MAC, payload=bytes(1500)), demand=False)
    player.write("DMAOMR", RSF | TSF | SR | ST | 1 << 2)
    player.advance(20 * MS)
    assert [b - a for a, b in zip(starts, starts[1:], strict=False)] == [1538 * byte_ns] * 3


def test_timing__interframe_gap(player):
    """MACCR.IFG: 96 bit times less 8 for each step."""
    player.start(config=CONFIG | 7 << 17, mode=RSF | TSF | SR | 1 << 2)
    starts = []
    player.wire.observe(lambda time, sender, data, flags: starts.append(time))
    player.send(frame(HOST, MAC, payload=bytes(500)), demand=False)
    player.send(frame(HOST, MAC, payload=bytes(500)), demand=False)
    player.write("DMAOMR", RSF | TSF | SR | ST | 1 << 2)
    player.advance(1 * MS)
    assert starts[1] - starts[0] == (8 + 518 + 5) * 80


# Address filters


def test_filter__perfect_unicast_and_broadcast(started):
    assert arrives(started, MAC)
    assert arrives(started, BROADCAST)
    assert not arrives(started, OTHER)
    assert not arrives(started, GROUP)
    started.write("MACFFR", BFD)
    assert not arrives(started, BROADCAST)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_filter__further_addresses(started, index):
    high, low = f"MACA{index}HR", f"MACA{index}LR"
    started.write(high, int.from_bytes(OTHER[4:], "little"))
    started.write(low, int.from_bytes(OTHER[:4], "little"))
    assert not arrives(started, OTHER)
    started.write(high, 1 << 31 | int.from_bytes(OTHER[4:], "little"))
    assert arrives(started, OTHER)


def test_filter__byte_masks(started):
    """MBC: bit 24 leaves out MACAxLR[7:0], bit 29 MACAxHR[15:8]."""
    started.write("MACA1HR", 1 << 31 | 1 << 29 | int.from_bytes(OTHER[4:], "little"))
    started.write("MACA1LR", int.from_bytes(OTHER[:4], "little"))
    assert arrives(started, OTHER[:5] + b"\x12")
    assert not arrives(started, b"\x06" + OTHER[1:])
    started.write("MACA1HR", 1 << 31 | 1 << 24 | int.from_bytes(OTHER[4:], "little"))
    assert arrives(started, b"\x06" + OTHER[1:])
    assert not arrives(started, OTHER[:5] + b"\x12")


def test_filter__inverse(started):
    started.write("MACFFR", DAIF)
    assert not arrives(started, MAC)
    assert arrives(started, OTHER)
    assert arrives(started, BROADCAST)


def test_filter__promiscuous_leaves_status_clear(started):
    started.write("MACFFR", PM)
    [(status, _)] = pass_through(started, frame(OTHER))
    assert not status & (AFM | SA_FAIL)


def test_filter__receive_all_marks_failures(started):
    started.write("MACFFR", RA)
    results = pass_through(started, frame(OTHER), frame(MAC))
    assert [bool(status & AFM) for status, _ in results] == [True, False]


def test_filter__hash_examples_of_the_manual():
    """33.5.5: 1F:52:41:9C:B6:AF gives 0x2C, A0:0A:98:00:00:45 gives 0x07."""
    assert hash_index(bytes.fromhex("1f52419cb6af")) == 0x2C
    assert hash_index(bytes.fromhex("a00a98000045")) == 0x07


def test_filter__hash_multicast_and_unicast(started):
    bit = hash_index(GROUP)
    started.write("MACHTHR" if bit & 32 else "MACHTLR", 1 << (bit & 31))
    assert not arrives(started, GROUP)
    started.write("MACFFR", HM)
    assert arrives(started, GROUP)
    assert arrives(started, MAC)  # HM does not touch unicast
    started.write("MACFFR", HU)
    assert not arrives(started, MAC)
    started.write("MACFFR", HU | HPF)
    assert arrives(started, MAC)


def test_filter__pass_all_multicast(started):
    started.write("MACFFR", PAM)
    assert arrives(started, GROUP)
    assert not arrives(started, OTHER)


def test_filter__source_address(started):
    started.write("MACA1HR", 3 << 30 | int.from_bytes(HOST[4:], "little"))
    started.write("MACA1LR", int.from_bytes(HOST[:4], "little"))
    started.write("MACFFR", SAF)
    assert arrives(started, MAC, HOST)
    assert not arrives(started, MAC, OTHER)
    assert not arrives(started, HOST, HOST)  # a source register is none for destinations
    started.write("MACFFR", SAF | SAIF)
    assert not arrives(started, MAC, HOST)
    assert arrives(started, MAC, OTHER)
    started.write("MACFFR", 0)
    [(status, _)] = pass_through(started, frame(MAC, OTHER))
    assert status & SA_FAIL


def test_filter__vlan_tag(started):
    tagged = frame(kind=0x8100, payload=bytes.fromhex("2005") + b"\x88\xb5" + bytes(60))
    [(status, _)] = pass_through(started, tagged)
    assert status & VLAN  # VLANTI = 0: any tag
    started.write("MACVLANTR", 0x0005)
    [(status, _)] = pass_through(started, tagged)
    assert not status & VLAN
    started.write("MACVLANTR", 0x1_0005)  # VLANTC: twelve bits
    [(status, _)] = pass_through(started, tagged)
    assert status & VLAN


# Control frames


PAUSE = bytes.fromhex("0180c2000001")


def pause_frame(quanta, destination=PAUSE):
    return frame(destination, HOST, 0x8808, b"\x00\x01" + quanta.to_bytes(2, "big") + bytes(42))


def test_pause__received_holds_transmission(started):
    """33.5.6: RFCE in full duplex; 512 bit times a quantum, 5.12 us at 100 Mbit/s."""
    started.write("MACFCR", 4)
    assert pass_through(started, pause_frame(1000)) == []
    started.send(frame(HOST, MAC))
    started.advance(3 * MS)
    assert started.frames == []
    started.advance(2 * MS)
    assert len(started.frames) == 1


def test_pause__zero_ends_it_and_without_rfce_nothing_happens(started):
    started.write("MACFCR", 4)
    pass_through(started, pause_frame(60000))
    pass_through(started, pause_frame(0))
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert len(started.frames) == 1
    started.write("MACFCR", 0)
    pass_through(started, pause_frame(60000))
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert len(started.frames) == 2


def test_pause__unicast_with_upfd(started):
    started.write("MACFCR", 4 | 8)
    pass_through(started, pause_frame(60000, MAC))
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert started.frames == []


def test_pause__sent_by_fcb(started):
    started.machine.bus_write(0x40028018, 0x12340001 | 2, 4)
    assert started.read("MACFCR") & 1
    started.advance(1 * MS)
    assert not started.read("MACFCR") & 1
    expected = PAUSE + MAC + bytes.fromhex("880800011234") + bytes(42)
    assert started.frames == [expected]


TFCE = 2


def pauses(player):
    """(time, quanta) of the pause frames that the MAC has sent."""
    return [int.from_bytes(data[16:18], "big") for data in player.frames if data[12:14] == b"\x88\x08"]


def filled(player, flow):
    """The receive FIFO over a half full, with the DMA's receiver stopped."""
    player.start(mode=RSF | TSF | ST)
    player.write("MACFCR", flow)
    for _ in range(3):
        player.station.transmit(frame(payload=bytes(500)))
    player.advance(200_000)


def test_pause__asked_for_by_itself_until_the_fifo_empties(player):
    """TFCE, 33.5.6: a pause of PT when the FIFO fills, again PLT before its end, and one of 0 at the end."""
    filled(player, TFCE | 100 << 16)
    assert pauses(player) == [100]
    player.advance(500_000)  # 100 less 4 slots of 5.12 us
    assert pauses(player) == [100, 100]
    player.write("DMAOMR", RSF | TSF | ST | SR)
    player.advance(200_000)
    assert pauses(player) == [100, 100, 0]
    player.advance(2_000_000)
    assert pauses(player) == [100, 100, 0]


def test_pause__slots_of_plt_and_no_zero_quanta(player):
    filled(player, TFCE | 300 << 16 | 3 << 4 | 1 << 7)
    player.advance(500_000)  # 300 less 256 slots: every 225 us
    assert len(pauses(player)) == 3 and set(pauses(player)) == {300}
    player.write("DMAOMR", RSF | TSF | ST | SR)
    player.advance(1_000_000)
    assert set(pauses(player)) == {300}


def test_pause__none_without_tfce(player):
    filled(player, 100 << 16)
    player.advance(1_000_000)
    assert pauses(player) == []


def test_pass_control_frames(started):
    other = frame(PAUSE, HOST, 0x8808, b"\x00\x02" + bytes(44))
    assert pass_through(started, other) == []
    started.write("MACFFR", 2 << 6)
    assert len(pass_through(started, other, pause_frame(0))) == 2
    started.write("MACFFR", 3 << 6)
    assert pass_through(started, other) == []  # does not pass the address filter
    started.write("MACFFR", 1 << 6 | PAM)
    assert len(pass_through(started, other, pause_frame(0))) == 1


# Receive errors


def test_rx__bad_fcs_is_dropped_unless_fef(started):
    bad = with_fcs(frame(payload=bytes(60)))[:-1] + b"\xee"
    started.station.transmit_raw(bad)
    started.advance(1 * MS)
    assert started.received() == []
    started.write("DMAOMR", RSF | TSF | ST | SR | FEF)
    started.station.transmit_raw(bad)
    started.advance(1 * MS)
    [(status, _)] = started.received()
    assert status & (ES | CE) == ES | CE
    assert started.read("MMCRFCECR") == 2


def test_rx__symbol_error_and_dribble(started):
    started.write("DMAOMR", RSF | TSF | ST | SR | FEF)
    good = with_fcs(frame(payload=bytes(60)))
    started.station.transmit_raw(good, RX_ER)
    started.station.transmit_raw(good, DRIBBLE)
    started.station.transmit_raw(good[:-1] + b"\xee", DRIBBLE)
    started.advance(1 * MS)
    statuses = [status for status, _ in started.received()]
    assert [status & (ES | RE | DRIBBLED | CE) for status in statuses] == [
        ES | RE,
        DRIBBLED,
        ES | DRIBBLED | CE,
    ]
    assert (started.read("MMCRFAECR"), started.read("MMCRFCECR")) == (1, 0)


def test_rx__runt_only_with_fugf(started):
    body = frame(payload=b"short")
    runt = body + zlib.crc32(body).to_bytes(4, "little")
    started.station.transmit_raw(runt)
    started.advance(1 * MS)
    assert started.received() == []
    assert started.read("DMAMFBOCR") == 1 << 17
    started.write("DMAOMR", RSF | TSF | ST | SR | FUGF)
    started.station.transmit_raw(runt)
    started.advance(1 * MS)
    [(status, data)] = started.received()
    assert data == runt and not status & ES


def test_rx__watchdog_cuts_long_frames(started):
    """MACCR.WD clear: 2048 bytes; RDES0.RWT, DMASR.RWTS."""
    started.write("DMAOMR", RSF | TSF | ST | SR | FEF)
    started.station.transmit(frame(payload=bytes(2200)))
    started.advance(1 * MS)
    [(status, data)] = started.received()
    assert status & (RWT | ES) == RWT | ES
    assert len(data) == 2048
    assert started.read("DMASR") & 1 << 9


def test_rx__length_field(started):
    """IEEE 802.3 length: LE where it does not agree with what came; FT is clear."""
    results = pass_through(
        started,
        frame(kind=46, payload=bytes(46)),
        frame(kind=90, payload=bytes(80)),
        frame(kind=10, payload=bytes(10)),
    )
    assert [status & (FT | LE) for status, _ in results] == [0, LE, 0]


def test_rx__strip_pad_and_fcs(started):
    """APCS: length frames only; CSTF: type frames."""
    started.write("MACCR", CONFIG | 1 << 7)
    started.station.transmit(frame(kind=10, payload=bytes(10)))
    started.station.transmit(frame(payload=bytes(60)))
    started.advance(1 * MS)
    assert [status >> 16 & 0x3FFF for status, _ in started.received()] == [24, 78]
    started.write("MACCR", CONFIG | 1 << 25)
    started.station.transmit(frame(payload=bytes(60)))
    started.advance(1 * MS)
    assert [status >> 16 & 0x3FFF for status, _ in started.received()] == [74]


def test_rx__threshold_mode_lets_errors_up(player):
    """Without RSF a longer frame is on its way to memory before its error is known."""
    player.start(mode=TSF | ST | SR)
    player.station.transmit_raw(with_fcs(frame(payload=bytes(200)))[:-1] + b"\xee")
    player.advance(1 * MS)
    [(status, _)] = player.received()
    assert status & (ES | CE) == ES | CE


def test_rx__disabled(player):
    player.start(config=CONFIG & ~4)
    assert pass_through(player, frame()) == []
    assert player.eth.mac.counters["deaf"] == 1


def test_wrong_speed__nothing_gets_through(started):
    started.write("MACCR", CONFIG & ~FES)
    started.send(frame(HOST, MAC))
    started.station.transmit(frame())
    started.advance(10 * MS)
    assert started.frames == [] and started.received() == []


# Loopback


def test_loopback__mac(started):
    started.write("MACCR", CONFIG | 1 << 12)
    started.send(frame(MAC, MAC, payload=b"round"))
    started.advance(1 * MS)
    [(_, data)] = started.received()
    assert data[14:19] == b"round"
    assert started.frames == []


def test_loopback__phy(started):
    started.mdio_write(0, 1 << 14 | 1 << 13 | 1 << 8)
    started.send(frame(MAC, MAC, payload=b"round"))
    started.advance(1 * MS)
    [(_, data)] = started.received()
    assert data[14:19] == b"round"
    assert started.frames == []


def test_debug__shows_what_the_mac_does(started):
    """MACDBGR: MMTEA, MTFCS, TFNE while a frame goes out; RFFL while frames wait; MTP in a pause."""
    assert started.read("MACDBGR") == 0
    started.send(frame(HOST, MAC, payload=bytes(1000)))
    started.advance(20_000)
    assert started.read("MACDBGR") & (1 << 16 | 3 << 17 | 1 << 24) == 1 << 16 | 3 << 17 | 1 << 24
    started.advance(1 * MS)
    assert started.read("MACDBGR") == 0
    started.write("DMAOMR", RSF | TSF | ST)
    levels = []
    for _ in range(4):
        started.station.transmit(frame(payload=bytes(500)))
        started.advance(1 * MS)
        levels.append(started.read("MACDBGR") >> 8 & 3)
    assert levels == [1, 2, 2, 2]
    started.write("MACFCR", 4)
    started.station.transmit(pause_frame(1000))
    started.advance(100_000)
    assert started.read("MACDBGR") >> 19 & 1
