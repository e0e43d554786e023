// SPDX-License-Identifier: MIT
//
// lwIP's system layer (lwip/sys.h): see arch/sys_arch.h. A task waits by its notification, as it does for
// everything else in this port, so each wait looks again at what it waits for.

#include <stdbool.h>

#include "FreeRTOS.h"
#include "task.h"

#include "lwip/stats.h"
#include "lwip/sys.h"

#include "ethif_task.h"
#include "rtos.h"

struct net_mbox {
    void *volatile waiter;  // the task that waits for a message
    uint8_t size;
    uint8_t first;
    volatile uint8_t count;
    void *message[];
};

// ---- Waiting ---------------------------------------------------------------------------------------

typedef struct {
    TickType_t start;
    TickType_t limit;       // portMAX_DELAY: none
    bool slept;
} wait_t;

static TaskHandle_t tcpip_task;

// Called with interrupts masked; the switch happens when they no longer are.
static inline void wake(void *task) {
    if (task != NULL) {
        BaseType_t woken = pdFALSE;
        xTaskNotifyFromISR(task, ETHIF_TASK_WAKE, eSetBits, &woken);
        portYIELD_FROM_ISR(woken);
    }
}

// Sleeps until somebody wakes this task, for this or for another reason. False once the time is up.
static bool sleep_once(wait_t *wait) {
    TickType_t left = portMAX_DELAY;
    if (wait->limit != portMAX_DELAY) {
        TickType_t elapsed = xTaskGetTickCount() - wait->start;
        if (elapsed >= wait->limit) {
            return false;
        }
        left = wait->limit - elapsed;
    }
    // The task `tcpip` has the Ethernet ring to look after while it waits for messages.
    if (rtos_current_task() == tcpip_task) {
        ethif_serve(left);
    } else {
        ulTaskNotifyTake(pdTRUE, left);
        wait->slept = true;
    }
    return true;
}

static wait_t begin_wait(u32_t timeout_ms) {
    return (wait_t) {
        .start = xTaskGetTickCount(),
        .limit = timeout_ms == 0 ? portMAX_DELAY : timeout_ms / portTICK_PERIOD_MS,
    };
}

// A wake-up that meant something else is passed on to who waits next.
static void end_wait(const wait_t *wait) {
    if (wait->slept) {
        xTaskNotifyGive(rtos_current_task());
    }
}

// ---- Semaphores ------------------------------------------------------------------------------------

err_t sys_sem_new(sys_sem_t *sem, u8_t initial_count) {
    *sem = (sys_sem_t) { .given = initial_count, .valid = 1 };
    SYS_STATS_INC_USED(sem);
    return ERR_OK;
}

void sys_sem_free(sys_sem_t *sem) {
    SYS_STATS_DEC(sem.used);
    sem->valid = 0;
}

void sys_sem_signal(sys_sem_t *sem) {
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    sem->given = 1;
    wake(sem->waiter);
    SYS_ARCH_UNPROTECT(level);
}

static bool take_sem(sys_sem_t *sem) {
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    bool given = sem->given;
    sem->given = 0;
    SYS_ARCH_UNPROTECT(level);
    return given;
}

u32_t sys_arch_sem_wait(sys_sem_t *sem, u32_t timeout_ms) {
    if (take_sem(sem)) {
        return 0;
    }
    wait_t wait = begin_wait(timeout_ms);
    bool taken = false;
    configASSERT(sem->waiter == NULL);
    sem->waiter = rtos_current_task();
    do {
        taken = take_sem(sem);
    } while (!taken && sleep_once(&wait));
    sem->waiter = NULL;
    end_wait(&wait);
    return taken ? 0 : SYS_ARCH_TIMEOUT;
}

// ---- Mailboxes -------------------------------------------------------------------------------------

err_t sys_mbox_new(sys_mbox_t *mbox, int size) {
    LWIP_ASSERT("0 < size < 256", size > 0 && size < 256);
    struct net_mbox *made = pvPortMalloc(sizeof(*made) + (size_t)size * sizeof(void *));
    *mbox = made;
    if (made == NULL) {
        SYS_STATS_INC(mbox.err);
        return ERR_MEM;
    }
    *made = (struct net_mbox) { .size = (uint8_t)size };
    SYS_STATS_INC_USED(mbox);
    return ERR_OK;
}

