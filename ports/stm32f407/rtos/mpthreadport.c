// SPDX-License-Identifier: MIT
// A thread's TCB, stack and node lie in the GC heap; what keeps them alive is the list of threads, which
// mp_thread_gc_others() walks. A thread that has ended suspends itself, and a thread that runs deletes it
// later: so nothing depends on the idle task getting its turn.
#include "py/gc.h"
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"
#include "mpthreadport.h"
#include "rtos.h"
#include "stm32f4xx.h"
#include "task.h"

#define STACK_MIN_BYTES (2048)
#define STACK_DEFAULT_BYTES (4096)
// Left to C code below the VM's limit: interrupts' frames with FPU registers, printing of an exception.
#define STACK_RESERVE_BYTES (1024)
#define DEINIT_LIMIT_MS (2000)

typedef struct _thread_t {
    struct _thread_t *next;
    TaskHandle_t task;
    void *arg;
    StackType_t *stack;
    StackType_t *stack_top;
    volatile uint8_t parked; // not 0: blocked in a place that holds nothing but Python's own locks
    volatile uint8_t finished;
    volatile uint8_t woken; // its mp_hal_wait() is to end
    StaticTask_t tcb;
} thread_t;

#define PARKED (1)
#define PARKED_WAITING (2) // in mp_hal_wait(), blocked
#define PARKED_ALONE (3) // in mp_hal_wait(), and the only thread

static thread_t main_thread;
static thread_t *volatile threads; // changes with interrupts masked: mp_hal_wake() reads it in any context

static thread_t *find_thread(TaskHandle_t task) {
    thread_t *th = threads;
    while (th != NULL && th->task != task) {
        th = th->next;
    }
    return th;
}

static void set_parked(uint8_t parked) {
    thread_t *th = find_thread(rtos_current_task());
    if (th != NULL) {
        th->parked = parked;
    }
}

void mp_thread_init(void) {
    mp_thread_set_state(&mp_state_ctx.thread);
    main_thread.task = rtos_current_task();
    main_thread.next = NULL;
    threads = &main_thread;
}

void mp_thread_set_state(struct _mp_state_thread_t *state) {
    vTaskSetThreadLocalStoragePointer(NULL, RTOS_TLS_MICROPYTHON, state);
    rtos_python_state = state;
}

mp_uint_t mp_thread_get_id(void) {
    return (mp_uint_t)rtos_current_task();
}

void mp_thread_gc_others(void) {
    TaskHandle_t self = rtos_current_task();
    for (thread_t *th = threads; th != NULL; th = th->next) {
        gc_collect_root((void **)&th, 1);
        gc_collect_root(&th->arg, 1);
        gc_collect_root((void **)&th->stack, 1);
        if (th->task != self && !th->finished) {
            // A TCB begins with the saved stack pointer, and the registers lie above that.
            void **sp = *(void ***)th->task;
            void **top = th == &main_thread ? (void **)mp_state_ctx.thread.stack_top : (void **)th->stack_top;
            gc_collect_root(sp, (size_t)(top - sp));
        }
    }
}

static void unlink_thread(thread_t *th) {
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    thread_t *volatile *link = &threads;
    while (*link != NULL && *link != th) {
        link = (thread_t *volatile *)&(*link)->next;
    }
    if (*link == th) {
        *link = th->next;
    }
    MICROPY_END_ATOMIC_SECTION(state);
}

// Out of the list first: mp_hal_wake(), which may come at any time, must not wake a task that is gone.
static void delete_thread(thread_t *th) {
    unlink_thread(th);
    vTaskDelete(th->task);
}

void mp_thread_reap(void) {
    TaskHandle_t self = rtos_current_task();
    for (thread_t *th = threads, *next; th != NULL; th = next) {
        next = th->next;
        if (th->finished && th->task != self) {
            delete_thread(th);
        }
    }
}

static void *(*thread_entry)(void *);

static void thread_task(void *arg) {
    thread_entry(arg);
    for (;;) {
        vTaskSuspend(NULL); // until mp_thread_reap()
    }
}

mp_uint_t mp_thread_create(void *(*entry)(void *), void *arg, size_t *stack_size) {
    thread_entry = entry; // always modthread.c's one
    if (*stack_size == 0) {
        *stack_size = STACK_DEFAULT_BYTES;
    } else if (*stack_size < STACK_MIN_BYTES) {
        *stack_size = STACK_MIN_BYTES;
    }
    size_t words = *stack_size / sizeof(StackType_t);
    *stack_size = words * sizeof(StackType_t) - STACK_RESERVE_BYTES;

    mp_thread_reap();
    thread_t *th = m_new0(thread_t, 1);
    th->stack = m_new(StackType_t, words);
    th->stack_top = th->stack + words;
    th->arg = arg;

    // The thread may run before this function ends, but not Python: it waits for the GIL first.
    vTaskSuspendAll();
    th->task = xTaskCreateStatic(thread_task, "python", words, arg, RTOS_PRIORITY_PYTHON,
        th->stack, &th->tcb);
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    th->next = threads;
    threads = th;
    MICROPY_END_ATOMIC_SECTION(state);
    xTaskResumeAll();
    return (mp_uint_t)th->task;
}

void mp_thread_start(void) {
}

// A build with lwIP frees here what lwIP keeps for each thread.
__attribute__((weak)) void rtos_thread_finished(void) {
}

