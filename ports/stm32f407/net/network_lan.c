// SPDX-License-Identifier: MIT
//
// network.LAN: the Ethernet interface. There is one; every LAN() is the same object.

#include <string.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/parsenum.h"
#include "py/runtime.h"

#include "lwip/autoip.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/nd6.h"
#include "lwip/prot/dhcp.h"
#include "lwip/tcpip.h"

#include "ethif.h"
#include "network.h"

// status()
#define STAT_LINK_DOWN  (0) // off, or no link
#define STAT_STARTING   (1) // PHY and MAC are being brought up
#define STAT_NO_IP      (2) // link, no address yet
#define STAT_UP         (3)

// What active(True) gives the MAC to show that it has a clock, and ifconfig("dhcp") the server.
#define CLOCK_WAIT_MS   (50)
#define DHCP_WAIT_MS    (10000)

const mp_obj_base_t network_lan_obj = { &network_lan_type };

// A static address was set: active(True) leaves DHCP alone.
static bool static_address;

void network_lan_reset(void) {
    static_address = false;
    network_lan_irq_reset();
    network_lan_capture_reset();
    network_lan_frames_reset();
    eth_ptp_enable(false);
}

// ---- Helpers; those that say so are called with lwIP's lock ----------------------------------------

// With lwIP's lock.
static void use_dhcp(void) {
    static_address = false;
    if (ethif_is_active()) {
        dhcp_start(ethif_netif());
    }
}

// With lwIP's lock. Ends DHCP, which drops the address it had.
static void stop_dhcp(void) {
    dhcp_release_and_stop(ethif_netif());
}

// With lwIP's lock.
static void use_address(const ip4_addr_t *addr, const ip4_addr_t *mask, const ip4_addr_t *gw) {
    stop_dhcp();
    static_address = !ip4_addr_isany(addr);
    netif_set_addr(ethif_netif(), addr, mask, gw);
}

// With lwIP's lock: an address to talk with, IPv4 or global IPv6.
static bool has_address(void) {
    struct netif *netif = ethif_netif();
    if (!ip4_addr_isany_val(*netif_ip4_addr(netif))) {
        return true;
    }
    for (s8_t i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_ispreferred(netif_ip6_addr_state(netif, i))) {
            return true;
        }
    }
    return false;
}

static int lan_status(void) {
    LOCK_TCPIP_CORE();
    int status = STAT_LINK_DOWN;
    eth_state_t state = eth_state();
    if (netif_is_link_up(ethif_netif())) {
        status = has_address() ? STAT_UP : STAT_NO_IP;
    } else if (state == ETH_PHY_HELD || state == ETH_PHY_BOOT || state == ETH_PHY_RESET
               || state == ETH_MAC_RESET) {
        status = STAT_STARTING;
    }
    UNLOCK_TCPIP_CORE();
    return status;
}

static const char *error_text(eth_state_t state) {
    return state == ETH_NO_CLOCK ? "no PHY clock" : state == ETH_NO_PHY ? "no PHY" : NULL;
}

void network_raise(int errno_, const char *text) {
    mp_obj_t args[2] = { MP_OBJ_NEW_SMALL_INT(errno_), mp_obj_new_str_from_cstr(text) };
    nlr_raise(mp_obj_new_exception_args(&mp_type_OSError, 2, args));
}

static mp_obj_t format_addr4(const ip4_addr_t *addr) {
    char text[IP4ADDR_STRLEN_MAX];
    ip4addr_ntoa_r(addr, text, sizeof(text));
    return mp_obj_new_str_from_cstr(text);
}

static ip4_addr_t parse_addr4(mp_obj_t text) {
    ip_addr_t addr;
    network_parse_addr(text, &addr);
    if (!IP_IS_V4(&addr)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid address type"));
    }
    return *ip_2_ip4(&addr);
}

