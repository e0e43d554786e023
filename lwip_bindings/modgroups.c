// SPDX-License-Identifier: MIT
// modules lwip.igmp and lwip.mld6: multicast groups joined by a script for an interface, without a
// socket. lwIP counts how often a group was joined, but not by whom, so the bindings keep a list of
// what scripts joined, also by a netconn: only that can be left, and a soft reset leaves the rest of it.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netconn.h"
#include "netif.h"

#include "lwip/igmp.h"
#include "lwip/mld6.h"

typedef struct _membership_t {
    struct _membership_t *next;
    struct netif *netif;
    ip_addr_t group;
} membership_t;

static err_t group_join(struct netif *netif, const ip_addr_t *group) {
    #if LWIP_IPV6 && LWIP_IPV6_MLD
    if (!IP_IS_V4(group)) {
        return mld6_joingroup_netif(netif, ip_2_ip6(group));
    }
    #endif
    #if LWIP_IGMP
    return igmp_joingroup_netif(netif, ip_2_ip4(group));
    #else
    return ERR_VAL;
    #endif
}

static err_t group_leave(struct netif *netif, const ip_addr_t *group) {
    #if LWIP_IPV6 && LWIP_IPV6_MLD
    if (!IP_IS_V4(group)) {
        return mld6_leavegroup_netif(netif, ip_2_ip6(group));
    }
    #endif
    #if LWIP_IGMP
    return igmp_leavegroup_netif(netif, ip_2_ip4(group));
    #else
    return ERR_VAL;
    #endif
}

// An interface, or one of its addresses.
static struct netif *interface_from_obj(mp_obj_t obj) {
    ip_addr_t addr;
    if (!mp_obj_is_str(obj) || !lwipb_addr_parse(mp_obj_str_get_str(obj), AF_UNSPEC, &addr)) {
        return lwipb_netif_from_obj(obj);
    }
    struct netif *netif, *found = NULL;
    LOCK_TCPIP_CORE();
    NETIF_FOREACH(netif) {
        #if LWIP_IPV6
        if (!IP_IS_V4(&addr)) {
            ip6_addr_assign_zone(ip_2_ip6(&addr), IP6_UNKNOWN, netif);
            if (netif_get_ip6_addr_match(netif, ip_2_ip6(&addr)) >= 0) {
                found = netif;
            }
            continue;
        }
        #endif
        if (ip4_addr_eq(netif_ip4_addr(netif), ip_2_ip4(&addr))) {
            found = netif;
        }
    }
    UNLOCK_TCPIP_CORE();
    if (found == NULL) {
        mp_raise_OSError(MP_ENODEV);
    }
    return found;
}

static void group_from_obj(mp_obj_t obj, int family, struct netif *netif, ip_addr_t *group) {
    lwipb_addr_numeric(obj, family, group);
    if (!ip_addr_ismulticast(group)) {
        mp_raise_ValueError(MP_ERROR_TEXT("not a multicast address"));
    }
    #if LWIP_IPV6
    if (!IP_IS_V4(group)) {
        ip6_addr_assign_zone(ip_2_ip6(group), IP6_MULTICAST, netif);
    }
    #endif
}

static void note(membership_t *membership) {
    membership->next = MP_STATE_VM(lwipb_memberships);
    MP_STATE_VM(lwipb_memberships) = membership;
}

// Takes one out of the list: false if there is none.
static bool forget(const struct netif *netif, const ip_addr_t *group) {
    membership_t **link = &MP_STATE_VM(lwipb_memberships);
    while (*link != NULL && ((*link)->netif != netif || !ip_addr_eq(&(*link)->group, group))) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        return false;
    }
    *link = (*link)->next;
    return true;
}

// joingroup(netif, group)
static mp_obj_t join(mp_obj_t netif_in, mp_obj_t group_in, int family) {
    struct netif *netif = interface_from_obj(netif_in);
    membership_t *membership = m_new(membership_t, 1);
    group_from_obj(group_in, family, netif, &membership->group);
    membership->netif = netif;
    LOCK_TCPIP_CORE();
    err_t err = group_join(netif, &membership->group);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    note(membership);
    return mp_const_none;
}

