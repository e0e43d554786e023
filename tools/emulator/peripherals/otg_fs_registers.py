# SPDX-License-Identifier: MIT
"""OTG_FS's registers and bits in device mode (RM0090 34.16)."""

from ..peripheral import Register

ENDPOINTS = 4

GAHBCFG, GUSBCFG, GRSTCTL, GINTSTS, GINTMSK = 0x008, 0x00C, 0x010, 0x014, 0x018
GOTGCTL, GOTGINT, GRXSTSR, GRXSTSP, GRXFSIZ, DIEPTXF0, GCCFG = 0x000, 0x004, 0x01C, 0x020, 0x024, 0x028, 0x038
DCFG, DCTL, DSTS, DIEPMSK, DOEPMSK, DAINT, DAINTMSK = 0x800, 0x804, 0x808, 0x810, 0x814, 0x818, 0x81C
DIEPEMPMSK, PCGCCTL = 0x834, 0xE00
DIEPCTL, DIEPINT, DIEPTSIZ, DTXFSTS = 0x900, 0x908, 0x910, 0x918
DOEPCTL, DOEPINT, DOEPTSIZ = 0xB00, 0xB08, 0xB10

# GINTSTS
OTGINT, SOF, RXFLVL, GINAKEFF, GONAKEFF = 1 << 2, 1 << 3, 1 << 4, 1 << 6, 1 << 7
ESUSP, USBSUSP, USBRST, ENUMDNE = 1 << 10, 1 << 11, 1 << 12, 1 << 13
IEPINT, OEPINT, SRQINT, WKUPINT = 1 << 18, 1 << 19, 1 << 30, 1 << 31
GINTSTS_W1C = 0xF030FC0A
GINTSTS_FIXED = 0x04000020  # PTXFE, NPTXFE: host mode's FIFOs, empty for good

# Endpoint registers
EPENA, EPDIS, SD1PID, SD0PID, SNAK, CNAK = 1 << 31, 1 << 30, 1 << 29, 1 << 28, 1 << 27, 1 << 26
STALL, NAKSTS, DPID, USBAEP = 1 << 21, 1 << 17, 1 << 16, 1 << 15
XFRC, EPDISD, TOC_STUP, ITTXFE_OTEPDIS, INEPNE_B2BSTUP, TXFE = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 6, 1 << 7

RWUSIG, SDIS, GINSTS, GONSTS = 1 << 0, 1 << 1, 1 << 2, 1 << 3
PWRDWN, VBUSBSEN, NOVBUSSENS = 1 << 16, 1 << 19, 1 << 21
CSRST, RXFFLSH, TXFFLSH, AHBIDL = 1 << 0, 1 << 4, 1 << 5, 1 << 31
FDMOD, FHMOD = 1 << 30, 1 << 29
STPPCLK, PHYSUSP = 1 << 0, 1 << 4

# GRXSTSP.PKTSTS
GLOBAL_OUT_NAK, OUT_DATA, OUT_DONE, SETUP_DONE, SETUP_DATA = 1, 2, 3, 4, 6

WORD = (4,)


def endpoint_registers(n):
    """The registers of IN and OUT endpoint n."""
    o = 0x20 * n
    first = n == 0
    in_write = 0x03C00003 if first else 0x03EC87FF  # TXFNUM MPSIZ / + STALL EPTYP USBAEP
    out_write = 0x00100000 if first else 0x003C87FF  # SNPM / + STALL EPTYP USBAEP MPSIZ
    reset = USBAEP if first else 0
    in_size = 0x0018007F if first else 0x7FFFFFFF
    out_size = 0x6008007F if first else 0x7FFFFFFF
    control = EPENA | EPDIS | (STALL if first else 0)
    return [
        Register(DIEPCTL + o, f"DIEPCTL{n}", reset, in_write, w1s=control, widths=WORD, on_write="_diepctl"),
        Register(
            DIEPINT + o, f"DIEPINT{n}", TXFE, w1c=0x5B, widths=WORD, on_read="_diepint", on_write="_changed"
        ),
        Register(DIEPTSIZ + o, f"DIEPTSIZ{n}", 0, in_size, widths=WORD),
        Register(DTXFSTS + o, f"DTXFSTS{n}", 0, widths=WORD, on_read="_dtxfsts"),
        Register(DOEPCTL + o, f"DOEPCTL{n}", reset, out_write, w1s=control, widths=WORD, on_write="_doepctl"),
        Register(DOEPINT + o, f"DOEPINT{n}", 0x80, w1c=0x5B, widths=WORD, on_write="_changed"),
        Register(DOEPTSIZ + o, f"DOEPTSIZ{n}", 0, out_size, widths=WORD),
    ]


