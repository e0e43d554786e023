// SPDX-License-Identifier: MIT
// The serial port on USB, as mphalport.c uses it. Any task may call these functions unless said otherwise.
#ifndef USB_USB_CDC_H
#define USB_USB_CDC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What happened since start-up.
typedef struct {
    uint32_t rx_bytes;
    uint32_t tx_bytes;
    uint32_t tx_dropped; // a host that had the port open did not read them in time
    uint32_t tx_overwritten; // nobody had the port open: only the newest are kept
    uint32_t interrupts; // interrupt characters and breaks
} usb_cdc_stats_t;

extern usb_cdc_stats_t usb_cdc_stats;

// Takes up to len bytes that the host sent; never waits. Returns how many.
size_t usb_cdc_read(uint8_t *buf, size_t len);

// Sends len bytes. While the host has the port open and takes data, waits for room, up to timeout_ms without
// any progress; then what is left is dropped, and further calls do not wait until the host takes data again.
// While the port is closed the newest bytes are kept for whoever opens it. Waits in MICROPY_INTERNAL_WFE, so
// timeout_ms must be 0 except in a task that runs Python. Interrupts may call it (it never waits there).
// Returns how many bytes were not dropped.
size_t usb_cdc_write(const uint8_t *buf, size_t len, uint32_t timeout_ms);

// Whether usb_cdc_read() would give a byte.
bool usb_cdc_readable(void);
// Whether usb_cdc_write() would take a byte without waiting.
bool usb_cdc_writable(void);
// Whether a program on the host has the port open (DTR).
bool usb_cdc_connected(void);

// The character that interrupts Python instead of being read, as a break does; -1 for neither.
void usb_cdc_set_interrupt_char(int c);

// For usb.c: before TinyUSB starts, after it stopped.
void usb_cdc_init(void);
void usb_cdc_deinit(void);

#endif // USB_USB_CDC_H
