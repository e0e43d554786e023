// SPDX-License-Identifier: MIT
// What NetBuf and Pbuf are: an object that holds one reference to memory of lwIP's, and views of it.
//
// A script makes and drops one for every segment that it receives, so the object is four words: one
// block of the collector's, which finds a single free block at once, but searches for a row of them
// from the bottom of the heap. For the same reason it is no lwipb_live_t. As those, all are in a list
// whose links are inverted, so that a soft reset finds them and the collector does not.
#ifndef LWIP_BINDINGS_BUFFER_H
#define LWIP_BINDINGS_BUFFER_H

#include "bindings.h"

#include "lwip/netbuf.h"

typedef struct _lwipb_buffer_t {
    mp_obj_base_t base;
    uintptr_t next; // inverted
    uint32_t generation; // views of an earlier one are void
    union {
        void *held; // NULL once it was given back
        struct netbuf *netbuf;
        struct pbuf *pbuf; // one reference to it is ours
    };
} lwipb_buffer_t;

extern const mp_obj_type_t lwipb_type_netbuf;
extern const mp_obj_type_t lwipb_type_pbuf;

// An empty object of one of the two types; raises. It gets what it holds by lwipb_buffer_hold(), which
// cannot fail. Received buffers that a script forgot are lwIP's and the driver's, and the collector,
// which looks at Python's heap alone, would not hurry for them: allocation has it collect when so many
// are held that some must be forgotten, at most once for each doubling.
lwipb_buffer_t *lwipb_buffer_alloc(const mp_obj_type_t *type);
void lwipb_buffer_hold(lwipb_buffer_t *self, void *held);
// Another of the same kind in the place of what is held, which was used up; NULL for nothing.
void lwipb_buffer_replace(lwipb_buffer_t *self, void *held);
// Gives back what is held, if something still is.
void lwipb_buffer_drop(lwipb_buffer_t *self);

// Views of everything that the object showed so far raise ValueError from now on.
static inline void lwipb_buffer_changed(lwipb_buffer_t *self) {
    ++self->generation;
}

// __del__, free() or delete(), and __exit__ of both classes.
extern const mp_obj_fun_builtin_fixed_t lwipb_buffer_drop_obj;
extern const mp_obj_fun_builtin_var_t lwipb_buffer_exit_obj;

// For the attribute handler of both: true for a finaliser that has nothing to do any more, which the
// collector then need not call.
static inline bool lwipb_buffer_needs_no(const lwipb_buffer_t *self, qstr attr) {
    return attr == MP_QSTR___del__ && self->held == NULL;
}

// At soft reset.
void lwipb_buffers_deinit(void);

// Raises TypeError if the script's memory that a pbuf of the chain refers to must not be written.
void lwipb_pbuf_check_writable(const struct pbuf *p);

// A view of a pbuf's data that the owner holds: indexable, sliceable, and a buffer for everything that
// takes one. Unlike a memoryview it keeps its owner alive and notices when the memory is gone;
// memoryview() refuses it, as that could do neither.
mp_obj_t lwipb_view_new(lwipb_buffer_t *owner, const struct pbuf *p);
extern const mp_obj_type_t lwipb_type_view;

// The pbuf that a View shows; NULL if the object is no View, or void.
struct pbuf *lwipb_view_pbuf(mp_obj_t obj);

#endif
