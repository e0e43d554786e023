# SPDX-License-Identifier: MIT
"""The Ethernet DMA against RM0090 33.6 and 33.8.4: descriptors, suspension, status bits, bus errors."""

import pytest
from emulator.machine import Machine
from emulator.peripheral import GuestError
from support.eth_player import (
    HOST,
    MAC,
    MS,
    OWN,
    RSF,
    RX_BUFFERS,
    RX_RING,
    SR,
    ST,
    TSF,
    TX_BUFFERS,
    TX_FIRST,
    TX_IC,
    TX_LAST,
    TX_RING,
    EthPlayer,
    frame,
)

TS, TPSS, TBUS, ROS, TUS, RS, RBUS, RPSS = 1, 1 << 1, 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8
ETS, FBES, ERS, AIS, NIS = 1 << 10, 1 << 13, 1 << 14, 1 << 15, 1 << 16
FS, LS = 1 << 9, 1 << 8


@pytest.fixture
def player(machine):
    return EthPlayer(machine)


@pytest.fixture
def started(player):
    player.start()
    return player


def rps(player):
    return player.read("DMASR") >> 17 & 7


def tps(player):
    return player.read("DMASR") >> 20 & 7


# Transmit


def test_tx__one_segment(started):
    sent = frame(HOST, MAC, payload=bytes(range(100)))
    index = started.send(sent)
    started.advance(1 * MS)
    assert started.frames == [sent]
    assert started.tx_status(index) & (OWN | 1 << 15) == 0
    assert started.read("DMASR") & TS


def test_tx__scatter_gather_in_ring_and_odd_addresses(started):
    """33.6.4: a frame may span descriptors, buffers may start at any byte."""
    sent = frame(HOST, MAC, payload=bytes(range(200)))
    last = started.send(sent[:13], sent[13:14], sent[14:117], sent[117:])
    started.advance(1 * MS)
    assert started.frames == [sent]
    assert all(not started.tx_status(index) & OWN for index in range(4))
    assert last == 3


def test_tx__both_buffers_of_a_ring_descriptor(started):
    sent = frame(HOST, MAC, payload=bytes(range(90)))
    started.memory.write(TX_BUFFERS, sent)
    started.poke(TX_RING, OWN | TX_FIRST | TX_LAST, 50 << 16 | 54, TX_BUFFERS, TX_BUFFERS + 54)
    started.write("DMATPDR", 1)
    started.advance(1 * MS)
    assert started.frames == [sent]


def test_tx__zero_length_buffer_is_skipped(started):
    """33.6.7, TBS1: 0 means the DMA ignores this buffer."""
    sent = frame(HOST, MAC, payload=bytes(range(90)))
    started.memory.write(TX_BUFFERS, sent)
    started.poke(TX_RING, OWN | TX_FIRST | TX_LAST, len(sent) << 16, 0, TX_BUFFERS)
    started.write("DMATPDR", 1)
    started.advance(1 * MS)
    assert started.frames == [sent]


def test_tx__chain(started):
    """TCH: TDES3 is the next descriptor, wherever it is."""
    first, second = 0x20003000, 0x20003100
    sent = [frame(HOST, MAC, payload=bytes([n]) * 60) for n in (1, 2)]
    for address, other, data, buffer in (
        (first, second, sent[0], TX_BUFFERS),
        (second, first, sent[1], TX_BUFFERS + 256),
    ):
        started.memory.write(buffer, data)
        started.poke(address, OWN | TX_FIRST | TX_LAST | 1 << 20, len(data), buffer, other)
    started.write("DMAOMR", RSF | TSF | SR)
    started.write("DMATDLAR", first)
    started.write("DMAOMR", RSF | TSF | SR | ST)
    started.advance(1 * MS)
    assert started.frames == sent
    assert tps(started) == 6
    assert started.read("DMACHTDR") == first


