// SPDX-License-Identifier: MIT
//
// The Ethernet DMA's descriptors in their enhanced form (RM0090 33.6.7 and 33.6.8): what the words mean, as
// pure functions of the words. Nothing here touches hardware; tests/host compiles it for the host.
#ifndef HAL_ETH_DESC_H
#define HAL_ETH_DESC_H

#include <stdbool.h>
#include <stdint.h>

// One descriptor, 32 bytes because DMABMR.EDE is set. The DMA writes status, extended and the time stamp.
typedef struct {
    volatile uint32_t status;   // xDES0
    volatile uint32_t control;  // xDES1
    volatile uint32_t buffer;   // xDES2
    volatile uint32_t next;     // xDES3
    volatile uint32_t extended; // xDES4
    volatile uint32_t reserved; // xDES5
    volatile uint32_t time_lo;  // xDES6, subseconds
    volatile uint32_t time_hi;  // xDES7, seconds
} eth_desc_t;

// Both directions
#define ETH_DESC_OWN            (0x80000000UL)  // the DMA's
#define ETH_DESC_BUFFER_MAX     (8188U)         // 13 bits, whole words

// RDES0
#define ETH_RDES0_AFM           (0x40000000UL)
#define ETH_RDES0_FL_Pos        (16U)
#define ETH_RDES0_FL            (0x3FFF0000UL)
#define ETH_RDES0_ES            (0x00008000UL)
#define ETH_RDES0_DE            (0x00004000UL)
#define ETH_RDES0_SAF           (0x00002000UL)
#define ETH_RDES0_LE            (0x00001000UL)
#define ETH_RDES0_OE            (0x00000800UL)
#define ETH_RDES0_VLAN          (0x00000400UL)
#define ETH_RDES0_FS            (0x00000200UL)
#define ETH_RDES0_LS            (0x00000100UL)
#define ETH_RDES0_TSV           (0x00000080UL)
#define ETH_RDES0_LCO           (0x00000040UL)
#define ETH_RDES0_FT            (0x00000020UL)
#define ETH_RDES0_RWT           (0x00000010UL)
#define ETH_RDES0_RE            (0x00000008UL)
#define ETH_RDES0_DBE           (0x00000004UL)
#define ETH_RDES0_CE            (0x00000002UL)
#define ETH_RDES0_ESA           (0x00000001UL)
// RDES1
#define ETH_RDES1_RCH           (0x00004000UL)
#define ETH_RDES1_RBS1          (0x00001FFFUL)
// RDES4
#define ETH_RDES4_IPV6PR        (0x00000080UL)
#define ETH_RDES4_IPV4PR        (0x00000040UL)
#define ETH_RDES4_IPCB          (0x00000020UL)
#define ETH_RDES4_IPPE          (0x00000010UL)
#define ETH_RDES4_IPHE          (0x00000008UL)
#define ETH_RDES4_IPPT          (0x00000007UL)

// TDES0
#define ETH_TDES0_IC            (0x40000000UL)
#define ETH_TDES0_LS            (0x20000000UL)
#define ETH_TDES0_FS            (0x10000000UL)
#define ETH_TDES0_TTSE          (0x02000000UL)
#define ETH_TDES0_CIC_Pos       (22U)
#define ETH_TDES0_CIC           (0x00C00000UL)
#define ETH_TDES0_TCH           (0x00100000UL)
#define ETH_TDES0_TTSS          (0x00020000UL)
#define ETH_TDES0_IHE           (0x00010000UL)
#define ETH_TDES0_ES            (0x00008000UL)
#define ETH_TDES0_JT            (0x00004000UL)
#define ETH_TDES0_FF            (0x00002000UL)
#define ETH_TDES0_IPE           (0x00001000UL)
#define ETH_TDES0_LCA           (0x00000800UL)
#define ETH_TDES0_NC            (0x00000400UL)
#define ETH_TDES0_LCO           (0x00000200UL)
#define ETH_TDES0_EC            (0x00000100UL)
#define ETH_TDES0_ED            (0x00000004UL)
#define ETH_TDES0_UF            (0x00000002UL)
// TDES1
#define ETH_TDES1_TBS1          (0x00001FFFUL)

// What a receive descriptor says about its place in a frame.
typedef enum {
    ETH_RX_DMA,     // still the DMA's
    ETH_RX_WHOLE,   // first and last
    ETH_RX_FIRST,   // first of several
    ETH_RX_MIDDLE,
    ETH_RX_LAST,
} eth_rx_place_t;

eth_rx_place_t eth_rx_place(uint32_t status);

// Why a frame is not handed up. In the order in which they are counted: the first that applies.
typedef enum {
    ETH_RX_OK,
    ETH_RX_BAD_TRUNCATED,   // the DMA ran out of descriptors within the frame
    ETH_RX_BAD_OVERFLOW,    // the FIFO ran over
    ETH_RX_BAD_CRC,
    ETH_RX_BAD_ALIGNMENT,   // odd number of nibbles
    ETH_RX_BAD_PHY,         // RX_ER, late collision
    ETH_RX_BAD_WATCHDOG,    // longer than 2048 bytes
    ETH_RX_BAD_OTHER,       // the summary bit alone
    ETH_RX_BAD_COUNT
} eth_rx_verdict_t;

// From the status of a frame's last descriptor.
eth_rx_verdict_t eth_rx_verdict(uint32_t status);

// Bytes of the frame without its FCS, from the status of its last descriptor; 0 where there are none.
uint32_t eth_rx_length(uint32_t status);

// What the receive checksum engine found out (RDES4), as far as it is to be believed.
typedef enum {
    ETH_CSUM_NONE,      // not looked at: not IP, a fragment, an extension header, an unknown payload
    ETH_CSUM_HEADER,    // the IPv4 header is right, the payload was not looked at
    ETH_CSUM_GOOD,      // header and TCP, UDP or ICMP payload are right
    ETH_CSUM_BAD_HEADER,
    ETH_CSUM_BAD_PAYLOAD,
} eth_csum_t;

eth_csum_t eth_rx_checksum(uint32_t status, uint32_t extended);

// Why a frame may not have reached the wire, from the status of its last descriptor.
typedef enum {
    ETH_TX_OK,
    ETH_TX_BAD_COLLISION,   // late, or too many
    ETH_TX_BAD_CARRIER,     // lost or absent
    ETH_TX_BAD_UNDERFLOW,
    ETH_TX_BAD_DEFERRAL,    // the wire was busy for too long
    ETH_TX_BAD_OTHER,       // jabber, flushed
    ETH_TX_BAD_COUNT
} eth_tx_verdict_t;

eth_tx_verdict_t eth_tx_verdict(uint32_t status);

#endif
