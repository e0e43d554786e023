// SPDX-License-Identifier: MIT
//
// PHYs by their registers (IEEE 802.3 clause 22; data sheets of LAN8720A and DP83848). A wrong reading here
// brings the MAC up with another speed than the wire, or shows a link that is not there.

#include "check.h"
#include "phy.h"

#ifdef ETH_RING_BARRIER
void test_barrier(void) {
}
#endif

static uint16_t regs[32];
static unsigned phy_at;
static bool latched_low;    // the link was lost since BSR was last read
static int broken;          // error of the bus itself
static unsigned reads;

static int bus_read(unsigned address, unsigned reg) {
    reads++;
    if (broken) {
        return broken;
    }
    if (address != phy_at) {
        return 0xffff;
    }
    uint16_t value = regs[reg];
    if (reg == 1 && latched_low) {
        latched_low = false;
        value &= ~0x0004;
    }
    return value;
}

static int bus_write(unsigned address, unsigned reg, uint16_t value) {
    if (broken) {
        return broken;
    }
    if (address == phy_at) {
        regs[reg] = value;
    }
    return 0;
}

static const phy_bus_t bus = { bus_read, bus_write };
static phy_t phy;
static phy_link_t link;

static void plug(unsigned address, uint32_t id) {
    memset(regs, 0, sizeof(regs));
    phy_at = address;
    broken = 0;
    latched_low = false;
    regs[2] = id >> 16;
    regs[3] = id & 0xffff;
}

static void up(uint16_t partner) {
    regs[1] = 0x782d; // link, autonegotiation complete
    regs[5] = partner;
}

TEST(find__scans_all_addresses) {
    for (unsigned address = 0; address < 32; address++) {
        plug(address, 0x0007c0f1);
        CHECK_EQ(phy_find(&phy, &bus, PHY_ADDRESS_SCAN, PHY_AUTO), 0);
        CHECK_EQ(phy.address, address);
        CHECK_EQ(phy.id, 0x0007c0f1);
    }
}

TEST(find__given_address_only) {
    plug(1, 0x0007c0f1);
    CHECK_EQ(phy_find(&phy, &bus, 0, PHY_AUTO), -HAL_ENODEV);
    CHECK_EQ(phy_find(&phy, &bus, 1, PHY_AUTO), 0);
}

TEST(find__nobody) {
    plug(99, 0);
    CHECK_EQ(phy_find(&phy, &bus, PHY_ADDRESS_SCAN, PHY_AUTO), -HAL_ENODEV);
    // A bus without a pull-up reads as zeros.
    plug(3, 0);
    CHECK_EQ(phy_find(&phy, &bus, 3, PHY_AUTO), -HAL_ENODEV);
}

TEST(find__bus_fault_is_told_apart) {
    plug(0, 0x0007c0f1);
    broken = -HAL_ETIMEDOUT;
    reads = 0;
    CHECK_EQ(phy_find(&phy, &bus, PHY_ADDRESS_SCAN, PHY_AUTO), -HAL_ETIMEDOUT);
    CHECK_EQ(reads, 1);
}

TEST(find__types) {
    static const struct {
        uint32_t id;
        phy_type_t type;
    } known[] = {
        { 0x0007c0f1, PHY_LAN8720 }, { 0x0007c0f0, PHY_LAN8720 }, { 0x0007c131, PHY_LAN8742 },
        { 0x20005c90, PHY_DP83848 }, { 0x00221560, PHY_GENERIC },
    };
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        plug(0, known[i].id);
        CHECK_EQ(phy_find(&phy, &bus, 0, PHY_AUTO), 0);
        CHECK_EQ(phy.type, known[i].type);
        CHECK_EQ(phy_find(&phy, &bus, 0, PHY_LAN8710), 0);
        CHECK_EQ(phy.type, PHY_LAN8710);
    }
}

TEST(reset__busy_until_the_bit_clears) {
    plug(0, 0x0007c0f1);
    phy_find(&phy, &bus, 0, PHY_AUTO);
    CHECK_EQ(phy_reset(&phy), 0);
    CHECK_EQ(regs[0], 0x8000);
    CHECK_EQ(phy_reset_busy(&phy), 1);
    regs[0] = 0x3000;
    CHECK_EQ(phy_reset_busy(&phy), 0);
    broken = -HAL_ETIMEDOUT;
    CHECK_EQ(phy_reset_busy(&phy), -HAL_ETIMEDOUT);
}

TEST(configure__autonegotiation_offers_everything) {
    plug(0, 0x0007c0f1);
    phy_find(&phy, &bus, 0, PHY_AUTO);
    CHECK_EQ(phy_configure(&phy, PHY_MODE_AUTO), 0);
    CHECK_EQ(regs[4], 0x01e1);
    CHECK_EQ(regs[0], 0x1200);
}