// Called by the thread itself, with the GIL, which it gives back next.
void mp_thread_finish(void) {
    rtos_thread_finished();
    find_thread(rtos_current_task())->finished = 1;
}

static bool all_parked(TaskHandle_t self) {
    for (thread_t *th = threads; th != NULL; th = th->next) {
        if (th->task != self && !th->parked && !th->finished) {
            return false;
        }
    }
    return true;
}

// The caller keeps the GIL, so each thread comes to rest: in a wait, or where it wants the GIL. There it
// holds no lock of lwIP's, and can be deleted without leaving that locked for ever.
void mp_thread_deinit(void) {
    TaskHandle_t self = rtos_current_task();
    for (int ms = 0; ms < DEINIT_LIMIT_MS && !all_parked(self); ++ms) {
        vTaskDelay(1);
    }
    for (thread_t *th = threads, *next; th != NULL; th = next) {
        next = th->next;
        if (th->task != self) {
            delete_thread(th);
        }
    }
    // Those that waited for the GIL are gone, and their places in its queue with their stacks.
    MP_STATE_VM(gil_mutex).first = MP_STATE_VM(gil_mutex).last = NULL;
}

// --- locks: for tasks only ---

typedef struct _mp_thread_waiter_t {
    struct _mp_thread_waiter_t *next;
    TaskHandle_t task;
} waiter_t;

void mp_thread_mutex_init(mp_thread_mutex_t *mutex) {
    mutex->locked = 0;
    mutex->first = mutex->last = NULL;
}

int mp_thread_mutex_lock(mp_thread_mutex_t *mutex, int wait) {
    taskENTER_CRITICAL();
    int got = !mutex->locked;
    if (got) {
        mutex->locked = 1;
    } else if (wait) {
        waiter_t self = { NULL, rtos_current_task() };
        if (mutex->first == NULL) {
            mutex->first = &self;
        } else {
            mutex->last->next = &self;
        }
        mutex->last = &self;
        set_parked(PARKED);
        // The switch is pending until the critical section ends: nobody can resume this task before.
        vTaskSuspend(NULL);
        taskEXIT_CRITICAL();
        set_parked(0);
        return 1; // the lock was handed over
    }
    taskEXIT_CRITICAL();
    return got;
}

void mp_thread_mutex_unlock(mp_thread_mutex_t *mutex) {
    taskENTER_CRITICAL();
    waiter_t *next = mutex->first;
    if (next == NULL) {
        mutex->locked = 0;
    } else {
        mutex->first = next->next;
        vTaskResume(next->task); // of equal priority: it runs when this one waits or its slice ends
    }
    taskEXIT_CRITICAL();
}

// --- waiting (declared in mphalport.h) ---

// `woken` is set from mp_hal_wake() until the thread goes to look at what it waits for: it is notified at
// most once meanwhile, and only where it may sleep.

static void (*volatile lent_work)(void);

// The only Python thread sleeps where it is. Interrupts and more urgent tasks come to pass all the same, and
// blocking would cost the way to the idle task, which does nothing else, and back. It keeps the GIL, which
// nobody is there to take.
static void wait_alone(thread_t *self, TickType_t start, TickType_t limit) {
    self->parked = PARKED_ALONE;
    for (;;) {
        // What comes from here on is pending, and ends WFI.
        __disable_irq();
        void (*work)(void) = lent_work;
        if (work != NULL) {
            lent_work = NULL;
            self->parked = PARKED;
            __enable_irq();
            work();
            self->parked = PARKED_ALONE;
        } else if (self->woken || (limit != portMAX_DELAY && xTaskGetTickCount() - start >= limit)) {
            self->parked = 0;
            self->woken = 0;
            __enable_irq();
            return;
        } else {
            __DSB();
            __WFI();
            __enable_irq();
            __ISB();
        }
    }
}

static void wait_among_others(thread_t *self, TickType_t limit) {
    MP_THREAD_GIL_EXIT();
    self->parked = PARKED_WAITING;
    if (!self->woken) {
        ulTaskNotifyTake(pdTRUE, limit);
    }
    self->parked = 0;
    self->woken = 0;
    MP_THREAD_GIL_ENTER();
}

void mp_hal_wait(int32_t timeout_ms) {
    thread_t *self = find_thread(rtos_current_task());
    TickType_t limit = timeout_ms < 0 ? portMAX_DELAY : (TickType_t)timeout_ms;
    if (self == threads && self->next == NULL) {
        wait_alone(self, xTaskGetTickCount(), limit);
    } else {
        wait_among_others(self, limit);
    }
}

bool rtos_lend_thread(void (*work)(void)) {
    thread_t *th = threads;
    if (th == NULL || th->parked != PARKED_ALONE || rtos_current_task() != th->task) {
        return false;
    }
    lent_work = work;
    return true;
}

// In a task as in an interrupt: with interrupts masked the list stands still, and FreeRTOS's FromISR
// functions may be called from either.
void mp_hal_wake(void) {
    BaseType_t woken = pdFALSE;
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    for (thread_t *th = threads; th != NULL; th = th->next) {
        if (!th->woken) {
            th->woken = 1;
            if (th->parked == PARKED_WAITING) {
                vTaskNotifyGiveFromISR(th->task, &woken);
            }
        }
    }
    portYIELD_FROM_ISR(woken);
    MICROPY_END_ATOMIC_SECTION(state);
}
