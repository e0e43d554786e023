# SPDX-License-Identifier: MIT
"""USB on-the-go full-speed, as a device (RM0090 chapter 34).

The bus side (connected, bus_reset, sof, setup, out, in_) is what a host drives: see emulator/usb/host.py.

Differs from silicon:
- Host mode, HNP and SRP, isochronous endpoints and test modes are not modelled; asking for one is reported.
- The identity registers GSNPSID and GHWCFG1-4 and GDFIFOCFG are not in the manual; they hold what F407
  silicon answers.
- A transaction takes place at one instant, its end; what the endpoint could do at that moment counts.
- GUSBCFG's mode bits and GCCFG outlive CSRST, as on silicon; the manual does not list them.
- An OUT endpoint may be disabled without global OUT NAK, which the manual forbids and drivers do.
- NZLSOHSK is stored, a status stage with data is accepted either way.
"""

from ..peripheral import Peripheral
from .otg_fs_registers import (
    CNAK,
    CSRST,
    DAINTMSK,
    DCFG,
    DCTL,
    DIEPCTL,
    DIEPEMPMSK,
    DIEPINT,
    DIEPMSK,
    DIEPTSIZ,
    DIEPTXF0,
    DOEPCTL,
    DOEPINT,
    DOEPMSK,
    DOEPTSIZ,
    DPID,
    DTXFSTS,
    ENDPOINTS,
    ENUMDNE,
    EPDIS,
    EPDISD,
    EPENA,
    ESUSP,
    FDMOD,
    FHMOD,
    GAHBCFG,
    GCCFG,
    GINAKEFF,
    GINSTS,
    GINTMSK,
    GINTSTS,
    GINTSTS_FIXED,
    GINTSTS_W1C,
    GLOBAL_OUT_NAK,
    GONAKEFF,
    GONSTS,
    GOTGCTL,
    GOTGINT,
    GRSTCTL,
    GRXFSIZ,
    GUSBCFG,
    IEPINT,
    INEPNE_B2BSTUP,
    ITTXFE_OTEPDIS,
    NAKSTS,
    NOVBUSSENS,
    OEPINT,
    OTGINT,
    OUT_DATA,
    OUT_DONE,
    PCGCCTL,
    PWRDWN,
    RWUSIG,
    RXFFLSH,
    RXFLVL,
    SD0PID,
    SD1PID,
    SDIS,
    SETUP_DATA,
    SETUP_DONE,
    SNAK,
    SOF,
    SRQINT,
    STALL,
    STPPCLK,
    TOC_STUP,
    TXFE,
    TXFFLSH,
    USBAEP,
    USBRST,
    USBSUSP,
    VBUSBSEN,
    WKUPINT,
    XFRC,
    device_registers,
    endpoint_registers,
)

FIFO_WORDS = 320
SETUP_WORDS = 10  # of the receive FIFO, which the core keeps free for SETUP packets (34.11.1)
OTG_FS_IRQ = 67
FLUSH_NS = 200  # "several clocks"; the manual names eight for a flush
SUSPEND_NS = 3_000_000
MIN_HCLK = 14_200_000  # 34.4.4
USB_CLOCK = 48_000_000
USB_TOLERANCE = 120_000  # +-0.25 %, what USB 2.0 7.1.11 allows a full-speed device

ACK, NAK, STALLED = "ACK", "NAK", "STALL"


