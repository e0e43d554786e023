// SPDX-License-Identifier: MIT
// What UDP and RawIP of lwip.raw share.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "rawdatagram.h"

#include "lwip/netif.h"

// --- datagrams that wait for the callback ---

bool lwipb_datagram_put(lwipb_datagram_pcb_t *self, struct pbuf *p, const ip_addr_t *addr,
    uint16_t port) {
    LWIP_ASSERT_CORE_LOCKED();
    if (self->count == self->limit) {
        ++self->dropped;
        return false;
    }
    lwipb_datagram_t *entry = &self->waiting[(self->first + self->count) % self->limit];
    entry->p = p;
    entry->addr = *addr;
    entry->port = port;
    ++self->count;
    lwipb_live_post(&self->live);
    return true;
}

// Core locked. Gives the pbuf of the first; NULL if there is none.
static struct pbuf *take(lwipb_datagram_pcb_t *self, lwipb_datagram_t *datagram) {
    LWIP_ASSERT_CORE_LOCKED();
    if (self->count == 0) {
        return NULL;
    }
    *datagram = self->waiting[self->first];
    self->first = (self->first + 1) % self->limit;
    --self->count;
    return datagram->p;
}

void lwipb_datagram_pcb_clear(lwipb_datagram_pcb_t *self) {
    lwipb_datagram_t datagram;
    LOCK_TCPIP_CORE();
    while (take(self, &datagram) != NULL) {
        pbuf_free(datagram.p);
    }
    UNLOCK_TCPIP_CORE();
}

// Another limit. Of what waits the oldest stay, if there is less room than before.
static void set_limit(lwipb_datagram_pcb_t *self, mp_int_t limit) {
    if (limit < 1 || limit > UINT8_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("queue must be 1 to 255"));
    }
    lwipb_datagram_t *waiting = m_new(lwipb_datagram_t, limit);
    lwipb_datagram_t datagram;
    mp_int_t kept = 0;
    LOCK_TCPIP_CORE();
    while (take(self, &datagram) != NULL) {
        if (kept < limit) {
            waiting[kept++] = datagram;
        } else {
            ++self->dropped;
            pbuf_free(datagram.p);
        }
    }
    self->waiting = waiting;
    self->limit = limit;
    self->first = 0;
    self->count = kept;
    UNLOCK_TCPIP_CORE();
}

// Most datagrams come from where the one before came from.
static mp_obj_t addr_to_obj(lwipb_datagram_pcb_t *self, const ip_addr_t *addr) {
    if (self->from_obj == mp_const_none || !ip_addr_eq(addr, &self->from)) {
        self->from_obj = lwipb_addr_to_obj(addr);
        self->from = *addr;
    }
    return self->from_obj;
}

static void deliver(lwipb_live_t *live) {
    lwipb_datagram_pcb_t *self = (lwipb_datagram_pcb_t *)live;
    while (self->callback != mp_const_none && self->count > 0) {
        lwipb_buffer_t *pbuf = lwipb_buffer_alloc(&lwipb_type_pbuf);
        lwipb_datagram_t datagram;
        LOCK_TCPIP_CORE();
        struct pbuf *p = take(self, &datagram);
        UNLOCK_TCPIP_CORE();
        if (p == NULL) {
            return;
        }
        lwipb_buffer_hold(pbuf, p);
        mp_obj_t args[4] = {
            MP_OBJ_FROM_PTR(self), MP_OBJ_FROM_PTR(pbuf), addr_to_obj(self, &datagram.addr),
            MP_OBJ_NEW_SMALL_INT(datagram.port),
        };
        size_t n_args = self->live.base.type == &lwipb_type_raw_udp ? 4 : 3;
        lwipb_call(self->callback, n_args, args);
    }
}

// --- the object ---

