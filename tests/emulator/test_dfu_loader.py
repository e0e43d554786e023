# SPDX-License-Identifier: MIT
"""The loader in system memory, by DFU requests on the emulated bus: states and errors (DFU 1.1a, AN3156)."""

import struct

import pytest
from emulator.board import Board

DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT = range(1, 7)
IDLE, DNLOAD_SYNC, DNBUSY, DNLOAD_IDLE, MANIFEST_SYNC, MANIFEST, WAIT_RESET, UPLOAD_IDLE, ERROR = range(2, 11)
OK, ERR_TARGET, ERR_VENDOR, ERR_STALLED = 0, 1, 0x0B, 0x0F
BASE = 0x08000000


class Loader:
    """Requests to a board's loader, each run to its end in virtual time."""

    def __init__(self, **keywords):
        self.board = Board(None, "STM32F4DISC_DISBB", boot0=True, **keywords)
        self.host = self.board.usb.host
        self.enumerate()

    def enumerate(self):
        self.board.run(ns=20_000_000_000, until=lambda: self.host.configured)
        assert self.host.strings["product"] == "STM32  BOOTLOADER"

    def request(self, request, value=0, data=b"", length=0):
        """The answer's bytes, or the transfer's error as text."""
        kind = 0xA1 if request in (UPLOAD, GETSTATUS, GETSTATE) else 0x21
        transfer = self.host.control(kind, request, value, 0, length if kind == 0xA1 else data)
        over = []
        transfer.done = over.append
        self.host.submit(transfer)
        self.board.run(ns=20_000_000_000, until=lambda: over)
        return transfer.error or bytes(transfer.data)

    def status(self):
        """(status, poll time-out in ms, state)"""
        status, p0, p1, p2, state, _ = self.request(GETSTATUS, length=6)
        return status, p0 | p1 << 8 | p2 << 16, state

    def download(self, block, data):
        """A download and the GETSTATUS that carries it out; (status, state) afterwards."""
        assert self.request(DNLOAD, block, data) == b""
        status, poll_ms, state = self.status()
        while state == DNBUSY:
            self.board.run(ns=poll_ms * 1_000_000)
            status, poll_ms, state = self.status()
        return status, state

    def command(self, code, address=None):
        return self.download(0, bytes((code,)) + (b"" if address is None else struct.pack("<I", address)))


@pytest.fixture
def loader():
    loader = Loader()
    yield loader
    loader.board.close()


def test_dfu__commands(loader):
    assert loader.request(UPLOAD, 0, length=256) == b"\x00\x21\x41\x92"
    assert loader.status()[0] == OK


def test_dfu__write_needs_two_getstatus(loader):
    """Nothing is written before the first GETSTATUS, which says dfuDNBUSY."""
    assert loader.command(0x21, BASE + 0x4000) == (OK, DNLOAD_IDLE)
    loader.request(DNLOAD, 2, b"\x12\x34\x56\x78")
    loader.board.run(ns=100_000_000)
    assert loader.request(GETSTATE, length=1) == bytes((DNLOAD_SYNC,))
    assert loader.board.cpu.read(BASE + 0x4000, 4) == b"\xff" * 4
    status, poll_ms, state = loader.status()
    assert (status, state) == (OK, DNBUSY) and poll_ms > 0
    loader.board.run(ns=100_000_000)
    assert loader.status() == (OK, 0, DNLOAD_IDLE)
    assert loader.board.cpu.read(BASE + 0x4000, 4) == b"\x12\x34\x56\x78"


def test_dfu__block_numbers(loader):
    """wBlockNum - 2 counts transfers of 2048 bytes from the address pointer, for writing and for reading."""
    loader.command(0x21, BASE + 0x4000)
    assert loader.download(4, b"\x77" * 8) == (OK, DNLOAD_IDLE)
    assert loader.board.cpu.read(BASE + 0x4000 + 2 * 2048, 8) == b"\x77" * 8
    loader.request(ABORT)
    assert loader.request(UPLOAD, 4, length=2048)[:10] == b"\x77" * 8 + b"\xff" * 2
    assert loader.request(GETSTATE, length=1) == bytes((UPLOAD_IDLE,))


def test_dfu__written_twice_without_erasing(loader):
    """The array turns ones into zeros only."""
    loader.command(0x21, BASE)
    loader.download(2, b"\xf0" * 4)
    loader.download(2, b"\x3c" * 4)
    assert loader.board.cpu.read(BASE, 4) == b"\x30" * 4
    assert loader.command(0x41, BASE) == (OK, DNLOAD_IDLE)
    assert loader.board.cpu.read(BASE, 4) == b"\xff" * 4


@pytest.mark.parametrize(
    "address, sector", [(BASE, 0), (BASE + 0xFFFF, 3), (BASE + 0x10000, 4), (BASE + 0xE0000, 11)]
)
def test_dfu__erases_the_sector_of_an_address(loader, address, sector):
    assert loader.command(0x41, address) == (OK, DNLOAD_IDLE)
    counts = loader.board.machine["FLASH"].erase_counts
    assert [n for n, count in enumerate(counts) if count] == [sector]


def test_dfu__mass_erase(loader):
    loader.board.cpu.write(BASE, bytes(0x100000))
    assert loader.command(0x41) == (OK, DNLOAD_IDLE)
    assert loader.board.cpu.read(BASE, 0x100000) == b"\xff" * 0x100000


