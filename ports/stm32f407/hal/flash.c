// SPDX-License-Identifier: MIT
#include "flash.h"
#include <string.h>
#include "clock.h"
#include "stm32f4xx.h"

#define KEY1 (0x45670123UL)
#define KEY2 (0xCDEF89ABUL)
// x32 programming wants 2.7 V and more (RM0090 table 7).
#define PSIZE_X32 (2UL << FLASH_CR_PSIZE_Pos)
#define SR_ERRORS (FLASH_SR_OPERR | FLASH_SR_WRPERR | FLASH_SR_PGAERR | FLASH_SR_PGPERR | FLASH_SR_PGSERR)
// Data sheet: 128 KB take 2 s at most with x32, 4 s with x8; a word 100 us.
#define ERASE_MS (4000)
#define PROGRAM_MS (2)

int flash_sector(uint32_t address, uint32_t *start, uint32_t *size) {
    uint32_t flash_size = (uint32_t)*(const volatile uint16_t *)FLASHSIZE_BASE * 1024;
    if (address < FLASH_BASE || address - FLASH_BASE >= flash_size) {
        return -HAL_EINVAL;
    }
    uint32_t offset = address - FLASH_BASE;
    *size = offset < 0x10000 ? 0x4000 : offset < 0x20000 ? 0x10000 : 0x20000;
    *start = FLASH_BASE + offset / *size * *size;
    return 0;
}

static uint32_t sector_number(uint32_t address) {
    uint32_t offset = address - FLASH_BASE;
    return offset < 0x10000 ? offset / 0x4000 : offset < 0x20000 ? 4 : 4 + offset / 0x20000;
}

static int wait_idle(uint32_t ms) {
    clock_timeout_t timeout = clock_timeout_ms(ms);
    while (FLASH->SR & FLASH_SR_BSY) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    return 0;
}

static int unlock(void) {
    int ret = wait_idle(ERASE_MS);
    if (ret == 0 && (FLASH->CR & FLASH_CR_LOCK)) {
        FLASH->KEYR = KEY1;
        FLASH->KEYR = KEY2;
    }
    FLASH->SR = SR_ERRORS | FLASH_SR_EOP;
    return ret;
}

static int finish(uint32_t ms) {
    int ret = wait_idle(ms);
    if (ret == 0 && (FLASH->SR & SR_ERRORS)) {
        ret = -HAL_EIO;
    }
    FLASH->SR = SR_ERRORS | FLASH_SR_EOP;
    return ret;
}

int flash_erase_sector(uint32_t address) {
    uint32_t start, size;
    int ret = flash_sector(address, &start, &size);
    if (ret == 0) {
        ret = unlock();
    }
    if (ret != 0) {
        return ret;
    }
    FLASH->CR = FLASH_CR_SER | PSIZE_X32 | (sector_number(address) << FLASH_CR_SNB_Pos);
    FLASH->CR |= FLASH_CR_STRT;
    // The start is seen by the next read of BSY only when the store has left the core.
    __DSB();
    ret = finish(ERASE_MS);
    FLASH->CR = FLASH_CR_LOCK;
    // The data cache may hold what was there before (RM0090 section 3.5.4): off, reset, on again.
    FLASH->ACR &= ~(FLASH_ACR_DCEN | FLASH_ACR_ICEN);
    FLASH->ACR |= FLASH_ACR_DCRST | FLASH_ACR_ICRST;
    FLASH->ACR &= ~(FLASH_ACR_DCRST | FLASH_ACR_ICRST);
    FLASH->ACR |= FLASH_ACR_DCEN | FLASH_ACR_ICEN;
    return ret;
}

int flash_program(uint32_t address, const void *data, size_t len) {
    if ((address | len) & 3) {
        return -HAL_EINVAL;
    }
    int ret = unlock();
    if (ret != 0) {
        return ret;
    }
    FLASH->CR = FLASH_CR_PG | PSIZE_X32;
    const uint8_t *src = data;
    for (size_t i = 0; i < len && ret == 0; i += 4) {
        volatile uint32_t *dest = (volatile uint32_t *)(address + i);
        uint32_t word;
        memcpy(&word, src + i, 4);
        if ((*dest & word) != word) {
            ret = -HAL_EIO;
            break;
        }
        if (*dest == word) {
            continue; // what is erased to ones needs no programming to ones
        }
        *dest = word;
        __DSB();
        ret = finish(PROGRAM_MS);
        if (ret == 0 && *dest != word) {
            ret = -HAL_EIO;
        }
    }
    FLASH->CR = FLASH_CR_LOCK;
    return ret;
}