static ip4_addr_t mask_from_prefix(mp_obj_t prefix) {
    mp_int_t bits = mp_obj_get_int(prefix);
    if (bits < 0 || bits > 32) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid prefix"));
    }
    ip4_addr_t mask;
    ip4_addr_set_u32(&mask, bits == 0 ? 0 : lwip_htonl(0xffffffffu << (32 - bits)));
    return mask;
}

// ---- Constructor -----------------------------------------------------------------------------------

static void lan_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)self_in;
    (void)kind;
    LOCK_TCPIP_CORE();
    eth_state_t state = eth_state();
    phy_link_t link = *eth_link();
    ip4_addr_t addr = *netif_ip4_addr(ethif_netif());
    UNLOCK_TCPIP_CORE();
    char text[IP4ADDR_STRLEN_MAX];
    ip4addr_ntoa_r(&addr, text, sizeof(text));
    if (state == ETH_LINK_UP) {
        const char *duplex = link.full_duplex ? "full" : "half";
        mp_printf(print, "<LAN %u Mbit/s %s duplex, %s>", link.mbit_s, duplex, text);
    } else {
        const char *error = error_text(state);
        mp_printf(print, "<LAN %s>", state == ETH_OFF ? "off" : error != NULL ? error : "no link");
    }
}

static mp_obj_t lan_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *all_args) {
    enum { ARG_id, ARG_phy_type, ARG_phy_addr };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_id, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_phy_type, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = -1 } },
        { MP_QSTR_phy_addr, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = -1 } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, all_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_int_t phy_type = args[ARG_phy_type].u_int, phy_addr = args[ARG_phy_addr].u_int;
    if (args[ARG_id].u_int != 0 || phy_type > PHY_DP83848 || phy_addr > 31) {
        mp_raise_ValueError(NULL);
    }
    LOCK_TCPIP_CORE();
    eth_config_t *config = ethif_config();
    bool change = (phy_type >= 0 && phy_type != config->phy_type)
        || (phy_addr >= 0 && phy_addr != config->phy_address);
    bool busy = change && ethif_is_active();
    if (change && !busy) {
        config->phy_type = phy_type >= 0 ? (uint8_t)phy_type : config->phy_type;
        config->phy_address = phy_addr >= 0 ? (int8_t)phy_addr : config->phy_address;
    }
    UNLOCK_TCPIP_CORE();
    if (busy) {
        mp_raise_OSError(MP_EBUSY);
    }
    return MP_OBJ_FROM_PTR(&network_lan_obj);
}

// ---- active, status --------------------------------------------------------------------------------

static void switch_off(void) {
    LOCK_TCPIP_CORE();
    stop_dhcp();
    ethif_activate(false);
    UNLOCK_TCPIP_CORE();
}

// Does not wait for the link: only until the MAC has shown that it gets a clock, 10 ms as a rule.
static void switch_on(void) {
    // machine.freq() goes lower than the MAC can (RM0090 section 33.4.2), as long as the MAC is off.
    if (hclk_hz() < ETH_MIN_HCLK_HZ) {
        mp_raise_msg(&mp_type_OSError, MP_ERROR_TEXT("Ethernet needs an HCLK of 25 MHz"));
    }
    LOCK_TCPIP_CORE();
    struct netif *netif = ethif_netif();
    netif_set_hostname(netif, network_hostname_get());
    ethif_activate(true);
    err_t err = static_address ? ERR_OK : dhcp_start(netif);
    UNLOCK_TCPIP_CORE();
    if (err != ERR_OK) {
        switch_off();
        mp_raise_OSError(MP_ENOMEM);
    }
    for (unsigned ms = 0; ms < CLOCK_WAIT_MS && lan_status() == STAT_STARTING; ms++) {
        mp_hal_delay_ms(1);
    }
    if (eth_state() == ETH_NO_CLOCK) {
        switch_off();
        network_raise(MP_ENODEV, error_text(ETH_NO_CLOCK));
    }
}

