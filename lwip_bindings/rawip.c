// SPDX-License-Identifier: MIT
// class RawIP of lwip.raw: lwIP's raw PCB, IP datagrams of one protocol.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"
#include "rawdatagram.h"

#include "lwip/netif.h"
#include "lwip/raw.h"

// In lwIP's context, core locked.
static u8_t on_recv(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *addr) {
    lwipb_datagram_pcb_t *self = arg;
    // Not eaten, lwIP goes on with it itself, and the script gets a copy.
    struct pbuf *mine = self->eats ? p : pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (mine == NULL || !lwipb_datagram_put(self, mine, addr, pcb->protocol)) {
        if (mine != NULL && mine != p) {
            pbuf_free(mine);
        }
        return 0;
    }
    return self->eats;
}

static void ip_release(lwipb_live_t *live) {
    lwipb_datagram_pcb_t *self = (lwipb_datagram_pcb_t *)live;
    LOCK_TCPIP_CORE();
    raw_remove(self->raw);
    UNLOCK_TCPIP_CORE();
    self->pcb = NULL;
    lwipb_datagram_pcb_clear(self);
}

// RawIP(proto, type=IPADDR_TYPE_V4)
static mp_obj_t raw_ip_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 2, false);
    mp_int_t proto = mp_obj_get_int(args[0]);
    mp_int_t type = n_args > 1 ? mp_obj_get_int(args[1]) : IPADDR_TYPE_V4;
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_alloc(type_in);
    LOCK_TCPIP_CORE();
    self->raw = raw_new_ip_type(type, proto);
    if (self->raw != NULL) {
        raw_recv(self->raw, on_recv, self);
    }
    UNLOCK_TCPIP_CORE();
    lwipb_datagram_pcb_start(self, ip_release);
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t bind_or_connect(mp_obj_t self_in, mp_obj_t host,
    err_t (*function)(struct raw_pcb *, const ip_addr_t *)) {
    ip_addr_t addr;
    lwipb_datagram_addr(lwipb_datagram_pcb_get(self_in), host, &addr);
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(self_in);
    LOCK_TCPIP_CORE();
    err_t err = function(self->raw, &addr);
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
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(self_in);
    LOCK_TCPIP_CORE();
    raw_disconnect(self->raw);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_disconnect_obj, raw_ip_disconnect);

// recv(callback, eat=False): callback(raw, pbuf, addr); the pbuf begins with the IP header
static mp_obj_t raw_ip_recv(size_t n_args, const mp_obj_t *args) {
    lwipb_datagram_pcb_t *self = lwipb_datagram_pcb_get(args[0]);
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

static err_t do_sendto_if_src(void *arg, struct pbuf *p) {
    send_args_t *to = arg;
    return raw_sendto_if_src(to->pcb, p, &to->addr, to->netif, &to->source);
}

// Data with an IP header needs no room for one.
static mp_obj_t send_data(mp_obj_t data, lwipb_send_t send, send_args_t *to) {
    bool has_header = raw_is_flag_set(to->pcb, RAW_FLAGS_HDRINCL);
    lwipb_raw_send(data, has_header ? PBUF_LINK : PBUF_IP, send, to);
    return mp_const_none;
}

// send(data): a Pbuf, or a buffer that is copied
static mp_obj_t raw_ip_send(mp_obj_t self_in, mp_obj_t data) {
    send_args_t to = { .pcb = lwipb_datagram_pcb_get(self_in)->raw };
    return send_data(data, do_send, &to);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_ip_send_obj, raw_ip_send);

// sendto(data, addr)
static mp_obj_t raw_ip_sendto(mp_obj_t self_in, mp_obj_t data, mp_obj_t host) {
    send_args_t to;
    lwipb_datagram_addr(lwipb_datagram_pcb_get(self_in), host, &to.addr);
    to.pcb = lwipb_datagram_pcb_get(self_in)->raw;
    return send_data(data, do_sendto, &to);
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_ip_sendto_obj, raw_ip_sendto);

// sendto_if(data, addr, netif, source address)
static mp_obj_t raw_ip_sendto_if(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    send_args_t to;
    lwipb_datagram_addr(lwipb_datagram_pcb_get(args[0]), args[2], &to.addr);
    to.netif = lwipb_netif_from_obj(args[3]);
    lwipb_addr_numeric(args[4], IP_IS_V4(&to.addr) ? AF_INET : AF_INET6, &to.source);
    to.pcb = lwipb_datagram_pcb_get(args[0])->raw;
    return send_data(args[1], do_sendto_if_src, &to);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_ip_sendto_if_obj, 5, 5, raw_ip_sendto_if);

static mp_obj_t raw_ip_local(mp_obj_t self_in) {
    return lwipb_addr_to_obj(&lwipb_datagram_pcb_get(self_in)->pcb->local_ip);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_local_obj, raw_ip_local);

static mp_obj_t raw_ip_remote(mp_obj_t self_in) {
    return lwipb_addr_to_obj(&lwipb_datagram_pcb_get(self_in)->pcb->remote_ip);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_ip_remote_obj, raw_ip_remote);

static const lwipb_field_t fields[] = {
    LWIPB_FIELD(raw_pcb, flags),
    LWIPB_FIELD(raw_pcb, so_options),
    LWIPB_FIELD(raw_pcb, tos),
    LWIPB_FIELD(raw_pcb, ttl),
    #if LWIP_MULTICAST_TX_OPTIONS
    LWIPB_FIELD(raw_pcb, mcast_ttl),
    LWIPB_FIELD(raw_pcb, mcast_ifindex),
    #endif
    #if LWIP_IPV6
    LWIPB_FIELD(raw_pcb, chksum_offset),
    LWIPB_FIELD(raw_pcb, chksum_reqd),
    #endif
};

static void raw_ip_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    lwipb_datagram_pcb_attr(self_in, attr, dest, fields, MP_ARRAY_SIZE(fields));
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&raw_ip_##name##_obj) }

static const mp_rom_map_elem_t raw_ip_locals_table[] = {
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
static MP_DEFINE_CONST_DICT(raw_ip_locals, raw_ip_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_raw_ip,
    MP_QSTR_RawIP,
    MP_TYPE_FLAG_NONE,
    make_new, raw_ip_make_new,
    attr, raw_ip_attr,
    locals_dict, &raw_ip_locals
    );
