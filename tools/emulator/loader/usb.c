// SPDX-License-Identifier: MIT
// Endpoint 0 alone: DFU needs no other (RM0090 34.17.5 to 34.17.6).
#include "chip.h"
#include "usb.h"

#define OTG(offset) REG(0x50000000 + (offset))
#define GAHBCFG OTG(0x008)
#define GUSBCFG OTG(0x00C)
#define GUSBCFG_FDMOD (1u << 30)
#define GRSTCTL OTG(0x010)
#define GRSTCTL_CSRST 1u
#define GRSTCTL_FLUSH (1u << 4 | 1u << 5 | 16u << 6)
#define GINTSTS OTG(0x014)
#define GINTMSK OTG(0x018)
#define INT_RXFLVL (1u << 4)
#define INT_USBRST (1u << 12)
#define INT_ENUMDNE (1u << 13)
#define INT_IEPINT (1u << 18)
#define INT_OEPINT (1u << 19)
#define GRXSTSP OTG(0x020)
#define GRXFSIZ OTG(0x024)
#define DIEPTXF0 OTG(0x028)
#define GCCFG OTG(0x038)
#define GCCFG_PWRDWN (1u << 16)
#define GCCFG_NOVBUSSENS (1u << 21)
#define DCFG OTG(0x800)
#define DCTL OTG(0x804)
#define DCTL_SDIS 2u
#define DIEPMSK OTG(0x810)
#define DOEPMSK OTG(0x814)
#define DAINTMSK OTG(0x81C)
#define DIEPCTL0 OTG(0x900)
#define DIEPINT0 OTG(0x908)
#define DIEPTSIZ0 OTG(0x910)
#define DOEPCTL0 OTG(0xB00)
#define DOEPINT0 OTG(0xB08)
#define DOEPTSIZ0 OTG(0xB10)
#define FIFO0 OTG(0x1000)
#define EP_ENABLE (1u << 31)
#define EP_CNAK (1u << 26)
#define EP_STALL (1u << 21)
#define EPINT_XFRC 1u
#define EPINT_STUP 8u
#define RX_FIFO_WORDS 128u
#define TX_FIFO_WORDS 64u
#define PACKET 64

typedef enum { IDLE, DATA_IN, DATA_OUT, STATUS_IN, STATUS_OUT } stage_t;

uint8_t usb_buffer[TRANSFER_BYTES];
static setup_t setup;
static stage_t stage;
static int done, total; // bytes of the data stage
static uint8_t alternate, configured;

// Ready for SETUP packets, and for a data packet where `data`.
static void open_out(bool data) {
    DOEPTSIZ0 = 3u << 29 | 1u << 19 | PACKET;
    DOEPCTL0 |= EP_ENABLE | (data ? EP_CNAK : 0);
}

static void send_packet(void) {
    int size = total - done > PACKET ? PACKET : total - done;
    DIEPTSIZ0 = 1u << 19 | (uint32_t)size;
    DIEPCTL0 |= EP_ENABLE | EP_CNAK;
    for (int i = 0; i < size; i += 4) {
        const uint8_t *from = usb_buffer + done + i;
        FIFO0 = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
    }
    done += size;
}

static void send_status(void) {
    stage = STATUS_IN;
    done = total = 0;
    send_packet();
}

static void stall(void) {
    stage = IDLE;
    DIEPCTL0 |= EP_STALL;
    DOEPCTL0 |= EP_STALL;
    open_out(false);
}

static int standard_in(void) {
    usb_buffer[0] = usb_buffer[1] = 0;
    switch (setup.request) {
        case 0: // GET_STATUS: of the device, that it is self-powered
            usb_buffer[0] = setup.type == 0x80;
            return 2;
        case 6:
            return descriptor(setup.value);
        case 8:
            usb_buffer[0] = configured;
            return 1;
        case 10:
            usb_buffer[0] = alternate;
            return 1;
        default:
            return -1;
    }
}

static bool standard_out(void) {
    switch (setup.request) {
        case 1: // CLEAR_FEATURE
            return true;
        case 5:
            DCFG = (DCFG & ~(0x7Fu << 4)) | (setup.value & 0x7Fu) << 4;
            return true;
        case 9:
            configured = (uint8_t)setup.value;
            alternate = 0;
            return setup.value <= 1;
        case 11:
            alternate = (uint8_t)setup.value;
            return setup.value < 4;
        default:
            return false;
    }
}

static bool is_class(void) {
    return (setup.type & 0x60) == 0x20;
}

static void handle_out(void) {
    if (is_class() ? dfu_request_out(&setup) : standard_out()) {
        send_status();
    } else {
        stall();
    }
}

