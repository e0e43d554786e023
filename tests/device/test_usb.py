# SPDX-License-Identifier: MIT
"""The board's USB device under a host that unplugs, sleeps, reads slowly or not at all, in virtual time."""

import hashlib
import random

import pytest
from emulator.board import Board

pytestmark = pytest.mark.emulator_only

MS = 1_000_000
SECOND = 1000 * MS
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"


class Desk:
    """An emulated board in this process, at the raw REPL's prompt of its USB serial port."""

    def __init__(self, firmware, name):
        self.board = Board(firmware, name, strict=True)
        self.usb = self.board.usb
        self.got = bytearray()
        self.usb.dtr = True
        self.until(lambda: self.usb.ready, 15_000)
        self.enter_raw_repl()

    def run(self, ms):
        self.board.run(ms * MS)

    def until(self, condition, ms=5000):
        """Let time pass until condition() holds."""
        assert self.board.run(ms * MS, until=condition) == "until", (
            bytes(self.got[-200:]),
            self.usb.host.log,
        )

    def read(self):
        self.got += self.usb.read()
        return self.got

    def expect(self, text, ms=5000):
        """Let time pass until `text` has come; returns what came up to its end."""
        searched = 0

        def there():
            nonlocal searched
            start = max(0, searched - len(text))
            searched = len(self.read())
            return self.got.find(text, start) >= 0

        self.until(there, ms)
        end = self.got.index(text) + len(text)
        data = bytes(self.got[:end])
        del self.got[:end]
        return data

    def enter_raw_repl(self):
        self.usb.write(b"\r\x03\x03\r\x01")
        self.expect(RAW_PROMPT)

    def start(self, script):
        self.usb.write(script.encode() + b"\x04")
        self.expect(b"OK")

    def exec(self, script, ms=10_000):
        """What the script prints."""
        self.start(script)
        output = self.expect(b"\x04", ms)[:-1]
        error = self.expect(b"\x04")[:-1]
        self.expect(b">")
        assert not error, error.decode()
        return output


@pytest.fixture(scope="module")
def boards():
    made = []
    yield made
    for desk in made:
        desk.board.close()


@pytest.fixture
def desk(boards, firmware, pytestconfig):
    """One board for this file; whatever a test did to its cable is undone."""
    if not boards:
        boards.append(Desk(firmware, pytestconfig.getoption("board")))
    desk = boards[0]
    desk.usb.plug()
    desk.usb.dtr = True
    desk.until(lambda: desk.usb.ready, 15_000)
    desk.run(100)
    desk.read().clear()
    desk.enter_raw_repl()
    return desk


def interfaces(configuration):
    """(class, subclass, protocol, [(endpoint, kind, size)]) of each interface."""
    found, offset = [], 0
    while offset < len(configuration):
        item = configuration[offset : offset + configuration[offset]]
        offset += len(item)
        if item[1] == 4:
            found.append((*item[5:8], []))
        elif item[1] == 5:
            found[-1][3].append((item[2], item[3], int.from_bytes(item[4:6], "little")))
    return found


def test_usb__identity(desk):
    """VID and PID are pyboard's; the serial number is the chip's, and machine.unique_id()'s bytes give it."""
    host = desk.usb.host
    assert host.descriptor[8:12] == bytes.fromhex("55f00098")
    assert host.strings["manufacturer"] == "MicroPython"
    uid = eval(desk.exec("import machine\nprint(machine.unique_id())"))
    expected = bytes((uid[11], uid[10] + uid[2] & 255, uid[9], uid[8] + uid[0] & 255, uid[7], uid[6]))
    assert host.strings["serial"] == expected.hex().upper()


def test_usb__descriptors_need_no_driver(desk):
    """An interface association of class CDC-ACM: what Windows 10, macOS and Linux bind by themselves."""
    host = desk.usb.host
    assert host.descriptor[4:7] == bytes((0xEF, 2, 1)), "device class: by interface association"
    association = host.descriptors(11)[0]
    assert association[2:7] == bytes((0, 2, 2, 2, 0))
    control, data = interfaces(host.configuration)
    assert control == (2, 2, 0, [(0x81, 3, 8)])
    assert data == (10, 0, 0, [(0x02, 2, 64), (0x82, 2, 64)])
    functional = {item[2]: item[3:] for item in host.descriptors(0x24)}
    assert functional[6] == bytes((0, 1)), "union: interface 0 controls interface 1"
    assert functional[2][0] & 2, "takes line coding and line state"


