# SPDX-License-Identifier: MIT
"""Flash a board in DFU mode with dfu-util, compare what it holds then, and start it: `make flash` runs this.

    python tools/flash IMAGE [--port /dev/ttyACM0] [--serial S] [--unprotect] [--usbip ADDRESS]
    python tools/flash --dfu IMAGE FILE.dfu

IMAGE is a .bin (for 0x08000000), .hex or .dfu. Only the sectors that it covers are erased.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dfu_util import DfuUtil, FlashError
from image import FLASH_BASE, ImageError, read, write_dfu

LOOK_SECONDS = 0.3
SETTLE_SECONDS = 30  # for mpremote to start, reach the prompt and be gone
BAR_WIDTH = 30
DEVNODE = Path(__file__).resolve().parent.parent / "devnode"
HOW = (
    "Put the board in DFU mode: BOOT0 high and reset, or machine.bootloader() at its prompt "
    "(which PORT=/dev/ttyACM0 does)."
)


class Bar:
    """A line that shows how far a step has come; where stdout is no terminal, a line when it is done."""

    def __init__(self, stream=sys.stdout):
        self.stream = stream
        self.live = stream.isatty()
        self.step = None

    def __call__(self, step, percent):
        if step != self.step:
            self.end()
            self.step = step
        if self.live:
            full = BAR_WIDTH * percent // 100
            self._write(f"\r{step:10}[{'=' * full}{' ' * (BAR_WIDTH - full)}] {percent:3} %")

    def end(self):
        """The step in hand is over."""
        if self.step:
            self._write("\n" if self.live else f"{self.step} done\n")
        self.step = None

    def abandon(self):
        """What is printed next is an error."""
        if self.step and self.live:
            self._write("\n")
        self.step = None

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()


class Spinner:
    """Shows on a terminal that something is waited for."""

    def __init__(self, text, stream=sys.stdout):
        self.text, self.stream, self.turns = text, stream, 0

    def turn(self):
        if self.stream.isatty():
            self.stream.write(f"\r{self.text} " + "|/-\\"[self.turns % 4])
            self.stream.flush()
            self.turns += 1

    def end(self):
        if self.turns:
            self.stream.write("\r" + " " * (len(self.text) + 2) + "\r")


def say(text):
    print(text, flush=True)


def enter_loader(port):
    """machine.bootloader() on a running board. False where nobody answers there."""
    command = [sys.executable, "-m", "mpremote", "connect", port, "bootloader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SETTLE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def find(util, options):
    """The board to flash; waits for it."""
    asked = False
    give_up = None if options.wait is None else time.monotonic() + options.wait
    spinner = Spinner("waiting for the board")
    while True:
        boards = util.boards()
        if options.serial:
            boards = [board for board in boards if board.serial == options.serial]
        if len(boards) > 1:
            choices = " or ".join(f"SERIAL={board.serial}" for board in boards)
            raise FlashError(f"{len(boards)} boards are in DFU mode: say which, {choices}")
        if boards:
            spinner.end()
            return boards[0]
        if not asked:
            asked = True
            if options.port and enter_loader(options.port):
                say(f"{options.port}: machine.bootloader()")
            else:
                if options.port:
                    say(f"{options.port}: no MicroPython answers there.")
                say(HOW)
        if give_up is not None and time.monotonic() > give_up:
            wanted = f" with the serial number {options.serial}" if options.serial else ""
            raise FlashError(f"no board in DFU mode{wanted} came within {options.wait:g} s")
        spinner.turn()
        time.sleep(LOOK_SECONDS)


def unprotect(util, board, options, bar):
    """Lift read protection; the chip erases itself and resets, and has to be found anew."""
    say("Lifting read protection: the chip erases itself.")
    util.run(board, f"0x{FLASH_BASE:08x}:unprotect:force", (), bar)
    say("With its flash empty it starts nowhere but in DFU mode: BOOT0 high and reset.")
    time.sleep(1)
    return find(util, options)


def flash(util, board, parts, bar, folder):
    """Write, compare, start."""
    for address, data in parts:
        if address + len(data) > FLASH_BASE + board.flash_bytes:
            raise FlashError(
                f"the image reaches to 0x{address + len(data):08x}, and this chip has "
                f"{board.flash_bytes // 1024} KB of flash: is BOARD= right?"
            )
    file = Path(folder, "image.dfu")
    file.write_bytes(write_dfu(parts))
    util.run(board, None, ("--download", str(file)), bar)
    bar.end()
    for number, (address, data) in enumerate(parts):
        back = Path(folder, f"{number}.bin")
        util.run(board, f"0x{address:08x}:{len(data)}", ("--upload", str(back)), bar)
        compare(address, data, back.read_bytes())
    bar.end()
    say(f"{sum(len(data) for _, data in parts)} bytes written and compared.")
    util.run(board, f"0x{FLASH_BASE:08x}:leave", (), bar)


def compare(address, wanted, found):
    if found == wanted:
        return
    at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), len(found))
    raise FlashError(
        f"the flash differs at 0x{address + at:08x} from what was written: is the sector write-protected, "
        "or worn?"
    )


def parse(arguments):
    parser = argparse.ArgumentParser(prog="flash", description=__doc__)
    parser.add_argument("image")
    parser.add_argument("output", nargs="?", help="with --dfu")
    parser.add_argument("--dfu", action="store_true", help="write the image as a .dfu file, flash nothing")
    parser.add_argument("--port", help="where the running board's REPL is, to have it enter DFU mode")
    parser.add_argument("--serial", help="which board, where several are in DFU mode")
    parser.add_argument(
        "--unprotect", action="store_true", help="lift read protection, which erases the chip"
    )
    parser.add_argument(
        "--usbip", action="append", metavar="ADDRESS", help="an emulated board: where its --usbip listens"
    )
    parser.add_argument(
        "--wait", type=float, metavar="SECONDS", help="for a board, then fail (default: for ever)"
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    bar = Bar()
    try:
        parts = read(options.image)
        if options.dfu:
            Path(options.output).write_bytes(write_dfu(parts))
            return 0
        prefix = ("/usr/bin/python3", str(DEVNODE), *options.usbip, "--") if options.usbip else ()
        util = DfuUtil(prefix)
        board = find(util, options)
        if options.unprotect:
            board = unprotect(util, board, options, bar)
        with tempfile.TemporaryDirectory() as folder:
            flash(util, board, parts, bar, folder)
    except (FlashError, ImageError) as error:
        bar.abandon()
        print(f"flash: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        bar.abandon()
        print("flash: interrupted; a board that was being written needs make flash again", file=sys.stderr)
        return 130
    say("The board starts.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
