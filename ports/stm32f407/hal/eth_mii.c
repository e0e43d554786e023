// SPDX-License-Identifier: MIT

#include "clock.h"
#include "eth_mii.h"
#include "stm32f4xx.h"

// An access is 64 bits at 1.3 MHz or more.
#define ACCESS_MS (1)

// The divider that keeps MDC at or below the 2.5 MHz of IEEE 802.3.
static uint32_t clock_range(uint32_t hclk) {
    static const struct {
        uint32_t below_hz;
        uint32_t range;
    } ranges[] = {
        { 35000000, ETH_MACMIIAR_CR_Div16 },
        { 60000000, ETH_MACMIIAR_CR_Div26 },
        { 100000000, ETH_MACMIIAR_CR_Div42 },
        { 150000000, ETH_MACMIIAR_CR_Div62 },
    };
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (hclk < ranges[i].below_hz) {
            return ranges[i].range;
        }
    }
    return ETH_MACMIIAR_CR_Div102;
}

static int wait_idle(void) {
    clock_timeout_t timeout = clock_timeout_ms(ACCESS_MS);
    while (ETH->MACMIIAR & ETH_MACMIIAR_MB) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    return 0;
}

static int transfer(unsigned phy, unsigned reg, uint32_t flags) {
    ETH->MACMIIAR = ((phy << ETH_MACMIIAR_PA_Pos) & ETH_MACMIIAR_PA)
        | ((reg << ETH_MACMIIAR_MR_Pos) & ETH_MACMIIAR_MR)
        | clock_range(hclk_hz()) | flags | ETH_MACMIIAR_MB;
    return wait_idle();
}

int eth_mii_read(unsigned phy, unsigned reg) {
    int result = wait_idle();
    if (result == 0) {
        result = transfer(phy, reg, 0);
    }
    return result == 0 ? (int)(ETH->MACMIIDR & ETH_MACMIIDR_MD) : result;
}

int eth_mii_write(unsigned phy, unsigned reg, uint16_t value) {
    int result = wait_idle();
    if (result == 0) {
        ETH->MACMIIDR = value;
        result = transfer(phy, reg, ETH_MACMIIAR_MW);
    }
    return result;
}
