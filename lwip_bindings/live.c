// SPDX-License-Identifier: MIT
// The list of objects that hold something of lwIP's. The GIL guards it.

#include "py/runtime.h"

#include "live.h"

static uintptr_t head = ~(uintptr_t)0;

static inline uintptr_t hide(const lwipb_live_t *self) {
    return ~(uintptr_t)self;
}

static inline lwipb_live_t *show(uintptr_t hidden) {
    return (lwipb_live_t *)~hidden;
}

void lwipb_live_add(lwipb_live_t *self, void (*release)(lwipb_live_t *self)) {
    self->release = release;
    self->prev = hide(NULL);
    self->next = head;
    if (show(head) != NULL) {
        show(head)->prev = hide(self);
    }
    head = hide(self);
}

void lwipb_live_keep(lwipb_live_t *self) {
    if (!self->kept && lwipb_live_held(self)) {
        self->kept = true;
        self->kept_next = MP_STATE_VM(lwipb_kept);
        MP_STATE_VM(lwipb_kept) = self;
    }
}

void lwipb_live_unkeep(lwipb_live_t *self) {
    if (!self->kept) {
        return;
    }
    self->kept = false;
    lwipb_live_t **link = &MP_STATE_VM(lwipb_kept);
    while (*link != self) {
        link = &(*link)->kept_next;
    }
    *link = self->kept_next;
}

void lwipb_live_drop(lwipb_live_t *self) {
    void (*release)(lwipb_live_t *self) = self->release;
    if (release == NULL) {
        return;
    }
    lwipb_live_t *next = show(self->next);
    lwipb_live_t *prev = show(self->prev);
    if (next != NULL) {
        next->prev = hide(prev);
    }
    if (prev != NULL) {
        prev->next = hide(next);
    } else {
        head = hide(next);
    }
    self->release = NULL;
    lwipb_live_unkeep(self);
    release(self);
}

static mp_sched_node_t deliver_node;

// A callback may add and drop any object, so the walk starts anew after each.
static void deliver_all(mp_sched_node_t *node) {
    (void)node;
    for (lwipb_live_t *self = show(head); self != NULL;) {
        if (self->pending) {
            self->pending = false;
            self->deliver(self);
            self = show(head);
        } else {
            self = show(self->next);
        }
    }
}

void lwipb_live_post(lwipb_live_t *self) {
    self->pending = true;
    mp_sched_schedule_node(&deliver_node, deliver_all);
}

void lwipb_call(mp_obj_t callback, size_t n_args, const mp_obj_t *args) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_call_function_n_kw(callback, n_args, 0, args);
        nlr_pop();
        return;
    }
    mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    mp_obj_t type = MP_OBJ_FROM_PTR(mp_obj_get_type(exception));
    if (mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_KeyboardInterrupt))
        || mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
        mp_sched_exception(exception);
        return;
    }
    mp_printf(&mp_plat_print, "Unhandled exception in lwIP callback\n");
    mp_obj_print_exception(&mp_plat_print, exception);
}

bool lwipb_live_resetting;

void lwipb_live_deinit(void) {
    lwipb_live_resetting = true;
    while (show(head) != NULL) {
        lwipb_live_drop(show(head));
    }
    lwipb_live_resetting = false;
}

MP_REGISTER_ROOT_POINTER(struct _lwipb_live_t *lwipb_kept);
