// SPDX-License-Identifier: MIT
// class UDP of lwip.raw: lwIP's UDP PCB.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"
#include "rawdatagram.h"

#include "lwip/netif.h"
#include "lwip/udp.h"

// In lwIP's context, core locked.
static void on_recv(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr,
    u16_t port) {
    (void)pcb;
    if (!lwipb_datagram_put(arg, p, addr, port)) {
        pbuf_free(p);
    }
}

static void udp_release(lwipb_live_t *live) {
    lwipb_datagram_pcb_t *self = (lwipb_datagram_pcb_t *)live;
    LOCK_TCPIP_CORE();
    udp_remove(self->udp);
    UNLOCK_TCPIP_CORE();
    self->pcb = NULL;
    lwipb_datagram_pcb_clear(self);
}

// UDP(type=IPADDR_TYPE_V4)
static mp_obj_t raw_udp_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    mp_int_t type = n_args > 0 ? mp_obj_get_int(args[0]) : IPADDR_TYPE_V4;
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_alloc(type_in);
    LOCK_TCPIP_CORE();
    self->udp = udp_new_ip_type(type);
    if (self->udp != NULL) {
        udp_recv(self->udp, on_recv, self);
    }
    UNLOCK_TCPIP_CORE();
    lwipb_datagram_pcb_start(self, udp_release);
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t bind_or_connect(mp_obj_t self_in, mp_obj_t host, mp_obj_t port_in,
    err_t (*function)(struct udp_pcb *, const ip_addr_t *, u16_t)) {
    uint16_t port = lwipb_port_from_obj(port_in);
    ip_addr_t addr;
    lwipb_datagram_addr(lwipb_datagram_pcb_get(self_in), host, &addr);
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(self_in);
    LOCK_TCPIP_CORE();
    err_t err = function(self->udp, &addr, port);
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
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(self_in);
    LOCK_TCPIP_CORE();
    udp_disconnect(self->udp);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_disconnect_obj, raw_udp_disconnect);

// recv(callback): callback(udp, pbuf, addr, port)
static mp_obj_t raw_udp_recv(mp_obj_t self_in, mp_obj_t callback) {
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(self_in);
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
    send_args_t to = { .pcb = lwipb_datagram_pcb_get(self_in)->udp };
    lwipb_raw_send(data, PBUF_TRANSPORT, do_send, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_udp_send_obj, raw_udp_send);

// sendto(data, addr, port)
static mp_obj_t raw_udp_sendto(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    send_args_t to = { .port = lwipb_port_from_obj(args[3]) };
    lwipb_datagram_addr(lwipb_datagram_pcb_get(args[0]), args[2], &to.addr);
    to.pcb = lwipb_datagram_pcb_get(args[0])->udp;
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
    lwipb_datagram_addr(lwipb_datagram_pcb_get(args[0]), args[2], &to.addr);
    to.netif = lwipb_netif_from_obj(args[4]);
    if (to.has_source) {
        lwipb_addr_numeric(args[5], IP_IS_V4(&to.addr) ? AF_INET : AF_INET6, &to.source);
    }
    to.pcb = lwipb_datagram_pcb_get(args[0])->udp;
    lwipb_raw_send(args[1], PBUF_TRANSPORT, do_sendto_if, &to);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_udp_sendto_if_obj, 5, 6, raw_udp_sendto_if);

static mp_obj_t raw_udp_local(mp_obj_t self_in) {
    struct udp_pcb *pcb = lwipb_datagram_pcb_get(self_in)->udp;
    return lwipb_addr_port_tuple(&pcb->local_ip, pcb->local_port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_local_obj, raw_udp_local);

static mp_obj_t raw_udp_remote(mp_obj_t self_in) {
    struct udp_pcb *pcb = lwipb_datagram_pcb_get(self_in)->udp;
    return lwipb_addr_port_tuple(&pcb->remote_ip, pcb->remote_port);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_udp_remote_obj, raw_udp_remote);

#if LWIP_MULTICAST_TX_OPTIONS && LWIP_IPV4
// mcast_ip4: the interface for multicast that an IP_MULTICAST_IF names by its address; "0.0.0.0" is none
static void mcast_ip4_attr(mp_obj_t self_in, mp_obj_t *dest) {
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(self_in);
    if (dest[0] == MP_OBJ_NULL) {
        ip4_addr_t addr = *udp_get_multicast_netif_addr(self->udp);
        dest[0] = lwipb_addr4_to_obj(&addr);
    } else if (dest[1] != MP_OBJ_NULL) {
        ip_addr_t addr;
        lwipb_addr_numeric(dest[1], AF_INET, &addr);
        udp_set_multicast_netif_addr(self->udp, ip_2_ip4(&addr));
        dest[0] = MP_OBJ_NULL;
    }
}
#endif

static const lwipb_field_t fields[] = {
    LWIPB_FIELD(udp_pcb, flags),
    LWIPB_FIELD(udp_pcb, so_options),
    LWIPB_FIELD(udp_pcb, tos),
    LWIPB_FIELD(udp_pcb, ttl),
    #if LWIP_MULTICAST_TX_OPTIONS
    LWIPB_FIELD(udp_pcb, mcast_ttl),
    LWIPB_FIELD(udp_pcb, mcast_ifindex),
    #endif
    #if LWIP_UDPLITE
    LWIPB_FIELD(udp_pcb, chksum_len_rx),
    LWIPB_FIELD(udp_pcb, chksum_len_tx),
    #endif
};

static void raw_udp_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    #if LWIP_MULTICAST_TX_OPTIONS && LWIP_IPV4
    if (attr == MP_QSTR_mcast_ip4) {
        mcast_ip4_attr(self_in, dest);
        return;
    }
    #endif
    lwipb_datagram_pcb_attr(self_in, attr, dest, fields, MP_ARRAY_SIZE(fields));
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&raw_udp_##name##_obj) }

static const mp_rom_map_elem_t raw_udp_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&lwipb_datagram_pcb_remove_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&lwipb_datagram_pcb_exit_obj) },
    METHOD(bind),
    { MP_ROM_QSTR(MP_QSTR_bind_netif), MP_ROM_PTR(&lwipb_datagram_pcb_bind_netif_obj) },
    METHOD(connect),
    METHOD(disconnect),
    METHOD(local),
    METHOD(recv),
    METHOD(remote),
    { MP_ROM_QSTR(MP_QSTR_remove), MP_ROM_PTR(&lwipb_datagram_pcb_remove_obj) },
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
