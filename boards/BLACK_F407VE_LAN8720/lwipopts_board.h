// SPDX-License-Identifier: MIT
// What of net/lwipopts.h is otherwise on this board: 512 KB of flash have no room for these modules.
#define LWIP_MDNS_RESPONDER             0    // lwip.mdns: 21 KB
#define LWIP_DNS_SUPPORT_MDNS_QUERIES   0
#define DNS_LOCAL_HOSTLIST              0    // lwip.dns.local_...(): 2 KB
#define LWIP_BINDINGS_LWIPERF           0    // lwip.lwiperf: 7 KB
#define LWIP_BINDINGS_SNTP              0    // lwip.sntp: 5 KB
