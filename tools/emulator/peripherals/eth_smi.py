# SPDX-License-Identifier: MIT
"""The station management interface: MDC and MDIO (RM0090 33.4.1).

Differs from silicon: a transfer is one event at its end; the bits on MDIO are not modelled.
"""

from ..peripheral import Register
from .eth_part import Part

MACMIIAR, MACMIIDR = 0x10, 0x14
BUSY, WRITE = 1, 2
DIVIDERS = (42, 62, 16, 26, 102)  # CR, bits 4:2
MDC_MAX_HZ = 2_500_000
FRAME_BITS = 64  # preamble 32, then 32 of the frame (IEEE 802.3 22.2.4.5)


class Smi(Part):
    """MACMIIAR and MACMIIDR, and the PHYs on the two wires: `phys`."""

    REGISTERS = (
        Register(MACMIIAR, "MACMIIAR", write=0xFFDE, on_write="write_mii_address"),
        Register(MACMIIDR, "MACMIIDR", write=0xFFFF, on_write="write_mii_data"),
    )

    def __init__(self, eth):
        super().__init__(eth)
        self.phys = []
        self._event = None

    def reset(self):
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def write_mii_data(self, register, old, value):
        if self._event is not None:
            self.eth.regs[MACMIIDR] = old
            self.machine.report(f"write of 0x{value:x} to {self.eth.name}.MACMIIDR while MACMIIAR.MB is set")

    def write_mii_address(self, register, old, value):
        if self._event is not None:
            self.eth.regs[MACMIIAR] = old
            self.machine.report(f"write of 0x{value:x} to {self.eth.name}.MACMIIAR while MB is set")
            return
        if not value & BUSY:
            return
        divider = value >> 2 & 7
        if divider >= len(DIVIDERS):
            self.machine.report(f"{self.eth.name}.MACMIIAR.CR = {divider} is reserved")
            divider = 4
        hclk = self.eth.hclk
        mdc = hclk // DIVIDERS[divider]
        if mdc > MDC_MAX_HZ:
            limit = f"MDC {mdc} Hz, at most {MDC_MAX_HZ}"
            self.machine.report(f"{self.eth.name}.MACMIIAR.CR = {divider} at HCLK {hclk} gives {limit}")
        self.eth.regs[MACMIIAR] |= BUSY
        self._event = self.machine.at(FRAME_BITS * 1_000_000_000 // mdc, self._done)

    def _done(self):
        self._event = None
        regs = self.eth.regs
        command = regs[MACMIIAR]
        regs[MACMIIAR] = command & ~BUSY
        address, number = command >> 11 & 31, command >> 6 & 31
        phys = self.phys if self.eth.pins_routed("MDC", "MDIO") else ()
        if command & WRITE:
            for phy in phys:
                phy.mdio_write(address, number, regs[MACMIIDR])
            return
        value = 0xFFFF  # MDIO has a pull-up: where nobody answers, ones
        for phy in phys:
            answer = phy.mdio_read(address, number)
            if answer is not None:
                value &= answer
        regs[MACMIIDR] = value
