# SPDX-License-Identifier: MIT
"""machine.freq() while USB, Ethernet, its clock and timers are in use: nothing is lost at any speed."""

import pytest
from device.test_lan import UP, ping
from support.board import BoardError
from support.eth_lab import MS, EthLab

FULL = 168_000_000
BELOW = "ValueError: Ethernet is active: it needs 25 MHz"


@pytest.fixture
def up(net_board):
    net_board.exec(UP + "import machine, hashlib")
    yield net_board
    net_board.exec(f"machine.freq({FULL})")


@pytest.mark.parametrize("hz", (84_000_000, 42_000_000))
def test_freq__ethernet_goes_on(up, lan, hz):
    """Ping, a look at the PHY and USB at a half and a quarter of the clock; below 25 MHz is refused."""
    address = up.eval("lan.ipconfig('addr4')[0]")
    assert ping(lan, address) == 0
    up.exec(f"machine.freq({hz})")
    assert up.eval("machine.freq()[1]") == hz
    assert ping(lan, address, size=1400, count=5) == 0
    assert up.eval("(lan.isconnected(), lan.status())") == (True, 3)
    data = "bytes(range(256)) * 32"
    assert up.eval(data, timeout=60) == bytes(range(256)) * 32
    with pytest.raises(BoardError, match=BELOW):
        up.exec("machine.freq(21_000_000)")
    assert up.eval("machine.freq()[1]") == hz
    up.exec(f"machine.freq({FULL})")
    assert ping(lan, address) == 0


def test_freq__ethernet_is_not_switched_on_too_slow(net_board):
    net_board.exec("import machine, network\nlan = network.LAN()\nmachine.freq(21_000_000)")
    with pytest.raises(BoardError, match="OSError: Ethernet needs an HCLK of 25 MHz"):
        net_board.exec("lan.active(True)")
    assert net_board.eval("lan.active()") is False
    net_board.exec(f"machine.freq({FULL})\nlan.active(True)")
    assert net_board.eval("lan.active()") is True


def test_freq__usb_is_kept(board):
    """USB's 48 MHz stay, and its core gets the 14.2 MHz that it needs."""
    board.exec("import machine, time")
    with pytest.raises(BoardError, match="ValueError: USB is connected: it needs 14.2 MHz"):
        board.exec("machine.freq(10_500_000)")
    board.exec("machine.freq(21_000_000)")
    us = board.eval("(time.ticks_us(), time.sleep_ms(50), time.ticks_us())")
    assert 50_000 <= us[2] - us[0] < 55_000
    assert board.eval("'x' * 3000", timeout=60) == "x" * 3000
    board.exec(f"machine.freq({FULL})")


@pytest.mark.emulator_only
def test_freq__ptp_keeps_its_time(firmware):
    """The MAC's clock counts HCLK; its time and rate hold over each change."""
    lab = EthLab(firmware)
    try:
        lab.up()
        lab.exec("import machine; clock = lan.ptp(); clock.active(True); clock.rate(5000)")
        clock = lab.machine["ETH"].ptp
        for hz in (84_000_000, 42_000_000, FULL):
            before, at = clock.count(), lab.machine.now
            lab.exec(f"machine.freq({hz})")
            assert abs(clock.count() - before - (lab.machine.now - at)) < 30_000
            before, at = clock.count(), lab.machine.now
            lab.run(20)
            passed = lab.machine.now - at
            assert passed >= 20 * MS
            assert abs(((clock.count() - before) / passed - 1) * 1e9 - 5000) < 200
        assert lab.eval("clock.rate()") == 5000
    finally:
        lab.close()


@pytest.mark.emulator_only
def test_freq__uart_and_ticks(uart_board):
    """The console's rate holds at each speed down to 10.5 MHz, and so do sleeps and the cycle counter."""
    uart_board.soft_reset()
    uart_board.exec("import machine, time")
    for hz in (84_000_000, 42_000_000, 21_000_000, 10_500_000, FULL):
        uart_board.exec(f"machine.freq({hz})")
        assert uart_board.eval("'u' * 500") == "u" * 500
        start = uart_board.now
        us = uart_board.eval("(time.ticks_us(), time.sleep_ms(200), time.ticks_us())")
        assert 200_000 <= us[2] - us[0] < 204_000
        assert uart_board.now - start < 400 * MS
        c = uart_board.eval("(time.ticks_cpu(), time.sleep_us(2000), time.ticks_cpu())")
        assert c[2] - c[0] == pytest.approx(hz / 500, rel=0.1)


def test_freq__buses(board):
    """The buses' own dividers can be asked for; what cannot be is refused and changes nothing."""
    board.exec("import machine")
    board.exec("machine.freq(84_000_000, 21_000_000, 42_000_000)")
    assert board.eval("machine.freq()") == (FULL, 84_000_000, 21_000_000, 42_000_000)
    for arguments in ("100_000_000", "0", "336_000_000"):
        with pytest.raises(BoardError, match="ValueError"):
            board.exec(f"machine.freq({arguments})")
    assert board.eval("machine.freq()") == (FULL, 84_000_000, 21_000_000, 42_000_000)
    board.exec(f"machine.freq({FULL})")