lwipb_datagram_pcb_t *lwipb_datagram_pcb_alloc(const mp_obj_type_t *type) {
    lwipb_datagram_t *waiting = m_new(lwipb_datagram_t, LWIPB_DATAGRAMS_WAITING);
    lwipb_datagram_pcb_t *self = mp_obj_malloc_with_finaliser(lwipb_datagram_pcb_t, type);
    memset((char *)self + sizeof(self->live), 0, sizeof(*self) - sizeof(self->live));
    lwipb_live_init(&self->live);
    self->live.deliver = deliver;
    self->callback = mp_const_none;
    self->waiting = waiting;
    self->limit = LWIPB_DATAGRAMS_WAITING;
    self->from_obj = mp_const_none;
    return self;
}

void lwipb_datagram_pcb_start(lwipb_datagram_pcb_t *self, void (*remove)(lwipb_live_t *self)) {
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_live_add(&self->live, remove);
}

lwipb_datagram_pcb_t *lwipb_datagram_pcb_get(mp_obj_t self_in) {
    lwipb_datagram_pcb_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

void lwipb_datagram_addr(const lwipb_datagram_pcb_t *self, mp_obj_t host, ip_addr_t *addr) {
    lwipb_addr_resolve(host, IP_IS_V4(&self->pcb->local_ip) ? AF_INET : AF_UNSPEC, addr);
    lwipb_addr_unmap(addr);
}

static mp_obj_t datagram_pcb_bind_netif(mp_obj_t self_in, mp_obj_t index) {
    lwipb_pcb_bind_netif(lwipb_datagram_pcb_get(self_in)->pcb, index);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(lwipb_datagram_pcb_bind_netif_obj, datagram_pcb_bind_netif);

static mp_obj_t datagram_pcb_remove(mp_obj_t self_in) {
    lwipb_live_drop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(lwipb_datagram_pcb_remove_obj, datagram_pcb_remove);

static mp_obj_t datagram_pcb_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return datagram_pcb_remove(args[0]);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_datagram_pcb_exit_obj, 4, 4, datagram_pcb_exit);

// queue: how many may wait for the callback; dropped: how many found no room there
void lwipb_datagram_pcb_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest,
    const lwipb_field_t *fields, size_t count) {
    lwipb_datagram_pcb_t *self = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_queue && dest[0] == MP_OBJ_NULL) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->limit);
    } else if (attr == MP_QSTR_queue && dest[1] != MP_OBJ_NULL) {
        set_limit(lwipb_datagram_pcb_get(self_in), mp_obj_get_int(dest[1]));
        dest[0] = MP_OBJ_NULL;
    } else if (attr == MP_QSTR_dropped && dest[0] == MP_OBJ_NULL) {
        dest[0] = mp_obj_new_int_from_uint(self->dropped);
    } else {
        lwipb_field_attr(self->pcb, attr, dest, fields, count);
    }
}

// --- sending ---

struct pbuf *lwipb_pbuf_behind_headers(struct pbuf *p, pbuf_layer layer) {
    struct pbuf *headers = pbuf_alloc(layer, 0, PBUF_RAM);
    if (headers != NULL) {
        pbuf_chain(headers, p);
    }
    return headers;
}

void lwipb_raw_send(mp_obj_t data, pbuf_layer layer, lwipb_send_t send, void *arg) {
    struct pbuf *p;
    if (!mp_obj_is_type(data, &lwipb_type_pbuf)) {
        p = lwipb_pbuf_from_buffer(data, layer);
    } else if (layer == PBUF_LINK) {
        // It begins with the IP header, which lwIP wants to find in the first pbuf, behind room.
        p = pbuf_clone(layer, PBUF_RAM, lwipb_pbuf_get(data));
    } else {
        p = lwipb_pbuf_behind_headers(lwipb_pbuf_get(data), layer);
    }
    if (p == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    LOCK_TCPIP_CORE();
    err_t err = send(arg, p);
    UNLOCK_TCPIP_CORE();
    pbuf_free(p);
    lwipb_check(err);
}
