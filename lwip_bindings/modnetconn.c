// SPDX-License-Identifier: MIT
// module lwip.netconn

#include "py/runtime.h"

#include "netconn.h"

#include "lwip/dns.h"

// gethostbyname(name[, addrtype]): an address as a string
static mp_obj_t mod_gethostbyname(size_t n_args, const mp_obj_t *args) {
    mp_int_t addrtype = n_args > 1 ? mp_obj_get_int(args[1]) : NETCONN_DNS_IPV4_IPV6;
    static const uint8_t families[] = { AF_INET, AF_INET6, AF_UNSPEC, AF_UNSPEC };
    if (addrtype < 0 || (size_t)addrtype >= MP_ARRAY_SIZE(families)) {
        mp_raise_ValueError(NULL);
    }
    ip_addr_t addr;
    lwipb_addr_resolve(args[0], families[addrtype], &addr);
    return lwipb_addr_to_obj(&addr);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_gethostbyname_obj, 1, 2, mod_gethostbyname);

#define INT(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(NETCONN_##name) }

static const mp_rom_map_elem_t netconn_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_netconn) },
    { MP_ROM_QSTR(MP_QSTR_Netconn), MP_ROM_PTR(&lwipb_type_netconn) },
    { MP_ROM_QSTR(MP_QSTR_NetBuf), MP_ROM_PTR(&lwipb_type_netbuf) },
    { MP_ROM_QSTR(MP_QSTR_gethostbyname), MP_ROM_PTR(&mod_gethostbyname_obj) },
    INT(TCP),
    INT(UDP),
    INT(UDPLITE),
    INT(UDPNOCHKSUM),
    INT(RAW),
    #if LWIP_IPV6
    INT(TCP_IPV6),
    INT(UDP_IPV6),
    INT(UDPLITE_IPV6),
    INT(UDPNOCHKSUM_IPV6),
    INT(RAW_IPV6),
    #endif
    INT(NONE),
    INT(WRITE),
    INT(LISTEN),
    INT(CONNECT),
    INT(CLOSE),
    INT(EVT_RCVPLUS),
    INT(EVT_RCVMINUS),
    INT(EVT_SENDPLUS),
    INT(EVT_SENDMINUS),
    INT(EVT_ERROR),
    INT(NOCOPY),
    INT(COPY),
    INT(MORE),
    INT(DONTBLOCK),
    INT(NOAUTORCVD),
    INT(JOIN),
    INT(LEAVE),
    INT(DNS_IPV4),
    INT(DNS_IPV6),
    INT(DNS_IPV4_IPV6),
    INT(DNS_IPV6_IPV4),
};
static MP_DEFINE_CONST_DICT(netconn_module_globals, netconn_module_globals_table);

const mp_obj_module_t lwipb_module_netconn = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&netconn_module_globals,
};
