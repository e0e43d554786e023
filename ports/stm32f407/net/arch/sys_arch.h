// SPDX-License-Identifier: MIT
//
// lwIP's semaphores, mailboxes and tasks on FreeRTOS's notifications (net/sys_arch.c). lwIP's own layer for
// FreeRTOS makes a queue of each, which costs 80 bytes and some 60 instructions more at each use.
#ifndef LWIP_ARCH_SYS_ARCH_H
#define LWIP_ARCH_SYS_ARCH_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t sys_prot_t;

// Binary, one task waits at a time. No memory of its own.
typedef struct {
    void *volatile waiter;
    volatile uint8_t given;
    uint8_t valid;
} sys_sem_t;
#define sys_sem_valid(sem)          ((sem) != NULL && (sem)->valid)
#define sys_sem_set_invalid(sem)    ((sem)->valid = 0)

// The heap's mutex is the core's lock (net/net.c).
typedef uint8_t sys_mutex_t;
#define sys_mutex_valid(mutex)          (1)
#define sys_mutex_set_invalid(mutex)

// A ring of messages in the RTOS heap: 16 bytes and 4 for each message. One task waits at a time.
typedef struct net_mbox *sys_mbox_t;
#define sys_mbox_valid(mbox)        ((mbox) != NULL && *(mbox) != NULL)
#define sys_mbox_valid_val(mbox)    ((mbox) != NULL)
#define sys_mbox_set_invalid(mbox)  (*(mbox) = NULL)
#define sys_mbox_set_invalid_val(mbox) ((mbox) = NULL)

typedef void *sys_thread_t;

void sys_arch_msleep(uint32_t delay_ms);
#define sys_msleep(ms) sys_arch_msleep(ms)

// The calling task's semaphore, made at its first use (net/net.c).
sys_sem_t *net_task_sem(void);
#define LWIP_NETCONN_THREAD_SEM_GET()   net_task_sem()
#define LWIP_NETCONN_THREAD_SEM_ALLOC()
#define LWIP_NETCONN_THREAD_SEM_FREE()

#endif
