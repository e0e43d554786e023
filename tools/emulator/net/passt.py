# SPDX-License-Identifier: MIT
"""The other end of the cable is passt: the host's network without privileges.

passt answers DHCP, ARP and ND itself and maps the board's connections to sockets of this process's user.
The gateway's address is the host's loopback: what the board sends to it reaches servers on 127.0.0.1.
"""

import shutil
import socket
import struct
import subprocess
import sys

from .passt_window import WindowRepair
from .wire import Station

PROGRAM = "passt"
PREFIX_COMMAND = ()  # put before passt, e.g. to run it in another network namespace
ADDRESS, PREFIX, GATEWAY = "10.0.2.15", "24", "10.0.2.2"
READ_AHEAD = 64
BACKLOG_BYTES = 1 << 20
LENGTH = struct.Struct(">I")


def command(fd, forward=(), dns=None, interface=None, options=()):
    """passt's command line.

    forward   TCP ports of 127.0.0.1 that lead to the board: "8080:80" or "8080"
    dns       address of the resolver that the board is told of. A loopback address becomes the gateway's, by
              which passt leads back to this machine's loopback. None: as /etc/resolv.conf says
    interface   the host's interface to take as model; None: the one with the default route
    """
    line = [PROGRAM, "--foreground", "--quiet", "--fd", str(fd)]
    line += ["--address", ADDRESS, "--netmask", PREFIX, "--gateway", GATEWAY, "--mtu", "1500"]
    if interface:
        line += ["--interface", interface]
    if dns:
        line += ["--dns", GATEWAY if dns.startswith("127.") else dns, "--search", "none"]
    for each in forward:
        line += ["--tcp-ports", f"127.0.0.1/{each}"]
    return [*line, *options]


def unpadded(frame):
    """`frame` without the padding to Ethernet's minimum, with which passt drops datagrams."""
    if len(frame) > 60:
        return frame
    kind = frame[12] << 8 | frame[13]
    if kind == 0x0800:
        return frame[: 14 + (frame[16] << 8 | frame[17])]
    if kind == 0x86DD:
        return frame[: 54 + (frame[18] << 8 | frame[19])]
    return frame[:42] if kind == 0x0806 else frame


def reason(said):
    """What passt complained of, in one line, without its words about syslog and about being root."""
    lines = [line.strip() for line in said.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("Failed to send", "Don't run as root"))]
    return "; ".join(kept) or "it gave no reason"


class PasstError(RuntimeError):
    """passt is not there."""


class Passt(Station):
    """A Station whose frames go through a passt process (a stream: length in 4 bytes, frame)."""

    def __init__(self, machine, wire, forward=(), dns=None, interface=None, options=(), signal=None):
        if shutil.which(PROGRAM) is None:
            raise PasstError("passt is not installed: apt-get install passt, or --net none")
        super().__init__(machine, wire, signal)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self.process = subprocess.Popen(
                [*PREFIX_COMMAND, *command(theirs.fileno(), forward, dns, interface, options)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self.socket = ours
        self.failure = None  # what passt complained of when it ended by itself
        self.socket.setblocking(False)
        self._repair = WindowRepair()
        self._in = bytearray()
        self._out = bytearray()
        self.on_frame = self._to_passt
        machine.poll.add(ours.fileno(), self.readable)
        machine.poll.realtime += 1

    def readable(self):
        """What passt sent, onto the wire; it waits in the socket while many frames wait here."""
        self._push()
        while len(self.queue) < READ_AHEAD:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self._ended()
                return
            self._in += data
            self._split()

    def _split(self):
        data, at = self._in, 0
        while len(data) - at >= 4:
            (length,) = LENGTH.unpack_from(data, at)
            if len(data) - at - 4 < length:
                break
            self.transmit(self._repair.from_passt(bytes(data[at + 4 : at + 4 + length])))
            at += 4 + length
        del data[:at]

    def _to_passt(self, frame):
        if self.socket is None or len(self._out) > BACKLOG_BYTES:
            self.counters["dropped"] += 1
            return
        frame = unpadded(frame)
        self._repair.from_board(frame)
        self._out += LENGTH.pack(len(frame)) + frame
        self._push()

    def _push(self):
        try:
            while self._out:
                sent = self.socket.send(self._out)
                del self._out[:sent]
        except BlockingIOError:
            return
        except OSError:
            self._ended()

    def _ended(self):
        """passt is gone: as if the partner had been switched off. The board runs on without a network."""
        said = self.process.stderr.read().decode(errors="replace") if self.process.stderr else ""
        self.close()
        if self.process.returncode:
            self.failure = reason(said)
            print(f"emulator: no network, passt ended: {self.failure}", file=sys.stderr)

    def close(self):
        if self.socket is None:
            return
        self.machine.poll.remove(self.socket.fileno())
        self.machine.poll.realtime -= 1
        self.socket.close()
        self.socket = None
        self.set_signal(None)
        try:
            self.process.wait(2)  # it ends with its connection
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(5)
        if self.process.stderr:
            self.process.stderr.close()