static mp_obj_t lan_active(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return mp_obj_new_bool(ethif_is_active());
    }
    bool on = mp_obj_is_true(args[1]);
    if (on != ethif_is_active()) {
        if (on) {
            switch_on();
        } else {
            switch_off();
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_active_obj, 1, 2, lan_active);

static mp_obj_t lan_isconnected(mp_obj_t self_in) {
    (void)self_in;
    return mp_obj_new_bool(lan_status() == STAT_UP);
}
static MP_DEFINE_CONST_FUN_OBJ_1(lan_isconnected_obj, lan_isconnected);

static mp_obj_t status_item(qstr key) {
    LOCK_TCPIP_CORE();
    eth_state_t state = eth_state();
    phy_link_t link = *eth_link();
    phy_t phy = *eth_phy();
    UNLOCK_TCPIP_CORE();
    bool up = state == ETH_LINK_UP;
    switch (key) {
        case MP_QSTR_speed:
            return MP_OBJ_NEW_SMALL_INT(up ? link.mbit_s : 0);
        case MP_QSTR_duplex:
            return !up ? mp_const_none : MP_OBJ_NEW_QSTR(link.full_duplex ? MP_QSTR_full : MP_QSTR_half);
        case MP_QSTR_phy: {
            if (state < ETH_PHY_RESET) {
                return mp_const_none;
            }
            mp_obj_t items[2] = { MP_OBJ_NEW_SMALL_INT(phy.address), mp_obj_new_int_from_uint(phy.id) };
            return mp_obj_new_tuple(2, items);
        }
        case MP_QSTR_error: {
            const char *text = error_text(state);
            return text == NULL ? mp_const_none : mp_obj_new_str_from_cstr(text);
        }
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unknown status param"));
    }
}

static mp_obj_t lan_status_(size_t n_args, const mp_obj_t *args) {
    return n_args == 1 ? MP_OBJ_NEW_SMALL_INT(lan_status()) : status_item(mp_obj_str_get_qstr(args[1]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_status_obj, 1, 2, lan_status_);

// ---- Addresses -------------------------------------------------------------------------------------

static mp_obj_t get_addr4(void) {
    LOCK_TCPIP_CORE();
    ip4_addr_t addr = *netif_ip4_addr(ethif_netif()), mask = *netif_ip4_netmask(ethif_netif());
    UNLOCK_TCPIP_CORE();
    mp_obj_t items[2] = { format_addr4(&addr), format_addr4(&mask) };
    return mp_obj_new_tuple(2, items);
}

static mp_obj_t get_addr6(void) {
    struct {
        ip_addr_t addr;
        u8_t state;
        u32_t preferred, valid;
    } all[LWIP_IPV6_NUM_ADDRESSES];
    unsigned count = 0;
    struct netif *netif = ethif_netif();
    LOCK_TCPIP_CORE();
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (netif_ip6_addr_state(netif, i) != IP6_ADDR_INVALID) {
            ip_addr_copy(all[count].addr, *netif_ip_addr6(netif, i));
            all[count].state = netif_ip6_addr_state(netif, i);
            all[count].preferred = netif_ip6_addr_pref_life(netif, i);
            all[count].valid = netif_ip6_addr_valid_life(netif, i);
            count++;
        }
    }
    UNLOCK_TCPIP_CORE();
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (unsigned i = 0; i < count; i++) {
        mp_obj_t items[4] = {
            network_format_addr(&all[i].addr), MP_OBJ_NEW_SMALL_INT(all[i].state),
            mp_obj_new_int_from_uint(all[i].preferred), mp_obj_new_int_from_uint(all[i].valid),
        };
        mp_obj_list_append(list, mp_obj_new_tuple(4, items));
    }
    return list;
}

static bool has_autoconf6(void) {
    struct netif *netif = ethif_netif();
    for (s8_t i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) && !netif_ip6_addr_isstatic(netif, i)) {
            return true;
        }
    }
    return false;
}

