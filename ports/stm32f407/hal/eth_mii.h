// SPDX-License-Identifier: MIT
//
// The PHY's registers through the MAC's management interface (RM0090 33.4.1). One caller at a time.
#ifndef HAL_ETH_MII_H
#define HAL_ETH_MII_H

#include "hal.h"

// Needs the MAC's clock in RCC, not REF_CLK. An access takes 40 us at 168 MHz.
// The value (an absent PHY gives 0xffff), or -HAL_ETIMEDOUT.
int eth_mii_read(unsigned phy, unsigned reg);
// 0 or -HAL_ETIMEDOUT.
int eth_mii_write(unsigned phy, unsigned reg, uint16_t value);

#endif
