# SPDX-License-Identifier: MIT
"""Run firmware on an emulated board: python -m emulator FIRMWARE.elf [options]"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from . import board as boards
from .board import Board
from .machine import Dead
from .net.passt import PasstError
from .peripheral import GuestError
from .symbols import crash_report
from .watch import FaultWatch


def parse(arguments):
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    parser.add_argument("firmware", nargs="?", help="ELF file (default: what --flash holds, or erased flash)")
    parser.add_argument("--board", default="STM32F4DISC_DISBB", choices=boards.names(), metavar="NAME")
    parser.add_argument("--usb-pty", metavar="LINK", help="symbolic link to the USB serial port's pty")
    parser.add_argument("--uart-pty", metavar="LINK", help="symbolic link to the console UART's pty")
    parser.add_argument("--no-usb", action="store_true", help="leave the USB cable unplugged")
    parser.add_argument(
        "--usbip", metavar="ADDRESS", help="offer the DFU loader there: [HOST:]PORT or a path"
    )
    parser.add_argument("--boot0", action="store_true", help="BOOT0 is high: the chip's DFU loader runs")
    parser.add_argument("--net", default="none", help="none, tap:IF[@NAMESPACE], passt[:PORTS]")
    parser.add_argument(
        "--attach",
        metavar="SPEC",
        action="append",
        default=[],
        help="wire something to the pins, e.g. uart:USART2-USART2, i2c:PB6,PB9:24c32@0x50 (may be repeated)",
    )
    parser.add_argument("--pcap", metavar="FILE", help="write everything on the network cable there")
    parser.add_argument("--flash", metavar="FILE", help="keep the flash's content in this file")
    parser.add_argument("--trace", metavar="FILE", help="write every instruction there")
    parser.add_argument("--profile", metavar="FILE", help="write instructions by function there at the end")
    parser.add_argument("--gdb", type=int, metavar="PORT", help="wait for gdb on this port before running")
    parser.add_argument("--repl", action="store_true", help="terminal on the USB serial port (Ctrl-X leaves)")
    parser.add_argument("--strict", action="store_true", help="end at the first mistake of the firmware")
    parser.add_argument(
        "--check-dma", action="store_true", help="report stores into what the Ethernet DMA owns (slower)"
    )
    parser.add_argument("--seconds", type=float, help="end after so much virtual time")
    parser.add_argument("--stats", action="store_true", help="at the end, print instructions, time and speed")
    return parser.parse_args(arguments)


class Session:
    """One run from the command line."""

    def __init__(self, options):
        self.options = options
        self.ends = []
        image = None
        if options.flash and Path(options.flash).exists():
            image = Path(options.flash).read_bytes()
        self.board = Board(
            options.firmware,
            options.board,
            strict=options.strict,
            flash_image=image,
            usb=not options.no_usb,
            boot0=options.boot0,
        )
        if options.check_dma and "ETH" in self.board.machine.peripherals:
            self.board.machine["ETH"].dma.watch_stores()
        self._connect()

    def _connect(self):
        options, board = self.options, self.board
        self.ends += board.connect_network(options.net, options.pcap)
        for spec in options.attach:
            board.attach(spec)
        if board.usb and not options.no_usb:
            if options.repl:
                self.ends.append(board.usb.open_terminal(board.machine.stop))
            else:
                pty = board.usb.open_pty(options.usb_pty)
                self.ends.append(pty)
                print(f"usb: {pty.path}", flush=True)
        if options.usbip:
            from .usb.usbip import UsbIp

            self.ends.append(UsbIp(board.machine, board.usb, options.usbip))
        if not options.repl:
            from .uart_pty import UartPty

            uart = UartPty(board.machine, board.console, options.uart_pty)
            self.ends.append(uart)
            print(f"uart: {uart.path}", flush=True)
        self.ends.append(FaultWatch(board))
        if options.trace:
            from .trace import Tracer

            self.ends.append(Tracer(board, options.trace))
        if options.profile:
            from .profile import Profiler

            self.ends.append(Profiler(board, options.profile))

    def run(self):
        """Returns the process's exit status."""
        options, board = self.options, self.board
        started = time.monotonic()
        ns = None if options.seconds is None else options.seconds * 1e9
        try:
            if options.gdb is not None:
                from .gdb import Server

                Server(board, options.gdb).serve()
            else:
                board.run(ns)
            status = 0
        except KeyboardInterrupt:
            status = 0
        except (Dead, GuestError) as error:
            print(f"emulator: {error}\n{crash_report(board)}", file=sys.stderr)
            status = 3
        finally:
            self._close()
        if options.stats:
            self._print_stats(time.monotonic() - started)
        board.close()
        return status

    def _close(self):
        for end in reversed(self.ends):
            end.close()
        if self.options.flash:
            Path(self.options.flash).write_bytes(self.board.flash_image())

    def _print_stats(self, seconds):
        cpu = self.board.cpu
        print(
            f"{cpu.icount} instructions, {cpu.now / 1e9:.3f} s virtual ({cpu.idle_ns / 1e9:.3f} s asleep), "
            f"{cpu.exceptions_taken} exceptions, {seconds:.2f} s real, {cpu.icount / seconds / 1e6:.1f} MIPS",
            file=sys.stderr,
        )


def main(arguments=None):
    session = None

    def end(*_):
        # An exception is lost where the C core has called back into Python; the stop is not.
        if session:
            session.board.machine.stop()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        session = Session(parse(arguments))
    except (ValueError, OSError, RuntimeError, PasstError) as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 2
    return session.run()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
