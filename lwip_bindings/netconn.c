// SPDX-License-Identifier: MIT
// class Netconn: lwIP's sequential API, with lwIP's names.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "conn.h"
#include "netconn.h"
#include "pin.h"
#include "rawdatagram.h"
#include "socket.h"

#include "lwip/tcp.h"

static lwipb_netconn_t *to_netconn(mp_obj_t self_in) {
    lwipb_netconn_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->conn == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

static lwipb_netconn_t *to_tcp(mp_obj_t self_in) {
    lwipb_netconn_t *self = to_netconn(self_in);
    if (!lwipb_conn_is_tcp(self->conn)) {
        mp_raise_OSError(MP_EOPNOTSUPP);
    }
    return self;
}

static void check(int err) {
    if (err != 0) {
        mp_raise_OSError(err);
    }
}

static int family_of(const lwipb_netconn_t *self) {
    return NETCONNTYPE_ISIPV6(self->conn->type) ? AF_INET6 : AF_INET;
}

// Netconn(type=TCP, proto=0)
static mp_obj_t netconn_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args_in) {
    (void)type_in;
    enum { ARG_type, ARG_proto };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_type, MP_ARG_INT, {.u_int = NETCONN_TCP} },
        { MP_QSTR_proto, MP_ARG_INT, {.u_int = 0} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all_kw_array(n_args, n_kw, args_in, MP_ARRAY_SIZE(allowed_args), allowed_args,
        args);
    mp_int_t type = args[ARG_type].u_int;
    static const uint8_t types[] = {
        NETCONN_TCP, NETCONN_UDP, NETCONN_UDPLITE, NETCONN_UDPNOCHKSUM, NETCONN_RAW,
    };
    mp_int_t plain = LWIP_IPV6 ? type & ~0x08 : type;
    if (memchr(types, (int)(plain & 0xff), sizeof(types)) == NULL || type > 0xff || type < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown netconn type"));
    }
    lwipb_netconn_t *self = lwipb_netconn_alloc();
    check(lwipb_netconn_open(self, type, args[ARG_proto].u_int));
    return MP_OBJ_FROM_PTR(self);
}

static void netconn_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    lwipb_netconn_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->conn == NULL) {
        mp_print_str(print, "<Netconn deleted>");
    } else {
        mp_printf(print, "<Netconn type=0x%x state=%u>", self->conn->type, self->conn->state);
    }
}

// bind(addr="", port=0)
static mp_obj_t py_netconn_bind(size_t n_args, const mp_obj_t *args) {
    lwipb_netconn_t *self = to_netconn(args[0]);
    uint16_t port = n_args > 2 ? lwipb_port_from_obj(args[2]) : 0;
    mp_obj_t host = n_args > 1 && args[1] != mp_const_none ? args[1] : MP_OBJ_NEW_QSTR(MP_QSTR_);
    ip_addr_t addr;
    lwipb_addr_resolve(host, family_of(self), &addr);
    lwipb_addr_unmap(&addr);
    lwipb_check(netconn_bind(to_netconn(args[0])->conn, &addr, port));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_bind_obj, 1, 3, py_netconn_bind);

