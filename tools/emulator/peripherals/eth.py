# SPDX-License-Identifier: MIT
"""The Ethernet peripheral of the STM32F407 (RM0090 chapter 33): the bus side, clocks, interrupts, resets.

The blocks behind the registers have a file each: eth_mac (frames in and out), eth_filter, eth_checksum,
eth_dma with its two engines, eth_mmc, eth_ptp, eth_pmt and eth_smi (MDIO).

Differs from silicon: the mode (MII, RMII) is taken from SYSCFG when the MAC leaves reset or at DMABMR.SR;
the other notes are in the blocks.
"""

from ..peripheral import Peripheral, Register
from .eth_dma import AIS, DMABMR, DMAIER, DMAOMR, DMASR, NIS, Dma
from .eth_filter import Filter
from .eth_mac import FES, MACCR, MACIMR, MACSR, Mac
from .eth_mmc import Mmc
from .eth_pmt import Pmt
from .eth_ptp import PTPTSSR, Ptp
from .eth_smi import MACMIIAR, MACMIIDR, Smi

ETH_IRQ, WAKEUP_EXTI = 61, 19
ETHMACRST, ETHMACTXEN, ETHMACRXEN = 25, 26, 27
RESET_NS = 2_000
CLOCK_CACHE_NS = 1_000_000
PMTIM, TSTIM = 1 << 3, 1 << 9
ALTERNATE_ETH = 11
SUMMARIES = NIS | AIS


