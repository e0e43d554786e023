// SPDX-License-Identifier: MIT
#include "memory.h"
#include "chip.h"

#define RDP (FLASH_OPTCR >> 8 & 0xFFu)
#define RDP_OFF 0xAAu
#define BUSY_LOOPS 100000000u

// PSIZE by the byte of "Device Feature": 1.8-2.1 V, 2.1-2.4 V, 2.4-2.7 V, 2.7-3.6 V.
static const uint8_t psize_of[] = { 0, 1, 1, 2 };
static uint8_t voltage_below_3; // 3 - the byte, so that .bss starts it at 2.7-3.6 V

static bool inside(uint32_t address, uint32_t size, uint32_t base, uint32_t bytes) {
    return address >= base && address - base < bytes && size <= bytes - (address - base);
}

static bool in_flash(uint32_t address, uint32_t size) {
    return inside(address, size, FLASH_BASE, FLASH_SIZE_KB * 1024u);
}

bool memory_protected(void) {
    return RDP != RDP_OFF;
}

bool memory_readable(uint32_t address, uint32_t size) {
    return memory_writable(address, size);
}

bool memory_writable(uint32_t address, uint32_t size) {
    return in_flash(address, size) || inside(address, size, OTP_BASE, OTP_BYTES)
           || inside(address, size, OPTION_BASE, OPTION_BYTES)
           || inside(address, size, FEATURE_BASE, FEATURE_BYTES)
           || inside(address, size, RAM_FREE, RAM_END - RAM_FREE);
}

bool memory_erasable(uint32_t address) {
    return in_flash(address, 1);
}

// The option bytes' image: RDP and USER in the first word, nWRP in the third (RM0090 3.6.1).
static uint8_t option_byte(uint32_t offset) {
    uint32_t optcr = FLASH_OPTCR;
    switch (offset) {
        case 0:
            return (uint8_t)(optcr & 0xEC);
        case 1:
            return (uint8_t)(optcr >> 8);
        case 8:
            return (uint8_t)(optcr >> 16);
        case 9:
            return (uint8_t)(optcr >> 24 & 0x0F);
        default:
            return 0xFF;
    }
}

void memory_read(uint32_t address, uint8_t *to, uint32_t size) {
    for (uint32_t i = 0; i < size; ++i, ++address) {
        if (address - OPTION_BASE < OPTION_BYTES) {
            to[i] = option_byte(address - OPTION_BASE);
        } else if (address >= FEATURE_BASE) {
            to[i] = address == FEATURE_BASE ? 3 - voltage_below_3 : 0;
        } else {
            to[i] = *(const volatile uint8_t *)address;
        }
    }
}

static void wait(void) {
    for (uint32_t bound = BUSY_LOOPS; bound > 0 && FLASH_SR & FLASH_SR_BSY; --bound) {
    }
}

static void unlock(void) {
    if (FLASH_CR & FLASH_CR_LOCK) {
        FLASH_KEYR = 0x45670123;
        FLASH_KEYR = 0xCDEF89AB;
    }
    FLASH_SR = FLASH_SR_ERRORS;
}

static __attribute__((noreturn)) void write_options(uint32_t optcr) {
    if (FLASH_OPTCR & FLASH_OPTCR_OPTLOCK) {
        FLASH_OPTKEYR = 0x08192A3B;
        FLASH_OPTKEYR = 0x4C5D6E7F;
    }
    FLASH_OPTCR = optcr & ~(FLASH_OPTCR_OPTLOCK | FLASH_OPTCR_OPTSTRT);
    FLASH_OPTCR |= FLASH_OPTCR_OPTSTRT;
    wait();
    SCB_AIRCR = 0x05FA0004; // option bytes are loaded at reset
    for (;;) {
    }
}

static void program(uint32_t address, const uint8_t *from, uint32_t size) {
    uint32_t psize = psize_of[3 - voltage_below_3];
    uint32_t width = 1u << psize;
    if (address % width || size % width) {
        psize = 0;
        width = 1;
    }
    unlock();
    FLASH_CR = psize << 8 | FLASH_CR_PG;
    for (uint32_t i = 0; i < size; i += width) {
        if (width == 4) {
            REG(address + i) = from[i] | (uint32_t)from[i + 1] << 8 | (uint32_t)from[i + 2] << 16
                               | (uint32_t)from[i + 3] << 24;
        } else if (width == 2) {
            *(volatile uint16_t *)(address + i) = (uint16_t)(from[i] | from[i + 1] << 8);
        } else {
            *(volatile uint8_t *)(address + i) = from[i];
        }
        wait();
    }
    FLASH_CR = FLASH_CR_LOCK;
}

void memory_write(uint32_t address, const uint8_t *from, uint32_t size) {
    if (address == OPTION_BASE && size == OPTION_BYTES) {
        write_options((uint32_t)(from[0] & 0xEC) | (uint32_t)from[1] << 8 | (uint32_t)from[8] << 16
            | (uint32_t)(from[9] & 0x0F) << 24);
    } else if (address == FEATURE_BASE) {
        voltage_below_3 = from[0] <= 3 ? 3 - from[0] : 0;
    } else if (in_flash(address, size) || inside(address, size, OTP_BASE, OTP_BYTES)) {
        program(address, from, size);
    } else {
        for (uint32_t i = 0; i < size; ++i) {
            *(volatile uint8_t *)(address + i) = from[i];
        }
    }
}

static void erase(uint32_t what) {
    unlock();
    FLASH_CR = (uint32_t)psize_of[3 - voltage_below_3] << 8 | what;
    FLASH_CR |= FLASH_CR_STRT;
    wait();
    FLASH_CR = FLASH_CR_LOCK;
}

void memory_erase_sector(uint32_t address) {
    uint32_t kb = (address - FLASH_BASE) / 1024;
    uint32_t sector = kb < 64 ? kb / 16 : kb < 128 ? 4 : 4 + kb / 128;
    erase(sector << 3 | FLASH_CR_SER);
}

void memory_erase_all(void) {
    erase(FLASH_CR_MER);
}

void memory_unprotect(void) {
    write_options((FLASH_OPTCR & ~0xFF00u) | RDP_OFF << 8);
}
