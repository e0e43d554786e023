# SPDX-License-Identifier: MIT
"""The other end of the board's USB cable: a host, its CDC driver, and a way out through a pty."""

from .cdc import Cdc
from .host import Host


class Usb:
    """The USB socket of a board, with a host and its CDC-ACM driver behind it.

    write(data), read(), dtr     the serial port, in virtual time
    plug(), unplug()             the cable
    """

    def __init__(self, machine, name="OTG_FS", plugged=True):
        self.machine = machine
        self.host = Host(machine, machine[name])
        self.cdc = Cdc(self.host)
        if plugged:
            self.plug()

    def plug(self):
        """Connect the cable: 5 V first, as its plug is made."""
        self.host.plug()

    def unplug(self):
        """Pull the cable."""
        self.host.unplug()

    @property
    def ready(self):
        """Whether the device is enumerated and its serial port is there."""
        return self.cdc.ready

    @property
    def dtr(self):
        """Whether a program has the port open. Setting it opens (reads begin) or closes the port."""
        return self.cdc.is_open

    @dtr.setter
    def dtr(self, value):
        if value:
            self.cdc.open()
        else:
            self.cdc.close()

    def write(self, data):
        """Queue bytes for the board."""
        self.cdc.write(data)

    def read(self):
        """All bytes that have arrived from the board (b"" if none)."""
        return self.cdc.read()

    def open_pty(self, link=None):
        """Give the port to the outside as a pseudo-terminal; returns the Pty, whose `path` is its name."""
        from .pty import Pty

        return Pty(self.machine, self.cdc, link)

    def open_terminal(self, on_exit):
        """Connect this process's own terminal to the port; Ctrl-X ends it by calling on_exit()."""
        from .pty import Terminal

        return Terminal(self.machine, self.cdc, on_exit)
