# SPDX-License-Identifier: MIT
"""OTG_FS as RM0090 chapter 34 describes it: registers, FIFOs, endpoints, without a host behind them."""

import pytest
from emulator.machine import GuestError
from emulator.peripherals.otg_fs import OtgFs

MS = 1_000_000

GOTGCTL, GOTGINT, GAHBCFG, GUSBCFG, GRSTCTL, GINTSTS, GINTMSK = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18
GRXSTSR, GRXSTSP, GRXFSIZ, DIEPTXF0, GCCFG, DIEPTXF1 = 0x1C, 0x20, 0x24, 0x28, 0x38, 0x104
DCFG, DCTL, DSTS, DIEPMSK, DOEPMSK, DAINT, DAINTMSK, DIEPEMPMSK = (
    0x800, 0x804, 0x808, 0x810, 0x814, 0x818, 0x81C, 0x834,
)  # fmt: skip
PCGCCTL = 0xE00


def diep(n, offset):
    return 0x900 + 0x20 * n + offset


def doep(n, offset):
    return 0xB00 + 0x20 * n + offset


CTL, INT, TSIZ, TXFSTS = 0, 8, 0x10, 0x18
EPENA, EPDIS, SD1PID, SD0PID, SNAK, CNAK = 1 << 31, 1 << 30, 1 << 29, 1 << 28, 1 << 27, 1 << 26
STALL, NAKSTS, USBAEP, BULK = 1 << 21, 1 << 17, 1 << 15, 2 << 18
OUT_NAK, OUT_DATA, OUT_DONE, SETUP_DONE, SETUP_DATA = 1, 2, 3, 4, 6
SETUP = bytes.fromhex("8006000100004000")


