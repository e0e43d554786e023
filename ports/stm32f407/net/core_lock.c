// SPDX-License-Identifier: MIT

#include <stdbool.h>

#include "FreeRTOS.h"
#include "semphr.h"
#include "task.h"

#include "core_lock.h"
#include "rtos.h"

// The lock passes from the one who frees it straight to the one who waited longest at the highest priority:
// until that one runs, nobody holds it and nobody gets it.
#define IN_TRANSIT ((void *)1)

void *volatile core_lock_holder;
uint32_t core_lock_depth;
static volatile uint32_t waiters;
static bool raised;                 // the holder's priority, which is `own_priority` without that
static UBaseType_t own_priority;
static StaticSemaphore_t handover_memory;
static SemaphoreHandle_t handover;

static void wait_for_it(TaskHandle_t self) {
    vTaskSuspendAll();
    if (core_lock_holder == NULL) {
        core_lock_holder = self;
        xTaskResumeAll();
        return;
    }
    if (handover == NULL) {
        handover = xSemaphoreCreateBinaryStatic(&handover_memory);
    }
    waiters++;
    UBaseType_t priority = uxTaskPriorityGet(self);
    if (core_lock_holder != IN_TRANSIT && uxTaskPriorityGet(core_lock_holder) < priority) {
        if (!raised) {
            raised = true;
            own_priority = uxTaskPriorityGet(core_lock_holder);
        }
        vTaskPrioritySet(core_lock_holder, priority);
    }
    xTaskResumeAll();
    xSemaphoreTake(handover, portMAX_DELAY);
    core_lock_holder = self;
}

void core_lock_first(void) {
    TaskHandle_t self = rtos_current_task();
    uint32_t masked = port_mask_interrupts();
    bool taken = core_lock_holder == NULL;
    if (taken) {
        core_lock_holder = self;
    }
    port_restore_interrupts(masked);
    if (!taken) {
        wait_for_it(self);
    }
    core_lock_depth = 1;
}

void core_unlock_last(void) {
    // One step: who comes to wait in the middle of it would raise a task that is no longer the holder.
    uint32_t masked = port_mask_interrupts();
    bool was_raised = raised;
    UBaseType_t priority = own_priority;
    raised = false;
    bool wanted = waiters > 0;
    if (wanted) {
        waiters--;
    }
    core_lock_holder = wanted ? IN_TRANSIT : NULL;
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
