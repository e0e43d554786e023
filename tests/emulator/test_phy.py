# SPDX-License-Identifier: MIT
"""PHYs and MDIO against IEEE 802.3 clause 22 and 28 and the data sheets of the four types."""

import pytest
from emulator.machine import Machine
from emulator.net.wire import M10_FULL, M10_HALF, M100_FULL, M100_HALF, PRIORITY, Signal
from emulator.peripheral import GuestError
from emulator.peripherals.eth_smi import DIVIDERS
from emulator.peripherals.phy import Phy
from support.eth_player import MS, EthPlayer

BMCR_RESET, LOOPBACK, AUTONEG, POWER_DOWN, ISOLATE, RESTART = (1 << n for n in (15, 14, 12, 11, 10, 9))
SPEED_100, FULL = 1 << 13, 1 << 8
LINK, DONE = 1 << 2, 1 << 5


@pytest.fixture
def player(machine):
    return EthPlayer(machine)


def link(player):
    """The link bit as a driver finds it: read twice."""
    player.mdio_read(1)
    return bool(player.mdio_read(1) & LINK)


# MDIO


def test_mdio__takes_64_clocks(player):
    """33.4.1: MB stays set for the whole transfer: 64 MDC cycles of HCLK / 102."""
    player.machine.bus_write(0x40028010, 2 << 6 | 4 << 2 | 1, 4)
    duration = 64 * 1_000_000_000 // (168_000_000 // 102)
    player.advance(duration - 1)
    assert player.read("MACMIIAR") & 1
    player.advance(1)
    assert not player.read("MACMIIAR") & 1
    assert player.read("MACMIIDR") == 0x0007


def test_mdio__dividers():
    """33.8.1, CR."""
    assert DIVIDERS == (42, 62, 16, 26, 102)


def test_mdio__too_fast_is_reported(player):
    with pytest.raises(GuestError, match="MDC 4000000 Hz"):
        player.mdio_read(2, cr=0)


def test_mdio__write_while_busy_is_reported(player):
    player.machine.bus_write(0x40028010, 4 << 2 | 1, 4)
    with pytest.raises(GuestError, match="MB"):
        player.machine.bus_write(0x40028010, 4 << 2 | 1, 4)
    with pytest.raises(GuestError, match="MB"):
        player.machine.bus_write(0x40028014, 0, 4)


def test_mdio__only_the_strapped_address_answers(player):
    assert [player.mdio_read(2, address=n) for n in range(32)] == [0x0007] + [0xFFFF] * 31
    player.mdio_write(0, POWER_DOWN, address=1)
    assert player.mdio_read(0) & POWER_DOWN == 0


# Types


@pytest.mark.parametrize(
    "kind, id1, id2",
    [
        ("LAN8720A", 0x0007, 0xC0F1),
        ("LAN8742A", 0x0007, 0xC131),
        ("LAN8710A", 0x0007, 0xC0F1),
        ("DP83848", 0x2000, 0x5C90),
    ],
)
def test_kind__identifiers(machine, kind, id1, id2):
    player = EthPlayer(machine, kind)
    assert (player.mdio_read(2), player.mdio_read(3)) == (id1, id2)


@pytest.mark.parametrize("mode, speed", [(M10_HALF, 1), (M10_FULL, 5), (M100_HALF, 2), (M100_FULL, 6)])
def test_lan8720__register_31(machine, mode, speed):
    player = EthPlayer(machine, signal=Signal(True, (mode,)))
    value = player.mdio_read(31)
    assert value >> 2 & 7 == speed
    assert value >> 12 & 1


def test_lan8720__special_modes_hold_the_address(machine):
    phy = Phy(machine, "LAN8720A", address=1)
    machine.advance(10 * MS)
    assert phy.mdio_read(1, 18) & 0xFF == 0xE1


@pytest.mark.parametrize("mode, bits", [(M10_HALF, 2), (M10_FULL, 6), (M100_HALF, 0), (M100_FULL, 4)])
def test_dp83848__physts(machine, mode, bits):
    player = EthPlayer(machine, "DP83848", signal=Signal(True, (mode,)))
    assert player.mdio_read(16) & 0x17 == 0x11 | bits
    assert player.mdio_read(0x19) & 0x1F == 0


# Reset


class Port:
    """A GPIO port as Phy uses it."""

    def __init__(self):
        self.level = None
        self.functions = []

    def output(self, pin):
        return self.level

    def watch(self, pin, function):
        self.functions.append(function)

    def drive(self, level):
        self.level = level
        for function in self.functions:
            function(level)


@pytest.fixture
def wired(machine):
    port = machine.peripherals["GPIOE"] = Port()
    return Phy(machine, reset=("GPIOE", 2)), port


def test_reset__pin_not_driven_keeps_it_dead(machine, wired):
    phy, port = wired
    machine.advance(100 * MS)
    assert phy.mdio_read(0, 2) is None
    assert not phy.ref_clk
    port.drive(1)
    assert phy.ref_clk
    machine.advance(2 * MS)
    assert phy.mdio_read(0, 2) == 0x0007


def test_reset__pin_low_restores_registers_and_stops_ref_clk(machine, wired):
    phy, port = wired
    port.drive(1)
    machine.advance(2 * MS)
    phy.mdio_write(0, 4, 0x0021)
    port.drive(0)
    assert not phy.ref_clk
    machine.advance(1 * MS)
    port.drive(1)
    machine.advance(2 * MS)
    assert phy.mdio_read(0, 4) == 0x01E1


def test_reset__short_pulse_is_reported(machine, wired):
    phy, port = wired
    port.drive(1)
    machine.advance(2 * MS)
    port.drive(0)
    machine.advance(50_000)
    with pytest.raises(GuestError, match="nRST low for 50000 ns"):
        port.drive(1)


