// SPDX-License-Identifier: MIT
// module lwip.netif: the list of interfaces, the default one, and what changes about them.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"
#include "netif_class.h"

#include "lwip/ip6_addr.h"

// list(): all interfaces
static mp_obj_t mod_list(void) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    uint8_t index = 0;
    for (;;) {
        // The list must not change under the walk, and nothing may be allocated under the lock.
        struct netif *next = NULL, *netif;
        LOCK_TCPIP_CORE();
        NETIF_FOREACH(netif) {
            if (netif_get_index(netif) > index
                && (next == NULL || netif_get_index(netif) < netif_get_index(next))) {
                next = netif;
            }
        }
        UNLOCK_TCPIP_CORE();
        if (next == NULL) {
            return list;
        }
        index = netif_get_index(next);
        mp_obj_list_append(list, lwipb_netif_to_obj(next));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_list_obj, mod_list);

// find(name): None if there is no such
static mp_obj_t mod_find(mp_obj_t name_in) {
    const char *name = mp_obj_str_get_str(name_in);
    LOCK_TCPIP_CORE();
    struct netif *netif = netif_find(name);
    UNLOCK_TCPIP_CORE();
    return lwipb_netif_to_obj(netif);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_find_obj, mod_find);

static mp_obj_t mod_get_by_index(mp_obj_t index_in) {
    mp_int_t index = mp_obj_get_int(index_in);
    LOCK_TCPIP_CORE();
    struct netif *netif = index > 0 && index <= 255 ? netif_get_by_index(index) : NULL;
    UNLOCK_TCPIP_CORE();
    return lwipb_netif_to_obj(netif);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_get_by_index_obj, mod_get_by_index);

// ---- The default interface -------------------------------------------------------------------------

static bool default_changed;
static struct netif *default_at_boot;

static mp_obj_t mod_default(void) {
    LOCK_TCPIP_CORE();
    struct netif *netif = netif_default;
    UNLOCK_TCPIP_CORE();
    return lwipb_netif_to_obj(netif);
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_default_obj, mod_default);

// set_default(netif or None)
static mp_obj_t mod_set_default(mp_obj_t netif_in) {
    struct netif *netif = netif_in == mp_const_none ? NULL : lwipb_netif_from_obj(netif_in);
    LOCK_TCPIP_CORE();
    if (!default_changed) {
        default_changed = true;
        default_at_boot = netif_default;
    }
    netif_set_default(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_set_default_obj, mod_set_default);

// ---- Hostnames -------------------------------------------------------------------------------------

#if LWIP_NETIF_HOSTNAME

static struct {
    struct netif *netif;
    const char *before;
    char name[LWIPB_HOSTNAME_MAX + 1];
} hostnames[2];

bool lwipb_netif_set_hostname(struct netif *netif, const char *name, size_t len) {
    for (size_t i = 0; i < MP_ARRAY_SIZE(hostnames); ++i) {
        if (hostnames[i].netif == NULL || hostnames[i].netif == netif) {
            LOCK_TCPIP_CORE();
            if (netif->hostname != hostnames[i].name) {
                hostnames[i].before = netif->hostname;
            }
            hostnames[i].netif = netif;
            memcpy(hostnames[i].name, name, len);
            hostnames[i].name[len] = '\0';
            netif_set_hostname(netif, hostnames[i].name);
            UNLOCK_TCPIP_CORE();
            return true;
        }
    }
    return false;
}

static void hostnames_deinit(void) {
    for (size_t i = 0; i < MP_ARRAY_SIZE(hostnames); ++i) {
        struct netif *netif = hostnames[i].netif;
        if (netif != NULL && netif->hostname == hostnames[i].name) {
            netif_set_hostname(netif, hostnames[i].before);
        }
        hostnames[i].netif = NULL;
    }
}

#else

static void hostnames_deinit(void) {
}

#endif

// ---- Callbacks -------------------------------------------------------------------------------------

#if LWIP_NETIF_EXT_STATUS_CALLBACK

// Interfaces beyond these are not told about; a board has two.
#define WATCHED_MAX (4)

typedef struct _watcher_t {
    lwipb_live_t live;
    struct _watcher_t *next; // guarded by the core lock
    mp_obj_t callback;
    uint16_t reasons[WATCHED_MAX]; // by interface, not told yet
} watcher_t;

extern const mp_obj_type_t lwipb_type_watcher;
MP_DEFINE_CONST_OBJ_TYPE(lwipb_type_watcher, MP_QSTR_Netif, MP_TYPE_FLAG_NONE);

// Kept alive by lwipb_live_keep(), which the collector sees; this link it need not follow.
static watcher_t *watchers;

static void on_change(struct netif *netif, netif_nsc_reason_t reason,
    const netif_ext_callback_args_t *args) {
    (void)args;
    if (netif->num >= WATCHED_MAX) {
        return;
    }
    for (watcher_t *self = watchers; self != NULL; self = self->next) {
        self->reasons[netif->num] |= reason;
        lwipb_live_post(&self->live);
    }
}

static void watcher_deliver(lwipb_live_t *live) {
    watcher_t *self = (watcher_t *)live;
    for (size_t i = 0; i < WATCHED_MAX && lwipb_live_held(live); ++i) {
        LOCK_TCPIP_CORE();
        uint16_t reasons = self->reasons[i];
        self->reasons[i] = 0;
        struct netif *netif = netif_get_by_index(i + 1);
        UNLOCK_TCPIP_CORE();
        if (reasons != 0 && netif != NULL) {
            mp_obj_t args[2] = { lwipb_netif_to_obj(netif), MP_OBJ_NEW_SMALL_INT(reasons) };
            lwipb_call(self->callback, 2, args);
        }
    }
}

static netif_ext_callback_t ext_callback;

static void watcher_release(lwipb_live_t *live) {
    LOCK_TCPIP_CORE();
    watcher_t **link = &watchers;
    while (*link != (watcher_t *)live) {
        link = &(*link)->next;
    }
    *link = (*link)->next;
    if (watchers == NULL) {
        netif_remove_ext_callback(&ext_callback);
    }
    UNLOCK_TCPIP_CORE();
}

// add_ext_callback(function): function(netif, reasons), with the LWIP_NSC_ bits that came together
static mp_obj_t mod_add_ext_callback(mp_obj_t callback) {
    if (!mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback must be callable"));
    }
    watcher_t *self = mp_obj_malloc(watcher_t, &lwipb_type_watcher);
    lwipb_live_init(&self->live);
    self->live.deliver = watcher_deliver;
    self->callback = callback;
    memset(self->reasons, 0, sizeof(self->reasons));
    lwipb_live_add(&self->live, watcher_release);
    lwipb_live_keep(&self->live);
    LOCK_TCPIP_CORE();
    if (watchers == NULL) {
        netif_add_ext_callback(&ext_callback, on_change);
    }
    self->next = watchers;
    watchers = self;
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_add_ext_callback_obj, mod_add_ext_callback);

// remove_ext_callback(function): ValueError if it was not added
static mp_obj_t mod_remove_ext_callback(mp_obj_t callback) {
    for (watcher_t *self = watchers; self != NULL; self = self->next) {
        if (mp_obj_equal(self->callback, callback)) {
            lwipb_live_drop(&self->live);
            return mp_const_none;
        }
    }
    mp_raise_ValueError(NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_remove_ext_callback_obj, mod_remove_ext_callback);

#endif

// The loopback interface has no driver that would put it right again.
static void loopback_deinit(void) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (netif->name[0] == 'l' && netif->name[1] == 'o') {
            ip4_addr_t addr, mask;
            IP4_ADDR(&addr, 127, 0, 0, 1);
            IP4_ADDR(&mask, 255, 0, 0, 0);
            netif_set_addr(netif, &addr, &mask, &addr);
            netif_set_up(netif);
            #if LWIP_IPV6
            const ip_addr_t loopback = IPADDR6_INIT_HOST(0, 0, 0, 1);
            netif_ip6_addr_set(netif, 0, ip_2_ip6(&loopback));
            netif_ip6_addr_set_state(netif, 0, IP6_ADDR_VALID);
            for (s8_t i = 1; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
                netif_ip6_addr_set_state(netif, i, IP6_ADDR_INVALID);
            }
            #endif
        }
    }
}

