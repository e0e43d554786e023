// SPDX-License-Identifier: MIT
// Between the class Netif and its module.
#ifndef LWIP_BINDINGS_NETIF_CLASS_H
#define LWIP_BINDINGS_NETIF_CLASS_H

#include "netif.h"

#define LWIPB_HOSTNAME_MAX (32)

extern const mp_obj_type_t lwipb_type_netif;

// Copies the name, as lwIP keeps the pointer; false if too many interfaces have one.
bool lwipb_netif_set_hostname(struct netif *netif, const char *name, size_t len);

#endif
