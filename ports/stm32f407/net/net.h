// SPDX-License-Identifier: MIT
//
// The network as the port's main.c sees it.
#ifndef NET_NET_H
#define NET_NET_H

#include <stdint.h>

// Once at boot, from a task: starts the task `tcpip`; the interface exists and is off.
void net_init(void);

// At soft reset, after the bindings have closed what they own and Python's other threads have ended:
// interface off, addresses and name servers forgotten, hostname and MAC address back to their defaults.
void network_deinit(void);

// Which family a name with both kinds of address gives first: 4 or 6 (network.ipconfig(prefer=)).
int network_preferred_family(void);

// The random numbers that lwIP draws (LWIP_RAND).
uint32_t net_rand(void);

#endif