class Registers:
    """The block as a driver sees it."""

    def __init__(self, machine):
        self.machine = machine
        self.otg = machine.add(OtgFs(machine))

    def __getitem__(self, offset):
        return self.otg.read(offset, 4)

    def __setitem__(self, offset, value):
        self.otg.write(offset, value, 4)

    def power_up(self):
        """34.17.1: transceiver on, no VBUS sensing, device mode, FIFO sizes, interrupts."""
        self[GCCFG] = 1 << 16 | 1 << 21
        self[GUSBCFG] = 1 << 30 | 6 << 10
        self[GRXFSIZ] = 64
        self[DIEPTXF0] = 16 << 16 | 64
        self[DIEPTXF1] = 16 << 16 | 80
        self[GAHBCFG] = 1 | 1 << 7
        self[DIEPMSK] = 1
        self[DOEPMSK] = 1 | 1 << 3
        self[DAINTMSK] = 0xFFFFFFFF

    def bulk_pair(self):
        """Endpoint 1 IN and OUT, bulk, 64 bytes."""
        self[diep(1, CTL)] = SD0PID | 1 << 22 | BULK | USBAEP | 64
        self[doep(1, CTL)] = SD0PID | BULK | USBAEP | 64

    def pop(self):
        """(PKTSTS, endpoint, data) of the next receive FIFO entry."""
        word = self[GRXSTSP]
        count = word >> 4 & 0x7FF
        words = b"".join(self[0x1000].to_bytes(4, "little") for _ in range((count + 3) // 4))
        return word >> 17 & 15, word & 15, words[:count]

    def fill(self, n, data):
        """A packet into transmit FIFO n."""
        for i in range(0, len(data), 4):
            self[0x1000 * (n + 1)] = int.from_bytes(data[i : i + 4], "little")

    def arm_out(self, n, packets=1, size=64):
        self[doep(n, TSIZ)] = packets << 19 | size
        self[doep(n, CTL)] = self[doep(n, CTL)] | EPENA | CNAK

    def arm_in(self, n, packets=1, size=64):
        self[diep(n, TSIZ)] = packets << 19 | size
        self[diep(n, CTL)] = self[diep(n, CTL)] | EPENA | CNAK

    @property
    def irq(self):
        return self.machine.irq_lines.get(67, False)


@pytest.fixture
def usb(machine):
    registers = Registers(machine)
    registers.power_up()
    registers.bulk_pair()
    return registers


@pytest.mark.parametrize(
    "offset, value",
    [
        (GAHBCFG, 0), (GUSBCFG, 0xA00), (GINTSTS, 0x04000020), (GINTMSK, 0), (GRXFSIZ, 0x200),
        (DIEPTXF0, 0x200), (DIEPTXF1, 0x02000400), (GCCFG, 0), (DCFG, 0x02200000), (DCTL, 0),
        (DIEPMSK, 0), (DOEPMSK, 0), (DAINT, 0), (DAINTMSK, 0), (DIEPEMPMSK, 0), (PCGCCTL, 0),
        (0x828, 0x17D7), (0x82C, 0x5B8), (diep(1, INT), 0x80), (doep(1, INT), 0x80),
        (doep(0, CTL), 0x8000), (doep(1, CTL), 0), (diep(1, TSIZ), 0), (doep(1, TSIZ), 0),
    ],
)  # fmt: skip
def test_otg_fs__reset_values(machine, offset, value):
    """The reset values of 34.16 hold, at power-on and after reset()."""
    registers = Registers(machine)
    assert registers[offset] == value
    registers.power_up()
    registers.otg.reset()
    assert registers[offset] == value


def test_otg_fs__identity(machine):
    """The synthesis parameters are those of the F407's OTG_FS: 2.81a, slave only, 3 endpoints beside EP0."""
    registers = Registers(machine)
    assert registers[0x40] == 0x4F54281A
    assert registers[0x48] >> 3 & 3 == 0
    assert registers[0x48] >> 10 & 15 == 3
    assert registers[0x50] >> 25 & 1 == 1, "dedicated transmit FIFOs"


def test_otg_fs__word_access_only(machine):
    """34.16: the registers take words."""
    registers = Registers(machine)
    with pytest.raises(GuestError, match="GAHBCFG"):
        registers.otg.write(GAHBCFG, 1, 1)


def test_otg_fs__host_mode_reported(machine):
    registers = Registers(machine)
    with pytest.raises(GuestError, match="GUSBCFG"):
        registers[GUSBCFG] = 1 << 29


def test_otg_fs__core_reset(usb, machine):
    """CSRST clears itself, puts the registers back and leaves GCCFG; AHBIDL reads 1."""
    usb[GRSTCTL] = 1
    assert usb[GRSTCTL] & 1
    machine.advance(1000)
    assert usb[GRSTCTL] == 1 << 31
    assert usb[GRXFSIZ] == 0x200
    assert usb[GAHBCFG] == 0
    assert usb[GCCFG] & 1 << 16


def test_otg_fs__connects_by_sdis(usb):
    assert usb.otg.connected
    usb[DCTL] = 2
    assert not usb.otg.connected
    usb[DCTL] = 0
    assert usb.otg.connected


def test_otg_fs__needs_a_valid_session(machine):
    """Without NOVBUSSENS the pull-up waits for VBUSBSEN and 5 V on PA9; SRQINT and SEDET tell of both."""
    usb = Registers(machine)
    usb[GCCFG] = 1 << 16
    assert not usb.otg.connected
    usb.otg.set_vbus(True)
    assert not usb.otg.connected
    usb.otg.set_vbus(False)
    usb[GCCFG] = 1 << 16 | 1 << 19
    assert not usb[GOTGCTL] & 1 << 19
    usb.otg.set_vbus(True)
    assert usb.otg.connected
    assert usb[GOTGCTL] & 1 << 19
    assert usb[GINTSTS] & 1 << 30
    usb.otg.set_vbus(False)
    assert not usb.otg.connected
    assert usb[GOTGINT] == 1 << 2
    assert usb[GINTSTS] & 1 << 2
    usb[GOTGINT] = 1 << 2
    assert not usb[GINTSTS] & 1 << 2


def test_otg_fs__reset_and_enumeration(usb):
    """USBRST at the start of a bus reset, ENUMDNE with full speed at its end, both cleared by writing 1."""
    usb[GINTMSK] = 1 << 12 | 1 << 13
    usb.otg.bus_reset()
    assert usb.irq
    assert usb[GINTSTS] & 1 << 12
    assert not usb[diep(1, CTL)] & USBAEP, "34.16.4: cleared for all but endpoint 0"
    usb[GINTSTS] = 1 << 12
    assert not usb.irq
    usb.otg.bus_reset_end()
    assert usb[GINTSTS] & 1 << 13
    assert usb[DSTS] >> 1 & 3 == 3
    usb[GINTSTS] = 1 << 13
    assert not usb[GINTSTS] & (1 << 12 | 1 << 13)


def test_otg_fs__gint_masks_all(usb):
    usb[GAHBCFG] = 0
    usb[GINTMSK] = 1 << 12
    usb.otg.bus_reset()
    assert not usb.irq
    usb[GAHBCFG] = 1
    assert usb.irq


def test_otg_fs__suspend_and_resume(usb, machine):
    """3 ms without a frame: ESUSP, USBSUSP, SUSPSTS; the host's resume: WKUPINT."""
    usb.otg.sof(5)
    assert usb[DSTS] >> 8 & 0x3FFF == 5
    assert usb[GINTSTS] & 1 << 3
    usb[GINTSTS] = 1 << 3
    usb.otg.bus_idle()
    machine.advance(3 * MS - 1)
    assert not usb[GINTSTS] & 1 << 11
    machine.advance(1)
    assert usb[GINTSTS] & 1 << 11
    assert usb[GINTSTS] & 1 << 10
    assert usb[DSTS] & 1
    usb.otg.bus_resume()
    assert usb[GINTSTS] & 1 << 31
    assert not usb[DSTS] & 1


def test_otg_fs__resumed_before_suspended(usb, machine):
    """Resume within the 3 ms: no suspend follows. Frames wake a suspended device without it, too."""
    usb.otg.bus_idle()
    machine.advance(MS)
    usb.otg.bus_resume()
    machine.advance(10 * MS)
    assert not usb[DSTS] & 1
    usb.otg.bus_idle()
    machine.advance(3 * MS)
    assert usb[DSTS] & 1
    usb.otg.sof(1)
    assert not usb[DSTS] & 1
    assert usb[GINTSTS] & 1 << 31


def test_otg_fs__setup(usb):
    """SETUP sets NAK both ways, clears STALL; "setup done" comes with the next token, STUP by its pop."""
    usb[doep(0, TSIZ)] = 3 << 29
    usb[diep(0, CTL)] = STALL
    usb[doep(0, CTL)] = STALL
    assert usb[diep(0, CTL)] & STALL
    assert usb.otg.setup(0, 0, SETUP) == "ACK"
    assert usb[doep(0, TSIZ)] >> 29 == 2
    for control in (diep(0, CTL), doep(0, CTL)):
        assert usb[control] & NAKSTS
        assert not usb[control] & STALL
    assert usb[GINTSTS] & 1 << 4
    assert usb.pop() == (SETUP_DATA, 0, SETUP)
    assert not usb[GINTSTS] & 1 << 4
    assert usb.otg.in_(0, 0) == "NAK"
    assert usb[GINTSTS] & 1 << 4
    assert not usb[doep(0, INT)] & 1 << 3
    assert usb.pop() == (SETUP_DONE, 0, b"")
    assert usb[doep(0, INT)] & 1 << 3
    assert usb[DAINT] == 1 << 16
    assert usb[GINTSTS] & 1 << 19
    usb[doep(0, INT)] = 1 << 3
    assert usb[DAINT] == 0


def test_otg_fs__other_address(usb):
    """Only DCFG.DAD is answered."""
    usb[DCFG] = 3 | 9 << 4
    assert usb.otg.setup(0, 0, SETUP) is None
    assert usb.otg.setup(9, 0, SETUP) == "ACK"


def test_otg_fs__new_address_after_status(usb):
    """A DAD written during SET_ADDRESS holds from the end of the status stage on (34.17.4)."""
    assert usb.otg.setup(0, 0, bytes.fromhex("0005090000000000")) == "ACK"
    usb[DCFG] = 3 | 9 << 4
    usb.arm_in(0, 1, 0)
    assert usb.otg.in_(9, 0) is None
    assert usb.otg.in_(0, 0) == (1, b"")
    assert usb.otg.setup(0, 0, SETUP) is None
    assert usb.otg.setup(9, 0, SETUP) == "ACK"


def test_otg_fs__setup_back_to_back(usb):
    """More SETUPs than STUPCNT allows raise B2BSTUP; the last one is to be used."""
    usb[doep(0, TSIZ)] = 1 << 29
    usb.otg.setup(0, 0, SETUP)
    assert not usb[doep(0, INT)] & 1 << 6
    usb.otg.setup(0, 0, SETUP)
    assert usb[doep(0, INT)] & 1 << 6


def test_otg_fs__out_short_packet(usb):
    """A short packet ends the transfer: data, then "transfer completed", whose pop raises XFRC."""
    usb.arm_out(1, 2, 128)
    assert usb.otg.out(0, 1, 0, b"hello") == "ACK"
    assert usb[doep(1, TSIZ)] == 1 << 19 | 123
    assert usb.otg.out(0, 1, 1, b"more") == "NAK"
    assert usb.pop() == (OUT_DATA, 1, b"hello")
    assert not usb[doep(1, INT)] & 1
    assert usb[doep(1, CTL)] & EPENA
    assert usb.pop() == (OUT_DONE, 1, b"")
    assert usb[doep(1, INT)] & 1
    assert usb[DAINT] == 1 << 17
    assert not usb[doep(1, CTL)] & EPENA


def test_otg_fs__out_full_packets(usb):
    """A transfer of two full packets ends by its packet count."""
    usb.arm_out(1, 2, 128)
    first, second = bytes(range(64)), bytes(range(64, 128))
    assert usb.otg.out(0, 1, 0, first) == "ACK"
    assert usb.pop() == (OUT_DATA, 1, first)
    assert not usb[GINTSTS] & 1 << 4
    assert usb.otg.out(0, 1, 1, second) == "ACK"
    assert usb.pop() == (OUT_DATA, 1, second)
    assert usb.pop() == (OUT_DONE, 1, b"")
    assert usb[doep(1, TSIZ)] == 0


def test_otg_fs__out_repeated(usb):
    """A packet with the toggle of the one before is acknowledged and not delivered again."""
    usb.arm_out(1, 4, 256)
    assert usb.otg.out(0, 1, 0, bytes(64)) == "ACK"
    assert usb.otg.out(0, 1, 0, bytes(64)) == "ACK"
    usb.pop()
    assert not usb[GINTSTS] & 1 << 4


def test_otg_fs__out_refused(usb):
    """NAK while disabled or NAKed, STALL while stalled, silence on an inactive endpoint and on babble."""
    assert usb.otg.out(0, 1, 0, b"x") == "NAK"
    usb.arm_out(1)
    usb[doep(1, CTL)] = usb[doep(1, CTL)] | SNAK
    assert usb[doep(1, CTL)] & NAKSTS
    assert usb.otg.out(0, 1, 0, b"x") == "NAK"
    usb[doep(1, CTL)] = usb[doep(1, CTL)] | STALL
    assert usb.otg.out(0, 1, 0, b"x") == "STALL"
    assert usb.otg.out(0, 2, 0, b"x") is None
    usb[doep(1, CTL)] = (usb[doep(1, CTL)] & ~STALL) | CNAK
    assert usb.otg.out(0, 1, 0, bytes(65)) is None


def test_otg_fs__receive_fifo_full(usb):
    """OUT data leaves ten words of the receive FIFO to SETUP; space comes back as data are read."""
    usb[GRXFSIZ] = 10 + 1 + 16 + 1
    usb.arm_out(1, 8, 512)
    assert usb.otg.out(0, 1, 0, bytes(64)) == "ACK"
    assert usb.otg.out(0, 1, 1, bytes(64)) == "NAK"
    assert usb.otg.setup(0, 0, SETUP) == "ACK"
    assert usb.pop()[0] == OUT_DATA
    assert usb.pop()[0] == SETUP_DATA
    assert usb.otg.out(0, 1, 1, bytes(64)) == "ACK"


def test_otg_fs__receive_fifo_misread(usb):
    """Popping a status while data lie before it, reading more than there is: both are a driver's fault."""
    usb.arm_out(1)
    usb.otg.out(0, 1, 0, b"12345")
    assert usb[GRXSTSR] == usb[GRXSTSR], "a look takes nothing away"
    word = usb[GRXSTSP]
    assert word & 0x1FFFFF == OUT_DATA << 17 | 5 << 4 | 1
    assert usb[0x1000] == int.from_bytes(b"1234", "little")
    with pytest.raises(GuestError, match="1 words of a packet unread"):
        usb[GRXSTSP]  # noqa: B018
    usb[GRSTCTL] = 1 << 4
    with pytest.raises(GuestError, match="beyond"):
        usb[0x1000]  # noqa: B018
    assert usb[GRXSTSP] == 0, "34.16.2: a pop of the empty FIFO is ignored"


def test_otg_fs__in_transfer(usb):
    """XFRSIZ falls as the FIFO fills, PKTCNT as packets leave; XFRC at the end; toggles alternate."""
    assert usb.otg.in_(0, 1) == "NAK"
    assert usb[diep(1, INT)] & 1 << 4, "ITTXFE: asked while the FIFO is empty"
    usb.arm_in(1, 2, 70)
    assert usb[diep(1, TXFSTS)] == 16
    usb.fill(1, bytes(range(64)))
    assert usb[diep(1, TSIZ)] == 2 << 19 | 6
    assert usb[diep(1, TXFSTS)] == 0
    assert usb.otg.in_(0, 1) == (0, bytes(range(64)))
    assert usb[diep(1, TSIZ)] == 1 << 19 | 6
    assert usb.otg.in_(0, 1) == "NAK"
    usb.fill(1, b"abcdef")
    assert usb[diep(1, CTL)] & EPENA
    assert usb.otg.in_(0, 1) == (1, b"abcdef")
    assert usb[diep(1, INT)] & 1
    assert not usb[diep(1, CTL)] & EPENA
    assert usb[DAINT] & 2


def test_otg_fs__in_zero_length(usb):
    usb.arm_in(1, 1, 0)
    assert usb.otg.in_(0, 1) == (0, b"")
    assert usb[diep(1, INT)] & 1


def test_otg_fs__txfe_interrupt(usb):
    """TXFE follows the FIFO's level as TXFELVL says, and interrupts only through DIEPEMPMSK."""
    usb[GINTMSK] = 1 << 18
    assert usb[diep(1, INT)] & 0x80
    assert not usb.irq
    usb[DIEPEMPMSK] = 2
    assert usb.irq
    usb.arm_in(1, 1, 64)
    usb.fill(1, bytes(4))
    assert not usb.irq
    usb[GAHBCFG] = 1
    assert usb.irq, "half empty"
    usb.fill(1, bytes(32))
    assert not usb.irq


def test_otg_fs__transmit_fifo_misuse(usb):
    """A word too many, or for an endpoint that sends nothing, is reported."""
    with pytest.raises(GuestError, match="expects no data"):
        usb.fill(1, b"1234")
    usb.arm_in(1, 2, 128)
    usb.fill(1, bytes(64))
    with pytest.raises(GuestError, match="overflows its 16 words"):
        usb.fill(1, bytes(4))


def test_otg_fs__transmit_fifo_flush(usb, machine):
    usb.arm_in(1, 1, 8)
    usb.fill(1, bytes(8))
    usb[GRSTCTL] = 1 << 5 | 1 << 6
    assert usb[GRSTCTL] & 1 << 5
    machine.advance(1000)
    assert not usb[GRSTCTL] & 1 << 5
    assert usb[diep(1, TXFSTS)] == 16
    assert usb[diep(1, INT)] & 0x80


@pytest.mark.parametrize("setting", [(DIEPTXF1, 16 << 16 | 79), (GRXFSIZ, 65), (DIEPTXF1, 16 << 16 | 305)])
def test_otg_fs__fifo_layout(usb, setting):
    """Overlapping FIFOs, or one beyond the 320 words, are reported when an endpoint starts to use them."""
    usb[setting[0]] = setting[1]
    with pytest.raises(GuestError, match="overlaps|of 320"):
        usb.arm_in(1, 1, 4)


def test_otg_fs__in_endpoint_disable(usb):
    """SNAK takes effect at once (INEPNE), EPDIS then ends the transfer (EPDISD)."""
    usb.arm_in(1, 1, 64)
    usb[diep(1, CTL)] = usb[diep(1, CTL)] | SNAK
    assert usb[diep(1, INT)] & 1 << 6
    usb[diep(1, CTL)] = usb[diep(1, CTL)] | EPDIS
    assert usb[diep(1, INT)] & 1 << 1
    assert not usb[diep(1, CTL)] & (EPENA | EPDIS)


def test_otg_fs__global_out_nak(usb):
    """SGONAK takes effect when its entry is popped from the receive FIFO, CGONAK ends it."""
    usb.arm_out(1)
    usb[DCTL] = 1 << 9
    assert usb.otg.out(0, 1, 0, b"x") == "NAK"
    assert not usb[GINTSTS] & 1 << 7
    assert usb.pop() == (OUT_NAK, 0, b"")
    assert usb[GINTSTS] & 1 << 7
    assert usb[DCTL] & 1 << 3
    usb[DCTL] = 1 << 10
    assert not usb[GINTSTS] & 1 << 7
    assert usb.otg.out(0, 1, 0, b"x") == "ACK"


def test_otg_fs__global_in_nak(usb):
    usb.arm_in(1, 1, 0)
    usb[DCTL] = 1 << 7
    assert usb[GINTSTS] & 1 << 6
    assert usb.otg.in_(0, 1) == "NAK"
    usb[DCTL] = 1 << 8
    assert usb.otg.in_(0, 1) == (0, b"")


def test_otg_fs__stopped_phy_clock(usb):
    """With PCGCCTL.STPPCLK the device hears nothing."""
    usb[PCGCCTL] = 1
    assert usb.otg.setup(0, 0, SETUP) is None
    usb[PCGCCTL] = 0
    assert usb.otg.setup(0, 0, SETUP) == "ACK"


class Clocks:
    """An RCC that says what the test wants."""

    name, base, SIZE, clock = "RCC", 0x40023800, 0x400, None

    def __init__(self, usbclk, hclk=168_000_000):
        self.usbclk = usbclk
        self.hclk = hclk

    def enabled(self, register, bit):
        return (register, bit) == ("AHB2ENR", 7)


@pytest.mark.parametrize(
    "usbclk, answers", [(48_000_000, True), (47_880_000, True), (47_000_000, False), (0, False)]
)
def test_otg_fs__needs_48_mhz(usb, machine, usbclk, answers):
    """Beyond 0.25 % off 48 MHz a full-speed device does not understand the host."""
    machine.add(Clocks(usbclk))
    assert usb.otg.setup(0, 0, SETUP) == ("ACK" if answers else None)


def test_otg_fs__core_reset_needs_48_mhz(usb, machine):
    """Without the PHY's clock CSRST stays set."""
    clocks = machine.add(Clocks(0))
    usb[GRSTCTL] = 1
    machine.advance(MS)
    assert usb[GRSTCTL] & 1
    clocks.usbclk = 48_000_000
    assert not usb[GRSTCTL] & 1


def test_otg_fs__endpoint_access_while_filling(usb):
    """ES0182: between the words of a packet the endpoints' registers are not to be touched."""
    usb.arm_in(1, 1, 8)
    usb.fill(1, b"1234")
    with pytest.raises(GuestError, match="FIFO 1 is being filled"):
        usb[doep(0, CTL)]  # noqa: B018
    usb[GINTSTS]  # noqa: B018
    usb.otg.reset()
    usb.power_up()
    usb.bulk_pair()
    usb.arm_in(1, 1, 8)
    usb.fill(1, b"12345678")
    assert usb[doep(0, CTL)] == USBAEP


def test_otg_fs__isochronous_reported(usb):
    with pytest.raises(GuestError, match="isochronous"):
        usb[doep(2, CTL)] = 1 << 18 | USBAEP | 64
