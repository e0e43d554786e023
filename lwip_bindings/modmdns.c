// SPDX-License-Identifier: MIT
// module lwip.mdns: lwIP's mDNS responder with services, and its search for those of others.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "py/unicode.h"

#include "apps.h"
#include "netif.h"
#include "raw.h"

#if LWIP_MDNS_RESPONDER

#include "lwip/apps/mdns.h"
#include "lwip/mem.h"
#include "lwip/prot/dns.h"

#define TXT_MAX (255)

// Made by init().
typedef struct _mdns_t {
    lwipb_live_t live; // held while the responder runs
    mp_obj_t name_result;
    mp_obj_t found[MDNS_MAX_REQUESTS]; // callbacks of searches; NULL = no such search
} mdns_t;

static MP_DEFINE_CONST_OBJ_TYPE(mdns_type, MP_QSTR_mdns, MP_TYPE_FLAG_NONE);

static void mdns_release(lwipb_live_t *live) {
    (void)live;
    LOCK_TCPIP_CORE();
    lwipb_mdns_stop();
    UNLOCK_TCPIP_CORE();
    MP_STATE_VM(lwipb_mdns) = NULL;
}

void lwipb_mdns_deinit(void) {
    MP_STATE_VM(lwipb_mdns) = NULL;
}

static mdns_t *running(void) {
    mdns_t *self = MP_STATE_VM(lwipb_mdns);
    if (self == NULL) {
        mp_raise_OSError(MP_ENOTCONN);
    }
    return self;
}

static struct netif *active(mp_obj_t netif_in) {
    running();
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    if (!mdns_resp_netif_active(netif)) {
        mp_raise_OSError(MP_ENOTCONN);
    }
    return netif;
}

// The same, and a slot with a service.
static struct netif *service_of(mp_obj_t netif_in, mp_obj_t slot_in, mp_int_t *slot) {
    struct netif *netif = active(netif_in);
    *slot = mp_obj_get_int(slot_in);
    if (!lwipb_mdns_has_service(netif, *slot)) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("no such service"));
    }
    return netif;
}

static const char *label_from_obj(mp_obj_t obj) {
    size_t len;
    const char *label = mp_obj_str_get_data(obj, &len);
    if (len == 0 || len > MDNS_LABEL_MAXLEN) {
        mp_raise_ValueError(MP_ERROR_TEXT("1 to 63 bytes"));
    }
    return label;
}

static enum mdns_sd_proto proto_from_obj(mp_obj_t obj) {
    mp_int_t proto = mp_obj_get_int(obj);
    if (proto != DNSSD_PROTO_UDP && proto != DNSSD_PROTO_TCP) {
        mp_raise_ValueError(NULL);
    }
    return proto;
}

// ---- What is told ----------------------------------------------------------------------------------

// An encoded name, within len bytes, as labels with dots between; dots within a label get a backslash.
static mp_obj_t name_to_obj(const uint8_t *data, size_t len) {
    vstr_t vstr;
    vstr_init(&vstr, len);
    size_t at = 0;
    while (at < len && data[at] != 0 && at + 1 + data[at] <= len) {
        if (at > 0) {
            vstr_add_byte(&vstr, '.');
        }
        for (size_t i = at + 1; i <= at + data[at]; ++i) {
            if (data[i] == '.' || data[i] == '\\') {
                vstr_add_byte(&vstr, '\\');
            }
            vstr_add_byte(&vstr, data[i]);
        }
        at += 1 + data[at];
    }
    // The wire may hold anything.
    return utf8_check((const byte *)vstr.buf, vstr.len) ? mp_obj_new_str_from_utf8_vstr(&vstr)
        : mp_obj_new_bytes_from_vstr(&vstr);
}

static mp_obj_t strings_to_obj(const uint8_t *data, size_t len) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t at = 0; at < len && at + 1 + data[at] <= len; at += 1 + data[at]) {
        if (data[at] > 0) {
            mp_obj_list_append(list, mp_obj_new_bytes(&data[at + 1], data[at]));
        }
    }
    return list;
}

static mp_obj_t u16_to_obj(const uint8_t *data) {
    return MP_OBJ_NEW_SMALL_INT(data[0] << 8 | data[1]);
}

