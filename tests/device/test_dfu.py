# SPDX-License-Identifier: MIT
"""Flashing with the real dfu-util: it talks to the loader in the emulated chip's system memory."""

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from emulator.net.peers import Peer
from support.dfu_bench import TOP, DfuBench, Repl

sys.path.insert(0, str(TOP / "tools" / "flash"))
from image import ImageError, read, write_dfu  # noqa: E402  (tools/flash is run as a folder)

pytestmark = pytest.mark.emulator_only

BASE = 0x08000000
OPTIONS = 0x1FFFC000
# A vector table and rubbish behind it: for what is to be flashed and not to be run.
SMALL = struct.pack("<II", 0x20001000, BASE + 9) + random.Random(407).randbytes(20_000)


@pytest.fixture
def bench():
    bench = DfuBench()
    yield bench
    bench.close()


@pytest.fixture
def name(pytestconfig):
    return pytestconfig.getoption("board")


@pytest.fixture
def loader(bench, name):
    """A new chip, BOOT0 high, in its loader."""
    return bench.add(name, boot0=True)


def flash_of(board, size, address=BASE):
    return board.cpu.read(address, size)


def file(tmp_path, data, name="image.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_dfu__list(bench, loader):
    """The four memories under the F407's own names."""
    assert bench.dfu_util("--list") == 0
    for alternate in (
        'alt=0, name="@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"',
        'alt=1, name="@Option Bytes  /0x1FFFC000/01*016 e"',
        'alt=2, name="@OTP Memory /0x1FFF7800/01*512 e,01*016 e"',
        'alt=3, name="@Device Feature/0xFFFF0000/01*004 e"',
    ):
        assert alternate in bench.said


def test_dfu__firmware_boots(bench, loader, firmware, tmp_path):
    """What make firmware leaves, written, read back and started; then from the prompt back to the loader."""
    image = Path(firmware).with_suffix(".bin").read_bytes()
    assert bench.dfu_util("-a", "0", "-D", Path(firmware).with_suffix(".dfu")) == 0, bench.said
    back = tmp_path / "back.bin"
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}:{len(image)}", "-U", back) == 0, bench.said
    assert back.read_bytes() == image
    loader.boot0 = False
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}:leave") == 0, bench.said
    repl = Repl(loader)
    repl.open()
    assert b"42\r\n" in repl.line("6 * 7")
    repl.send("import machine; machine.bootloader()")
    bench.run(1)
    assert bench.dfu_util("--list") == 0
    assert "Found DFU: [0483:df11]" in bench.said


def test_dfu__leave_in_one(bench, loader, tmp_path):
    """:leave with a download: the image runs when dfu-util is done."""
    image = struct.pack("<II", 0x20001000, BASE + 9) + b"\xfe\xe7"  # b .
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}:leave", "-D", file(tmp_path, image)) == 0, bench.said
    bench.run(0.1)
    assert loader.cpu.pc == BASE + 8
    assert loader.cpu.register("msp") == 0x20001000


def test_dfu__sectors(bench, loader, tmp_path):
    """Only the sectors that an image covers are erased."""
    loader.cpu.write(BASE, bytes(range(256)) * 4096)
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE + 0x10000:x}", "-D", file(tmp_path, SMALL)) == 0, (
        bench.said
    )
    assert flash_of(loader, len(SMALL), BASE + 0x10000) == SMALL
    assert loader.machine["FLASH"].erase_counts == [0] * 4 + [1] + [0] * 7
    assert flash_of(loader, 256, BASE + 0xFF00) == bytes(range(256))


def test_dfu__mass_erase(bench, loader):
    loader.cpu.write(BASE, bytes(0x100000))
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}:mass-erase:force") == 0, bench.said
    assert flash_of(loader, 0x100000) == b"\xff" * 0x100000


