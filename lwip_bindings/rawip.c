// SPDX-License-Identifier: MIT
// class RawIP of lwip.raw: lwIP's raw PCB, IP datagrams of one protocol.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"
#include "rawqueue.h"

#include "lwip/netif.h"
#include "lwip/raw.h"

typedef struct _raw_ip_t {
    lwipb_live_t live; // held while pcb is not NULL
    struct raw_pcb *pcb;
    mp_obj_t callback;
    bool eats; // what it received goes no further
    lwipb_rawqueue_t queue;
} raw_ip_t;

static raw_ip_t *to_raw(mp_obj_t self_in) {
    raw_ip_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

// In lwIP's context, core locked.
static u8_t on_recv(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *addr) {
    raw_ip_t *self = arg;
    // Not eaten, lwIP goes on with it itself, and the script gets a copy.
    struct pbuf *mine = self->eats ? p : pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (mine == NULL || !lwipb_rawqueue_put(&self->queue, mine, addr, pcb->protocol)) {
        if (mine != NULL && mine != p) {
            pbuf_free(mine);
        }
        return 0;
    }
    lwipb_live_post(&self->live);
    return self->eats;
}

static void ip_deliver(lwipb_live_t *live) {
    raw_ip_t *self = (raw_ip_t *)live;
    while (self->callback != mp_const_none && self->queue.count > 0) {
        lwipb_buffer_t *pbuf = lwipb_buffer_alloc(&lwipb_type_pbuf);
        lwipb_datagram_t datagram;
        LOCK_TCPIP_CORE();
        bool taken = lwipb_rawqueue_take(&self->queue, &datagram);
        UNLOCK_TCPIP_CORE();
        if (!taken) {
            return;
        }
        lwipb_buffer_hold(pbuf, datagram.p);
        mp_obj_t args[3] = {
            MP_OBJ_FROM_PTR(self), MP_OBJ_FROM_PTR(pbuf), lwipb_addr_to_obj(&datagram.addr),
        };
        lwipb_call(self->callback, 3, args);
    }
}

static void ip_release(lwipb_live_t *live) {
    raw_ip_t *self = (raw_ip_t *)live;
    LOCK_TCPIP_CORE();
    raw_remove(self->pcb);
    UNLOCK_TCPIP_CORE();
    self->pcb = NULL;
    lwipb_rawqueue_clear(&self->queue);
}

// RawIP(proto, type=IPADDR_TYPE_V4)
static mp_obj_t raw_ip_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)type_in;
    mp_arg_check_num(n_args, n_kw, 1, 2, false);
    mp_int_t proto = mp_obj_get_int(args[0]);
    mp_int_t type = n_args > 1 ? mp_obj_get_int(args[1]) : IPADDR_TYPE_V4;
    raw_ip_t *self = mp_obj_malloc_with_finaliser(raw_ip_t, &lwipb_type_raw_ip);
    lwipb_live_init(&self->live);
    self->live.deliver = ip_deliver;
    self->callback = mp_const_none;
    self->eats = false;
    memset(&self->queue, 0, sizeof(self->queue));
    LOCK_TCPIP_CORE();
    self->pcb = raw_new_ip_type(type, proto);
    if (self->pcb != NULL) {
        raw_recv(self->pcb, on_recv, self);
    }
    UNLOCK_TCPIP_CORE();
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_live_add(&self->live, ip_release);
    return MP_OBJ_FROM_PTR(self);
}

static int family_of(const raw_ip_t *self) {
    return IP_IS_V4(&self->pcb->local_ip) ? AF_INET : AF_UNSPEC;
}

static mp_obj_t bind_or_connect(mp_obj_t self_in, mp_obj_t host,
    err_t (*function)(struct raw_pcb *, const ip_addr_t *)) {
    ip_addr_t addr;
    lwipb_addr_resolve(host, family_of(to_raw(self_in)), &addr);
    lwipb_addr_unmap(&addr);
    raw_ip_t *self = to_raw(self_in);
    LOCK_TCPIP_CORE();
    err_t err = function(self->pcb, &addr);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}

static mp_obj_t raw_ip_bind(mp_obj_t self_in, mp_obj_t host) {
    return bind_or_connect(self_in, host, raw_bind);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_ip_bind_obj, raw_ip_bind);

static mp_obj_t raw_ip_connect(mp_obj_t self_in, mp_obj_t host) {
    return bind_or_connect(self_in, host, raw_connect);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_ip_connect_obj, raw_ip_connect);

static mp_obj_t raw_ip_disconnect(mp_obj_t self_in) {
    raw_ip_t *self = to_raw(self_in);
    LOCK_TCPIP_CORE();
    raw_disconnect(self->pcb);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_disconnect_obj, raw_ip_disconnect);

