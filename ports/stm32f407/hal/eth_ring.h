// SPDX-License-Identifier: MIT
//
// The rings of descriptors between this driver and the Ethernet DMA. They hold pointers and never look at a
// frame: a `slot` is whatever the caller wants back with a buffer. Nothing here touches a register or takes a
// lock: the caller keeps two contexts out of one ring, and tells the DMA of new work (poll demand).
#ifndef HAL_ETH_RING_H
#define HAL_ETH_RING_H

#include "eth_desc.h"

// Orders descriptor writes against each other, as the DMA sees them. Tests put a recorder here.
#ifndef ETH_RING_BARRIER
#define ETH_RING_BARRIER() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

typedef struct {
    void *data;
    void *slot;
} eth_rx_buffer_t;

// Receive: descriptors go round DMA -> filled -> (slot taken) empty -> (buffer given) DMA.
typedef struct {
    eth_desc_t *desc;
    eth_rx_buffer_t *buffer; // of each descriptor; the descriptor itself is the DMA's to spoil
    uint16_t count;
    uint16_t buffer_bytes;
    uint16_t take;      // oldest descriptor with a buffer
    uint16_t give;      // oldest descriptor without one
    uint16_t held;      // descriptors with a buffer
} eth_rx_ring_t;

typedef struct {
    uint32_t status;    // of the last descriptor
    uint32_t extended;
    uint32_t time_lo;
    uint32_t time_hi;
    eth_rx_verdict_t verdict;
} eth_rx_frame_t;

// Links `count` descriptors, all of them empty. buffer_bytes: a multiple of four.
void eth_rx_init(eth_rx_ring_t *ring, eth_desc_t *desc, eth_rx_buffer_t *buffer, unsigned count,
    unsigned buffer_bytes);

// Gives the DMA an empty buffer. False if every descriptor has one already.
bool eth_rx_give(eth_rx_ring_t *ring, void *data, void *slot);

// Takes the oldest complete frame, good or bad: its slots in order, which are the caller's from here on.
// Returns their number (`slots` has room for ring->count), 0 if there is no complete frame. Pieces without a
// beginning or an end come as a frame of their own with verdict ETH_RX_BAD_TRUNCATED.
unsigned eth_rx_take(eth_rx_ring_t *ring, eth_rx_frame_t *frame, void **slots);

// Whether the DMA is through with the first `n` buffers, or with all there are; false where there are none.
bool eth_rx_filled(const eth_rx_ring_t *ring, unsigned n);

// With the DMA stopped: takes back one buffer after the other. False when there is none left.
bool eth_rx_withdraw(eth_rx_ring_t *ring, eth_rx_buffer_t *buffer);

// Transmit: a frame takes one descriptor for each segment.
typedef struct {
    eth_desc_t *desc;
    void **slot;
    uint8_t *span;      // at a frame's first descriptor: how many it takes
    uint16_t count;
    uint16_t put;       // next free descriptor
    uint16_t reap;      // first descriptor of the oldest frame
    uint16_t used;
    uint32_t reaped;    // frames, for who watches progress
} eth_tx_ring_t;

typedef struct {
    const void *data;
    uint16_t bytes;
    void *slot;         // NULL: nothing to give back for this segment
} eth_tx_segment_t;

typedef struct {
    uint32_t status;    // of the last descriptor
    uint32_t time_lo;
    uint32_t time_hi;
} eth_tx_done_t;

typedef void (*eth_tx_release_t)(void *slot);

// Links `count` (at most 255) descriptors, all of them free.
void eth_tx_init(eth_tx_ring_t *ring, eth_desc_t *desc, void **slot, uint8_t *span, unsigned count);

static inline unsigned eth_tx_free(const eth_tx_ring_t *ring) {
    return ring->count - ring->used;
}

// Hands a frame of `segments` pieces to the DMA, none of them empty. flags: ETH_TDES0_IC, _CIC and _TTSE.
// The memory stays the DMA's until eth_tx_reap releases the slots. False, and nothing done, where room is
// missing.
bool eth_tx_put(eth_tx_ring_t *ring, const eth_tx_segment_t *segment, unsigned segments, uint32_t flags);

// Finishes the oldest frame if the DMA is done with it: releases its slots. False if there is none.
bool eth_tx_reap(eth_tx_ring_t *ring, eth_tx_done_t *done, eth_tx_release_t release);

// With the DMA stopped: gives up the oldest frame, sent or not. False if there is none.
bool eth_tx_withdraw(eth_tx_ring_t *ring, eth_tx_release_t release);

#endif
