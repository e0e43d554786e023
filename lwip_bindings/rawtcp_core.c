// SPDX-License-Identifier: MIT
// The callbacks of lwip.raw's TCP: from lwIP's context to the script's.
//
// lwIP's callbacks only note what happened in the object, which the live list keeps findable and its
// finaliser keeps from going while lwIP knows it; the VM's scheduler then calls the script's. What
// was received is one pbuf chain that waits: as long as the script does not call recved(), it counts
// against the window, and the peer stops.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "pin.h"
#include "rawtcp.h"

#include "lwip/priv/tcp_priv.h"

// --- in lwIP's context, core locked ---

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)pcb;
    (void)err;
    raw_tcp_t *self = arg;
    if (p == NULL) {
        self->ended = true;
    } else if (self->received == NULL) {
        self->received = p;
    } else if (self->received->tot_len + p->tot_len > 0xffff) {
        return ERR_MEM; // lwIP keeps it and tries again
    } else {
        pbuf_cat(self->received, p);
    }
    lwipb_live_post(&self->live);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len) {
    (void)pcb;
    raw_tcp_t *self = arg;
    self->sent += len;
    lwipb_live_post(&self->live);
    return ERR_OK;
}

err_t lwipb_raw_tcp_on_poll(void *arg, struct tcp_pcb *pcb) {
    (void)pcb;
    raw_tcp_t *self = arg;
    self->polled = true;
    lwipb_live_post(&self->live);
    return ERR_OK;
}

err_t lwipb_raw_tcp_on_connected(void *arg, struct tcp_pcb *pcb, err_t err) {
    (void)pcb;
    (void)err;
    raw_tcp_t *self = arg;
    self->connected = true;
    lwipb_live_post(&self->live);
    return ERR_OK;
}

static void on_err(void *arg, err_t err) {
    raw_tcp_t *self = arg;
    self->pcb = NULL;
    self->err = lwipb_errno(err);
    lwipb_live_post(&self->live);
}

// Also called where lwIP frees a PCB without calling back: at the end of TIME_WAIT.
static void on_destroy(u8_t id, void *data) {
    (void)id;
    raw_tcp_t *self = data;
    if (self != NULL) {
        self->pcb = NULL;
        lwipb_live_post(&self->live);
    }
}

static err_t newcomer_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)arg;
    (void)pcb;
    (void)p;
    (void)err;
    return ERR_MEM; // lwIP keeps it until the script took the connection
}

static void newcomer_err(void *arg, err_t err) {
    (void)err;
    ((newcomer_t *)arg)->pcb = NULL;
}

err_t lwipb_raw_tcp_on_accept(void *arg, struct tcp_pcb *pcb, err_t err) {
    raw_tcp_t *self = arg;
    if (err != ERR_OK || pcb == NULL) {
        self->err = lwipb_errno(err);
        lwipb_live_post(&self->live);
        return ERR_VAL;
    }
    for (size_t i = 0; i < self->backlog; ++i) {
        newcomer_t *newcomer = &self->newcomers[i];
        if (newcomer->pcb == NULL) {
            newcomer->pcb = pcb;
            tcp_arg(pcb, newcomer);
            tcp_recv(pcb, newcomer_recv);
            tcp_err(pcb, newcomer_err);
            tcp_backlog_delayed(pcb);
            lwipb_live_post(&self->live);
            return ERR_OK;
        }
    }
    return ERR_MEM; // lwIP resets it
}

static void attach(raw_tcp_t *self, struct tcp_pcb *pcb) {
    static const struct tcp_ext_arg_callbacks callbacks = { .destroy = on_destroy };
    LWIP_ASSERT_CORE_LOCKED();
    self->pcb = pcb;
    tcp_arg(pcb, self);
    tcp_recv(pcb, on_recv);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_err);
    tcp_ext_arg_set_callbacks(pcb, LWIP_BINDINGS_TCP_EXT_ARG, &callbacks);
    tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, self);
}

static void detach(raw_tcp_t *self) {
    LWIP_ASSERT_CORE_LOCKED();
    struct tcp_pcb *pcb = self->pcb;
    self->pcb = NULL;
    tcp_arg(pcb, NULL);
    if (pcb->state == LISTEN) {
        tcp_accept(pcb, NULL);
        return;
    }
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_poll(pcb, NULL, 0);
    tcp_err(pcb, NULL);
    tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, NULL);
}

// --- in the VM ---

static void release_newcomers(raw_tcp_t *self) {
    for (size_t i = 0; i < self->backlog; ++i) {
        struct tcp_pcb *pcb = self->newcomers[i].pcb;
        if (pcb != NULL) {
            tcp_err(pcb, NULL);
            tcp_arg(pcb, NULL);
            tcp_abort(pcb);
        }
    }
    self->backlog = 0;
}

// What close(), abort(), the finaliser and a soft reset have in common.
void lwipb_raw_tcp_let_go(raw_tcp_t *self, bool abort) {
    LOCK_TCPIP_CORE();
    release_newcomers(self);
    struct tcp_pcb *pcb = self->pcb;
    if (pcb != NULL) {
        detach(self);
        if (abort && pcb->state != LISTEN && pcb->state != CLOSED) {
            tcp_abort(pcb);
        } else if (tcp_close(pcb) != ERR_OK) {
            tcp_abort(pcb);
        }
    }
    struct pbuf *received = self->received;
    self->received = NULL;
    UNLOCK_TCPIP_CORE();
    if (received != NULL) {
        pbuf_free(received);
    }
}

