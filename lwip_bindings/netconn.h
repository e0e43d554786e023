// SPDX-License-Identifier: MIT
// Shared by the files of lwip.netconn.
#ifndef LWIP_BINDINGS_NETCONN_H
#define LWIP_BINDINGS_NETCONN_H

#include "buffer.h"
#include "live.h"

#include "lwip/api.h"

// Events that wait to be told, in their order. When so many do that each kind has one place left, those of
// a kind that is among them already are added to its last: none is lost, and no length.
#define LWIPB_EVENTS_WAITING (32)
typedef struct _lwipb_events_t {
    uint8_t first;
    uint8_t count;
    struct {
        uint32_t kind : 3;
        uint32_t len : 29;
    } waiting[LWIPB_EVENTS_WAITING];
} lwipb_events_t;

typedef struct _lwipb_netconn_t {
    lwipb_live_t live; // held while conn is not NULL
    struct netconn *conn;
    struct pbuf *rest; // of a stream: what recv_into() had no room for
    mp_obj_t callback;
    lwipb_events_t *events; // kept while there is a callback, else NULL
    int16_t readable; // receptions and connections that wait, as lwIP counts them
    bool writable;
    bool starved; // the last datagram had to wait for memory
    bool nonblocking; // as the script set it; lwIP's flag always is
    bool rx_closed;
    bool tx_closed;
} lwipb_netconn_t;

extern const mp_obj_type_t lwipb_type_netconn;

lwipb_netconn_t *lwipb_netconn_alloc(void);
// Creates lwIP's part, or takes an accepted one over. 0 or an errno.
int lwipb_netconn_open(lwipb_netconn_t *self, enum netconn_type type, uint8_t proto);
void lwipb_netconn_adopt(lwipb_netconn_t *self, struct netconn *conn);
mp_uint_t lwipb_netconn_poll(lwipb_netconn_t *self, mp_uint_t flags);

mp_uint_t lwipb_netconn_recv_timeout(const lwipb_netconn_t *self);
mp_uint_t lwipb_netconn_send_timeout(const lwipb_netconn_t *self);

// Attempts, with their arguments.
typedef struct _lwipb_netconn_io_t {
    lwipb_netconn_t *self;
    struct netconn *accepted;
    struct pbuf *pbuf; // received from a stream; NULL after success: it ended
    struct netbuf *netbuf; // a received datagram
    size_t want; // from a stream, if there is more
    uint8_t apiflags;
} lwipb_netconn_io_t;
int lwipb_netconn_attempt_accept(void *io_in);
int lwipb_netconn_attempt_recv(void *io_in);
int lwipb_netconn_attempt_connected(void *self_in);

typedef struct _lwipb_netconn_write_t {
    lwipb_netconn_t *self;
    struct netvector *vectors;
    u16_t count;
    uint8_t apiflags;
    size_t len;
    size_t done;
} lwipb_netconn_write_t;
int lwipb_netconn_attempt_write(void *write_in);

// The netbuf of a NetBuf; raises if it was deleted.
struct netbuf *lwipb_netbuf_get(mp_obj_t self_in);

// netconn_join_leave_group(), or with NULL for addr netconn_join_leave_group_netif(), and a note of it: lwIP
// counts joins, so that netconn_delete() does not leave the group; a soft reset does.
err_t lwipb_groups_netconn(struct netconn *conn, const ip_addr_t *group, const ip_addr_t *addr, u8_t index,
    enum netconn_igmp action);

#endif
