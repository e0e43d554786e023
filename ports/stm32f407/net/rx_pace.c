// SPDX-License-Identifier: MIT

#include <stdint.h>

#include "eth.h"
#include "rx_pace.h"
#include "timebase.h"

#define LONG_BYTES      (512)
#define STREAM_PER_MS   (3)
#define MEASURE_US      (1000)

static struct {
    uint32_t since_us;
    uint16_t frames;
    uint16_t long_frames;
    bool streaming;
} rate;

void rx_pace_count(unsigned bytes) {
    rate.frames++;
    rate.long_frames += bytes >= LONG_BYTES;
}

bool rx_pace_pause(void) {
    uint32_t elapsed_us = timebase_us32() - rate.since_us;
    if (elapsed_us >= MEASURE_US) {
        uint32_t ms = elapsed_us / 1000;
        rate.streaming = rate.long_frames >= STREAM_PER_MS * ms
            && rate.frames * RX_PAUSE_US <= ETH_RX_COUNT / 3 * elapsed_us;
        rate.since_us += elapsed_us;
        rate.frames = rate.long_frames = 0;
    }
    return rate.streaming;
}
