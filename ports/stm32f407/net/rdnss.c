// SPDX-License-Identifier: MIT
//
// nd6.c counts the servers of each advertisement from 0 and would put them over those that DHCP or the script
// set. So it is compiled with this function instead of dns_setserver(): a server that is advertised takes a
// place that is free, if there is one, and DHCP or the script may put another one over it.

#include "lwip/dns.h"

#include "rdnss.h"

void rdnss_server(u8_t index, const ip_addr_t *server) {
    if (server == NULL) {
        // Advertised with a lifetime of 0, found at `index`.
        dns_setserver(index, NULL);
        return;
    }
    u8_t place = DNS_MAX_SERVERS;
    for (u8_t i = DNS_MAX_SERVERS; i-- > 0;) {
        const ip_addr_t *known = dns_getserver(i);
        if (ip_addr_eq(known, server)) {
            return;
        }
        if (ip_addr_isany(known)) {
            place = i;
        }
    }
    if (place < DNS_MAX_SERVERS) {
        dns_setserver(place, server);
    }
}
