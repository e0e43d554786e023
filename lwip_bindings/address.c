// SPDX-License-Identifier: MIT
// Addresses between Python and lwIP.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "bindings.h"

#include "lwip/inet.h"
#include "lwip/ip6_addr.h"
#include "lwip/netif.h"

#if LWIP_IPV6 && LWIP_IPV6_SCOPES
// lwIP reads zones but does not write them.
static void append_zone(uint8_t zone, char *buf) {
    char name[NETIF_NAMESIZE];
    LOCK_TCPIP_CORE();
    bool found = netif_index_to_name(zone, name) != NULL;
    UNLOCK_TCPIP_CORE();
    if (found && strlen(buf) + 1 + strlen(name) < LWIPB_ADDR_STRLEN) {
        strcat(buf, "%");
        strcat(buf, name);
    }
}
#endif

#if LWIP_IPV6
static unsigned group_of(const ip6_addr_t *addr, unsigned i) {
    return lwip_htonl(addr->addr[i / 2]) >> (i % 2 ? 0 : 16) & 0xffff;
}

// The longest run of two or more groups that are 0, the first of equal ones. *begin is 8 where there is none.
static unsigned longest_zeros(const ip6_addr_t *addr, unsigned *begin) {
    unsigned longest = 1, run = 0;
    *begin = 8;
    for (unsigned i = 0; i < 8; ++i) {
        run = group_of(addr, i) == 0 ? run + 1 : 0;
        if (run > longest) {
            longest = run;
            *begin = i + 1 - run;
        }
    }
    return longest;
}

// RFC 5952. (ip6addr_ntoa_r() shortens the first run of zeros, and writes capitals.)
static void format6(const ip6_addr_t *addr, char *at) {
    unsigned zeros_at, zeros = longest_zeros(addr, &zeros_at);
    for (unsigned i = 0; i < 8;) {
        if (i == zeros_at) {
            *at++ = ':';
            *at++ = ':';
            i += zeros;
            continue;
        }
        if (i > 0 && at[-1] != ':') {
            *at++ = ':';
        }
        unsigned group = group_of(addr, i++);
        int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0;
        for (; shift >= 0; shift -= 4) {
            *at++ = "0123456789abcdef"[group >> shift & 15];
        }
    }
    *at = '\0';
}
#endif

void lwipb_addr_format(const ip_addr_t *addr, char *buf) {
    #if LWIP_IPV6
    if (!IP_IS_V4(addr)) {
        const ip6_addr_t *six = ip_2_ip6(addr);
        if (ip6_addr_isipv4mappedipv6(six)) {
            ip4_addr_t four = { .addr = six->addr[3] };
            strcpy(buf, "::ffff:");
            ip4addr_ntoa_r(&four, buf + strlen(buf), LWIPB_ADDR_STRLEN - strlen(buf));
        } else {
            format6(six, buf);
        }
        #if LWIP_IPV6_SCOPES
        if (ip6_addr_has_zone(six)) {
            append_zone(ip6_addr_zone(six), buf);
        }
        #endif
        return;
    }
    #endif
    ip4addr_ntoa_r(ip_2_ip4(addr), buf, LWIPB_ADDR_STRLEN);
}

mp_obj_t lwipb_addr_to_obj(const ip_addr_t *addr) {
    char buf[LWIPB_ADDR_STRLEN];
    lwipb_addr_format(addr, buf);
    // Without a look whether an identifier is spelt so.
    return mp_obj_new_str_copy(&mp_type_str, (const byte *)buf, strlen(buf));
}

static bool addr_any(int family, ip_addr_t *addr) {
    #if LWIP_IPV6
    if (family == AF_INET6) {
        ip_addr_set_any(true, addr);
        return true;
    }
    #endif
    ip_addr_set_any(false, addr);
    return true;
}

// Whether the address can be one of that family, mapped if need be.
static bool addr_fits(int family, ip_addr_t *addr) {
    #if LWIP_IPV4 && LWIP_IPV6
    if (family == AF_INET6 && IP_IS_V4(addr)) {
        ip4_addr_t v4 = *ip_2_ip4(addr);
        ip4_2_ipv4_mapped_ipv6(ip_2_ip6(addr), &v4);
        IP_SET_TYPE(addr, IPADDR_TYPE_V6);
    }
    if (family == AF_INET && !IP_IS_V4(addr)) {
        return false;
    }
    #endif
    return true;
}

bool lwipb_addr_parse(const char *host, int family, ip_addr_t *addr) {
    if (host[0] == '\0') {
        return addr_any(family, addr);
    }
    if (strcmp(host, "<broadcast>") == 0) {
        host = "255.255.255.255";
    }
    LOCK_TCPIP_CORE();
    bool ok = ipaddr_aton(host, addr) != 0;
    UNLOCK_TCPIP_CORE();
    return ok && addr_fits(family, addr);
}

void lwipb_addr_resolve(mp_obj_t host, int family, ip_addr_t *addr) {
    const char *name = mp_obj_str_get_str(host);
    if (lwipb_addr_parse(name, family, addr)) {
        return;
    }
    int ret = lwipb_dns_query(name, family, addr, LWIPB_FOREVER);
    if (ret != 0) {
        mp_raise_OSError(ret);
    }
    if (!addr_fits(family, addr)) {
        mp_raise_OSError(LWIPB_EAI_FAMILY);
    }
}