def test_dfu__option_bytes(bench, loader, tmp_path):
    """Alternate setting 1 shows them as RM0090 table 15 lays them out."""
    back = tmp_path / "options"
    assert bench.dfu_util("-a", "1", "-s", f"0x{OPTIONS:x}:16", "-U", back) == 0, bench.said
    assert back.read_bytes()[:2] == b"\xec\xaa" and back.read_bytes()[8:10] == b"\xff\x0f"


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda data: data[:-100], "suffix"),
        (lambda data: data[:400] + bytes((data[400] ^ 1,)) + data[401:], "CRC"),
        (lambda data: data[: len(data) // 2], "suffix"),
    ],
    ids=["end", "bit", "half"],
)
def test_dfu__damaged_file(bench, loader, firmware, tmp_path, damage, said):
    """dfu-util and make flash refuse it, and nothing has been written."""
    damaged = file(tmp_path, damage(Path(firmware).with_suffix(".dfu").read_bytes()), "damaged.dfu")
    assert bench.dfu_util("-a", "0", "-D", damaged) != 0
    assert bench.flash(damaged) == 1
    assert bench.said.startswith("flash: ") and said in bench.said and bench.said.count("\n") == 1
    assert sum(loader.machine["FLASH"].erase_counts) == 0


def test_dfu__wrong_device(bench, loader, firmware, tmp_path):
    """A suffix for another device: dfu-util and make flash refuse the file."""
    other = file(tmp_path, Path(firmware).with_suffix(".dfu").read_bytes(), "other.dfu")
    assert bench.command("dfu-suffix", "--delete", str(other)) == 0
    assert (
        bench.command("dfu-suffix", "--spec", "0x011a", "--vid", "1234", "--pid", "5678", "--add", str(other))
        == 0
    )
    assert bench.dfu_util("-a", "0", "-D", other) != 0
    assert bench.flash(other) == 1
    assert "1234:5678" in bench.said
    assert sum(loader.machine["FLASH"].erase_counts) == 0


@pytest.mark.parametrize("address", [0x08100000, 0x20000000, 0x07FFF000])
def test_dfu__wrong_address(bench, loader, tmp_path, address):
    """Neither beyond the flash nor before it, whoever asks."""
    image = file(tmp_path, SMALL)
    assert bench.dfu_util("-a", "0", "-s", f"0x{address:x}", "-D", image) != 0
    assert bench.flash(file(tmp_path, write_dfu([(address, SMALL)]), "wrong.dfu")) == 1
    assert "is not in the flash" in bench.said
    assert sum(loader.machine["FLASH"].erase_counts) == 0


@pytest.mark.parametrize("end", ["killed", "unplugged", "reset"])
def test_dfu__interrupted(bench, loader, tmp_path, end):
    """dfu-util killed, the cable pulled, the reset button, in mid-download: flashing again mends it."""
    image = file(tmp_path, SMALL)
    process = bench.start("dfu-util", "-d", "0483:df11", "-a", "0", "-s", f"0x{BASE:x}", "-D", str(image))
    bench.pump(process, until=lambda: flash_of(loader, 4, BASE + 6000) != b"\xff" * 4)
    assert process.poll() is None
    if end == "killed":
        process.terminate()
    elif end == "unplugged":
        loader.usb.unplug()
    else:
        loader.reset("pin")
    bench.pump(process)
    assert process.returncode != 0
    assert flash_of(loader, len(SMALL)) != SMALL
    if end == "unplugged":
        loader.usb.plug()
    bench.run(1)
    assert bench.flash(image) == 0, bench.said
    assert flash_of(loader, len(SMALL)) == SMALL


def test_dfu__write_protected(bench, loader, tmp_path):
    """The loader says nothing of a write-protected sector (AN3156); the comparison finds it."""
    loader.machine["FLASH"].option_bytes &= ~(1 << 17)
    loader.reset("power-on")
    bench.run(1)
    assert bench.flash(file(tmp_path, SMALL)) == 1
    assert "differs at 0x08004000" in bench.said and "write-protected" in bench.said


def test_dfu__protected(bench, loader, tmp_path):
    """Read protection, set and lifted with dfu-util: nothing is read or written while it is on."""
    loader.cpu.write(BASE, SMALL)
    options = bytearray(b"\xff" * 16)
    options[0], options[1] = 0xEC, 0x55  # nWRP stays all ones: word 2
    bench.dfu_util("-a", "1", "-s", f"0x{OPTIONS:x}", "-D", file(tmp_path, bytes(options)))
    bench.run(1)
    assert loader.machine["FLASH"].protection == 1
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}:64", "-U", tmp_path / "stolen") != 0
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}", "-D", file(tmp_path, SMALL)) != 0
    assert flash_of(loader, len(SMALL)) == SMALL
    assert bench.flash(file(tmp_path, SMALL)) == 1
    assert (
        bench.said.strip()
        .splitlines()[-1]
        .startswith("flash: the chip is read-protected: make flash UNPROTECT=1")
    )
    assert bench.flash("--unprotect", file(tmp_path, SMALL)) == 0, bench.said
    assert loader.machine["FLASH"].protection == 0
    assert flash_of(loader, len(SMALL)) == SMALL


