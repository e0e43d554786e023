// SPDX-License-Identifier: MIT
// module socket (lwip.socket is the same): functions and constants.

#include <string.h>

#include "py/mperrno.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "socket.h"

#include "lwip/inet.h"
#include "lwip/netif.h"

#define AI_PASSIVE (0x01)
#define AI_CANONNAME (0x02)
#define AI_NUMERICHOST (0x04)

static const char *str_or_null(mp_obj_t obj) {
    return obj == mp_const_none ? NULL : mp_obj_str_get_str(obj);
}

static uint16_t service_port(mp_obj_t service) {
    if (service == mp_const_none) {
        return 0;
    }
    if (!mp_obj_is_str_or_bytes(service)) {
        return lwipb_port_from_obj(service);
    }
    // lwIP has no table of services: only numbers, as strings too.
    uint32_t port = 0;
    const char *s = mp_obj_str_get_str(service);
    if (*s == '\0') {
        mp_raise_OSError(LWIPB_EAI_SERVICE);
    }
    for (; *s != '\0'; ++s) {
        if (*s < '0' || *s > '9' || port > 0xffff) {
            mp_raise_OSError(LWIPB_EAI_SERVICE);
        }
        port = port * 10 + (*s - '0');
    }
    return lwipb_port_from_obj(MP_OBJ_NEW_SMALL_INT(port));
}

// The address that a missing host stands for: any to listen on, else this machine.
static void own_address(int family, bool passive, ip_addr_t *addr) {
    #if LWIP_IPV6
    if (family == AF_INET6 || !LWIP_IPV4) {
        lwipb_addr_parse(passive ? "::" : "::1", AF_INET6, addr);
        return;
    }
    #endif
    lwipb_addr_parse(passive ? "0.0.0.0" : "127.0.0.1", AF_INET, addr);
}

static void find_address(const char *host, int family, int flags, ip_addr_t *addr) {
    if (host == NULL) {
        own_address(family, flags & AI_PASSIVE, addr);
        return;
    }
    if (host[0] != '\0' && lwipb_addr_parse(host, AF_UNSPEC, addr)) {
        if (family != AF_UNSPEC && (family == AF_INET) != IP_IS_V4(addr)) {
            mp_raise_OSError(LWIPB_EAI_FAMILY);
        }
        return;
    }
    int err = LWIPB_EAI_NONAME;
    if (!(flags & AI_NUMERICHOST)) {
        err = lwipb_dns_query(host, family, addr, LWIPB_FOREVER);
    }
    if (err != 0) {
        mp_raise_OSError(err);
    }
}

static void append_entry(mp_obj_t list, int type, int proto, mp_obj_t canonname,
    const lwipb_sockaddr_t *address, mp_obj_t address_obj) {
    mp_obj_t items[5] = {
        MP_OBJ_NEW_SMALL_INT(address->sa.sa_family),
        MP_OBJ_NEW_SMALL_INT(type),
        MP_OBJ_NEW_SMALL_INT(proto),
        canonname,
        address_obj,
    };
    mp_obj_list_append(list, mp_obj_new_tuple(5, items));
}

