// SPDX-License-Identifier: MIT

#include "FreeRTOS.h"
#include "semphr.h"
#include "task.h"

#include "core_lock.h"

// The lock passes from the one who frees it straight to the one who waited longest at the highest priority:
// until that one runs, nobody holds it and nobody gets it.
#define IN_TRANSIT (CORE_LOCK_WANTED)

volatile uint32_t core_lock_word;
uint32_t core_lock_depth;
static uint32_t waiters;            // CORE_LOCK_WANTED says whether there are any
static bool raised;                 // the holder's priority, which is `own_priority` without that
static UBaseType_t own_priority;
static StaticSemaphore_t handover_memory;
static SemaphoreHandle_t handover;

// With the scheduler suspended: lets the holder know, and run.
static void announce(UBaseType_t priority) {
    TaskHandle_t holder = (TaskHandle_t)(core_lock_word & ~CORE_LOCK_WANTED);
    if (handover == NULL) {
        handover = xSemaphoreCreateBinaryStatic(&handover_memory);
    }
    waiters++;
    core_lock_word |= CORE_LOCK_WANTED;
    if (holder != NULL && uxTaskPriorityGet(holder) < priority) {
        if (!raised) {
            raised = true;
            own_priority = uxTaskPriorityGet(holder);
        }
        vTaskPrioritySet(holder, priority);
    }
}

// Somebody else has the lock, or an interrupt came in between the first look and the taking.
void core_lock_wait(void) {
    vTaskSuspendAll();
    bool taken = core_lock_word == 0;
    if (taken) {
        core_lock_word = core_lock_self();
    } else {
        announce(uxTaskPriorityGet(NULL));
    }
    xTaskResumeAll();
    if (!taken) {
        xSemaphoreTake(handover, portMAX_DELAY);
        uint32_t masked = port_mask_interrupts();
        core_lock_word = core_lock_self() | (waiters > 0 ? CORE_LOCK_WANTED : 0);
        port_restore_interrupts(masked);
    }
    core_lock_depth = 1;
}

void core_unlock_wanted(void) {
    // One step: who comes to wait in the middle of it would raise a task that is no longer the holder.
    uint32_t masked = port_mask_interrupts();
    bool was_raised = raised;
    UBaseType_t priority = own_priority;
    raised = false;
    bool wanted = waiters > 0;
    if (wanted) {
        waiters--;
    }
    core_lock_word = wanted ? IN_TRANSIT : 0;
    port_restore_interrupts(masked);
    if (wanted) {
        xSemaphoreGive(handover);
    }
    if (was_raised) {
        vTaskPrioritySet(NULL, priority);
    }
}

void core_lock_missing(void) {
    configASSERT(0);
}
