// SPDX-License-Identifier: MIT
//
// The rings against a DMA that the test plays: who owns which descriptor when, in every order that silicon
// may choose. A fault here is a corrupted frame, a leak of buffers, or an interface that goes deaf.

#include "check.h"
#include "eth_ring.h"

#define COUNT (5)
#define BYTES (1524)

static eth_desc_t desc[COUNT];
static eth_rx_buffer_t buffer[COUNT];
static void *slot[COUNT];
static uint8_t span[COUNT];
static uint8_t memory[COUNT][4];

static unsigned barriers;
static void (*at_barrier)(void);

void test_barrier(void) {
    barriers++;
    if (at_barrier != NULL) {
        at_barrier();
    }
}

// ---- The DMA: closes the descriptors it owns, in order -----------------------------------------

static unsigned dma_at;

static bool dma_owns(void) {
    return desc[dma_at].status & ETH_DESC_OWN;
}

static void dma_close(uint32_t status) {
    CHECK(dma_owns());
    desc[dma_at].status = status & ~ETH_DESC_OWN;
    dma_at = (dma_at + 1) % COUNT;
}

static uint32_t rx_whole(unsigned length) {
    return ETH_RDES0_FS | ETH_RDES0_LS | length << ETH_RDES0_FL_Pos;
}

static eth_rx_ring_t rx;
static eth_rx_frame_t frame;
static void *got[COUNT];

static void rx_start(unsigned buffers) {
    dma_at = 0;
    eth_rx_init(&rx, desc, buffer, COUNT, BYTES);
    for (unsigned i = 0; i < buffers; i++) {
        CHECK(eth_rx_give(&rx, memory[i], memory[i]));
    }
}

TEST(rx_init__chain_is_closed) {
    rx_start(0);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(desc[i].next, (uint32_t)(uintptr_t)&desc[(i + 1) % COUNT]);
        CHECK_EQ(desc[i].status, 0);
    }
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
}

TEST(rx_give__fills_the_descriptor) {
    rx_start(1);
    CHECK_EQ(desc[0].status, ETH_DESC_OWN);
    CHECK_EQ(desc[0].control, ETH_RDES1_RCH | BYTES);
    CHECK_EQ(desc[0].buffer, (uint32_t)(uintptr_t)memory[0]);
    CHECK_EQ(desc[1].status, 0);
}

static void descriptor_is_complete_but_not_owned(void) {
    CHECK_EQ(desc[0].buffer, (uint32_t)(uintptr_t)memory[0]);
    CHECK_EQ(desc[0].control, ETH_RDES1_RCH | BYTES);
    CHECK_EQ(desc[0].status & ETH_DESC_OWN, 0);
}

TEST(rx_give__ownership_comes_last) {
    barriers = 0;
    at_barrier = descriptor_is_complete_but_not_owned;
    rx_start(1);
    CHECK_EQ(barriers, 1);
}

TEST(rx_give__full) {
    rx_start(COUNT);
    CHECK(!eth_rx_give(&rx, memory[0], memory[0]));
}

TEST(rx_take__one_frame) {
    rx_start(COUNT);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
    desc[0].extended = 0x1234;
    desc[0].time_lo = 5;
    desc[0].time_hi = 6;
    dma_close(rx_whole(64));
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK(got[0] == memory[0]);
    CHECK_EQ(eth_rx_length(frame.status), 60);
    CHECK_EQ(frame.verdict, ETH_RX_OK);
    CHECK_EQ(frame.extended, 0x1234);
    CHECK_EQ(frame.time_lo, 5);
    CHECK_EQ(frame.time_hi, 6);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
    CHECK_EQ(rx.held, COUNT - 1);
}

TEST(rx_take__keeps_order_over_the_wrap) {
    rx_start(COUNT);
    for (unsigned n = 0; n < 7 * COUNT; n++) {
        dma_close(rx_whole(64 + n));
        CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
        CHECK_EQ(eth_rx_length(frame.status), 60 + n);
        CHECK(got[0] == memory[n % COUNT]);
        CHECK(eth_rx_give(&rx, got[0], got[0]));
    }
}

