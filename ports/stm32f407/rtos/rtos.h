// SPDX-License-Identifier: MIT
// Tasks' priorities and the start of the RTOS side of the port.
#ifndef RTOS_RTOS_H
#define RTOS_RTOS_H

#include <stdbool.h>

#define RTOS_PRIORITY_PYTHON (2)
#define RTOS_PRIORITY_TCPIP (5)
#define RTOS_PRIORITY_USB (6)

// The running task's handle: xTaskGetCurrentTaskHandle() without the call.
extern void *volatile pxCurrentTCB;
static inline void *rtos_current_task(void) {
    return pxCurrentTCB;
}

// For interrupts: has the only Python thread do `work` before it looks at what it waits for, if it waits and
// nobody else wanted the processor. False: it does not.
bool rtos_lend_thread(void (*work)(void));

// Before the scheduler starts: the stack guards and the naming of tasks in fault reports.
void rtos_init(void);

#endif // RTOS_RTOS_H
