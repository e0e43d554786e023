// SPDX-License-Identifier: MIT
//
// Name servers of router advertisements (RFC 8106). In the core lock.
#ifndef NET_RDNSS_H
#define NET_RDNSS_H

#include "lwip/ip_addr.h"

// What nd6.c calls in dns_setserver()'s place (net.mk).
void rdnss_server(u8_t index, const ip_addr_t *server);

#endif
