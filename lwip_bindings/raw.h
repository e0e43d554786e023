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

struct ip_pcb;

// Binds to the interface with that index, None or 0 for none; raises.
void lwipb_pcb_bind_netif(struct ip_pcb *pcb, mp_obj_t index);

// A field of a PCB that is an attribute of the object.
typedef struct _lwipb_field_t {
    uint16_t name; // a qstr
    uint16_t offset;
    uint16_t size; // 1, 2 or 4
} lwipb_field_t;

#define LWIPB_FIELD(kind, name) \
    { MP_QSTR_##name, offsetof(struct kind, name), sizeof(((struct kind *)NULL)->name) }

// Gets or sets one; OSError(EBADF) if the PCB is NULL, and on to the methods if it is none of these.
void lwipb_field_attr(void *pcb, qstr attr, mp_obj_t *dest, const lwipb_field_t *fields,
    size_t count);

#endif