void sys_mbox_free(sys_mbox_t *mbox) {
    SYS_STATS_DEC(mbox.used);
    vPortFree(*mbox);
}

err_t sys_mbox_trypost(sys_mbox_t *mbox, void *msg) {
    struct net_mbox *self = *mbox;
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    unsigned count = self->count;
    bool room = count < self->size;
    if (room) {
        unsigned at = self->first + count;
        self->message[at < self->size ? at : at - self->size] = msg;
        self->count = (uint8_t)(count + 1);
        wake(self->waiter);
    }
    SYS_ARCH_UNPROTECT(level);
    if (!room) {
        SYS_STATS_INC(mbox.err);
    }
    return room ? ERR_OK : ERR_MEM;
}

err_t sys_mbox_trypost_fromisr(sys_mbox_t *mbox, void *msg) {
    return sys_mbox_trypost(mbox, msg);
}

// Only who calls back into the task `tcpip` comes here, and several may: they look again at each tick.
void sys_mbox_post(sys_mbox_t *mbox, void *msg) {
    while (sys_mbox_trypost(mbox, msg) != ERR_OK) {
        vTaskDelay(1);
    }
}

u32_t sys_arch_mbox_tryfetch(sys_mbox_t *mbox, void **msg) {
    struct net_mbox *self = *mbox;
    void *message = NULL;
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    unsigned count = self->count;
    if (count > 0) {
        unsigned first = self->first;
        message = self->message[first];
        first++;
        self->first = (uint8_t)(first < self->size ? first : 0);
        self->count = (uint8_t)(count - 1);
    }
    SYS_ARCH_UNPROTECT(level);
    if (msg != NULL) {
        *msg = message;
    }
    return count > 0 ? 0 : SYS_MBOX_EMPTY;
}

u32_t sys_arch_mbox_fetch(sys_mbox_t *mbox, void **msg, u32_t timeout_ms) {
    struct net_mbox *self = *mbox;
    if (sys_arch_mbox_tryfetch(mbox, msg) != SYS_MBOX_EMPTY) {
        return 0;
    }
    wait_t wait = begin_wait(timeout_ms);
    u32_t result;
    configASSERT(self->waiter == NULL);
    self->waiter = rtos_current_task();
    do {
        result = sys_arch_mbox_tryfetch(mbox, msg);
    } while (result == SYS_MBOX_EMPTY && sleep_once(&wait));
    self->waiter = NULL;
    end_wait(&wait);
    return result == SYS_MBOX_EMPTY ? SYS_ARCH_TIMEOUT : 0;
}

// ---- The rest --------------------------------------------------------------------------------------

void sys_init(void) {
}

u32_t sys_now(void) {
    return xTaskGetTickCount() * portTICK_PERIOD_MS;
}

u32_t sys_jiffies(void) {
    return xTaskGetTickCount();
}

void sys_arch_msleep(u32_t delay_ms) {
    vTaskDelay(delay_ms / portTICK_PERIOD_MS);
}

err_t sys_mutex_new(sys_mutex_t *mutex) {
    LWIP_UNUSED_ARG(mutex);
    SYS_STATS_INC_USED(mutex);
    return ERR_OK;
}

void sys_mutex_free(sys_mutex_t *mutex) {
    LWIP_UNUSED_ARG(mutex);
    SYS_STATS_DEC(mutex.used);
}

// lwIP makes one task, `tcpip`.
sys_thread_t sys_thread_new(const char *name, lwip_thread_fn thread, void *arg, int stacksize, int prio) {
    LWIP_ASSERT("one task", tcpip_task == NULL);
    BaseType_t made = xTaskCreate(thread, name, (configSTACK_DEPTH_TYPE)stacksize / sizeof(StackType_t), arg,
        (UBaseType_t)prio, &tcpip_task);
    LWIP_ASSERT("no memory for a task", made == pdPASS);
    ethif_set_task(tcpip_task);
    return tcpip_task;
}