static mp_obj_t get_ipconfig(qstr key) {
    struct netif *netif = ethif_netif();
    LOCK_TCPIP_CORE();
    struct dhcp *dhcp = netif_dhcp_data(netif);
    bool dhcp4 = dhcp != NULL && dhcp->state != DHCP_STATE_OFF;
    bool has_dhcp4 = dhcp_supplied_address(netif);
    bool autoconf6 = netif->ip6_autoconfig_enabled;
    bool has6 = has_autoconf6();
    ip4_addr_t gw = *netif_ip4_gw(netif);
    UNLOCK_TCPIP_CORE();
    switch (key) {
        case MP_QSTR_addr4:
            return get_addr4();
        case MP_QSTR_gw4:
            return format_addr4(&gw);
        case MP_QSTR_dhcp4:
            return mp_obj_new_bool(dhcp4);
        case MP_QSTR_has_dhcp4:
            return mp_obj_new_bool(has_dhcp4);
        case MP_QSTR_addr6:
            return get_addr6();
        case MP_QSTR_autoconf6:
            return mp_obj_new_bool(autoconf6);
        case MP_QSTR_has_autoconf6:
            return mp_obj_new_bool(has6);
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unexpected key"));
    }
}

// "192.168.0.4/24", "192.168.0.4" with the mask kept, or ("192.168.0.4", "255.255.255.0").
static void set_addr4(mp_obj_t value) {
    ip4_addr_t addr, mask;
    LOCK_TCPIP_CORE();
    ip4_addr_t gw = *netif_ip4_gw(ethif_netif());
    mask = *netif_ip4_netmask(ethif_netif());
    bool leased = dhcp_supplied_address(ethif_netif());
    UNLOCK_TCPIP_CORE();
    if (mp_obj_is_str(value)) {
        size_t len;
        const char *text = mp_obj_str_get_data(value, &len);
        const char *slash = memchr(text, '/', len);
        if (slash != NULL) {
            addr = parse_addr4(mp_obj_new_str(text, (size_t)(slash - text)));
            size_t digits = (size_t)(text + len - slash - 1);
            mask = mask_from_prefix(mp_parse_num_integer(slash + 1, digits, 10, NULL));
        } else {
            addr = parse_addr4(value);
            if (ip4_addr_isany_val(mask)) {
                IP4_ADDR(&mask, 255, 255, 255, 0);
            }
        }
    } else {
        mp_obj_t *items;
        mp_obj_get_array_fixed_n(value, 2, &items);
        addr = parse_addr4(items[0]);
        mask = parse_addr4(items[1]);
    }
    if (leased) {
        // The gateway was the lease's.
        ip4_addr_set_zero(&gw);
    }
    LOCK_TCPIP_CORE();
    use_address(&addr, &mask, &gw);
    UNLOCK_TCPIP_CORE();
}

static void set_addr6(mp_obj_t value) {
    ip_addr_t addr;
    network_parse_addr(value, &addr);
    if (!IP_IS_V6(&addr)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid address type"));
    }
    LOCK_TCPIP_CORE();
    err_t err = netif_add_ip6_address(ethif_netif(), ip_2_ip6(&addr), NULL);
    UNLOCK_TCPIP_CORE();
    if (err != ERR_OK) {
        mp_raise_OSError(MP_ENOMEM);
    }
}

// With lwIP's lock.
static void set_autoconf6(bool on) {
    struct netif *netif = ethif_netif();
    netif_set_ip6_autoconfig_enabled(netif, on);
    if (on) {
        nd6_restart_netif(netif);
        return;
    }
    for (s8_t i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) && !netif_ip6_addr_isstatic(netif, i)) {
            netif_ip6_addr_set_state(netif, i, IP6_ADDR_INVALID);
        }
    }
}

