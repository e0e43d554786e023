// SPDX-License-Identifier: MIT
// What a port calls of the lwIP bindings.
#ifndef LWIP_BINDINGS_H
#define LWIP_BINDINGS_H

#include "py/obj.h"

#include "lwip/ip_addr.h"

// Gives everything that Python holds of lwIP back to it: sockets, netconns, PCBs, pbufs, and the
// connections that closed sockets left in lwIP (FIN_WAIT, TIME_WAIT, ...). A connection with data
// in flight is reset. To be called at soft reset by the task that runs the VM, with the GIL, after
// all other Python threads ended and before gc_sweep_all(); the netifs may be up. Every Python
// object that is still referenced afterwards behaves as closed.
void lwip_bindings_deinit(void);

// Before each collection: data that was given without copying, and that lwIP needs no longer, can go with it.
void lwip_bindings_before_gc(void);

// An address as a string, in RFC 5952's form, with its zone if it has one.
mp_obj_t lwipb_addr_to_obj(const ip_addr_t *addr);

#endif