@pytest.mark.parametrize(
    "code, address",
    [(0x21, 0x07FFFFFF), (0x21, 0x08100000), (0x41, 0x1FFF0000), (0x41, 0x08100000), (0x55, BASE)],
)
def test_dfu__wrong_address_or_command(loader, code, address):
    """errTARGET at the first GETSTATUS; CLRSTATUS is the way out."""
    assert loader.command(code, address) == (ERR_TARGET, ERROR)
    assert loader.request(DNLOAD, 0, bytes((0x21,)) + struct.pack("<I", BASE)) == "STALL"
    assert loader.request(CLRSTATUS) == b""
    assert loader.status() == (OK, 0, IDLE)
    assert loader.command(0x21, BASE) == (OK, DNLOAD_IDLE)


def test_dfu__wrong_state(loader):
    """A request that the state does not allow is stalled, and told of."""
    loader.request(DNLOAD, 0, bytes((0x21,)) + struct.pack("<I", BASE))
    assert loader.request(UPLOAD, 2, length=64) == "STALL"
    assert loader.status()[::2] == (ERR_STALLED, ERROR)
    loader.request(ABORT)
    assert loader.request(GETSTATE, length=1) == bytes((ERROR,))  # ABORT is no way out of an error
    loader.request(CLRSTATUS)
    assert loader.request(UPLOAD, 1, length=64) == "STALL"  # block 1 is reserved


def test_dfu__bus_reset_starts_anew(loader):
    loader.command(0x41, 0)
    assert loader.request(GETSTATE, length=1) == bytes((ERROR,))
    loader.host.reset_device()
    loader.enumerate()
    assert loader.status() == (OK, 0, IDLE)


def test_dfu__leave_to_erased_flash(loader):
    """What is started is no firmware: the device has left the bus, and only a reset brings it back."""
    loader.request(DNLOAD, 0, b"")
    assert loader.request(GETSTATE, length=1) == bytes((MANIFEST_SYNC,))
    assert loader.status() == (OK, 0, MANIFEST)
    loader.board.run(ns=1_000_000_000)
    assert not loader.host.configured
    loader.board.reset("pin")
    loader.enumerate()


def test_protection__level_1(loader):
    """What is in the flash is neither shown nor changed; lifting the protection erases it (RM0090 3.7.3)."""
    flash, cpu = loader.board.machine["FLASH"], loader.board.cpu
    cpu.write(BASE, b"secret!!")
    flash.option_bytes = flash.option_bytes & ~0xFF00 | 0x55 << 8
    loader.board.reset("power-on")
    loader.enumerate()
    assert loader.request(UPLOAD, 2, length=64) == "STALL"
    assert loader.status()[::2] == (ERR_VENDOR, ERROR)
    loader.request(CLRSTATUS)
    for code, address in ((0x21, BASE), (0x41, BASE), (0x41, None)):
        assert loader.command(code, address) == (ERR_VENDOR, ERROR)
        loader.request(CLRSTATUS)
    assert cpu.read(BASE, 8) == b"secret!!"
    loader.request(DNLOAD, 0, b"\x92")
    loader.status()
    loader.board.run(ns=30_000_000_000, until=lambda: flash.protection == 0)
    assert cpu.read(BASE, 0x100000) == b"\xff" * 0x100000
    loader.board.run(ns=30_000_000_000, until=lambda: not loader.host.configured)
    loader.enumerate()


def test_protection__level_1_closes_the_array(loader):
    """Not only the loader's good will: the flash refuses a program that was booted from system memory."""
    flash = loader.board.machine["FLASH"]
    flash.option_bytes = flash.option_bytes & ~0xFF00
    loader.board.reset("power-on")
    flash.write(0x04, 0x45670123, 4)
    flash.write(0x04, 0xCDEF89AB, 4)
    flash.write(0x10, 1 | 2 << 8, 4)
    flash.program(BASE, 0, 4)
    assert flash.read(0x0C, 4) & 1 << 4  # WRPERR
    assert loader.board.cpu.read(BASE, 4) == b"\xff" * 4


def test_protection__level_2_ignores_boot0():
    """At level 2 nothing but the flash is booted."""
    board = Board(None, "STM32F4DISC_DISBB")
    board.machine["FLASH"].option_bytes = 0x0FFFCCEC
    board.cpu.write(BASE, struct.pack("<II", 0x20001000, BASE + 9) + b"\xfe\xe7")
    board.boot0 = True
    board.reset("power-on")
    board.run(ns=1_000_000)
    assert board.cpu.pc == BASE + 8 and board.machine["SYSCFG"].booted_from == 0
    board.close()


def test_boot0__counts_at_reset(loader):
    """The pin is sampled at reset, and MEM_MODE shows what it said (RM0090 2.4, 9.2.1)."""
    loader.board.cpu.write(BASE, struct.pack("<II", 0x20001000, BASE + 9) + b"\xfe\xe7")
    loader.board.boot0 = False
    loader.board.run(ns=10_000_000)
    assert loader.host.configured
    loader.board.reset("pin")
    loader.board.run(ns=10_000_000)
    assert loader.board.cpu.pc == BASE + 8
    assert loader.board.machine["SYSCFG"].read(0, 4) == 0
