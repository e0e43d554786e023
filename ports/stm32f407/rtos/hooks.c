// SPDX-License-Identifier: MIT
// What FreeRTOS asks its application for, and the guards round the stacks.
#include <stdio.h>
#include <string.h>
#include "FreeRTOS.h"
#include "task.h"
#include "fault.h"
#include "hal.h"
#include "rtos.h"
#include "stm32f4xx.h"

#define MPU_REGION_ISR_STACK (6)
// Read-only, size 2^(4 + 1) bytes, enabled. Reading is harmless, and the collector reads the whole stack of a
// Python thread, which lies in its heap, also in that very thread.
#define MPU_READ_ONLY (5UL << MPU_RASR_AP_Pos)
#define MPU_GUARD_ATTRIBUTES \
    (MPU_READ_ONLY | (4UL << MPU_RASR_SIZE_Pos) | MPU_RASR_XN_Msk | MPU_RASR_ENABLE_Msk)

CCM_BSS uint8_t ucHeap[configTOTAL_HEAP_SIZE] __attribute__((aligned(8)));

void *volatile rtos_python_state;
void *volatile rtos_lwip_state;

static CCM_BSS StaticTask_t idle_tcb;
static CCM_BSS StackType_t idle_stack[configMINIMAL_STACK_SIZE];

extern uint32_t _isr_stack_limit;

void vApplicationGetIdleTaskMemory(StaticTask_t **tcb, StackType_t **stack, configSTACK_DEPTH_TYPE *size) {
    *tcb = &idle_tcb;
    *stack = idle_stack;
    *size = configMINIMAL_STACK_SIZE;
}

void vApplicationIdleHook(void) {
    __asm volatile ("dsb\n wfi");
}

static const char *running_task_name(void) {
    return pcTaskGetName(NULL);
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name) {
    (void)task;
    fault_die("stack overflow", name);
}

void rtos_assert_failed(const char *file, int line) {
    char what[FAULT_WHAT_LEN];
    const char *base = strrchr(file, '/');
    snprintf(what, sizeof(what), "assertion %s:%d", base == NULL ? file : base + 1, line);
    fault_die(what, xPortIsInsideInterrupt() ? "(interrupt)" : pcTaskGetName(NULL));
}

static void set_guard(uint32_t region, void *stack_bottom) {
    MPU->RBAR = RTOS_GUARD_BASE(stack_bottom) | MPU_RBAR_VALID_Msk | region;
    MPU->RASR = MPU_GUARD_ATTRIBUTES;
}

void rtos_init(void) {
    fault_task_name = running_task_name;
    set_guard(MPU_REGION_ISR_STACK, &_isr_stack_limit);
    // The kernel moves it with the first task. Until then it guards the vectors, which nobody writes.
    set_guard(RTOS_GUARD_REGION, NULL);
    // Outside of the guards the default map holds.
    MPU->CTRL = MPU_CTRL_PRIVDEFENA_Msk | MPU_CTRL_ENABLE_Msk;
    __DSB();
    __ISB();
}
