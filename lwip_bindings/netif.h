// SPDX-License-Identifier: MIT
// Interfaces as scripts name them, and what the modules of the rest of the stack share.
#ifndef LWIP_BINDINGS_NETIF_H
#define LWIP_BINDINGS_NETIF_H

#include "live.h"

#include "lwip/netif.h"

extern const mp_obj_module_t lwipb_module_netif;
extern const mp_obj_module_t lwipb_module_dns;
extern const mp_obj_module_t lwipb_module_dhcp;
extern const mp_obj_module_t lwipb_module_autoip;
extern const mp_obj_module_t lwipb_module_igmp;
extern const mp_obj_module_t lwipb_module_mld6;
extern const mp_obj_module_t lwipb_module_etharp;
extern const mp_obj_module_t lwipb_module_nd6;

// A Netif, an index, or a name ("en1"); raises OSError(ENODEV). An interface once found stays: none
// is ever removed.
struct netif *lwipb_netif_from_obj(mp_obj_t obj);

// The same, for what only an interface with ARP can do; others are OSError(EOPNOTSUPP).
struct netif *lwipb_netif_with_arp(mp_obj_t obj);

// The object for an interface, None for NULL.
mp_obj_t lwipb_netif_to_obj(struct netif *netif);

// A numeric address of one family; ValueError otherwise.
void lwipb_addr_numeric(mp_obj_t obj, int family, ip_addr_t *addr);
mp_obj_t lwipb_addr4_to_obj(const ip4_addr_t *addr);
mp_obj_t lwipb_addr6_to_obj(const ip6_addr_t *addr);

// The number of one of `count` servers of some kind; raises IndexError for another one.
uint8_t lwipb_server_from_obj(mp_obj_t index, unsigned count);
// A server's address: a numeric one, or any for None; raises ValueError.
ip_addr_t lwipb_server_addr(mp_obj_t addr);

// At soft reset: what scripts changed goes back to what it was at boot.
void lwipb_netif_deinit(void);
void lwipb_groups_deinit(void);
void lwipb_etharp_deinit(void);
void lwipb_hosts_deinit(void);
void lwipb_dhcp_deinit(void);

#endif
