# SPDX-License-Identifier: MIT
"""USB devices in a test bed of umockdev, their ioctls (linux/usbdevice_fs.h) carried out by USB/IP.

Differs from Linux: what libusb uses is there, no more: capabilities, interfaces, alternate settings,
asynchronous transfers, reset. REAPURBNDELAY waits up to HOLD_MS where nothing is done yet, so that polling
costs nothing.
"""

import errno
import struct
import threading

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402  (the version comes first)

LOOK_MS = 100  # between two looks for a device that is not there
HOLD_MS = 50

# The numbers of the requests; direction and size are the upper bits.
CONTROL, SETINTERFACE, GETDRIVER, SUBMITURB, DISCARDURB, REAPURB, REAPURBNDELAY = 0, 4, 8, 10, 11, 12, 13
CLAIMINTERFACE, RELEASEINTERFACE, RESET, CLEAR_HALT, GET_CAPABILITIES = 15, 16, 20, 21, 26
CAPABILITIES = 0x01 | 0x04  # ZERO_PACKET, NO_PACKET_SIZE_LIM
TYPE_CONTROL = 2
SET_INTERFACE = struct.Struct("<BBHHH")
# struct usbdevfs_urb on 64-bit Linux: type, endpoint, status, flags, buffer, lengths, ...
URB_BYTES, URB_STATUS, URB_BUFFER, URB_LENGTH, URB_ACTUAL = 56, 4, 16, 24, 28

ROOT_HUB = (
    "120100020900014066661dd10100000000" + "01",
    "0902190001010000e0" + "00" + "090400000109000000" + "0705810304000c",
)


class Urb:
    """A transfer that the program has submitted and not yet reaped."""

    def __init__(self, block):
        raw = bytes(block.retrieve())
        self.block = block
        self.key = block.client_addr
        self.kind, self.endpoint = raw[0], raw[1]
        self.length = struct.unpack_from("<i", raw, URB_LENGTH)[0]
        self.buffer = block.resolve(URB_BUFFER, self.length) if self.length else None
        self.sequence = None

    def start(self, device):
        data = bytes(self.buffer.retrieve()) if self.buffer else b""
        if self.kind == TYPE_CONTROL:
            setup, data = data[:8], data[8:]
            is_in = bool(setup[0] & 0x80)
            length = struct.unpack_from("<H", setup, 6)[0]
        else:
            setup, is_in, length = bytes(8), bool(self.endpoint & 0x80), self.length
        self.sequence = device.submit(self.endpoint & 15, is_in, length, setup, b"" if is_in else data)

    def finish(self, status, data, moved):
        if data:
            self.buffer.update(8 if self.kind == TYPE_CONTROL else 0, list(data))
        self.block.update(URB_STATUS, list(struct.pack("<i", status)))
        self.block.update(URB_ACTUAL, list(struct.pack("<i", moved)))


