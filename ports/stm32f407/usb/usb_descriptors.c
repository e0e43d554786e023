// SPDX-License-Identifier: MIT
// What the device tells about itself. VID and PID are those of MicroPython's pyboard with CDC alone, which
// terminals and mpremote know; Windows 10, macOS and Linux bind their own driver by the CDC-ACM class.
#include <string.h>
#include "tusb.h"
#include "py/mpconfig.h"
#include "stm32f4xx.h"
#include "usb.h"

#ifndef MICROPY_HW_USB_VID
#define MICROPY_HW_USB_VID (0xf055)
#endif
#ifndef MICROPY_HW_USB_PID
#define MICROPY_HW_USB_PID (0x9800)
#endif
#ifndef MICROPY_HW_USB_MANUFACTURER
#define MICROPY_HW_USB_MANUFACTURER "MicroPython"
#endif
#ifndef MICROPY_HW_USB_PRODUCT
#define MICROPY_HW_USB_PRODUCT "Board in FS mode"
#endif
#define MAX_POWER_MA (500)

enum { STR_LANGUAGE, STR_MANUFACTURER, STR_PRODUCT, STR_SERIAL, STR_COUNT };
enum { ITF_CDC, ITF_CDC_DATA, ITF_COUNT };
enum { EP_CDC_NOTIFY = 0x81, EP_CDC_OUT = 0x02, EP_CDC_IN = 0x82 };

#define NOTIFY_SIZE (8)
#define BULK_SIZE (64)
#define STRING_MAX (31) // characters

// One function of two interfaces, bound together by an interface association: class "miscellaneous".
static const tusb_desc_device_t device_descriptor = {
    .bLength = sizeof(tusb_desc_device_t),
    .bDescriptorType = TUSB_DESC_DEVICE,
    .bcdUSB = 0x0200,
    .bDeviceClass = TUSB_CLASS_MISC,
    .bDeviceSubClass = MISC_SUBCLASS_COMMON,
    .bDeviceProtocol = MISC_PROTOCOL_IAD,
    .bMaxPacketSize0 = CFG_TUD_ENDPOINT0_SIZE,
    .idVendor = MICROPY_HW_USB_VID,
    .idProduct = MICROPY_HW_USB_PID,
    .bcdDevice = 0x0100,
    .iManufacturer = STR_MANUFACTURER,
    .iProduct = STR_PRODUCT,
    .iSerialNumber = STR_SERIAL,
    .bNumConfigurations = 1,
};

static const uint8_t configuration_descriptor[] = {
    TUD_CONFIG_DESCRIPTOR(1, ITF_COUNT, 0, TUD_CONFIG_DESC_LEN + TUD_CDC_DESC_LEN, 0, MAX_POWER_MA),
    TUD_CDC_DESCRIPTOR(ITF_CDC, 0, EP_CDC_NOTIFY, NOTIFY_SIZE, EP_CDC_OUT, EP_CDC_IN, BULK_SIZE),
};

void usb_serial_number(char serial[USB_SERIAL_LEN + 1]) {
    const uint8_t *id = (const uint8_t *)UID_BASE;
    const uint8_t bytes[USB_SERIAL_LEN / 2] = {
        id[11], (uint8_t)(id[10] + id[2]), id[9], (uint8_t)(id[8] + id[0]), id[7], id[6],
    };
    for (size_t i = 0; i < USB_SERIAL_LEN; i++) {
        serial[i] = "0123456789ABCDEF"[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    }
    serial[USB_SERIAL_LEN] = 0;
}

const uint8_t *tud_descriptor_device_cb(void) {
    return (const uint8_t *)&device_descriptor;
}

const uint8_t *tud_descriptor_configuration_cb(uint8_t index) {
    (void)index;
    return configuration_descriptor;
}

// The returned buffer holds until the next call: TinyUSB asks for one string at a time.
const uint16_t *tud_descriptor_string_cb(uint8_t index, uint16_t language) {
    (void)language;
    static uint16_t descriptor[1 + STRING_MAX];
    char serial[USB_SERIAL_LEN + 1];
    const char *text;
    switch (index) {
        case STR_LANGUAGE:
            descriptor[0] = (TUSB_DESC_STRING << 8) | 4;
            descriptor[1] = 0x0409; // English (United States)
            return descriptor;
        case STR_MANUFACTURER:
            text = MICROPY_HW_USB_MANUFACTURER;
            break;
        case STR_PRODUCT:
            text = MICROPY_HW_USB_PRODUCT;
            break;
        case STR_SERIAL:
            usb_serial_number(serial);
            text = serial;
            break;
        default:
            return NULL;
    }
    size_t len = strlen(text);
    if (len > STRING_MAX) {
        len = STRING_MAX;
    }
    for (size_t i = 0; i < len; i++) {
        descriptor[1 + i] = (uint8_t)text[i];
    }
    descriptor[0] = (uint16_t)((TUSB_DESC_STRING << 8) | (2 + 2 * len));
    return descriptor;
}
