// SPDX-License-Identifier: MIT
//
// The Ethernet MAC of the STM32F407 over RMII: bring-up, link, filters, frames in and out, recovery.
//
// There is one MAC, and one context at a time may call into this file (net/ethif.c holds lwIP's lock), except
// for eth_give_buffer, eth_receive and eth_interrupt, which exclude each other by masking the interrupt.
// No function waits longer than the microseconds its comment names; what takes longer is a step of a state
// machine that eth_step() moves on.
#ifndef HAL_ETH_H
#define HAL_ETH_H

#include "eth_ring.h"
#include "gpio.h"
#include "hal.h"
#include "phy.h"

// The MAC's bus interface needs as much (RM0090 section 33.4.2).
#define ETH_MIN_HCLK_HZ (25000000UL)

// Receive buffers; there are as many descriptors. Transmit descriptors, 32 bytes each.
#ifndef ETH_RX_COUNT
#define ETH_RX_COUNT (12)
#endif
#ifndef ETH_TX_COUNT
#define ETH_TX_COUNT (32)
#endif
// Header, VLAN tag, 1500 bytes and FCS are 1522; the DMA writes whole words.
#define ETH_RX_BUFFER_BYTES (1524)
// Where a frame begins in its first buffer: the 14 bytes of the Ethernet header then end on a word, and what
// follows is read and copied in words (RM0090 33.6.8, RDES2: the DMA shifts the start of a frame by these
// bits and ignores them in the buffers that follow).
#define ETH_RX_OFFSET (2)
// The largest frame either way and the smallest one to receive, without FCS.
#define ETH_FRAME_MAX (1518)
#define ETH_FRAME_MIN (60)

typedef struct {
    pin_t mdc, mdio, ref_clk, crs_dv, rxd0, rxd1, tx_en, txd0, txd1;
    pin_t phy_reset;        // drives nRST, or PIN_NONE
    int8_t phy_address;     // or PHY_ADDRESS_SCAN
    uint8_t phy_type;       // phy_type_t
    uint8_t phy_mode;       // phy_mode_t
    uint8_t irq_priority;
} eth_config_t;

typedef enum {
    ETH_OFF,
    ETH_PHY_HELD,       // nRST is low
    ETH_PHY_BOOT,       // the PHY starts, and is looked for
    ETH_NO_PHY,         // nobody answers on MDIO. Goes on trying
    ETH_PHY_RESET,      // the PHY resets itself: there is no pin for it
    ETH_MAC_RESET,      // the DMA's reset is on its way
    ETH_NO_CLOCK,       // it does not end: no REF_CLK. Goes on trying
    ETH_LINK_DOWN,
    ETH_LINK_UP,
} eth_state_t;

// Everything that was lost, and what went well. Counts since power-on.
typedef struct {
    uint32_t rx_frames, rx_bytes;       // handed up
    uint32_t rx_bad[ETH_RX_BAD_COUNT];  // by eth_rx_verdict_t, [0] stays 0
    uint32_t rx_oversize;               // longer than ETH_FRAME_MAX
    uint32_t rx_runt;                   // shorter than ETH_FRAME_MIN, with a good FCS
    uint32_t rx_missed;                 // lost for want of a descriptor (DMAMFBOCR.MFC)
    uint32_t rx_fifo_overflow;          // lost in the FIFO (DMAMFBOCR.MFA)
    uint32_t rx_aborted;                // received, and lost in a recovery
    uint32_t rx_starved;                // times the DMA found no empty buffer
    uint32_t rx_checksum_bad;           // verdicts of the receive checksum engine
    uint32_t tx_frames, tx_bytes;       // given to the DMA
    uint32_t tx_bad[ETH_TX_BAD_COUNT];  // by eth_tx_verdict_t, [0]: sent
    uint32_t tx_full;                   // refused: no free descriptor
    uint32_t tx_aborted;                // given up in a recovery or when switched off
    uint32_t bus_errors;                // FBES
    uint32_t tx_stuck;                  // transmission made no progress
    uint32_t dma_stopped;               // an engine stopped by itself (REF_CLK was disturbed)
    uint32_t recoveries;                // of the three above
    uint32_t link_ups, link_downs;
    uint32_t no_clock;                  // times REF_CLK was found missing
    uint32_t interrupts;
    // The MAC's own (MMC)
    uint32_t mmc_tx_good, mmc_tx_one_collision, mmc_tx_collisions;
    uint32_t mmc_rx_crc, mmc_rx_alignment, mmc_rx_good_unicast;
} eth_stats_t;

extern eth_stats_t eth_stats;

// Once, before anything else. The rings start without buffers. release: gives back the slot of a segment that
// was sent or given up; called within the functions below.
void eth_init(eth_tx_release_t release);

// Clocks, pins and PHY reset; eth_step() does the rest. The MAC address must be set.
void eth_start(const eth_config_t *config, uint32_t now_ms);

// Stops both directions and puts the PHY into reset where there is a pin for it. Frames not yet sent are
// released. Up to 1 ms if one is on its way.
void eth_stop(void);

// Moves bring-up, link and recovery on; returns the milliseconds until it wants to be called again. Calls to
// the PHY take up to 0.3 ms, a search over all addresses 3 ms.
uint32_t eth_step(uint32_t now_ms);

eth_state_t eth_state(void);
// Whether the MAC is configured and the DMA started.
bool eth_running(void);
// The link's speed and duplex; of value while eth_state() is ETH_LINK_UP.
const phy_link_t *eth_link(void);
const phy_t *eth_phy(void);
// Starts over with another mode if the link is being watched.
void eth_set_mode(phy_mode_t mode);

// Address of the station. Before or while running. -HAL_EINVAL for a group address or zeros.
int eth_set_mac(const uint8_t mac[6]);
void eth_set_promiscuous(bool on);
// Joins or leaves a multicast address. Counted: as many leaves as joins.
void eth_multicast(const uint8_t mac[6], bool join);

// Gives a receive buffer of ETH_RX_BUFFER_BYTES, aligned to 4, in SRAM; a frame begins ETH_RX_OFFSET bytes
// into its first one. Also while stopped. Any context that the interrupt's mask keeps apart. False if there
// are ETH_RX_COUNT already.
bool eth_give_buffer(void *data, void *slot);
// As eth_rx_filled.
bool eth_filled(unsigned n);
// As eth_rx_take; counts bad frames. The caller gives the buffers back in every case.
unsigned eth_receive(eth_rx_frame_t *frame, void **slots);

// As eth_tx_put, and tells the DMA. Every segment in SRAM (eth_dma_reaches).
bool eth_send(const eth_tx_segment_t *segment, unsigned segments, uint32_t flags);
// Releases what was sent; returns the number of frames.
unsigned eth_reap(void);
unsigned eth_tx_room(void);
bool eth_tx_idle(void);
// Whether the Ethernet DMA can read that memory: SRAM1 and SRAM2. Not CCM, not flash.
bool eth_dma_reaches(const void *data, size_t bytes);

#define ETH_EVENT_RX    (1)     // frames or errors wait; masked until eth_unmask
#define ETH_EVENT_TX    (2)     // a frame with ETH_TDES0_IC was sent; masked until eth_unmask
#define ETH_EVENT_STEP  (4)     // call eth_step() now
// To be called from ETH_IRQHandler; returns what happened.
uint32_t eth_interrupt(void);
void eth_unmask(uint32_t events);

// Brings the counters that hardware keeps up to date in eth_stats.
void eth_stats_update(void);

#endif
