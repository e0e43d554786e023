// SPDX-License-Identifier: MIT
// FreeRTOS as this port runs it. Builds with kernel 9.0.0 (in MicroPython's tree) and with current ones.
#ifndef RTOS_FREERTOS_CONFIG_H
#define RTOS_FREERTOS_CONFIG_H

#include <stdint.h>

extern uint32_t SystemCoreClock;

#define configUSE_PREEMPTION 1
#define configUSE_TIME_SLICING 1
#define configUSE_IDLE_HOOK 1
#define configUSE_TICK_HOOK 0
#define configUSE_TICKLESS_IDLE 0
#define configCPU_CLOCK_HZ (SystemCoreClock)
#define configTICK_RATE_HZ ((TickType_t)1000)
#define configUSE_16_BIT_TICKS 0
#define configMAX_PRIORITIES (8)
#define configMINIMAL_STACK_SIZE (96) // words: the idle task's
#define configSTACK_DEPTH_TYPE uint32_t
#define configMAX_TASK_NAME_LEN (12)
#define configIDLE_SHOULD_YIELD 1
#define configUSE_MUTEXES 1
#define configUSE_RECURSIVE_MUTEXES 1
#define configUSE_COUNTING_SEMAPHORES 1
#define configUSE_TASK_NOTIFICATIONS 1
#define configUSE_QUEUE_SETS 0
#define configUSE_CO_ROUTINES 0
#define configMAX_CO_ROUTINE_PRIORITIES (1)
#define configUSE_TIMERS 0
#define configQUEUE_REGISTRY_SIZE 0
#define configUSE_TRACE_FACILITY 0
#define configENABLE_BACKWARD_COMPATIBILITY 1
#define configUSE_PORT_OPTIMISED_TASK_SELECTION 1
#define configUSE_MALLOC_FAILED_HOOK 0 // who asks for memory checks what it gets
#define configCHECK_FOR_STACK_OVERFLOW 1 // the saved SP; the MPU guards the rest (hooks.c)
// 0 is lwIP's (a semaphore per thread), 1 is MicroPython's state of the thread.
#define configNUM_THREAD_LOCAL_STORAGE_POINTERS 2
#define RTOS_TLS_LWIP (0)
#define RTOS_TLS_MICROPYTHON (1)

// heap_4, in CCM: no DMA goes to stacks and control blocks.
#define configSUPPORT_STATIC_ALLOCATION 1
#define configSUPPORT_DYNAMIC_ALLOCATION 1
#define configAPPLICATION_ALLOCATED_HEAP 1
#define configTOTAL_HEAP_SIZE ((size_t)(RTOS_HEAP_BYTES))
#ifndef RTOS_HEAP_BYTES
#define RTOS_HEAP_BYTES (6912 + 3072) // the second for mDNS: TCPIP_THREAD_STACKSIZE
#endif

// Interrupts of priority 5 to 15 may call FromISR functions.
#define configPRIO_BITS 4
#define configKERNEL_INTERRUPT_PRIORITY (15 << 4)
#define configMAX_SYSCALL_INTERRUPT_PRIORITY (5 << 4)

#define INCLUDE_vTaskPrioritySet 1
#define INCLUDE_uxTaskPriorityGet 1
#define INCLUDE_vTaskDelete 1
#define INCLUDE_vTaskSuspend 1
#define INCLUDE_vTaskDelayUntil 1
#define INCLUDE_vTaskDelay 1
#define INCLUDE_uxTaskGetStackHighWaterMark 1
#define INCLUDE_xTaskGetSchedulerState 1
#define INCLUDE_xTaskGetCurrentTaskHandle 1
#define INCLUDE_xTaskGetIdleTaskHandle 1
#define INCLUDE_eTaskGetState 1
#define INCLUDE_xSemaphoreGetMutexHolder 1

// Expanded inside the kernel, where the TCB is known: the thread state is kept at hand for the VM, which
// asks for it at every turn, as is lwIP's (its errno), and the guard below the stack follows the running
// task.
extern void *volatile rtos_python_state;
extern void *volatile rtos_lwip_state;
// Into MPU_RBAR, with VALID and the region's number; its size and rights stay as hooks.c set them.
#define RTOS_GUARD_BYTES (32) // the smallest region of the MPU
#define RTOS_GUARD_REGION (7)
#define RTOS_GUARD_BASE(bottom) \
    (((uint32_t)(bottom) + RTOS_GUARD_BYTES - 1) & ~(RTOS_GUARD_BYTES - 1UL))
#define RTOS_GUARD_STACK(bottom) \
    (*(volatile uint32_t *)0xE000ED9CUL = RTOS_GUARD_BASE(bottom) | 0x10UL | RTOS_GUARD_REGION)
#define traceTASK_SWITCHED_IN() \
    do { \
        rtos_python_state = pxCurrentTCB->pvThreadLocalStoragePointers[RTOS_TLS_MICROPYTHON]; \
        rtos_lwip_state = pxCurrentTCB->pvThreadLocalStoragePointers[RTOS_TLS_LWIP]; \
        RTOS_GUARD_STACK(pxCurrentTCB->pxStack); \
    } while (0)

__attribute__((noreturn)) void rtos_assert_failed(const char *file, int line);
#define configASSERT(x) \
    do { \
        if (!(x)) { \
            rtos_assert_failed(__FILE__, __LINE__); \
        } \
    } while (0)

#endif // RTOS_FREERTOS_CONFIG_H
