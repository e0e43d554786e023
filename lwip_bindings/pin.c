// SPDX-License-Identifier: MIT
// Data that lwIP was given without copying. Each piece is in one of three lists that the collector sees: of
// calls that are writing it, which may wait and be ended there by a soft reset; of TCP's with the sequence
// number that ends it; of pbufs with a reference of our own to the pbuf.

#include "py/runtime.h"

#include "buffer.h"
#include "pin.h"

#include "lwip/priv/tcp_priv.h"

typedef struct _lwipb_pin_t {
    struct _lwipb_pin_t *next;
    uintptr_t data; // an object, or VIEWED and a pbuf with a reference of ours
    union {
        const void *call;
        const struct tcp_pcb *pcb;
        struct pbuf *pbuf;
    };
    u32_t end;
} lwipb_pin_t;

#define VIEWED (1) // no address of an object is odd

static lwipb_pin_t *pin_new(mp_obj_t data) {
    lwipb_pin_t *pin = m_new_obj(lwipb_pin_t);
    struct pbuf *viewed = lwipb_view_pbuf(data);
    if (viewed != NULL) {
        pbuf_ref(viewed);
        pin->data = (uintptr_t)viewed | VIEWED;
    } else {
        pin->data = (uintptr_t)data;
    }
    return pin;
}

// Out of its list already.
static void pin_release(lwipb_pin_t *pin) {
    if (pin->data & VIEWED) {
        pbuf_free((struct pbuf *)(pin->data & ~(uintptr_t)VIEWED));
    }
    pin->data = 0;
}

static bool stream_needs(const lwipb_pin_t *pin) {
    LWIP_ASSERT_CORE_LOCKED();
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb == pin->pcb) {
            return TCP_SEQ_LT(pcb->lastack, pin->end);
        }
    }
    return false;
}

static void review_streams(void) {
    lwipb_pin_t **link = &MP_STATE_VM(lwipb_pins);
    if (*link == NULL) {
        return;
    }
    LOCK_TCPIP_CORE();
    while (*link != NULL) {
        lwipb_pin_t *pin = *link;
        if (stream_needs(pin)) {
            link = &pin->next;
        } else {
            *link = pin->next;
            pin_release(pin);
        }
    }
    UNLOCK_TCPIP_CORE();
}

void lwipb_pins_review_pbufs(void) {
    lwipb_pin_t **link = &MP_STATE_VM(lwipb_pbuf_pins);
    while (*link != NULL) {
        lwipb_pin_t *pin = *link;
        // If the last reference is ours, nobody can make another.
        if (pin->pbuf->ref > 1) {
            link = &pin->next;
        } else {
            *link = pin->next;
            pbuf_free(pin->pbuf);
            pin_release(pin);
            // It may have been the last that held what is chained behind it.
            link = &MP_STATE_VM(lwipb_pbuf_pins);
        }
    }
}

void lwipb_pins_review(void) {
    review_streams();
    lwipb_pins_review_pbufs();
}

void lwip_bindings_before_gc(void) {
    lwipb_pins_review();
}

void lwipb_pin_add(const void *call, mp_obj_t data) {
    lwipb_pins_review();
    lwipb_pin_t *pin = pin_new(data);
    pin->call = call;
    pin->next = MP_STATE_VM(lwipb_call_pins);
    MP_STATE_VM(lwipb_call_pins) = pin;
}

void lwipb_pins_written(const void *call, const struct tcp_pcb *was, const struct tcp_pcb *pcb) {
    LWIP_ASSERT_CORE_LOCKED();
    lwipb_pin_t **link = &MP_STATE_VM(lwipb_call_pins);
    while (*link != NULL) {
        lwipb_pin_t *pin = *link;
        if (pin->call != call) {
            link = &pin->next;
            continue;
        }
        *link = pin->next;
        if (pcb != NULL && pcb == was) {
            pin->pcb = pcb;
            pin->end = pcb->snd_lbb;
            pin->next = MP_STATE_VM(lwipb_pins);
            MP_STATE_VM(lwipb_pins) = pin;
        } else {
            pin_release(pin);
        }
    }
}

struct pbuf *lwipb_pbuf_referring(mp_obj_t buffer, void *data, uint16_t len, bool rom) {
    lwipb_pins_review();
    lwipb_pin_t *pin = pin_new(buffer);
    struct pbuf *p = pbuf_alloc_reference(data, len, rom ? PBUF_ROM : PBUF_REF);
    if (p == NULL) {
        pin_release(pin);
        return NULL;
    }
    pbuf_ref(p);
    pin->pbuf = p;
    pin->next = MP_STATE_VM(lwipb_pbuf_pins);
    MP_STATE_VM(lwipb_pbuf_pins) = pin;
    return p;
}

unsigned lwipb_pbuf_users(const struct pbuf *p) {
    bool pinned = pbuf_match_allocsrc(p, PBUF_ROM) && !(p->flags & PBUF_FLAG_IS_CUSTOM);
    return p->ref - (pinned ? 1 : 0);
}

static void release_all(lwipb_pin_t **list) {
    for (lwipb_pin_t *pin = *list; pin != NULL; pin = pin->next) {
        pin_release(pin);
    }
    *list = NULL;
}

void lwipb_pins_deinit(void) {
    release_all(&MP_STATE_VM(lwipb_call_pins));
    release_all(&MP_STATE_VM(lwipb_pins));
    for (lwipb_pin_t *pin = MP_STATE_VM(lwipb_pbuf_pins); pin != NULL; pin = pin->next) {
        pbuf_free(pin->pbuf);
        pin_release(pin);
    }
    MP_STATE_VM(lwipb_pbuf_pins) = NULL;
}

MP_REGISTER_ROOT_POINTER(struct _lwipb_pin_t *lwipb_call_pins);
MP_REGISTER_ROOT_POINTER(struct _lwipb_pin_t *lwipb_pins);
MP_REGISTER_ROOT_POINTER(struct _lwipb_pin_t *lwipb_pbuf_pins);