TEST(rx_take__frame_over_several_descriptors) {
    rx_start(COUNT);
    dma_close(ETH_RDES0_FS);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
    dma_close(0);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
    dma_close(ETH_RDES0_LS | 4000u << ETH_RDES0_FL_Pos);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 3);
    CHECK(got[0] == memory[0] && got[1] == memory[1] && got[2] == memory[2]);
    CHECK_EQ(eth_rx_length(frame.status), 3996);
    CHECK_EQ(frame.verdict, ETH_RX_OK);
    CHECK_EQ(rx.held, COUNT - 3);
}

TEST(rx_take__frame_over_the_wrap) {
    rx_start(COUNT);
    for (unsigned n = 0; n < COUNT - 1; n++) {
        dma_close(rx_whole(64));
        CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
        CHECK(eth_rx_give(&rx, got[0], got[0]));
    }
    dma_close(ETH_RDES0_FS);
    dma_close(ETH_RDES0_LS | 2000u << ETH_RDES0_FL_Pos);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 2);
    CHECK(got[0] == memory[4] && got[1] == memory[0]);
}

TEST(rx_take__bad_frame_gives_its_buffer_back) {
    rx_start(COUNT);
    dma_close(rx_whole(64) | ETH_RDES0_ES | ETH_RDES0_CE);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK_EQ(frame.verdict, ETH_RX_BAD_CRC);
    CHECK(got[0] == memory[0]);
}

TEST(rx_take__first_without_last_is_cut_at_the_next_first) {
    rx_start(COUNT);
    dma_close(ETH_RDES0_FS);
    dma_close(rx_whole(64));
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK_EQ(frame.verdict, ETH_RX_BAD_TRUNCATED);
    CHECK(got[0] == memory[0]);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK_EQ(frame.verdict, ETH_RX_OK);
    CHECK(got[0] == memory[1]);
    dma_close(ETH_RDES0_FS);
    dma_close(0);
    dma_close(ETH_RDES0_FS);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 2);
    CHECK_EQ(frame.verdict, ETH_RX_BAD_TRUNCATED);
}

TEST(rx_take__end_without_beginning) {
    rx_start(COUNT);
    dma_close(ETH_RDES0_LS | 64u << ETH_RDES0_FL_Pos);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK_EQ(frame.verdict, ETH_RX_BAD_TRUNCATED);
    dma_close(0);
    dma_close(ETH_RDES0_LS);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 2);
    CHECK_EQ(frame.verdict, ETH_RX_BAD_TRUNCATED);
}

TEST(rx_take__frame_that_fills_the_ring_is_given_up) {
    rx_start(COUNT);
    dma_close(ETH_RDES0_FS);
    for (unsigned i = 1; i < COUNT; i++) {
        dma_close(0);
    }
    CHECK_EQ(eth_rx_take(&rx, &frame, got), COUNT);
    CHECK_EQ(frame.verdict, ETH_RX_BAD_TRUNCATED);
}

TEST(rx_exhaustion__held_and_resumed) {
    rx_start(COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        dma_close(rx_whole(64));
        CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    }
    // All buffers are out: the DMA finds nothing, and nothing is made up for the reader.
    CHECK(!dma_owns());
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
    // They come back in another order; the DMA goes on where it stopped.
    CHECK(eth_rx_give(&rx, memory[3], memory[3]));
    CHECK(dma_owns());
    CHECK(eth_rx_give(&rx, memory[1], memory[1]));
    dma_close(rx_whole(70));
    dma_close(rx_whole(71));
    CHECK(!dma_owns());
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK(got[0] == memory[3]);
    CHECK_EQ(eth_rx_length(frame.status), 66);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    CHECK(got[0] == memory[1]);
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 0);
}

