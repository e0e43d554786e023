// SPDX-License-Identifier: MIT
// class UDP of lwip.raw: lwIP's UDP PCB.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"
#include "rawqueue.h"

#include "lwip/netif.h"
#include "lwip/udp.h"

typedef struct _raw_udp_t {
    lwipb_live_t live; // held while pcb is not NULL
    struct udp_pcb *pcb;
    mp_obj_t callback;
    lwipb_rawqueue_t queue;
} raw_udp_t;

static raw_udp_t *to_udp(mp_obj_t self_in) {
    raw_udp_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

// In lwIP's context, core locked.
static void on_recv(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr,
    u16_t port) {
    (void)pcb;
    raw_udp_t *self = arg;
    if (lwipb_rawqueue_put(&self->queue, p, addr, port)) {
        lwipb_live_post(&self->live);
    } else {
        pbuf_free(p);
    }
}

static void udp_deliver(lwipb_live_t *live) {
    raw_udp_t *self = (raw_udp_t *)live;
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
        mp_obj_t args[4] = {
            MP_OBJ_FROM_PTR(self), MP_OBJ_FROM_PTR(pbuf), lwipb_addr_to_obj(&datagram.addr),
            MP_OBJ_NEW_SMALL_INT(datagram.port),
        };
        lwipb_call(self->callback, 4, args);
    }
}

static void udp_release(lwipb_live_t *live) {
    raw_udp_t *self = (raw_udp_t *)live;
    LOCK_TCPIP_CORE();
    udp_remove(self->pcb);
    UNLOCK_TCPIP_CORE();
    self->pcb = NULL;
    lwipb_rawqueue_clear(&self->queue);
}

// UDP(type=IPADDR_TYPE_V4)
static mp_obj_t raw_udp_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)type_in;
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    mp_int_t type = n_args > 0 ? mp_obj_get_int(args[0]) : IPADDR_TYPE_V4;
    raw_udp_t *self = mp_obj_malloc_with_finaliser(raw_udp_t, &lwipb_type_raw_udp);
    lwipb_live_init(&self->live);
    self->live.deliver = udp_deliver;
    self->callback = mp_const_none;
    memset(&self->queue, 0, sizeof(self->queue));
    LOCK_TCPIP_CORE();
    self->pcb = udp_new_ip_type(type);
    if (self->pcb != NULL) {
        udp_recv(self->pcb, on_recv, self);
    }
    UNLOCK_TCPIP_CORE();
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_live_add(&self->live, udp_release);
    return MP_OBJ_FROM_PTR(self);
}

static int family_of(const raw_udp_t *self) {
    return IP_IS_V4(&self->pcb->local_ip) ? AF_INET : AF_UNSPEC;
}

static mp_obj_t bind_or_connect(mp_obj_t self_in, mp_obj_t host, mp_obj_t port_in,
    err_t (*function)(struct udp_pcb *, const ip_addr_t *, u16_t)) {
    uint16_t port = lwipb_port_from_obj(port_in);
    ip_addr_t addr;
    lwipb_addr_resolve(host, family_of(to_udp(self_in)), &addr);
    lwipb_addr_unmap(&addr);
    raw_udp_t *self = to_udp(self_in);
    LOCK_TCPIP_CORE();
    err_t err = function(self->pcb, &addr, port);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}

static mp_obj_t raw_udp_bind(mp_obj_t self_in, mp_obj_t host, mp_obj_t port) {
    return bind_or_connect(self_in, host, port, udp_bind);
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_udp_bind_obj, raw_udp_bind);

static mp_obj_t raw_udp_connect(mp_obj_t self_in, mp_obj_t host, mp_obj_t port) {
    return bind_or_connect(self_in, host, port, udp_connect);
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_udp_connect_obj, raw_udp_connect);

static mp_obj_t raw_udp_disconnect(mp_obj_t self_in) {
    raw_udp_t *self = to_udp(self_in);
    LOCK_TCPIP_CORE();
    udp_disconnect(self->pcb);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_disconnect_obj, raw_udp_disconnect);

