// SPDX-License-Identifier: MIT
// Shared by the files of lwip.raw.
#ifndef LWIP_BINDINGS_RAW_H
#define LWIP_BINDINGS_RAW_H

#include "buffer.h"
#include "live.h"

extern const mp_obj_type_t lwipb_type_raw_tcp;
extern const mp_obj_type_t lwipb_type_raw_udp;
extern const mp_obj_type_t lwipb_type_raw_ip;

// The pbuf of a Pbuf; raises if it was freed, or if the object is something else.
struct pbuf *lwipb_pbuf_get(mp_obj_t self_in);

// A new PBUF_RAM with a copy of a buffer's bytes; raises.
struct pbuf *lwipb_pbuf_from_buffer(mp_obj_t buffer, pbuf_layer layer);

// Callback or None, else TypeError.
mp_obj_t lwipb_callback_from_obj(mp_obj_t callback);

// (addr, port)
mp_obj_t lwipb_addr_port_tuple(const ip_addr_t *addr, uint16_t port);

// An index, None or 0 for none; the netif. Core locked. NULL with *found false if there is no such.
struct netif *lwipb_netif_by_index(mp_int_t index, bool *found);

#endif