// A record's data: a name, (priority, weight, port, name), a list of strings, an address, or bytes
static mp_obj_t data_to_obj(const lwipb_mdns_event_t *event) {
    const uint8_t *data = event->bytes + event->name_len;
    size_t len = event->data_len;
    if (event->type == DNS_RRTYPE_PTR) {
        return name_to_obj(data, len);
    }
    if (event->type == DNS_RRTYPE_SRV && len > 6) {
        mp_obj_t items[4] = {
            u16_to_obj(data), u16_to_obj(data + 2), u16_to_obj(data + 4), name_to_obj(data + 6, len - 6),
        };
        return mp_obj_new_tuple(4, items);
    }
    if (event->type == DNS_RRTYPE_TXT) {
        return strings_to_obj(data, len);
    }
    ip_addr_t addr;
    if (event->type == DNS_RRTYPE_A && len == 4) {
        u32_t packed;
        memcpy(&packed, data, 4);
        ip_addr_set_ip4_u32_val(addr, packed);
        return lwipb_addr_to_obj(&addr);
    }
    if (event->type == DNS_RRTYPE_AAAA && len == 16) {
        ip_addr_set_zero_ip6(&addr);
        memcpy(ip_2_ip6(&addr)->addr, data, 16);
        return lwipb_addr_to_obj(&addr);
    }
    return mp_obj_new_bytes(data, len);
}

// The event's memory goes back to lwIP before the script's callback runs, or whatever is raised here.
static size_t event_to_args(mdns_t *self, lwipb_mdns_event_t *event, mp_obj_t *callback, mp_obj_t *args) {
    if (event->netif_index != 0) {
        *callback = self->name_result;
        args[0] = lwipb_netif_to_obj(lwipb_netif_from_obj(MP_OBJ_NEW_SMALL_INT(event->netif_index)));
        args[1] = MP_OBJ_NEW_SMALL_INT(event->result);
        args[2] = MP_OBJ_NEW_SMALL_INT(event->slot);
        return 3;
    }
    *callback = self->found[event->slot];
    args[0] = name_to_obj(event->bytes, event->name_len);
    args[1] = MP_OBJ_NEW_SMALL_INT(event->type);
    args[2] = mp_obj_new_int_from_uint(event->ttl);
    args[3] = data_to_obj(event);
    args[4] = MP_OBJ_NEW_SMALL_INT(event->result);
    return 5;
}

static void mdns_deliver(lwipb_live_t *live) {
    mdns_t *self = (mdns_t *)live;
    while (lwipb_live_held(live)) {
        LOCK_TCPIP_CORE();
        lwipb_mdns_event_t *event = lwipb_mdns_take();
        UNLOCK_TCPIP_CORE();
        if (event == NULL) {
            return;
        }
        mp_obj_t args[5], callback = MP_OBJ_NULL;
        size_t n_args = 0;
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            n_args = event_to_args(self, event, &callback, args);
            nlr_pop();
            mem_free(event);
        } else {
            mem_free(event);
            nlr_jump(nlr.ret_val);
        }
        if (callback != MP_OBJ_NULL && callback != mp_const_none) {
            lwipb_call(callback, n_args, args);
        }
    }
}

// ---- Start and end ---------------------------------------------------------------------------------

// init(): opens port 5353; harmless if it runs
static mp_obj_t mod_init(void) {
    if (MP_STATE_VM(lwipb_mdns) != NULL) {
        return mp_const_none;
    }
    mdns_t *self = mp_obj_malloc(mdns_t, &mdns_type);
    lwipb_live_init(&self->live);
    self->live.deliver = mdns_deliver;
    self->name_result = mp_const_none;
    for (size_t i = 0; i < MDNS_MAX_REQUESTS; ++i) {
        self->found[i] = MP_OBJ_NULL;
    }
    LOCK_TCPIP_CORE();
    err_t err = lwipb_mdns_start(&self->live);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    lwipb_live_add(&self->live, mdns_release);
    MP_STATE_VM(lwipb_mdns) = self;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_init_obj, mod_init);

