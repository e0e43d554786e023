// SPDX-License-Identifier: MIT
// modules lwip.etharp and lwip.nd6: who is which hardware address, in IPv4 and IPv6.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"

#include "lwip/etharp.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"

#define FUNCTION(name, object) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&object) }

#if LWIP_ARP

static ip4_addr_t addr4_from_obj(mp_obj_t obj) {
    ip_addr_t addr;
    lwipb_addr_numeric(obj, AF_INET, &addr);
    return *ip_2_ip4(&addr);
}

// find_addr(netif, ipaddr): the hardware address, None if it is not known
static mp_obj_t arp_find_addr(mp_obj_t netif_in, mp_obj_t addr_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    ip4_addr_t addr = addr4_from_obj(addr_in);
    struct eth_addr hwaddr, *entry;
    const ip4_addr_t *entry_addr;
    LOCK_TCPIP_CORE();
    bool found = etharp_find_addr(netif, &addr, &entry, &entry_addr) >= 0;
    if (found) {
        hwaddr = *entry;
    }
    UNLOCK_TCPIP_CORE();
    return found ? mp_obj_new_bytes(hwaddr.addr, sizeof(hwaddr.addr)) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(arp_find_addr_obj, arp_find_addr);

// get_entry(i): (ipaddr, netif, hardware address) of a resolved entry, else None
static mp_obj_t arp_get_entry(mp_obj_t index) {
    mp_int_t i = mp_obj_get_int(index);
    if (i < 0 || i >= ARP_TABLE_SIZE) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("no such entry"));
    }
    ip4_addr_t addr, *entry_addr;
    struct netif *netif = NULL;
    struct eth_addr hwaddr, *entry;
    LOCK_TCPIP_CORE();
    bool found = etharp_get_entry(i, &entry_addr, &netif, &entry);
    if (found) {
        addr = *entry_addr;
        hwaddr = *entry;
    }
    UNLOCK_TCPIP_CORE();
    if (!found) {
        return mp_const_none;
    }
    mp_obj_t items[3] = {
        lwipb_addr4_to_obj(&addr), lwipb_netif_to_obj(netif),
        mp_obj_new_bytes(hwaddr.addr, sizeof(hwaddr.addr)),
    };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(arp_get_entry_obj, arp_get_entry);

