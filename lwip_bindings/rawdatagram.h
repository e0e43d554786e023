// SPDX-License-Identifier: MIT
// What UDP and RawIP of lwip.raw share: a PCB with a callback, and datagrams on their way to that.
#ifndef LWIP_BINDINGS_RAWDATAGRAM_H
#define LWIP_BINDINGS_RAWDATAGRAM_H

#include "raw.h"

#include "lwip/ip.h"

struct raw_pcb;
struct udp_pcb;

typedef struct _lwipb_datagram_t {
    struct pbuf *p;
    ip_addr_t addr;
    uint16_t port;
} lwipb_datagram_t;

#define LWIPB_DATAGRAMS_WAITING (16) // unless the script says otherwise

typedef struct _lwipb_datagram_pcb_t {
    lwipb_live_t live; // held while pcb is not NULL
    union {
        struct ip_pcb *pcb; // what all kinds begin with
        struct udp_pcb *udp;
        struct raw_pcb *raw;
    };
    mp_obj_t callback;
    bool eats; // RawIP: what it received goes no further
    uint8_t first; // of those that wait
    uint8_t count;
    uint8_t limit;
    uint32_t dropped; // had no room
    lwipb_datagram_t *waiting;
    ip_addr_t from; // whose string is
    mp_obj_t from_obj; // this, or None
} lwipb_datagram_pcb_t;

// An object without a PCB.
lwipb_datagram_pcb_t *lwipb_datagram_pcb_alloc(const mp_obj_type_t *type);
// It has one now, which remove() takes from it; raises if that is NULL.
void lwipb_datagram_pcb_start(lwipb_datagram_pcb_t *self, void (*remove)(lwipb_live_t *self));
// Raises if it was removed.
lwipb_datagram_pcb_t *lwipb_datagram_pcb_get(mp_obj_t self_in);
// Frees what waits.
void lwipb_datagram_pcb_clear(lwipb_datagram_pcb_t *self);

// From lwIP's receive callback, core locked: true if it took the pbuf.
bool lwipb_datagram_put(lwipb_datagram_pcb_t *self, struct pbuf *p, const ip_addr_t *addr,
    uint16_t port);

// An address of the PCB's family; raises.
void lwipb_datagram_addr(const lwipb_datagram_pcb_t *self, mp_obj_t host, ip_addr_t *addr);

// Attributes that are fields of the PCB, and `queue` and `dropped`.
void lwipb_datagram_pcb_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest,
    const lwipb_field_t *fields, size_t count);

// A new pbuf with room for headers and nothing else, and the data chained behind it. lwIP would put
// its headers into the data's own pbuf and leave them there, for the driver and the ARP queue to send
// later: it could be neither read nor sent again meanwhile. NULL if there is no memory.
struct pbuf *lwipb_pbuf_behind_headers(struct pbuf *p, pbuf_layer layer);

// Sends a Pbuf, or a copy of a buffer, by a function that takes a pbuf; raises.
typedef err_t (*lwipb_send_t)(void *arg, struct pbuf *p);
void lwipb_raw_send(mp_obj_t data, pbuf_layer layer, lwipb_send_t send, void *arg);

extern const mp_obj_fun_builtin_fixed_t lwipb_datagram_pcb_remove_obj;
extern const mp_obj_fun_builtin_var_t lwipb_datagram_pcb_exit_obj;
extern const mp_obj_fun_builtin_fixed_t lwipb_datagram_pcb_bind_netif_obj;

#endif
