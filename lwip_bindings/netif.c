// SPDX-License-Identifier: MIT
// class Netif of lwip.netif: an interface. The object holds its index only.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netif.h"
#include "netif_class.h"

#include "lwip/ip6_addr.h"
#include "lwip/nd6.h"

typedef struct _netif_obj_t {
    mp_obj_base_t base;
    uint8_t index;
} netif_obj_t;

mp_obj_t lwipb_netif_to_obj(struct netif *netif) {
    if (netif == NULL) {
        return mp_const_none;
    }
    netif_obj_t *self = mp_obj_malloc(netif_obj_t, &lwipb_type_netif);
    self->index = netif_get_index(netif);
    return MP_OBJ_FROM_PTR(self);
}

struct netif *lwipb_netif_from_obj(mp_obj_t obj) {
    const char *name = mp_obj_is_str(obj) ? mp_obj_str_get_str(obj) : NULL;
    mp_int_t index = 0;
    if (mp_obj_is_exact_type(obj, &lwipb_type_netif)) {
        index = ((netif_obj_t *)MP_OBJ_TO_PTR(obj))->index;
    } else if (name == NULL) {
        index = mp_obj_get_int(obj);
    }
    LOCK_TCPIP_CORE();
    struct netif *netif = name != NULL ? netif_find(name)
        : index > 0 && index <= 255 ? netif_get_by_index(index) : NULL;
    UNLOCK_TCPIP_CORE();
    if (netif == NULL) {
        mp_raise_OSError(MP_ENODEV);
    }
    return netif;
}

struct netif *lwipb_netif_with_arp(mp_obj_t obj) {
    struct netif *netif = lwipb_netif_from_obj(obj);
    if ((netif->flags & NETIF_FLAG_ETHARP) == 0) {
        mp_raise_OSError(MP_EOPNOTSUPP);
    }
    return netif;
}

void lwipb_addr_numeric(mp_obj_t obj, int family, ip_addr_t *addr) {
    const char *text = mp_obj_str_get_str(obj);
    if (text[0] == '\0' || !lwipb_addr_parse(text, AF_UNSPEC, addr)
        || (family != AF_UNSPEC && IP_IS_V4(addr) != (family == AF_INET))) {
        mp_raise_ValueError(MP_ERROR_TEXT("not an address of that kind"));
    }
}

uint8_t lwipb_server_from_obj(mp_obj_t index, unsigned count) {
    mp_int_t i = mp_obj_get_int(index);
    if (i < 0 || i >= (mp_int_t)count) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("no such server"));
    }
    return i;
}

ip_addr_t lwipb_server_addr(mp_obj_t addr_in) {
    ip_addr_t addr = *IP_ADDR_ANY;
    if (addr_in != mp_const_none) {
        lwipb_addr_numeric(addr_in, AF_UNSPEC, &addr);
    }
    return addr;
}

mp_obj_t lwipb_addr4_to_obj(const ip4_addr_t *addr) {
    ip_addr_t any;
    ip_addr_copy_from_ip4(any, *addr);
    return lwipb_addr_to_obj(&any);
}

static void netif_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    struct netif *netif = lwipb_netif_from_obj(self_in);
    mp_printf(print, "Netif('%c%c%u')", netif->name[0], netif->name[1], netif->num);
}

static mp_obj_t netif_binary_op(mp_binary_op_t op, mp_obj_t lhs, mp_obj_t rhs) {
    if (op != MP_BINARY_OP_EQUAL || !mp_obj_is_exact_type(rhs, &lwipb_type_netif)) {
        return MP_OBJ_NULL;
    }
    return mp_obj_new_bool(((netif_obj_t *)MP_OBJ_TO_PTR(lhs))->index
        == ((netif_obj_t *)MP_OBJ_TO_PTR(rhs))->index);
}

static mp_obj_t netif_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    return op == MP_UNARY_OP_HASH
        ? MP_OBJ_NEW_SMALL_INT(((netif_obj_t *)MP_OBJ_TO_PTR(self_in))->index) : MP_OBJ_NULL;
}

// ---- State -----------------------------------------------------------------------------------------

