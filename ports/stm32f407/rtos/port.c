// SPDX-License-Identifier: MIT
// FreeRTOS on the Cortex-M4F. Tasks run on PSP, exceptions on MSP. Each task keeps its own EXC_RETURN:
// bit 4 says whether its frame has FPU registers, so that a task that never used the FPU saves none.
#include "FreeRTOS.h"
#include "task.h"
#include "stm32f4xx.h"

#define INITIAL_XPSR (0x01000000UL)
#define EXC_RETURN_THREAD_PSP (0xFFFFFFFDUL) // basic frame

uint32_t port_critical_nesting;

static void task_returned(void) {
    configASSERT(0);
    for (;;) {
    }
}

// The frame as PendSV finds it: r4-r11 and EXC_RETURN below what the hardware stacks.
StackType_t *pxPortInitialiseStack(StackType_t *top, TaskFunction_t code, void *parameters) {
    *--top = INITIAL_XPSR;
    *--top = (StackType_t)code & ~1UL;
    *--top = (StackType_t)task_returned;
    top -= 4; // r12, r3, r2, r1
    *--top = (StackType_t)parameters;
    *--top = EXC_RETURN_THREAD_PSP;
    top -= 8; // r11..r4
    return top;
}

static __attribute__((naked)) void start_first_task(void) {
    __asm volatile (
        "ldr r0, =_estack \n" // what is on the main stack is not needed any more
        "msr msp, r0 \n"
        "mov r0, #0 \n" // no FPU context from before: main() may have left FPCA set
        "msr control, r0 \n"
        "isb \n"
        "cpsie i \n"
        "cpsie f \n"
        "dsb \n"
        "isb \n"
        "svc 0 \n"
        "nop \n");
}

// SVC comes once: it starts the first task.
__attribute__((naked)) void SVC_Handler(void);
void SVC_Handler(void) {
    __asm volatile (
        "ldr r3, =pxCurrentTCB \n"
        "ldr r1, [r3] \n"
        "ldr r0, [r1] \n"
        "ldmia r0!, {r4-r11, r14} \n"
        "msr psp, r0 \n"
        "isb \n"
        "mov r0, #0 \n"
        "msr basepri, r0 \n"
        "bx r14 \n");
}

// The lowest priority of all: it runs when no other exception is active.
__attribute__((naked)) void PendSV_Handler(void);
void PendSV_Handler(void) {
    __asm volatile (
        "mrs r0, psp \n"
        "isb \n"
        "ldr r3, =pxCurrentTCB \n"
        "ldr r2, [r3] \n"
        "tst r14, #0x10 \n" // a frame with FPU registers: storing s16-s31 also forces the lazy s0-s15 out
        "it eq \n"
        "vstmdbeq r0!, {s16-s31} \n"
        "stmdb r0!, {r4-r11, r14} \n"
        "str r0, [r2] \n"
        "stmdb sp!, {r0, r3} \n"
        "mov r0, %0 \n"
        "msr basepri, r0 \n"
        "dsb \n"
        "isb \n"
        "bl vTaskSwitchContext \n"
        "mov r0, #0 \n"
        "msr basepri, r0 \n"
        "ldmia sp!, {r0, r3} \n"
        "ldr r1, [r3] \n"
        "ldr r0, [r1] \n"
        "ldmia r0!, {r4-r11, r14} \n"
        "tst r14, #0x10 \n"
        "it eq \n"
        "vldmiaeq r0!, {s16-s31} \n"
        "msr psp, r0 \n"
        "isb \n"
        "bx r14 \n"
        : : "i" (configMAX_SYSCALL_INTERRUPT_PRIORITY));
}

void SysTick_Handler(void);
void SysTick_Handler(void) {
    uint32_t old = port_mask_interrupts();
    if (xTaskIncrementTick() != pdFALSE) {
        portNVIC_INT_CTRL_REG = portNVIC_PENDSVSET_BIT;
    }
    port_restore_interrupts(old);
}

void port_set_tick_clock(uint32_t hclk) {
    SysTick->LOAD = hclk / configTICK_RATE_HZ - 1;
    SysTick->VAL = 0;
}

BaseType_t xPortStartScheduler(void) {
    NVIC_SetPriorityGrouping(3); // four bits of priority, none of sub-priority
    NVIC_SetPriority(PendSV_IRQn, configKERNEL_INTERRUPT_PRIORITY >> 4);
    NVIC_SetPriority(SysTick_IRQn, configKERNEL_INTERRUPT_PRIORITY >> 4);
    NVIC_SetPriority(SVCall_IRQn, 0);
    port_critical_nesting = 0;
    port_set_tick_clock(configCPU_CLOCK_HZ);
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    // Automatic and lazy: the hardware reserves the frame's room, and stores only when it must.
    FPU->FPCCR |= FPU_FPCCR_ASPEN_Msk | FPU_FPCCR_LSPEN_Msk;
    start_first_task();
    return pdFALSE;
}

void vPortEndScheduler(void) {
    configASSERT(0);
}
