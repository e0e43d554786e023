// SPDX-License-Identifier: MIT
// What NetBuf and Pbuf share: holding, forgetting and giving back. The GIL guards the list.

#include "py/gc.h"
#include "py/runtime.h"

#include "buffer.h"
#include "pin.h"

static uintptr_t head = ~(uintptr_t)0;

#define HELD_LIMIT_MIN (8)
static uint16_t held;
static uint16_t held_limit = HELD_LIMIT_MIN;

static inline lwipb_buffer_t *show(uintptr_t hidden) {
    return (lwipb_buffer_t *)~hidden;
}

static void make_room(void) {
    if (held >= held_limit) {
        lwipb_pins_review();
        gc_collect();
        held_limit = MIN(MAX(HELD_LIMIT_MIN, 2 * held), UINT16_MAX);
    }
}

lwipb_buffer_t *lwipb_buffer_alloc(const mp_obj_type_t *type) {
    make_room();
    lwipb_buffer_t *self = mp_obj_malloc_with_finaliser(lwipb_buffer_t, type);
    self->generation = 0;
    self->held = NULL;
    return self;
}

void lwipb_buffer_hold(lwipb_buffer_t *self, void *what) {
    ++held;
    self->held = what;
    self->next = head;
    head = ~(uintptr_t)self;
}

// Most often the one that came last goes first.
static void unlink_from_list(lwipb_buffer_t *self) {
    uintptr_t *link = &head;
    while (show(*link) != self) {
        link = &show(*link)->next;
    }
    *link = self->next;
}

void lwipb_buffer_replace(lwipb_buffer_t *self, void *what) {
    lwipb_buffer_changed(self);
    self->held = what;
    if (what == NULL) {
        unlink_from_list(self);
        --held;
    }
}

void lwipb_buffer_drop(lwipb_buffer_t *self) {
    void *what = self->held;
    if (what == NULL) {
        return;
    }
    lwipb_buffer_replace(self, NULL);
    if (self->base.type == &lwipb_type_netbuf) {
        netbuf_delete(what);
    } else {
        pbuf_free(what);
    }
    lwipb_pins_review_pbufs();
}

void lwipb_pbuf_check_writable(const struct pbuf *p) {
    for (; p != NULL; p = p->next) {
        if (p->type_internal == PBUF_ROM) {
            mp_raise_TypeError(MP_ERROR_TEXT("read-only"));
        }
    }
}

void lwipb_buffers_deinit(void) {
    while (show(head) != NULL) {
        lwipb_buffer_drop(show(head));
    }
}

static mp_obj_t buffer_drop(mp_obj_t self_in) {
    lwipb_buffer_drop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(lwipb_buffer_drop_obj, buffer_drop);

static mp_obj_t buffer_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return buffer_drop(args[0]);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_buffer_exit_obj, 4, 4, buffer_exit);
