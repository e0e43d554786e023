// SPDX-License-Identifier: MIT
#include "rng.h"
#include <string.h>
#include "clock.h"
#include "stm32f4xx.h"
#include "timebase.h"

#define READY_MS (5)
#define SEED_RETRIES (4)

static int rng_word(uint32_t *word) {
    clock_timeout_t timeout = clock_timeout_ms(READY_MS);
    for (int retries = 0; retries < SEED_RETRIES; ++retries) {
        while ((RNG->SR & (RNG_SR_DRDY | RNG_SR_SEIS | RNG_SR_CEIS)) == 0) {
            if (clock_expired(&timeout)) {
                return -HAL_ETIMEDOUT;
            }
        }
        uint32_t sr = RNG->SR;
        if ((sr & (RNG_SR_SEIS | RNG_SR_CEIS)) == 0) {
            *word = RNG->DR;
            return 0;
        }
        // RM0090 section 24.3.2: after a seed error clear SEIS and start the generator anew.
        RNG->SR = 0;
        RNG->CR = 0;
        RNG->CR = RNG_CR_RNGEN;
        timeout = clock_timeout_ms(READY_MS);
    }
    return -HAL_EIO;
}

int rng_read(void *buf, size_t len) {
    RCC->AHB2ENR |= RCC_AHB2ENR_RNGEN;
    (void)RCC->AHB2ENR;
    RNG->CR = RNG_CR_RNGEN;
    uint8_t *dest = buf;
    while (len > 0) {
        uint32_t word;
        int ret = rng_word(&word);
        if (ret != 0) {
            return ret;
        }
        size_t n = len < 4 ? len : 4;
        memcpy(dest, &word, n);
        dest += n;
        len -= n;
    }
    return 0;
}

uint32_t rng_get(void) {
    uint32_t word;
    if (rng_read(&word, sizeof(word)) != 0) {
        const uint32_t *uid = (const uint32_t *)UID_BASE;
        word = (uid[0] ^ uid[1] ^ uid[2]) * 2654435761u ^ timebase_us32() ^ clock_cycles();
    }
    return word;
}
