# SPDX-License-Identifier: MIT
"""RCC: a wrong clock tree gives the wrong speed; what silicon refuses is reported (RM0090 chapter 7)."""

import pytest
from emulator.machine import Machine
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ, NMI
from emulator.peripherals.rcc import HSE_START_NS, LSE_START_NS, LSI_START_NS, PLL_LOCK_NS, Rcc

HSEON, HSERDY, HSEBYP, CSSON, PLLON, PLLRDY = 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 24, 1 << 25
PLLSRC_HSE = 1 << 22


def pll(m, n, p, q, source=PLLSRC_HSE):
    return m | n << 6 | (p // 2 - 1) << 16 | q << 24 | source


def start_hse(chip):
    chip.set("RCC.CR", HSEON)
    chip.machine.advance(HSE_START_NS)


def run_at_168_mhz(chip):
    """What the F4 Discovery's firmware does with its 8 MHz crystal."""
    start_hse(chip)
    chip["RCC.PLLCFGR"] = pll(8, 336, 2, 7)
    chip.set("RCC.CR", PLLON)
    chip.machine.advance(PLL_LOCK_NS)
    chip["FLASH.ACR"] = 5
    chip["RCC.CFGR"] = 5 << 10 | 4 << 13
    chip.set("RCC.CFGR", 2)


def test_rcc__reset_runs_from_hsi(chip):
    clock = chip.machine.clock
    assert (clock.sysclk, clock.hclk, clock.pclk1, clock.pclk2) == (16_000_000,) * 4
    assert clock.usbclk == 0
    assert chip["RCC.CR"] == 0x8083


def test_rcc__hse_takes_its_time(chip):
    chip.set("RCC.CR", HSEON)
    chip.machine.advance(HSE_START_NS - 1)
    assert not chip["RCC.CR"] & HSERDY
    chip.machine.advance(1)
    assert chip["RCC.CR"] & HSERDY
    chip.clear("RCC.CR", HSEON)
    assert not chip["RCC.CR"] & HSERDY


def test_rcc__no_crystal_never_ready(machine):
    rcc = machine.add(Rcc(machine, hse_hz=0))
    rcc.write(0, 0x83 | HSEON, 4)
    machine.advance(10 * HSE_START_NS)
    assert not rcc.read(0, 4) & HSERDY


@pytest.mark.parametrize("bypass", (True, False))
def test_rcc__bypass_must_match_what_is_soldered(machine, bypass):
    rcc = machine.add(Rcc(machine, hse_bypass=bypass))
    rcc.write(0, 0x83 | HSEBYP, 4)
    rcc.write(0, 0x83 | HSEBYP | HSEON, 4)
    machine.advance(10 * HSE_START_NS)
    assert bool(rcc.read(0, 4) & HSERDY) == bypass


def test_rcc__168_mhz(chip):
    run_at_168_mhz(chip)
    clock = chip.machine.clock
    assert chip["RCC.CFGR"] >> 2 & 3 == 2
    assert (clock.sysclk, clock.hclk) == (168_000_000, 168_000_000)
    assert (clock.pclk1, clock.pclk2) == (42_000_000, 84_000_000)
    assert (clock.timclk1, clock.timclk2) == (84_000_000, 168_000_000)
    assert clock.usbclk == 48_000_000


def test_rcc__wrong_divider_gives_wrong_speed(chip):
    """M 8 on the HSI instead of the crystal: twice the VCO would be out of range; N 168 on it is not."""
    chip["RCC.PLLCFGR"] = pll(16, 200, 4, 4, source=0)
    chip.set("RCC.CR", PLLON)
    chip.machine.advance(PLL_LOCK_NS)
    chip["FLASH.ACR"] = 1
    chip["RCC.CFGR"] = 4 << 10 | 2
    assert chip.machine.clock.sysclk == 50_000_000
    assert chip.machine.clock.pclk1 == 25_000_000
    assert chip.machine.clock.usbclk == 50_000_000


def test_rcc__timer_clock_equals_pclk_without_prescaler(chip):
    assert chip.machine.clock.timclk1 == chip.machine.clock.pclk1
    chip["RCC.CFGR"] = 7 << 10
    assert chip.machine.clock.pclk1 == 1_000_000
    assert chip.machine.clock.timclk1 == 2_000_000


@pytest.mark.parametrize(
    "field, divider",
    ((7, 1), (8, 2), (9, 4), (10, 8), (11, 16), (12, 64), (13, 128), (14, 256), (15, 512)),
)
def test_rcc__ahb_prescaler_skips_32(chip, field, divider):
    chip["RCC.CFGR"] = field << 4
    assert chip.machine.clock.hclk == 16_000_000 // divider


@pytest.mark.parametrize(
    "setting, text",
    (
        (pll(1, 336, 2, 7), "M 1"),
        (pll(8, 40, 2, 7), "N 40"),
        (pll(8, 336, 2, 1), "Q 1"),
        (pll(2, 100, 2, 7), "VCO input 4000000"),
        (pll(8, 433, 2, 7), "N 433"),
        (pll(8, 90, 2, 7), "VCO output 90000000"),
        (pll(4, 300, 2, 7), "VCO output 600000000"),
    ),
)
def test_rcc__illegal_pll_is_reported_and_never_locks(chip, setting, text):
    start_hse(chip)
    chip["RCC.PLLCFGR"] = setting
    with pytest.raises(GuestError, match=text):
        chip.set("RCC.CR", PLLON)
    chip.machine.advance(10 * PLL_LOCK_NS)
    assert not chip["RCC.CR"] & PLLRDY


def test_rcc__pll_without_its_source(chip):
    chip["RCC.PLLCFGR"] = pll(8, 336, 2, 7)
    with pytest.raises(GuestError, match="HSE is not ready"):
        chip.set("RCC.CR", PLLON)
    chip.machine.advance(10 * PLL_LOCK_NS)
    assert not chip["RCC.CR"] & PLLRDY


def test_rcc__pllcfgr_is_fixed_while_the_pll_is_on(chip):
    run_at_168_mhz(chip)
    with pytest.raises(GuestError, match="no effect"):
        chip["RCC.PLLCFGR"] = pll(8, 192, 2, 4)
    assert chip["RCC.PLLCFGR"] & 0x0F437FFF == pll(8, 336, 2, 7)


def test_rcc__switch_waits_for_its_source(chip):
    chip.set("RCC.CR", HSEON)
    chip["RCC.CFGR"] = 1
    assert chip["RCC.CFGR"] & 0xC == 0
    chip.machine.advance(HSE_START_NS)
    assert chip["RCC.CFGR"] & 0xC == 4
    assert chip.machine.clock.sysclk == 8_000_000


def test_rcc__what_feeds_the_system_cannot_be_switched_off(chip):
    run_at_168_mhz(chip)
    chip.clear("RCC.CR", HSEON | PLLON)
    assert chip["RCC.CR"] & (HSEON | PLLON | HSERDY | PLLRDY) == HSEON | PLLON | HSERDY | PLLRDY
    chip.clear("RCC.CR", 1)
    assert not chip["RCC.CR"] & 3


def test_rcc__too_few_wait_states(chip):
    start_hse(chip)
    chip["RCC.PLLCFGR"] = pll(8, 336, 2, 7)
    chip.set("RCC.CR", PLLON)
    chip.machine.advance(PLL_LOCK_NS)
    chip["FLASH.ACR"] = 4
    chip["RCC.CFGR"] = 5 << 10 | 4 << 13
    with pytest.raises(GuestError, match="4 wait states are too few for HCLK 168000000"):
        chip.set("RCC.CFGR", 2)


def test_rcc__wait_states_taken_away(chip):
    run_at_168_mhz(chip)
    with pytest.raises(GuestError, match="0 wait states are too few"):
        chip["FLASH.ACR"] = 0


def test_rcc__apb1_too_fast(chip):
    start_hse(chip)
    chip["RCC.PLLCFGR"] = pll(8, 336, 2, 7)
    chip.set("RCC.CR", PLLON)
    chip.machine.advance(PLL_LOCK_NS)
    chip["FLASH.ACR"] = 5
    with pytest.raises(GuestError, match="PCLK1 is 84000000 Hz"):
        chip["RCC.CFGR"] = 4 << 10 | 4 << 13 | 2


def test_rcc__scale_2_ends_at_144_mhz(chip):
    chip.set("RCC.APB1ENR", 1 << 28)
    chip["PWR.CR"] = 0
    with pytest.raises(GuestError, match="HCLK is 168000000 Hz, above its limit of 144000000"):
        run_at_168_mhz(chip)


def test_rcc__ready_interrupt(chip):
    chip["RCC.CIR"] = 1 << 11
    start_hse(chip)
    assert chip["RCC.CIR"] & 1 << 3
    assert chip.irq(IRQ["RCC"])
    chip["RCC.CIR"] = 1 << 11 | 1 << 19
    assert not chip["RCC.CIR"] & 1 << 3
    assert not chip.irq(IRQ["RCC"])


def test_rcc__ready_flag_needs_its_enable(chip):
    start_hse(chip)
    assert chip["RCC.CIR"] == 0


def test_rcc__css_falls_back_to_hsi(chip):
    run_at_168_mhz(chip)
    chip.set("RCC.CR", CSSON)
    chip.machine.clock.fail_hse()
    assert chip.machine.clock.sysclk == 16_000_000
    assert chip["RCC.CIR"] & 1 << 7
    assert chip.irq(NMI)
    assert not chip["RCC.CR"] & (HSEON | PLLON)
    chip["RCC.CIR"] = 1 << 23
    assert not chip.irq(NMI)


def test_rcc__reset_bit_resets_its_peripheral(bus):
    bus["GPIOD.ODR"] = 0x1000
    bus["GPIOE.ODR"] = 0x0004
    bus["RCC.AHB1RSTR"] = 1 << 3
    bus["RCC.AHB1RSTR"] = 0
    assert bus["GPIOD.ODR"] == 0
    assert bus["GPIOE.ODR"] == 4


def test_rcc__access_without_clock(chip):
    with pytest.raises(GuestError, match=r"GPIOD\+0x000 while its clock is off"):
        chip["GPIOD.MODER"]
    chip.set("RCC.AHB1ENR", 1 << 3)
    assert chip["GPIOD.MODER"] == 0


def test_rcc__backup_domain_needs_dbp(chip):
    with pytest.raises(GuestError, match="without PWR.CR.DBP"):
        chip["RCC.BDCR"] = 1
    assert chip["RCC.BDCR"] == 0


def test_rcc__lse_survives_a_system_reset(bus):
    bus["RCC.BDCR"] = 1
    bus.machine.advance(LSE_START_NS)
    assert bus["RCC.BDCR"] & 2
    bus["RCC.BDCR"] = 1 | 1 << 8 | 1 << 15
    assert bus.machine.clock.rtcclk == 32_768
    bus.machine["RCC"].reset()
    assert bus["RCC.BDCR"] == 0x8103
    assert bus.machine.clock.rtcclk == 32_768


def test_rcc__rtcsel_is_chosen_once(bus):
    bus["RCC.BDCR"] = 1 << 8
    with pytest.raises(GuestError, match="backup domain reset"):
        bus["RCC.BDCR"] = 2 << 8
    bus["RCC.BDCR"] = 1 << 16
    bus["RCC.BDCR"] = 2 << 8
    assert bus["RCC.BDCR"] == 2 << 8


def test_rcc__lsi(chip):
    chip["RCC.CSR"] = 1
    assert chip.machine.clock.lsi_hz == 0
    chip.machine.advance(LSI_START_NS)
    assert chip["RCC.CSR"] & 2
    assert chip.machine.clock.lsi_hz == 32_000


@pytest.mark.parametrize(
    "cause, flags",
    (
        ("pin", 0x04),
        ("software", 0x14),
        ("iwdg", 0x24),
        ("wwdg", 0x44),
        ("low-power", 0x84),
        ("power-on", 0x0E),
    ),
)
def test_rcc__reset_flags(chip, cause, flags):
    chip["RCC.CSR"] = 1 << 24
    assert chip["RCC.CSR"] >> 24 == 0
    chip.machine.clock.reset()
    chip.machine.clock.note_reset(cause)
    assert chip["RCC.CSR"] >> 24 == flags


def test_rcc__reset_flags_gather_until_rmvf(chip):
    for cause in ("software", "iwdg"):
        chip.machine.clock.reset()
        chip.machine.clock.note_reset(cause)
    assert chip["RCC.CSR"] >> 24 == 0x3E


def test_rcc__subscribers_hear_of_changes(chip):
    heard = []
    chip.machine.clock.subscribe(lambda: heard.append(chip.machine.clock.pclk1))
    run_at_168_mhz(chip)
    assert heard[-1] == 42_000_000
    count = len(heard)
    chip["RCC.CFGR"] = chip["RCC.CFGR"] | 1 << 21
    assert len(heard) == count


def test_rcc__stop_mode_wakes_on_hsi(chip):
    run_at_168_mhz(chip)
    chip.machine.clock.stop_wakeup()
    assert chip.machine.clock.sysclk == 16_000_000
    assert chip["RCC.CFGR"] & 0xF == 0


def test_rcc__lenient_machine_goes_on(capsys):
    machine = Machine(strict=False)
    rcc = machine.add(Rcc(machine))
    rcc.write(0x04, pll(1, 336, 2, 7, source=0), 4)
    rcc.write(0x00, 0x83 | PLLON, 4)
    rcc.write(0x00, 0x83, 4)
    rcc.write(0x00, 0x83 | PLLON, 4)
    assert capsys.readouterr().err.count("cannot lock") == 1