// leavegroup(netif, group): OSError(EADDRNOTAVAIL) if no script joined it
static mp_obj_t leave(mp_obj_t netif_in, mp_obj_t group_in, int family) {
    struct netif *netif = interface_from_obj(netif_in);
    ip_addr_t group;
    group_from_obj(group_in, family, netif, &group);
    if (!forget(netif, &group)) {
        mp_raise_OSError(EADDRNOTAVAIL);
    }
    LOCK_TCPIP_CORE();
    err_t err = group_leave(netif, &group);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}

// Whether igmp_joingroup() or mld6_joingroup() with this address means the interface.
static bool is_meant(struct netif *netif, const ip_addr_t *addr) {
    #if LWIP_IPV6 && LWIP_IPV6_MLD
    if (!IP_IS_V4(addr)) {
        return ip_addr_isany(addr) || netif_get_ip6_addr_match(netif, ip_2_ip6(addr)) >= 0;
    }
    #endif
    #if LWIP_IGMP
    return (netif->flags & NETIF_FLAG_IGMP)
           && (ip_addr_isany(addr) || ip4_addr_eq(netif_ip4_addr(netif), ip_2_ip4(addr)));
    #else
    return false;
    #endif
}

#if LWIP_IGMP || (LWIP_IPV6 && LWIP_IPV6_MLD)
err_t lwipb_groups_netconn(struct netconn *conn, const ip_addr_t *group, const ip_addr_t *addr, u8_t index,
    enum netconn_igmp action) {
    // One for each interface (none is ever removed): lwIP has nothing to undo when memory runs out here.
    membership_t *spare = NULL;
    struct netif *netif = action == NETCONN_JOIN ? netif_list : NULL;
    for (; netif != NULL; netif = netif->next) {
        membership_t *membership = m_new(membership_t, 1);
        membership->next = spare;
        spare = membership;
    }
    err_t err = addr != NULL ? netconn_join_leave_group(conn, group, addr, action)
        : netconn_join_leave_group_netif(conn, group, index, action);
    if (err != ERR_OK) {
        return err;
    }
    LOCK_TCPIP_CORE();
    NETIF_FOREACH(netif) {
        if (addr != NULL ? !is_meant(netif, addr) : netif_get_index(netif) != index) {
            continue;
        }
        ip_addr_t zoned = *group;
        #if LWIP_IPV6
        if (!IP_IS_V4(group)) {
            ip6_addr_assign_zone(ip_2_ip6(&zoned), IP6_MULTICAST, netif);
        }
        #endif
        if (action == NETCONN_LEAVE) {
            forget(netif, &zoned);
        } else if (spare != NULL) {
            membership_t *membership = spare;
            spare = spare->next;
            membership->netif = netif;
            membership->group = zoned;
            note(membership);
        }
    }
    UNLOCK_TCPIP_CORE();
    return ERR_OK;
}
#endif

void lwipb_groups_deinit(void) {
    LOCK_TCPIP_CORE();
    for (membership_t *m = MP_STATE_VM(lwipb_memberships); m != NULL; m = m->next) {
        group_leave(m->netif, &m->group);
    }
    UNLOCK_TCPIP_CORE();
    MP_STATE_VM(lwipb_memberships) = NULL;
}

// How often the group was joined, by anybody; -1 = it was not.
static mp_int_t group_uses(struct netif *netif, const ip_addr_t *addr) {
    #if LWIP_IPV6 && LWIP_IPV6_MLD
    if (!IP_IS_V4(addr)) {
        struct mld_group *group = mld6_lookfor_group(netif, ip_2_ip6(addr));
        return group == NULL ? -1 : group->use;
    }
    #endif
    #if LWIP_IGMP
    struct igmp_group *group = igmp_lookfor_group(netif, ip_2_ip4(addr));
    return group == NULL ? -1 : group->use;
    #else
    return -1;
    #endif
}

