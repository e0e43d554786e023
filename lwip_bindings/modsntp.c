// SPDX-License-Identifier: MIT
// module lwip.sntp: lwIP's SNTP client. What it hears sets the port's clock, in the VM's context.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "apps.h"
#include "netif.h"
#include "raw.h"

#if LWIP_BINDINGS_SNTP

#define SNTP_SERVER_DNS 1
#include "lwip/apps/sntp.h"

// Made by the first call that has something to keep.
typedef struct _sntp_t {
    lwipb_live_t live; // held while the client runs
    mp_obj_t callback;
    mp_obj_t names[SNTP_MAX_SERVERS]; // lwIP keeps pointers to them
} sntp_t;

static MP_DEFINE_CONST_OBJ_TYPE(sntp_type, MP_QSTR_sntp, MP_TYPE_FLAG_NONE);

static void sntp_release(lwipb_live_t *live) {
    (void)live;
    LOCK_TCPIP_CORE();
    lwipb_sntp_stop();
    UNLOCK_TCPIP_CORE();
}

static void sntp_deliver(lwipb_live_t *live) {
    sntp_t *self = (sntp_t *)live;
    LOCK_TCPIP_CORE();
    int64_t us = lwipb_sntp_time_us();
    UNLOCK_TCPIP_CORE();
    LWIP_BINDINGS_SET_TIME(us);
    if (self->callback != mp_const_none) {
        mp_obj_t args[2] = {
            mp_obj_new_int_from_ll(us / 1000000), MP_OBJ_NEW_SMALL_INT((mp_int_t)(us % 1000000)),
        };
        lwipb_call(self->callback, 2, args);
    }
}

static sntp_t *state(void) {
    sntp_t *self = MP_STATE_VM(lwipb_sntp);
    if (self == NULL) {
        self = mp_obj_malloc(sntp_t, &sntp_type);
        lwipb_live_init(&self->live);
        self->live.deliver = sntp_deliver;
        self->callback = mp_const_none;
        for (size_t i = 0; i < SNTP_MAX_SERVERS; ++i) {
            self->names[i] = mp_const_none;
        }
        MP_STATE_VM(lwipb_sntp) = self;
    }
    return self;
}

void lwipb_sntp_deinit(void) {
    LOCK_TCPIP_CORE();
    lwipb_sntp_clear();
    UNLOCK_TCPIP_CORE();
    MP_STATE_VM(lwipb_sntp) = NULL;
}

static bool is_running(void) {
    sntp_t *self = MP_STATE_VM(lwipb_sntp);
    return self != NULL && lwipb_live_held(&self->live);
}