static void set_ipconfig(qstr key, mp_obj_t value) {
    switch (key) {
        case MP_QSTR_addr4:
            set_addr4(value);
            break;
        case MP_QSTR_addr6:
            set_addr6(value);
            break;
        case MP_QSTR_gw4: {
            ip4_addr_t gw = parse_addr4(value);
            LOCK_TCPIP_CORE();
            netif_set_gw(ethif_netif(), &gw);
            UNLOCK_TCPIP_CORE();
            break;
        }
        case MP_QSTR_dhcp4: {
            bool on = mp_obj_is_true(value);
            LOCK_TCPIP_CORE();
            if (!on) {
                stop_dhcp();
            } else if (dhcp_supplied_address(ethif_netif())) {
                dhcp_renew(ethif_netif());
            } else {
                use_dhcp();
            }
            UNLOCK_TCPIP_CORE();
            break;
        }
        case MP_QSTR_autoconf6: {
            bool on = mp_obj_is_true(value);
            LOCK_TCPIP_CORE();
            set_autoconf6(on);
            UNLOCK_TCPIP_CORE();
            break;
        }
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unexpected key"));
    }
}

static mp_obj_t lan_ipconfig(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return network_get_or_set(n_args - 1, args + 1, kwargs, get_ipconfig, set_ipconfig);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(lan_ipconfig_obj, 1, lan_ipconfig);

static mp_obj_t get_ifconfig(void) {
    struct netif *netif = ethif_netif();
    LOCK_TCPIP_CORE();
    ip4_addr_t addr = *netif_ip4_addr(netif), mask = *netif_ip4_netmask(netif), gw = *netif_ip4_gw(netif);
    ip_addr_t dns = *dns_getserver(0);
    UNLOCK_TCPIP_CORE();
    mp_obj_t items[4] = {
        format_addr4(&addr), format_addr4(&mask), format_addr4(&gw), network_format_addr(&dns),
    };
    return mp_obj_new_tuple(4, items);
}

static void wait_for_dhcp(void) {
    mp_uint_t start = mp_hal_ticks_ms();
    for (;;) {
        LOCK_TCPIP_CORE();
        bool done = dhcp_supplied_address(ethif_netif());
        UNLOCK_TCPIP_CORE();
        if (done) {
            return;
        }
        if (mp_hal_ticks_ms() - start > DHCP_WAIT_MS) {
            mp_raise_OSError(MP_ETIMEDOUT);
        }
        mp_hal_delay_ms(10);
    }
}

static mp_obj_t lan_ifconfig(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return get_ifconfig();
    }
    if (mp_obj_is_str(args[1])) {
        if (mp_obj_str_get_qstr(args[1]) != MP_QSTR_dhcp) {
            mp_raise_ValueError(NULL);
        }
        if (!ethif_is_active()) {
            mp_raise_OSError(MP_ENODEV);
        }
        set_ipconfig(MP_QSTR_dhcp4, mp_const_true);
        wait_for_dhcp();
        return mp_const_none;
    }
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(args[1], 4, &items);
    ip4_addr_t addr = parse_addr4(items[0]), mask = parse_addr4(items[1]), gw = parse_addr4(items[2]);
    ip_addr_t dns;
    network_parse_addr(items[3], &dns);
    LOCK_TCPIP_CORE();
    use_address(&addr, &mask, &gw);
    dns_setserver(0, &dns);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_ifconfig_obj, 1, 2, lan_ifconfig);

// ---- config ----------------------------------------------------------------------------------------

static unsigned mode_speed(phy_mode_t mode) {
    return mode == PHY_MODE_100_HALF || mode == PHY_MODE_100_FULL ? 100 : 10;
}

static bool mode_is_full(phy_mode_t mode) {
    return mode == PHY_MODE_10_FULL || mode == PHY_MODE_100_FULL;
}

static phy_mode_t make_mode(unsigned mbit_s, bool full) {
    return mbit_s == 100 ? (full ? PHY_MODE_100_FULL : PHY_MODE_100_HALF)
        : full ? PHY_MODE_10_FULL : PHY_MODE_10_HALF;
}