void lwipb_addr_unmap(ip_addr_t *addr) {
    #if LWIP_IPV4 && LWIP_IPV6
    if (IP_IS_V6(addr) && ip6_addr_isipv4mappedipv6(ip_2_ip6(addr))) {
        unmap_ipv4_mapped_ipv6(ip_2_ip4(addr), ip_2_ip6(addr));
        IP_SET_TYPE(addr, IPADDR_TYPE_V4);
    }
    #endif
}

uint16_t lwipb_port_from_obj(mp_obj_t obj) {
    mp_int_t port = mp_obj_get_int(obj);
    if (port < 0 || port > 0xffff) {
        mp_raise_msg(&mp_type_OverflowError, MP_ERROR_TEXT("port must be 0-65535."));
    }
    return port;
}

socklen_t lwipb_sockaddr_set(lwipb_sockaddr_t *out, const ip_addr_t *addr, uint16_t port) {
    memset(out, 0, sizeof(*out));
    #if LWIP_IPV6
    if (!IP_IS_V4(addr)) {
        out->sin6.sin6_len = sizeof(out->sin6);
        out->sin6.sin6_family = AF_INET6;
        out->sin6.sin6_port = lwip_htons(port);
        inet6_addr_from_ip6addr(&out->sin6.sin6_addr, ip_2_ip6(addr));
        out->sin6.sin6_scope_id = ip6_addr_zone(ip_2_ip6(addr));
        return sizeof(out->sin6);
    }
    #endif
    #if LWIP_IPV4
    out->sin.sin_len = sizeof(out->sin);
    out->sin.sin_family = AF_INET;
    out->sin.sin_port = lwip_htons(port);
    inet_addr_from_ip4addr(&out->sin.sin_addr, ip_2_ip4(addr));
    #endif
    return sizeof(out->sin);
}

socklen_t lwipb_sockaddr_from_obj(mp_obj_t address, int family, lwipb_sockaddr_t *out) {
    size_t len;
    mp_obj_t *items;
    mp_obj_get_array(address, &len, &items);
    if (len != 2 && !(family == AF_INET6 && (len == 3 || len == 4))) {
        mp_raise_TypeError(MP_ERROR_TEXT("address must be (host, port)"));
    }
    uint16_t port = lwipb_port_from_obj(items[1]);
    uint32_t flowinfo = len > 2 ? mp_obj_get_int_truncated(items[2]) : 0;
    uint32_t scope_id = len > 3 ? mp_obj_get_int_truncated(items[3]) : 0;
    ip_addr_t addr;
    lwipb_addr_resolve(items[0], family, &addr);
    socklen_t sockaddr_len = lwipb_sockaddr_set(out, &addr, port);
    #if LWIP_IPV6
    if (out->sa.sa_family == AF_INET6) {
        out->sin6.sin6_flowinfo = lwip_htonl(flowinfo);
        if (scope_id != 0) {
            out->sin6.sin6_scope_id = scope_id;
        }
    }
    #endif
    return sockaddr_len;
}

void lwipb_sockaddr_fit(lwipb_sockaddr_t *address, int family) {
    #if LWIP_IPV4 && LWIP_IPV6
    if (family == AF_INET6 && address->sa.sa_family == AF_INET) {
        ip_addr_t addr;
        inet_addr_to_ip4addr(ip_2_ip4(&addr), &address->sin.sin_addr);
        IP_SET_TYPE(&addr, IPADDR_TYPE_V4);
        uint16_t port = lwip_ntohs(address->sin.sin_port);
        addr_fits(family, &addr);
        lwipb_sockaddr_set(address, &addr, port);
    }
    #endif
}

#if LWIP_IPV6
static mp_obj_t sockaddr_in6_to_obj(const struct sockaddr_in6 *sin6) {
    ip_addr_t addr;
    inet6_addr_to_ip6addr(ip_2_ip6(&addr), &sin6->sin6_addr);
    IP_SET_TYPE(&addr, IPADDR_TYPE_V6);
    // As with CPython, the zone stands in the last item only.
    ip6_addr_clear_zone(ip_2_ip6(&addr));
    mp_obj_t items[4] = {
        lwipb_addr_to_obj(&addr),
        MP_OBJ_NEW_SMALL_INT(lwip_ntohs(sin6->sin6_port)),
        mp_obj_new_int_from_uint(lwip_ntohl(sin6->sin6_flowinfo)),
        mp_obj_new_int_from_uint(sin6->sin6_scope_id),
    };
    return mp_obj_new_tuple(4, items);
}
#endif

mp_obj_t lwipb_sockaddr_to_obj(const lwipb_sockaddr_t *address) {
    #if LWIP_IPV6
    if (address->sa.sa_family == AF_INET6) {
        return sockaddr_in6_to_obj(&address->sin6);
    }
    #endif
    #if LWIP_IPV4
    if (address->sa.sa_family == AF_INET) {
        ip_addr_t addr;
        inet_addr_to_ip4addr(ip_2_ip4(&addr), &address->sin.sin_addr);
        IP_SET_TYPE(&addr, IPADDR_TYPE_V4);
        mp_obj_t items[2] = {
            lwipb_addr_to_obj(&addr),
            MP_OBJ_NEW_SMALL_INT(lwip_ntohs(address->sin.sin_port)),
        };
        return mp_obj_new_tuple(2, items);
    }
    #endif
    return mp_const_none;
}
