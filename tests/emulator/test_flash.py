# SPDX-License-Identifier: MIT
"""FLASH: unlocking, programming, erasing, what goes wrong (RM0090 chapter 3)."""

import pytest
from emulator.peripheral import BusFault, GuestError
from emulator.peripherals.flash import SECTORS
from emulator.peripherals.irqs import IRQ

EOP, OPERR, WRPERR, PGAERR, PGPERR, PGSERR, BSY = 1, 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 16
PG, SER, MER, STRT, EOPIE, ERRIE, LOCK = 1, 2, 4, 1 << 16, 1 << 24, 1 << 25, 1 << 31
PSIZE_32 = 2 << 8
MS = 1_000_000


def unlock(bus):
    bus["FLASH.KEYR"] = 0x45670123
    bus["FLASH.KEYR"] = 0xCDEF89AB


def unlock_options(bus):
    bus["FLASH.OPTKEYR"] = 0x08192A3B
    bus["FLASH.OPTKEYR"] = 0x4C5D6E7F


def word(bus, address):
    return int.from_bytes(bus.machine.memory.read(address, 4), "little")


@pytest.fixture
def blank(bus):
    """Flash as it leaves the factory."""
    bus.machine.memory.write(0x08000000, b"\xff" * 0x100000)
    return bus


def test_flash__sector_layout():
    assert [size >> 10 for _, size in SECTORS] == [16] * 4 + [64] + [128] * 7
    assert SECTORS[4][0] == 0x08010000 and SECTORS[11][0] == 0x080E0000


def test_flash__unlock(bus):
    assert bus["FLASH.CR"] == LOCK
    unlock(bus)
    assert bus["FLASH.CR"] == 0
    bus["FLASH.CR"] = LOCK
    assert bus["FLASH.CR"] == LOCK


def test_flash__wrong_key_locks_until_reset(bus):
    bus["FLASH.KEYR"] = 0x45670123
    with pytest.raises(BusFault):
        bus["FLASH.KEYR"] = 0x12345678
    for _ in range(2):
        with pytest.raises(BusFault):
            unlock(bus)
    assert bus["FLASH.CR"] == LOCK
    bus.machine["FLASH"].reset()
    unlock(bus)
    assert bus["FLASH.CR"] == 0


def test_flash__unlocking_twice_is_harmless(bus):
    unlock(bus)
    unlock(bus)
    assert bus["FLASH.CR"] == 0


def test_flash__second_key_first(bus):
    with pytest.raises(BusFault):
        bus["FLASH.KEYR"] = 0xCDEF89AB


def test_flash__cr_is_fixed_while_locked(bus):
    with pytest.raises(GuestError, match="while locked"):
        bus["FLASH.CR"] = PG
    assert bus["FLASH.CR"] == LOCK


def test_flash__program_clears_bits_only(blank):
    unlock(blank)
    blank["FLASH.CR"] = PG | PSIZE_32
    flash = blank.machine["FLASH"]
    flash.program(0x08020000, 0x12345678, 4)
    assert blank["FLASH.SR"] & BSY
    blank.machine.advance(16_000)
    assert blank["FLASH.SR"] == 0
    assert word(blank, 0x08020000) == 0x12345678
    flash.program(0x08020000, 0x0F0F0F0F, 4)
    assert word(blank, 0x08020000) == 0x02040608


@pytest.mark.parametrize("psize, width", ((0, 1), (1, 2), (2, 4)))
def test_flash__width_follows_psize(blank, psize, width):
    unlock(blank)
    blank["FLASH.CR"] = PG | psize << 8
    flash = blank.machine["FLASH"]
    flash.program(0x08004000, 0, width)
    assert word(blank, 0x08004000) == 0xFFFFFFFF & ~((1 << 8 * width) - 1)
    blank.machine.advance(MS)
    flash.program(0x08004010, 0, 4 if width < 4 else 1)
    assert blank["FLASH.SR"] == PGPERR
    assert word(blank, 0x08004010) == 0xFFFFFFFF
    blank["FLASH.SR"] = PGPERR
    assert blank["FLASH.SR"] == 0


def test_flash__write_without_pg(blank):
    unlock(blank)
    with pytest.raises(GuestError, match="without FLASH.CR.PG"):
        blank.machine["FLASH"].program(0x08004000, 0, 4)
    assert blank["FLASH.SR"] == PGSERR
    assert word(blank, 0x08004000) == 0xFFFFFFFF


def test_flash__misaligned_program(blank):
    unlock(blank)
    blank["FLASH.CR"] = PG | PSIZE_32
    blank.machine["FLASH"].program(0x08004002, 0, 4)
    assert blank["FLASH.SR"] == PGAERR


@pytest.mark.parametrize(
    "sector, psize, milliseconds",
    (
        (0, 2, 250),
        (0, 1, 300),
        (3, 0, 400),
        (4, 1, 700),
        (4, 2, 550),
        (11, 2, 1000),
        (11, 1, 1300),
        (5, 0, 2000),
    ),
)
def test_flash__erase_takes_its_time(bus, sector, psize, milliseconds):
    address, size = SECTORS[sector]
    unlock(bus)
    bus["FLASH.CR"] = SER | sector << 3 | psize << 8
    bus["FLASH.CR"] = SER | sector << 3 | psize << 8 | STRT
    bus.machine.advance(milliseconds * MS - 1)
    assert bus["FLASH.SR"] & BSY
    assert bus["FLASH.CR"] & STRT
    bus.machine.advance(1)
    assert not bus["FLASH.SR"] & BSY
    assert not bus["FLASH.CR"] & STRT
    assert bus.machine.memory.read(address, size) == b"\xff" * size
    if address > 0x08000000:
        assert bus.machine.memory.read(address - 1, 1) == b"\x00"
    if address + size < 0x08100000:
        assert bus.machine.memory.read(address + size, 1) == b"\x00"


