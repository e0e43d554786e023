// SPDX-License-Identifier: MIT

#include "phy.h"

// Clause 22
#define BCR                 (0)
#define BCR_RESET           (0x8000)
#define BCR_100             (0x2000)
#define BCR_AUTONEG         (0x1000)
#define BCR_RESTART         (0x0200)
#define BCR_FULL            (0x0100)
#define BSR                 (1)
#define BSR_AUTONEG_DONE    (0x0020)
#define BSR_LINK            (0x0004)
#define ID1                 (2)
#define ID2                 (3)
#define ANAR                (4)
#define ANLPAR              (5)
#define AN_SELECTOR_802_3   (0x0001)
#define AN_10_HALF          (0x0020)
#define AN_10_FULL          (0x0040)
#define AN_100_HALF         (0x0080)
#define AN_100_FULL         (0x0100)
#define AN_ALL              (AN_10_HALF | AN_10_FULL | AN_100_HALF | AN_100_FULL)

// LAN87xx, special control/status: speed in bits 4:2
#define LAN87_SCSR          (31)
#define LAN87_SCSR_10       (0x0004)
#define LAN87_SCSR_100      (0x0008)
#define LAN87_SCSR_FULL     (0x0010)

// DP83848, PHY status
#define DP83848_STS         (16)
#define DP83848_STS_10      (0x0002)
#define DP83848_STS_FULL    (0x0004)

#define NOBODY              (0xffff)

typedef struct {
    uint32_t id;
    uint32_t mask;  // without the revision
    phy_type_t type;
} known_t;

// LAN8710A and LAN8720A have one identifier: they differ in the MII side alone.
static const known_t known[] = {
    { 0x0007c0f0, 0xfffffff0, PHY_LAN8720 },
    { 0x0007c130, 0xfffffff0, PHY_LAN8742 },
    { 0x20005c90, 0xfffffff0, PHY_DP83848 },
};

static int get(const phy_t *phy, unsigned reg) {
    return phy->bus->read(phy->address, reg);
}

static int put(const phy_t *phy, unsigned reg, uint16_t value) {
    return phy->bus->write(phy->address, reg, value);
}

static phy_type_t identify(uint32_t id) {
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if ((id & known[i].mask) == known[i].id) {
            return known[i].type;
        }
    }
    return PHY_GENERIC;
}

// 1 if a PHY answers at phy->address, 0 if none does, or a negative error.
static int probe(phy_t *phy) {
    int id1 = get(phy, ID1);
    int id2 = id1 < 0 ? id1 : get(phy, ID2);
    if (id2 < 0) {
        return id2;
    }
    phy->id = (uint32_t)id1 << 16 | (uint32_t)id2;
    // An absent PHY leaves MDIO to its pull-up; a bus without one may read as zeros.
    return phy->id != 0xffffffff && phy->id != 0;
}

int phy_find(phy_t *phy, const phy_bus_t *bus, int address, phy_type_t type) {
    unsigned first = address == PHY_ADDRESS_SCAN ? 0 : (unsigned)address & 31;
    unsigned last = address == PHY_ADDRESS_SCAN ? 31 : first;
    *phy = (phy_t) { .bus = bus };
    for (unsigned at = first; at <= last; at++) {
        phy->address = at;
        int found = probe(phy);
        if (found < 0) {
            return found;
        }
        if (found) {
            phy->type = type == PHY_AUTO ? identify(phy->id) : type;
            return 0;
        }
    }
    return -HAL_ENODEV;
}

int phy_reset(phy_t *phy) {
    return put(phy, BCR, BCR_RESET);
}

int phy_reset_busy(phy_t *phy) {
    int bcr = get(phy, BCR);
    return bcr < 0 ? bcr : (bcr & BCR_RESET) != 0;
}

int phy_configure(phy_t *phy, phy_mode_t mode) {
    static const uint16_t forced[] = {
        [PHY_MODE_10_HALF] = 0,
        [PHY_MODE_10_FULL] = BCR_FULL,
        [PHY_MODE_100_HALF] = BCR_100,
        [PHY_MODE_100_FULL] = BCR_100 | BCR_FULL,
    };
    phy->mode = mode;
    if (mode != PHY_MODE_AUTO) {
        return put(phy, BCR, forced[mode]);
    }
    int result = put(phy, ANAR, AN_SELECTOR_802_3 | AN_ALL);
    return result < 0 ? result : put(phy, BCR, BCR_AUTONEG | BCR_RESTART);
}

// The best mode that both ends offered. Against a partner that does not negotiate the PHY notes in ANLPAR
// which signal it saw (parallel detection), and never full duplex.
static int common_mode(phy_t *phy, phy_link_t *link) {
    int own = get(phy, ANAR);
    int partner = own < 0 ? own : get(phy, ANLPAR);
    if (partner < 0) {
        return partner;
    }
    int both = own & partner;
    link->mbit_s = both & (AN_100_FULL | AN_100_HALF) ? 100 : 10;
    link->full_duplex = both & AN_100_FULL || (link->mbit_s == 10 && both & AN_10_FULL);
    return 0;
}

static int negotiated_mode(phy_t *phy, phy_link_t *link) {
    int value;
    switch (phy->type) {
        case PHY_LAN8710:
        case PHY_LAN8720:
        case PHY_LAN8742:
            value = get(phy, LAN87_SCSR);
            // Neither bit: the PHY has not made up its mind.
            if (value < 0 || !(value & (LAN87_SCSR_10 | LAN87_SCSR_100))) {
                return value < 0 ? value : common_mode(phy, link);
            }
            link->mbit_s = value & LAN87_SCSR_100 ? 100 : 10;
            link->full_duplex = value & LAN87_SCSR_FULL;
            return 0;
        case PHY_DP83848:
            value = get(phy, DP83848_STS);
            if (value < 0) {
                return value;
            }
            link->mbit_s = value & DP83848_STS_10 ? 10 : 100;
            link->full_duplex = value & DP83848_STS_FULL;
            return 0;
        default:
            return common_mode(phy, link);
    }
}

int phy_poll(phy_t *phy, phy_link_t *link) {
    // The link bit is latched low: the first reading tells whether the link was lost since the last poll,
    // the second what it is now.
    int before = get(phy, BSR);
    int now = before < 0 ? before : get(phy, BSR);
    if (now < 0) {
        return now;
    }
    *link = (phy_link_t) { .dropped = !(before & BSR_LINK) };
    if (now == NOBODY) {
        return -HAL_EIO;
    }
    if (!(now & BSR_LINK)) {
        return 0;
    }
    if (phy->mode != PHY_MODE_AUTO) {
        link->up = true;
        link->mbit_s = phy->mode >= PHY_MODE_100_HALF ? 100 : 10;
        link->full_duplex = phy->mode == PHY_MODE_10_FULL || phy->mode == PHY_MODE_100_FULL;
        return 0;
    }
    if (!(now & BSR_AUTONEG_DONE)) {
        return 0;
    }
    link->up = true;
    return negotiated_mode(phy, link);
}