TEST(rx_filled__counts_what_the_dma_is_through_with) {
    rx_start(0);
    CHECK(!eth_rx_filled(&rx, 1));
    rx_start(3);
    CHECK(!eth_rx_filled(&rx, 1));
    dma_close(rx_whole(64));
    CHECK(eth_rx_filled(&rx, 1));
    CHECK(!eth_rx_filled(&rx, 2));
    dma_close(rx_whole(64));
    CHECK(eth_rx_filled(&rx, 2));
    // More than there are means all.
    CHECK(!eth_rx_filled(&rx, COUNT));
    dma_close(rx_whole(64));
    CHECK(eth_rx_filled(&rx, COUNT));
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    }
    CHECK(!eth_rx_filled(&rx, 1));
}

TEST(rx_withdraw__gives_back_every_buffer_once) {
    rx_start(COUNT);
    dma_close(rx_whole(64));
    dma_close(rx_whole(64));
    CHECK_EQ(eth_rx_take(&rx, &frame, got), 1);
    // A descriptor that went astray does not change which buffers there are.
    desc[2].buffer = 0x10000000;
    eth_rx_buffer_t back;
    for (unsigned i = 1; i < COUNT; i++) {
        CHECK(eth_rx_withdraw(&rx, &back));
        CHECK(back.slot == memory[i] && back.data == memory[i]);
    }
    CHECK(!eth_rx_withdraw(&rx, &back));
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(desc[i].status & ETH_DESC_OWN, 0);
    }
}

static uint32_t seed = 1;

static unsigned random_below(unsigned bound) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % bound;
}

// Frames of one to three pieces, buffers that stay away for a while: order, content and number hold.
TEST(rx__random_walk) {
    rx_start(COUNT);
    void *away[COUNT];
    unsigned n_away = 0, sent = 0, received = 0, open = 0;
    for (unsigned turn = 0; turn < 200000; turn++) {
        unsigned what = random_below(3);
        if (what == 0 && dma_owns()) {
            uint32_t status = open == 0 ? ETH_RDES0_FS : 0;
            open++;
            // As silicon does: no next descriptor, so the frame ends here with a descriptor error.
            bool cut = !(desc[(dma_at + 1) % COUNT].status & ETH_DESC_OWN);
            if (open == 3 || cut || random_below(2)) {
                status |= ETH_RDES0_LS | (100 + sent % 1000) << ETH_RDES0_FL_Pos;
                sent++;
                open = 0;
            }
            dma_close(status);
        } else if (what == 1) {
            unsigned pieces = eth_rx_take(&rx, &frame, got);
            if (pieces > 0) {
                CHECK_EQ(eth_rx_length(frame.status), 96 + received % 1000);
                received++;
            }
            for (unsigned i = 0; i < pieces; i++) {
                CHECK(got[i] != NULL);
                away[n_away++] = got[i];
            }
        } else if (n_away > 0) {
            unsigned pick = random_below(n_away);
            CHECK(eth_rx_give(&rx, away[pick], away[pick]));
            away[pick] = away[--n_away];
        }
        CHECK_EQ(rx.held + n_away, COUNT);
    }
    CHECK(received > 10000);
    CHECK(sent - received <= COUNT);
}

// ---- Transmit ------------------------------------------------------------------------------------

static eth_tx_ring_t tx;
static eth_tx_done_t done;
static void *released[64];
static unsigned n_released;

static void release(void *what) {
    CHECK(n_released < 64);
    released[n_released++] = what;
}

static void tx_start(void) {
    dma_at = 0;
    n_released = 0;
    eth_tx_init(&tx, desc, slot, span, COUNT);
}

static int payload[8];

static eth_tx_segment_t piece(unsigned n, unsigned bytes, bool with_slot) {
    return (eth_tx_segment_t) { .data = &payload[n], .bytes = bytes, .slot = with_slot ? &payload[n] : NULL };
}

