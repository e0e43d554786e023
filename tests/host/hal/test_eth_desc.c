// SPDX-License-Identifier: MIT
//
// What the descriptors' words mean (RM0090 33.6.7, 33.6.8). A wrong answer here is a frame lost or a corrupt
// one handed up.

#include "check.h"
#include "eth_desc.h"

void test_barrier(void) {
}

// Every combination of OWN, ES, FS and LS.
TEST(rx_place__truth_table) {
    static const struct {
        uint32_t fs_ls;
        eth_rx_place_t place;
    } table[] = {
        { 0, ETH_RX_MIDDLE },
        { ETH_RDES0_FS, ETH_RX_FIRST },
        { ETH_RDES0_LS, ETH_RX_LAST },
        { ETH_RDES0_FS | ETH_RDES0_LS, ETH_RX_WHOLE },
    };
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned es = 0; es < 2; es++) {
            uint32_t status = table[i].fs_ls | (es ? ETH_RDES0_ES : 0);
            CHECK_EQ(eth_rx_place(status), table[i].place);
            CHECK_EQ(eth_rx_place(status | ETH_DESC_OWN), ETH_RX_DMA);
        }
    }
}

TEST(rx_verdict__errors_count_only_with_the_summary_bit) {
    static const uint32_t bits[] = {
        ETH_RDES0_OE, ETH_RDES0_LCO, ETH_RDES0_RWT, ETH_RDES0_RE, ETH_RDES0_CE, ETH_RDES0_DBE, ETH_RDES0_LE,
    };
    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        CHECK_EQ(eth_rx_verdict(ETH_RDES0_FS | ETH_RDES0_LS | bits[i]), ETH_RX_OK);
    }
}

TEST(rx_verdict__each_error) {
    const uint32_t base = ETH_RDES0_FS | ETH_RDES0_LS | ETH_RDES0_ES;
    CHECK_EQ(eth_rx_verdict(base), ETH_RX_BAD_OTHER);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_OE), ETH_RX_BAD_OVERFLOW);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_CE), ETH_RX_BAD_CRC);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_CE | ETH_RDES0_DBE), ETH_RX_BAD_ALIGNMENT);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_RE), ETH_RX_BAD_PHY);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_LCO), ETH_RX_BAD_PHY);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_RWT), ETH_RX_BAD_WATCHDOG);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_DE), ETH_RX_BAD_TRUNCATED);
    // The descriptor error needs no summary bit, and a cut frame is that first of all.
    CHECK_EQ(eth_rx_verdict(ETH_RDES0_LS | ETH_RDES0_DE), ETH_RX_BAD_TRUNCATED);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_DE | ETH_RDES0_CE | ETH_RDES0_OE), ETH_RX_BAD_TRUNCATED);
    CHECK_EQ(eth_rx_verdict(base | ETH_RDES0_OE | ETH_RDES0_CE), ETH_RX_BAD_OVERFLOW);
}

TEST(rx_length__without_fcs) {
    CHECK_EQ(eth_rx_length(64u << 16), 60);
    CHECK_EQ(eth_rx_length(1518u << 16 | 0xffff), 1514);
    CHECK_EQ(eth_rx_length(0x3fffu << 16), 0x3fff - 4);
    for (unsigned length = 0; length <= 4; length++) {
        CHECK_EQ(eth_rx_length(length << 16), 0);
    }
    // Bits 30 and 31 are not the length's.
    CHECK_EQ(eth_rx_length(0xc0000000u | 64u << 16), 60);
}

TEST(rx_checksum__verdicts) {
    const uint32_t v4 = ETH_RDES4_IPV4PR, v6 = ETH_RDES4_IPV6PR;
    // Without extended status there is none.
    CHECK_EQ(eth_rx_checksum(0, v4 | 2), ETH_CSUM_NONE);
    for (uint32_t type = 1; type <= 3; type++) { // UDP, TCP, ICMP
        CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v4 | type), ETH_CSUM_GOOD);
        CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v6 | type), ETH_CSUM_GOOD);
        CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v4 | ETH_RDES4_IPPE | type), ETH_CSUM_BAD_PAYLOAD);
        CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v4 | ETH_RDES4_IPHE | type), ETH_CSUM_BAD_HEADER);
        // Bypassed: a fragment.
        CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v4 | ETH_RDES4_IPCB | type), ETH_CSUM_HEADER);
        CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v6 | ETH_RDES4_IPCB | type), ETH_CSUM_NONE);
    }
    // An unknown payload: the header is known, no more.
    CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v4), ETH_CSUM_HEADER);
    CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, v6), ETH_CSUM_NONE);
    CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, 0), ETH_CSUM_NONE);
    // A payload type without an IP version is nothing to trust.
    CHECK_EQ(eth_rx_checksum(ETH_RDES0_ESA, 2), ETH_CSUM_NONE);
}

TEST(tx_verdict__each_error) {
    const uint32_t base = ETH_TDES0_LS | ETH_TDES0_ES;
    CHECK_EQ(eth_tx_verdict(ETH_TDES0_LS), ETH_TX_OK);
    CHECK_EQ(eth_tx_verdict(ETH_TDES0_LS | ETH_TDES0_UF), ETH_TX_OK);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_LCO), ETH_TX_BAD_COLLISION);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_EC), ETH_TX_BAD_COLLISION);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_LCA), ETH_TX_BAD_CARRIER);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_NC), ETH_TX_BAD_CARRIER);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_UF), ETH_TX_BAD_UNDERFLOW);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_ED), ETH_TX_BAD_DEFERRAL);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_JT), ETH_TX_BAD_OTHER);
    CHECK_EQ(eth_tx_verdict(base | ETH_TDES0_FF), ETH_TX_BAD_OTHER);
}
