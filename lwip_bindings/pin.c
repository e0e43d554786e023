// SPDX-License-Identifier: MIT
// Data that TCP was given without copying: lwIP refers to the script's memory until the peer has
// acknowledged it, even when the connection's object is long gone. Each piece is kept in a list that
// the collector sees, with the sequence number that ends it.

#include "py/runtime.h"

#include "netconn.h"

#include "lwip/priv/tcp_priv.h"

struct _lwipb_pin_t {
    struct _lwipb_pin_t *next;
    struct tcp_pcb *pcb;
    u32_t end;
    bool writing; // more of it may follow
    mp_obj_t data;
};

static bool still_needed(const lwipb_pin_t *pin) {
    LWIP_ASSERT_CORE_LOCKED();
    if (pin->writing) {
        return true;
    }
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb == pin->pcb) {
            return TCP_SEQ_LT(pcb->lastack, pin->end);
        }
    }
    return false;
}

void lwipb_pins_review(void) {
    lwipb_pin_t **link = &MP_STATE_VM(lwipb_pins);
    if (*link == NULL) {
        return;
    }
    LOCK_TCPIP_CORE();
    while (*link != NULL) {
        if (still_needed(*link)) {
            link = &(*link)->next;
        } else {
            *link = (*link)->next;
        }
    }
    UNLOCK_TCPIP_CORE();
}

lwipb_pin_t *lwipb_pin(struct tcp_pcb *pcb, mp_obj_t data) {
    lwipb_pins_review();
    lwipb_pin_t *pin = m_new_obj(lwipb_pin_t);
    pin->pcb = pcb;
    pin->data = data;
    pin->end = 0;
    pin->writing = true;
    pin->next = MP_STATE_VM(lwipb_pins);
    MP_STATE_VM(lwipb_pins) = pin;
    return pin;
}

void lwipb_pin_written(lwipb_pin_t *pin, const struct tcp_pcb *pcb) {
    LWIP_ASSERT_CORE_LOCKED();
    if (pcb == pin->pcb) {
        pin->end = pcb->snd_lbb;
    }
    pin->writing = false;
}

void lwipb_pins_deinit(void) {
    MP_STATE_VM(lwipb_pins) = NULL;
}

MP_REGISTER_ROOT_POINTER(struct _lwipb_pin_t *lwipb_pins);
