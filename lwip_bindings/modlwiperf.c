// SPDX-License-Identifier: MIT
// module lwip.lwiperf: a server and a client for iperf 2's TCP test, which run in lwIP itself.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "apps.h"
#include "raw.h"

#if LWIP_BINDINGS_LWIPERF

static void session_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    lwipb_perf_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<Session %s>", lwipb_live_held(&self->live) ? "running" : "ended");
}

static MP_DEFINE_CONST_OBJ_TYPE(
    session_type,
    MP_QSTR_Session,
    MP_TYPE_FLAG_NONE,
    print, session_print
    );

static void session_release(lwipb_live_t *live) {
    LOCK_TCPIP_CORE();
    lwipb_perf_abort((lwipb_perf_t *)live);
    UNLOCK_TCPIP_CORE();
}

static void tell(lwipb_perf_t *self, const lwipb_perf_report_t *report) {
    mp_obj_t args[8] = {
        MP_OBJ_NEW_SMALL_INT(report->type),
        lwipb_addr_to_obj(&report->local),
        MP_OBJ_NEW_SMALL_INT(report->local_port),
        lwipb_addr_to_obj(&report->remote),
        MP_OBJ_NEW_SMALL_INT(report->remote_port),
        mp_obj_new_int_from_uint(report->bytes),
        mp_obj_new_int_from_uint(report->ms),
        mp_obj_new_int_from_uint(report->kbit_s),
    };
    lwipb_call(self->callback, MP_ARRAY_SIZE(args), args);
}

static void session_deliver(lwipb_live_t *live) {
    lwipb_perf_t *self = (lwipb_perf_t *)live;
    for (;;) {
        LOCK_TCPIP_CORE();
        bool runs = lwipb_perf_runs(self);
        bool found = self->count > 0;
        lwipb_perf_report_t report = self->reports[self->first];
        if (found) {
            self->first = (self->first + 1) % LWIPB_PERF_REPORTS;
            --self->count;
        }
        UNLOCK_TCPIP_CORE();
        if (!runs) {
            // Of a client whose test is over nothing is left.
            lwipb_live_drop(live);
        }
        if (!found) {
            return;
        }
        if (self->callback != mp_const_none) {
            tell(self, &report);
        }
    }
}

static lwipb_perf_t *session_new(mp_obj_t callback) {
    callback = lwipb_callback_from_obj(callback);
    lwipb_perf_t *self = mp_obj_malloc(lwipb_perf_t, &session_type);
    lwipb_live_init(&self->live);
    self->live.deliver = session_deliver;
    self->callback = callback;
    self->first = 0;
    self->count = 0;
    return self;
}

// It goes on although the script may forget the object.
static mp_obj_t session_started(lwipb_perf_t *self, err_t err) {
    lwipb_check(err);
    lwipb_live_add(&self->live, session_release);
    lwipb_live_keep(&self->live);
    if (self->live.pending) {
        lwipb_live_post(&self->live);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t serve(const ip_addr_t *addr, uint16_t port, mp_obj_t callback) {
    lwipb_perf_t *self = session_new(callback);
    LOCK_TCPIP_CORE();
    err_t err = lwipb_perf_serve(self, addr, port);
    UNLOCK_TCPIP_CORE();
    return session_started(self, err);
}

// start_tcp_server_default(report): on port 5001 of every address
static mp_obj_t mod_start_tcp_server_default(mp_obj_t callback) {
    return serve(IP_ANY_TYPE, LWIPERF_TCP_PORT_DEFAULT, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_start_tcp_server_default_obj, mod_start_tcp_server_default);

// start_tcp_server(addr, port, report): "" is every address
static mp_obj_t mod_start_tcp_server(mp_obj_t host, mp_obj_t port_in, mp_obj_t callback) {
    uint16_t port = lwipb_port_from_obj(port_in);
    ip_addr_t addr = *IP_ANY_TYPE;
    if (mp_obj_is_true(host)) {
        lwipb_addr_resolve(host, AF_UNSPEC, &addr);
        lwipb_addr_unmap(&addr);
    }
    return serve(&addr, port, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_3(mod_start_tcp_server_obj, mod_start_tcp_server);

static mp_obj_t connect_to(mp_obj_t host, uint16_t port, mp_int_t type, mp_obj_t callback) {
    if (type < LWIPERF_CLIENT || type > LWIPERF_TRADEOFF) {
        mp_raise_ValueError(NULL);
    }
    ip_addr_t addr;
    lwipb_addr_resolve(host, AF_UNSPEC, &addr);
    lwipb_addr_unmap(&addr);
    lwipb_perf_t *self = session_new(callback);
    LOCK_TCPIP_CORE();
    err_t err = lwipb_perf_connect(self, &addr, port, type);
    UNLOCK_TCPIP_CORE();
    return session_started(self, err);
}

// start_tcp_client(addr, port, type, report)
static mp_obj_t mod_start_tcp_client(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return connect_to(args[0], lwipb_port_from_obj(args[1]), mp_obj_get_int(args[2]), args[3]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_start_tcp_client_obj, 4, 4, mod_start_tcp_client);

// start_tcp_client_default(addr, report): sends to port 5001 for ten seconds
static mp_obj_t mod_start_tcp_client_default(mp_obj_t host, mp_obj_t callback) {
    return connect_to(host, LWIPERF_TCP_PORT_DEFAULT, LWIPERF_CLIENT, callback);
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_start_tcp_client_default_obj, mod_start_tcp_client_default);

// abort(session): at once, without a report; harmless if it ended
static mp_obj_t mod_abort(mp_obj_t session) {
    if (!mp_obj_is_exact_type(session, &session_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("not a Session"));
    }
    lwipb_live_drop(MP_OBJ_TO_PTR(session));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_abort_obj, mod_abort);

#define FUNCTION(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mod_##name##_obj) }
#define INT(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(LWIPERF_##name) }

static const mp_rom_map_elem_t lwiperf_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_lwiperf) },
    { MP_ROM_QSTR(MP_QSTR_Session), MP_ROM_PTR(&session_type) },
    FUNCTION(start_tcp_server),
    FUNCTION(start_tcp_server_default),
    FUNCTION(start_tcp_client),
    FUNCTION(start_tcp_client_default),
    FUNCTION(abort),
    INT(TCP_PORT_DEFAULT),
    INT(CLIENT),
    INT(DUAL),
    INT(TRADEOFF),
    INT(TCP_DONE_SERVER),
    INT(TCP_DONE_CLIENT),
    INT(TCP_ABORTED_LOCAL),
    INT(TCP_ABORTED_LOCAL_DATAERROR),
    INT(TCP_ABORTED_LOCAL_TXERROR),
    INT(TCP_ABORTED_REMOTE),
};
static MP_DEFINE_CONST_DICT(lwiperf_module_globals, lwiperf_module_globals_table);

const mp_obj_module_t lwipb_module_lwiperf = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&lwiperf_module_globals,
};

#endif