static void tcp_release(lwipb_live_t *live) {
    lwipb_raw_tcp_let_go((raw_tcp_t *)live, lwipb_live_resetting);
}

raw_tcp_t *lwipb_raw_tcp_alloc(void) {
    raw_tcp_t *self = mp_obj_malloc_with_finaliser(raw_tcp_t, &lwipb_type_raw_tcp);
    lwipb_live_t live = { .base = self->live.base };
    memset(self, 0, sizeof(*self));
    self->live = live;
    lwipb_live_init(&self->live);
    for (size_t i = 0; i < CB_COUNT; ++i) {
        self->callbacks[i] = mp_const_none;
    }
    return self;
}

static void call(raw_tcp_t *self, int which, mp_obj_t arg1, mp_obj_t arg2) {
    if (self->callbacks[which] != mp_const_none) {
        mp_obj_t args[3] = { MP_OBJ_FROM_PTR(self), arg1, arg2 };
        size_t n_args = arg2 != MP_OBJ_NULL ? 3 : arg1 != MP_OBJ_NULL ? 2 : 1;
        lwipb_call(self->callbacks[which], n_args, args);
    }
}

// The next connection that nobody has yet, in an object of its own; NULL if there is none.
static raw_tcp_t *take_newcomer(raw_tcp_t *self) {
    raw_tcp_t *taken = lwipb_raw_tcp_alloc();
    struct tcp_pcb *pcb = NULL;
    LOCK_TCPIP_CORE();
    for (size_t i = 0; pcb == NULL && i < self->backlog; ++i) {
        pcb = self->newcomers[i].pcb;
        self->newcomers[i].pcb = NULL;
    }
    if (pcb != NULL) {
        tcp_backlog_accepted(pcb);
        lwipb_raw_tcp_start(taken, pcb);
        // A FIN without data was not kept by lwIP.
        taken->ended = pcb->refused_data == NULL && pcb->state == CLOSE_WAIT;
    }
    UNLOCK_TCPIP_CORE();
    return pcb == NULL ? NULL : taken;
}

static void deliver_accept(raw_tcp_t *self) {
    while (self->callbacks[CB_ACCEPT] != mp_const_none && self->pcb != NULL) {
        raw_tcp_t *taken = take_newcomer(self);
        if (taken == NULL) {
            return;
        }
        call(self, CB_ACCEPT, MP_OBJ_FROM_PTR(taken), MP_OBJ_NEW_SMALL_INT(0));
        // What came before the script had it, now that it may have said who is to get it.
        LOCK_TCPIP_CORE();
        if (taken->pcb != NULL && taken->pcb->refused_data != NULL) {
            tcp_process_refused_data(taken->pcb);
        }
        UNLOCK_TCPIP_CORE();
        lwipb_live_post(&taken->live);
    }
}

static void deliver_recv(raw_tcp_t *self) {
    lwipb_buffer_t *pbuf = lwipb_buffer_alloc(&lwipb_type_pbuf);
    LOCK_TCPIP_CORE();
    struct pbuf *p = self->received;
    self->received = NULL;
    bool ended = self->ended;
    self->ended = false;
    UNLOCK_TCPIP_CORE();
    if (p != NULL) {
        lwipb_buffer_hold(pbuf, p);
        call(self, CB_RECV, MP_OBJ_FROM_PTR(pbuf), MP_OBJ_NEW_SMALL_INT(0));
    }
    if (ended) {
        call(self, CB_RECV, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    }
}

// In the order in which a connection has them. Data without a callback waits for one.
static void tcp_deliver(lwipb_live_t *live) {
    raw_tcp_t *self = (raw_tcp_t *)live;
    if (self->connected) {
        self->connected = false;
        call(self, CB_CONNECTED, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_NULL);
    }
    deliver_accept(self);
    if ((self->received != NULL || self->ended) && self->callbacks[CB_RECV] != mp_const_none) {
        deliver_recv(self);
    }
    LOCK_TCPIP_CORE();
    u32_t sent = self->sent;
    self->sent = 0;
    UNLOCK_TCPIP_CORE();
    if (sent != 0) {
        lwipb_pins_review();
        call(self, CB_SENT, mp_obj_new_int_from_uint(sent), MP_OBJ_NULL);
    }
    if (self->polled) {
        self->polled = false;
        call(self, CB_POLL, MP_OBJ_NULL, MP_OBJ_NULL);
    }
    if (self->err != 0) {
        mp_obj_t err = MP_OBJ_NEW_SMALL_INT(self->err);
        self->err = 0;
        call(self, CB_ERR, err, MP_OBJ_NULL);
    }
    if (self->pcb == NULL) {
        lwipb_live_unkeep(&self->live);
    }
}

void lwipb_raw_tcp_start(raw_tcp_t *self, struct tcp_pcb *pcb) {
    attach(self, pcb);
    self->live.deliver = tcp_deliver;
    lwipb_live_add(&self->live, tcp_release);
}