def test_tx__descriptor_skip_length(player):
    """DSL: words between unchained descriptors."""
    player.write("DMABMR", 0x00020100 | 2 << 2)
    player.start(tx=2)
    sent = [frame(HOST, MAC, payload=bytes([n]) * 60) for n in (1, 2)]
    for n in (0, 1):
        player.memory.write(TX_BUFFERS + 256 * n, sent[n])
        player.poke(
            TX_RING + 24 * n, OWN | TX_FIRST | TX_LAST | n << 21, len(sent[n]), TX_BUFFERS + 256 * n, 0
        )
    player.write("DMATPDR", 0)
    player.advance(1 * MS)
    assert player.frames == sent


def test_tx__suspends_with_tbus_and_resumes_on_poll_demand(started):
    assert tps(started) == 6
    started.send(frame(HOST, MAC), demand=False)
    started.advance(10 * MS)
    assert started.frames == []  # a suspended engine does not look by itself
    started.write("DMATPDR", 0xFFFF)
    started.advance(1 * MS)
    assert len(started.frames) == 1
    assert started.read("DMASR") & TBUS


def test_tx__interrupt_only_with_ic(started):
    started.send(frame(HOST, MAC), flags=0)
    started.advance(1 * MS)
    assert not started.read("DMASR") & TS
    started.send(frame(HOST, MAC), flags=TX_IC)
    started.advance(1 * MS)
    assert started.read("DMASR") & TS


def test_tx__list_start_is_reloaded(started):
    """DMATDLAR while stopped moves the current descriptor; without a write it stays where it was."""
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    started.write("DMAOMR", RSF | TSF | SR)
    started.write("DMAOMR", RSF | TSF | SR | ST)
    assert started.read("DMACHTDR") == TX_RING + 16
    started.write("DMAOMR", RSF | TSF | SR)
    started.write("DMATDLAR", TX_RING)
    started.write("DMAOMR", RSF | TSF | SR | ST)
    assert started.read("DMACHTDR") == TX_RING


def test_tx__list_write_while_running_is_reported(started):
    with pytest.raises(GuestError, match="DMATDLAR"):
        started.write("DMATDLAR", TX_RING)


def test_tx__stop_sets_tpss(started):
    started.write("DMAOMR", RSF | TSF | SR)
    assert started.read("DMASR") & TPSS
    assert tps(started) == 0


def test_tx__stop_waits_for_the_frame_on_the_wire(started):
    started.send(frame(HOST, MAC, payload=bytes(1000)))
    started.advance(20_000)
    started.write("DMAOMR", RSF | TSF | SR)
    assert not started.read("DMASR") & TPSS
    started.advance(1 * MS)
    assert started.read("DMASR") & TPSS
    assert len(started.frames) == 1


def test_tx__osf_fetches_during_transmission():
    """33.6.4: with OSF the second frame is fetched while the first is sent, without it afterwards."""
    for mode, fetched in ((0, 0), (1 << 2, 1)):
        player = EthPlayer(Machine())
        player.start(mode=RSF | TSF | SR | ST | mode)
        starts = []
        player.wire.observe(lambda time, sender, data, flags, starts=starts: starts.append(time))
        player.send(frame(HOST, MAC, payload=bytes(1000)), demand=False)
        player.send(frame(HOST, MAC, payload=bytes(1000)))
        player.advance(30_000)
        assert player.read("DMACHTDR") == TX_RING + 16 * fetched
        player.advance(1 * MS)
        assert len(player.frames) == 2
        gap = starts[1] - starts[0] - (8 + 1018) * 80
        assert gap == 12 * 80 if mode else gap > 12 * 80


def test_tx__descriptor_order_and_intermediate_close(started):
    """An intermediate descriptor is closed with its control bits and without a status."""
    sent = frame(HOST, MAC, payload=bytes(100))
    started.send(sent[:20], sent[20:])
    started.advance(1 * MS)
    assert started.tx_status(0) == TX_FIRST | TX_IC
    assert started.tx_status(1) == TX_LAST | TX_IC