def test_flash__mass_erase(bus):
    unlock(bus)
    bus["FLASH.CR"] = MER | PSIZE_32
    bus.set("FLASH.CR", STRT)
    bus.machine.advance(8000 * MS - 1)
    assert bus["FLASH.SR"] & BSY
    bus.machine.advance(1)
    assert bus.machine.memory.read(0x08000000, 0x100000) == b"\xff" * 0x100000


def test_flash__strt_without_choice(bus):
    unlock(bus)
    with pytest.raises(GuestError, match="no valid erase"):
        bus["FLASH.CR"] = STRT
    assert bus["FLASH.SR"] == PGSERR


def test_flash__sector_out_of_range(bus):
    unlock(bus)
    with pytest.raises(GuestError, match="no valid erase"):
        bus["FLASH.CR"] = STRT | SER | 12 << 3
    assert not bus["FLASH.CR"] & STRT


def test_flash__eop_needs_eopie(bus):
    unlock(bus)
    bus["FLASH.CR"] = SER | PSIZE_32 | STRT
    bus.machine.advance(1000 * MS)
    assert bus["FLASH.SR"] == 0
    bus["FLASH.CR"] = SER | PSIZE_32 | EOPIE | STRT
    bus.machine.advance(1000 * MS)
    assert bus["FLASH.SR"] == EOP
    assert bus.irq(IRQ["FLASH"])
    bus["FLASH.SR"] = EOP
    assert not bus.irq(IRQ["FLASH"])


def test_flash__error_interrupt(blank):
    unlock(blank)
    blank["FLASH.CR"] = PG | PSIZE_32 | ERRIE
    blank.machine["FLASH"].program(0x08004000, 0, 1)
    assert blank["FLASH.SR"] == PGPERR | OPERR
    assert blank.irq(IRQ["FLASH"])
    blank["FLASH.SR"] = PGPERR | OPERR
    assert not blank.irq(IRQ["FLASH"])


def test_flash__code_in_flash_stands_still(blank):
    """The CPU stops for the erase when it runs from the array, and not when it runs from RAM."""

    class Cpu:
        pc = 0x08000400
        now = property(lambda self: blank.machine._now)

        def deadline_changed(self):
            pass

        def irq(self, number, level):
            pass

    stalls = []
    blank.machine.stall = stalls.append
    blank.machine.cpu = Cpu()
    unlock(blank)
    blank["FLASH.CR"] = SER | PSIZE_32 | STRT
    assert stalls == [250 * MS]
    blank.machine["FLASH"].reset()
    stalls.clear()
    blank.machine.cpu.pc = 0x20000100
    unlock(blank)
    blank["FLASH.CR"] = SER | PSIZE_32 | STRT
    assert stalls == []


def test_flash__cr_write_while_busy_waits(bus):
    stalls = []
    bus.machine.stall = stalls.append
    unlock(bus)
    bus["FLASH.CR"] = SER | PSIZE_32 | STRT
    bus.machine.advance(50 * MS)
    bus["FLASH.CR"] = SER | PSIZE_32
    assert stalls == [200 * MS]


def test_flash__options(blank):
    assert blank["FLASH.OPTCR"] == 0x0FFFAAED
    with pytest.raises(GuestError, match="while locked"):
        blank["FLASH.OPTCR"] = 0x0FFEAAEC
    unlock_options(blank)
    blank["FLASH.OPTCR"] = 0x0FFEAAEC
    blank["FLASH.OPTCR"] = 0x0FFEAAEC | 2
    assert blank["FLASH.SR"] & BSY
    blank.machine.advance(1000 * MS)
    blank.machine["FLASH"].reset()
    assert blank["FLASH.OPTCR"] == 0x0FFEAAED
    unlock(blank)
    blank["FLASH.CR"] = PG | PSIZE_32
    blank.machine["FLASH"].program(0x08000000, 0, 4)
    assert blank["FLASH.SR"] == WRPERR
    blank["FLASH.SR"] = WRPERR
    blank["FLASH.CR"] = SER | PSIZE_32 | STRT
    assert blank["FLASH.SR"] == WRPERR
    blank["FLASH.CR"] = PG | PSIZE_32
    blank.machine["FLASH"].program(0x08004000, 0, 4)
    assert word(blank, 0x08004000) == 0


def test_flash__wrong_option_key(bus):
    with pytest.raises(BusFault):
        bus["FLASH.OPTKEYR"] = 1
    with pytest.raises(BusFault):
        unlock_options(bus)


def test_flash__cache_reset_needs_the_cache_off(bus):
    bus["FLASH.ACR"] = 1 << 9
    with pytest.raises(GuestError, match="ICRST"):
        bus["FLASH.ACR"] = 1 << 9 | 1 << 11
