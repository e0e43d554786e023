# SPDX-License-Identifier: MIT
"""IEEE 1588 in the MAC against RM0090 33.5.10 and 33.8.3."""

import pytest
from emulator.peripheral import GuestError
from support.eth_player import HOST, MAC, MS, TX_IC, EthPlayer, frame

TSE, TSFCU, TSSTI, TSSTU, TSITE, TSARU = 1, 2, 4, 8, 16, 32
ALL, DECIMAL, VERSION2, ETHERNET, IPV6, IPV4 = (1 << n for n in (8, 9, 10, 11, 12, 13))
SECOND = 1_000_000_000


@pytest.fixture
def player(machine):
    return EthPlayer(machine)


def run(player, control=TSE, increment=6):
    """Coarse mode: every HCLK cycle adds the increment."""
    player.write("PTPSSIR", increment)
    player.write("PTPTSCR", control)


def now(player):
    return player.read("PTPTSHR"), player.read("PTPTSLR")


def set_time(player, seconds, part, control=TSE):
    player.write("PTPTSHUR", seconds)
    player.write("PTPTSLUR", part)
    player.write("PTPTSCR", control | TSSTI)


def test_clock__stands_until_enabled(player):
    player.advance(1 * MS)
    assert now(player) == (0, 0)


def test_clock__coarse_binary(player):
    """TSSSR clear: 2^31 units in a second; 168 MHz times 13 is 2.184e9 of them."""
    run(player, increment=13)
    set_time(player, 0, 0)
    player.advance(SECOND - 2_000)  # write() takes 2 us
    count = now(player)[0] * (1 << 31) + now(player)[1]
    assert count == 168_000_000 * 13


