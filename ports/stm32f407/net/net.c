// SPDX-License-Identifier: MIT
//
// lwIP's life in this port: start, per-task state, random numbers, assertions.

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "FreeRTOS.h"
#include "task.h"

#include "py/mphal.h"

#include "lwip/dns.h"
#include "lwip/mem.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "lwip/sys.h"
#include "lwip/tcpip.h"
#include "lwip/timeouts.h"

#include "ethif.h"
#include "fault.h"
#include "net.h"
#include "network.h"
#include "rng.h"
#include "rtos.h"

// lwIP's heap: plain .bss, where the Ethernet DMA reaches it. mem.c asks for two headers beyond MEM_SIZE.
uint8_t net_lwip_heap[LWIP_MEM_ALIGN_BUFFER(MEM_SIZE + 32)] __attribute__((aligned(MEM_ALIGNMENT)));

// ---- State of each task that uses lwIP -------------------------------------------------------------

// The semaphore that LWIP_NETCONN_SEM_PER_THREAD asks for, and errno; made at the first use, so that no task
// has to announce itself.
typedef struct _net_task_t {
    sys_sem_t sem;
    int error;
    bool python_thread; // not the main one: ends before or at soft reset
    struct _net_task_t *next;
} net_task_t;

static net_task_t *net_tasks;
static int shared_errno; // where there is no task, or no memory

// The running task's, whose state the kernel keeps in rtos_lwip_state.
static void set_state(TaskHandle_t task, net_task_t *state) {
    taskENTER_CRITICAL();
    vTaskSetThreadLocalStoragePointer(task, RTOS_TLS_LWIP, state);
    rtos_lwip_state = state;
    taskEXIT_CRITICAL();
}

static net_task_t *this_task(void) {
    net_task_t *self = rtos_lwip_state;
    if (self != NULL) {
        return self;
    }
    TaskHandle_t task = rtos_current_task();
    if (task == NULL) {
        return NULL;
    }
    self = pvPortMalloc(sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    *self = (net_task_t) { .python_thread = strcmp(pcTaskGetName(task), "python") == 0 };
    sys_sem_new(&self->sem, 0);
    taskENTER_CRITICAL();
    self->next = net_tasks;
    net_tasks = self;
    taskEXIT_CRITICAL();
    set_state(task, self);
    return self;
}

static void forget(net_task_t *gone) {
    taskENTER_CRITICAL();
    for (net_task_t **link = &net_tasks; *link != NULL; link = &(*link)->next) {
        if (*link == gone) {
            *link = gone->next;
            break;
        }
    }
    taskEXIT_CRITICAL();
    sys_sem_free(&gone->sem);
    vPortFree(gone);
}

sys_sem_t *net_task_sem(void) {
    net_task_t *self = this_task();
    LWIP_ASSERT("no memory for a task's semaphore", self != NULL);
    return &self->sem;
}

int *net_errno(void) {
    net_task_t *self = this_task();
    return self == NULL ? &shared_errno : &self->error;
}

// Called by a Python thread as its last act (rtos/mpthreadport.c).
void rtos_thread_finished(void);
void rtos_thread_finished(void) {
    TaskHandle_t task = xTaskGetCurrentTaskHandle();
    net_task_t *self = pvTaskGetThreadLocalStoragePointer(task, RTOS_TLS_LWIP);
    if (self != NULL) {
        set_state(task, NULL);
        forget(self);
    }
}

// Soft reset deletes Python's threads without asking them: what is left of them goes here.
static void forget_python_threads(void) {
    net_task_t *next;
    for (net_task_t *at = net_tasks; at != NULL; at = next) {
        next = at->next;
        if (at->python_thread) {
            forget(at);
        }
    }
}

// ---- Memory ----------------------------------------------------------------------------------------

// While somebody waits for memory: what of the heap was in use when that was found, else 0. Coming below it
// is news; what an attempt that fails takes and gives back itself is not.
static volatile mem_size_t starved_at;

bool net_starved(void) {
    starved_at = lwip_stats.mem.used;
    return true;
}

// lwIP's mutexes are its heap's, which is nearly always entered with the core lock held, and one for the
// core, which net/core_lock.c has taken the place of.
void sys_mutex_lock(sys_mutex_t *mutex) {
    LWIP_UNUSED_ARG(mutex);
    core_lock();
}

void sys_mutex_unlock(sys_mutex_t *mutex) {
    LWIP_UNUSED_ARG(mutex);
    if (lwip_stats.mem.used < starved_at) {
        starved_at = 0;
        mp_hal_wake();
    }
    core_unlock();
}

// ---- What arch/cc.h asks for -----------------------------------------------------------------------

uint32_t net_rand(void) {
    return rng_get();
}

void net_diag(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

void net_assert_failed(const char *message, const char *file, int line) {
    char what[FAULT_WHAT_LEN];
    const char *base = strrchr(file, '/');
    snprintf(what, sizeof(what), "lwIP %s:%d %s", base == NULL ? file : base + 1, line, message);
    fault_die(what, pcTaskGetName(NULL));
}

// ---- Start and soft reset --------------------------------------------------------------------------

// A segment for which there was no memory, say for its copy on the loopback, waits in its connection. Where
// nothing else of that is on its way, lwIP itself would never try again.
static void send_refused(void *arg) {
    tcp_txnow();
    sys_timeout(TCP_TMR_INTERVAL, send_refused, arg);
}

static void tcpip_is_up(void *arg) {
    sys_timeout(TCP_TMR_INTERVAL, send_refused, NULL);
    sys_sem_signal(arg);
}

void net_init(void) {
    sys_sem_t up;
    sys_sem_new(&up, 0);
    LOCK_TCPIP_CORE();
    tcpip_init(tcpip_is_up, &up);
    UNLOCK_TCPIP_CORE();
    sys_arch_sem_wait(&up, 0);
    sys_sem_free(&up);
    ethif_init();
}

void network_deinit(void) {
    ethif_reset();
    LOCK_TCPIP_CORE();
    for (unsigned i = 0; i < DNS_MAX_SERVERS; i++) {
        dns_setserver((u8_t)i, NULL);
    }
    network_hostname_reset();
    network_lan_reset();
    UNLOCK_TCPIP_CORE();
    forget_python_threads();
}