TEST(configure__forced) {
    static const struct {
        phy_mode_t mode;
        uint16_t bcr;
        unsigned mbit_s;
        bool full;
    } table[] = {
        { PHY_MODE_10_HALF, 0x0000, 10, false },
        { PHY_MODE_10_FULL, 0x0100, 10, true },
        { PHY_MODE_100_HALF, 0x2000, 100, false },
        { PHY_MODE_100_FULL, 0x2100, 100, true },
    };
    plug(0, 0x0007c0f1);
    phy_find(&phy, &bus, 0, PHY_AUTO);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(phy_configure(&phy, table[i].mode), 0);
        CHECK_EQ(regs[0], table[i].bcr);
        regs[1] = 0x7809 | 0x0004; // a forced link has no autonegotiation to complete
        CHECK_EQ(phy_poll(&phy, &link), 0);
        CHECK(link.up);
        CHECK_EQ(link.mbit_s, table[i].mbit_s);
        CHECK_EQ(link.full_duplex, table[i].full);
    }
}

static void start(uint32_t id) {
    plug(0, id);
    CHECK_EQ(phy_find(&phy, &bus, 0, PHY_AUTO), 0);
    CHECK_EQ(phy_configure(&phy, PHY_MODE_AUTO), 0);
}

TEST(poll__down_until_negotiated) {
    start(0x0007c0f1);
    regs[1] = 0x7809;
    CHECK_EQ(phy_poll(&phy, &link), 0);
    CHECK(!link.up);
    regs[1] = 0x7809 | 0x0004;
    CHECK_EQ(phy_poll(&phy, &link), 0);
    CHECK(!link.up);
}

TEST(poll__lan87xx_register_31) {
    static const struct {
        uint16_t scsr;
        unsigned mbit_s;
        bool full;
    } table[] = {
        { 0x1004, 10, false }, { 0x1014, 10, true }, { 0x1008, 100, false }, { 0x1018, 100, true },
    };
    start(0x0007c0f1);
    for (unsigned i = 0; i < 4; i++) {
        up(0);
        regs[31] = table[i].scsr;
        CHECK_EQ(phy_poll(&phy, &link), 0);
        CHECK(link.up);
        CHECK_EQ(link.mbit_s, table[i].mbit_s);
        CHECK_EQ(link.full_duplex, table[i].full);
    }
}

TEST(poll__dp83848_register_16) {
    start(0x20005c90);
    up(0);
    for (unsigned bits = 0; bits < 4; bits++) {
        regs[16] = 0x0001 | bits << 1;
        CHECK_EQ(phy_poll(&phy, &link), 0);
        CHECK_EQ(link.mbit_s, bits & 1 ? 10 : 100);
        CHECK_EQ(link.full_duplex, bits >> 1);
    }
}

// Clause 28's priorities, among them what parallel detection leaves in ANLPAR.
TEST(poll__generic_takes_the_best_common_mode) {
    static const struct {
        uint16_t partner;
        unsigned mbit_s;
        bool full;
    } table[] = {
        { 0x41e1, 100, true }, { 0x40e1, 100, false }, { 0x4061, 10, true }, { 0x4021, 10, false },
        { 0x0080, 100, false }, { 0x0020, 10, false },
        // 100BASE-TX half goes before 10BASE-T full.
        { 0x40c1, 100, false },
    };
    start(0x00221560);
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        up(table[i].partner);
        CHECK_EQ(phy_poll(&phy, &link), 0);
        CHECK(link.up);
        CHECK_EQ(link.mbit_s, table[i].mbit_s);
        CHECK_EQ(link.full_duplex, table[i].full);
    }
}

TEST(poll__short_loss_is_seen) {
    start(0x0007c0f1);
    up(0);
    regs[31] = 0x1018;
    CHECK_EQ(phy_poll(&phy, &link), 0);
    CHECK(link.up && !link.dropped);
    latched_low = true;
    CHECK_EQ(phy_poll(&phy, &link), 0);
    CHECK(link.up && link.dropped);
    CHECK_EQ(phy_poll(&phy, &link), 0);
    CHECK(link.up && !link.dropped);
}

TEST(poll__phy_gone) {
    start(0x0007c0f1);
    phy_at = 99;
    CHECK_EQ(phy_poll(&phy, &link), -HAL_EIO);
    CHECK(!link.up);
    broken = -HAL_ETIMEDOUT;
    CHECK_EQ(phy_poll(&phy, &link), -HAL_ETIMEDOUT);
}