def test_tx__frame_begins_without_fs_is_reported(started):
    started.poke(TX_RING, OWN | TX_LAST, 60, TX_BUFFERS, 0)
    with pytest.raises(GuestError, match="without FS"):
        started.write("DMATPDR", 0)


# Receive


def test_rx__frame_with_crc_in_length(started):
    sent = frame(payload=bytes(range(100)))
    started.station.transmit(sent)
    started.advance(1 * MS)
    [(status, data)] = started.received()
    assert data[:-4] == sent
    assert status >> 16 & 0x3FFF == len(sent) + 4
    assert status & (FS | LS) == FS | LS
    assert status & (OWN | 1 << 15) == 0
    assert started.read("DMASR") & RS


def test_rx__works_before_anything_was_sent(started):
    started.station.transmit(frame())
    started.advance(1 * MS)
    assert len(started.received()) == 1
    assert started.frames == []


def test_rx__spans_descriptors(player):
    player.start(rx_size=128)
    sent = frame(payload=bytes(n & 255 for n in range(300)))
    player.station.transmit(sent)
    player.advance(1 * MS)
    first, middle, last = (player.rx_status(index) for index in range(3))
    assert (first & (FS | LS), middle & (FS | LS), last & (FS | LS)) == (FS, 0, LS)
    assert (first >> 16, middle >> 16, last >> 16) == (128, 256, 318)
    [(_, data)] = player.received()
    assert data[:-4] == sent
    assert player.read("DMASR") & ERS == 0  # RS has cleared it


def test_rx__descriptor_skip_length(player):
    """DSL counts words between descriptors of a ring; after the last (RER) comes the first."""
    player.write("DMABMR", 0x00020100 | 3 << 2)
    player.start()
    for n in (1, 2):
        end = 1 << 15 if n == 2 else 0
        player.poke(RX_RING + 28 * n, OWN, 1536 | end, RX_BUFFERS + 1536 * n, 0)
    for n in range(3):
        player.station.transmit(frame(payload=bytes([n]) * 60))
    player.advance(1 * MS)
    for n in range(3):
        assert player.words(RX_RING + 28 * n)[0] & (OWN | FS | LS) == FS | LS
        assert player.memory.read(RX_BUFFERS + 1536 * n + 14, 60) == bytes([n]) * 60
    assert player.read("DMACHRDR") == RX_RING and rps(player) == 4


def test_rx__second_buffer_and_chain(player):
    """RDES1.RCH clear: buffer 2 follows buffer 1. Set: RDES3 is the next descriptor."""
    player.start()
    player.write("DMAOMR", RSF | TSF | ST)
    one, two = 0x20003000, 0x20003040
    player.poke(one, OWN, 64 << 16 | 64, RX_BUFFERS, RX_BUFFERS + 0x800)
    player.poke(one + 16, OWN, 1 << 14 | 64, RX_BUFFERS + 0x1000, two)
    player.poke(two, OWN, 1 << 14 | 1536, RX_BUFFERS + 0x2000, one)
    player.write("DMARDLAR", one)
    player.write("DMAOMR", RSF | TSF | ST | SR)
    sent = frame(payload=bytes(n & 255 for n in range(300)))
    player.station.transmit(sent)
    player.advance(1 * MS)
    data = player.memory.read(RX_BUFFERS, 64) + player.memory.read(RX_BUFFERS + 0x800, 64)
    data += player.memory.read(RX_BUFFERS + 0x1000, 64) + player.memory.read(RX_BUFFERS + 0x2000, 318 - 192)
    assert data[:-4] == sent
    assert player.words(two)[0] >> 16 & 0x3FFF == 318


