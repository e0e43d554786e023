# SPDX-License-Identifier: MIT
"""CRC, DBGMCU, the electronic signature, backup SRAM, and what has no model."""

import zlib

import pytest
from emulator.machine import Machine
from emulator.peripheral import GuestError
from emulator.peripherals.map import MEMORY_MAP, populate


def test_crc__known_word(bus):
    """CRC-32/MPEG-2 of one zero word, and the unit's own initial value."""
    assert bus["CRC.DR"] == 0xFFFFFFFF
    bus["CRC.DR"] = 0
    assert bus["CRC.DR"] == 0xC704DD7B


def test_crc__agrees_with_zlib(bus):
    """The same polynomial without reflection: feed reflected words, reflect the result."""

    def reflect(value):
        return int(f"{value:032b}"[::-1], 2)

    data = bytes(range(64))
    for start in range(0, 64, 4):
        bus["CRC.DR"] = reflect(int.from_bytes(data[start : start + 4], "little"))
    assert reflect(bus["CRC.DR"]) ^ 0xFFFFFFFF == zlib.crc32(data)
    bus["CRC.IDR"] = 0x1A5
    bus["CRC.CR"] = 1
    assert bus["CRC.DR"] == 0xFFFFFFFF
    assert bus["CRC.IDR"] == 0xA5


def test_crc__words_only(bus):
    with pytest.raises(GuestError, match="1-byte write"):
        bus.write("CRC.DR", 1, width=1)


def test_dbgmcu__identity(bus):
    assert bus["DBGMCU.IDCODE"] & 0xFFF == 0x413
    bus["DBGMCU.APB1_FZ"] = 1 << 12
    bus.machine["DBGMCU"].reset()
    assert bus["DBGMCU.APB1_FZ"] == 1 << 12


def test_signature__as_memory(chip):
    memory = chip.machine.memory
    assert memory.read(0x1FFF7A22, 2) == (1024).to_bytes(2, "little")
    assert len(set(memory.read(0x1FFF7A10, 12))) > 6
    assert memory.read(0x1FFF7800, 4) == b"\xff" * 4


def test_signature__uid_of_the_board():
    machine = Machine()
    populate(machine, {"SIGNATURE": {"uid": (1, 2, 3)}})
    assert machine.memory.read(0x1FFF7A10, 12) == b"\x01\0\0\0\x02\0\0\0\x03\0\0\0"


def test_bkpsram__needs_dbp_and_keeps(bus):
    bus.machine.bus_write(0x40024010, 0x12345678, 4)
    bus.machine["BKPSRAM"].reset()
    assert bus.machine.bus_read(0x40024012, 2) == 0x1234
    bus.clear("PWR.CR", 1 << 8)
    with pytest.raises(GuestError, match="DBP"):
        bus.machine.bus_write(0x40024010, 0, 4)


def test_unmodelled__is_reported_by_name(bus):
    with pytest.raises(GuestError, match=r"CAN1\+0x000"):
        bus.machine.bus_read(0x40006400, 4)


def test_map__no_overlaps():
    machine = Machine()
    populate(machine)
    spans = sorted((p.base, p.base + p.SIZE, p.name) for p in machine.peripherals.values())
    for (_, end, name), (start, _, other) in zip(spans, spans[1:], strict=False):
        assert end <= start, f"{name} reaches into {other}"


def test_map__every_model_says_how_it_differs():
    """Each module opens with what it does not do as silicon does."""
    import importlib

    for path in {row[3].split(":")[0] for row in MEMORY_MAP if row[3]}:
        try:
            module = importlib.import_module(f"emulator.peripherals.{path}")
        except ModuleNotFoundError:
            continue
        assert "iffers from silicon:" in module.__doc__, path


# These outlast a system reset, or have a reset test of their own.
NO_RESET = ("RTC", "DBGMCU", "SIGNATURE", "BKPSRAM", "ETH", "OTG_FS")


@pytest.mark.parametrize("name", [row[0] for row in MEMORY_MAP if row[3] and row[0] not in NO_RESET])
def test_map__reset_restores_every_register(chip, name):
    """Bits changed everywhere, then reset: every register is as before."""
    model = chip.machine[name]
    before = dict(model.regs)
    for register in model.REGISTERS:
        if (name, register.name) != ("RCC", "BDCR"):
            model.regs[register.offset] ^= 0x00000F0F
    model.reset()
    assert model.regs == before


def test_apb__repeats_what_is_narrower_than_a_word(bus):
    """RM0090 2.1, AHB/APB bridges: the bridge turns every access into one of 32 bits."""
    bus.write("TIM3.ARR", 0x12, width=1)
    assert bus["TIM3.ARR"] == 0x1212
    bus.write("TIM2.ARR", 0x1234, width=2)
    assert bus["TIM2.ARR"] == 0x12341234
    bus.write("TIM3.PSC", 0x56, width=1, byte=1)
    assert bus["TIM3.PSC"] == 0x5656
    assert bus.read("TIM2.ARR", width=1, byte=1) == 0x12


def test_ahb__has_byte_lanes(bus):
    bus["GPIOD.MODER"] = 0x11223344
    bus.write("GPIOD.MODER", 0xFF, width=1, byte=2)
    assert bus["GPIOD.MODER"] == 0x11FF3344
