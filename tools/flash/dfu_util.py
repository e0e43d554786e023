# SPDX-License-Identifier: MIT
"""The real dfu-util, and what it says: devices, progress, reasons."""

import os
import re
import shlex
import shutil
import subprocess
from collections import namedtuple

DEVICE = "0483:df11"
INSTALL = "no dfu-util: install Debian's package dfu-util (or see dfu-util.sourceforge.net)"
UDEV_RULE = (
    'no permission to open it: echo \'SUBSYSTEM=="usb", ATTR{idVendor}=="0483", ATTR{idProduct}=="df11", '
    'MODE="0666"\' | sudo tee /etc/udev/rules.d/50-stm32-dfu.rules, then plug the board in anew'
)
PROTECTED = (
    "the chip is read-protected: make flash UNPROTECT=1 lifts that, which erases all that is on it, files too"
)
LOST = "the board has left the bus in the middle of it: put it in DFU mode and run make flash again"
FOUND = re.compile(r'^Found DFU: .*devnum=(\d+),.* alt=0, name="(.*?)", serial="(.*?)"', re.MULTILINE)
BAR = re.compile(rb"(Erase|Download|Upload)\s+\[[= ]*\]\s+(\d+)%")
REGIONS = re.compile(r"(\d+)\*(\d+)K")

Board = namedtuple("Board", "serial flash_bytes")


class FlashError(Exception):
    """One line for the user."""


class DfuUtil:
    """prefix: what comes before the command, such as tools/devnode for an emulated board."""

    def __init__(self, prefix=()):
        self.command = [*prefix, os.environ.get("DFU_UTIL", "dfu-util")]
        if shutil.which(self.command[-1]) is None:
            raise FlashError(INSTALL)

    def boards(self):
        """The chips in DFU mode. FlashError where there is one that cannot be opened."""
        answer = subprocess.run(
            [*self.command, "--list", "--device", DEVICE], capture_output=True, text=True, check=False
        )
        if "LIBUSB_ERROR_ACCESS" in answer.stderr + answer.stdout:
            raise FlashError(UDEV_RULE)
        if answer.returncode != 0:
            raise FlashError(f"dfu-util: {last_line(answer.stderr) or f'status {answer.returncode}'}")
        return [Board(serial, flash_bytes(name)) for _, name, serial in FOUND.findall(answer.stdout)]

    def run(self, board, address, arguments, progress):
        """One operation on `board`; progress(step, per cent) as it goes on. FlashError where it fails."""
        selected = ["--device", DEVICE, "--serial", board.serial, "--alt", "0"]
        command = [*self.command, *selected, *(["--dfuse-address", address] if address else []), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = bytearray()
        try:
            while block := os.read(process.stdout.fileno(), 4096):
                said += block
                for step, percent in BAR.findall(bytes(said[-(len(block) + 100) :]))[-1:]:
                    progress(step.decode(), int(percent))
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            process.stdout.close()
        if process.wait() != 0:
            raise FlashError(reason(said.decode(errors="replace"), shlex.join(command)))
        return said.decode(errors="replace")


def flash_bytes(name):
    """The size of the flash by its alternate setting's name: @Internal Flash  /0x08000000/04*016Kg,..."""
    return sum(int(count) * int(size) for count, size in REGIONS.findall(name.rpartition("/")[2])) * 1024


def last_line(text):
    """The line that says most: dfu-util puts its reason last."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return lines[-1].removeprefix("dfu-util: ") if lines else ""


def reason(said, command):
    """dfu-util's output as one line that says what to do."""
    if "LIBUSB_ERROR_ACCESS" in said:
        return UDEV_RULE
    if "status(11)" in said or "vendor-specific" in said.lower() or "vendor specific" in said:
        return PROTECTED
    if "LIBUSB_ERROR_NO_DEVICE" in said or "Lost device" in said or "No DFU capable" in said:
        return LOST
    return f"dfu-util failed: {last_line(said)} ({command})"
