// SPDX-License-Identifier: MIT
// FreeRTOS port layer for the Cortex-M4F: types, critical sections by BASEPRI, the yield.
#ifndef RTOS_PORTMACRO_H
#define RTOS_PORTMACRO_H

#include <stdint.h>
#include <stddef.h>

typedef uint32_t StackType_t;
typedef long BaseType_t;
typedef unsigned long UBaseType_t;
typedef uint32_t TickType_t;

#define portMAX_DELAY ((TickType_t)0xffffffffUL)
#define portTICK_TYPE_IS_ATOMIC 1
#define portSTACK_TYPE uint32_t
#define portBASE_TYPE long
#define portCHAR char
#define portPOINTER_SIZE_TYPE uint32_t

#define portSTACK_GROWTH (-1)
#define portTICK_PERIOD_MS ((TickType_t)1000 / configTICK_RATE_HZ)
#define portBYTE_ALIGNMENT 8
#define portDONT_DISCARD __attribute__((used))

#define portNVIC_INT_CTRL_REG (*(volatile uint32_t *)0xE000ED04UL)
#define portNVIC_PENDSVSET_BIT (1UL << 28)
#define portVECTACTIVE_MASK (0x1FFUL) // lwIP's sys_arch looks at this name

// The barriers make the switch happen before the next instruction, not a few later.
#define portYIELD() \
    do { \
        portNVIC_INT_CTRL_REG = portNVIC_PENDSVSET_BIT; \
        __asm volatile ("dsb\n isb" ::: "memory"); \
    } while (0)
#define portEND_SWITCHING_ISR(switch_required) \
    do { \
        if ((switch_required) != 0) { \
            portNVIC_INT_CTRL_REG = portNVIC_PENDSVSET_BIT; \
        } \
    } while (0)
#define portYIELD_FROM_ISR(x) portEND_SWITCHING_ISR(x)

// Raising BASEPRI needs the ISB so that no interrupt of a masked priority is taken after it.
static inline __attribute__((always_inline)) uint32_t port_mask_interrupts(void) {
    uint32_t old;
    __asm volatile (
        "mrs %0, basepri \n"
        "msr basepri, %1 \n"
        "isb \n"
        : "=&r" (old) : "r" (configMAX_SYSCALL_INTERRUPT_PRIORITY) : "memory");
    return old;
}

static inline __attribute__((always_inline)) void port_restore_interrupts(uint32_t old) {
    __asm volatile ("msr basepri, %0" : : "r" (old) : "memory");
}

static inline __attribute__((always_inline)) BaseType_t xPortIsInsideInterrupt(void) {
    uint32_t ipsr;
    __asm volatile ("mrs %0, ipsr" : "=r" (ipsr));
    return ipsr != 0;
}

// Depth of the running task's critical section; no switch happens while it is above 0. Only tasks nest: an
// interrupt has the mask functions.
extern uint32_t port_critical_nesting;

static inline __attribute__((always_inline)) void port_enter_critical(void) {
    (void)port_mask_interrupts();
    ++port_critical_nesting;
}

static inline __attribute__((always_inline)) void port_exit_critical(void) {
    if (--port_critical_nesting == 0) {
        port_restore_interrupts(0);
    }
}

#define portSET_INTERRUPT_MASK_FROM_ISR() port_mask_interrupts()
#define portCLEAR_INTERRUPT_MASK_FROM_ISR(old) port_restore_interrupts(old)
#define portDISABLE_INTERRUPTS() ((void)port_mask_interrupts())
#define portENABLE_INTERRUPTS() port_restore_interrupts(0)
#define portENTER_CRITICAL() port_enter_critical()
#define portEXIT_CRITICAL() port_exit_critical()

#define portTASK_FUNCTION_PROTO(function, parameters) void function(void *parameters)
#define portTASK_FUNCTION(function, parameters) void function(void *parameters)
#define portNOP()
#define portINLINE inline
#define portFORCE_INLINE inline __attribute__((always_inline))
#define portMEMORY_BARRIER() __asm volatile ("" ::: "memory")

// The ready priorities are a bit map: CLZ finds the highest.
#define portRECORD_READY_PRIORITY(priority, ready) (ready) |= (1UL << (priority))
#define portRESET_READY_PRIORITY(priority, ready) (ready) &= ~(1UL << (priority))
#define portGET_HIGHEST_PRIORITY(top, ready) (top) = 31UL - (uint32_t)__builtin_clz(ready)

// An interrupt above the kernel's priority that calls into it corrupts it now and then: found here.
// (NVIC_IPR: a byte for each interrupt.)
static inline __attribute__((always_inline)) int port_priority_is_valid(void) {
    uint32_t number;
    __asm volatile ("mrs %0, ipsr" : "=r" (number));
    return number < 16
        || ((volatile uint8_t *)0xE000E400UL)[number - 16] >= configMAX_SYSCALL_INTERRUPT_PRIORITY;
}
#define portASSERT_IF_INTERRUPT_PRIORITY_INVALID() configASSERT(port_priority_is_valid())

// After a change of the core's clock.
void port_set_tick_clock(uint32_t hclk);

#endif // RTOS_PORTMACRO_H
