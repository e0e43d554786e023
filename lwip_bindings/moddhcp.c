// SPDX-License-Identifier: MIT
// modules lwip.dhcp and lwip.autoip: how an interface comes to its IPv4 address.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"

#include "lwip/autoip.h"
#include "lwip/dhcp.h"
#include "lwip/prot/autoip.h"
#include "lwip/prot/dhcp.h"

#define FUNCTION(name, object) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&object) }

#ifdef LWIP_HOOK_FILENAME
#include LWIP_HOOK_FILENAME
#endif

#if LWIP_DHCP

// dhcpoptions.c
extern const mp_obj_fun_builtin_fixed_t lwipb_dhcp_set_option_obj;
extern const mp_obj_fun_builtin_fixed_t lwipb_dhcp_request_options_obj;
extern const mp_obj_fun_builtin_fixed_t lwipb_dhcp_get_option_obj;

static mp_obj_t client_start(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    // lwIP asserts that the interface is up.
    err_t err = netif_is_up(netif) ? dhcp_start(netif) : ERR_IF;
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(client_start_obj, client_start);

// renew(netif): OSError(ENOTCONN) without a lease
static mp_obj_t client_renew(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    err_t err = dhcp_supplied_address(netif) ? dhcp_renew(netif) : ERR_CONN;
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(client_renew_obj, client_renew);

static mp_obj_t client_release_and_stop(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    dhcp_release_and_stop(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(client_release_and_stop_obj, client_release_and_stop);

// inform(netif): for an address that was set by hand
static mp_obj_t client_inform(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    dhcp_inform(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(client_inform_obj, client_inform);

static mp_obj_t client_supplied_address(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    LOCK_TCPIP_CORE();
    bool supplied = dhcp_supplied_address(netif);
    UNLOCK_TCPIP_CORE();
    return mp_obj_new_bool(supplied);
}
static MP_DEFINE_CONST_FUN_OBJ_1(client_supplied_address_obj, client_supplied_address);

static void store(mp_obj_t dict, qstr key, mp_obj_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(key), value);
}

// data(netif): the fields of struct dhcp, times in seconds; None before the first start()
static mp_obj_t client_data(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    struct dhcp copy;
    LOCK_TCPIP_CORE();
    struct dhcp *dhcp = netif_dhcp_data(netif);
    if (dhcp != NULL) {
        copy = *dhcp;
    }
    UNLOCK_TCPIP_CORE();
    if (dhcp == NULL) {
        return mp_const_none;
    }
    mp_obj_t dict = mp_obj_new_dict(10);
    store(dict, MP_QSTR_state, MP_OBJ_NEW_SMALL_INT(copy.state));
    store(dict, MP_QSTR_tries, MP_OBJ_NEW_SMALL_INT(copy.tries));
    store(dict, MP_QSTR_server_ip_addr, lwipb_addr_to_obj(&copy.server_ip_addr));
    store(dict, MP_QSTR_offered_ip_addr, lwipb_addr4_to_obj(&copy.offered_ip_addr));
    store(dict, MP_QSTR_offered_sn_mask, lwipb_addr4_to_obj(&copy.offered_sn_mask));
    store(dict, MP_QSTR_offered_gw_addr, lwipb_addr4_to_obj(&copy.offered_gw_addr));
    store(dict, MP_QSTR_offered_t0_lease, mp_obj_new_int_from_uint(copy.offered_t0_lease));
    store(dict, MP_QSTR_offered_t1_renew, mp_obj_new_int_from_uint(copy.offered_t1_renew));
    store(dict, MP_QSTR_offered_t2_rebind, mp_obj_new_int_from_uint(copy.offered_t2_rebind));
    store(dict, MP_QSTR_lease_used,
        mp_obj_new_int_from_uint((mp_uint_t)copy.lease_used * DHCP_COARSE_TIMER_SECS));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(client_data_obj, client_data);

#define STATE(name) { MP_ROM_QSTR(MP_QSTR_STATE_##name), MP_ROM_INT(DHCP_STATE_##name) }

static const mp_rom_map_elem_t dhcp_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_dhcp) },
    FUNCTION(start, client_start_obj),
    FUNCTION(renew, client_renew_obj),
    // lwIP's own release and stop are the same function.
    FUNCTION(release, client_release_and_stop_obj),
    FUNCTION(stop, client_release_and_stop_obj),
    FUNCTION(release_and_stop, client_release_and_stop_obj),
    FUNCTION(inform, client_inform_obj),
    FUNCTION(supplied_address, client_supplied_address_obj),
    FUNCTION(data, client_data_obj),
    #ifdef LWIP_BINDINGS_HOOKS_H
    FUNCTION(set_option, lwipb_dhcp_set_option_obj),
    FUNCTION(request_options, lwipb_dhcp_request_options_obj),
    FUNCTION(get_option, lwipb_dhcp_get_option_obj),
    #endif
    STATE(OFF),
    STATE(REQUESTING),
    STATE(INIT),
    STATE(REBOOTING),
    STATE(REBINDING),
    STATE(RENEWING),
    STATE(SELECTING),
    STATE(INFORMING),
    STATE(CHECKING),
    STATE(BOUND),
    STATE(BACKING_OFF),
};
static MP_DEFINE_CONST_DICT(dhcp_module_globals, dhcp_module_globals_table);

const mp_obj_module_t lwipb_module_dhcp = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&dhcp_module_globals,
};

#undef STATE

#endif

#if LWIP_IPV4 && LWIP_AUTOIP

static mp_obj_t self_start(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    err_t err = netif_is_up(netif) ? autoip_start(netif) : ERR_IF;
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(self_start_obj, self_start);

static mp_obj_t self_stop(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    err_t err = autoip_stop(netif);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(self_stop_obj, self_stop);

static mp_obj_t self_supplied_address(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    LOCK_TCPIP_CORE();
    bool supplied = autoip_supplied_address(netif);
    UNLOCK_TCPIP_CORE();
    return mp_obj_new_bool(supplied);
}
static MP_DEFINE_CONST_FUN_OBJ_1(self_supplied_address_obj, self_supplied_address);

// data(netif): (state, address, addresses tried); None before the first start()
static mp_obj_t self_data(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    struct autoip copy;
    LOCK_TCPIP_CORE();
    struct autoip *autoip = netif_autoip_data(netif);
    if (autoip != NULL) {
        copy = *autoip;
    }
    UNLOCK_TCPIP_CORE();
    if (autoip == NULL) {
        return mp_const_none;
    }
    mp_obj_t items[3] = {
        MP_OBJ_NEW_SMALL_INT(copy.state), lwipb_addr4_to_obj(&copy.llipaddr),
        MP_OBJ_NEW_SMALL_INT(copy.tried_llipaddr),
    };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(self_data_obj, self_data);

#define STATE(name) { MP_ROM_QSTR(MP_QSTR_STATE_##name), MP_ROM_INT(AUTOIP_STATE_##name) }

static const mp_rom_map_elem_t autoip_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_autoip) },
    FUNCTION(start, self_start_obj),
    FUNCTION(stop, self_stop_obj),
    FUNCTION(supplied_address, self_supplied_address_obj),
    FUNCTION(data, self_data_obj),
    STATE(OFF),
    STATE(CHECKING),
    STATE(BOUND),
};
static MP_DEFINE_CONST_DICT(autoip_module_globals, autoip_module_globals_table);

const mp_obj_module_t lwipb_module_autoip = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&autoip_module_globals,
};

#endif
