// SPDX-License-Identifier: MIT
// Endpoint 0 of OTG_FS as a device, and the requests of USB 2.0 chapter 9.
#ifndef USB_H
#define USB_H

#include <stdbool.h>
#include <stdint.h>

#define TRANSFER_BYTES 2048 // wTransferSize: the longest data stage

typedef struct {
    uint8_t type, request;
    uint16_t value, index, length;
} setup_t;

extern uint8_t usb_buffer[TRANSFER_BYTES]; // data of the control transfer in hand

// Clocks and the port's pins must be there. The pull-up is on when it returns.
void usb_start(void);
// Pull-up off, the block as after reset.
void usb_stop(void);

// Given by dfu.c. Each returns how many bytes of usb_buffer answer an IN request, or -1 for STALL.
int dfu_request_in(const setup_t *setup);
// After the data stage of an OUT request, before its status stage: false for STALL.
bool dfu_request_out(const setup_t *setup);
// The status stage of a class request is over.
void dfu_request_done(const setup_t *setup);
void dfu_bus_reset(void);

// Given by descriptors.c: bytes of the descriptor, copied to usb_buffer, or -1.
int descriptor(uint16_t value);

#endif
