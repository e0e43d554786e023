// SPDX-License-Identifier: MIT
// module _lwip: what the frozen package lwip is made of.

#include "py/objstr.h"
#include "py/runtime.h"

#include "apps.h"
#include "bindings.h"
#include "netif.h"

#include "lwip/init.h"

extern const mp_obj_module_t lwipb_module_netconn;
extern const mp_obj_module_t lwipb_module_raw;
extern const mp_obj_module_t lwipb_module_socket;
extern const mp_obj_fun_builtin_fixed_t lwipb_options_obj;
extern const mp_obj_fun_builtin_var_t lwipb_stats_obj;

static const MP_DEFINE_STR_OBJ(version_obj, LWIP_VERSION_STRING);

static const mp_rom_map_elem_t lwip_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__lwip) },
    #if LWIP_IPV4 && LWIP_AUTOIP
    { MP_ROM_QSTR(MP_QSTR_autoip), MP_ROM_PTR(&lwipb_module_autoip) },
    #endif
    #if LWIP_DHCP
    { MP_ROM_QSTR(MP_QSTR_dhcp), MP_ROM_PTR(&lwipb_module_dhcp) },
    #endif
    #if LWIP_DNS
    { MP_ROM_QSTR(MP_QSTR_dns), MP_ROM_PTR(&lwipb_module_dns) },
    #endif
    #if LWIP_ARP
    { MP_ROM_QSTR(MP_QSTR_etharp), MP_ROM_PTR(&lwipb_module_etharp) },
    #endif
    #if LWIP_IPV4 && LWIP_IGMP
    { MP_ROM_QSTR(MP_QSTR_igmp), MP_ROM_PTR(&lwipb_module_igmp) },
    #endif
    #if LWIP_BINDINGS_LWIPERF
    { MP_ROM_QSTR(MP_QSTR_lwiperf), MP_ROM_PTR(&lwipb_module_lwiperf) },
    #endif
    #if LWIP_MDNS_RESPONDER
    { MP_ROM_QSTR(MP_QSTR_mdns), MP_ROM_PTR(&lwipb_module_mdns) },
    #endif
    #if LWIP_IPV6 && LWIP_IPV6_MLD
    { MP_ROM_QSTR(MP_QSTR_mld6), MP_ROM_PTR(&lwipb_module_mld6) },
    #endif
    #if LWIP_IPV6
    { MP_ROM_QSTR(MP_QSTR_nd6), MP_ROM_PTR(&lwipb_module_nd6) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_netif), MP_ROM_PTR(&lwipb_module_netif) },
    { MP_ROM_QSTR(MP_QSTR_netconn), MP_ROM_PTR(&lwipb_module_netconn) },
    { MP_ROM_QSTR(MP_QSTR_options), MP_ROM_PTR(&lwipb_options_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&lwipb_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_version), MP_ROM_PTR(&version_obj) },
    { MP_ROM_QSTR(MP_QSTR_raw), MP_ROM_PTR(&lwipb_module_raw) },
    #if LWIP_BINDINGS_SNTP
    { MP_ROM_QSTR(MP_QSTR_sntp), MP_ROM_PTR(&lwipb_module_sntp) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_socket), MP_ROM_PTR(&lwipb_module_socket) },
};
static MP_DEFINE_CONST_DICT(lwip_module_globals, lwip_module_globals_table);

const mp_obj_module_t lwipb_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&lwip_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR__lwip, lwipb_module);
