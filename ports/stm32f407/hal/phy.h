// SPDX-License-Identifier: MIT
//
// Ethernet PHYs by clause 22's registers, and by their own where those tell more. Knows no MAC: the bus comes
// as two functions, so that tests/host can play the PHY.
#ifndef HAL_PHY_H
#define HAL_PHY_H

#include "hal.h"

typedef struct {
    int (*read)(unsigned phy, unsigned reg);    // value or negative error
    int (*write)(unsigned phy, unsigned reg, uint16_t value);
} phy_bus_t;

typedef enum {
    PHY_AUTO,       // by the identifier registers
    PHY_GENERIC,    // clause 22 alone
    PHY_LAN8710,
    PHY_LAN8720,
    PHY_LAN8742,
    PHY_DP83848,
} phy_type_t;

#define PHY_ADDRESS_SCAN (-1)

typedef enum {
    PHY_MODE_AUTO,
    PHY_MODE_10_HALF,
    PHY_MODE_10_FULL,
    PHY_MODE_100_HALF,
    PHY_MODE_100_FULL,
} phy_mode_t;

typedef struct {
    const phy_bus_t *bus;
    uint32_t id;        // identifier registers 2 and 3
    uint8_t address;
    uint8_t type;       // phy_type_t, never PHY_AUTO once found
    uint8_t mode;       // phy_mode_t in force
} phy_t;

typedef struct {
    bool up;
    bool dropped;       // went down since the last poll, though it may be up again
    bool full_duplex;
    uint16_t mbit_s;    // 10 or 100
} phy_link_t;

// Looks for the PHY at `address`, or at all of them. type: what it is if the caller knows better than the
// identifier. 0, -HAL_ENODEV (nobody answers) or -HAL_ETIMEDOUT (the bus does not work).
int phy_find(phy_t *phy, const phy_bus_t *bus, int address, phy_type_t type);

// Starts a reset by BCR. Takes up to 0.5 s; phy_reset_busy is 1 meanwhile, then 0, or a negative error.
int phy_reset(phy_t *phy);
int phy_reset_busy(phy_t *phy);

// Starts autonegotiation, or forces a mode. 0 or a negative error.
int phy_configure(phy_t *phy, phy_mode_t mode);

// What the link is now. 0, -HAL_EIO (the PHY is gone: it reads as all ones) or -HAL_ETIMEDOUT.
int phy_poll(phy_t *phy, phy_link_t *link);

#endif