class Eth(Peripheral):
    """The MAC, its DMA, and the PHYs on its MDIO.

    phys          Phy objects; the first one is on the MII/RMII pins
    pins          signal name -> (port, pin), e.g. {"REF_CLK": ("GPIOA", 1)}: signals reach the MAC only while
                  the pin is switched to AF11. None: pins are not modelled
    used          register offset -> what the MAC works with; differs from `regs` after a lost write (ES0182)
    lost_writes   [(time, register name, value)] of writes that the silicon would have lost
    lose_next     names of registers whose next write is lost for certain (for tests)
    lose_change   register name -> bits: the next write that would change one of them is lost (for tests)
    """

    SIZE = 0x1400
    PARTS = (
        ("smi", Smi),
        ("mmc", Mmc),
        ("ptp", Ptp),
        ("pmt", Pmt),
        ("filter", Filter),
        ("mac", Mac),
        ("dma", Dma),
    )
    REGISTERS = (
        Register(MACSR, "MACSR", on_read="read_mac_status"),
        Register(MACIMR, "MACIMR", write=PMTIM | TSTIM, on_write="write_mac_mask"),
        *(register for _, part in PARTS for register in part.REGISTERS),
    )

    def __init__(self, machine, name="ETH", base=0x40028000, clock=("AHB1ENR", 25), phys=(), pins=None):
        self.machine = machine
        self.used = {}
        self.pins = pins
        self._irq_level = self._irq_besides_dma = False
        self._clocks = self._rx_pins = self._tx_pins = False
        self._clocks_until = -1
        self.rmii = None
        self.lost_writes = []
        self.lose_next = set()
        self.lose_change = {}
        self.regs = {}
        for attribute, part in self.PARTS:
            block = part(self)
            setattr(self, attribute, block)
            for register in block.REGISTERS:
                for handler in filter(None, (register.on_read, register.on_write)):
                    setattr(self, handler, getattr(block, handler))
        self.smi.phys = list(phys)
        self.phy = self.smi.phys[0] if phys else None
        for phy in self.smi.phys:
            phy.mac = self
        self._reset_event = None
        super().__init__(machine, name, base, clock)
        if "RCC" in machine.peripherals:
            machine.clock.subscribe(self._rcc_changed)

    def _rcc_changed(self):
        self._clocks_until = -1
        if self.resetting:
            self.poll_reset()

    # Reset

    def reset(self):
        """RCC's ETHMACRST or a system reset."""
        super().reset()
        self.lost_writes = []
        self._restart()

    def software_reset(self):
        """DMABMR.SR: everything back to reset values, except MDIO's registers (33.8.4)."""
        keep = {offset: self.regs[offset] for offset in (MACMIIAR, MACMIIDR)}
        self.regs = {register.offset: register.reset for register in self.REGISTERS}
        self.regs.update(keep)
        self._restart(mdio=False)

    def _restart(self, mdio=True):
        self.used = dict(self.regs)
        self._written = {}
        self._clocks_until = -1
        for attribute, _ in self.PARTS:
            if mdio or attribute != "smi":
                getattr(self, attribute).reset()
        self.regs[DMABMR] |= 1
        if self._reset_event is not None:
            self._reset_event.cancel()
            self._reset_event = None
        self._latch_mode()
        self.update_irq()
        self.poll_reset()

    def _latch_mode(self):
        syscfg = self.machine.peripherals.get("SYSCFG")
        self.rmii = syscfg.rmii if syscfg is not None else True

    @property
    def resetting(self):
        return bool(self.regs[DMABMR] & 1)

    def poll_reset(self):
        """Let DMABMR.SR end some time after all of the MAC's clocks run; without them it stays (33.8.4)."""
        if self.regs.get(DMABMR, 0) & 1 and self._reset_event is None and self.clocks_run(fresh=True):
            self._reset_event = self.machine.at(RESET_NS, self._reset_over)

    def _reset_over(self):
        self._reset_event = None
        if self.clocks_run(fresh=True):
            self.regs[DMABMR] &= ~1

    # Clocks and pins

    @property
    def hclk(self):
        return (self.machine.clock.hclk or 1) if "RCC" in self.machine.peripherals else 168_000_000

    def clocks_run(self, fresh=False):
        """Whether the MAC gets its transmit and receive clocks: RCC's gates, REF_CLK, its pin, the mode."""
        if fresh or self.machine.now > self._clocks_until:
            self._look()
        return self._clocks

    @property
    def hears(self):
        """Whether frames from the PHY reach the MAC."""
        if self.machine.now > self._clocks_until:
            self._look()
        return self._clocks and self._rx_pins

    @property
    def speaks(self):
        """Whether frames from the MAC reach the PHY."""
        if self.machine.now > self._clocks_until:
            self._look()
        return self._tx_pins

    def _look(self):
        """Clocks and pins, looked at again after some time: nobody tells of a pin that was switched over."""
        self._clocks_until = self.machine.now + CLOCK_CACHE_NS
        self._clocks = self._look_at_clocks()
        self._rx_pins = self.pins_routed("CRS_DV", "RXD0", "RXD1")
        self._tx_pins = self.pins_routed("TX_EN", "TXD0", "TXD1")

    def _look_at_clocks(self):
        if self.phy is None:
            return False
        if "RCC" in self.machine.peripherals:
            enabled = self.machine.clock.enabled
            if self.clock and not enabled(*self.clock):
                return False
            if self.machine.clock.in_reset("AHB1RSTR", ETHMACRST):
                return False
            if not (enabled("AHB1ENR", ETHMACTXEN) and enabled("AHB1ENR", ETHMACRXEN)):
                return False
        wired_rmii = self.phy.ref_clk_source is not None
        if wired_rmii:
            return self.rmii and self.phy.ref_clk and self.pins_routed("REF_CLK")
        return not self.rmii and self.phy.running

    def ref_clk_changed(self):
        """The PHY's clock output came or went."""
        self._clocks_until = -1
        self.poll_reset()
        if self.resetting:
            return
        if self.clocks_run():
            self.mac.try_start()
        else:
            self.mac.clock_lost()

    def pins_routed(self, *signals):
        """Whether the pins of `signals` are switched to the Ethernet function."""
        if self.pins is None:
            return True
        for signal in signals:
            if signal in self.pins:
                port, pin = self.pins[signal]
                if self.machine[port].alternate(pin) != ALTERNATE_ETH:
                    return False
        return True

    @property
    def mii_clock_ns(self):
        """One period of TX_CLK, RX_CLK as the MAC divides them: 2.5 or 25 MHz."""
        return 40 if self.used[MACCR] & FES else 400

    # Bus

    def write(self, offset, value, width):
        if self.regs[DMABMR] & 1:
            self.poll_reset()
            if offset & ~3 not in (MACMIIAR, MACMIIDR, DMABMR):
                where = f"{self.name}+0x{offset:03x}"
                self.machine.report(f"write of 0x{value:x} to {where} while DMABMR.SR is set")
                return
        super().write(offset, value, width)

    def take(self, register):
        """A register of the MAC's clock domain was written: make it effective, unless ES0182 says it is lost.

        "Successive write operations to the same register might not be fully taken into account": within four
        TX_CLK/RX_CLK cycles of the last write the register reads back new but works as before.
        """
        offset = register.offset
        now = self.machine.now
        last = self._written.get(offset)
        self._written[offset] = now
        lost = last is not None and now - last < 4 * self.mii_clock_ns
        if (self.used[offset] ^ self.regs[offset]) & self.lose_change.get(register.name, 0):
            del self.lose_change[register.name]
            lost = True
        if lost or register.name in self.lose_next:
            self.lose_next.discard(register.name)
            self.lost_writes.append((now, register.name, self.regs[offset]))
            return False
        self.used[offset] = self.regs[offset]
        return True

    # Interrupts

    def read_mac_status(self, register):
        receive, transmit = self.mmc.interrupts
        value = (1 << 3 if self.pmt.interrupt else 0) | (1 << 4 if receive or transmit else 0)
        value |= (1 << 5 if receive else 0) | (1 << 6 if transmit else 0)
        if self.ptp.interrupt:
            value |= 1 << 9
            self.regs[PTPTSSR] &= ~2  # TSTS is cleared by reading (33.8.1)
            self.update_irq()
        return value

    def write_mac_mask(self, register, old, value):
        self.update_irq()

    def update_irq(self):
        """Something changed in MMC, PMT or PTP, or in a mask."""
        mask = self.regs[MACIMR]
        self._irq_besides_dma = (
            any(self.mmc.interrupts)
            or (self.pmt.interrupt and not mask & PMTIM)
            or (self.ptp.interrupt and not mask & TSTIM)
        )
        self.update_dma_irq()

    def update_dma_irq(self):
        """The same for the DMA's own status, several times a frame."""
        regs = self.regs
        level = bool(regs[DMASR] & regs[DMAIER] & SUMMARIES) or self._irq_besides_dma
        if level != self._irq_level:
            self._irq_level = level
            self.machine.irq(ETH_IRQ, level)

    def wake(self):
        """A wake-up frame or magic packet: a pulse on EXTI line 19, which may raise ETH_WKUP."""
        exti = self.machine.peripherals.get("EXTI")
        if exti is not None:
            exti.pulse(WAKEUP_EXTI)

    # For the PHY

    @property
    def speed(self):
        return 100 if self.used[MACCR] & FES else 10

    @property
    def backpressure(self):
        return self.mac.backpressure

    def receive(self, frame, flags):
        self.mac.receive(frame, flags)

    def collided(self, offset):
        self.mac.collided(offset)

    @property
    def operation_mode(self):
        return self.used[DMAOMR]
