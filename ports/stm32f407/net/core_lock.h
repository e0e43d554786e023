// SPDX-License-Identifier: MIT
//
// lwIP's core lock (LOCK_TCPIP_CORE). FreeRTOS's recursive mutex does the same for some 250 instructions a
// turn, and lwIP is entered several times for each frame; this one takes about 20 while nobody waits.
#ifndef NET_CORE_LOCK_H
#define NET_CORE_LOCK_H

#include <stdint.h>

#include "rtos.h"

extern void *volatile core_lock_holder;
extern uint32_t core_lock_depth; // the holder's

void core_lock_first(void);
void core_unlock_last(void);
void core_lock_missing(void);

// Takes the lock, waits for it; nests. Tasks only. While a more urgent task waits, the holder runs at that
// one's priority.
static inline void core_lock(void) {
    if (core_lock_holder == rtos_current_task()) {
        core_lock_depth++;
    } else {
        core_lock_first();
    }
}

static inline void core_unlock(void) {
    if (--core_lock_depth == 0) {
        core_unlock_last();
    }
}

// Fails an assertion unless the calling task holds the lock.
static inline void core_lock_check(void) {
    if (core_lock_holder != rtos_current_task()) {
        core_lock_missing();
    }
}

#endif
