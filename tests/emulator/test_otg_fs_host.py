# SPDX-License-Identifier: MIT
"""The host behind OTG_FS: enumeration, the CDC port, the bus's speed, with a device written in Python."""

import os
import select
import termios
import time

import pytest
from emulator.peripherals.otg_fs import OtgFs
from emulator.usb import Usb

MS = 1_000_000
SECOND = 1000 * MS

DEVICE = bytes.fromhex("12010002ef020140 55f00098 0001 01 02 03 01".replace(" ", ""))
STRINGS = {1: "Maker", 2: "Board", 3: "0123"}


def endpoint(address, kind, size, interval):
    return bytes((7, 5, address, kind, size & 255, size >> 8, interval))


CONFIGURATION = (
    bytes.fromhex("0902 4300 02 01 00 80 fa".replace(" ", ""))
    + bytes.fromhex("0904000001020201 00".replace(" ", ""))
    + bytes.fromhex("0524001001 0524010001 04240202 0524060001".replace(" ", ""))
    + endpoint(0x81, 3, 8, 16)
    + bytes.fromhex("090401000 20a0000 00".replace(" ", ""))
    + endpoint(0x02, 2, 64, 0)
    + endpoint(0x82, 2, 64, 0)
)


class Device:
    """A CDC device that echoes, driven by the interrupt line as firmware is: `latency` ns after it rises."""

    def __init__(self, machine, otg, latency=2000):
        self.machine = machine
        self.otg = otg
        self.latency = latency
        self.line_state = None
        self.line_states = []
        self.line_coding = b""
        self.reply = []  # what is still to be sent on EP0
        self.setup = None
        self.held = False  # take no more data
        self.received = bytearray()
        self.to_send = bytearray()
        self.sending = False
        self.resets = 0
        self.suspends = 0
        self.echo = True
        self.pending = False
        machine.irq = self.line  # in place of the NVIC

    def line(self, number, level):
        self.machine.irq_lines[number] = level
        if level and not self.pending:
            self.pending = True
            self.machine.at(self.latency, self.interrupt)

    def __getitem__(self, offset):
        return self.otg.read(offset, 4)

    def __setitem__(self, offset, value):
        self.otg.write(offset, value, 4)

    def start(self, vbus_sensing=False):
        self[0x38] = 1 << 16 | (1 << 19 if vbus_sensing else 1 << 21)
        self[0x0C] = 1 << 30 | 6 << 10
        self[0x800] = 3
        self[0x18] = 0xC3800 | 1 << 31 | 1 << 4 | 1 << 2
        self[0x08] = 1 | 1 << 7

    def interrupt(self):
        self.pending = False
        status = self[0x14] & self[0x18]
        if status & 1 << 12:
            self[0x14] = 1 << 12
            self.bus_reset()
        for bit in (13, 31):
            if status & 1 << bit:
                self[0x14] = 1 << bit
        if status & 1 << 11:
            self[0x14] = 1 << 11
            self.suspends += 1
        if status & 1 << 2:
            self[0x04] = self[0x04]
        while self[0x14] & 1 << 4:
            self.pop()
        for n in range(3):
            self.endpoint_events(n)
        if self.machine.irq_lines.get(67):
            self.line(67, True)

    def bus_reset(self):
        self.resets += 1
        self[0x24], self[0x28] = 64, 16 << 16 | 64
        self[0x104], self[0x108] = 16 << 16 | 80, 16 << 16 | 96
        self[0x10] = 1 << 5 | 16 << 6
        self[0x10] = 1 << 4
        self[0x800] = 3
        self[0x810], self[0x814], self[0x81C], self[0x834] = 1, 9, 0xFFFFFFFF, 0
        self[0xB10] = 3 << 29
        self.line_state = None
        self.received.clear()
        self.to_send.clear()
        self.sending = False

    def pop(self):
        word = self[0x20]
        n, count, kind = word & 15, word >> 4 & 0x7FF, word >> 17 & 15
        data = b"".join(self[0x1000].to_bytes(4, "little") for _ in range((count + 3) // 4))[:count]
        if kind == 6:
            self.setup = data
        elif kind == 2 and n == 2:
            self.received += data
        elif kind == 2 and count:
            self.line_coding = data

    def endpoint_events(self, n):
        out = self[0xB08 + 0x20 * n]
        self[0xB08 + 0x20 * n] = out
        inward = self[0x908 + 0x20 * n]
        self[0x908 + 0x20 * n] = inward & 0x7F
        if n == 0 and out & 8:
            self.request()
        elif n == 0 and out & 1 and self.setup[0] == 0x21:
            self.send_control(b"")
        elif n == 2 and out & 1:
            self.data_in()
        if n == 0 and inward & 1 and self.setup[0] & 0x80:
            if self.reply:
                self.send_control(self.reply.pop(0))
            else:
                self.arm_out(0, 0)
        if n == 2 and inward & 1:
            self.sending = False
            self.pump()

    def data_in(self):
        if self.echo:
            self.to_send += self.received
            self.received.clear()
            self.pump()
        if not self.held:
            self.arm_out(2, 64)

    def release(self):
        self.held = False
        self.arm_out(2, 64)

    def pump(self):
        if self.to_send and not self.sending:
            self.sending = True
            packet = bytes(self.to_send[:64])
            del self.to_send[:64]
            self.send(2, packet)

    def arm_out(self, n, size):
        self[0xB10 + 0x20 * n] = (self[0xB10 + 0x20 * n] & 3 << 29) | 1 << 19 | size
        self[0xB00 + 0x20 * n] = self[0xB00 + 0x20 * n] | 1 << 31 | 1 << 26

    def send(self, n, data):
        self[0x910 + 0x20 * n] = 1 << 19 | len(data)
        self[0x900 + 0x20 * n] = self[0x900 + 0x20 * n] | 1 << 31 | 1 << 26
        for i in range(0, len(data), 4):
            self[0x1000 * (n + 1)] = int.from_bytes(data[i : i + 4], "little")

    def send_control(self, data):
        self.send(0, data)

    def answer(self, data, length):
        data = data[:length]
        self.reply = [data[i : i + 64] for i in range(0, len(data), 64)]
        self.send_control(self.reply.pop(0))

    def request(self):
        self[0xB10] = 3 << 29
        kind, request = self.setup[0], self.setup[1]
        value, length = int.from_bytes(self.setup[2:4], "little"), int.from_bytes(self.setup[6:8], "little")
        if (kind, request) == (0x80, 6):
            self.describe(value >> 8, value & 255, length)
        elif (kind, request) == (0x00, 5):
            self[0x800] = 3 | value << 4
            self.send_control(b"")
        elif (kind, request) == (0x00, 9):
            self[0x920] = 1 << 28 | 1 << 22 | 3 << 18 | 1 << 15 | 8
            self[0x940] = 1 << 28 | 2 << 22 | 2 << 18 | 1 << 15 | 64
            self[0xB40] = 1 << 28 | 2 << 18 | 1 << 15 | 64
            self.arm_out(2, 64)
            self.send_control(b"")
        elif (kind, request) == (0x21, 0x20):
            self.arm_out(0, 7)
        elif (kind, request) == (0x21, 0x22):
            self.line_state = value
            self.line_states.append(value)
            self.send_control(b"")
        else:
            self[0x900] = self[0x900] | 1 << 21
            self[0xB00] = self[0xB00] | 1 << 21

    def describe(self, kind, index, length):
        if kind == 1:
            self.answer(DEVICE, length)
        elif kind == 2:
            self.answer(CONFIGURATION, length)
        elif index == 0:
            self.answer(b"\x04\x03\x09\x04", length)
        else:
            text = STRINGS[index].encode("utf-16-le")
            self.answer(bytes((len(text) + 2, 3)) + text, length)


class Poll:
    """What the machine's poll does, for a test without a board."""

    def __init__(self):
        self.fds = {}
        self.realtime = 0

    def add(self, fd, callback):
        self.fds[fd] = callback

    def remove(self, fd):
        self.fds.pop(fd, None)

    def run(self):
        for fd in select.select(list(self.fds), [], [], 0)[0]:
            if fd in self.fds:
                self.fds[fd]()


class Desk:
    """A device, its cable and a host."""

    def __init__(self, machine):
        self.machine = machine
        machine.poll = Poll()
        self.otg = machine.add(OtgFs(machine))
        self.usb = Usb(machine)
        self.device = Device(machine, self.otg)

    def enumerate(self):
        self.device.start()
        self.machine.advance(SECOND)
        assert self.usb.ready, self.usb.host.log

    def until(self, condition, ms=5000):
        for _ in range(ms):
            if condition():
                return
            self.machine.poll.run()
            self.machine.advance(MS)
        raise AssertionError(f"not within {ms} ms; host log: {self.usb.host.log}")


@pytest.fixture
def desk(machine):
    return Desk(machine)


def test_host__enumerates_as_linux_does(desk):
    """Two resets, address, descriptors, strings, configuration, line coding: within 400 ms, nothing amiss."""
    desk.device.start()
    desk.machine.advance(100 * MS)
    assert desk.device.resets == 0, "100 ms debounce"
    desk.machine.advance(300 * MS)
    host = desk.usb.host
    assert desk.usb.ready
    assert desk.device.resets == 2
    assert host.descriptor == DEVICE
    assert host.configuration == CONFIGURATION
    assert host.strings == {"manufacturer": "Maker", "product": "Board", "serial": "0123"}
    assert desk.device.line_coding == bytes.fromhex("00c20100000008")
    assert host.log == []


def test_host__waits_for_pins(desk):
    """No connection before PA11 and PA12 are AF10; the host notices when they are."""

    class Gpio:
        base, SIZE, clock, name = 0x40020000, 0x400, None, "GPIOA"
        function = 0

        def set_input(self, pin, level):
            pass

        def alternate(self, pin):
            return self.function if pin in (11, 12) else None

    gpio = desk.machine.add(Gpio())
    desk.device.start()
    desk.machine.advance(SECOND)
    assert not desk.usb.ready
    gpio.function = 10
    desk.machine.advance(SECOND)
    assert desk.usb.ready


def test_host__line_state(desk):
    desk.enumerate()
    assert desk.device.line_state is None
    desk.usb.dtr = True
    desk.machine.advance(5 * MS)
    assert desk.device.line_state == 3
    desk.usb.dtr = False
    desk.machine.advance(5 * MS)
    assert desk.device.line_state == 0


def test_cdc__echo_of_100_kb(desk):
    """What goes in comes out, whole and in order; packets have full size where there is enough."""
    desk.enumerate()
    desk.usb.dtr = True
    data = bytes(i * 7 & 255 for i in range(100_000))
    desk.usb.write(data)
    got = bytearray()

    def arrived():
        got.extend(desk.usb.read())
        return len(got) >= len(data)

    desk.until(arrived)
    assert got == data
    assert desk.usb.host.log == []


def test_bus__19_bulk_packets_a_frame(desk):
    """USB 2.0 table 5-9: at most 19 packets of 64 bytes in a full-speed frame, however fast the device is."""
    desk.device.latency = 0
    desk.enumerate()
    desk.device.echo = False
    desk.usb.write(bytes(200_000))
    before = len(desk.device.received)
    desk.machine.advance(100 * MS)
    packets = (len(desk.device.received) - before) // 64
    assert 1800 <= packets <= 1900


def test_cdc__device_that_takes_nothing(desk):
    """NAK holds the data in the host; nothing is lost."""
    desk.enumerate()
    desk.device.held = True
    desk.device.echo = False
    desk.usb.dtr = True
    desk.usb.write(b"x" * 1000)
    desk.machine.advance(100 * MS)
    assert desk.usb.cdc.pending_out == 1000 - 64
    desk.device.release()
    desk.until(lambda: len(desk.device.received) == 1000)


def test_cdc__host_that_reads_nothing(desk):
    """With the port closed the device's data stay with the device."""
    desk.enumerate()
    desk.device.to_send += b"y" * 200
    desk.device.pump()
    desk.machine.advance(100 * MS)
    assert len(desk.device.to_send) == 200 - 64
    desk.usb.dtr = True
    desk.until(lambda: len(desk.usb.cdc.received) == 200)
    assert desk.usb.read() == b"y" * 200


def test_host__suspend_and_resume(desk):
    desk.enumerate()
    desk.usb.dtr = True
    desk.machine.advance(10 * MS)
    suspends = desk.device.suspends
    desk.usb.host.suspend()
    desk.machine.advance(10 * MS)
    assert desk.device.suspends == suspends + 1
    desk.usb.write(b"later")
    desk.machine.advance(10 * MS)
    desk.usb.host.resume()
    desk.machine.advance(19 * MS)
    assert desk.usb.read() == b""
    desk.machine.advance(10 * MS)
    assert desk.usb.read() == b"later"


def test_host__remote_wakeup(desk):
    desk.enumerate()
    desk.usb.host.suspend()
    desk.machine.advance(10 * MS)
    desk.device[0x804] = 1
    assert not desk.device[0x808] & 1
    desk.machine.advance(30 * MS)
    assert not desk.usb.host.suspended
    assert not desk.device[0x14] & 1 << 31


def test_host__unplugged_and_plugged(desk):
    """The port goes, and is opened again on the new connection as it was."""
    desk.enumerate()
    desk.usb.dtr = True
    desk.machine.advance(10 * MS)
    desk.usb.unplug()
    desk.machine.advance(10 * MS)
    assert not desk.usb.ready
    assert desk.device[0x808] & 1, "nobody drives the bus: suspended"
    desk.usb.plug()
    desk.machine.advance(SECOND)
    assert desk.usb.ready
    assert desk.device.line_state == 3
    desk.usb.write(b"again")
    desk.machine.advance(10 * MS)
    assert desk.usb.read() == b"again"


def test_host__device_that_does_not_answer(desk):
    """Enumeration is tried again for as long as the pull-up is there; the reason is logged."""
    desk.device.start()
    desk.device[0x18] = 0
    desk.machine.advance(6 * SECOND)
    assert any("timed out" in line for line in desk.usb.host.log)
    desk.device[0x18] = 0xC3800 | 1 << 4
    desk.machine.advance(7 * SECOND)
    assert desk.usb.ready


def test_host__same_run_twice(machine):
    """The same traffic takes the same time to the nanosecond."""
    from emulator.machine import Machine

    times = []
    for board in (machine, Machine(strict=True)):
        desk = Desk(board)
        desk.enumerate()
        desk.usb.dtr = True
        desk.usb.write(bytes(5000))
        while len(desk.usb.cdc.received) < 5000:
            board.advance(board.scheduler.next_time() - board.now)
        times.append(board.now)
    assert times[0] == times[1]


def open_raw(path):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    assert not termios.tcgetattr(fd)[3] & (termios.ECHO | termios.ICANON)
    return fd


def read_some(fd):
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""


def test_pty__dtr_follows_open_and_close(desk, tmp_path):
    """DTR is on while a program has the pty open, and again for the next one; the link leads to it."""
    desk.enumerate()
    link = str(tmp_path / "tty")
    pty = desk.usb.open_pty(link)
    desk.until(lambda: True)
    for _ in range(2):
        fd = open_raw(link)
        desk.until(lambda: desk.device.line_state == 3)
        os.write(fd, b"ping")
        got = bytearray()
        desk.until(lambda got=got, fd=fd: got.extend(read_some(fd)) or got == b"ping")
        os.close(fd)
        desk.until(lambda: desk.device.line_state == 0)
    pty.close()
    assert not os.path.islink(link)


def test_pty__two_programs(desk):
    """While one of two programs that have the pty open is left, DTR stays."""
    desk.enumerate()
    pty = desk.usb.open_pty()
    first, second = open_raw(pty.path), open_raw(pty.path)
    desk.until(lambda: desk.device.line_state == 3)
    os.close(first)
    desk.machine.poll.run()
    desk.machine.advance(20 * MS)
    assert desk.device.line_state == 3
    os.close(second)
    desk.until(lambda: desk.device.line_state == 0)
    pty.close()


def test_pty__closed_and_opened_at_once(desk):
    """The next program's opening, seen together with the last one's closing: DTR goes off and on between."""
    desk.enumerate()
    pty = desk.usb.open_pty()
    fd = open_raw(pty.path)
    desk.until(lambda: desk.device.line_state == 3)
    os.write(fd, b"last words")
    os.close(fd)
    fd = open_raw(pty.path)
    desk.until(lambda: len(desk.device.line_states) == 3)
    assert desk.device.line_states == [3, 0, 3]
    got = bytearray()
    desk.until(lambda: got.extend(read_some(fd)) or got == b"last words")
    os.close(fd)
    pty.close()


def test_pty__slow_reader_loses_nothing(desk):
    """300 KB echoed through a reader who takes a little now and then."""
    desk.enumerate()
    pty = desk.usb.open_pty()
    fd = open_raw(pty.path)
    data = bytes(i * 31 >> 3 & 255 for i in range(300_000))
    sent, got = 0, bytearray()
    deadline = time.monotonic() + 120
    while len(got) < len(data):
        assert time.monotonic() < deadline, f"{sent} sent, {len(got)} back, log {desk.usb.host.log}"
        if sent < len(data):
            try:
                sent += os.write(fd, data[sent : sent + 20_000])
            except BlockingIOError:
                pass
        for _ in range(20):
            desk.machine.poll.run()
            desk.machine.advance(MS)
        got += os.read(fd, 3000) if select.select([fd], [], [], 0)[0] else b""
    assert got == data
    os.close(fd)
    pty.close()
