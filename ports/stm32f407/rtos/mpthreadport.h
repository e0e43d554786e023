// SPDX-License-Identifier: MIT
// MicroPython's threads as FreeRTOS tasks, and how Python code waits.
#ifndef RTOS_MPTHREADPORT_H
#define RTOS_MPTHREADPORT_H

#include "FreeRTOS.h"

struct _mp_thread_waiter_t;

// A lock that any thread may release. Given back with somebody waiting it goes to the one that waits
// longest, directly: nobody takes it in between, so nobody starves.
typedef struct _mp_thread_mutex_t {
    volatile uint32_t locked;
    struct _mp_thread_waiter_t *first; // the waiters, on their own stacks
    struct _mp_thread_waiter_t *last;
} mp_thread_mutex_t;

// The VM asks for its state at every turn: FreeRTOSConfig.h keeps it in a variable.
static inline struct _mp_state_thread_t *mp_thread_get_state(void) {
    return rtos_python_state;
}

// The calling task becomes the main thread. Once after each (soft) reset.
void mp_thread_init(void);
// Ends every thread but the calling one. The caller holds the GIL.
void mp_thread_deinit(void);
// Marks the stacks of the other threads.
void mp_thread_gc_others(void);
// Gives the memory of threads that have ended back to the collector.
void mp_thread_reap(void);

#endif // RTOS_MPTHREADPORT_H