def test_rx__shifted_buffer(player):
    """RDES2[1:0]: the start of the frame is shifted, and that much less fits into the buffer."""
    player.start()
    player.write("DMAOMR", RSF | TSF | ST)
    player.poke(RX_RING, OWN, 128, RX_BUFFERS + 2, 0)
    player.write("DMARDLAR", RX_RING)
    player.write("DMAOMR", RSF | TSF | ST | SR)
    sent = frame(payload=bytes(n & 255 for n in range(180)))
    player.station.transmit(sent)
    player.advance(1 * MS)
    assert player.memory.read(RX_BUFFERS + 2, 126) == sent[:126]
    assert player.words(RX_RING)[0] >> 16 == 126


def test_rx__shift_of_what_follows_is_ignored(player):
    """RDES2[1:0]: without meaning for a buffer with the middle or the end of a frame."""
    player.start(rx=2, rx_size=128)
    player.write("DMAOMR", RSF | TSF | ST)
    for n in range(2):
        player.poke(RX_RING + 16 * n, OWN, 128 | n << 15, RX_BUFFERS + 128 * n + 2, 0)
    player.write("DMARDLAR", RX_RING)
    player.write("DMAOMR", RSF | TSF | ST | SR)
    sent = frame(payload=bytes(n & 255 for n in range(180)))
    player.station.transmit(sent)
    player.advance(1 * MS)
    assert player.memory.read(RX_BUFFERS + 2, len(sent)) == sent


def test_rx__size_no_multiple_of_4_is_reported(player):
    player.poke(RX_RING, OWN, 1530, RX_BUFFERS, 0)
    player.write("DMARDLAR", RX_RING)
    with pytest.raises(GuestError, match="multiple of 4"):
        player.write("DMAOMR", SR)


def test_rx__exhaustion_suspends_counts_and_resumes_by_itself(started):
    """33.6.5: suspended, it looks again at each new frame, which is missed if there is still nothing."""
    for _ in range(6):
        started.station.transmit(frame())
    started.advance(1 * MS)
    assert rps(started) == 4
    assert started.read("DMASR") & RBUS
    assert started.read("DMAMFBOCR") == 2
    assert started.read("DMAMFBOCR") == 0  # cleared by reading
    assert len(started.received()) == 4
    started.station.transmit(frame())
    started.advance(1 * MS)
    assert len(started.received()) == 1


def test_rx__poll_demand_resumes(started):
    for _ in range(4):
        started.station.transmit(frame())
    started.advance(1 * MS)
    started.write("DMASR", RBUS | AIS)
    started.received()
    assert rps(started) == 4
    started.write("DMARPDR", 0)
    assert rps(started) == 3
    assert not started.read("DMASR") & RBUS


def test_rx__dfrf_keeps_frames_in_the_fifo_until_it_overflows(player):
    """DFRF: nothing is flushed; what does not fit into 2 KB is lost with ROS and counted apart."""
    player.start(rx=1, mode=RSF | TSF | ST | SR | 1 << 24)
    for number in range(6):
        player.station.transmit(frame(payload=bytes([number]) * 500))
    player.advance(1 * MS)
    missed = player.read("DMAMFBOCR")
    assert missed & 0xFFFF == 0
    lost = missed >> 17 & 0x7FF
    assert lost == 2  # one in the descriptor, three of 526 bytes in the FIFO
    assert player.read("DMASR") & ROS
    numbers = []
    for _ in range(4):
        numbers += [data[14] for _, data in player.received()]
        player.write("DMARPDR", 0)
        player.advance(1 * MS)
    assert numbers == [0, 1, 2, 3]


def test_rx__no_descriptor_for_the_rest_is_a_descriptor_error(player):
    player.start(rx=2, rx_size=128)
    player.station.transmit(frame(payload=bytes(400)))
    player.advance(1 * MS)
    assert player.rx_status(0) & (FS | LS) == FS
    assert player.rx_status(1) & (FS | LS | 1 << 14 | 1 << 15) == LS | 1 << 14 | 1 << 15


