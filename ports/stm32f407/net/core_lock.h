// SPDX-License-Identifier: MIT
//
// lwIP's core lock (LOCK_TCPIP_CORE), which is its heap's as well. FreeRTOS's recursive mutex does the same
// for some 250 instructions a turn, and lwIP is entered several times for each frame; this one takes about 15
// while nobody waits.
#ifndef NET_CORE_LOCK_H
#define NET_CORE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "rtos.h"

#define CORE_LOCK_WANTED (1UL)

// 0: free. Else the holder's handle, with CORE_LOCK_WANTED while somebody waits.
extern volatile uint32_t core_lock_word;
extern uint32_t core_lock_depth; // the holder's

void core_lock_wait(void);
void core_unlock_wanted(void);
void core_lock_missing(void);

static inline uint32_t core_lock_self(void) {
    return (uint32_t)rtos_current_task();
}

// LDREX and STREX: an interrupt between them makes the second one fail. One core: nothing else to order.
static inline __attribute__((always_inline)) bool core_lock_swap(uint32_t from, uint32_t to) {
    __asm volatile ("" ::: "memory");
    bool done = __atomic_compare_exchange_n(&core_lock_word, &from, to, true, __ATOMIC_RELAXED,
        __ATOMIC_RELAXED);
    __asm volatile ("" ::: "memory");
    return done;
}

static inline bool core_lock_is_ours(void) {
    return ((core_lock_word ^ core_lock_self()) & ~CORE_LOCK_WANTED) == 0;
}

// Takes the lock, waits for it; nests. Tasks only. While a more urgent task waits, the holder runs at that
// one's priority.
static inline void core_lock(void) {
    if (core_lock_swap(0, core_lock_self())) {
        core_lock_depth = 1;
    } else if (core_lock_is_ours()) {
        core_lock_depth++;
    } else {
        core_lock_wait();
    }
}

static inline void core_unlock(void) {
    if (--core_lock_depth == 0 && !core_lock_swap(core_lock_self(), 0)) {
        core_unlock_wanted();
    }
}

// Fails an assertion unless the calling task holds the lock.
static inline void core_lock_check(void) {
    if (!core_lock_is_ours()) {
        core_lock_missing();
    }
}

#endif
