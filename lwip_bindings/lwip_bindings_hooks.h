// SPDX-License-Identifier: MIT
// The hooks by which the bindings take part in lwIP's own files. A port includes this from its
// LWIP_HOOK_FILENAME; without it lwip.dhcp has no options.
#ifndef LWIP_BINDINGS_HOOKS_H
#define LWIP_BINDINGS_HOOKS_H

#include "lwip/arch.h"

struct dhcp;
struct dhcp_msg;
struct netif;
struct pbuf;

// dhcpoptions.c, with lwIP's lock. A message is about to be sent; an option was found in a received one.
void lwipb_dhcp_append(struct netif *netif, struct dhcp_msg *msg, u8_t type, u16_t *options_len);
void lwipb_dhcp_parse(struct dhcp *dhcp, u8_t type, u8_t code, u8_t len, struct pbuf *p, u16_t offset);

#define LWIP_HOOK_DHCP_APPEND_OPTIONS(netif, dhcp, state, msg, type, options_len) \
    lwipb_dhcp_append(netif, msg, type, options_len)
#define LWIP_HOOK_DHCP_PARSE_OPTION(netif, dhcp, state, msg, type, code, len, p, offset) \
    do { (void)(msg); lwipb_dhcp_parse(dhcp, type, code, len, p, offset); } while (0)

#endif
