# SPDX-License-Identifier: MIT
"""The other end of the cable is a TAP interface of this machine, usually in a network namespace."""

import ctypes
import fcntl
import os
import struct

from .wire import Station

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
READ_AHEAD = 64  # frames that may wait for the wire before the kernel has to queue
FRAME_BYTES = 65535


def open_tap(name, netns=None):
    """File descriptor of an existing TAP interface, in namespace `netns` (a name or a path) or this one."""
    if netns is None:
        return _open_tap(name)
    path = netns if "/" in netns else f"/var/run/netns/{netns}"
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as here, open(path) as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter network namespace {netns}")
        try:
            return _open_tap(name)
        finally:
            libc.setns(here.fileno(), CLONE_NEWNET)


def _open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError as error:
        os.close(fd)
        raise OSError(error.errno, f"cannot open TAP interface {name}: {error.strerror}") from error
    return fd


class Tap(Station):
    """A Station whose frames come from and go to a TAP interface."""

    def __init__(self, machine, wire, name, netns=None, signal=None):
        super().__init__(machine, wire, signal)
        self.fd = open_tap(name, netns)
        self.on_frame = self._to_kernel
        machine.poll.add(self.fd, self.readable)
        machine.poll.realtime += 1

    def readable(self):
        """Frames from the kernel onto the wire; what does not fit waits in the kernel's queue."""
        while len(self.queue) < READ_AHEAD:
            try:
                frame = os.read(self.fd, FRAME_BYTES)
            except BlockingIOError:
                return
            self.transmit(frame)

    def _to_kernel(self, frame):
        try:
            os.write(self.fd, frame)
        except OSError:  # interface down, or its queue full: lost, as on a wire
            self.counters["dropped"] += 1

    def close(self):
        if self.fd is not None:
            self.machine.poll.remove(self.fd)
            self.machine.poll.realtime -= 1
            os.close(self.fd)
            self.fd = None
