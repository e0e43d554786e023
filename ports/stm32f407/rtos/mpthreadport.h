// SPDX-License-Identifier: MIT
// MicroPython's threads as FreeRTOS tasks, and how Python code waits.
#ifndef RTOS_MPTHREADPORT_H
#define RTOS_MPTHREADPORT_H

#include "FreeRTOS.h"
#include "semphr.h"

// A lock that any thread may release. Taking a free one and giving one back that nobody waits for stays
// out of the kernel; with somebody waiting, the lock is handed over, so that nobody starves.
typedef struct _mp_thread_mutex_t {
    volatile uint16_t locked;
    volatile uint16_t waiters;
    StaticSemaphore_t handover;
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