static mp_obj_t mod_deinit(void) {
    if (MP_STATE_VM(lwipb_mdns) != NULL) {
        lwipb_live_drop(&MP_STATE_VM(lwipb_mdns)->live);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_deinit_obj, mod_deinit);

// register_name_result_cb(function or None): function(netif, result, slot), slot 0 for the host's name and
// 1 + i for that of service i
static mp_obj_t mod_register_name_result_cb(mp_obj_t callback) {
    running()->name_result = lwipb_callback_from_obj(callback);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_register_name_result_cb_obj, mod_register_name_result_cb);

// ---- Interfaces ------------------------------------------------------------------------------------

// add_netif(netif, hostname): OSError(EALREADY) if it was added, OSError(EOPNOTSUPP) without multicast
static mp_obj_t mod_add_netif(mp_obj_t netif_in, mp_obj_t name_in) {
    running();
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    const char *name = label_from_obj(name_in);
    LOCK_TCPIP_CORE();
    err_t err = mdns_resp_netif_active(netif) ? ERR_ALREADY : lwipb_mdns_add_netif(netif, name);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_add_netif_obj, mod_add_netif);

static mp_obj_t mod_remove_netif(mp_obj_t netif_in) {
    struct netif *netif = active(netif_in);
    LOCK_TCPIP_CORE();
    lwipb_mdns_remove_netif(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_remove_netif_obj, mod_remove_netif);

static mp_obj_t mod_rename_netif(mp_obj_t netif_in, mp_obj_t name_in) {
    struct netif *netif = active(netif_in);
    const char *name = label_from_obj(name_in);
    LOCK_TCPIP_CORE();
    err_t err = mdns_resp_rename_netif(netif, name);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_rename_netif_obj, mod_rename_netif);

static mp_obj_t mod_netif_active(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    return mp_obj_new_bool(MP_STATE_VM(lwipb_mdns) != NULL && mdns_resp_netif_active(netif));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_netif_active_obj, mod_netif_active);

// restart(netif[, delay_ms]): probes and announces again
static mp_obj_t mod_restart(size_t n_args, const mp_obj_t *args) {
    struct netif *netif = active(args[0]);
    mp_int_t delay_ms = n_args > 1 ? mp_obj_get_int(args[1]) : -1;
    LOCK_TCPIP_CORE();
    if (delay_ms < 0) {
        mdns_resp_restart(netif);
    } else {
        mdns_resp_restart_delay(netif, delay_ms);
    }
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_restart_obj, 1, 2, mod_restart);

static mp_obj_t mod_announce(mp_obj_t netif_in) {
    struct netif *netif = active(netif_in);
    LOCK_TCPIP_CORE();
    mdns_resp_announce(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_announce_obj, mod_announce);

// ---- Services --------------------------------------------------------------------------------------

// Strings or bytes to one block of lwIP's heap; NULL for none.
static lwipb_mdns_txt_t *txt_from_obj(mp_obj_t items_in) {
    size_t count, total = 0;
    mp_obj_t *items;
    mp_obj_get_array(items_in, &count, &items);
    for (size_t i = 0; i < count; ++i) {
        label_from_obj(items[i]);
        size_t len;
        mp_obj_str_get_data(items[i], &len);
        total += 1 + len;
    }
    if (total > TXT_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("TXT record over 255 bytes"));
    }
    if (total == 0) {
        return NULL;
    }
    lwipb_mdns_txt_t *txt = mem_malloc(sizeof(*txt) + total);
    if (txt == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    txt->len = 0;
    for (size_t i = 0; i < count; ++i) {
        size_t len;
        const char *data = mp_obj_str_get_data(items[i], &len);
        txt->data[txt->len] = len;
        memcpy(&txt->data[txt->len + 1], data, len);
        txt->len += 1 + len;
    }
    return txt;
}

// add_service(netif, name, service, proto, port, txt=()): the service's slot
static mp_obj_t mod_add_service(size_t n_args, const mp_obj_t *args) {
    struct netif *netif = active(args[0]);
    const char *name = label_from_obj(args[1]);
    const char *service = label_from_obj(args[2]);
    enum mdns_sd_proto proto = proto_from_obj(args[3]);
    uint16_t port = lwipb_port_from_obj(args[4]);
    lwipb_mdns_txt_t *txt = n_args > 5 ? txt_from_obj(args[5]) : NULL;
    LOCK_TCPIP_CORE();
    int slot = lwipb_mdns_add_service(netif, name, service, proto, port, txt);
    UNLOCK_TCPIP_CORE();
    if (slot < 0) {
        mem_free(txt);
        lwipb_check(slot);
    }
    return MP_OBJ_NEW_SMALL_INT(slot);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_add_service_obj, 5, 6, mod_add_service);

static mp_obj_t mod_del_service(mp_obj_t netif_in, mp_obj_t slot_in) {
    mp_int_t slot;
    struct netif *netif = service_of(netif_in, slot_in, &slot);
    LOCK_TCPIP_CORE();
    lwipb_mdns_del_service(netif, slot);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_del_service_obj, mod_del_service);

static mp_obj_t mod_rename_service(mp_obj_t netif_in, mp_obj_t slot_in, mp_obj_t name_in) {
    mp_int_t slot;
    struct netif *netif = service_of(netif_in, slot_in, &slot);
    const char *name = label_from_obj(name_in);
    LOCK_TCPIP_CORE();
    err_t err = mdns_resp_rename_service(netif, slot, name);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(mod_rename_service_obj, mod_rename_service);

// txt(netif, slot[, items]): the TXT record's strings; or sets and announces them
static mp_obj_t mod_txt(size_t n_args, const mp_obj_t *args) {
    mp_int_t slot;
    struct netif *netif = service_of(args[0], args[1], &slot);
    if (n_args < 3) {
        // Only scripts change it, so that it stays while it is read.
        lwipb_mdns_txt_t *txt = lwipb_mdns_txt(netif, slot);
        return strings_to_obj(txt == NULL ? NULL : txt->data, txt == NULL ? 0 : txt->len);
    }
    lwipb_mdns_txt_t *txt = txt_from_obj(args[2]);
    LOCK_TCPIP_CORE();
    lwipb_mdns_set_txt(netif, slot, txt);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_txt_obj, 2, 3, mod_txt);

// ---- Search ----------------------------------------------------------------------------------------

// search_service(name or None, service, proto, netif, found): the request's number;
// found(name, type, ttl, data, flags) for every record of an answer
static mp_obj_t mod_search_service(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    const char *name = args[0] == mp_const_none ? NULL : label_from_obj(args[0]);
    const char *service = label_from_obj(args[1]);
    enum mdns_sd_proto proto = proto_from_obj(args[2]);
    struct netif *netif = active(args[3]);
    if (!mp_obj_is_callable(args[4])) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback must be callable"));
    }
    LOCK_TCPIP_CORE();
    int request = lwipb_mdns_search(name, service, proto, netif);
    if (request >= 0) {
        running()->found[request] = args[4];
    }
    UNLOCK_TCPIP_CORE();
    if (request < 0) {
        lwipb_check(request);
    }
    return MP_OBJ_NEW_SMALL_INT(request);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_search_service_obj, 5, 5, mod_search_service);

static mp_obj_t mod_search_stop(mp_obj_t request_in) {
    mdns_t *self = running();
    mp_int_t request = mp_obj_get_int(request_in);
    if (request < 0 || request >= MDNS_MAX_REQUESTS) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("no such search"));
    }
    LOCK_TCPIP_CORE();
    lwipb_mdns_search_stop(request);
    UNLOCK_TCPIP_CORE();
    self->found[request] = MP_OBJ_NULL;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_search_stop_obj, mod_search_stop);

#define FUNCTION(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mod_##name##_obj) }
#define INT(name, value) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(value) }

static const mp_rom_map_elem_t mdns_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mdns) },
    FUNCTION(init),
    FUNCTION(deinit),
    FUNCTION(register_name_result_cb),
    FUNCTION(add_netif),
    FUNCTION(remove_netif),
    FUNCTION(rename_netif),
    FUNCTION(netif_active),
    FUNCTION(restart),
    FUNCTION(announce),
    FUNCTION(add_service),
    FUNCTION(del_service),
    FUNCTION(rename_service),
    FUNCTION(txt),
    FUNCTION(search_service),
    FUNCTION(search_stop),
    INT(PROTO_UDP, DNSSD_PROTO_UDP),
    INT(PROTO_TCP, DNSSD_PROTO_TCP),
    INT(PROBING_CONFLICT, MDNS_PROBING_CONFLICT),
    INT(PROBING_SUCCESSFUL, MDNS_PROBING_SUCCESSFUL),
    INT(SEARCH_RESULT_FIRST, MDNS_SEARCH_RESULT_FIRST),
    INT(SEARCH_RESULT_LAST, MDNS_SEARCH_RESULT_LAST),
    INT(TYPE_A, DNS_RRTYPE_A),
    INT(TYPE_PTR, DNS_RRTYPE_PTR),
    INT(TYPE_TXT, DNS_RRTYPE_TXT),
    INT(TYPE_AAAA, DNS_RRTYPE_AAAA),
    INT(TYPE_SRV, DNS_RRTYPE_SRV),
    INT(MAX_SERVICES, MDNS_MAX_SERVICES),
    INT(MAX_REQUESTS, MDNS_MAX_REQUESTS),
};
static MP_DEFINE_CONST_DICT(mdns_module_globals, mdns_module_globals_table);

const mp_obj_module_t lwipb_module_mdns = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mdns_module_globals,
};

#else

void lwipb_mdns_deinit(void) {
}

#endif

MP_REGISTER_ROOT_POINTER(struct _mdns_t *lwipb_mdns);