def test_usb__one_megabyte_to_the_host(desk):
    """1 MB arrives whole, at no less than 1000 kB/s of what full speed allows (1216)."""
    script = "import sys\nb = bytes(range(32, 96)) * 64\nfor _ in range(256): sys.stdout.buffer.write(b)\n"
    start = desk.board.machine.now
    output = desk.exec(script, 20_000)
    kilobytes_s = len(output) / ((desk.board.machine.now - start) / SECOND) / 1000
    assert output == bytes(range(32, 96)) * 64 * 256
    assert kilobytes_s > 1000


def test_usb__one_megabyte_to_the_board(desk):
    """1 MB of every byte but none lost, by its digest; the board computes the digest while it reads."""
    desk.start(
        "import sys, micropython, hashlib\n"
        "micropython.kbd_intr(-1)\n"
        "h = hashlib.sha256()\n"
        "b = bytearray(4096)\n"
        "print('go')\n"
        "for _ in range(256):\n"
        "    sys.stdin.buffer.readinto(b)\n"
        "    h.update(b)\n"
        "micropython.kbd_intr(3)\n"
        "print(h.digest().hex())\n"
    )
    desk.expect(b"go\r\n")
    data = bytes(i * i >> 5 & 255 for i in range(1 << 20))
    desk.usb.write(data)
    assert desk.expect(b"\r\n", 20_000) == hashlib.sha256(data).hexdigest().encode() + b"\r\n"
    desk.expect(b"\x04\x04>")


def test_usb__slow_host(desk):
    """A host that takes a little every 100 ms loses nothing: the script waits for it."""
    desk.start("for i in range(3000): print('%06d' % i)\n")
    desk.usb.cdc.hold(True)
    got = bytearray()
    for _ in range(400):
        desk.run(100)
        desk.usb.cdc.hold(False)
        desk.board.run(2 * MS)
        desk.usb.cdc.hold(True)
        got += desk.usb.read()
        if got.endswith(b"\x04\x04>"):
            break
    desk.usb.cdc.hold(False)
    assert got == b"".join(b"%06d\r\n" % i for i in range(3000)) + b"\x04\x04>"


def test_usb__host_that_stops_reading(desk):
    """With the port open and nobody reading, output is given up after its time-out, once, not every time."""
    desk.start(
        "import time\n"
        "start = time.ticks_ms()\n"
        "for i in range(1000): print('x' * 40)\n"
        "took = time.ticks_diff(time.ticks_ms(), start)\n"
    )
    desk.usb.cdc.hold(True)
    desk.run(3000)
    desk.usb.cdc.hold(False)
    desk.run(100)
    desk.read().clear()
    desk.enter_raw_repl()
    assert int(desk.exec("print(took)")) < 1500


def test_usb__interrupt_while_nobody_reads(desk):
    """Ctrl-C reaches an endless printer although its output goes nowhere."""
    desk.start(
        "import time\n"
        "start = time.ticks_ms()\n"
        "try:\n"
        "    while True: print('y' * 40)\n"
        "except KeyboardInterrupt:\n"
        "    took = time.ticks_diff(time.ticks_ms(), start)\n"
    )
    desk.usb.cdc.hold(True)
    desk.run(1000)
    desk.usb.write(b"\x03")
    desk.run(1000)
    desk.usb.cdc.hold(False)
    desk.run(100)
    desk.read().clear()
    desk.enter_raw_repl()
    assert int(desk.exec("print(took)")) < 1600


def test_usb__break_with_full_buffers(desk):
    """With more typed ahead than the board takes, Ctrl-C waits in the host; a break gets through."""
    desk.start("print('going')\nwhile True: pass\n")
    desk.expect(b"going\r\n")
    desk.usb.write(b"x" * 5000)
    desk.run(100)
    assert 3000 < desk.usb.cdc.pending_out < 5000
    desk.usb.cdc.send_break(100)
    desk.expect(b"KeyboardInterrupt: \r\n\x04>")
    desk.run(100)
    assert desk.usb.cdc.pending_out == 0


def test_usb__unplugged_while_printing(desk):
    """The cable out in the midst of output: the script runs on; plugged in again, the REPL is there."""
    desk.start(
        "import time\n"
        "done = 0\n"
        "for i in range(2000):\n"
        "    print('line', i)\n"
        "    time.sleep_us(200)\n"
        "    done = i\n"
    )
    desk.expect(b"line 10\r\n")
    desk.usb.unplug()
    desk.run(3000)
    assert not desk.usb.ready
    desk.usb.plug()
    desk.until(lambda: desk.usb.ready)
    desk.read().clear()
    desk.enter_raw_repl()
    assert int(desk.exec("print(done)")) == 1999


