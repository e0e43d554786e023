# SPDX-License-Identifier: MIT
"""IWDG and WWDG (RM0090 chapters 21 and 22)."""

import pytest
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ

MS = 1_000_000


@pytest.fixture
def resets(bus):
    """The causes of every reset that the board was asked for."""
    causes = []
    bus.machine.reset = causes.append
    return causes


def test_iwdg__stopped_until_started(bus, resets):
    bus["IWDG.KR"] = 0xAAAA
    bus.machine.advance(100_000 * MS)
    assert resets == []


@pytest.mark.parametrize(
    "prescaler, reload, milliseconds", ((0, 0xFFF, 512), (3, 999, 1000), (6, 0xFFF, 32768))
)
def test_iwdg__timeout(bus, resets, prescaler, reload, milliseconds):
    bus["IWDG.KR"] = 0x5555
    bus["IWDG.PR"] = prescaler
    bus["IWDG.RLR"] = reload
    bus["IWDG.KR"] = 0xCCCC
    bus.machine.advance(milliseconds * MS - 1)
    assert resets == []
    bus.machine.advance(1)
    assert resets == ["iwdg"]


def test_iwdg__feeding(bus, resets):
    bus["IWDG.KR"] = 0xCCCC
    for _ in range(10):
        bus.machine.advance(400 * MS)
        bus["IWDG.KR"] = 0xAAAA
    assert resets == []
    bus.machine.advance(512 * MS)
    assert resets == ["iwdg"]


def test_iwdg__shorter_timeout_counts_from_the_reload(bus, resets):
    bus["IWDG.KR"] = 0xCCCC
    bus["IWDG.KR"] = 0x5555
    bus["IWDG.RLR"] = 79
    bus["IWDG.KR"] = 0xAAAA
    bus.machine.advance(10 * MS)
    assert resets == ["iwdg"]


def test_iwdg__write_access(bus, resets):
    with pytest.raises(GuestError, match="without key 0x5555"):
        bus["IWDG.PR"] = 1
    bus["IWDG.KR"] = 0x5555
    bus["IWDG.PR"] = 1
    bus["IWDG.KR"] = 0xAAAA
    with pytest.raises(GuestError, match="without key 0x5555"):
        bus["IWDG.RLR"] = 1
    assert bus["IWDG.RLR"] == 0xFFF


def test_iwdg__update_flags(bus, resets):
    bus["IWDG.KR"] = 0x5555
    bus["IWDG.PR"] = 1
    assert bus["IWDG.SR"] == 1
    with pytest.raises(GuestError, match="under way"):
        bus["IWDG.PR"] = 2
    bus["IWDG.RLR"] = 100
    assert bus["IWDG.SR"] == 3
    bus.machine.advance(1 * MS)
    assert bus["IWDG.SR"] == 0


def test_iwdg__hardware_watchdog(bus, resets):
    """Option bit WDG_SW cleared: it runs from reset on."""
    bus.machine["FLASH"].option_bytes &= ~(1 << 5)
    bus.machine["IWDG"].reset()
    bus.machine.advance(512 * MS)
    assert resets == ["iwdg"]


STEP_NS = 4096 * 1_000_000_000 // 16_000_000


def test_wwdg__counts_down_to_reset(bus, resets):
    bus["WWDG.CR"] = 0xFF
    bus.machine.advance(10 * STEP_NS)
    assert bus["WWDG.CR"] == 0xF5
    bus.machine.advance(54 * STEP_NS - 1)
    assert resets == []
    bus.machine.advance(1)
    assert resets == ["wwdg"]


def test_wwdg__early_warning(bus, resets):
    bus["WWDG.CFR"] = 0x27F
    bus["WWDG.CR"] = 0xC2
    bus.machine.advance(2 * STEP_NS)
    assert bus["WWDG.SR"] == 1
    assert bus.irq(IRQ["WWDG"])
    bus["WWDG.CR"] = 0xFF
    bus["WWDG.SR"] = 0
    assert not bus.irq(IRQ["WWDG"])
    bus.machine.advance(10 * STEP_NS)
    assert resets == []


def test_wwdg__too_early(bus, resets):
    bus["WWDG.CFR"] = 0x50
    bus["WWDG.CR"] = 0xFF
    assert resets == []
    bus["WWDG.CR"] = 0xFF
    assert resets == ["wwdg"]


def test_wwdg__t6_cleared(bus, resets):
    bus["WWDG.CR"] = 0x80 | 0x3F
    assert resets == ["wwdg"]


def test_wwdg__prescaler(bus, resets):
    bus["WWDG.CFR"] = 3 << 7 | 0x7F
    bus["WWDG.CR"] = 0xFF
    bus.machine.advance(8 * STEP_NS)
    assert bus["WWDG.CR"] == 0xFE