// init(): starts it; harmless if it runs
static mp_obj_t mod_init(void) {
    sntp_t *self = state();
    if (!lwipb_live_held(&self->live)) {
        self->live.pending = false; // an answer of an earlier run
        LOCK_TCPIP_CORE();
        err_t err = lwipb_sntp_start(&self->live);
        UNLOCK_TCPIP_CORE();
        lwipb_check(err);
        lwipb_live_add(&self->live, sntp_release);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_init_obj, mod_init);

static mp_obj_t mod_stop(void) {
    if (is_running()) {
        lwipb_live_drop(&MP_STATE_VM(lwipb_sntp)->live);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_stop_obj, mod_stop);

static mp_obj_t mod_enabled(void) {
    LOCK_TCPIP_CORE();
    bool enabled = sntp_enabled();
    UNLOCK_TCPIP_CORE();
    return mp_obj_new_bool(enabled);
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_enabled_obj, mod_enabled);

// setoperatingmode(mode): OSError(EBUSY) while it runs
static mp_obj_t mod_setoperatingmode(mp_obj_t mode_in) {
    mp_int_t mode = mp_obj_get_int(mode_in);
    if (mode != SNTP_OPMODE_POLL && mode != SNTP_OPMODE_LISTENONLY) {
        mp_raise_ValueError(NULL);
    }
    LOCK_TCPIP_CORE();
    bool busy = sntp_enabled();
    if (!busy) {
        sntp_setoperatingmode(mode);
    }
    UNLOCK_TCPIP_CORE();
    if (busy) {
        mp_raise_OSError(MP_EBUSY);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_setoperatingmode_obj, mod_setoperatingmode);

static mp_obj_t mod_getoperatingmode(void) {
    return MP_OBJ_NEW_SMALL_INT(sntp_getoperatingmode());
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_getoperatingmode_obj, mod_getoperatingmode);

// setserver(i, addr or None)
static mp_obj_t mod_setserver(mp_obj_t index, mp_obj_t addr_in) {
    uint8_t i = lwipb_server_from_obj(index, SNTP_MAX_SERVERS);
    ip_addr_t addr = lwipb_server_addr(addr_in);
    sntp_t *self = state();
    LOCK_TCPIP_CORE();
    sntp_setserver(i, &addr);
    UNLOCK_TCPIP_CORE();
    self->names[i] = mp_const_none;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_setserver_obj, mod_setserver);

// getserver(i): the address in use, of a name what DNS said last; None if there is none
static mp_obj_t mod_getserver(mp_obj_t index) {
    uint8_t i = lwipb_server_from_obj(index, SNTP_MAX_SERVERS);
    LOCK_TCPIP_CORE();
    ip_addr_t addr = *sntp_getserver(i);
    UNLOCK_TCPIP_CORE();
    return ip_addr_isany_val(addr) ? mp_const_none : lwipb_addr_to_obj(&addr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_getserver_obj, mod_getserver);

// setservername(i, name or None): asked for at every contact
static mp_obj_t mod_setservername(mp_obj_t index, mp_obj_t name_in) {
    uint8_t i = lwipb_server_from_obj(index, SNTP_MAX_SERVERS);
    const char *name = NULL;
    if (name_in != mp_const_none) {
        size_t len;
        name = mp_obj_str_get_data(name_in, &len);
        if (len == 0 || len >= DNS_MAX_NAME_LENGTH) {
            mp_raise_ValueError(MP_ERROR_TEXT("not a host's name"));
        }
    }
    sntp_t *self = state();
    LOCK_TCPIP_CORE();
    if (name == NULL) {
        sntp_setserver(i, NULL); // what DNS said last went with the name
    } else {
        sntp_setservername(i, name);
    }
    UNLOCK_TCPIP_CORE();
    self->names[i] = name_in;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_setservername_obj, mod_setservername);

static mp_obj_t mod_getservername(mp_obj_t index) {
    uint8_t i = lwipb_server_from_obj(index, SNTP_MAX_SERVERS);
    // DHCP may have put an address in its place.
    return sntp_getservername(i) == NULL ? mp_const_none : state()->names[i];
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_getservername_obj, mod_getservername);

// getkodreceived(i): whether the server asked to be left alone (a kiss-of-death, RFC 4330 section 8)
static mp_obj_t mod_getkodreceived(mp_obj_t index) {
    return mp_obj_new_bool(sntp_getkodreceived(lwipb_server_from_obj(index, SNTP_MAX_SERVERS)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_getkodreceived_obj, mod_getkodreceived);

// getreachability(i): one bit for each of the last eight questions, the newest lowest; 1 = answered
static mp_obj_t mod_getreachability(mp_obj_t index) {
    return MP_OBJ_NEW_SMALL_INT(sntp_getreachability(lwipb_server_from_obj(index, SNTP_MAX_SERVERS)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_getreachability_obj, mod_getreachability);

#if SNTP_GET_SERVERS_FROM_DHCP || SNTP_GET_SERVERS_FROM_DHCPV6

// servermode_dhcp(flag): whether the servers that a lease names are taken
static mp_obj_t mod_servermode_dhcp(mp_obj_t flag) {
    LOCK_TCPIP_CORE();
    sntp_servermode_dhcp(mp_obj_is_true(flag));
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_servermode_dhcp_obj, mod_servermode_dhcp);

#endif

// callback(function or None): function(seconds since 1970, microseconds) after each answer
static mp_obj_t mod_callback(mp_obj_t callback) {
    state()->callback = lwipb_callback_from_obj(callback);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_callback_obj, mod_callback);

#define FUNCTION(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mod_##name##_obj) }

static const mp_rom_map_elem_t sntp_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_sntp) },
    FUNCTION(init),
    FUNCTION(stop),
    FUNCTION(enabled),
    FUNCTION(setoperatingmode),
    FUNCTION(getoperatingmode),
    FUNCTION(setserver),
    FUNCTION(getserver),
    FUNCTION(setservername),
    FUNCTION(getservername),
    FUNCTION(getkodreceived),
    FUNCTION(getreachability),
    #if SNTP_GET_SERVERS_FROM_DHCP || SNTP_GET_SERVERS_FROM_DHCPV6
    FUNCTION(servermode_dhcp),
    #endif
    FUNCTION(callback),
    { MP_ROM_QSTR(MP_QSTR_MAX_SERVERS), MP_ROM_INT(SNTP_MAX_SERVERS) },
    { MP_ROM_QSTR(MP_QSTR_OPMODE_POLL), MP_ROM_INT(SNTP_OPMODE_POLL) },
    { MP_ROM_QSTR(MP_QSTR_OPMODE_LISTENONLY), MP_ROM_INT(SNTP_OPMODE_LISTENONLY) },
};
static MP_DEFINE_CONST_DICT(sntp_module_globals, sntp_module_globals_table);

const mp_obj_module_t lwipb_module_sntp = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&sntp_module_globals,
};

#else

void lwipb_sntp_deinit(void) {
}

#endif

MP_REGISTER_ROOT_POINTER(struct _sntp_t *lwipb_sntp);