def test_usb__unplugged_many_times(desk):
    """Cable cycles at odd moments, with traffic both ways: each time the REPL answers afterwards."""
    for cycle in range(10):
        desk.start("while True: print('z' * 33)\n")
        desk.run(7 + cycle)
        desk.usb.write(b"\x03" if cycle % 2 else b"abc")
        desk.board.run(cycle * 37_000)
        desk.usb.unplug()
        desk.run(1 + 20 * cycle)
        desk.usb.plug()
        desk.until(lambda: desk.usb.ready)
        desk.read().clear()
        desk.enter_raw_repl()
        assert desk.exec(f"print({cycle} * 2)") == b"%d\r\n" % (cycle * 2)


def test_usb__suspend_and_resume(desk):
    """The host sleeps: output waits, newest kept; it wakes: what was kept comes, and the REPL answers."""
    desk.start("import time\ntime.sleep_ms(50)\nprint('while asleep')\ntime.sleep_ms(200)\nprint('awake')\n")
    desk.usb.host.suspend()
    desk.run(100)
    desk.usb.host.resume()
    desk.expect(b"while asleep\r\n")
    desk.expect(b"awake\r\n\x04\x04>")
    assert desk.exec("print('on')") == b"on\r\n"


def test_usb__closed_port_keeps_the_newest(desk):
    """What is printed while no program has the port open is kept, as far as it fits, for the next one."""
    desk.start("import time\ntime.sleep_ms(100)\nfor i in range(1000): print('line', i)\n")
    desk.usb.dtr = False
    desk.run(2000)  # the UART prints all of it meanwhile, at its own rate
    desk.usb.dtr = True
    kept = desk.expect(b"\x04\x04>")
    assert kept.endswith(b"line 998\r\nline 999\r\n\x04\x04>")
    assert len(kept) < 2000


@pytest.mark.parametrize("seed", [1, 2])
def test_usb__anything_at_any_moment(desk, seed):
    """Cable, suspend, reset, DTR, break and data in random order while output flows: the REPL comes back."""
    random_ = random.Random(seed)
    usb = desk.usb
    actions = {
        "unplug": usb.unplug,
        "plug": usb.plug,
        "suspend": lambda: usb.ready and usb.host.suspend(),
        "resume": usb.host.resume,
        "reset": lambda: usb.host.plugged and usb.host.reset_device(),
        "close": usb.cdc.close,
        "open": usb.cdc.open,
        "write": lambda: usb.write(b"pasted " * random_.randrange(1, 40)),
        "hold": lambda: usb.cdc.hold(True),
        "break": lambda: usb.ready and usb.cdc.send_break(10),
    }
    for number in range(20):
        desk.start(f"while True: print('z' * {random_.randrange(1, 90)})\n")
        done = random_.choices(sorted(actions), k=random_.randrange(1, 6))
        for name in done:
            actions[name]()
            desk.board.run(random_.choice((3, 3, 3, 30)) * random_.randrange(1, MS))
        usb.cdc.hold(False)
        usb.host.resume()
        usb.plug()
        usb.dtr = True
        desk.until(lambda: usb.ready, 15_000)
        desk.run(60)
        desk.read().clear()
        desk.enter_raw_repl()
        assert desk.exec(f"print({number} * 3)") == b"%d\r\n" % (number * 3), (number, done)


def test_usb__host_resets_the_bus(desk):
    """A bus reset out of nothing (a hub's, a driver's): enumerated again, and the REPL answers."""
    desk.start("while True: print('w' * 50)\n")
    desk.run(5)
    desk.usb.host.reset_device()
    desk.until(lambda: desk.usb.ready)
    desk.read().clear()
    desk.enter_raw_repl()
    assert desk.exec("print('on')") == b"on\r\n"


def test_usb__after_machine_reset(desk):
    """machine.reset() takes the device off the bus and brings it back."""
    desk.start("import machine\nmachine.reset()\n")
    desk.until(lambda: not desk.usb.ready)
    desk.until(lambda: desk.usb.ready, 15_000)
    desk.enter_raw_repl()
    assert desk.exec("print('on')") == b"on\r\n"
