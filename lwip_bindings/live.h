// SPDX-License-Identifier: MIT
// Objects that hold something of lwIP's and have callbacks.
//
// Every such object is in one list, so that a soft reset finds it. The links are kept inverted: the
// collector does not take them for references, and collects an object that only the list knows.
#ifndef LWIP_BINDINGS_LIVE_H
#define LWIP_BINDINGS_LIVE_H

#include "bindings.h"

typedef struct _lwipb_live_t {
    mp_obj_base_t base;
    uintptr_t next; // inverted
    uintptr_t prev; // inverted
    void (*release)(struct _lwipb_live_t *self); // gives lwIP's part back; called once, without lock
    void (*deliver)(struct _lwipb_live_t *self); // calls the script's callbacks; NULL = has none
    volatile bool pending; // events wait to be delivered
    bool kept;
    struct _lwipb_live_t *kept_next; // not inverted: the collector follows it
} lwipb_live_t;

// Fills in everything but base; the object is not in the list yet.
static inline void lwipb_live_init(lwipb_live_t *self) {
    self->release = NULL;
    self->deliver = NULL;
    self->pending = false;
    self->kept = false;
    self->kept_next = NULL;
}

// In and out of the list. Adding is for an object that holds something from now on.
void lwipb_live_add(lwipb_live_t *self, void (*release)(lwipb_live_t *self));
// Releases what is held, if something still is.
void lwipb_live_drop(lwipb_live_t *self);
static inline bool lwipb_live_held(const lwipb_live_t *self) {
    return self->release != NULL;
}

// At soft reset: releases everything, and connections by a reset.
void lwipb_live_deinit(void);
extern bool lwipb_live_resetting;

// While kept, an object stays although the script has forgotten it: its callbacks are still to be
// called. Dropping it ends that.
void lwipb_live_keep(lwipb_live_t *self);
void lwipb_live_unkeep(lwipb_live_t *self);

// From lwIP's context: has deliver() called by the VM's scheduler, soon and once.
void lwipb_live_post(lwipb_live_t *self);

// Calls a script's callback from the scheduler: nobody is there to catch what it raises, so that is
// printed, but for KeyboardInterrupt and SystemExit, which go to the main thread.
void lwipb_call(mp_obj_t callback, size_t n_args, const mp_obj_t *args);

#endif