class OtgFs(Peripheral):
    """The device. `bus` is the host's port: connection(bool), kick() when an endpoint may answer anew,
    remote_wakeup(). `vbus` says whether the cable brings 5 V."""

    REGISTERS = tuple(device_registers() + [r for n in range(ENDPOINTS) for r in endpoint_registers(n)])
    SIZE = 0x40000

    def __init__(self, machine, name="OTG_FS", base=0x50000000, clock=("AHB2ENR", 7)):
        self.bus = None
        self.vbus = False
        self._pulled_up = False
        self._idle_event = None
        super().__init__(machine, name, base, clock)

    def reset(self):
        super().reset()
        self._reset_core()
        self.frame = 0
        self._connection()

    def _reset_core(self):
        self._endpoints = 0  # DAINT
        self._rx = []  # what GRXSTSP pops: (status word, data or None)
        self._rx_words = 0
        self._rx_data = []  # words of the packet last popped
        self._tx = [[] for _ in range(ENDPOINTS)]  # complete packets
        self._tx_part = [bytearray() for _ in range(ENDPOINTS)]
        self._tx_words = [0] * ENDPOINTS
        self._filling = None  # the transmit FIFO that holds part of a packet
        self._setup_phase = False  # SETUP seen, "setup done" not yet written
        self._control_open = False  # SETUP seen, status stage not over
        self.address = 0  # what the core answers to; a new DCFG.DAD holds after the status stage
        self._busy_until = 0
        self._busy_bits = 0
        self._sizes_checked = False
        self._suspended = False
        self._global_out_nak = False
        self._out_complete = [False] * ENDPOINTS

    # Interrupts

    def _status(self):
        regs = self.regs
        value = (regs[GINTSTS] & GINTSTS_W1C) | (regs[GINTSTS] & (GINAKEFF | GONAKEFF)) | GINTSTS_FIXED
        if regs[GUSBCFG] & FHMOD:
            value |= 1
        if regs[GOTGINT]:
            value |= OTGINT
        if self._rx:
            value |= RXFLVL
        daint = self._endpoints & regs[DAINTMSK]
        if daint & 0xFFFF:
            value |= IEPINT
        if daint >> 16:
            value |= OEPINT
        return value

    def _gintsts(self, _register):
        return self._status()

    def _daint(self, _register):
        return self._endpoints

    def _changed(self, *_):
        """Bring DAINT and the interrupt line up to date, after anything that either comes from."""
        regs = self.regs
        value = 0
        in_mask, out_mask, empty_mask = regs[DIEPMSK], regs[DOEPMSK] & 0x5B, regs[DIEPEMPMSK]
        for n in range(ENDPOINTS):
            o = 0x20 * n
            if regs[DIEPINT + o] & in_mask or (empty_mask >> n & 1 and self._tx_low(n)):
                value |= 1 << n
            if regs[DOEPINT + o] & out_mask:
                value |= 1 << (16 + n)
        self._endpoints = value
        level = regs[GAHBCFG] & 1 and self._status() & regs[GINTMSK]
        self.machine.irq(OTG_FS_IRQ, bool(level))

    def _raise(self, bits):
        self.regs[GINTSTS] |= bits
        self._changed()

    # Power, pins and the connection

    def _session_valid(self):
        gccfg = self.regs[GCCFG]
        return bool(gccfg & NOVBUSSENS) or bool(gccfg & VBUSBSEN and self.vbus)

    def _gotgctl(self, _register):
        value = self.regs[GOTGCTL] | 1 << 16  # CIDSTS: the ID pin is open, a B-device
        return value | (1 << 19 if self._session_valid() else 0)

    def _pins_ready(self):
        gpio = self.machine.peripherals.get("GPIOA")
        return gpio is None or (gpio.alternate(11) == 10 and gpio.alternate(12) == 10)

    def _clocks_ready(self):
        if "RCC" not in self.machine.peripherals:
            return True
        clock = self.machine.clock
        return (
            self.machine.clocked(self)
            and abs(clock.usbclk - USB_CLOCK) <= USB_TOLERANCE
            and clock.hclk >= MIN_HCLK
        )

    @property
    def connected(self):
        """Whether the pull-up on D+ tells the host that a full-speed device is there."""
        return bool(
            self.regs[GCCFG] & PWRDWN
            and not self.regs[DCTL] & SDIS
            and not self.regs[GUSBCFG] & FHMOD
            and self._session_valid()
            and self._pins_ready()
        )

    def set_vbus(self, present):
        """The host's cable brings or takes 5 V."""
        if present == self.vbus:
            return
        self.vbus = present
        if self.regs[GCCFG] & VBUSBSEN and not self.regs[GCCFG] & NOVBUSSENS:
            if present:
                self.regs[GINTSTS] |= SRQINT
            else:
                self.regs[GOTGINT] |= 1 << 2  # SEDET
            self._changed()
        self._connection()

    def _connection(self, *_):
        pulled_up = self.connected
        if pulled_up == self._pulled_up:
            return
        self._pulled_up = pulled_up
        self._suspended = False
        if pulled_up:
            self.bus_idle()  # nobody drives the bus yet
        elif self._idle_event:
            self._idle_event.cancel()
        if self.bus:
            self.bus.connection(pulled_up)

    refresh = _connection  # the host's periodic look, for pins and clocks that changed elsewhere

    # Core control

    def _grstctl(self, _register, _old, value):
        if value & CSRST:
            self._core_reset()
        if value & RXFFLSH:
            self._rx.clear()
            self._rx_data.clear()
            self._rx_words = 0
        if value & TXFFLSH:
            number = value >> 6 & 31
            for n in range(ENDPOINTS) if number == 16 else (number,):
                if n < ENDPOINTS:
                    self._flush_tx(n)
        if value & (CSRST | RXFFLSH | TXFFLSH):
            self._busy_until = self.machine.now + FLUSH_NS
            self._busy_bits = value & (CSRST | RXFFLSH | TXFFLSH)
        self._changed()
        self._kick()

    def _grstctl_read(self, _register):
        value = self.regs[GRSTCTL]
        if self._busy_bits & CSRST and "RCC" in self.machine.peripherals and not self.machine.clock.usbclk:
            return value | CSRST  # the PHY's side needs its clock to be reset
        return value | self._busy_bits if self.machine.now < self._busy_until else value

    def _core_reset(self):
        old = self.regs
        keep = {offset: old[offset] for offset in (GCCFG, PCGCCTL)}
        self.regs = {register.offset: register.reset for register in self.REGISTERS}
        self.regs.update(keep)
        self.regs[DCFG] |= old[DCFG] & 3
        self.regs[GUSBCFG] |= old[GUSBCFG] & (FDMOD | FHMOD)
        self._reset_core()
        self._connection()

    def _flush_tx(self, n):
        self._tx[n].clear()
        self._tx_part[n].clear()
        self._tx_words[n] = 0
        if self._filling == n:
            self._filling = None

    def _dctl(self, _register, old, value):
        regs = self.regs
        if value & 1 << 7:
            regs[DCTL] |= GINSTS
            regs[GINTSTS] |= GINAKEFF
        if value & 1 << 8:
            regs[DCTL] &= ~GINSTS
            regs[GINTSTS] &= ~GINAKEFF
        if value & 1 << 9 and not self._global_out_nak:
            self._global_out_nak = True
            self._push_rx(GLOBAL_OUT_NAK, 0, b"")
        if value & 1 << 10:
            self._global_out_nak = False
            regs[DCTL] &= ~GONSTS
            regs[GINTSTS] &= ~GONAKEFF
        if value & RWUSIG and not old & RWUSIG and self._suspended and self.bus:
            self.bus.remote_wakeup()
        self._changed()
        self._connection()
        self._kick()

    def _dsts(self, _register):
        return (self.frame & 0x3FFF) << 8 | 3 << 1 | (1 if self._suspended else 0)

    # FIFO sizes

    def _tx_size(self, n):
        """(start, depth) of transmit FIFO n in words."""
        value = self.regs[DIEPTXF0 if n == 0 else 0x100 + 4 * n]
        return value & 0xFFFF, value >> 16

    def _sizes(self, *_):
        self._sizes_checked = False

    def _check_sizes(self):
        """Report FIFOs that overlap or leave the 320 words: silicon would mix their data."""
        if self._sizes_checked:
            return
        self._sizes_checked = True
        taken = [(0, self.regs[GRXFSIZ], "RX")]
        for n in range(ENDPOINTS):
            if self.regs[DIEPCTL + 0x20 * n] & USBAEP:
                start, depth = self._tx_size(n)
                taken.append((start, start + depth, f"TX{n}"))
        taken.sort()
        for (_, end, name), (start, _, other) in zip(taken, taken[1:], strict=False):
            if start < end:
                self.machine.report(
                    f"{self.name}: FIFO {other} at word {start} overlaps {name}, which ends at {end}"
                )
        if taken[-1][1] > FIFO_WORDS:
            self.machine.report(
                f"{self.name}: FIFO {taken[-1][2]} ends at word {taken[-1][1]} of {FIFO_WORDS}"
            )

    def _tx_low(self, n):
        """DIEPINT.TXFE: the FIFO is empty, or half empty, as GAHBCFG.TXFELVL says."""
        if self.regs[GAHBCFG] & 1 << 7:
            return self._tx_words[n] == 0
        return self._tx_words[n] <= self._tx_size(n)[1] // 2

    def _diepint(self, register):
        n = (register.offset - DIEPINT) // 0x20
        return (self.regs[register.offset] & ~TXFE) | (TXFE if self._tx_low(n) else 0)

    def _dtxfsts(self, register):
        n = (register.offset - DTXFSTS) // 0x20
        return max(0, self._tx_size(n)[1] - self._tx_words[n])

    # Endpoint control

    def packet_size(self, control, n):
        """MPSIZ of an endpoint control register, in bytes."""
        return (64, 32, 16, 8)[control & 3] if n == 0 else control & 0x7FF

    def _common_control(self, offset, value):
        """The command bits that IN and OUT share. Returns the value to store."""
        now = self.regs[offset]
        if value & SNAK:
            now |= NAKSTS
        if value & CNAK:
            now &= ~NAKSTS
        if value & SD0PID:
            now &= ~DPID
        if value & SD1PID:
            now |= DPID
        if (now >> 18) & 3 == 1:
            self.machine.report(f"{self.name}: isochronous endpoints are not modelled")
        return now

    def _diepctl(self, register, old, value):
        n = (register.offset - DIEPCTL) // 0x20
        now = self._common_control(register.offset, value)
        interrupts = DIEPINT + 0x20 * n
        if value & SNAK:
            self.regs[interrupts] |= INEPNE_B2BSTUP
        if value & CNAK:
            self.regs[interrupts] &= ~INEPNE_B2BSTUP
        if value & EPDIS:
            if old & EPENA:
                self.regs[interrupts] |= EPDISD
            now &= ~(EPENA | EPDIS)
        elif value & EPENA and not old & EPENA:
            if now >> 22 & 15 != n:
                self.machine.report(f"{self.name}: IN endpoint {n} uses FIFO {now >> 22 & 15}, not its own")
            self._check_sizes()
        self.regs[register.offset] = now
        self._changed()
        self._kick()

    def _doepctl(self, register, old, value):
        n = (register.offset - DOEPCTL) // 0x20
        now = self._common_control(register.offset, value)
        if value & EPDIS:
            if n == 0:
                self.machine.report(f"{self.name}: DOEPCTL0.EPDIS is set; endpoint 0 cannot be disabled")
            elif old & EPENA:
                self.regs[DOEPINT + 0x20 * n] |= EPDISD
            now &= ~(EPENA | EPDIS)
        elif value & EPENA and not old & EPENA:
            self._out_complete[n] = False
            self._check_sizes()
        self.regs[register.offset] = now
        self._changed()
        self._kick()

    def _kick(self):
        if self.bus:
            self.bus.kick()

    # The FIFOs as the CPU sees them

    def read(self, offset, width):
        if offset < 0x1000 or offset >= 0x1000 * (ENDPOINTS + 1):
            if self._filling is not None and 0x900 <= offset < 0xD00:
                self._disturb_filling()
            return super().read(offset, width)
        return self._pop_data(width)

    def write(self, offset, value, width):
        if offset < 0x1000 or offset >= 0x1000 * (ENDPOINTS + 1):
            if self._filling is not None and 0x900 <= offset < 0xD00:
                self._disturb_filling()
            super().write(offset, value, width)
        else:
            self._push_data((offset >> 12) - 1, value, width)

    def _disturb_filling(self):
        """ES0182: an access to an endpoint register amid the words of a packet corrupts the next word."""
        self._tx_part[self._filling] += b"\xff\xff\xff\xff"
        self.machine.report(
            f"{self.name}: endpoint register accessed while FIFO {self._filling} is being filled"
        )

    def _pop_data(self, width):
        if width != 4:
            self.machine.report(f"{width}-byte read of {self.name}'s receive FIFO, which takes words")
        if not self._rx_data:
            self.machine.report(f"read of {self.name}'s receive FIFO beyond the packet popped by GRXSTSP")
            return 0
        self._rx_words -= 1
        word = self._rx_data.pop(0)
        if not self._rx_data:
            self._kick()  # space for what was NAKed
        return word

    def _push_data(self, n, value, width):
        control = self.regs[DIEPCTL + 0x20 * n]
        size = self.regs[DIEPTSIZ + 0x20 * n]
        left = size & 0x7FFFF
        if width != 4:
            self.machine.report(f"{width}-byte write to {self.name}'s transmit FIFO {n}, which takes words")
        if not control & EPENA or not left:
            self.machine.report(f"write to {self.name}'s transmit FIFO {n}, whose endpoint expects no data")
            return
        depth = self._tx_size(n)[1]
        if self._tx_words[n] >= depth:
            self.machine.report(f"{self.name}'s transmit FIFO {n} overflows its {depth} words")
            return
        part = self._tx_part[n]
        part += value.to_bytes(4, "little")
        self._filling = n
        self._tx_words[n] += 1
        expected = min(left, self.packet_size(control, n))
        if len(part) >= expected:
            self._tx[n].append(bytes(part[:expected]))
            part.clear()
            self._filling = None
            self.regs[DIEPTSIZ + 0x20 * n] = size - expected
            self._changed()
            self._kick()
        elif self._tx_words[n] in (1, depth // 2 + 1):
            self._changed()  # no longer empty, or half empty

    # The receive FIFO

    def _push_rx(self, status, endpoint, data, pid=0):
        word = (self.frame & 15) << 21 | status << 17 | pid << 15 | len(data) << 4 | endpoint
        self._rx.append((word, data))
        self._rx_words += 1 + (len(data) + 3) // 4

    def _grxstsr(self, _register):
        return self._rx[0][0] if self._rx else 0

    def _grxstsp(self, _register):
        if self._rx_data:
            self.machine.report(
                f"{self.name}: GRXSTSP popped with {len(self._rx_data)} words of a packet unread"
            )
            self._rx_words -= len(self._rx_data)
            self._rx_data.clear()
        if not self._rx:
            return 0  # 34.16.2: ignored
        word, data = self._rx.pop(0)
        self._rx_words -= 1
        endpoint, status = word & 15, word >> 17 & 15
        if data:
            padded = data + bytes(-len(data) % 4)
            self._rx_data = [int.from_bytes(padded[i : i + 4], "little") for i in range(0, len(padded), 4)]
        if status == GLOBAL_OUT_NAK:
            self.regs[DCTL] |= GONSTS
            self.regs[GINTSTS] |= GONAKEFF
        elif status == OUT_DONE:
            self.regs[DOEPCTL + 0x20 * endpoint] &= ~EPENA
            self.regs[DOEPINT + 0x20 * endpoint] |= XFRC
        elif status == SETUP_DONE:
            self.regs[DOEPCTL + 0x20 * endpoint] &= ~EPENA
            self.regs[DOEPINT + 0x20 * endpoint] |= TOC_STUP
        self._changed()
        self._kick()
        return word

    # The bus, driven by a host

    def _dcfg(self, _register, _old, _value):
        address = self.regs[DCFG] >> 4 & 0x7F
        if not address or not self._control_open:
            self.address = address

    def _listening(self, address):
        return (
            self._pulled_up
            and not self._suspended
            and not self.regs[PCGCCTL] & STPPCLK
            and address == self.address
            and self._clocks_ready()
        )

    def bus_reset(self):
        """The host holds both lines low (SE0)."""
        if not self._clocks_ready():
            return
        self._cancel_idle()
        self._suspended = False
        for n in range(1, ENDPOINTS):
            self.regs[DIEPCTL + 0x20 * n] &= ~USBAEP
            self.regs[DOEPCTL + 0x20 * n] &= ~USBAEP
        self._sizes_checked = False
        self._setup_phase = self._control_open = False
        self._raise(USBRST)

    def bus_reset_end(self):
        """The lines are released; the core has found out that the bus runs at full speed."""
        if self._clocks_ready():
            self._raise(ENUMDNE)
        self.bus_idle()

    def sof(self, frame):
        """Start of frame: the bus is alive."""
        self._cancel_idle()
        if self._suspended:
            self._wake(False)
        self.frame = frame & 0x7FF
        if not self._clocks_ready() or self.regs[PCGCCTL] & STPPCLK:
            return
        if not self.regs[GINTSTS] & SOF:
            self.regs[GINTSTS] |= SOF
            if self.regs[GINTMSK] & SOF:
                self._changed()

    def bus_idle(self):
        """From now on nobody drives the bus: 3 ms of it mean suspend."""
        self._cancel_idle()
        self._idle_event = self.machine.at(SUSPEND_NS, self._suspend)

    def _cancel_idle(self):
        if self._idle_event:
            self._idle_event.cancel()
            self._idle_event = None

    def _suspend(self):
        self._idle_event = None
        if self._pulled_up and not self._suspended and self._clocks_ready():
            self._suspended = True
            self._raise(ESUSP | USBSUSP)

    def bus_resume(self, remote=False):
        """The host drives resume (K). `remote`: it answers the device's own wake-up, no WKUPINT then."""
        self._cancel_idle()
        if self._suspended:
            self._wake(remote)

    def _wake(self, remote):
        self._suspended = False
        if not remote:
            exti = self.machine.peripherals.get("EXTI")
            if exti and hasattr(exti, "pulse"):
                exti.pulse(18)
            self._raise(WKUPINT)

    def setup(self, address, endpoint, data):
        """A SETUP transaction. ACK, or None where the device stays silent."""
        if not self._listening(address) or endpoint != 0:
            return None
        if self._rx_words + 3 > self.regs[GRXFSIZ]:
            return None
        regs = self.regs
        for control in (DIEPCTL, DOEPCTL):
            regs[control] = (regs[control] | NAKSTS | DPID) & ~STALL
        count = regs[DOEPTSIZ] >> 29 & 3
        if count:
            regs[DOEPTSIZ] = (regs[DOEPTSIZ] & ~(3 << 29)) | (count - 1) << 29
        elif self._setup_phase:
            regs[DOEPINT] |= INEPNE_B2BSTUP
        self._setup_phase = self._control_open = True
        self._push_rx(SETUP_DATA, 0, data)
        self._changed()
        return ACK

    def _end_setup(self, endpoint):
        """The first IN or OUT token after SETUP closes the setup stage."""
        if self._setup_phase and endpoint == 0:
            self._setup_phase = False
            self._push_rx(SETUP_DONE, 0, b"")
            self._changed()

    def out(self, address, endpoint, pid, data):
        """An OUT transaction with DATA0 or DATA1: ACK, NAK, STALL, or None for no answer."""
        if not self._listening(address) or endpoint >= ENDPOINTS:
            return None
        self._end_setup(endpoint)
        o = 0x20 * endpoint
        control = self.regs[DOEPCTL + o]
        if not control & USBAEP:
            return None
        if control & STALL:
            return STALLED
        if len(data) > self.packet_size(control, endpoint):
            return None  # babble
        if bool(control & DPID) != bool(pid):
            return ACK  # the host missed our ACK: answered again, not delivered again
        if not control & EPENA:
            if endpoint == 0:
                self.regs[DOEPINT + o] |= ITTXFE_OTEPDIS
                self._changed()
            return NAK
        words = 1 + (len(data) + 3) // 4 + 1  # with the entry for the end of the transfer
        if (
            control & NAKSTS
            or self._global_out_nak
            or self._out_complete[endpoint]
            or self._rx_words + words > self.regs[GRXFSIZ] - SETUP_WORDS
        ):
            return NAK
        self._receive(endpoint, pid, data)
        return ACK

    def _receive(self, endpoint, pid, data):
        o = 0x20 * endpoint
        control, size = self.regs[DOEPCTL + o], self.regs[DOEPTSIZ + o]
        packets = max(0, (size >> 19 & 0x3FF) - 1)
        left = max(0, (size & 0x7FFFF) - len(data))
        self.regs[DOEPTSIZ + o] = (size & 0x60000000) | packets << 19 | left
        self.regs[DOEPCTL + o] = control ^ DPID
        self._push_rx(OUT_DATA, endpoint, data, 2 if pid else 0)
        if endpoint == 0 and not data:
            self._control_open = False
        if not packets or len(data) < self.packet_size(control, endpoint):
            self._out_complete[endpoint] = True
            self.regs[DOEPCTL + o] |= NAKSTS
            self._push_rx(OUT_DONE, endpoint, b"")
        self._changed()

    def in_(self, address, endpoint):
        """An IN transaction: (pid, data) which the host acknowledges, NAK, STALL, or None for no answer."""
        if not self._listening(address) or endpoint >= ENDPOINTS:
            return None
        self._end_setup(endpoint)
        o = 0x20 * endpoint
        control = self.regs[DIEPCTL + o]
        if not control & USBAEP:
            return None
        if control & STALL:
            return STALLED
        size = self.regs[DIEPTSIZ + o]
        packets = size >> 19 & 0x3FF
        if not control & EPENA or control & NAKSTS or self.regs[DCTL] & GINSTS or not packets:
            return self._refuse_in(endpoint)
        fifo = self._tx[endpoint]
        if fifo:
            data = fifo.pop(0)
            self._tx_words[endpoint] -= (len(data) + 3) // 4
        elif not size & 0x7FFFF:
            data = b""
        else:
            return self._refuse_in(endpoint)
        if endpoint == 0 and not data:
            self._control_open = False
            self.address = self.regs[DCFG] >> 4 & 0x7F
        packets -= 1
        self.regs[DIEPTSIZ + o] = (size & 0x6007FFFF) | packets << 19
        self.regs[DIEPCTL + o] = control ^ DPID
        if not packets:
            self.regs[DIEPCTL + o] &= ~EPENA
            self.regs[DIEPINT + o] |= XFRC
        self._changed()
        return 1 if control & DPID else 0, data

    def _refuse_in(self, endpoint):
        if not self._tx_words[endpoint]:
            self.regs[DIEPINT + 0x20 * endpoint] |= ITTXFE_OTEPDIS
            self._changed()
        return NAK
