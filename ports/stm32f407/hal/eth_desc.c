// SPDX-License-Identifier: MIT

#include "eth_desc.h"

#define FCS_BYTES 4U

eth_rx_place_t eth_rx_place(uint32_t status) {
    if (status & ETH_DESC_OWN) {
        return ETH_RX_DMA;
    }
    switch (status & (ETH_RDES0_FS | ETH_RDES0_LS)) {
        case ETH_RDES0_FS | ETH_RDES0_LS:
            return ETH_RX_WHOLE;
        case ETH_RDES0_FS:
            return ETH_RX_FIRST;
        case ETH_RDES0_LS:
            return ETH_RX_LAST;
        default:
            return ETH_RX_MIDDLE;
    }
}

eth_rx_verdict_t eth_rx_verdict(uint32_t status) {
    // DE is meaningful with or without the summary bit: the frame was cut off at this descriptor.
    if (status & ETH_RDES0_DE) {
        return ETH_RX_BAD_TRUNCATED;
    }
    if (!(status & ETH_RDES0_ES)) {
        return ETH_RX_OK;
    }
    if (status & ETH_RDES0_OE) {
        return ETH_RX_BAD_OVERFLOW;
    }
    if (status & ETH_RDES0_RWT) {
        return ETH_RX_BAD_WATCHDOG;
    }
    if ((status & ETH_RDES0_DBE) && (status & ETH_RDES0_CE)) {
        return ETH_RX_BAD_ALIGNMENT;
    }
    if (status & ETH_RDES0_CE) {
        return ETH_RX_BAD_CRC;
    }
    if (status & (ETH_RDES0_RE | ETH_RDES0_LCO)) {
        return ETH_RX_BAD_PHY;
    }
    return ETH_RX_BAD_OTHER;
}

uint32_t eth_rx_length(uint32_t status) {
    uint32_t length = (status & ETH_RDES0_FL) >> ETH_RDES0_FL_Pos;
    return length > FCS_BYTES ? length - FCS_BYTES : 0;
}

eth_csum_t eth_rx_checksum(uint32_t status, uint32_t extended) {
    if (!(status & ETH_RDES0_ESA)) {
        return ETH_CSUM_NONE;
    }
    if (extended & ETH_RDES4_IPHE) {
        return ETH_CSUM_BAD_HEADER;
    }
    // Fragments and what the engine cannot parse are bypassed.
    bool header = extended & ETH_RDES4_IPV4PR;
    bool payload = !(extended & ETH_RDES4_IPCB) && (extended & ETH_RDES4_IPPT) != 0;
    if (!payload) {
        return header ? ETH_CSUM_HEADER : ETH_CSUM_NONE;
    }
    if (extended & ETH_RDES4_IPPE) {
        return ETH_CSUM_BAD_PAYLOAD;
    }
    return extended & (ETH_RDES4_IPV4PR | ETH_RDES4_IPV6PR) ? ETH_CSUM_GOOD : ETH_CSUM_NONE;
}

eth_tx_verdict_t eth_tx_verdict(uint32_t status) {
    if (!(status & ETH_TDES0_ES)) {
        return ETH_TX_OK;
    }
    if (status & (ETH_TDES0_LCO | ETH_TDES0_EC)) {
        return ETH_TX_BAD_COLLISION;
    }
    if (status & (ETH_TDES0_LCA | ETH_TDES0_NC)) {
        return ETH_TX_BAD_CARRIER;
    }
    if (status & ETH_TDES0_UF) {
        return ETH_TX_BAD_UNDERFLOW;
    }
    if (status & ETH_TDES0_ED) {
        return ETH_TX_BAD_DEFERRAL;
    }
    return ETH_TX_BAD_OTHER;
}