static mp_obj_t raw_ip_bind_netif(mp_obj_t self_in, mp_obj_t index) {
    raw_ip_t *self = to_raw(self_in);
    mp_int_t i = index == mp_const_none ? 0 : mp_obj_get_int(index);
    bool found;
    LOCK_TCPIP_CORE();
    struct netif *netif = lwipb_netif_by_index(i, &found);
    if (found) {
        raw_bind_netif(self->pcb, netif);
    }
    UNLOCK_TCPIP_CORE();
    if (!found) {
        mp_raise_OSError(MP_ENODEV);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_ip_bind_netif_obj, raw_ip_bind_netif);

// recv(callback, eat=False): callback(raw, pbuf, addr); the pbuf begins with the IP header
static mp_obj_t raw_ip_recv(size_t n_args, const mp_obj_t *args) {
    raw_ip_t *self = to_raw(args[0]);
    self->callback = lwipb_callback_from_obj(args[1]);
    self->eats = n_args > 2 && mp_obj_is_true(args[2]);
    lwipb_live_keep(&self->live);
    lwipb_live_post(&self->live);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_ip_recv_obj, 2, 3, raw_ip_recv);

typedef struct _send_args_t {
    struct raw_pcb *pcb;
    ip_addr_t addr;
    struct netif *netif;
    ip_addr_t source;
} send_args_t;

static err_t do_send(void *arg, struct pbuf *p) {
    return raw_send(((send_args_t *)arg)->pcb, p);
}

static err_t do_sendto(void *arg, struct pbuf *p) {
    send_args_t *to = arg;
    return raw_sendto(to->pcb, p, &to->addr);
}

// send(data): a Pbuf, or a buffer that is copied
static mp_obj_t raw_ip_send(mp_obj_t self_in, mp_obj_t data) {
    send_args_t to = { .pcb = to_raw(self_in)->pcb };
    lwipb_raw_send(data, PBUF_IP, do_send, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_ip_send_obj, raw_ip_send);

// sendto(data, addr)
static mp_obj_t raw_ip_sendto(mp_obj_t self_in, mp_obj_t data, mp_obj_t host) {
    send_args_t to;
    lwipb_addr_resolve(host, family_of(to_raw(self_in)), &to.addr);
    lwipb_addr_unmap(&to.addr);
    to.pcb = to_raw(self_in)->pcb;
    lwipb_raw_send(data, PBUF_IP, do_sendto, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_ip_sendto_obj, raw_ip_sendto);

static err_t do_sendto_if(void *arg, struct pbuf *p) {
    send_args_t *to = arg;
    return raw_sendto_if_src(to->pcb, p, &to->addr, to->netif, &to->source);
}

// sendto_if(data, addr, netif, source address)
static mp_obj_t raw_ip_sendto_if(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    send_args_t to;
    lwipb_addr_resolve(args[2], family_of(to_raw(args[0])), &to.addr);
    lwipb_addr_unmap(&to.addr);
    to.netif = lwipb_netif_from_obj(args[3]);
    lwipb_addr_numeric(args[4], IP_IS_V4(&to.addr) ? AF_INET : AF_INET6, &to.source);
    to.pcb = to_raw(args[0])->pcb;
    lwipb_raw_send(args[1], PBUF_IP, do_sendto_if, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_ip_sendto_if_obj, 5, 5, raw_ip_sendto_if);

static mp_obj_t raw_ip_remove(mp_obj_t self_in) {
    lwipb_live_drop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_remove_obj, raw_ip_remove);

static mp_obj_t raw_ip_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return raw_ip_remove(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_ip_exit_obj, 4, 4, raw_ip_exit);

static mp_obj_t raw_ip_local(mp_obj_t self_in) {
    raw_ip_t *self = to_raw(self_in);
    return lwipb_addr_to_obj(&self->pcb->local_ip);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_local_obj, raw_ip_local);

static mp_obj_t raw_ip_remote(mp_obj_t self_in) {
    raw_ip_t *self = to_raw(self_in);
    return lwipb_addr_to_obj(&self->pcb->remote_ip);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_remote_obj, raw_ip_remote);

static uint8_t *byte_field(raw_ip_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_flags:
            return &self->pcb->flags;
        case MP_QSTR_so_options:
            return &self->pcb->so_options;
        case MP_QSTR_tos:
            return &self->pcb->tos;
        case MP_QSTR_ttl:
            return &self->pcb->ttl;
        #if LWIP_MULTICAST_TX_OPTIONS
        case MP_QSTR_mcast_ttl:
            return &self->pcb->mcast_ttl;
        case MP_QSTR_mcast_ifindex:
            return &self->pcb->mcast_ifindex;
        #endif
        default:
            return NULL;
    }
}

// Fields of the PCB under lwIP's names, and dropped: datagrams that had no room in the queue
static void raw_ip_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    raw_ip_t *self = MP_OBJ_TO_PTR(self_in);
    uint8_t *field = self->pcb == NULL ? NULL : byte_field(self, attr);
    if (dest[0] == MP_OBJ_NULL) {
        if (field != NULL) {
            dest[0] = MP_OBJ_NEW_SMALL_INT(*field);
        } else if (attr == MP_QSTR_dropped) {
            dest[0] = mp_obj_new_int_from_uint(self->queue.dropped);
        } else {
            dest[1] = MP_OBJ_SENTINEL;
        }
    } else if (field != NULL && dest[1] != MP_OBJ_NULL) {
        *field = mp_obj_get_int(dest[1]);
        dest[0] = MP_OBJ_NULL;
    }
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&raw_ip_##name##_obj) }

static const mp_rom_map_elem_t raw_ip_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&raw_ip_remove_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&raw_ip_exit_obj) },
    METHOD(bind),
    METHOD(bind_netif),
    METHOD(connect),
    METHOD(disconnect),
    METHOD(local),
    METHOD(recv),
    METHOD(remote),
    METHOD(remove),
    METHOD(send),
    METHOD(sendto),
    METHOD(sendto_if),
};
static MP_DEFINE_CONST_DICT(raw_ip_locals, raw_ip_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_raw_ip,
    MP_QSTR_RawIP,
    MP_TYPE_FLAG_NONE,
    make_new, raw_ip_make_new,
    attr, raw_ip_attr,
    locals_dict, &raw_ip_locals
    );