def device_registers():
    """Everything but the endpoints."""
    W = WORD
    return [
        Register(GOTGCTL, "GOTGCTL", 0, tagged=0x0C02, widths=W, on_read="_gotgctl"),
        Register(GOTGINT, "GOTGINT", 0, w1c=0x000E0304, widths=W, on_write="_changed"),
        Register(GAHBCFG, "GAHBCFG", 0, 0x181, widths=W, on_write="_changed"),
        Register(
            GUSBCFG, "GUSBCFG", 0xA00, 0x60003F07, tagged=FHMOD | 1 << 31, widths=W, on_write="_connection"
        ),
        Register(GRSTCTL, "GRSTCTL", AHBIDL, 0x7C0, widths=W, on_read="_grstctl_read", on_write="_grstctl"),
        Register(GINTSTS, "GINTSTS", 0, w1c=GINTSTS_W1C, widths=W, on_read="_gintsts", on_write="_changed"),
        Register(GINTMSK, "GINTMSK", 0, 0xF77EFCFE, widths=W, on_write="_changed"),
        Register(GRXSTSR, "GRXSTSR", 0, widths=W, on_read="_grxstsr"),
        Register(GRXSTSP, "GRXSTSP", 0, widths=W, on_read="_grxstsp"),
        Register(GRXFSIZ, "GRXFSIZ", 0x200, 0xFFFF, widths=W, on_write="_sizes"),
        Register(DIEPTXF0, "DIEPTXF0", 0x200, 0xFFFFFFFF, widths=W, on_write="_sizes"),
        Register(0x02C, "HNPTXSTS", 0x00080200, widths=W),
        Register(GCCFG, "GCCFG", 0, 0x003D0000, widths=W, on_write="_connection"),
        Register(0x03C, "CID", 0x1200, 0xFFFFFFFF, widths=W),
        Register(0x040, "GSNPSID", 0x4F54281A, widths=W),
        Register(0x044, "GHWCFG1", 0, widths=W),
        Register(0x048, "GHWCFG2", 0x229DCD20, widths=W),
        Register(0x04C, "GHWCFG3", 0x020001E8, widths=W),
        Register(0x050, "GHWCFG4", 0x0FF08030, widths=W),
        Register(0x05C, "GDFIFOCFG", 0, 0xFFFFFFFF, widths=W),
        Register(0x100, "HPTXFSIZ", 0x02000600, 0xFFFFFFFF, widths=W),
        Register(0x104, "DIEPTXF1", 0x02000400, 0xFFFFFFFF, widths=W, on_write="_sizes"),
        Register(0x108, "DIEPTXF2", 0x02000400, 0xFFFFFFFF, widths=W, on_write="_sizes"),
        Register(0x10C, "DIEPTXF3", 0x02000400, 0xFFFFFFFF, widths=W, on_write="_sizes"),
        # Reserved here, sizes of more FIFOs on larger cores: common drivers clear them all
        *(Register(offset, f"RES{offset:03X}", widths=W) for offset in range(0x110, 0x140, 4)),
        Register(DCFG, "DCFG", 0x02200000, 0x1FF7, widths=W, on_write="_dcfg"),
        Register(DCTL, "DCTL", 0, 0x803, tagged=0x70, widths=W, on_write="_dctl"),
        Register(DSTS, "DSTS", 0x10, widths=W, on_read="_dsts"),
        Register(DIEPMSK, "DIEPMSK", 0, 0x7B, widths=W, on_write="_changed"),
        Register(DOEPMSK, "DOEPMSK", 0, 0x5B, widths=W, on_write="_changed"),
        Register(DAINT, "DAINT", 0, widths=W, on_read="_daint"),
        Register(DAINTMSK, "DAINTMSK", 0, 0xFFFFFFFF, widths=W, on_write="_changed"),
        Register(0x828, "DVBUSDIS", 0x17D7, 0xFFFF, widths=W),
        Register(0x82C, "DVBUSPULSE", 0x5B8, 0xFFF, widths=W),
        Register(DIEPEMPMSK, "DIEPEMPMSK", 0, 0xFFFF, widths=W, on_write="_changed"),
        Register(PCGCCTL, "PCGCCTL", 0, 0x3, widths=W, on_write="_connection"),
    ]