def test_rx__stopped_keeps_frames_and_sets_rpss(started):
    started.write("DMAOMR", RSF | TSF | ST)
    assert started.read("DMASR") & RPSS
    started.station.transmit(frame())
    started.advance(1 * MS)
    assert started.received() == []
    started.write("DMAOMR", RSF | TSF | ST | SR)
    started.advance(1 * MS)
    assert len(started.received()) == 1


def test_rx__dic_delays_rs_by_the_watchdog(player):
    """RDES1.DIC: no RS; DMARSWTR sets it N * 256 HCLK cycles later."""
    player.write("DMARSWTR", 100)
    player.start()
    player.poke(RX_RING, OWN, 1 << 31 | 1536, RX_BUFFERS, 0)
    player.write("DMAOMR", RSF | TSF | ST)
    player.write("DMARDLAR", RX_RING)
    player.write("DMAOMR", RSF | TSF | ST | SR)
    player.station.transmit(frame())
    player.advance(20_000)
    assert not player.rx_status(0) & OWN
    assert not player.read("DMASR") & RS
    player.advance(100 * 256 * 1000 // 168 + 1000)
    assert player.read("DMASR") & RS


def test_rx__descriptor_is_read_in_advance(started):
    """33.6.5: the engine holds the next descriptor already; what is written to it then comes too late."""
    started.poke(RX_RING + 8, 0x20010000)
    started.station.transmit(frame(payload=b"early"))
    started.advance(1 * MS)
    assert started.memory.read(RX_BUFFERS, 19)[14:] == b"early"


# Enhanced descriptors


def test_enhanced__both_ways(player):
    player.start(enhanced=True)
    sent = frame(payload=bytes(range(80)))
    for _ in range(5):
        player.station.transmit(sent)
        player.send(frame(HOST, MAC, payload=bytes(range(80))))
        player.advance(1 * MS)
        [(status, data)] = player.received()
        assert data[:-4] == sent
    assert len(player.frames) == 5


# Status and interrupts


def test_status__normal_summary_is_sticky(started):
    """NIS follows enabled bits only, and only writing 1 clears it."""
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert not started.read("DMASR") & NIS
    assert not started.machine.irq_lines.get(61)
    started.write("DMAIER", NIS | TS)
    assert started.read("DMASR") & NIS
    assert started.machine.irq_lines[61]
    started.write("DMASR", TS)
    assert started.machine.irq_lines[61]
    started.write("DMASR", NIS)
    assert not started.machine.irq_lines[61]


def test_status__abnormal_summary(started):
    started.write("DMAIER", AIS | RBUS)
    for _ in range(4):
        started.station.transmit(frame())
    started.advance(1 * MS)
    assert started.read("DMASR") & AIS
    assert started.machine.irq_lines[61]
    started.write("DMASR", AIS | RBUS)
    assert not started.machine.irq_lines[61]


def test_status__state_fields_are_read_only(started):
    before = started.read("DMASR")
    started.write("DMASR", 0xFFFE0000)
    assert started.read("DMASR") & 0x7E0000 == before & 0x7E0000


# Bus errors


@pytest.mark.parametrize("where", [0x10000000, 0x08020000, 0x30000000])
def test_fault__tx_buffer_out_of_reach(started, where):
    """CCM and flash have no way to the Ethernet DMA (2.1): FBES, EBS = transmit, read, data."""
    started.poke(TX_RING, OWN | TX_FIRST | TX_LAST, 60, where, 0)
    started.write("DMATPDR", 0)
    started.advance(1 * MS)
    status = started.read("DMASR")
    assert status & FBES
    assert status >> 23 & 7 == 0b011
    assert tps(started) == 0
    assert started.frames == []


@pytest.mark.parametrize("after, bits", [(0, 0b111), (1, 0b011), (2, 0b101)])
def test_fault__injected_into_transmission(started, after, bits):
    """Descriptor read, buffer read, status written: EBS names each."""
    started.eth.dma.fail_bus(transmit=True, after=after)
    started.send(frame(HOST, MAC))
    started.advance(1 * MS)
    assert started.read("DMASR") & FBES
    assert started.read("DMASR") >> 23 & 7 == bits


@pytest.mark.parametrize("after, bits", [(0, 0b000), (1, 0b100), (2, 0b110)])
def test_fault__injected_into_reception(started, after, bits):
    """The descriptor is there already: buffer written, status written, next descriptor read."""
    started.eth.dma.fail_bus(transmit=False, after=after)
    started.station.transmit(frame())
    started.advance(1 * MS)
    assert started.read("DMASR") & FBES
    assert started.read("DMASR") >> 23 & 7 == bits


def test_fault__rx_descriptor_in_ccm(player):
    player.write("DMARDLAR", 0x10000000)
    player.write("DMAOMR", SR)
    status = player.read("DMASR")
    assert status & FBES
    assert status >> 23 & 7 == 0b110


def test_fault__rx_buffer_in_ccm_then_reset_recovers(player):
    player.start()
    player.write("DMAOMR", RSF | TSF | ST)
    player.poke(RX_RING, OWN, 1536, 0x10000000, 0)
    player.write("DMARDLAR", RX_RING)
    player.write("DMAOMR", RSF | TSF | ST | SR)
    player.station.transmit(frame())
    player.advance(1 * MS)
    status = player.read("DMASR")
    assert status & FBES and status >> 23 & 7 == 0b000
    player.write("DMAOMR", RSF | TSF | ST)
    player.write("DMAOMR", RSF | TSF | ST | SR)
    assert rps(player) == 0  # nothing but a reset brings the engine back
    player.write("DMABMR", 1)
    player.advance(1 * MS)
    player.rx_next = player.tx_next = 0
    player.start()
    player.station.transmit(frame())
    player.advance(1 * MS)
    assert len(player.received()) == 1


# Ownership


@pytest.fixture
def watched(started):
    """stored(address, size, value): what a CPU would do."""
    started.eth.dma.ownership.watch(memoryview(bytearray(0x20000 // 4)))
    return started


def marked(player, address):
    return player.eth.dma.ownership.words[(address - 0x20000000) // 4]


def test_owned__store_into_what_the_dma_owns_is_reported(watched):
    """From the store that sets OWN to the DMA's that clears it (33.6.2); what is beside it is free."""
    stored = watched.eth.dma.ownership.stored
    stored(TX_BUFFERS, 4, 0)
    assert marked(watched, RX_BUFFERS) and not marked(watched, TX_BUFFERS)
    with pytest.raises(GuestError, match="RX buffer"):
        stored(RX_BUFFERS + 100, 1, 0)
    with pytest.raises(GuestError, match="RDES"):
        stored(RX_RING + 8, 4, 0)
    watched.machine.reports.clear()
    for _ in range(4):
        watched.station.transmit(frame())
    watched.advance(1 * MS)
    stored(RX_BUFFERS + 100, 1, 0)
    stored(RX_RING, 4, OWN)
    with pytest.raises(GuestError, match="RX buffer"):
        stored(RX_BUFFERS + 100, 1, 0)


def test_owned__transmit_descriptor_until_it_is_closed(watched):
    stored = watched.eth.dma.ownership.stored
    watched.send(frame(HOST, MAC, payload=bytes(1000)), demand=False)
    stored(TX_RING, 4, watched.tx_status(0))
    with pytest.raises(GuestError, match="TX buffer"):
        stored(TX_BUFFERS, 1, 0)
    watched.write("DMATPDR", 0)
    with pytest.raises(GuestError, match="TDES"):
        stored(TX_RING + 4, 4, 0)
    watched.advance(1 * MS)
    stored(TX_BUFFERS, 1, 0)
    stored(TX_RING + 4, 4, 0)


def test_owned__nothing_after_a_stop_or_a_reset(watched):
    watched.write("DMAOMR", RSF | TSF | ST)
    watched.advance(1 * MS)
    watched.eth.dma.ownership.stored(RX_BUFFERS, 4, 0)
    watched.write("DMAOMR", RSF | TSF | ST | SR)
    with pytest.raises(GuestError, match="RX buffer"):
        watched.eth.dma.ownership.stored(RX_BUFFERS, 4, 0)
    watched.write("DMABMR", 1)
    assert not any(watched.eth.dma.ownership.words)


# Mode register


def test_ftf__clears_itself_when_stopped(started):
    started.write("DMAOMR", RSF | TSF | SR)
    started.machine.bus_write(0x40029018, RSF | TSF | SR | 1 << 20, 4)
    assert started.read("DMAOMR") & 1 << 20
    started.advance(2_000)
    assert not started.read("DMAOMR") & 1 << 20


def test_ftf__while_running_is_reported(started):
    started.send(frame(HOST, MAC, payload=bytes(1000)))
    started.advance(20_000)
    with pytest.raises(GuestError, match="FTF"):
        started.write("DMAOMR", RSF | TSF | ST | SR | 1 << 20)


def test_ftf__right_after_a_frame_is_stuck_until_reset(started):
    """ES0182: a flush in the clock after a transmission leaves the FIFO's read side idle for good."""
    done = []
    started.send(frame(HOST, MAC))
    original = started.eth.mac._sent

    def sent():
        original()
        done.append(started.machine.now)
        started.machine.bus_write(0x40029018, RSF | TSF | SR | 1 << 20, 4)

    started.eth.mac._timer.function = sent
    started.advance(1 * MS)
    assert done and started.read("DMAOMR") & 1 << 20
    started.advance(100 * MS)
    assert started.read("DMAOMR") & 1 << 20


def test_burst_length__reserved_is_reported(player):
    with pytest.raises(GuestError, match="PBL"):
        player.write("DMABMR", 0x00020000 | 3 << 8)


def test_threshold__underflow_in_the_middle_of_a_frame(player):
    """33.5.4: in threshold mode a frame whose rest does not come in time ends on the wire; UF and TUS."""
    player.start(mode=RSF | SR | ST)
    sent = frame(HOST, MAC, payload=bytes(200))
    player.memory.write(TX_BUFFERS, sent)
    player.poke(TX_RING, OWN | TX_FIRST, 100, TX_BUFFERS, 0)
    player.write("DMATPDR", 0)
    player.advance(1 * MS)
    assert player.frames == []
    assert player.station.counters["bad"] == 1
    assert player.read("DMASR") & TUS
    assert tps(player) == 6
    assert player.tx_status(0) & (OWN | 1 << 15 | 1 << 1) == 1 << 15 | 1 << 1
    player.poke(TX_RING + 16, OWN | TX_LAST, 114, TX_BUFFERS + 100, 0)
    player.poke(TX_RING + 32, OWN | TX_FIRST | TX_LAST, len(sent), TX_BUFFERS, 0)
    player.write("DMATPDR", 0)
    player.advance(1 * MS)
    assert player.frames == []  # 33.6.4: not before TUS is cleared
    player.write("DMASR", TUS)
    player.write("DMATPDR", 0)
    player.advance(1 * MS)
    assert player.frames == [sent]


def test_threshold__rest_in_time_is_corrupted_unseen(player):
    """ES0182, transmit frame data corruption: the FIFO ran empty under the frame and filled again."""
    player.start(mode=RSF | SR | ST)
    sent = frame(HOST, MAC, payload=bytes(200))
    player.memory.write(TX_BUFFERS, sent)
    player.poke(TX_RING, OWN | TX_FIRST, 100, TX_BUFFERS, 0)
    player.write("DMATPDR", 0)
    player.poke(TX_RING + 16, OWN | TX_LAST, len(sent) - 100, TX_BUFFERS + 100, 0)
    player.write("DMATPDR", 0)
    player.advance(1 * MS)
    assert len(player.frames) == 1
    assert player.frames[0] != sent
    assert not player.read("DMASR") & TUS
