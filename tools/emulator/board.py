# SPDX-License-Identifier: MIT
"""A whole board from its data file (boards/NAME.toml): chip, crystal, PHY, console, button, LEDs, sockets."""

import importlib
import tomllib
from pathlib import Path

from .build_loader import build as build_loader
from .cpu import Cpu
from .machine import Machine
from .peripherals.map import MEMORY_MAP, create
from .peripherals.unmodelled import Unmodelled

BOARDS = Path(__file__).parent / "boards"
FLASH_BASE, FLASH_SIZE = 0x08000000, 0x100000
SYSTEM_MEMORY = 0x1FFF0000


def names():
    """Every board there is a data file for."""
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def pin(text):
    """ "PA0" -> ("GPIOA", 0)"""
    return "GPIO" + text[1], int(text[2:])


def read_segments(path):
    """[(physical address, bytes)] of an ELF's loadable segments."""
    from elftools.elf.elffile import ELFFile

    with open(path, "rb") as file:
        elf = ELFFile(file)
        segments = [(s["p_paddr"], s.data()) for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
    return [(address, data) for address, data in segments if data]


class Board:
    """An emulated board, powered on with the firmware in its flash, not yet run.

    machine, cpu      see machine.Machine, cpu.Cpu
    usb               the host end of the USB socket (emulator.usb.Usb), or None
    net               the cable in the network socket (emulator.net.wire.Wire), or None
    console           the USART that the board brings out
    leds              name -> lit
    """

    def __init__(
        self,
        elf=None,
        board="STM32F4DISC_DISBB",
        strict=True,
        flash_image=None,
        cpi=(3, 2),
        usb=True,
        uid=None,
        boot0=False,
    ):
        """elf: firmware, a path or None. flash_image: bytes that the flash holds before (a filesystem).
        uid: the three words of the unique ID, where several boards must not be alike.
        boot0: the BOOT0 jumper is set: the loader in system memory runs instead of the flash."""
        path = BOARDS / f"{board}.toml"
        if not path.exists():
            raise ValueError(f"no board {board!r}: there are {', '.join(names())}")
        self.name = board
        self.config = tomllib.loads(path.read_text())
        self.elf = elf
        self._symbols = None
        self.machine = Machine(strict=strict)
        if elf is not None:
            self.machine.describe_pc = self._describe
        self.cpu = Cpu(cpi)
        self.cpu.attach(self.machine)
        if flash_image:
            self.cpu.write(FLASH_BASE, bytes(flash_image[:FLASH_SIZE]))
        if elf is not None:
            self.load(elf)
        self.cpu.write(SYSTEM_MEMORY, build_loader(self.config["hse_hz"]))
        self.boot0 = boot0
        self.net = None
        self.phy = None
        self._build(uid)
        self.usb = self._plug_usb() if usb else None
        self.machine.reset("power-on")

    def load(self, elf):
        """Write an ELF's segments where they belong."""
        for address, data in read_segments(elf):
            self.cpu.write(address, data)

    def _describe(self, address):
        if self._symbols is None:
            from .symbols import Symbols

            self._symbols = Symbols(self.elf)
        return self._symbols.describe(address)

    # Building

    def _build(self, uid):
        config = self.config
        overrides = {"RCC": {"hse_hz": config["hse_hz"], "lse_hz": config.get("lse_hz", 0)}}
        overrides["SIGNATURE"] = {"flash_kbytes": config.get("flash_kbytes", FLASH_SIZE // 1024)}
        if uid is not None:
            overrides["SIGNATURE"]["uid"] = uid
        for entry in MEMORY_MAP:
            if entry[0] == "ETH" and "phy" in config:
                overrides["ETH"] = self._phy(config["phy"])
            create(self.machine, entry, overrides)
        clock = self.machine.clock
        clock.subscribe(lambda: self.cpu.set_clock(clock.hclk))
        self.cpu.set_clock(clock.hclk)
        button = config.get("button")
        if button:
            self.release_button()
        if self.phy is not None and "ETH" in self.machine.peripherals:
            from .net.wire import Wire

            self.net = Wire(self.machine)
            self.phy.attach(self.net)

    def _phy(self, config):
        """The PHY, and what the MAC needs to know of it."""
        from .peripherals.phy import Phy

        self.phy = Phy(
            self.machine,
            kind=config["type"],
            address=config["address"],
            ref_clk=config["ref_clk"],
            reset=pin(config["reset"]) if "reset" in config else None,
            reset_idle=config.get("reset_idle", True),
        )
        pins = {signal: pin(text) for signal, text in config["pins"].items()}
        return {"phys": [self.phy], "pins": pins}

    def _plug_usb(self):
        if isinstance(self.machine.peripherals.get("OTG_FS"), Unmodelled | None):
            return None
        return importlib.import_module("emulator.usb").Usb(self.machine, plugged=self.config["usb"]["vbus"])

    @property
    def console(self):
        return self.machine[self.config["console"]["uart"]]

    @property
    def leds(self):
        lit = {}
        for name, text in self.config.get("leds", {}).items():
            port, number = pin(text.lstrip("!"))
            level = self.machine[port].output(number)
            lit[name] = level is not None and bool(level) != text.startswith("!")
        return lit

    # Using

    def connect_network(self, spec, pcap=None):
        """Put something on the other end of the network cable; returns objects to close().

        spec   as `--net` has it: see net/backend.py
        pcap   a file that gets everything on the cable
        """
        from .net.backend import connect

        return [connect(self, spec, pcap)]

    def attach(self, spec):
        """Wire something to the board's pins; `spec` as `--attach` has it (devices/attach.py). Returns it."""
        from .devices.attach import attach

        return attach(self.machine, spec)

    def run(self, ns=None, until=None):
        """See Machine.run()."""
        return self.machine.run(ns, until)

    def reset(self, cause="pin"):
        self.machine.reset(cause)

    @property
    def boot0(self):
        """The BOOT0 jumper, which counts at the next reset. BOOT1 is low."""
        return self.machine.boot0

    @boot0.setter
    def boot0(self, high):
        self.machine.boot0 = bool(high)

    def press_button(self):
        self._set_button(True)

    def release_button(self):
        self._set_button(False)

    def _set_button(self, down):
        config = self.config["button"]
        port, number = pin(config["pin"])
        self.machine[port].set_input(number, config["pressed"] if down else 1 - config["pressed"])

    def wire(self, output, *inputs):
        """A wire between pins ("PD12", "PE7"): what the chip drives on the first reaches the others."""
        port, number = pin(output)
        ends = [(self.machine[other], line) for other, line in map(pin, inputs)]

        def carry(level):
            for other, line in ends:
                other.set_input(line, level)

        self.machine[port].watch(number, carry)
        carry(self.machine[port].output(number))

    def set_voltage(self, name, volts):
        """Volts on an analog input, by its pin ("PA3")."""
        self.machine["ADC"].set_pin_voltage(*pin(name), volts)

    def flash_image(self):
        """All of the flash, to be kept and given to another Board."""
        return self.cpu.read(FLASH_BASE, FLASH_SIZE)

    def close(self):
        if self._symbols is not None:
            self._symbols.close()
        self.machine.poll.close()
        self.cpu.close()
