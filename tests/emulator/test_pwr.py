# SPDX-License-Identifier: MIT
"""PWR: regulator scale, backup protection, flags (RM0090 chapter 5)."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.pwr import VOS_READY_NS

VOSRDY = 1 << 14


def test_pwr__reset_is_scale_1(bus):
    bus.machine["PWR"].reset()
    assert bus["PWR.CR"] == 0x4000
    assert bus.machine["PWR"].scale == 1
    assert not bus.machine["PWR"].backup_writable


def test_pwr__vosrdy_after_a_change(bus):
    assert bus["PWR.CSR"] & VOSRDY
    bus.clear("PWR.CR", 1 << 14)
    assert not bus["PWR.CSR"] & VOSRDY
    bus.machine.advance(VOS_READY_NS)
    assert bus["PWR.CSR"] & VOSRDY
    assert bus.machine["PWR"].scale == 2


def test_pwr__vos_is_fixed_while_the_pll_is_on(bus):
    bus.set("RCC.CR", 1 << 24)
    with pytest.raises(GuestError, match="VOS"):
        bus.clear("PWR.CR", 1 << 14)
    assert bus["PWR.CR"] & 1 << 14


def test_pwr__wakeup_and_standby_flags(bus):
    pwr = bus.machine["PWR"]
    pwr.note_standby(woken=False)
    pwr.note_standby(woken=True)
    pwr.reset()
    assert bus["PWR.CSR"] & 3 == 3
    bus.set("PWR.CR", 1 << 2)
    assert bus["PWR.CSR"] & 3 == 2
    bus.set("PWR.CR", 1 << 3)
    assert bus["PWR.CSR"] & 3 == 0
    assert bus["PWR.CR"] & 0xC == 0


def test_pwr__backup_regulator_becomes_ready(bus):
    bus["PWR.CSR"] = 1 << 9
    assert not bus["PWR.CSR"] & 1 << 3
    bus.machine.advance(1_000_000)
    assert bus["PWR.CSR"] & 1 << 3


def test_pwr__deep_sleep_mode(bus):
    assert bus.machine["PWR"].deep_sleep_mode == "stop"
    bus.set("PWR.CR", 2)
    assert bus.machine["PWR"].deep_sleep_mode == "standby"