THREADS = """
import _thread
for _ in range(2):
    _thread.start_new_thread(lambda: [i for i in iter(int, 1)], ())
"""
ETHERNET = """
import network, socket, time, _thread
lan = network.LAN()
lan.ipconfig(addr4="10.9.0.1/24")
lan.active(True)
while not lan.isconnected():
    time.sleep_ms(10)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send():
    while True:
        s.sendto(bytes(1400), ("10.9.0.2", 9))
_thread.start_new_thread(send, ())
"""
OUTPUT = """
import _thread
def talk():
    while True:
        print("x" * 100)
_thread.start_new_thread(talk, ())
"""
WATCHDOG = """
import machine, time
dog = machine.WDT(timeout=1000)
machine.freq(84000000)
rtc = machine.RTC()
"""
ENTER = "__import__('machine').bootloader()"
STATES = {
    "prompt": ("", ENTER),
    "threads": (THREADS, ENTER),
    "from a thread": (THREADS, f"_thread.start_new_thread(lambda: {ENTER}, ())"),
    "from a timer": (
        "from machine import Timer",
        f"t = Timer(period=20, mode=Timer.ONE_SHOT, callback=lambda t: {ENTER})",
    ),
    "ethernet": (ETHERNET, ENTER),
    "usb output": (OUTPUT, ENTER),
    "watchdog": (WATCHDOG, ENTER),
}


@pytest.mark.parametrize("state", STATES)
def test_bootloader__from_any_state(bench, name, firmware, state):
    """Whatever runs, machine.bootloader() ends in a loader that dfu-util finds; leave starts the firmware."""
    before, enter = STATES[state]
    board = bench.add(name, firmware)
    peer = Peer(board.machine, board.net, "10.9.0.2")
    received = []
    peer.udp_listen(9, lambda *datagram: received.append(1))
    repl = Repl(board)
    repl.open()
    repl.paste(before)
    bench.run(3 if before else 0.2)
    assert state != "ethernet" or received
    repl.send(enter)
    bench.run(1)
    bench.enumerate(board)
    assert bench.dfu_util("-a", "0", "-s", f"0x{BASE:x}:leave") == 0, bench.said
    repl = Repl(board)
    repl.open()
    assert b"42" in repl.line("6 * 7")


def hex_file(parts):
    """Intel hex of [(address, bytes)]."""
    lines = []

    def record(kind, offset, data):
        body = bytes((len(data), offset >> 8, offset & 0xFF, kind)) + data
        lines.append(":" + (body + bytes((-sum(body) & 0xFF,))).hex().upper())

    for address, data in parts:
        for at in range(0, len(data), 16):
            record(4, 0, (address + at >> 16).to_bytes(2, "big"))
            record(0, address + at & 0xFFFF, data[at : at + 16])
    record(1, 0, b"")
    return "\n".join(lines).encode()


def test_flash__hex_with_files_between(bench, tmp_path):
    """A 512 KB chip: the image lies round the files, which .hex and .dfu leave alone."""
    chip = bench.add("BLACK_F407VE_LAN8720", boot0=True)
    files = bytes(range(256)) * 192
    chip.cpu.write(BASE + 0x4000, files)
    entry = struct.pack("<II", 0x20001000, BASE + 0x10001)
    parts = [(BASE, entry + b"\x55" * 380), (BASE + 0x10000, b"\xfe\xe7" + SMALL)]
    assert bench.flash(file(tmp_path, hex_file(parts), "image.hex")) == 0, bench.said
    for address, data in parts:
        assert flash_of(chip, len(data), address) == data
    assert flash_of(chip, len(files), BASE + 0x4000) == files
    assert "image reaches" not in bench.said
    bench.run(0.1)
    assert chip.cpu.pc == BASE + 0x10000


def test_flash__larger_than_the_chip(bench, tmp_path):
    """An image for 1 MB of flash is refused before anything is erased."""
    chip = bench.add("BLACK_F407VE_LAN8720", boot0=True)
    assert bench.flash(file(tmp_path, SMALL + bytes(0x80000))) == 1
    assert "this chip has 512 KB" in bench.said
    assert sum(chip.machine["FLASH"].erase_counts) == 0


