// SPDX-License-Identifier: MIT
// What the F407's loader says of itself: 0483:df11, DfuSe 1.1a, one alternate setting for each memory.
#include "chip.h"
#include "usb.h"

#define INTERFACE(n) 9, 4, 0, (n), 0, 0xFE, 0x01, 0x02, 4 + (n)

static const uint8_t device[18] = {
    18, 1, 0x00, 0x01, 0, 0, 0, 64, 0x83, 0x04, 0x11, 0xDF, 0x00, 0x22, 1, 2, 3, 1,
};
static const uint8_t configuration[54] = {
    9, 2, 54, 0, 1, 1, 0, 0xC0, 50,
    INTERFACE(0), INTERFACE(1), INTERFACE(2), INTERFACE(3),
    // download, upload, will detach; not manifestation tolerant
    9, 0x21, 0x0B, 0xFF, 0x00, TRANSFER_BYTES & 0xFF, TRANSFER_BYTES >> 8, 0x1A, 0x01,
};
static const char *const strings[] = {
    [1] = "STMicroelectronics",
    [2] = "STM32  BOOTLOADER",
    [5] = "@Option Bytes  /0x1FFFC000/01*016 e",
    [6] = "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
    [7] = "@Device Feature/0xFFFF0000/01*004 e",
};

static int copy(const uint8_t *from, int length) {
    for (int i = 0; i < length; ++i) {
        usb_buffer[i] = from[i];
    }
    return length;
}

// Appends text as UTF-16.
static int text(int at, const char *from) {
    for (; *from; ++from) {
        usb_buffer[at++] = (uint8_t)*from;
        usb_buffer[at++] = 0;
    }
    return at;
}

static int hex(int at, uint32_t value, int digits) {
    for (int shift = 28; digits > 0; shift -= 4, --digits) {
        usb_buffer[at++] = (uint8_t)"0123456789ABCDEF"[value >> shift & 15];
        usb_buffer[at++] = 0;
    }
    return at;
}

static int string(uint8_t index) {
    const volatile uint32_t *uid = (const volatile uint32_t *)UID_BASE;
    int at = 2;
    if (index == 0) {
        usb_buffer[at++] = 0x09;
        usb_buffer[at++] = 0x04;
    } else if (index == 3) {
        at = hex(hex(at, uid[0] + uid[2], 8), uid[1], 4);
    } else if (index == 4) {
        // Four sectors of 16 KB and one of 64 make the first 128.
        char large[] = "00*128Kg";
        int count = FLASH_SIZE_KB / 128 - 1;
        large[0] = (char)('0' + count / 10);
        large[1] = (char)('0' + count % 10);
        at = text(text(at, "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,"), large);
    } else if (index < sizeof(strings) / sizeof(strings[0])) {
        at = text(at, strings[index]);
    } else {
        return -1;
    }
    usb_buffer[0] = (uint8_t)at;
    usb_buffer[1] = 3;
    return at;
}

int descriptor(uint16_t value) {
    switch (value >> 8) {
        case 1:
            return copy(device, sizeof(device));
        case 2:
            return copy(configuration, sizeof(configuration));
        case 3:
            return string((uint8_t)value);
        default:
            return -1;
    }
}
