// SPDX-License-Identifier: MIT
// DFU 1.1a with ST's extensions: AN3156, UM0424.
#include "chip.h"
#include "dfu.h"
#include "memory.h"
#include "usb.h"

enum { DNLOAD = 1, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };
enum { SET_ADDRESS = 0x21, ERASE = 0x41, READ_UNPROTECT = 0x92 };

typedef enum {
    DFU_IDLE = 2, DNLOAD_SYNC, DNBUSY, DNLOAD_IDLE, MANIFEST_SYNC, MANIFEST, WAIT_RESET, UPLOAD_IDLE, ERROR,
} state_t;
enum { OK = 0, ERR_TARGET = 1, ERR_VENDOR = 0x0B, ERR_STALLED = 0x0F };

// Poll time-outs in ms. The real ones are not documented.
#define POLL_WRITE_MS 10
#define POLL_ERASE_MS 100

static state_t state;
static uint8_t status;
static uint32_t pointer;
static uint16_t block, length; // of the download that waits to be carried out
static uint8_t data[TRANSFER_BYTES];
static bool begin; // this GETSTATUS has made the state dfuDNBUSY
static volatile bool run_block, run_leave;

void dfu_bus_reset(void) {
    state = DFU_IDLE;
    status = OK;
    pointer = FLASH_BASE;
    run_block = run_leave = false;
}

static void fail(uint8_t why) {
    state = ERROR;
    status = why;
}

static uint32_t argument(void) {
    return data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
}

static uint32_t block_address(uint16_t number) {
    return pointer + (number - 2u) * TRANSFER_BYTES;
}

// What the first GETSTATUS after a download says: OK, or why it will not be done.
static uint8_t check_block(void) {
    if (block >= 2) {
        bool inside = memory_writable(block_address(block), length);
        return memory_protected() ? ERR_VENDOR : inside ? OK : ERR_TARGET;
    }
    if (block == 1) {
        return ERR_TARGET;
    }
    if (data[0] == READ_UNPROTECT && length == 1) {
        return OK;
    }
    if (memory_protected()) {
        return ERR_VENDOR;
    }
    if (data[0] == SET_ADDRESS && length == 5) {
        return memory_writable(argument(), 1) ? OK : ERR_TARGET;
    }
    if (data[0] == ERASE && length == 5) {
        return memory_erasable(argument()) ? OK : ERR_TARGET;
    }
    return data[0] == ERASE && length == 1 ? OK : ERR_TARGET;
}

static void carry_out(void) {
    if (block >= 2) {
        memory_write(block_address(block), data, length);
    } else if (data[0] == SET_ADDRESS) {
        pointer = argument();
    } else if (data[0] == READ_UNPROTECT) {
        usb_stop();
        memory_unprotect();
    } else if (length == 5) {
        memory_erase_sector(argument());
    } else {
        memory_erase_all();
    }
}

// Its state of the moment, and the step that asking brings about.
static int get_status(void) {
    uint32_t poll_ms = state == DNBUSY ? POLL_WRITE_MS : 0;
    begin = false;
    if (state == DNLOAD_SYNC) {
        uint8_t verdict = check_block();
        if (verdict != OK) {
            fail(verdict);
        } else {
            state = DNBUSY;
            begin = true;
            poll_ms = block == 0 && data[0] == ERASE ? POLL_ERASE_MS : POLL_WRITE_MS;
        }
    } else if (state == MANIFEST_SYNC) {
        state = MANIFEST;
    }
    usb_buffer[0] = status;
    usb_buffer[1] = (uint8_t)poll_ms;
    usb_buffer[2] = usb_buffer[3] = 0;
    usb_buffer[4] = (uint8_t)state;
    usb_buffer[5] = 0;
    return 6;
}

static int upload(const setup_t *setup) {
    static const uint8_t commands[] = { 0, SET_ADDRESS, ERASE, READ_UNPROTECT };
    uint32_t wanted = setup->length;
    if ((state != DFU_IDLE && state != UPLOAD_IDLE) || wanted > TRANSFER_BYTES || setup->value == 1) {
        fail(ERR_STALLED);
        return -1;
    }
    if (setup->value == 0) {
        for (unsigned i = 0; i < sizeof(commands); ++i) {
            usb_buffer[i] = commands[i];
        }
        return sizeof(commands);
    }
    if (memory_protected()) {
        fail(ERR_VENDOR);
        return -1;
    }
    uint32_t address = block_address(setup->value);
    if (!memory_readable(address, 1)) {
        fail(ERR_TARGET);
        return -1;
    }
    uint32_t size = wanted;
    while (!memory_readable(address, size)) {
        --size; // up to the memory's end: a short answer, which ends the upload
    }
    memory_read(address, usb_buffer, size);
    state = size < wanted ? DFU_IDLE : UPLOAD_IDLE;
    return (int)size;
}

int dfu_request_in(const setup_t *setup) {
    switch (setup->request) {
        case UPLOAD:
            return upload(setup);
        case GETSTATUS:
            return get_status();
        case GETSTATE:
            usb_buffer[0] = (uint8_t)state;
            return 1;
        default:
            fail(ERR_STALLED);
            return -1;
    }
}

static bool download(const setup_t *setup) {
    if (state != DFU_IDLE && state != DNLOAD_IDLE) {
        fail(ERR_STALLED);
        return false;
    }
    if (setup->length == 0) {
        state = MANIFEST_SYNC;
        return true;
    }
    block = setup->value;
    length = setup->length;
    for (uint32_t i = 0; i < length; ++i) {
        data[i] = usb_buffer[i];
    }
    state = DNLOAD_SYNC;
    return true;
}

bool dfu_request_out(const setup_t *setup) {
    switch (setup->request) {
        case DNLOAD:
            return download(setup);
        case CLRSTATUS:
            status = OK;
            state = DFU_IDLE;
            return true;
        case ABORT:
            if (state != ERROR) {
                state = DFU_IDLE;
            }
            return true;
        default:
            fail(ERR_STALLED);
            return false;
    }
}

void dfu_request_done(const setup_t *setup) {
    if (setup->request == GETSTATUS) {
        run_block |= begin;
        begin = false;
        run_leave = state == MANIFEST;
    }
}

// The image at the address pointer, with the loader's peripherals as after reset. Clocks stay, and so does
// the system memory at address 0.
static void leave(void) {
    usb_stop();
    RCC_AHB1RSTR = 1;
    RCC_AHB1RSTR = 0;
    RCC_AHB2ENR = 0;
    const uint32_t *vectors = (const uint32_t *)pointer;
    __asm volatile (
        "msr msp, %0 \n"
        "bx %1 \n" : : "r" (vectors[0]), "r" (vectors[1]));
    __builtin_unreachable();
}

void dfu_poll(void) {
    if (run_leave) {
        leave();
    }
    if (run_block) {
        run_block = false;
        carry_out();
        state = DNLOAD_IDLE;
    }
}
