// SPDX-License-Identifier: MIT
//
// Module `network`: what belongs to no interface. MicroPython's own (extmod/modnetwork.c) is tied to its own
// way of calling lwIP, without a lock.

#include <string.h>

#include "py/runtime.h"

#include "lwip/dns.h"
#include "lwip/tcpip.h"

#include "ethif.h"
#include "lwip_bindings.h"
#include "net.h"
#include "network.h"

static char hostname[NETWORK_HOSTNAME_MAX + 1] = MICROPY_PY_NETWORK_HOSTNAME_DEFAULT;
static char country[2] = { 'X', 'X' };
static uint8_t prefer = 4;

const char *network_hostname_get(void) {
    return hostname;
}

void network_hostname_reset(void) {
    strcpy(hostname, MICROPY_PY_NETWORK_HOSTNAME_DEFAULT);
}

void network_parse_addr(mp_obj_t text, ip_addr_t *addr) {
    if (!ipaddr_aton(mp_obj_str_get_str(text), addr)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid address"));
    }
}

mp_obj_t network_format_addr(const ip_addr_t *addr) {
    ip_addr_t plain = *addr;
    if (IP_IS_V6(&plain)) {
        ip6_addr_clear_zone(ip_2_ip6(&plain));
    }
    return lwipb_addr_to_obj(&plain);
}

mp_obj_t network_get_or_set(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs,
    mp_obj_t (*get)(qstr key), void (*set)(qstr key, mp_obj_t value)) {
    if (kwargs->used == 0) {
        if (n_args != 1) {
            mp_raise_TypeError(MP_ERROR_TEXT("must query one param"));
        }
        return get(mp_obj_str_get_qstr(args[0]));
    }
    if (n_args != 0) {
        mp_raise_TypeError(MP_ERROR_TEXT("can't specify pos and kw args"));
    }
    for (size_t i = 0; i < kwargs->alloc; i++) {
        if (mp_map_slot_is_filled(kwargs, i)) {
            set(mp_obj_str_get_qstr(kwargs->table[i].key), kwargs->table[i].value);
        }
    }
    return mp_const_none;
}

static mp_obj_t network_country(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0) {
        return mp_obj_new_str(country, sizeof(country));
    }
    size_t len;
    const char *text = mp_obj_str_get_data(args[0], &len);
    if (len != sizeof(country)) {
        mp_raise_ValueError(NULL);
    }
    memcpy(country, text, sizeof(country));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(network_country_obj, 0, 1, network_country);

mp_obj_t network_hostname(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0) {
        return mp_obj_new_str_from_cstr(hostname);
    }
    size_t len;
    const char *text = mp_obj_str_get_data(args[0], &len);
    if (len == 0 || len > NETWORK_HOSTNAME_MAX) {
        mp_raise_ValueError(NULL);
    }
    // DHCP reads it in the tcpip task.
    LOCK_TCPIP_CORE();
    memcpy(hostname, text, len);
    hostname[len] = 0;
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(network_hostname_obj, 0, 1, network_hostname);

static mp_obj_t get_global(qstr key) {
    switch (key) {
        case MP_QSTR_dns: {
            LOCK_TCPIP_CORE();
            ip_addr_t server = *dns_getserver(0);
            UNLOCK_TCPIP_CORE();
            return network_format_addr(&server);
        }
        case MP_QSTR_prefer:
            return MP_OBJ_NEW_SMALL_INT(prefer);
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unexpected key"));
    }
}

static void set_global(qstr key, mp_obj_t value) {
    switch (key) {
        case MP_QSTR_dns: {
            ip_addr_t server;
            network_parse_addr(value, &server);
            LOCK_TCPIP_CORE();
            dns_setserver(0, &server);
            UNLOCK_TCPIP_CORE();
            break;
        }
        case MP_QSTR_prefer: {
            mp_int_t version = mp_obj_get_int(value);
            if (version != 4 && version != 6) {
                mp_raise_ValueError(MP_ERROR_TEXT("invalid prefer argument"));
            }
            prefer = (uint8_t)version;
            break;
        }
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unexpected key"));
    }
}

int network_preferred_family(void) {
    return prefer;
}

static mp_obj_t network_ipconfig(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return network_get_or_set(n_args, args, kwargs, get_global, set_global);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(network_ipconfig_obj, 0, network_ipconfig);

static mp_obj_t network_route(void) {
    mp_obj_t lan = MP_OBJ_FROM_PTR(&network_lan_obj);
    return mp_obj_new_list(1, &lan);
}
static MP_DEFINE_CONST_FUN_OBJ_0(network_route_obj, network_route);

static const mp_rom_map_elem_t network_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_network) },
    { MP_ROM_QSTR(MP_QSTR_country), MP_ROM_PTR(&network_country_obj) },
    { MP_ROM_QSTR(MP_QSTR_hostname), MP_ROM_PTR(&network_hostname_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&network_ipconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_route), MP_ROM_PTR(&network_route_obj) },
    { MP_ROM_QSTR(MP_QSTR_LAN), MP_ROM_PTR(&network_lan_type) },
};
static MP_DEFINE_CONST_DICT(network_globals, network_globals_table);

const mp_obj_module_t network_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&network_globals,
};

MP_REGISTER_MODULE(MP_QSTR_network, network_module);
