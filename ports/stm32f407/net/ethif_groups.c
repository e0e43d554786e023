// SPDX-License-Identifier: MIT
//
// The groups that lwIP joins, as addresses for the MAC's filter.

#include "lwip/netif.h"

#include "ethif.h"

static err_t igmp_filter(struct netif *net, const ip4_addr_t *group, enum netif_mac_filter_action action) {
    LWIP_UNUSED_ARG(net);
    // RFC 1112 6.4: the lower 23 bits of the group.
    const uint8_t mac[6] = {
        0x01, 0x00, 0x5e, ip4_addr2(group) & 0x7f, ip4_addr3(group), ip4_addr4(group),
    };
    eth_multicast(mac, action == NETIF_ADD_MAC_FILTER);
    return ERR_OK;
}

static err_t mld_filter(struct netif *net, const ip6_addr_t *group, enum netif_mac_filter_action action) {
    LWIP_UNUSED_ARG(net);
    // RFC 2464 7: the lower 32 bits of the group.
    uint32_t low = lwip_ntohl(group->addr[3]);
    const uint8_t mac[6] = {
        0x33, 0x33, (uint8_t)(low >> 24), (uint8_t)(low >> 16), (uint8_t)(low >> 8), (uint8_t)low,
    };
    eth_multicast(mac, action == NETIF_ADD_MAC_FILTER);
    return ERR_OK;
}

void ethif_filter_groups(struct netif *netif) {
    netif_set_igmp_mac_filter(netif, igmp_filter);
    netif_set_mld_mac_filter(netif, mld_filter);
}