def test_reset__bit_clears_itself_after_a_time(player):
    player.mdio_write(4, 0x0021)
    player.mdio_write(0, BMCR_RESET)
    assert player.mdio_read(0) & BMCR_RESET
    player.advance(500 * MS)  # 802.3 22.2.4.1.1: within 0.5 s
    assert not player.mdio_read(0) & BMCR_RESET
    assert player.mdio_read(4) == 0x01E1
    player.advance(2_000 * MS)
    assert link(player)


def test_oscillator__module_clock_needs_no_phy(machine):
    port = machine.peripherals["GPIOE"] = Port()
    phy = Phy(machine, reset=("GPIOE", 2), ref_clk="oscillator")
    assert phy.ref_clk and port.level is None


def test_power_down__stops_link_and_ref_clk(player):
    player.mdio_write(0, AUTONEG | SPEED_100 | POWER_DOWN)
    assert player.phy.mode is None
    assert not player.phy.ref_clk
    player.mdio_write(0, AUTONEG | SPEED_100)
    player.advance(2_000 * MS)
    assert link(player)


# Link


def test_link__bit_is_latched_low(player):
    """22.2.4.2.13: a loss shows in the next read, even if the link is back."""
    assert link(player)
    player.wire.cut()
    player.wire.plug()
    player.advance(3_000 * MS)
    assert not player.mdio_read(1) & LINK
    assert player.mdio_read(1) & LINK


def test_link__takes_the_time_of_the_standard(machine):
    """28.3.2: break_link_timer is 1200 to 1500 ms; a link comes after it, within some 2 s in all."""
    player = EthPlayer(machine, link=False)
    player.advance(1_200 * MS)
    assert not link(player)
    assert not player.mdio_read(1) & DONE
    player.advance(800 * MS)
    assert link(player)
    assert player.mdio_read(1) & DONE


def test_link__follows_the_cable(player):
    player.wire.cut()
    player.advance(10 * MS)
    assert not link(player)
    assert not player.mdio_read(1) & DONE
    player.advance(60_000 * MS)
    player.wire.plug()
    player.advance(1_000 * MS)
    assert link(player)


def test_link__partner_comes_with_another_speed(player):
    assert player.phy.mode == M100_FULL
    player.wire.cut()
    player.station.set_signal(Signal(True, (M10_HALF,)))
    player.wire.plug()
    player.advance(1_000 * MS)
    assert player.phy.mode == M10_HALF


@pytest.mark.parametrize("theirs", PRIORITY)
def test_autoneg__best_common_mode_and_partner_ability(machine, theirs):
    modes = PRIORITY[PRIORITY.index(theirs) :]
    player = EthPlayer(machine, signal=Signal(True, modes))
    assert player.phy.mode == theirs == player.station.mode
    ability = player.mdio_read(5)
    bits = {M100_FULL: 8, M100_HALF: 7, M10_FULL: 6, M10_HALF: 5}
    assert [mode for mode in PRIORITY if ability >> bits[mode] & 1] == list(modes)
    assert player.mdio_read(6) & 3 == 3
    assert player.mdio_read(6) & 3 == 1  # page received is cleared by reading


def test_autoneg__own_advertisement_limits(player):
    player.mdio_write(4, 0x0061)
    player.mdio_write(0, AUTONEG | RESTART)
    player.advance(2_000 * MS)
    assert player.phy.mode == M10_FULL
    assert not player.mdio_read(0) & RESTART  # self-clearing


def test_autoneg__nothing_in_common(machine):
    player = EthPlayer(machine, signal=Signal(True, (M10_FULL,)), link=False)
    player.mdio_write(4, 0x0181)
    player.mdio_write(0, AUTONEG | RESTART)
    player.advance(5_000 * MS)
    assert not link(player)


@pytest.mark.parametrize("forced", PRIORITY)
def test_parallel_detection__finds_speed_and_assumes_half(machine, forced):
    """28.2.3.1: duplex cannot be heard; against a forced full-duplex partner the modes do not match."""
    player = EthPlayer(machine, signal=Signal(False, (forced,)))
    assert player.phy.mode == (forced[0], False)
    assert player.station.mode == forced
    assert not player.mdio_read(6) & 1


@pytest.mark.parametrize("mode", PRIORITY)
def test_forced__mode_against_autoneg_and_forced_partner(machine, mode):
    bits = (SPEED_100 if mode[0] == 100 else 0) | (FULL if mode[1] else 0)
    player = EthPlayer(machine)
    player.mdio_write(0, bits)
    player.advance(2_000 * MS)
    assert player.phy.mode == mode
    assert player.station.mode == (mode[0], False)
    assert link(player) and not player.mdio_read(1) & DONE
    player.station.set_signal(Signal(False, (mode,)))
    player.advance(2_000 * MS)
    assert player.phy.mode == mode == player.station.mode
    other = (110 - mode[0], mode[1])
    player.station.set_signal(Signal(False, (other,)))
    player.advance(2_000 * MS)
    assert not link(player)


def test_isolate__cuts_the_mac_off(player):
    player.start()
    player.mdio_write(0, AUTONEG | SPEED_100 | ISOLATE)
    player.station.transmit(bytes(60))
    player.advance(1 * MS)
    assert player.phy.counters["no_link"] == 1


def test_two_boards__negotiate_with_each_other():
    machine = Machine()
    from emulator.net.wire import Wire

    wire = Wire(machine)
    left, right = Phy(machine).attach(wire), Phy(machine, "DP83848").attach(wire)
    machine.advance(2_000 * MS)
    assert left.mode == right.mode == M100_FULL
    right.mdio_write(0, 0, POWER_DOWN)
    machine.advance(10 * MS)
    assert left.mode is None
