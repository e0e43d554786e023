// SPDX-License-Identifier: MIT

#include <stddef.h>

#include "eth_ring.h"

// Descriptor addresses are 32 bits; on a 64-bit host the links are never followed through them.
static inline uint32_t bus_address(const volatile void *pointer) {
    return (uint32_t)(uintptr_t)pointer;
}

static inline uint16_t after(uint16_t index, uint16_t count) {
    return index + 1 == count ? 0 : index + 1;
}

static void link_chain(eth_desc_t *desc, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        desc[i] = (eth_desc_t) { .next = bus_address(&desc[i + 1 == count ? 0 : i + 1]) };
    }
}

void eth_rx_init(eth_rx_ring_t *ring, eth_desc_t *desc, eth_rx_buffer_t *buffer, unsigned count,
    unsigned buffer_bytes) {
    *ring = (eth_rx_ring_t) { .desc = desc, .buffer = buffer, .count = count, .buffer_bytes = buffer_bytes };
    link_chain(desc, count);
    for (unsigned i = 0; i < count; i++) {
        buffer[i] = (eth_rx_buffer_t) { NULL, NULL };
    }
}

bool eth_rx_give(eth_rx_ring_t *ring, void *data, void *slot) {
    if (ring->held == ring->count) {
        return false;
    }
    eth_desc_t *desc = &ring->desc[ring->give];
    ring->buffer[ring->give] = (eth_rx_buffer_t) { data, slot };
    desc->buffer = bus_address(data);
    desc->control = ETH_RDES1_RCH | ring->buffer_bytes;
    // The DMA may read the descriptor as soon as it owns it.
    ETH_RING_BARRIER();
    desc->status = ETH_DESC_OWN;
    ring->give = after(ring->give, ring->count);
    ring->held++;
    return true;
}

// How many descriptors the oldest frame has, 0 while it is incomplete. *broken: it lacks its beginning or
// its end.
static unsigned oldest_frame(const eth_rx_ring_t *ring, bool *broken) {
    uint16_t at = ring->take;
    *broken = false;
    for (unsigned n = 0; n < ring->held; n++, at = after(at, ring->count)) {
        switch (eth_rx_place(ring->desc[at].status)) {
            case ETH_RX_DMA:
                return 0;
            case ETH_RX_WHOLE:
                *broken = *broken || n > 0;
                return n > 0 ? n : 1;
            case ETH_RX_FIRST:
                if (n > 0) {
                    *broken = true;
                    return n;
                }
                break;
            case ETH_RX_MIDDLE:
                *broken = *broken || n == 0;
                break;
            case ETH_RX_LAST:
                *broken = *broken || n == 0;
                return n + 1;
        }
    }
    // A frame that fills the whole ring without an end: the DMA waits for a descriptor, nothing will come.
    if (ring->held == ring->count) {
        *broken = true;
        return ring->held;
    }
    return 0;
}

// The oldest descriptor's buffer is the caller's.
static inline eth_desc_t *take_oldest(eth_rx_ring_t *ring, void **slot) {
    uint16_t at = ring->take;
    *slot = ring->buffer[at].slot;
    ring->buffer[at] = (eth_rx_buffer_t) { NULL, NULL };
    ring->take = after(at, ring->count);
    ring->held--;
    return &ring->desc[at];
}

unsigned eth_rx_take(eth_rx_ring_t *ring, eth_rx_frame_t *frame, void **slots) {
    bool broken = false;
    unsigned segments = 1;
    if (ring->held == 0) {
        return 0;
    }
    // Nearly always the oldest buffer holds a whole frame.
    if (eth_rx_place(ring->desc[ring->take].status) != ETH_RX_WHOLE) {
        segments = oldest_frame(ring, &broken);
        if (segments == 0) {
            return 0;
        }
    }
    // What the DMA wrote to the other words and to the buffers is read after the status that gave them up.
    ETH_RING_BARRIER();
    eth_desc_t *last = take_oldest(ring, &slots[0]);
    for (unsigned n = 1; n < segments; n++) {
        last = take_oldest(ring, &slots[n]);
    }
    frame->status = last->status;
    frame->extended = last->extended;
    frame->time_lo = last->time_lo;
    frame->time_hi = last->time_hi;
    frame->verdict = broken ? ETH_RX_BAD_TRUNCATED : eth_rx_verdict(last->status);
    return segments;
}