def test_clock__coarse_decimal_rolls_over_at_a_second(player):
    run(player, TSE | DECIMAL)
    set_time(player, 7, 999_999_999, TSE | DECIMAL)
    assert now(player) == (8, 2_000 * 168 * 6 // 1000 - 1)


def test_clock__fine_runs_at_the_addend(player):
    """TSFCU: a 50 MHz accumulator, 20 ns a step: addend 2^32 * 50 / 168."""
    addend = (1 << 32) * 50 // 168
    player.write("PTPSSIR", 20)
    player.write("PTPTSAR", addend)
    player.write("PTPTSCR", TSE | TSFCU | DECIMAL)
    player.write("PTPTSCR", TSE | TSFCU | DECIMAL | TSARU)
    set_time(player, 0, 0, TSE | TSFCU | DECIMAL)
    player.advance(10 * SECOND - 2_000)
    seconds, part = now(player)
    assert abs(seconds * SECOND + part - 10 * SECOND) < 10
    assert player.read("PTPTSCR") & (TSARU | TSSTI) == 0  # self-clearing


def test_update__adds_and_subtracts(player):
    run(player, TSE | DECIMAL)
    set_time(player, 100, 0, TSE | DECIMAL)
    player.write("PTPTSHUR", 1)
    player.write("PTPTSLUR", 500_000_000)
    before = now(player)
    player.machine.bus_write(0x40028700, TSE | DECIMAL | TSSTU, 4)
    after = now(player)
    assert (after[0] - before[0]) * SECOND + after[1] - before[1] == 1_500_000_000
    player.advance(2_000)
    player.write("PTPTSHUR", 0)
    player.write("PTPTSLUR", 1 << 31 | 250)
    before = now(player)
    player.machine.bus_write(0x40028700, TSE | DECIMAL | TSSTU, 4)
    after = now(player)
    assert (after[0] - before[0]) * SECOND + after[1] - before[1] == -250


def test_update__fraction_over_a_second_is_reported(player):
    run(player, TSE | DECIMAL)
    with pytest.raises(GuestError, match="PTPTSLUR"):
        set_time(player, 0, SECOND, TSE | DECIMAL)


def test_target__interrupt_once(player):
    run(player, TSE | DECIMAL)
    set_time(player, 1, 0, TSE | DECIMAL)
    player.write("PTPTTHR", 1)
    player.write("PTPTTLR", 500_000)
    player.write("PTPTSCR", TSE | DECIMAL | TSITE)
    player.advance(400_000)
    assert not player.machine.irq_lines.get(61)
    player.advance(200_000)
    assert player.machine.irq_lines[61]
    assert not player.read("PTPTSCR") & TSITE
    assert player.read("DMASR") >> 29 & 1
    assert player.read("MACSR") >> 9 & 1
    assert not player.machine.irq_lines[61]
    assert not player.read("MACSR") >> 9 & 1


def test_target__masked(player):
    player.write("MACIMR", 1 << 9)
    run(player, TSE | DECIMAL)
    player.write("PTPTSCR", TSE | DECIMAL | TSITE)
    player.advance(1 * MS)
    assert not player.machine.irq_lines.get(61)
    assert player.read("PTPTSSR") & 2
    assert not player.read("PTPTSSR") & 2


@pytest.mark.parametrize("enhanced", [False, True])
def test_stamp__transmitted(player, enhanced):
    """TTSE: TTSS and the time of the start of the frame, in TDES2/3 or TDES6/7."""
    player.start(enhanced=enhanced)
    run(player, TSE | DECIMAL)
    set_time(player, 5, 0, TSE | DECIMAL)
    index = player.send(frame(HOST, MAC), flags=TX_IC | 1 << 25)
    player.advance(1 * MS)
    assert player.tx_status(index) & 1 << 17
    low, high = player.words(player.tx_descriptor(index) + (24 if enhanced else 8), 2)
    assert high == 5 and 0 < low < 100_000
    index = player.send(frame(HOST, MAC))
    player.advance(1 * MS)
    assert not player.tx_status(index) & 1 << 17


SYNC = bytes.fromhex("0002002c" + "00" * 40)  # PTP version 2 over Ethernet, message type 0


def test_stamp__received_all(player):
    player.start(enhanced=True)
    run(player, TSE | DECIMAL | ALL)
    set_time(player, 9, 0, TSE | DECIMAL | ALL)
    player.station.transmit(frame())
    player.advance(1 * MS)
    status = player.rx_status(0)
    assert status & 1 << 7  # TSV
    low, high = player.words(player.rx_descriptor(0) + 24, 2)
    assert high == 9 and 0 < low < 100_000


def test_stamp__received_ptp_only(player):
    player.start(enhanced=True)
    run(player, TSE | DECIMAL | VERSION2 | ETHERNET)
    player.station.transmit(frame())
    player.station.transmit(frame(kind=0x88F7, payload=SYNC))
    player.station.transmit(frame(kind=0x88F7, payload=b"\x0b" + SYNC[1:]))
    player.advance(1 * MS)
    assert [player.rx_status(n) >> 7 & 1 for n in range(3)] == [0, 1, 0]
    extended = player.words(player.rx_descriptor(1) + 16, 1)[0]
    assert extended >> 8 & 0x3F == 0b110001  # version 2, over Ethernet, SYNC


def test_stamp__received_in_normal_descriptor(player):
    """Without EDFE the stamp replaces RDES2 and RDES3."""
    player.start()
    run(player, TSE | DECIMAL | ALL)
    set_time(player, 3, 0, TSE | DECIMAL | ALL)
    player.station.transmit(frame())
    player.advance(1 * MS)
    _, _, low, high = player.words(player.rx_descriptor(0))
    assert high == 3 and 0 < low < 100_000


def test_stamp__udp_on_ipv4_and_ipv6(player):
    player.start(enhanced=True)
    run(player, TSE | DECIMAL | VERSION2 | IPV4 | IPV6)
    udp = bytes.fromhex("013f013f") + (8 + len(SYNC)).to_bytes(2, "big") + b"\0\0" + SYNC
    ip4 = (
        bytes.fromhex("4500")
        + (20 + len(udp)).to_bytes(2, "big")
        + bytes.fromhex("0000000040110000")
        + bytes(8)
    )
    ip6 = bytes.fromhex("60000000") + len(udp).to_bytes(2, "big") + bytes.fromhex("1140") + bytes(32)
    player.station.transmit(frame(kind=0x0800, payload=ip4 + udp))
    player.station.transmit(frame(kind=0x86DD, payload=ip6 + udp))
    player.advance(1 * MS)
    assert [player.rx_status(n) >> 7 & 1 for n in range(2)] == [1, 1]
