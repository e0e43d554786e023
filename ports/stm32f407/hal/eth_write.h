// SPDX-License-Identifier: MIT
//
// How every register of the MAC and DMAOMR are written.
#ifndef HAL_ETH_WRITE_H
#define HAL_ETH_WRITE_H

#include "clock.h"
#include "stm32f4xx.h"

// Four clocks of the slowest MII are 1.6 us.
#define ETH_WRITE_GAP_US (2)

// ES0182, "Successive write operations to the same register might not be fully taken into account": write,
// read back, wait four clocks, write again; and wait, for who writes next.
static inline void eth_write(volatile uint32_t *reg, uint32_t value) {
    for (int i = 0; i < 2; i++) {
        *reg = value;
        (void)*reg;
        clock_delay_us(ETH_WRITE_GAP_US);
    }
}

#endif