class Handler(UMockdev.IoctlBase):
    """usbfs for one device. umockdev calls it from a thread of its own."""

    def __init__(self, device):
        super().__init__()
        self.device = device
        self.lock = threading.RLock()
        self.running = {}  # sequence number -> Urb
        self.finished = []
        self.reaper = None  # (client, argument, GLib source) of a REAPURB that waits
        self.waiting = {}  # sequence number -> client whose ioctl ends with that transfer

    def do_handle_ioctl(self, client):
        with self.lock:
            number = client.get_request() & 0xFF
            try:
                self._serve(client, number)
            except OSError:
                client.complete(-1, errno.ENODEV)
        return True

    def _serve(self, client, number):
        if self.device.connection is None and number not in (REAPURB, REAPURBNDELAY, RELEASEINTERFACE):
            client.complete(-1, errno.ENODEV)
        elif number == GET_CAPABILITIES:
            client.get_arg().resolve(0, 4).update(0, list(struct.pack("<I", CAPABILITIES)))
            client.complete(0, 0)
        elif number in (CLAIMINTERFACE, RELEASEINTERFACE, CLEAR_HALT):
            client.complete(0, 0)
        elif number == GETDRIVER:
            client.complete(-1, errno.ENODATA)
        elif number == SETINTERFACE:
            interface, alternate = struct.unpack("<II", bytes(client.get_arg().resolve(0, 8).retrieve()))
            setup = SET_INTERFACE.pack(0x01, 11, alternate, interface, 0)
            self.waiting[self.device.submit(0, False, 0, setup, b"")] = client
        elif number == RESET:
            self.waiting[self.device.reset()] = client
        elif number == SUBMITURB:
            urb = Urb(client.get_arg().resolve(0, URB_BYTES))
            urb.start(self.device)
            self.running[urb.sequence] = urb
            client.complete(0, 0)
        elif number == DISCARDURB:
            self._discard(client)
        elif number in (REAPURB, REAPURBNDELAY):
            self._reap(client, number == REAPURB)
        else:
            client.complete(-1, errno.ENOTTY)

    def _discard(self, client):
        key = struct.unpack("<Q", bytes(client.get_arg().retrieve()))[0]
        urb = next((urb for urb in self.running.values() if urb.key == key), None)
        if urb is None:
            client.complete(-1, errno.EINVAL)
            return
        del self.running[urb.sequence]
        self.device.unlink(urb.sequence)
        urb.finish(-errno.ENOENT, b"", 0)
        self.finished.append(urb)
        client.complete(0, 0)

    def _reap(self, client, for_ever):
        argument = client.get_arg().resolve(0, 8)
        if self.finished:
            self._hand_over(client, argument)
        elif self.device.connection is None:
            client.complete(-1, errno.ENODEV)
        elif self.running or for_ever:
            source = 0 if for_ever else GLib.timeout_add(HOLD_MS, self._nothing_yet)
            self.reaper = client, argument, source
        else:
            client.complete(-1, errno.EAGAIN)

    def _hand_over(self, client, argument):
        argument.set_ptr(0, self.finished.pop(0).block)
        client.complete(0, 0)

    def _nothing_yet(self):
        with self.lock:
            if self.reaper and self.reaper[2]:
                self.reaper[0].complete(-1, errno.EAGAIN)
                self.reaper = None
        return False

    # From the main loop

    def reply(self):
        """A transfer is over. OSError where the device has left."""
        with self.lock:
            sequence, status, data, moved = self.device.reply()
            if sequence in self.waiting:
                failed = -status
                self.waiting.pop(sequence).complete(-1 if failed else 0, failed)
            elif sequence in self.running:
                urb = self.running.pop(sequence)
                urb.finish(status, data, moved)
                self.finished.append(urb)
                self._answer_reaper()

    def _answer_reaper(self):
        if self.reaper and self.finished:
            client, argument, source = self.reaper
            self.reaper = None
            if source:
                GLib.source_remove(source)
            self._hand_over(client, argument)

    def gone(self):
        """The device has left the bus: what is pending fails."""
        with self.lock:
            self.device.close()
            for client in self.waiting.values():
                client.complete(-1, errno.ENODEV)
            self.waiting.clear()
            for urb in self.running.values():
                urb.finish(-errno.ESHUTDOWN, b"", 0)
                self.finished.append(urb)
            self.running.clear()
            self._answer_reaper()


class Node:
    """One emulator's place in the test bed: the device node comes and goes with its device."""

    def __init__(self, testbed, device, port):
        self.testbed, self.device, self.port = testbed, device, port
        self.number = port + 1  # the root hub is 1; a device that comes again gets a new number
        self.handler = None
        self.look()
        GLib.timeout_add(LOOK_MS, self._look_again)

    def _look_again(self):
        self.look()
        return True

    def look(self):
        if self.handler is None and self.device.find():
            self._appear()

    def _appear(self):
        self.number += 10
        d, c = self.device.descriptor, self.device.configuration
        self.syspath = add(self.testbed, f"usb1/1-{self.port}", self.number, d, c, "12")
        self.handler = Handler(self.device)
        self.testbed.attach_ioctl(f"/dev/bus/usb/001/{self.number:03d}", self.handler)
        self.testbed.uevent(self.syspath, "add")
        GLib.io_add_watch(self.device.connection.fileno(), GLib.IO_IN | GLib.IO_HUP, self._readable)

    def _readable(self, *_):
        try:
            self.handler.reply()
            return True
        except OSError:
            self.handler.gone()
            self.handler = None
            self.testbed.uevent(self.syspath, "remove")
            self.testbed.remove_device(self.syspath)
            return False


def add(testbed, path, number, descriptor, configuration, speed):
    """Put a device into the test bed; returns its path in /sys."""
    vendor, product, version = struct.unpack_from("<HHH", descriptor, 8)
    raw = (descriptor + configuration).hex().upper()
    node = f"bus/usb/001/{number:03d}"
    lines = (
        f"P: /devices/emulator/{path}",
        f"N: {node}={raw}",
        "E: SUBSYSTEM=usb",
        "E: DEVTYPE=usb_device",
        f"E: DEVNAME=/dev/{node}",
        "E: BUSNUM=001",
        f"E: DEVNUM={number:03d}",
        "A: busnum=1\\n",
        f"A: devnum={number}\\n",
        f"A: speed={speed}\\n",
        f"A: bConfigurationValue={configuration[5]}\\n",
        f"A: bNumConfigurations={descriptor[17]}\\n",
        f"A: idVendor={vendor:04x}\\n",
        f"A: idProduct={product:04x}\\n",
        f"A: bcdDevice={version:04x}\\n",
        f"H: descriptors={raw}",
    )
    if not testbed.add_from_string("\n".join(lines) + "\n\n"):
        raise RuntimeError(f"umockdev takes no {path}")
    return f"/sys/devices/emulator/{path}"


def bed():
    """A test bed with a root hub alone."""
    testbed = UMockdev.Testbed.new()
    add(testbed, "usb1", 1, *(bytes.fromhex(part) for part in ROOT_HUB), "480")
    return testbed