static mp_obj_t raw_udp_bind_netif(mp_obj_t self_in, mp_obj_t index) {
    raw_udp_t *self = to_udp(self_in);
    mp_int_t i = index == mp_const_none ? 0 : mp_obj_get_int(index);
    bool found;
    LOCK_TCPIP_CORE();
    struct netif *netif = lwipb_netif_by_index(i, &found);
    if (found) {
        udp_bind_netif(self->pcb, netif);
    }
    UNLOCK_TCPIP_CORE();
    if (!found) {
        mp_raise_OSError(MP_ENODEV);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_udp_bind_netif_obj, raw_udp_bind_netif);

// recv(callback): callback(udp, pbuf, addr, port)
static mp_obj_t raw_udp_recv(mp_obj_t self_in, mp_obj_t callback) {
    raw_udp_t *self = to_udp(self_in);
    self->callback = lwipb_callback_from_obj(callback);
    lwipb_live_keep(&self->live);
    lwipb_live_post(&self->live);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_udp_recv_obj, raw_udp_recv);

typedef struct _send_args_t {
    struct udp_pcb *pcb;
    ip_addr_t addr;
    uint16_t port;
    struct netif *netif;
    bool has_source;
    ip_addr_t source;
} send_args_t;

static err_t do_send(void *arg, struct pbuf *p) {
    return udp_send(((send_args_t *)arg)->pcb, p);
}

static err_t do_sendto(void *arg, struct pbuf *p) {
    send_args_t *to = arg;
    return udp_sendto(to->pcb, p, &to->addr, to->port);
}

// send(data): a Pbuf, or a buffer that is copied
static mp_obj_t raw_udp_send(mp_obj_t self_in, mp_obj_t data) {
    send_args_t to = { .pcb = to_udp(self_in)->pcb };
    lwipb_raw_send(data, PBUF_TRANSPORT, do_send, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_udp_send_obj, raw_udp_send);

// sendto(data, addr, port)
static mp_obj_t raw_udp_sendto(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    send_args_t to = { .port = lwipb_port_from_obj(args[3]) };
    lwipb_addr_resolve(args[2], family_of(to_udp(args[0])), &to.addr);
    lwipb_addr_unmap(&to.addr);
    to.pcb = to_udp(args[0])->pcb;
    lwipb_raw_send(args[1], PBUF_TRANSPORT, do_sendto, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_udp_sendto_obj, 4, 4, raw_udp_sendto);

static err_t do_sendto_if(void *arg, struct pbuf *p) {
    send_args_t *to = arg;
    if (to->has_source) {
        return udp_sendto_if_src(to->pcb, p, &to->addr, to->port, to->netif, &to->source);
    }
    return udp_sendto_if(to->pcb, p, &to->addr, to->port, to->netif);
}

// sendto_if(data, addr, port, netif[, source address])
static mp_obj_t raw_udp_sendto_if(size_t n_args, const mp_obj_t *args) {
    send_args_t to = { .port = lwipb_port_from_obj(args[3]), .has_source = n_args > 5 };
    lwipb_addr_resolve(args[2], family_of(to_udp(args[0])), &to.addr);
    lwipb_addr_unmap(&to.addr);
    to.netif = lwipb_netif_from_obj(args[4]);
    if (to.has_source) {
        lwipb_addr_numeric(args[5], IP_IS_V4(&to.addr) ? AF_INET : AF_INET6, &to.source);
    }
    to.pcb = to_udp(args[0])->pcb;
    lwipb_raw_send(args[1], PBUF_TRANSPORT, do_sendto_if, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_udp_sendto_if_obj, 5, 6, raw_udp_sendto_if);

static mp_obj_t raw_udp_remove(mp_obj_t self_in) {
    lwipb_live_drop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_remove_obj, raw_udp_remove);

static mp_obj_t raw_udp_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return raw_udp_remove(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_udp_exit_obj, 4, 4, raw_udp_exit);

static mp_obj_t raw_udp_local(mp_obj_t self_in) {
    raw_udp_t *self = to_udp(self_in);
    return lwipb_addr_port_tuple(&self->pcb->local_ip, self->pcb->local_port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_local_obj, raw_udp_local);

static mp_obj_t raw_udp_remote(mp_obj_t self_in) {
    raw_udp_t *self = to_udp(self_in);
    return lwipb_addr_port_tuple(&self->pcb->remote_ip, self->pcb->remote_port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_remote_obj, raw_udp_remote);

static uint8_t *byte_field(raw_udp_t *self, qstr attr) {
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

#if LWIP_MULTICAST_TX_OPTIONS && LWIP_IPV4
// The interface for multicast that an IP_MULTICAST_IF names by its address; "0.0.0.0" is none.
static void multicast_netif_addr(struct udp_pcb *pcb, mp_obj_t *dest) {
    if (dest[0] == MP_OBJ_NULL) {
        ip4_addr_t addr = *udp_get_multicast_netif_addr(pcb);
        dest[0] = lwipb_addr4_to_obj(&addr);
    } else if (dest[1] != MP_OBJ_NULL) {
        ip_addr_t addr;
        lwipb_addr_numeric(dest[1], AF_INET, &addr);
        udp_set_multicast_netif_addr(pcb, ip_2_ip4(&addr));
        dest[0] = MP_OBJ_NULL;
    }
}
#endif

// Fields of the PCB under lwIP's names, and dropped: datagrams that had no room in the queue
static void raw_udp_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    raw_udp_t *self = MP_OBJ_TO_PTR(self_in);
    #if LWIP_MULTICAST_TX_OPTIONS && LWIP_IPV4
    if (attr == MP_QSTR_mcast_ip4 && self->pcb != NULL) {
        multicast_netif_addr(self->pcb, dest);
        return;
    }
    #endif
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

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&raw_udp_##name##_obj) }

static const mp_rom_map_elem_t raw_udp_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&raw_udp_remove_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&raw_udp_exit_obj) },
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
static MP_DEFINE_CONST_DICT(raw_udp_locals, raw_udp_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_raw_udp,
    MP_QSTR_UDP,
    MP_TYPE_FLAG_NONE,
    make_new, raw_udp_make_new,
    attr, raw_udp_attr,
    locals_dict, &raw_udp_locals
    );
