// SPDX-License-Identifier: MIT
#include "bitstream.h"
#include "clock.h"
#include "stm32f4xx.h"

static inline __attribute__((always_inline)) void wait_until(uint32_t cycle) {
    while ((int32_t)(DWT->CYCCNT - cycle) < 0) {
    }
}

void bitstream_high_low(pin_t pin, const uint32_t ns[4], const uint8_t *buf, size_t len) {
    volatile uint32_t *bsrr = gpio_bsrr(pin);
    const uint32_t high = 1UL << PIN_BIT(pin), low = high << 16;
    uint32_t cycles[4];
    for (unsigned i = 0; i < 4; i++) {
        cycles[i] = (uint32_t)(((uint64_t)ns[i] * hclk_hz() + 500000000) / 1000000000);
    }
    // The first edge lies ahead of the way through the first bit.
    uint32_t next = DWT->CYCCNT + 64;
    for (size_t i = 0; i < len; i++) {
        uint32_t byte = buf[i];
        for (unsigned bit = 0; bit < 8; bit++, byte <<= 1) {
            const uint32_t *time = &cycles[byte >> 6 & 2];
            wait_until(next);
            *bsrr = high;
            next += time[0];
            wait_until(next);
            *bsrr = low;
            next += time[1];
        }
    }
    wait_until(next);
}
