# SPDX-License-Identifier: MIT
"""SYSCFG: memory remap, PHY interface, EXTI routing, I/O compensation (RM0090 chapter 9).

Differs from silicon: the remap itself is the CPU's memory map (machine.remap(mode);
FSMC remap is reported); the compensation cell changes no edge.
"""

from ..peripheral import Register
from .apb import ApbPeripheral

PMC_MII_RMII_SEL = 1 << 23
CMPCR_CMP_PD, CMPCR_READY = 1, 1 << 8
COMPENSATION_READY_NS = 20_000


class Syscfg(ApbPeripheral):
    """rmii: PHY interface chosen. exti_port(line): number of the port on an EXTI line (0 = A).
    booted_from: MEM_MODE as BOOT0 set it at the last reset."""

    REGISTERS = (
        Register(0x00, "MEMRM", 0, write=3, on_write="_write_memrm"),
        Register(0x04, "PMC", 0, write=PMC_MII_RMII_SEL, on_write="_write_pmc"),
        Register(0x08, "EXTICR1", 0, write=0xFFFF, on_write="_write_exticr"),
        Register(0x0C, "EXTICR2", 0, write=0xFFFF, on_write="_write_exticr"),
        Register(0x10, "EXTICR3", 0, write=0xFFFF, on_write="_write_exticr"),
        Register(0x14, "EXTICR4", 0, write=0xFFFF, on_write="_write_exticr"),
        Register(0x20, "CMPCR", 0, write=CMPCR_CMP_PD, on_read="_read_cmpcr", on_write="_write_cmpcr"),
    )

    def __init__(self, machine, name="SYSCFG", base=0x40013800, clock=("APB2ENR", 14)):
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._cell_ready_at = 0
        self._boot()

    def _boot(self):
        """MEM_MODE follows BOOT0 at reset (RM0090 2.4, 9.2.1), but for read protection level 2 (3.7.3)."""
        flash = self.machine.peripherals.get("FLASH")
        mode = 1 if self.machine.boot0 and not (flash and flash.protection == 2) else 0
        self.regs[0x00] = self.booted_from = mode
        self.machine.remap(mode)

    @property
    def rmii(self):
        return bool(self.regs[0x04] & PMC_MII_RMII_SEL)

    def exti_port(self, line):
        return self.regs[0x08 + (line & ~3)] >> (4 * (line & 3)) & 0xF

    def _write_memrm(self, register, old, value):
        mode = self.regs[0x00]
        if mode == old:
            return
        if mode == 2:
            self.machine.report("SYSCFG.MEMRM maps the FSMC to address 0, which is not modelled")
        self.machine.remap(mode)

    def _write_pmc(self, register, old, value):
        """The MAC takes the choice when it leaves reset (RM0090 33.4.4)."""
        rcc = self.machine.peripherals.get("RCC")
        if (
            (self.regs[0x04] ^ old)
            and rcc is not None
            and rcc.enabled("AHB1ENR", 25)
            and not rcc.in_reset("AHB1RSTR", 25)
        ):
            self.machine.report("SYSCFG.PMC.MII_RMII_SEL changes while the MAC is clocked and out of reset")

    def _write_exticr(self, register, old, value):
        exti, new = self.machine.peripherals.get("EXTI"), self.regs[register.offset]
        for index in range(4):
            before, after = old >> (4 * index) & 0xF, new >> (4 * index) & 0xF
            if before != after and exti is not None:
                line = register.offset - 0x08 + index
                exti.route_changed(line, self._pin_level(before, line), self._pin_level(after, line))

    def _pin_level(self, port, pin):
        gpio = self.machine.peripherals.get("GPIO" + chr(ord("A") + port))
        return gpio.level(pin) if gpio else 0

    def _write_cmpcr(self, register, old, value):
        if self.regs[0x20] & ~old & CMPCR_CMP_PD:
            self._cell_ready_at = self.machine.now + COMPENSATION_READY_NS

    def _read_cmpcr(self, register):
        ready = self.regs[0x20] & CMPCR_CMP_PD and self.machine.now >= self._cell_ready_at
        return self.regs[0x20] | (CMPCR_READY if ready else 0)