static mp_obj_t py_netconn_bind_if(mp_obj_t self_in, mp_obj_t index) {
    lwipb_check(netconn_bind_if(to_netconn(self_in)->conn, mp_obj_get_int(index)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_bind_if_obj, py_netconn_bind_if);

// connect(addr, port)
static mp_obj_t py_netconn_connect(mp_obj_t self_in, mp_obj_t host, mp_obj_t port_in) {
    uint16_t port = lwipb_port_from_obj(port_in);
    ip_addr_t addr;
    lwipb_addr_resolve(host, family_of(to_netconn(self_in)), &addr);
    lwipb_addr_unmap(&addr);
    lwipb_netconn_t *self = to_netconn(self_in);
    err_t err = netconn_connect(self->conn, &addr, port);
    if (err != ERR_INPROGRESS || self->nonblocking) {
        lwipb_check(err);
        return mp_const_none;
    }
    check(lwipb_block(lwipb_netconn_attempt_connected, self, lwipb_netconn_send_timeout(self)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(netconn_connect_obj, py_netconn_connect);

static mp_obj_t py_netconn_disconnect(mp_obj_t self_in) {
    lwipb_check(netconn_disconnect(to_netconn(self_in)->conn));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_disconnect_obj, py_netconn_disconnect);

// listen([backlog])
static mp_obj_t py_netconn_listen(size_t n_args, const mp_obj_t *args) {
    mp_int_t backlog = n_args > 1 ? mp_obj_get_int(args[1]) : TCP_DEFAULT_LISTEN_BACKLOG;
    lwipb_check(netconn_listen_with_backlog(to_tcp(args[0])->conn, MIN(MAX(backlog, 1), 255)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_listen_obj, 1, 2, py_netconn_listen);

static mp_obj_t py_netconn_accept(mp_obj_t self_in) {
    lwipb_netconn_io_t io = { .self = to_tcp(self_in) };
    lwipb_netconn_t *accepted = lwipb_netconn_alloc();
    check(lwipb_block(lwipb_netconn_attempt_accept, &io, lwipb_netconn_recv_timeout(io.self)));
    lwipb_netconn_adopt(accepted, io.accepted);
    accepted->writable = true;
    return MP_OBJ_FROM_PTR(accepted);
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_accept_obj, py_netconn_accept);

static mp_uint_t timeout_for(mp_uint_t timeout_ms, uint8_t apiflags) {
    return apiflags & NETCONN_DONTBLOCK ? 0 : timeout_ms;
}

// recv([flags]): a NetBuf; None at the end of a stream
static mp_obj_t py_netconn_recv(size_t n_args, const mp_obj_t *args) {
    // Half of what can be under way: the peer is to go on while the script has the rest.
    lwipb_netconn_io_t io = { .self = to_netconn(args[0]), .want = TCP_WND / 2 };
    bool stream = lwipb_conn_is_tcp(io.self->conn);
    io.apiflags = n_args > 1 ? mp_obj_get_int(args[1]) : 0;
    lwipb_buffer_t *buf = lwipb_buffer_alloc(&lwipb_type_netbuf);
    mp_uint_t timeout_ms = timeout_for(lwipb_netconn_recv_timeout(io.self), io.apiflags);
    check(lwipb_block(lwipb_netconn_attempt_recv, &io, timeout_ms));
    if (stream && io.pbuf == NULL) {
        return mp_const_none;
    }
    if (stream) {
        io.netbuf = netbuf_new();
        if (io.netbuf == NULL) {
            io.self->rest = io.pbuf;
            mp_raise_OSError(MP_ENOMEM);
        }
        io.netbuf->p = io.netbuf->ptr = io.pbuf;
    }
    lwipb_buffer_hold(buf, io.netbuf);
    return MP_OBJ_FROM_PTR(buf);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_recv_obj, 1, 2, py_netconn_recv);

// From a datagram as much as fits, from a stream what is there; the rest of that is kept.
static size_t copy_out(lwipb_netconn_io_t *io, void *buf, size_t size) {
    struct pbuf *p = io->pbuf != NULL ? io->pbuf : io->netbuf->p;
    size_t len = pbuf_copy_partial(p, buf, MIN(size, p->tot_len), 0);
    if (io->netbuf != NULL) {
        netbuf_delete(io->netbuf);
    } else if (len < p->tot_len) {
        io->self->rest = pbuf_free_header(p, len);
    } else {
        pbuf_free(p);
    }
    return len;
}

// recv_into(buffer[, flags]): the number of bytes; 0 at the end of a stream
static mp_obj_t py_netconn_recv_into(size_t n_args, const mp_obj_t *args) {
    lwipb_netconn_io_t io = { .self = to_netconn(args[0]) };
    io.apiflags = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    lwipb_used_t into;
    lwipb_use(&into, args[1], MP_BUFFER_WRITE);
    io.want = into.info.len;
    mp_uint_t timeout_ms = timeout_for(lwipb_netconn_recv_timeout(io.self), io.apiflags);
    check(lwipb_block_using(lwipb_netconn_attempt_recv, &io, timeout_ms, &into, 1));
    if (io.pbuf == NULL && io.netbuf == NULL) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    return mp_obj_new_int_from_uint(copy_out(&io, into.info.buf, into.info.len));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_recv_into_obj, 2, 3, py_netconn_recv_into);

// tcp_recvd(len): opens the window again for what was received with NOAUTORCVD
static mp_obj_t py_netconn_tcp_recvd(mp_obj_t self_in, mp_obj_t len) {
    lwipb_check(netconn_tcp_recvd(to_tcp(self_in)->conn, mp_obj_get_int(len)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_tcp_recvd_obj, py_netconn_tcp_recvd);

// With the headers in a pbuf of their own, so that the NetBuf stays as it is and can be sent again.
static err_t send_behind_headers(struct netconn *conn, const struct netbuf *buf) {
    pbuf_layer layer = NETCONNTYPE_GROUP(conn->type) == NETCONN_RAW ? PBUF_IP : PBUF_TRANSPORT;
    struct netbuf sent = *buf;
    sent.p = sent.ptr = lwipb_pbuf_behind_headers(buf->p, layer);
    if (sent.p == NULL) {
        return ERR_MEM;
    }
    err_t err = netconn_send(conn, &sent);
    pbuf_free(sent.p);
    return err;
}

typedef struct _datagram_t {
    lwipb_netconn_t *self;
    lwipb_buffer_t *netbuf;
    struct netbuf *buf;
    bool waits; // for memory
} datagram_t;

static int attempt_send(void *datagram_in) {
    datagram_t *d = datagram_in;
    lwipb_netconn_t *self = d->self;
    // Somebody else may have deleted either while this one waited.
    if (self->conn == NULL || d->netbuf->netbuf != d->buf) {
        return MP_EBADF;
    }
    if (d->buf->p == NULL) {
        return MP_EINVAL; // or given its data back
    }
    size_t len = netbuf_len(d->buf);
    // Asked for before the last attempt: what comes back after that one fails is not missed. Where the
    // one before had to wait, the first is the last.
    bool asked = self->starved && LWIP_BINDINGS_STARVED();
    int err = lwipb_errno(send_behind_headers(self->conn, d->buf));
    if (lwipb_socket_lacks_memory(err, len) && !asked) {
        asked = LWIP_BINDINGS_STARVED();
        if (asked) {
            err = lwipb_errno(send_behind_headers(self->conn, d->buf));
        }
    }
    if (asked && lwipb_socket_lacks_memory(err, len)) {
        self->starved = d->waits = true;
        return MP_EAGAIN;
    }
    self->starved = d->waits;
    return err == MP_EAGAIN ? MP_ENOBUFS : err;
}

static mp_obj_t send_netbuf(lwipb_netconn_t *self, lwipb_buffer_t *netbuf) {
    struct netbuf *buf = netbuf->netbuf;
    if (lwipb_conn_is_tcp(self->conn)) {
        mp_raise_OSError(MP_EOPNOTSUPP);
    }
    datagram_t datagram = { .self = self, .netbuf = netbuf, .buf = buf };
    check(lwipb_block(attempt_send, &datagram, lwipb_netconn_send_timeout(self)));
    return mp_const_none;
}

// send(netbuf): to where the netconn is connected
static mp_obj_t py_netconn_send(mp_obj_t self_in, mp_obj_t netbuf) {
    lwipb_netconn_t *self = to_netconn(self_in);
    struct netbuf *buf = lwipb_netbuf_get(netbuf);
    ip_addr_set_any(family_of(self) == AF_INET6, &buf->addr);
    return send_netbuf(self, MP_OBJ_TO_PTR(netbuf));
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_send_obj, py_netconn_send);

// sendto(netbuf, addr, port)
static mp_obj_t py_netconn_sendto(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    uint16_t port = lwipb_port_from_obj(args[3]);
    ip_addr_t addr;
    lwipb_addr_resolve(args[2], family_of(to_netconn(args[0])), &addr);
    lwipb_addr_unmap(&addr);
    struct netbuf *buf = lwipb_netbuf_get(args[1]);
    buf->addr = addr;
    buf->port = port;
    return send_netbuf(to_netconn(args[0]), MP_OBJ_TO_PTR(args[1]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_sendto_obj, 4, 4, py_netconn_sendto);

typedef struct _pinned_write_t {
    nlr_jump_callback_node_t node;
    lwipb_netconn_t *self;
    struct tcp_pcb *pcb;
} pinned_write_t;

// However the write ends: what of the data lwIP refers to lies before this point of the stream.
static void write_ended(void *ctx) {
    pinned_write_t *pinned = ctx;
    LOCK_TCPIP_CORE();
    struct netconn *conn = pinned->self->conn;
    lwipb_pins_written(pinned, pinned->pcb, conn != NULL ? conn->pcb.tcp : NULL);
    UNLOCK_TCPIP_CORE();
}

// The vectors are of that many buffers.
static mp_obj_t write_all(lwipb_netconn_write_t *w, const lwipb_used_t *used, size_t count) {
    mp_uint_t timeout_ms = timeout_for(lwipb_netconn_send_timeout(w->self), w->apiflags);
    int err;
    struct tcp_pcb *pcb = w->self->conn->pcb.tcp;
    if ((w->apiflags & NETCONN_COPY) || pcb == NULL) {
        err = lwipb_block_using(lwipb_netconn_attempt_write, w, timeout_ms, used, count);
    } else {
        pinned_write_t pinned = { .self = w->self, .pcb = pcb };
        nlr_push_jump_callback(&pinned.node, write_ended);
        for (size_t i = 0; i < count; ++i) {
            lwipb_pin_add(&pinned, used[i].object);
        }
        err = lwipb_block(lwipb_netconn_attempt_write, w, timeout_ms);
        nlr_pop_jump_callback(true);
    }
    if (err != 0 && !(w->done > 0 && (err == MP_EAGAIN || err == MP_ETIMEDOUT))) {
        mp_raise_OSError(err);
    }
    return mp_obj_new_int_from_uint(w->done);
}

// write(data, flags=COPY): the number of bytes
static mp_obj_t py_netconn_write(size_t n_args, const mp_obj_t *args) {
    lwipb_used_t data;
    lwipb_use(&data, args[1], MP_BUFFER_READ);
    struct netvector vector = { .ptr = data.info.buf, .len = data.info.len };
    lwipb_netconn_write_t w = {
        .self = to_tcp(args[0]), .vectors = &vector, .count = 1, .len = data.info.len,
    };
    w.apiflags = n_args > 2 ? mp_obj_get_int(args[2]) : NETCONN_COPY;
    return write_all(&w, &data, 1);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_write_obj, 2, 3, py_netconn_write);

// write_vectors(list, flags=COPY): the number of bytes of all together
static mp_obj_t py_netconn_write_vectors(size_t n_args, const mp_obj_t *args) {
    size_t count;
    mp_obj_t *items;
    mp_obj_get_array(args[1], &count, &items);
    lwipb_netconn_write_t w = { .self = to_tcp(args[0]) };
    w.vectors = m_new(struct netvector, MAX(count, 1));
    lwipb_used_t *used = m_new(lwipb_used_t, MAX(count, 1));
    w.apiflags = n_args > 2 ? mp_obj_get_int(args[2]) : NETCONN_COPY;
    for (size_t i = 0; i < count; ++i) {
        lwipb_use(&used[i], items[i], MP_BUFFER_READ);
        const mp_buffer_info_t *data = &used[i].info;
        if (data->len > 0) {
            w.vectors[w.count].ptr = data->buf;
            w.vectors[w.count++].len = data->len;
            w.len += data->len;
        }
    }
    return write_all(&w, used, count);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_write_vectors_obj, 2, 3,
    py_netconn_write_vectors);

// shutdown(rx, tx)
static mp_obj_t py_netconn_shutdown(mp_obj_t self_in, mp_obj_t rx, mp_obj_t tx) {
    lwipb_netconn_t *self = to_tcp(self_in);
    bool shut_rx = mp_obj_is_true(rx);
    bool shut_tx = mp_obj_is_true(tx);
    lwipb_conn_guard(self->conn, true);
    lwipb_check(netconn_shutdown(self->conn, shut_rx, shut_tx));
    self->rx_closed |= shut_rx;
    self->tx_closed |= shut_tx;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(netconn_shutdown_obj, py_netconn_shutdown);

// close(): ends a connection or stops listening; the netconn remains until delete()
static mp_obj_t py_netconn_close(mp_obj_t self_in) {
    lwipb_netconn_t *self = to_tcp(self_in);
    lwipb_conn_guard(self->conn, false);
    lwipb_check(netconn_close(self->conn));
    self->rx_closed = true;
    self->tx_closed = true;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_close_obj, py_netconn_close);

static mp_obj_t py_netconn_delete(mp_obj_t self_in) {
    lwipb_live_drop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_delete_obj, py_netconn_delete);

static mp_obj_t py_netconn_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return py_netconn_delete(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_exit_obj, 4, 4, py_netconn_exit);

// err(): the pending error's errno, once; 0 for none
static mp_obj_t py_netconn_err(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(lwipb_errno(netconn_err(to_netconn(self_in)->conn)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_err_obj, py_netconn_err);

// getaddr(local): (addr, port) of this end or the other
static mp_obj_t py_netconn_getaddr(mp_obj_t self_in, mp_obj_t local) {
    ip_addr_t addr;
    u16_t port;
    lwipb_check(netconn_getaddr(to_netconn(self_in)->conn, &addr, &port, mp_obj_is_true(local)));
    mp_obj_t items[2] = { lwipb_addr_to_obj(&addr), MP_OBJ_NEW_SMALL_INT(port) };
    return mp_obj_new_tuple(2, items);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_getaddr_obj, py_netconn_getaddr);

static mp_obj_t py_netconn_addr(mp_obj_t self_in) {
    return py_netconn_getaddr(self_in, mp_const_true);
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_addr_obj, py_netconn_addr);

static mp_obj_t py_netconn_peer(mp_obj_t self_in) {
    return py_netconn_getaddr(self_in, mp_const_false);
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_peer_obj, py_netconn_peer);

#if LWIP_IGMP || (LWIP_IPV6 && LWIP_IPV6_MLD)
// join_leave_group(multiaddr, netif_addr or index, JOIN or LEAVE)
static mp_obj_t py_netconn_join_leave_group(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    ip_addr_t group;
    ip_addr_t netif_addr;
    lwipb_addr_resolve(args[1], AF_UNSPEC, &group);
    lwipb_netconn_t *self = to_netconn(args[0]);
    mp_int_t action = mp_obj_get_int(args[3]);
    if (mp_obj_is_int(args[2])) {
        mp_int_t index = mp_obj_get_int(args[2]);
        lwipb_check(lwipb_groups_netconn(self->conn, &group, NULL, index, action));
    } else {
        lwipb_addr_resolve(args[2], AF_UNSPEC, &netif_addr);
        self = to_netconn(args[0]);
        lwipb_check(lwipb_groups_netconn(self->conn, &group, &netif_addr, 0, action));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netconn_join_leave_group_obj, 4, 4,
    py_netconn_join_leave_group);
#endif

static mp_obj_t py_netconn_set_nonblocking(mp_obj_t self_in, mp_obj_t value) {
    to_netconn(self_in)->nonblocking = mp_obj_is_true(value);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_set_nonblocking_obj, py_netconn_set_nonblocking);

static mp_obj_t py_netconn_is_nonblocking(mp_obj_t self_in) {
    return mp_obj_new_bool(to_netconn(self_in)->nonblocking);
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_is_nonblocking_obj, py_netconn_is_nonblocking);

// Time-outs in milliseconds; 0 waits for ever.
static mp_obj_t py_netconn_set_recvtimeout(mp_obj_t self_in, mp_obj_t ms) {
    netconn_set_recvtimeout(to_netconn(self_in)->conn, mp_obj_get_int(ms));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_set_recvtimeout_obj, py_netconn_set_recvtimeout);

static mp_obj_t py_netconn_get_recvtimeout(mp_obj_t self_in) {
    return mp_obj_new_int_from_uint(netconn_get_recvtimeout(to_netconn(self_in)->conn));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_get_recvtimeout_obj, py_netconn_get_recvtimeout);

static mp_obj_t py_netconn_set_sendtimeout(mp_obj_t self_in, mp_obj_t ms) {
    netconn_set_sendtimeout(to_netconn(self_in)->conn, mp_obj_get_int(ms));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_set_sendtimeout_obj, py_netconn_set_sendtimeout);

static mp_obj_t py_netconn_get_sendtimeout(mp_obj_t self_in) {
    return mp_obj_new_int(netconn_get_sendtimeout(to_netconn(self_in)->conn));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_get_sendtimeout_obj, py_netconn_get_sendtimeout);

static mp_obj_t py_netconn_set_recvbufsize(mp_obj_t self_in, mp_obj_t size) {
    netconn_set_recvbufsize(to_netconn(self_in)->conn, mp_obj_get_int(size));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_set_recvbufsize_obj, py_netconn_set_recvbufsize);

static mp_obj_t py_netconn_get_recvbufsize(mp_obj_t self_in) {
    return mp_obj_new_int(netconn_get_recvbufsize(to_netconn(self_in)->conn));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_get_recvbufsize_obj, py_netconn_get_recvbufsize);

#if LWIP_IPV6
static mp_obj_t py_netconn_set_ipv6only(mp_obj_t self_in, mp_obj_t value) {
    netconn_set_ipv6only(to_netconn(self_in)->conn, mp_obj_is_true(value));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_set_ipv6only_obj, py_netconn_set_ipv6only);

static mp_obj_t py_netconn_get_ipv6only(mp_obj_t self_in) {
    return mp_obj_new_bool(netconn_get_ipv6only(to_netconn(self_in)->conn));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netconn_get_ipv6only_obj, py_netconn_get_ipv6only);
#endif

// callback(function or None): function(netconn, event, len) is scheduled when something happens
static mp_obj_t py_netconn_callback(mp_obj_t self_in, mp_obj_t callback) {
    lwipb_netconn_t *self = to_netconn(self_in);
    if (callback != mp_const_none && !mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback must be callable or None"));
    }
    lwipb_events_t *events = callback == mp_const_none ? NULL : m_new0(lwipb_events_t, 1);
    self->callback = callback;
    SYS_ARCH_DECL_PROTECT(lev);
    SYS_ARCH_PROTECT(lev);
    self->events = events;
    SYS_ARCH_UNPROTECT(lev);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netconn_callback_obj, py_netconn_callback);

static mp_uint_t netconn_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    if (request == MP_STREAM_POLL) {
        return lwipb_netconn_poll(MP_OBJ_TO_PTR(self_in), arg);
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static void netconn_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_type) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(to_netconn(self_in)->conn->type);
    } else if (attr == MP_QSTR_state) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(to_netconn(self_in)->conn->state);
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&netconn_##name##_obj) }

static const mp_rom_map_elem_t netconn_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&netconn_delete_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&netconn_exit_obj) },
    METHOD(accept),
    METHOD(addr),
    METHOD(bind),
    METHOD(bind_if),
    METHOD(callback),
    METHOD(close),
    METHOD(connect),
    METHOD(delete),
    METHOD(disconnect),
    METHOD(err),
    METHOD(getaddr),
    #if LWIP_IPV6
    METHOD(get_ipv6only),
    METHOD(set_ipv6only),
    #endif
    METHOD(get_recvbufsize),
    METHOD(get_recvtimeout),
    METHOD(get_sendtimeout),
    METHOD(is_nonblocking),
    #if LWIP_IGMP || (LWIP_IPV6 && LWIP_IPV6_MLD)
    METHOD(join_leave_group),
    #endif
    METHOD(listen),
    METHOD(peer),
    METHOD(recv),
    METHOD(recv_into),
    METHOD(send),
    METHOD(sendto),
    METHOD(set_nonblocking),
    METHOD(set_recvbufsize),
    METHOD(set_recvtimeout),
    METHOD(set_sendtimeout),
    METHOD(shutdown),
    METHOD(tcp_recvd),
    METHOD(write),
    METHOD(write_vectors),
};
static MP_DEFINE_CONST_DICT(netconn_locals, netconn_locals_table);

static const mp_stream_p_t netconn_stream_p = {
    .ioctl = netconn_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_netconn,
    MP_QSTR_Netconn,
    MP_TYPE_FLAG_NONE,
    make_new, netconn_make_new,
    print, netconn_print,
    attr, netconn_attr,
    protocol, &netconn_stream_p,
    locals_dict, &netconn_locals
    );
