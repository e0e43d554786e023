// SPDX-License-Identifier: MIT
// class TCP of lwip.raw: lwIP's TCP PCB under lwIP's names. rawtcp_core.c has its callbacks.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "pin.h"
#include "rawtcp.h"

#include "lwip/priv/tcp_priv.h"

static raw_tcp_t *to_tcp(mp_obj_t self_in) {
    raw_tcp_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->pcb == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

static raw_tcp_t *to_connection(mp_obj_t self_in) {
    raw_tcp_t *self = to_tcp(self_in);
    if (self->pcb->state == LISTEN) {
        mp_raise_OSError(MP_EOPNOTSUPP);
    }
    return self;
}

// TCP(type=IPADDR_TYPE_V4)
static mp_obj_t raw_tcp_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)type_in;
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    mp_int_t type = n_args > 0 ? mp_obj_get_int(args[0]) : IPADDR_TYPE_V4;
    raw_tcp_t *self = lwipb_raw_tcp_alloc();
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = tcp_new_ip_type(type);
    if (pcb != NULL) {
        lwipb_raw_tcp_start(self, pcb);
    }
    UNLOCK_TCPIP_CORE();
    if (pcb == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    return MP_OBJ_FROM_PTR(self);
}

static int family_of(const raw_tcp_t *self) {
    return IP_IS_V4(&self->pcb->local_ip) ? AF_INET : AF_UNSPEC;
}

// bind(addr, port)
static mp_obj_t raw_tcp_bind(mp_obj_t self_in, mp_obj_t host, mp_obj_t port_in) {
    uint16_t port = lwipb_port_from_obj(port_in);
    ip_addr_t addr;
    lwipb_addr_resolve(host, family_of(to_tcp(self_in)), &addr);
    LOCK_TCPIP_CORE();
    raw_tcp_t *self = MP_OBJ_TO_PTR(self_in);
    err_t err = self->pcb == NULL ? ERR_CLSD : tcp_bind(self->pcb, &addr, port);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_tcp_bind_obj, raw_tcp_bind);

static mp_obj_t raw_tcp_bind_netif(mp_obj_t self_in, mp_obj_t index) {
    lwipb_pcb_bind_netif((struct ip_pcb *)to_tcp(self_in)->pcb, index);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_bind_netif_obj, raw_tcp_bind_netif);

// listen([backlog])
static mp_obj_t raw_tcp_listen(size_t n_args, const mp_obj_t *args) {
    mp_int_t backlog = n_args > 1 ? mp_obj_get_int(args[1]) : TCP_DEFAULT_LISTEN_BACKLOG;
    backlog = MIN(MAX(backlog, 1), 255);
    raw_tcp_t *self = to_connection(args[0]);
    newcomer_t *newcomers = m_new0(newcomer_t, backlog);
    err_t err = ERR_CLSD;
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = self->pcb;
    if (pcb != NULL) {
        // The old PCB is freed, and this is not to be told of it.
        tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, NULL);
        struct tcp_pcb *listening = tcp_listen_with_backlog_and_err(pcb, backlog, &err);
        if (listening != NULL) {
            self->pcb = listening;
            self->newcomers = newcomers;
            self->backlog = backlog;
            tcp_arg(listening, self);
            tcp_accept(listening, lwipb_raw_tcp_on_accept);
            err = ERR_OK;
        } else {
            tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, self);
        }
    }
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_tcp_listen_obj, 1, 2, raw_tcp_listen);