// request(netif, ipaddr): asks on the wire, whatever the table says
static mp_obj_t arp_request(mp_obj_t netif_in, mp_obj_t addr_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    ip4_addr_t addr = addr4_from_obj(addr_in);
    LOCK_TCPIP_CORE();
    err_t err = etharp_request(netif, &addr);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(arp_request_obj, arp_request);

// query(netif, ipaddr): asks, and makes an entry that waits for the answer
static mp_obj_t arp_query(mp_obj_t netif_in, mp_obj_t addr_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    ip4_addr_t addr = addr4_from_obj(addr_in);
    LOCK_TCPIP_CORE();
    err_t err = etharp_query(netif, &addr, NULL);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(arp_query_obj, arp_query);

// gratuitous(netif): tells everybody our own
static mp_obj_t arp_gratuitous(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    err_t err = etharp_gratuitous(netif);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(arp_gratuitous_obj, arp_gratuitous);

// cleanup_netif(netif): forgets its entries
static mp_obj_t arp_cleanup_netif(mp_obj_t netif_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    LOCK_TCPIP_CORE();
    etharp_cleanup_netif(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(arp_cleanup_netif_obj, arp_cleanup_netif);

#if ETHARP_SUPPORT_STATIC_ENTRIES

// add_static_entry(ipaddr, hardware address): on the interface that the address is routed to
static mp_obj_t arp_add_static_entry(mp_obj_t addr_in, mp_obj_t hwaddr_in) {
    ip4_addr_t addr = addr4_from_obj(addr_in);
    mp_buffer_info_t info;
    mp_get_buffer_raise(hwaddr_in, &info, MP_BUFFER_READ);
    struct eth_addr hwaddr;
    if (info.len != sizeof(hwaddr.addr)) {
        mp_raise_ValueError(MP_ERROR_TEXT("a hardware address has 6 bytes"));
    }
    memcpy(hwaddr.addr, info.buf, sizeof(hwaddr.addr));
    LOCK_TCPIP_CORE();
    err_t err = etharp_add_static_entry(&addr, &hwaddr);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(arp_add_static_entry_obj, arp_add_static_entry);

static mp_obj_t arp_remove_static_entry(mp_obj_t addr_in) {
    ip4_addr_t addr = addr4_from_obj(addr_in);
    LOCK_TCPIP_CORE();
    err_t err = etharp_remove_static_entry(&addr);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(arp_remove_static_entry_obj, arp_remove_static_entry);

#endif

void lwipb_etharp_deinit(void) {
    #if ETHARP_SUPPORT_STATIC_ENTRIES
    LOCK_TCPIP_CORE();
    for (size_t i = 0; i < ARP_TABLE_SIZE; ++i) {
        ip4_addr_t *addr;
        struct netif *netif;
        struct eth_addr *hwaddr;
        if (etharp_get_entry(i, &addr, &netif, &hwaddr)) {
            // lwIP refuses those that are not static.
            ip4_addr_t copy = *addr;
            etharp_remove_static_entry(&copy);
        }
    }
    UNLOCK_TCPIP_CORE();
    #endif
}

static const mp_rom_map_elem_t etharp_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_etharp) },
    FUNCTION(find_addr, arp_find_addr_obj),
    FUNCTION(get_entry, arp_get_entry_obj),
    FUNCTION(request, arp_request_obj),
    FUNCTION(query, arp_query_obj),
    FUNCTION(gratuitous, arp_gratuitous_obj),
    FUNCTION(cleanup_netif, arp_cleanup_netif_obj),
    #if ETHARP_SUPPORT_STATIC_ENTRIES
    FUNCTION(add_static_entry, arp_add_static_entry_obj),
    FUNCTION(remove_static_entry, arp_remove_static_entry_obj),
    #endif
    { MP_ROM_QSTR(MP_QSTR_TABLE_SIZE), MP_ROM_INT(ARP_TABLE_SIZE) },
};
static MP_DEFINE_CONST_DICT(etharp_module_globals, etharp_module_globals_table);

const mp_obj_module_t lwipb_module_etharp = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&etharp_module_globals,
};

#else

void lwipb_etharp_deinit(void) {
}

#endif

#if LWIP_IPV6

// neighbors(): [(address, netif, hardware address, state, is a router)]
static mp_obj_t nd_neighbors(void) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < LWIP_ND6_NUM_NEIGHBORS; ++i) {
        LOCK_TCPIP_CORE();
        struct nd6_neighbor_cache_entry entry = neighbor_cache[i];
        UNLOCK_TCPIP_CORE();
        if (entry.state == ND6_NO_ENTRY) {
            continue;
        }
        // lwIP's table leaves the zone out: the interface says it.
        ip6_addr_assign_zone(&entry.next_hop_address, IP6_UNICAST, entry.netif);
        mp_obj_t items[5] = {
            lwipb_addr6_to_obj(&entry.next_hop_address), lwipb_netif_to_obj(entry.netif),
            mp_obj_new_bytes(entry.lladdr, entry.netif->hwaddr_len),
            MP_OBJ_NEW_SMALL_INT(entry.state), mp_obj_new_bool(entry.isrouter),
        };
        mp_obj_list_append(list, mp_obj_new_tuple(5, items));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(nd_neighbors_obj, nd_neighbors);

static mp_obj_t nd_clear_destination_cache(void) {
    LOCK_TCPIP_CORE();
    nd6_clear_destination_cache();
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(nd_clear_destination_cache_obj, nd_clear_destination_cache);

#define STATE(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(ND6_##name) }

static const mp_rom_map_elem_t nd6_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_nd6) },
    FUNCTION(neighbors, nd_neighbors_obj),
    FUNCTION(clear_destination_cache, nd_clear_destination_cache_obj),
    STATE(INCOMPLETE),
    STATE(REACHABLE),
    STATE(STALE),
    STATE(DELAY),
    STATE(PROBE),
};
static MP_DEFINE_CONST_DICT(nd6_module_globals, nd6_module_globals_table);

const mp_obj_module_t lwipb_module_nd6 = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&nd6_module_globals,
};

#endif