def test_flash__two_boards(bench, name, tmp_path):
    """Several boards: none is flashed before SERIAL= says which."""
    first = bench.add(name, boot0=True)
    second = bench.add(name, boot0=True, uid=(1, 2, 3))
    image = file(tmp_path, SMALL)
    serials = [board.usb.host.strings["serial"] for board in (first, second)]
    assert bench.flash(image) == 1
    assert all(f"SERIAL={serial}" in bench.said for serial in serials)
    assert bench.flash("--serial", serials[1], image) == 0, bench.said
    assert flash_of(second, len(SMALL)) == SMALL and flash_of(first, 4) == b"\xff" * 4


def test_flash__by_port(bench, name, firmware, tmp_path):
    """A running board is sent to the loader over its serial port; its files are there afterwards."""
    board = bench.add(name, firmware)
    repl = Repl(board)
    repl.open()
    repl.line("f = open('/flash/kept.txt', 'w'); _ = f.write('kept'); f.close()")
    board.usb.dtr = False
    pty = board.usb.open_pty()
    assert bench.flash("--port", pty.path, Path(firmware).with_suffix(".hex")) == 0, bench.said
    pty.close()
    assert "machine.bootloader()" in bench.said and "bytes written and compared" in bench.said
    repl = Repl(board)
    repl.open()
    assert b"'kept'" in repl.line("open('/flash/kept.txt').read()")


def test_flash__nobody_there(bench, name, firmware, tmp_path):
    """No board in DFU mode: it is told how one gets there."""
    bench.add(name, firmware)
    assert bench.flash("--wait", "1", file(tmp_path, SMALL)) == 1
    assert "BOOT0 high and reset" in bench.said and "no board in DFU mode" in bench.said


# Takes the right to open the device from the user, and where that is root, root from dfu-util.
NO_PERMISSION = """#!/bin/sh
env -u LD_PRELOAD chmod -R a+rwX "$UMOCKDEV_DIR"
env -u LD_PRELOAD chmod 0 "$UMOCKDEV_DIR"/dev/bus/usb/001/01*
[ "$(id -u)" != 0 ] || exec setpriv --reuid 65534 --regid 65534 --clear-groups dfu-util "$@"
exec dfu-util "$@"
"""


def test_flash__no_permission(bench, loader, tmp_path):
    """A device that may not be opened: the udev rule, ready to be copied."""
    command = tmp_path / "dfu-util"
    command.write_text(NO_PERMISSION)
    command.chmod(0o755)
    assert bench.flash(file(tmp_path, SMALL), env={"DFU_UTIL": str(command)}) == 1
    assert bench.said.startswith("flash: no permission to open it") and bench.said.count("\n") == 1
    assert 'ATTR{idVendor}=="0483", ATTR{idProduct}=="df11"' in bench.said


def test_flash__no_dfu_util(tmp_path):
    answer = flash_here(tmp_path, "/nowhere/dfu-util")
    assert answer.returncode == 1 and "package dfu-util" in answer.stderr and answer.stderr.count("\n") == 1


def flash_here(tmp_path, dfu_util):
    return subprocess.run(
        [sys.executable, str(TOP / "tools" / "flash"), str(file(tmp_path, SMALL))],
        env={**os.environ, "DFU_UTIL": dfu_util},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("a.bin", b"", "empty"),
        ("a.bin", b"\x7fELF" + bytes(100), "no firmware for an F407"),
        ("a.hex", b":10000000DEADBEEF\n", "line 1 is damaged"),
        ("a.hex", hex_file([(BASE, SMALL)])[:-20], "damaged"),
        ("a.hex", hex_file([(BASE, SMALL)]).rpartition(b"\n")[0], "truncated"),
        ("a.elf", b"\x7fELF", "neither .bin, .hex nor .dfu"),
        ("a.dfu", write_dfu([(BASE, SMALL), (BASE + 4096, SMALL)]), "overlap"),
    ],
)
def test_image__refused(tmp_path, name, data, said):
    """What is no image is named as such, in one line."""
    with pytest.raises(ImageError, match=said) as error:
        read(file(tmp_path, data, name))
    assert "\n" not in str(error.value)


def test_image__dfu_and_back(tmp_path):
    parts = [(BASE, SMALL), (BASE + 0x10000, b"abc")]
    assert read(file(tmp_path, write_dfu(parts), "a.dfu")) == parts
