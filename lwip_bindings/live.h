// SPDX-License-Identifier: MIT
// Objects that hold something of lwIP's, and views of the memory that they hold.
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
    uint32_t generation; // views of an earlier one are void
    volatile bool pending; // events wait to be delivered
    bool kept;
    struct _lwipb_live_t *kept_next; // not inverted: the collector follows it
} lwipb_live_t;

// Fills in everything but base; the object is not in the list yet.
static inline void lwipb_live_init(lwipb_live_t *self) {
    self->release = NULL;
    self->deliver = NULL;
    self->generation = 0;
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
// Received buffers that a script forgot are lwIP's and the driver's, and the collector, which looks
// at Python's heap alone, would not hurry for them. To be called before an object for one is made;
// collects when so many are held that some must be forgotten, at most once for each doubling.
void lwipb_buffers_make_room(void);
void lwipb_buffers_count(int change);

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

// Views of everything that the object showed so far raise ValueError from now on.
static inline void lwipb_live_changed(lwipb_live_t *self) {
    ++self->generation;
}

// A view of memory that the owner holds: indexable, sliceable, and a buffer for everything that
// takes one. Unlike a memoryview it keeps its owner alive and notices when the memory is gone;
// memoryview() refuses it, as that could do neither.
mp_obj_t lwipb_view_new(lwipb_live_t *owner, void *data, size_t len);
extern const mp_obj_type_t lwipb_type_view;

#endif