static void handle_setup(void) {
    DOEPCTL0 &= ~EP_STALL;
    done = 0;
    if (setup.type & 0x80) {
        int length = is_class() ? dfu_request_in(&setup) : standard_in();
        if (length < 0) {
            stall();
            return;
        }
        total = length < setup.length ? length : setup.length;
        stage = DATA_IN;
        send_packet();
    } else if (setup.length > TRANSFER_BYTES) {
        stall();
    } else if (setup.length > 0) {
        total = setup.length;
        stage = DATA_OUT;
        open_out(true);
    } else {
        total = 0;
        handle_out();
    }
}

static void out_complete(void) {
    if (stage == DATA_OUT && done < total) {
        open_out(true);
    } else if (stage == DATA_OUT) {
        handle_out();
    } else if (stage == STATUS_OUT) {
        stage = IDLE;
        open_out(false);
        if (is_class()) {
            dfu_request_done(&setup);
        }
    }
}

static void in_complete(void) {
    if (stage == DATA_IN && done < total) {
        send_packet();
    } else if (stage == DATA_IN) {
        // A short answer of whole packets ends with an empty one.
        if (total > 0 && total % PACKET == 0 && total < setup.length && done == total) {
            ++done;
            DIEPTSIZ0 = 1u << 19;
            DIEPCTL0 |= EP_ENABLE | EP_CNAK;
            return;
        }
        stage = STATUS_OUT;
        open_out(true);
    } else if (stage == STATUS_IN) {
        stage = IDLE;
        open_out(false);
        if (is_class()) {
            dfu_request_done(&setup);
        }
    }
}

static void receive(void) {
    uint32_t status = GRXSTSP;
    int size = status >> 4 & 0x7FF;
    bool is_setup = (status >> 17 & 15) == 6;
    for (int i = 0; i < size; i += 4) {
        uint32_t word = FIFO0;
        for (int j = 0; j < 4 && i + j < size; ++j) {
            uint8_t byte = (uint8_t)(word >> 8 * j);
            if (is_setup) {
                ((uint8_t *)&setup)[i + j] = byte;
            } else if (done < total) {
                usb_buffer[done++] = byte;
            }
        }
    }
}

static void bus_reset(void) {
    DCFG &= ~(0x7Fu << 4);
    GRSTCTL = GRSTCTL_FLUSH;
    GRXFSIZ = RX_FIFO_WORDS;
    DIEPTXF0 = TX_FIFO_WORDS << 16 | RX_FIFO_WORDS;
    DAINTMSK = 1u << 16 | 1u;
    DIEPMSK = EPINT_XFRC;
    DOEPMSK = EPINT_XFRC | EPINT_STUP;
    stage = IDLE;
    configured = alternate = 0;
    dfu_bus_reset();
}

void usb_interrupt(void) {
    uint32_t pending = GINTSTS & GINTMSK;
    if (pending & INT_USBRST) {
        GINTSTS = INT_USBRST;
        bus_reset();
    }
    if (pending & INT_ENUMDNE) {
        GINTSTS = INT_ENUMDNE;
        open_out(false);
    }
    if (pending & INT_RXFLVL) {
        receive();
        return; // what it leads to is raised as an interrupt of its own
    }
    if (pending & INT_OEPINT) {
        uint32_t what = DOEPINT0;
        DOEPINT0 = what;
        if (what & EPINT_XFRC) {
            out_complete();
        }
        if (what & EPINT_STUP) {
            handle_setup();
        }
    }
    if (pending & INT_IEPINT && DIEPINT0 & EPINT_XFRC) {
        DIEPINT0 = EPINT_XFRC;
        in_complete();
    }
}

void usb_start(void) {
    GRSTCTL = GRSTCTL_CSRST;
    for (int bound = 100000; bound > 0 && GRSTCTL & GRSTCTL_CSRST; --bound) {
    }
    GUSBCFG |= GUSBCFG_FDMOD;
    DCFG |= 3; // full speed
    DCTL |= DCTL_SDIS;
    GINTSTS = 0xFFFFFFFF;
    GINTMSK = INT_USBRST | INT_ENUMDNE | INT_RXFLVL | INT_IEPINT | INT_OEPINT;
    GAHBCFG = 1;
    GCCFG = GCCFG_PWRDWN | GCCFG_NOVBUSSENS; // PA9 may be a console's
    NVIC_ISER2 = OTG_FS_IRQ_IN_ISER2;
    DCTL &= ~DCTL_SDIS;
}

void usb_stop(void) {
    DCTL |= DCTL_SDIS;
    NVIC_ICER2 = OTG_FS_IRQ_IN_ISER2;
    RCC_AHB2RSTR = RCC_OTGFS;
    RCC_AHB2RSTR = 0;
}