static mp_obj_t py_netif_set_up(mp_obj_t self_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    LOCK_TCPIP_CORE();
    netif_set_up(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_set_up_obj, py_netif_set_up);

static mp_obj_t py_netif_set_down(mp_obj_t self_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    LOCK_TCPIP_CORE();
    netif_set_down(netif);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_set_down_obj, py_netif_set_down);

static mp_obj_t py_netif_is_up(mp_obj_t self_in) {
    return mp_obj_new_bool(netif_is_up(lwipb_netif_from_obj(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_is_up_obj, py_netif_is_up);

static mp_obj_t py_netif_is_link_up(mp_obj_t self_in) {
    return mp_obj_new_bool(netif_is_link_up(lwipb_netif_from_obj(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_is_link_up_obj, py_netif_is_link_up);

// ---- IPv4 ------------------------------------------------------------------------------------------

static ip4_addr_t addr4_from_obj(mp_obj_t obj) {
    ip_addr_t addr;
    lwipb_addr_numeric(obj, AF_INET, &addr);
    return *ip_2_ip4(&addr);
}

// set_addr(ipaddr, netmask, gw)
static mp_obj_t py_netif_set_addr(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    struct netif *netif = lwipb_netif_from_obj(args[0]);
    ip4_addr_t addr = addr4_from_obj(args[1]), mask = addr4_from_obj(args[2]),
        gw = addr4_from_obj(args[3]);
    LOCK_TCPIP_CORE();
    netif_set_addr(netif, &addr, &mask, &gw);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netif_set_addr_obj, 4, 4, py_netif_set_addr);

static mp_obj_t set_one(mp_obj_t self_in, mp_obj_t addr_in,
    void (*function)(struct netif *, const ip4_addr_t *)) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    ip4_addr_t addr = addr4_from_obj(addr_in);
    LOCK_TCPIP_CORE();
    function(netif, &addr);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}

static mp_obj_t py_netif_set_ipaddr(mp_obj_t self_in, mp_obj_t addr) {
    return set_one(self_in, addr, netif_set_ipaddr);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_set_ipaddr_obj, py_netif_set_ipaddr);

static mp_obj_t py_netif_set_netmask(mp_obj_t self_in, mp_obj_t addr) {
    return set_one(self_in, addr, netif_set_netmask);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_set_netmask_obj, py_netif_set_netmask);

static mp_obj_t py_netif_set_gw(mp_obj_t self_in, mp_obj_t addr) {
    return set_one(self_in, addr, netif_set_gw);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_set_gw_obj, py_netif_set_gw);

static mp_obj_t copy_out(const ip_addr_t *addr) {
    LOCK_TCPIP_CORE();
    ip_addr_t copy = *addr;
    UNLOCK_TCPIP_CORE();
    return lwipb_addr_to_obj(&copy);
}

static mp_obj_t py_netif_ip4_addr(mp_obj_t self_in) {
    return copy_out(netif_ip_addr4(lwipb_netif_from_obj(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_ip4_addr_obj, py_netif_ip4_addr);

static mp_obj_t py_netif_ip4_netmask(mp_obj_t self_in) {
    return copy_out(netif_ip_netmask4(lwipb_netif_from_obj(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_ip4_netmask_obj, py_netif_ip4_netmask);

static mp_obj_t py_netif_ip4_gw(mp_obj_t self_in) {
    return copy_out(netif_ip_gw4(lwipb_netif_from_obj(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_ip4_gw_obj, py_netif_ip4_gw);

// ---- IPv6 ------------------------------------------------------------------------------------------

#if LWIP_IPV6

mp_obj_t lwipb_addr6_to_obj(const ip6_addr_t *addr) {
    ip_addr_t any;
    ip_addr_copy_from_ip6(any, *addr);
    return lwipb_addr_to_obj(&any);
}

static s8_t slot_from_obj(mp_obj_t obj) {
    mp_int_t i = mp_obj_get_int(obj);
    if (i < 0 || i >= LWIP_IPV6_NUM_ADDRESSES) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("no such address slot"));
    }
    return i;
}

// lwIP wants a scoped address to carry the zone of its interface.
static void addr6_from_obj(mp_obj_t obj, struct netif *netif, ip_addr_t *addr) {
    lwipb_addr_numeric(obj, AF_INET6, addr);
    ip6_addr_assign_zone(ip_2_ip6(addr), IP6_UNKNOWN, netif);
}

// ip6_addr(i): the address in a slot, whatever its state
static mp_obj_t py_netif_ip6_addr(mp_obj_t self_in, mp_obj_t slot) {
    return copy_out(netif_ip_addr6(lwipb_netif_from_obj(self_in), slot_from_obj(slot)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_ip6_addr_obj, py_netif_ip6_addr);

static mp_obj_t py_netif_ip6_addr_state(mp_obj_t self_in, mp_obj_t slot) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    return MP_OBJ_NEW_SMALL_INT(netif_ip6_addr_state(netif, slot_from_obj(slot)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_ip6_addr_state_obj, py_netif_ip6_addr_state);

// ip6_addr_set(i, addr): the state stays as it is
static mp_obj_t py_netif_ip6_addr_set(mp_obj_t self_in, mp_obj_t slot, mp_obj_t addr_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    s8_t i = slot_from_obj(slot);
    ip_addr_t addr;
    addr6_from_obj(addr_in, netif, &addr);
    LOCK_TCPIP_CORE();
    netif_ip6_addr_set(netif, i, ip_2_ip6(&addr));
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(netif_ip6_addr_set_obj, py_netif_ip6_addr_set);

static mp_obj_t py_netif_ip6_addr_set_state(mp_obj_t self_in, mp_obj_t slot, mp_obj_t state_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    s8_t i = slot_from_obj(slot);
    mp_int_t state = mp_obj_get_int(state_in);
    if (state < 0 || state > 0xff) {
        mp_raise_ValueError(NULL);
    }
    LOCK_TCPIP_CORE();
    netif_ip6_addr_set_state(netif, i, state);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(netif_ip6_addr_set_state_obj, py_netif_ip6_addr_set_state);

// add_ip6_address(addr): the slot that it took
static mp_obj_t py_netif_add_ip6_address(mp_obj_t self_in, mp_obj_t addr_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    ip_addr_t addr;
    addr6_from_obj(addr_in, netif, &addr);
    s8_t slot = -1;
    LOCK_TCPIP_CORE();
    err_t err = netif_add_ip6_address(netif, ip_2_ip6(&addr), &slot);
    UNLOCK_TCPIP_CORE();
    // lwIP says ERR_VAL when all slots are taken.
    if (err != ERR_OK) {
        mp_raise_OSError(MP_ENOMEM);
    }
    return MP_OBJ_NEW_SMALL_INT(slot);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_add_ip6_address_obj, py_netif_add_ip6_address);

// get_ip6_addr_match(addr): its slot, or -1
static mp_obj_t py_netif_get_ip6_addr_match(mp_obj_t self_in, mp_obj_t addr_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    ip_addr_t addr;
    addr6_from_obj(addr_in, netif, &addr);
    LOCK_TCPIP_CORE();
    s8_t slot = netif_get_ip6_addr_match(netif, ip_2_ip6(&addr));
    UNLOCK_TCPIP_CORE();
    return MP_OBJ_NEW_SMALL_INT(slot);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_get_ip6_addr_match_obj, py_netif_get_ip6_addr_match);

// create_ip6_linklocal_address(from_mac_48bit=True)
static mp_obj_t py_netif_create_ip6_linklocal_address(size_t n_args, const mp_obj_t *args) {
    struct netif *netif = lwipb_netif_from_obj(args[0]);
    bool from_mac = n_args < 2 || mp_obj_is_true(args[1]);
    LOCK_TCPIP_CORE();
    netif_create_ip6_linklocal_address(netif, from_mac);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netif_create_ip6_linklocal_address_obj, 1, 2,
    py_netif_create_ip6_linklocal_address);

#if LWIP_IPV6_AUTOCONFIG
static mp_obj_t py_netif_set_ip6_autoconfig_enabled(mp_obj_t self_in, mp_obj_t value) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    bool on = mp_obj_is_true(value);
    LOCK_TCPIP_CORE();
    netif_set_ip6_autoconfig_enabled(netif, on);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_set_ip6_autoconfig_enabled_obj,
    py_netif_set_ip6_autoconfig_enabled);
#endif

#if LWIP_IPV6_ADDRESS_LIFETIMES
static mp_obj_t life(size_t n_args, const mp_obj_t *args, u32_t *lives) {
    u32_t *slot = &lives[slot_from_obj(args[1])];
    if (n_args < 3) {
        return mp_obj_new_int_from_uint(*slot);
    }
    u32_t seconds = mp_obj_get_int_truncated(args[2]);
    LOCK_TCPIP_CORE();
    *slot = seconds;
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}

// ip6_addr_valid_life(i[, seconds]): 0 is a static address
static mp_obj_t py_netif_ip6_addr_valid_life(size_t n_args, const mp_obj_t *args) {
    return life(n_args, args, lwipb_netif_from_obj(args[0])->ip6_addr_valid_life);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netif_ip6_addr_valid_life_obj, 2, 3,
    py_netif_ip6_addr_valid_life);

static mp_obj_t py_netif_ip6_addr_pref_life(size_t n_args, const mp_obj_t *args) {
    return life(n_args, args, lwipb_netif_from_obj(args[0])->ip6_addr_pref_life);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netif_ip6_addr_pref_life_obj, 2, 3,
    py_netif_ip6_addr_pref_life);
#endif

#endif

// ---- Names -----------------------------------------------------------------------------------------

#if LWIP_NETIF_HOSTNAME

static mp_obj_t py_netif_get_hostname(mp_obj_t self_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    const char *name = netif_get_hostname(netif);
    return name == NULL ? mp_const_none : mp_obj_new_str_from_cstr(name);
}
static MP_DEFINE_CONST_FUN_OBJ_1(netif_get_hostname_obj, py_netif_get_hostname);

static mp_obj_t py_netif_set_hostname(mp_obj_t self_in, mp_obj_t name_in) {
    struct netif *netif = lwipb_netif_from_obj(self_in);
    size_t len;
    const char *name = mp_obj_str_get_data(name_in, &len);
    if (len == 0 || len > LWIPB_HOSTNAME_MAX) {
        mp_raise_ValueError(NULL);
    }
    if (!lwipb_netif_set_hostname(netif, name, len)) {
        mp_raise_OSError(MP_ENOMEM);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netif_set_hostname_obj, py_netif_set_hostname);

#endif

static void netif_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    struct netif *netif = lwipb_netif_from_obj(self_in);
    char name[NETIF_NAMESIZE];
    switch (attr) {
        case MP_QSTR_index:
            dest[0] = MP_OBJ_NEW_SMALL_INT(netif_get_index(netif));
            break;
        case MP_QSTR_name:
            LOCK_TCPIP_CORE();
            netif_index_to_name(netif_get_index(netif), name);
            UNLOCK_TCPIP_CORE();
            dest[0] = mp_obj_new_str_from_cstr(name);
            break;
        case MP_QSTR_mtu:
            dest[0] = MP_OBJ_NEW_SMALL_INT(netif->mtu);
            break;
        #if LWIP_IPV6
        case MP_QSTR_mtu6:
            dest[0] = MP_OBJ_NEW_SMALL_INT(netif_mtu6(netif));
            break;
        #endif
        case MP_QSTR_hwaddr:
            dest[0] = mp_obj_new_bytes(netif->hwaddr, netif->hwaddr_len);
            break;
        case MP_QSTR_flags:
            dest[0] = MP_OBJ_NEW_SMALL_INT(netif->flags);
            break;
        default:
            dest[1] = MP_OBJ_SENTINEL;
            break;
    }
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&netif_##name##_obj) }

static const mp_rom_map_elem_t netif_locals_table[] = {
    METHOD(set_up),
    METHOD(set_down),
    METHOD(is_up),
    METHOD(is_link_up),
    METHOD(set_addr),
    METHOD(set_ipaddr),
    METHOD(set_netmask),
    METHOD(set_gw),
    METHOD(ip4_addr),
    METHOD(ip4_netmask),
    METHOD(ip4_gw),
    #if LWIP_IPV6
    METHOD(ip6_addr),
    METHOD(ip6_addr_set),
    METHOD(ip6_addr_set_state),
    METHOD(ip6_addr_state),
    METHOD(add_ip6_address),
    METHOD(get_ip6_addr_match),
    METHOD(create_ip6_linklocal_address),
    #if LWIP_IPV6_AUTOCONFIG
    METHOD(set_ip6_autoconfig_enabled),
    #endif
    #if LWIP_IPV6_ADDRESS_LIFETIMES
    METHOD(ip6_addr_pref_life),
    METHOD(ip6_addr_valid_life),
    #endif
    #endif
    #if LWIP_NETIF_HOSTNAME
    METHOD(get_hostname),
    METHOD(set_hostname),
    #endif
};
static MP_DEFINE_CONST_DICT(netif_locals, netif_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_netif,
    MP_QSTR_Netif,
    MP_TYPE_FLAG_NONE,
    print, netif_print,
    unary_op, netif_unary_op,
    binary_op, netif_binary_op,
    attr, netif_attr,
    locals_dict, &netif_locals
    );
