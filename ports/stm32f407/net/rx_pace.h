// SPDX-License-Identifier: MIT
//
// Moderation of receive interrupts: when long frames stream in, looking at the ring every RX_PAUSE_US makes a
// turn of the tasks carry several frames. Nothing waits for that where frames are short (a question and its
// answer) or few; and the pause never lasts for more frames than a third of the ring.
#ifndef NET_RX_PACE_H
#define NET_RX_PACE_H

#include <stdbool.h>

#define RX_PAUSE_US (400)

// A frame was handed up. The task that serves the MAC only, as all of this.
void rx_pace_count(unsigned bytes);

// Whether to look at the ring again in RX_PAUSE_US instead of at the next frame.
bool rx_pace_pause(void);

#endif