void lwipb_netif_deinit(void) {
    LOCK_TCPIP_CORE();
    if (default_changed) {
        default_changed = false;
        netif_set_default(default_at_boot);
    }
    hostnames_deinit();
    loopback_deinit();
    UNLOCK_TCPIP_CORE();
}

extern const mp_obj_fun_builtin_fixed_t lwipb_if_nametoindex_obj;
extern const mp_obj_fun_builtin_fixed_t lwipb_if_indextoname_obj;

#define FUNCTION(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mod_##name##_obj) }
#define NSC(name) { MP_ROM_QSTR(MP_QSTR_NSC_##name), MP_ROM_INT(LWIP_NSC_##name) }
#define FLAG(name) { MP_ROM_QSTR(MP_QSTR_FLAG_##name), MP_ROM_INT(NETIF_FLAG_##name) }
#define STATE(name) { MP_ROM_QSTR(MP_QSTR_IP6_ADDR_##name), MP_ROM_INT(IP6_ADDR_##name) }

static const mp_rom_map_elem_t netif_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_netif) },
    { MP_ROM_QSTR(MP_QSTR_Netif), MP_ROM_PTR(&lwipb_type_netif) },
    { MP_ROM_QSTR(MP_QSTR_name_to_index), MP_ROM_PTR(&lwipb_if_nametoindex_obj) },
    { MP_ROM_QSTR(MP_QSTR_index_to_name), MP_ROM_PTR(&lwipb_if_indextoname_obj) },
    FUNCTION(list),
    FUNCTION(find),
    FUNCTION(get_by_index),
    FUNCTION(default),
    FUNCTION(set_default),
    #if LWIP_NETIF_EXT_STATUS_CALLBACK
    FUNCTION(add_ext_callback),
    FUNCTION(remove_ext_callback),
    #endif
    NSC(NETIF_ADDED),
    NSC(NETIF_REMOVED),
    NSC(LINK_CHANGED),
    NSC(STATUS_CHANGED),
    NSC(IPV4_ADDRESS_CHANGED),
    NSC(IPV4_GATEWAY_CHANGED),
    NSC(IPV4_NETMASK_CHANGED),
    NSC(IPV4_SETTINGS_CHANGED),
    NSC(IPV4_ADDR_VALID),
    NSC(IPV6_SET),
    NSC(IPV6_ADDR_STATE_CHANGED),
    FLAG(UP),
    FLAG(BROADCAST),
    FLAG(LINK_UP),
    FLAG(ETHARP),
    FLAG(ETHERNET),
    FLAG(IGMP),
    FLAG(MLD6),
    #if LWIP_IPV6
    STATE(INVALID),
    STATE(TENTATIVE),
    STATE(VALID),
    STATE(PREFERRED),
    STATE(DEPRECATED),
    STATE(DUPLICATED),
    #endif
};
static MP_DEFINE_CONST_DICT(netif_module_globals, netif_module_globals_table);

const mp_obj_module_t lwipb_module_netif = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&netif_module_globals,
};
