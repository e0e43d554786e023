// SPDX-License-Identifier: MIT
// Received datagrams on their way from lwIP's context to a script's callback.
#ifndef LWIP_BINDINGS_RAWQUEUE_H
#define LWIP_BINDINGS_RAWQUEUE_H

#include "raw.h"

typedef struct _lwipb_datagram_t {
    struct pbuf *p;
    ip_addr_t addr;
    uint16_t port;
} lwipb_datagram_t;

#define LWIPB_RAWQUEUE_LEN (8)

typedef struct _lwipb_rawqueue_t {
    uint8_t first;
    uint8_t count;
    uint32_t dropped; // had no room
    lwipb_datagram_t entries[LWIPB_RAWQUEUE_LEN];
} lwipb_rawqueue_t;

// Core locked. put() takes the pbuf if it says true; take() gives it.
bool lwipb_rawqueue_put(lwipb_rawqueue_t *queue, struct pbuf *p, const ip_addr_t *addr,
    uint16_t port);
bool lwipb_rawqueue_take(lwipb_rawqueue_t *queue, lwipb_datagram_t *datagram);

// Without the lock: frees what waits.
void lwipb_rawqueue_clear(lwipb_rawqueue_t *queue);

// A new pbuf with room for headers and nothing else, and the data chained behind it. lwIP would put
// its headers into the data's own pbuf and leave them there, for the driver and the ARP queue to send
// later: it could be neither read nor sent again meanwhile. NULL if there is no memory.
struct pbuf *lwipb_pbuf_behind_headers(struct pbuf *p, pbuf_layer layer);

// Sends a Pbuf, or a copy of a buffer, by a function that takes a pbuf; raises.
typedef err_t (*lwipb_send_t)(void *arg, struct pbuf *p);
void lwipb_raw_send(mp_obj_t data, pbuf_layer layer, lwipb_send_t send, void *arg);

#endif