static mp_obj_t get_config(qstr key) {
    const phy_mode_t mode = (phy_mode_t)ethif_config()->phy_mode;
    switch (key) {
        case MP_QSTR_mac: {
            uint8_t mac[6];
            LOCK_TCPIP_CORE();
            memcpy(mac, ethif_netif()->hwaddr, sizeof(mac));
            UNLOCK_TCPIP_CORE();
            return mp_obj_new_bytes(mac, sizeof(mac));
        }
        case MP_QSTR_hostname:
            return network_hostname(0, NULL);
        case MP_QSTR_promiscuous:
            return mp_obj_new_bool(ethif_promiscuous());
        case MP_QSTR_mode:
            return MP_OBJ_NEW_SMALL_INT(mode);
        case MP_QSTR_auto:
            return mp_obj_new_bool(mode == PHY_MODE_AUTO);
        case MP_QSTR_speed:
            return mode == PHY_MODE_AUTO ? mp_const_none : MP_OBJ_NEW_SMALL_INT(mode_speed(mode));
        case MP_QSTR_duplex:
            return mode == PHY_MODE_AUTO ? mp_const_none
                : MP_OBJ_NEW_QSTR(mode_is_full(mode) ? MP_QSTR_full : MP_QSTR_half);
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unknown config param"));
    }
}

static void set_mac(mp_obj_t value) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(value, &buffer, MP_BUFFER_READ);
    if (buffer.len != 6) {
        mp_raise_ValueError(MP_ERROR_TEXT("MAC address is 6 bytes"));
    }
    uint8_t mac[6];
    memcpy(mac, buffer.buf, sizeof(mac));
    LOCK_TCPIP_CORE();
    int result = ethif_set_mac(mac);
    UNLOCK_TCPIP_CORE();
    if (result != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("group or zero MAC address"));
    }
}

static void set_mode(mp_int_t mode) {
    if (mode < PHY_MODE_AUTO || mode > PHY_MODE_100_FULL) {
        mp_raise_ValueError(NULL);
    }
    LOCK_TCPIP_CORE();
    if (mode != ethif_config()->phy_mode) {
        ethif_config()->phy_mode = (uint8_t)mode;
        eth_set_mode((phy_mode_t)mode);
    }
    UNLOCK_TCPIP_CORE();
}

// Forces the speed and keeps the duplex, or the other way round. From autonegotiation: half duplex, which is
// what a partner that negotiates takes for granted then, and 100 Mbit/s.
static void set_speed(mp_obj_t value) {
    mp_int_t mbit_s = mp_obj_get_int(value);
    if (mbit_s != 10 && mbit_s != 100) {
        mp_raise_ValueError(MP_ERROR_TEXT("speed is 10 or 100"));
    }
    set_mode(make_mode((unsigned)mbit_s, mode_is_full((phy_mode_t)ethif_config()->phy_mode)));
}

static void set_duplex(mp_obj_t value) {
    qstr duplex = mp_obj_str_get_qstr(value);
    if (duplex != MP_QSTR_full && duplex != MP_QSTR_half) {
        mp_raise_ValueError(MP_ERROR_TEXT("duplex is full or half"));
    }
    phy_mode_t mode = (phy_mode_t)ethif_config()->phy_mode;
    set_mode(make_mode(mode == PHY_MODE_AUTO ? 100 : mode_speed(mode), duplex == MP_QSTR_full));
}

static void set_auto(bool on) {
    if (on) {
        set_mode(PHY_MODE_AUTO);
    } else if (ethif_config()->phy_mode == PHY_MODE_AUTO) {
        set_mode(PHY_MODE_100_HALF);
    }
}

static void set_config(qstr key, mp_obj_t value) {
    switch (key) {
        case MP_QSTR_mac:
            set_mac(value);
            break;
        case MP_QSTR_hostname:
            network_hostname(1, &value);
            break;
        case MP_QSTR_promiscuous: {
            bool on = mp_obj_is_true(value);
            LOCK_TCPIP_CORE();
            ethif_set_promiscuous(on);
            UNLOCK_TCPIP_CORE();
            break;
        }
        case MP_QSTR_mode:
            set_mode(mp_obj_get_int(value));
            break;
        case MP_QSTR_speed:
            set_speed(value);
            break;
        case MP_QSTR_duplex:
            set_duplex(value);
            break;
        case MP_QSTR_auto:
            set_auto(mp_obj_is_true(value));
            break;
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unknown config param"));
    }
}

