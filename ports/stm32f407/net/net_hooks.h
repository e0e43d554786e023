// SPDX-License-Identifier: MIT
//
// What lwipopts.h hooks into lwIP (LWIP_HOOK_FILENAME).
#ifndef NET_NET_HOOKS_H
#define NET_NET_HOOKS_H

#include "lwip/err.h"
#include "lwip/ip_addr.h"

#include "lwip_bindings_hooks.h" // DHCP's options

struct netif;
struct pbuf;
struct tcp_hdr;
struct tcp_pcb;

// The interface that has `source` while its cable is out, or NULL. lwIP knows no route over an interface
// without a link, and ends sending on a connection with an error; with this one the connection waits.
struct netif *ethif_route_source4(const ip4_addr_t *source, const ip4_addr_t *target);
struct netif *ethif_route_source6(const ip6_addr_t *source, const ip6_addr_t *target);

// A frame of an ethertype that lwIP does not know. ERR_OK if it was taken; else the caller frees it.
err_t ethif_unknown_frame(struct pbuf *p, struct netif *netif);

// A segment for a connection. ERR_OK: lwIP goes on with it; else it has opened a new one (net/tcp_reopen.c).
#define TCP_REOPEN(pcb, header, rest_of_options, p) \
    ((pcb)->state == TIME_WAIT ? tcp_reopen(pcb, header, rest_of_options, p) : ERR_OK)
err_t tcp_reopen(struct tcp_pcb *pcb, struct tcp_hdr *header, const uint8_t *rest_of_options, struct pbuf *p);

// The sequence number that a connection begins with.
uint32_t tcp_reopen_isn(void);

#endif