// The interface's group of that number and its uses; -1 = there are not so many.
static mp_int_t group_at(struct netif *netif, int family, size_t i, ip_addr_t *addr) {
    #if LWIP_IPV6 && LWIP_IPV6_MLD
    if (family == AF_INET6) {
        struct mld_group *group = netif_mld6_data(netif);
        for (; group != NULL && i > 0; --i) {
            group = group->next;
        }
        if (group != NULL) {
            ip_addr_copy_from_ip6(*addr, group->group_address);
        }
        return group == NULL ? -1 : group->use;
    }
    #endif
    #if LWIP_IGMP
    struct igmp_group *group = netif_igmp_data(netif);
    for (; group != NULL && i > 0; --i) {
        group = group->next;
    }
    if (group != NULL) {
        ip_addr_copy_from_ip4(*addr, group->group_address);
    }
    return group == NULL ? -1 : group->use;
    #else
    return -1;
    #endif
}

// groups(netif): [(group, uses)] of everybody
static mp_obj_t list_groups(mp_obj_t netif_in, int family) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0;; ++i) {
        ip_addr_t addr;
        LOCK_TCPIP_CORE();
        mp_int_t uses = group_at(netif, family, i, &addr);
        UNLOCK_TCPIP_CORE();
        if (uses < 0) {
            return list;
        }
        mp_obj_t items[2] = { lwipb_addr_to_obj(&addr), MP_OBJ_NEW_SMALL_INT(uses) };
        mp_obj_list_append(list, mp_obj_new_tuple(2, items));
    }
}

// lookfor_group(netif, group): how often it was joined; None if it was not
static mp_obj_t look_for(mp_obj_t netif_in, mp_obj_t group_in, int family) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    ip_addr_t addr;
    group_from_obj(group_in, family, netif, &addr);
    LOCK_TCPIP_CORE();
    mp_int_t uses = group_uses(netif, &addr);
    UNLOCK_TCPIP_CORE();
    return uses < 0 ? mp_const_none : MP_OBJ_NEW_SMALL_INT(uses);
}

// report_groups(netif): tells the routers again
static mp_obj_t report(mp_obj_t netif_in, void (*report_groups)(struct netif *netif)) {
    struct netif *netif = lwipb_netif_from_obj(netif_in);
    LOCK_TCPIP_CORE();
    report_groups(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}

// A module of these functions for the groups of one family.
#define FUNCTION_1(module, name, call) \
    static mp_obj_t mod_##module##_##name(mp_obj_t netif) { \
        return call; \
    } \
    static MP_DEFINE_CONST_FUN_OBJ_1(mod_##module##_##name##_obj, mod_##module##_##name);
#define FUNCTION_2(module, name, call) \
    static mp_obj_t mod_##module##_##name(mp_obj_t netif, mp_obj_t group) { \
        return call; \
    } \
    static MP_DEFINE_CONST_FUN_OBJ_2(mod_##module##_##name##_obj, mod_##module##_##name);
#define ENTRY(module, name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mod_##module##_##name##_obj) }

#define MODULE(module, family) \
    FUNCTION_2(module, joingroup, join(netif, group, family)) \
    FUNCTION_2(module, leavegroup, leave(netif, group, family)) \
    FUNCTION_1(module, groups, list_groups(netif, family)) \
    FUNCTION_2(module, lookfor_group, look_for(netif, group, family)) \
    FUNCTION_1(module, report_groups, report(netif, module##_report_groups)) \
    static const mp_rom_map_elem_t module##_globals_table[] = { \
        { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_##module) }, \
        ENTRY(module, joingroup), \
        ENTRY(module, leavegroup), \
        ENTRY(module, groups), \
        ENTRY(module, lookfor_group), \
        ENTRY(module, report_groups), \
    }; \
    static MP_DEFINE_CONST_DICT(module##_globals, module##_globals_table); \
    const mp_obj_module_t lwipb_module_##module = { \
        .base = { &mp_type_module }, \
        .globals = (mp_obj_dict_t *)&module##_globals, \
    };

#if LWIP_IPV4 && LWIP_IGMP
MODULE(igmp, AF_INET)
#endif

#if LWIP_IPV6 && LWIP_IPV6_MLD
MODULE(mld6, AF_INET6)
#endif

MP_REGISTER_ROOT_POINTER(struct _membership_t *lwipb_memberships);