#if TCP_LISTEN_BACKLOG
// backlog_set(backlog): of a listener; who waits already stays
static mp_obj_t raw_tcp_backlog_set(mp_obj_t self_in, mp_obj_t backlog_in) {
    mp_int_t backlog = mp_obj_get_int(backlog_in);
    backlog = MIN(MAX(backlog, 1), 255);
    raw_tcp_t *self = to_tcp(self_in);
    size_t places = MAX(backlog, self->backlog);
    newcomer_t *newcomers = m_new0(newcomer_t, places);
    LOCK_TCPIP_CORE();
    bool listens = self->pcb != NULL && self->pcb->state == LISTEN;
    if (listens) {
        for (size_t i = 0; i < self->backlog; ++i) {
            newcomers[i] = self->newcomers[i];
            if (newcomers[i].pcb != NULL) {
                tcp_arg(newcomers[i].pcb, &newcomers[i]);
            }
        }
        self->newcomers = newcomers;
        self->backlog = places;
        tcp_backlog_set(self->pcb, backlog);
    }
    UNLOCK_TCPIP_CORE();
    if (!listens) {
        mp_raise_OSError(MP_EINVAL);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_backlog_set_obj, raw_tcp_backlog_set);
#endif

// connect(addr, port[, connected]): connected(tcp, err)
static mp_obj_t raw_tcp_connect(size_t n_args, const mp_obj_t *args) {
    uint16_t port = lwipb_port_from_obj(args[2]);
    ip_addr_t addr;
    lwipb_addr_resolve(args[1], family_of(to_connection(args[0])), &addr);
    lwipb_addr_unmap(&addr);
    raw_tcp_t *self = to_connection(args[0]);
    self->callbacks[CB_CONNECTED] = n_args > 3 ? lwipb_callback_from_obj(args[3]) : mp_const_none;
    lwipb_live_keep(&self->live);
    LOCK_TCPIP_CORE();
    err_t err = ERR_CLSD;
    if (self->pcb != NULL) {
        err = tcp_connect(self->pcb, &addr, port, lwipb_raw_tcp_on_connected);
    }
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_tcp_connect_obj, 3, 4, raw_tcp_connect);

// A new callback gets what waited for one.
static mp_obj_t set_callback(mp_obj_t self_in, int which, mp_obj_t callback) {
    raw_tcp_t *self = to_tcp(self_in);
    self->callbacks[which] = lwipb_callback_from_obj(callback);
    // From now on the connection keeps its object, as lwIP's keeps its argument.
    lwipb_live_keep(&self->live);
    lwipb_live_post(&self->live);
    return mp_const_none;
}

// accept(callback): callback(tcp, new, err)
static mp_obj_t raw_tcp_accept(mp_obj_t self_in, mp_obj_t callback) {
    return set_callback(self_in, CB_ACCEPT, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_accept_obj, raw_tcp_accept);

// recv(callback): callback(tcp, pbuf, err); pbuf is None at the end
static mp_obj_t raw_tcp_recv(mp_obj_t self_in, mp_obj_t callback) {
    return set_callback(self_in, CB_RECV, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_recv_obj, raw_tcp_recv);

// sent(callback): callback(tcp, len)
static mp_obj_t raw_tcp_sent(mp_obj_t self_in, mp_obj_t callback) {
    return set_callback(self_in, CB_SENT, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_sent_obj, raw_tcp_sent);

// err(callback): callback(tcp, errno); the PCB is gone by then
static mp_obj_t raw_tcp_err(mp_obj_t self_in, mp_obj_t callback) {
    return set_callback(self_in, CB_ERR, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_err_obj, raw_tcp_err);

// poll(callback, interval): callback(tcp), every interval half seconds
static mp_obj_t raw_tcp_poll(mp_obj_t self_in, mp_obj_t callback, mp_obj_t interval) {
    raw_tcp_t *self = to_connection(self_in);
    mp_int_t half_seconds = mp_obj_get_int(interval);
    self->callbacks[CB_POLL] = lwipb_callback_from_obj(callback);
    tcp_poll_fn on_poll = callback == mp_const_none ? NULL : lwipb_raw_tcp_on_poll;
    lwipb_live_keep(&self->live);
    LOCK_TCPIP_CORE();
    if (self->pcb != NULL) {
        tcp_poll(self->pcb, on_poll, MIN(MAX(half_seconds, 1), 255));
    }
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_tcp_poll_obj, raw_tcp_poll);

// write(data, flags=WRITE_FLAG_COPY): all or, with ENOMEM, nothing
static mp_obj_t raw_tcp_write(size_t n_args, const mp_obj_t *args) {
    raw_tcp_t *self = to_connection(args[0]);
    mp_buffer_info_t data;
    mp_get_buffer_raise(args[1], &data, MP_BUFFER_READ);
    mp_int_t flags = n_args > 2 ? mp_obj_get_int(args[2]) : TCP_WRITE_FLAG_COPY;
    if (data.len > 0xffff) {
        mp_raise_OSError(MP_ENOMEM);
    }
    if (!(flags & TCP_WRITE_FLAG_COPY)) {
        lwipb_pin_add(&data, args[1]);
    }
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = self->pcb;
    err_t err = pcb == NULL ? ERR_CLSD : tcp_write(pcb, data.buf, data.len, flags);
    lwipb_pins_written(&data, pcb, err == ERR_OK ? pcb : NULL);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_tcp_write_obj, 2, 3, raw_tcp_write);

// recved(len): so much was consumed; the window opens by it
static mp_obj_t raw_tcp_recved(mp_obj_t self_in, mp_obj_t len_in) {
    raw_tcp_t *self = to_connection(self_in);
    uint16_t len = lwipb_port_from_obj(len_in);
    LOCK_TCPIP_CORE();
    // More than was received would fail an assertion of lwIP's.
    bool fits = self->pcb != NULL && len <= TCP_WND_MAX(self->pcb) - self->pcb->rcv_wnd;
    if (fits) {
        tcp_recved(self->pcb, len);
    }
    UNLOCK_TCPIP_CORE();
    if (!fits) {
        mp_raise_ValueError(MP_ERROR_TEXT("more than was received"));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_recved_obj, raw_tcp_recved);

static mp_obj_t raw_tcp_output(mp_obj_t self_in) {
    raw_tcp_t *self = to_connection(self_in);
    LOCK_TCPIP_CORE();
    err_t err = self->pcb == NULL ? ERR_CLSD : tcp_output(self->pcb);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_output_obj, raw_tcp_output);

// shutdown(rx, tx)
static mp_obj_t raw_tcp_shutdown(mp_obj_t self_in, mp_obj_t rx, mp_obj_t tx) {
    raw_tcp_t *self = to_connection(self_in);
    bool shut_rx = mp_obj_is_true(rx);
    bool shut_tx = mp_obj_is_true(tx);
    if (shut_rx && shut_tx) {
        lwipb_live_drop(&self->live);
        return mp_const_none;
    }
    LOCK_TCPIP_CORE();
    err_t err = self->pcb == NULL ? ERR_CLSD : tcp_shutdown(self->pcb, shut_rx, shut_tx);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(raw_tcp_shutdown_obj, raw_tcp_shutdown);

static mp_obj_t raw_tcp_close(mp_obj_t self_in) {
    lwipb_live_drop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_close_obj, raw_tcp_close);

static mp_obj_t raw_tcp_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return raw_tcp_close(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_tcp_exit_obj, 4, 4, raw_tcp_exit);

static mp_obj_t raw_tcp_abort(mp_obj_t self_in) {
    raw_tcp_t *self = MP_OBJ_TO_PTR(self_in);
    lwipb_raw_tcp_let_go(self, true);
    lwipb_live_drop(&self->live);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_abort_obj, raw_tcp_abort);

static mp_obj_t raw_tcp_setprio(mp_obj_t self_in, mp_obj_t prio) {
    raw_tcp_t *self = to_connection(self_in);
    mp_int_t value = mp_obj_get_int(prio);
    if (value < TCP_PRIO_MIN || value > TCP_PRIO_MAX) {
        mp_raise_ValueError(NULL);
    }
    LOCK_TCPIP_CORE();
    if (self->pcb != NULL) {
        tcp_setprio(self->pcb, value);
    }
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(raw_tcp_setprio_obj, raw_tcp_setprio);

// nagle([on]): whether small writes wait for an acknowledgement
static mp_obj_t raw_tcp_nagle(size_t n_args, const mp_obj_t *args) {
    raw_tcp_t *self = to_connection(args[0]);
    if (n_args > 1) {
        bool on = mp_obj_is_true(args[1]);
        LOCK_TCPIP_CORE();
        if (self->pcb != NULL && on) {
            tcp_nagle_enable(self->pcb);
        } else if (self->pcb != NULL) {
            tcp_nagle_disable(self->pcb);
        }
        UNLOCK_TCPIP_CORE();
    }
    return mp_obj_new_bool(!tcp_nagle_disabled(to_connection(args[0])->pcb));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(raw_tcp_nagle_obj, 1, 2, raw_tcp_nagle);

static mp_obj_t raw_tcp_sndbuf(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(tcp_sndbuf(to_connection(self_in)->pcb));
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_sndbuf_obj, raw_tcp_sndbuf);

static mp_obj_t raw_tcp_sndqueuelen(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(tcp_sndqueuelen(to_connection(self_in)->pcb));
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_sndqueuelen_obj, raw_tcp_sndqueuelen);

static mp_obj_t raw_tcp_mss(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(tcp_mss(to_connection(self_in)->pcb));
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_mss_obj, raw_tcp_mss);

static mp_obj_t addr_port(mp_obj_t self_in, bool local) {
    raw_tcp_t *self = to_tcp(self_in);
    ip_addr_t addr;
    u16_t port;
    LOCK_TCPIP_CORE();
    err_t err = ERR_CLSD;
    if (self->pcb != NULL) {
        err = tcp_tcp_get_tcp_addrinfo(self->pcb, local, &addr, &port);
    }
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return lwipb_addr_port_tuple(&addr, port);
}

static mp_obj_t raw_tcp_local(mp_obj_t self_in) {
    return addr_port(self_in, true);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_local_obj, raw_tcp_local);

static mp_obj_t raw_tcp_remote(mp_obj_t self_in) {
    return addr_port(self_in, false);
}
static MP_DEFINE_CONST_FUN_OBJ_1(raw_tcp_remote_obj, raw_tcp_remote);

// A listening PCB has the first ones only.
#define LISTEN_FIELDS (3)
static const lwipb_field_t fields[] = {
    LWIPB_FIELD(tcp_pcb, so_options),
    LWIPB_FIELD(tcp_pcb, tos),
    LWIPB_FIELD(tcp_pcb, ttl),
    LWIPB_FIELD(tcp_pcb, keep_idle),
    #if LWIP_TCP_KEEPALIVE
    LWIPB_FIELD(tcp_pcb, keep_intvl),
    LWIPB_FIELD(tcp_pcb, keep_cnt),
    #endif
};

// Fields of the PCB under lwIP's names, keep_idle and keep_intvl in ms; and state
static void raw_tcp_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    raw_tcp_t *self = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_state && dest[0] == MP_OBJ_NULL) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->pcb == NULL ? CLOSED : self->pcb->state);
        return;
    }
    bool listens = self->pcb != NULL && self->pcb->state == LISTEN;
    lwipb_field_attr(self->pcb, attr, dest, fields, listens ? LISTEN_FIELDS : MP_ARRAY_SIZE(fields));
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&raw_tcp_##name##_obj) }

static const mp_rom_map_elem_t raw_tcp_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&raw_tcp_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&raw_tcp_exit_obj) },
    METHOD(abort),
    METHOD(accept),
    #if TCP_LISTEN_BACKLOG
    METHOD(backlog_set),
    #endif
    METHOD(bind),
    METHOD(bind_netif),
    METHOD(close),
    METHOD(connect),
    METHOD(err),
    METHOD(listen),
    METHOD(local),
    METHOD(mss),
    METHOD(nagle),
    METHOD(output),
    METHOD(poll),
    METHOD(recv),
    METHOD(recved),
    METHOD(remote),
    METHOD(sent),
    METHOD(setprio),
    METHOD(shutdown),
    METHOD(sndbuf),
    METHOD(sndqueuelen),
    METHOD(write),
};
static MP_DEFINE_CONST_DICT(raw_tcp_locals, raw_tcp_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_raw_tcp,
    MP_QSTR_TCP,
    MP_TYPE_FLAG_NONE,
    make_new, raw_tcp_make_new,
    attr, raw_tcp_attr,
    locals_dict, &raw_tcp_locals
    );
