# SPDX-License-Identifier: MIT
"""Run a program that finds emulated boards under /dev/bus/usb, by umockdev:

    /usr/bin/python3 tools/devnode ADDRESS [ADDRESS...] -- dfu-util -l

ADDRESS is where an emulator's --usbip listens: [HOST:]PORT or a path. The program is the system's own, with
its own libusb; umockdev gives it a /sys and a /dev with the boards in them. A board that leaves the bus
disappears there, one that comes appears. Ends with the program's status.

It needs Debian's packages umockdev, gir1.2-umockdev-1.0 and python3-gi, and runs under Debian's own Python.
"""

import os
import shutil
import subprocess
import sys
import threading


def main():
    if "--" not in sys.argv[2:]:
        sys.exit(__doc__)
    split = sys.argv.index("--")
    addresses, command = sys.argv[1:split], sys.argv[split + 1 :]
    if "libumockdev-preload" not in os.environ.get("LD_PRELOAD", ""):
        wrapper = shutil.which("umockdev-wrapper")
        if wrapper is None:
            sys.exit(
                "devnode: no umockdev-wrapper: install Debian's packages umockdev and gir1.2-umockdev-1.0"
            )
        os.execv(wrapper, [wrapper, sys.executable, *sys.argv])
    sys.exit(serve(addresses, command))


def serve(addresses, command):
    """Run `command` among the devices at `addresses`; returns its status."""
    import usbfs
    from gi.repository import GLib
    from usbip import Device

    testbed = usbfs.bed()
    nodes = [usbfs.Node(testbed, Device(address), port) for port, address in enumerate(addresses, 1)]
    loop = GLib.MainLoop()
    process = subprocess.Popen(command)

    def wait():
        process.wait()
        GLib.idle_add(loop.quit)

    threading.Thread(target=wait, daemon=True).start()
    try:
        loop.run()
    except KeyboardInterrupt:
        process.wait()
    for node in nodes:
        node.device.close()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    main()