TEST(tx_put__one_piece) {
    tx_start();
    eth_tx_segment_t one = piece(0, 60, true);
    CHECK(eth_tx_put(&tx, &one, 1, 3u << ETH_TDES0_CIC_Pos | ETH_TDES0_IC));
    CHECK_EQ(desc[0].status,
        ETH_DESC_OWN | ETH_TDES0_FS | ETH_TDES0_LS | ETH_TDES0_TCH | ETH_TDES0_CIC | ETH_TDES0_IC);
    CHECK_EQ(desc[0].control, 60);
    CHECK_EQ(desc[0].buffer, (uint32_t)(uintptr_t)&payload[0]);
    CHECK_EQ(eth_tx_free(&tx), COUNT - 1);
}

TEST(tx_put__pieces_carry_their_flags) {
    tx_start();
    eth_tx_segment_t three[] = { piece(0, 54, false), piece(1, 1000, false), piece(2, 460, true) };
    CHECK(eth_tx_put(&tx, three, 3, 3u << ETH_TDES0_CIC_Pos | ETH_TDES0_IC | ETH_TDES0_TTSE));
    CHECK_EQ(desc[0].status, ETH_DESC_OWN | ETH_TDES0_TCH | ETH_TDES0_FS | ETH_TDES0_CIC | ETH_TDES0_TTSE);
    CHECK_EQ(desc[1].status, ETH_DESC_OWN | ETH_TDES0_TCH);
    CHECK_EQ(desc[2].status, ETH_DESC_OWN | ETH_TDES0_TCH | ETH_TDES0_LS | ETH_TDES0_IC);
    CHECK_EQ(desc[0].control, 54);
    CHECK_EQ(desc[1].control, 1000);
    CHECK_EQ(desc[2].control, 460);
}

static void rest_is_ready_and_first_is_not(void) {
    CHECK_EQ(desc[0].status & ETH_DESC_OWN, 0);
    CHECK(desc[1].status & ETH_DESC_OWN);
    CHECK(desc[2].status & ETH_DESC_OWN);
}

TEST(tx_put__first_descriptor_changes_hands_last) {
    tx_start();
    barriers = 0;
    at_barrier = rest_is_ready_and_first_is_not;
    eth_tx_segment_t three[] = { piece(0, 1, false), piece(1, 2, false), piece(2, 3, true) };
    CHECK(eth_tx_put(&tx, three, 3, 0));
    CHECK_EQ(barriers, 1);
    CHECK(desc[0].status & ETH_DESC_OWN);
}

TEST(tx_put__no_room_changes_nothing) {
    tx_start();
    eth_tx_segment_t pieces[COUNT + 1];
    for (unsigned i = 0; i <= COUNT; i++) {
        pieces[i] = piece(i, 10, true);
    }
    CHECK(!eth_tx_put(&tx, pieces, COUNT + 1, 0));
    CHECK(!eth_tx_put(&tx, pieces, 0, 0));
    CHECK(eth_tx_put(&tx, pieces, COUNT - 1, 0));
    CHECK(!eth_tx_put(&tx, pieces, 2, 0));
    CHECK_EQ(desc[COUNT - 1].status, 0);
    CHECK(eth_tx_put(&tx, pieces, 1, 0));
    CHECK_EQ(eth_tx_free(&tx), 0);
}

TEST(tx_reap__waits_for_the_last_piece) {
    tx_start();
    eth_tx_segment_t two[] = { piece(0, 54, true), piece(1, 100, true) };
    CHECK(eth_tx_put(&tx, two, 2, 0));
    CHECK(!eth_tx_reap(&tx, &done, release));
    dma_close(0);
    CHECK(!eth_tx_reap(&tx, &done, release));
    CHECK_EQ(n_released, 0);
    desc[1].time_lo = 7;
    desc[1].time_hi = 8;
    dma_close(ETH_TDES0_LS | ETH_TDES0_TTSS);
    CHECK(eth_tx_reap(&tx, &done, release));
    CHECK_EQ(n_released, 2);
    CHECK(released[0] == &payload[0] && released[1] == &payload[1]);
    CHECK_EQ(done.status, ETH_TDES0_LS | ETH_TDES0_TTSS);
    CHECK_EQ(done.time_lo, 7);
    CHECK_EQ(done.time_hi, 8);
    CHECK_EQ(eth_tx_free(&tx), COUNT);
    CHECK_EQ(tx.reaped, 1);
    CHECK(!eth_tx_reap(&tx, &done, release));
}