// getaddrinfo(host, port, family=0, type=0, proto=0, flags=0)
static mp_obj_t mod_getaddrinfo(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_host, ARG_port, ARG_family, ARG_type, ARG_proto, ARG_flags };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_host, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_port, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_family, MP_ARG_INT, {.u_int = AF_UNSPEC} },
        { MP_QSTR_type, MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_proto, MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_flags, MP_ARG_INT, {.u_int = 0} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    const char *host = str_or_null(args[ARG_host].u_obj);
    mp_int_t family = args[ARG_family].u_int;
    mp_int_t flags = args[ARG_flags].u_int;
    uint16_t port = service_port(args[ARG_port].u_obj);
    if (host == NULL && args[ARG_port].u_obj == mp_const_none) {
        mp_raise_OSError(LWIPB_EAI_NONAME);
    }
    if (family != AF_UNSPEC && family != AF_INET && !(LWIP_IPV6 && family == AF_INET6)) {
        mp_raise_OSError(LWIPB_EAI_FAMILY);
    }
    ip_addr_t addr;
    find_address(host, family, flags, &addr);
    lwipb_sockaddr_t address;
    lwipb_sockaddr_set(&address, &addr, port);
    mp_obj_t address_obj = lwipb_sockaddr_to_obj(&address);
    mp_obj_t canonname = (flags & AI_CANONNAME) && host != NULL ? args[ARG_host].u_obj
        : MP_OBJ_NEW_QSTR(MP_QSTR_);
    static const uint8_t kinds[][2] = {
        { SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, IPPROTO_UDP }, { SOCK_RAW, 0 },
    };
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < MP_ARRAY_SIZE(kinds); ++i) {
        int type = kinds[i][0];
        int proto = type == SOCK_RAW ? args[ARG_proto].u_int : kinds[i][1];
        bool type_fits = args[ARG_type].u_int == 0 || args[ARG_type].u_int == type;
        if (type_fits && (args[ARG_proto].u_int == 0 || args[ARG_proto].u_int == proto)) {
            append_entry(list, type, proto, canonname, &address, address_obj);
        }
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(mod_getaddrinfo_obj, 2, mod_getaddrinfo);

// gethostbyname(name): IPv4, as a string
static mp_obj_t mod_gethostbyname(mp_obj_t name) {
    ip_addr_t addr;
    lwipb_addr_resolve(name, AF_INET, &addr);
    return lwipb_addr_to_obj(&addr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_gethostbyname_obj, mod_gethostbyname);

// lwIP also takes what inet_aton() takes: fewer parts, octal and hexadecimal numbers.
static bool is_dotted_quad(const char *s) {
    size_t dots = 0;
    for (; *s != '\0'; ++s) {
        if (*s == '.') {
            ++dots;
        } else if (*s < '0' || *s > '9') {
            return false;
        }
    }
    return dots == 3;
}

// inet_pton(family, string) -> bytes
static mp_obj_t mod_inet_pton(mp_obj_t family_in, mp_obj_t string) {
    mp_int_t family = mp_obj_get_int(family_in);
    if (family != AF_INET && !(LWIP_IPV6 && family == AF_INET6)) {
        mp_raise_OSError(MP_EAFNOSUPPORT);
    }
    uint32_t packed[4];
    const char *str = mp_obj_str_get_str(string);
    if ((family == AF_INET && !is_dotted_quad(str)) || lwip_inet_pton(family, str, packed) != 1) {
        mp_raise_msg(&mp_type_OSError, MP_ERROR_TEXT("illegal IP address string"));
    }
    return mp_obj_new_bytes((const byte *)packed, family == AF_INET ? 4 : 16);
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_inet_pton_obj, mod_inet_pton);

// inet_ntop(family, bytes) -> string
static mp_obj_t mod_inet_ntop(mp_obj_t family_in, mp_obj_t packed_in) {
    mp_int_t family = mp_obj_get_int(family_in);
    if (family != AF_INET && !(LWIP_IPV6 && family == AF_INET6)) {
        mp_raise_OSError(MP_EAFNOSUPPORT);
    }
    mp_buffer_info_t packed;
    mp_get_buffer_raise(packed_in, &packed, MP_BUFFER_READ);
    if (packed.len != (family == AF_INET ? 4 : 16)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid length of packed IP address string"));
    }
    lwipb_sockaddr_t address;
    memset(&address, 0, sizeof(address));
    address.sa.sa_family = family;
    #if LWIP_IPV6
    void *dest = family == AF_INET6 ? (void *)&address.sin6.sin6_addr
        : (void *)&address.sin.sin_addr;
    #else
    void *dest = &address.sin.sin_addr;
    #endif
    memcpy(dest, packed.buf, packed.len);
    mp_obj_tuple_t *tuple = MP_OBJ_TO_PTR(lwipb_sockaddr_to_obj(&address));
    return tuple->items[0];
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_inet_ntop_obj, mod_inet_ntop);

static mp_obj_t mod_if_nametoindex(mp_obj_t name) {
    LOCK_TCPIP_CORE();
    u8_t index = netif_name_to_index(mp_obj_str_get_str(name));
    UNLOCK_TCPIP_CORE();
    if (index == NETIF_NO_INDEX) {
        mp_raise_OSError(MP_ENODEV);
    }
    return MP_OBJ_NEW_SMALL_INT(index);
}
MP_DEFINE_CONST_FUN_OBJ_1(lwipb_if_nametoindex_obj, mod_if_nametoindex);

static mp_obj_t mod_if_indextoname(mp_obj_t index_in) {
    mp_int_t index = mp_obj_get_int(index_in);
    char name[NETIF_NAMESIZE];
    LOCK_TCPIP_CORE();
    char *found = index > 0 && index <= 255 ? netif_index_to_name(index, name) : NULL;
    UNLOCK_TCPIP_CORE();
    if (found == NULL) {
        mp_raise_OSError(MP_ENODEV);
    }
    return mp_obj_new_str_from_cstr(name);
}
MP_DEFINE_CONST_FUN_OBJ_1(lwipb_if_indextoname_obj, mod_if_indextoname);

#define INT(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(name) }

static const mp_rom_map_elem_t socket_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_socket) },
    { MP_ROM_QSTR(MP_QSTR_socket), MP_ROM_PTR(&lwipb_type_socket) },
    { MP_ROM_QSTR(MP_QSTR_error), MP_ROM_PTR(&mp_type_OSError) },
    { MP_ROM_QSTR(MP_QSTR_gaierror), MP_ROM_PTR(&mp_type_OSError) },
    { MP_ROM_QSTR(MP_QSTR_timeout), MP_ROM_PTR(&mp_type_OSError) },
    { MP_ROM_QSTR(MP_QSTR_getaddrinfo), MP_ROM_PTR(&mod_getaddrinfo_obj) },
    { MP_ROM_QSTR(MP_QSTR_gethostbyname), MP_ROM_PTR(&mod_gethostbyname_obj) },
    { MP_ROM_QSTR(MP_QSTR_inet_ntop), MP_ROM_PTR(&mod_inet_ntop_obj) },
    { MP_ROM_QSTR(MP_QSTR_inet_pton), MP_ROM_PTR(&mod_inet_pton_obj) },
    { MP_ROM_QSTR(MP_QSTR_if_nametoindex), MP_ROM_PTR(&lwipb_if_nametoindex_obj) },
    { MP_ROM_QSTR(MP_QSTR_if_indextoname), MP_ROM_PTR(&lwipb_if_indextoname_obj) },
    { MP_ROM_QSTR(MP_QSTR_has_ipv6), MP_ROM_INT(LWIP_IPV6) },

    INT(AF_UNSPEC),
    INT(AF_INET),
    #if LWIP_IPV6
    INT(AF_INET6),
    #endif
    INT(SOCK_STREAM),
    INT(SOCK_DGRAM),
    INT(SOCK_RAW),
    INT(SHUT_RD),
    INT(SHUT_WR),
    INT(SHUT_RDWR),

    INT(IPPROTO_IP),
    INT(IPPROTO_ICMP),
    INT(IPPROTO_TCP),
    INT(IPPROTO_UDP),
    #if LWIP_IPV6
    INT(IPPROTO_IPV6),
    INT(IPPROTO_ICMPV6),
    #endif
    INT(IPPROTO_UDPLITE),
    INT(IPPROTO_RAW),

    { MP_ROM_QSTR(MP_QSTR_FIONREAD), MP_ROM_INT(LWIPB_FIONREAD) },
    { MP_ROM_QSTR(MP_QSTR_FIONBIO), MP_ROM_INT(LWIPB_FIONBIO) },
    INT(MSG_PEEK),
    INT(MSG_WAITALL),
    INT(MSG_DONTWAIT),
    INT(MSG_MORE),
    INT(MSG_NOSIGNAL),
    INT(MSG_TRUNC),
    INT(MSG_CTRUNC),

    INT(SOL_SOCKET),
    INT(SO_REUSEADDR),
    INT(SO_KEEPALIVE),
    INT(SO_BROADCAST),
    INT(SO_ACCEPTCONN),
    INT(SO_LINGER),
    INT(SO_RCVBUF),
    INT(SO_SNDTIMEO),
    INT(SO_RCVTIMEO),
    INT(SO_ERROR),
    INT(SO_TYPE),
    INT(SO_NO_CHECK),
    INT(SO_BINDTODEVICE),

    INT(IP_TOS),
    INT(IP_TTL),
    INT(IP_PKTINFO),
    #if LWIP_IGMP
    INT(IP_ADD_MEMBERSHIP),
    INT(IP_DROP_MEMBERSHIP),
    #endif
    #if LWIP_MULTICAST_TX_OPTIONS
    INT(IP_MULTICAST_TTL),
    INT(IP_MULTICAST_IF),
    INT(IP_MULTICAST_LOOP),
    #endif
    #if LWIP_IPV6
    INT(IPV6_CHECKSUM),
    INT(IPV6_V6ONLY),
    #endif
    #if LWIP_IPV6_MLD
    INT(IPV6_JOIN_GROUP),
    INT(IPV6_LEAVE_GROUP),
    #endif
    INT(TCP_NODELAY),
    INT(TCP_KEEPALIVE),
    INT(TCP_KEEPIDLE),
    INT(TCP_KEEPINTVL),
    INT(TCP_KEEPCNT),
    #if LWIP_UDP && LWIP_UDPLITE
    INT(UDPLITE_SEND_CSCOV),
    INT(UDPLITE_RECV_CSCOV),
    #endif

    INT(AI_PASSIVE),
    INT(AI_CANONNAME),
    INT(AI_NUMERICHOST),
    { MP_ROM_QSTR(MP_QSTR_EAI_NONAME), MP_ROM_INT(LWIPB_EAI_NONAME) },
    { MP_ROM_QSTR(MP_QSTR_EAI_AGAIN), MP_ROM_INT(LWIPB_EAI_AGAIN) },
    { MP_ROM_QSTR(MP_QSTR_EAI_FAIL), MP_ROM_INT(LWIPB_EAI_FAIL) },
    { MP_ROM_QSTR(MP_QSTR_EAI_FAMILY), MP_ROM_INT(LWIPB_EAI_FAMILY) },
    { MP_ROM_QSTR(MP_QSTR_EAI_SERVICE), MP_ROM_INT(LWIPB_EAI_SERVICE) },
};
static MP_DEFINE_CONST_DICT(socket_module_globals, socket_module_globals_table);

const mp_obj_module_t lwipb_module_socket = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&socket_module_globals,
};

// In C, not in a frozen module: names and constants then cost no RAM, and a script's own socket.py
// may still replace it.
MP_REGISTER_EXTENSIBLE_MODULE(MP_QSTR_socket, lwipb_module_socket);
