// SPDX-License-Identifier: MIT
// The USB device: start, stop, its identity.
#ifndef USB_USB_H
#define USB_USB_H

#include <stdbool.h>
#include <stdint.h>

// Starts the USB task, which brings the device up; does nothing when it runs already.
void usb_init(void);

// Takes the device off the bus and switches the peripheral off, for a reset or the ROM's loader. Python
// task only; usb_init() is not possible afterwards.
void usb_deinit(void);

// Whether the host has configured the device and the bus is not suspended. Any task.
bool usb_ready(void);

// Smallest number of bytes that the USB task's stack ever had free.
uint32_t usb_stack_free(void);

#define USB_SERIAL_LEN (12)
// The serial number from the chip's unique ID, in the form the ROM's DFU loader gives it, with a final 0.
void usb_serial_number(char serial[USB_SERIAL_LEN + 1]);

#endif // USB_USB_H