TEST(tx_reap__in_the_order_of_sending) {
    tx_start();
    for (unsigned i = 0; i < 3; i++) {
        eth_tx_segment_t one = piece(i, 60, true);
        CHECK(eth_tx_put(&tx, &one, 1, 0));
    }
    dma_close(ETH_TDES0_LS);
    dma_close(ETH_TDES0_LS | ETH_TDES0_ES | ETH_TDES0_EC);
    CHECK(eth_tx_reap(&tx, &done, release));
    CHECK_EQ(eth_tx_verdict(done.status), ETH_TX_OK);
    CHECK(eth_tx_reap(&tx, &done, release));
    CHECK_EQ(eth_tx_verdict(done.status), ETH_TX_BAD_COLLISION);
    CHECK(!eth_tx_reap(&tx, &done, release));
    CHECK_EQ(n_released, 2);
    CHECK(released[0] == &payload[0] && released[1] == &payload[1]);
}

TEST(tx_withdraw__releases_what_was_not_sent) {
    tx_start();
    eth_tx_segment_t two[] = { piece(0, 54, false), piece(1, 100, true) };
    eth_tx_segment_t one = piece(2, 60, true);
    CHECK(eth_tx_put(&tx, two, 2, 0));
    CHECK(eth_tx_put(&tx, &one, 1, 0));
    dma_close(0);
    CHECK(eth_tx_withdraw(&tx, release));
    CHECK(eth_tx_withdraw(&tx, release));
    CHECK(!eth_tx_withdraw(&tx, release));
    CHECK_EQ(n_released, 2);
    CHECK(released[0] == &payload[1] && released[1] == &payload[2]);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(desc[i].status & ETH_DESC_OWN, 0);
    }
    CHECK_EQ(eth_tx_free(&tx), COUNT);
}

TEST(tx__random_walk) {
    static int numbers[1 << 16];
    tx_start();
    unsigned queued = 0, reaped = 0, closed_piece = 0, frame_pieces[1 << 8], head = 0, tail = 0;
    for (unsigned turn = 0; turn < 200000 && queued < (1 << 16) - COUNT; turn++) {
        unsigned what = random_below(3);
        if (what == 0) {
            unsigned pieces = 1 + random_below(COUNT);
            eth_tx_segment_t list[COUNT];
            for (unsigned i = 0; i < pieces; i++) {
                list[i] = (eth_tx_segment_t) { .data = numbers, .bytes = 60, .slot = &numbers[queued + i] };
            }
            bool room = pieces <= eth_tx_free(&tx);
            CHECK_EQ(eth_tx_put(&tx, list, pieces, 0), room);
            if (room) {
                queued += pieces;
                frame_pieces[head++ % 256] = pieces;
            }
        } else if (what == 1 && head != tail && dma_owns()) {
            closed_piece++;
            bool last = closed_piece == frame_pieces[tail % 256];
            dma_close(last ? ETH_TDES0_LS : 0);
            if (last) {
                tail++;
                closed_piece = 0;
            }
        } else if (what == 2) {
            n_released = 0;
            if (eth_tx_reap(&tx, &done, release)) {
                for (unsigned i = 0; i < n_released; i++) {
                    CHECK(released[i] == &numbers[reaped + i]);
                }
                reaped += n_released;
            }
        }
        CHECK_EQ(queued - reaped, tx.used);
    }
    CHECK(reaped > 10000);
}