bool eth_rx_filled(const eth_rx_ring_t *ring, unsigned n) {
    if (ring->held == 0) {
        return false;
    }
    unsigned at = ring->take + (n < ring->held ? n : ring->held) - 1U;
    return !(ring->desc[at < ring->count ? at : at - ring->count].status & ETH_DESC_OWN);
}

bool eth_rx_withdraw(eth_rx_ring_t *ring, eth_rx_buffer_t *buffer) {
    if (ring->held == 0) {
        return false;
    }
    *buffer = ring->buffer[ring->take];
    ring->buffer[ring->take] = (eth_rx_buffer_t) { NULL, NULL };
    ring->desc[ring->take].status = 0;
    ring->take = after(ring->take, ring->count);
    ring->held--;
    return true;
}

void eth_tx_init(eth_tx_ring_t *ring, eth_desc_t *desc, void **slot, uint8_t *span, unsigned count) {
    *ring = (eth_tx_ring_t) { .desc = desc, .slot = slot, .span = span, .count = count };
    link_chain(desc, count);
    for (unsigned i = 0; i < count; i++) {
        slot[i] = NULL;
        span[i] = 0;
    }
}

bool eth_tx_put(eth_tx_ring_t *ring, const eth_tx_segment_t *segment, unsigned segments, uint32_t flags) {
    if (segments == 0 || segments > eth_tx_free(ring)) {
        return false;
    }
    uint16_t first = ring->put, at = first;
    uint32_t first_status = 0;
    for (unsigned n = 0; n < segments; n++, at = after(at, ring->count)) {
        eth_desc_t *desc = &ring->desc[at];
        uint32_t status = ETH_TDES0_TCH | ETH_DESC_OWN;
        if (n == 0) {
            status |= ETH_TDES0_FS | (flags & (ETH_TDES0_CIC | ETH_TDES0_TTSE));
        }
        if (n + 1 == segments) {
            status |= ETH_TDES0_LS | (flags & ETH_TDES0_IC);
        }
        ring->slot[at] = segment[n].slot;
        desc->buffer = bus_address(segment[n].data);
        desc->control = segment[n].bytes;
        if (n == 0) {
            first_status = status;
        } else {
            desc->status = status;
        }
    }
    ring->span[first] = segments;
    // The first descriptor changes hands last: until then the DMA stops before it and sees nothing half done.
    ETH_RING_BARRIER();
    ring->desc[first].status = first_status;
    ring->put = at;
    ring->used += segments;
    return true;
}

static void release_oldest(eth_tx_ring_t *ring, eth_tx_release_t release) {
    unsigned segments = ring->span[ring->reap];
    uint16_t at = ring->reap;
    for (unsigned n = 0; n < segments; n++, at = after(at, ring->count)) {
        void *slot = ring->slot[at];
        ring->slot[at] = NULL;
        if (slot != NULL) {
            release(slot);
        }
    }
    ring->span[ring->reap] = 0;
    ring->reap = at;
    ring->used -= segments;
    ring->reaped++;
}

bool eth_tx_reap(eth_tx_ring_t *ring, eth_tx_done_t *done, eth_tx_release_t release) {
    if (ring->used == 0) {
        return false;
    }
    unsigned last = ring->reap + ring->span[ring->reap] - 1U;
    eth_desc_t *desc = &ring->desc[last < ring->count ? last : last - ring->count];
    if (desc->status & ETH_DESC_OWN) {
        return false;
    }
    // The time stamp is read, and the memory reused, after the status that gave them up.
    ETH_RING_BARRIER();
    *done = (eth_tx_done_t) { .status = desc->status, .time_lo = desc->time_lo, .time_hi = desc->time_hi };
    release_oldest(ring, release);
    return true;
}

bool eth_tx_withdraw(eth_tx_ring_t *ring, eth_tx_release_t release) {
    if (ring->used == 0) {
        return false;
    }
    uint16_t at = ring->reap;
    for (unsigned n = ring->span[ring->reap]; n > 0; n--, at = after(at, ring->count)) {
        ring->desc[at].status = 0;
    }
    release_oldest(ring, release);
    return true;
}