static mp_obj_t lan_config(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return network_get_or_set(n_args - 1, args + 1, kwargs, get_config, set_config);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(lan_config_obj, 1, lan_config);

static const mp_rom_map_elem_t lan_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&lan_active_obj) },
    { MP_ROM_QSTR(MP_QSTR_isconnected), MP_ROM_PTR(&lan_isconnected_obj) },
    { MP_ROM_QSTR(MP_QSTR_status), MP_ROM_PTR(&lan_status_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&lan_ipconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_ifconfig), MP_ROM_PTR(&lan_ifconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_config), MP_ROM_PTR(&lan_config_obj) },
    { MP_ROM_QSTR(MP_QSTR_irq), MP_ROM_PTR(&network_lan_irq_obj) },
    { MP_ROM_QSTR(MP_QSTR_frames), MP_ROM_PTR(&network_lan_frames_obj) },
    { MP_ROM_QSTR(MP_QSTR_capture), MP_ROM_PTR(&network_lan_capture_obj) },
    { MP_ROM_QSTR(MP_QSTR_ptp), MP_ROM_PTR(&network_lan_ptp_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&network_lan_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_LINK), MP_ROM_INT(NETWORK_LAN_IRQ_LINK) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_ADDR), MP_ROM_INT(NETWORK_LAN_IRQ_ADDR) },
    { MP_ROM_QSTR(MP_QSTR_PHY_AUTO), MP_ROM_INT(PHY_AUTO) },
    { MP_ROM_QSTR(MP_QSTR_PHY_GENERIC), MP_ROM_INT(PHY_GENERIC) },
    { MP_ROM_QSTR(MP_QSTR_PHY_LAN8710), MP_ROM_INT(PHY_LAN8710) },
    { MP_ROM_QSTR(MP_QSTR_PHY_LAN8720), MP_ROM_INT(PHY_LAN8720) },
    { MP_ROM_QSTR(MP_QSTR_PHY_LAN8742), MP_ROM_INT(PHY_LAN8742) },
    { MP_ROM_QSTR(MP_QSTR_PHY_DP83848), MP_ROM_INT(PHY_DP83848) },
    { MP_ROM_QSTR(MP_QSTR_MODE_AUTO), MP_ROM_INT(PHY_MODE_AUTO) },
    { MP_ROM_QSTR(MP_QSTR_MODE_10_HALF), MP_ROM_INT(PHY_MODE_10_HALF) },
    { MP_ROM_QSTR(MP_QSTR_MODE_10_FULL), MP_ROM_INT(PHY_MODE_10_FULL) },
    { MP_ROM_QSTR(MP_QSTR_MODE_100_HALF), MP_ROM_INT(PHY_MODE_100_HALF) },
    { MP_ROM_QSTR(MP_QSTR_MODE_100_FULL), MP_ROM_INT(PHY_MODE_100_FULL) },
    { MP_ROM_QSTR(MP_QSTR_STAT_LINK_DOWN), MP_ROM_INT(STAT_LINK_DOWN) },
    { MP_ROM_QSTR(MP_QSTR_STAT_STARTING), MP_ROM_INT(STAT_STARTING) },
    { MP_ROM_QSTR(MP_QSTR_STAT_NO_IP), MP_ROM_INT(STAT_NO_IP) },
    { MP_ROM_QSTR(MP_QSTR_STAT_UP), MP_ROM_INT(STAT_UP) },
};
static MP_DEFINE_CONST_DICT(lan_locals, lan_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    network_lan_type,
    MP_QSTR_LAN,
    MP_TYPE_FLAG_NONE,
    make_new, lan_make_new,
    print, lan_print,
    locals_dict, &lan_locals
    );
