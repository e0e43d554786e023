// SPDX-License-Identifier: MIT
// A list of timers, the next to end first, on one of lwIP's timeouts.

#include "bindings.h"
#include "apptimers.h"

#include "lwip/mem.h"

typedef struct _app_timer_t {
    struct _app_timer_t *next;
    u32_t due_ms;
    sys_timeout_handler handler;
    void *arg;
} app_timer_t;

static app_timer_t *running;
static app_timer_t *idle;

bool lwipb_timers_reserve(unsigned count) {
    LWIP_ASSERT_CORE_LOCKED();
    for (unsigned i = 0; i < count; ++i) {
        app_timer_t *timer = mem_malloc(sizeof(*timer));
        if (timer == NULL) {
            lwipb_timers_unreserve(i);
            return false;
        }
        timer->next = idle;
        idle = timer;
    }
    return true;
}

void lwipb_timers_unreserve(unsigned count) {
    LWIP_ASSERT_CORE_LOCKED();
    for (; count > 0; --count) {
        app_timer_t *timer = idle;
        LWIP_ASSERT("a timer still runs", timer != NULL);
        idle = timer->next;
        mem_free(timer);
    }
}

static void run_due(void *arg);

// Has lwIP call when the first is due.
static void arm(void) {
    sys_untimeout(run_due, NULL);
    if (running != NULL) {
        s32_t left_ms = (s32_t)(running->due_ms - sys_now());
        sys_timeout(left_ms > 0 ? left_ms : 0, run_due, NULL);
    }
}

static void run_due(void *arg) {
    (void)arg;
    while (running != NULL && (s32_t)(running->due_ms - sys_now()) <= 0) {
        app_timer_t *timer = running;
        sys_timeout_handler handler = timer->handler;
        void *handler_arg = timer->arg;
        // Idle before the handler runs: most start themselves again.
        running = timer->next;
        timer->next = idle;
        idle = timer;
        handler(handler_arg);
    }
    arm();
}

void lwipb_timer_start(u32_t ms, sys_timeout_handler handler, void *arg) {
    LWIP_ASSERT_CORE_LOCKED();
    app_timer_t *timer = idle;
    LWIP_ASSERT("more timers than reserved", timer != NULL);
    idle = timer->next;
    timer->due_ms = sys_now() + ms;
    timer->handler = handler;
    timer->arg = arg;
    app_timer_t **link = &running;
    while (*link != NULL && (s32_t)((*link)->due_ms - timer->due_ms) <= 0) {
        link = &(*link)->next;
    }
    timer->next = *link;
    *link = timer;
    if (running == timer) {
        arm();
    }
}

void lwipb_timer_stop(sys_timeout_handler handler, void *arg) {
    LWIP_ASSERT_CORE_LOCKED();
    for (app_timer_t **link = &running; *link != NULL; link = &(*link)->next) {
        app_timer_t *timer = *link;
        if (timer->handler == handler && timer->arg == arg) {
            bool first = timer == running;
            *link = timer->next;
            timer->next = idle;
            idle = timer;
            if (first) {
                arm();
            }
            return;
        }
    }
}
