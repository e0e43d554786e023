// SPDX-License-Identifier: MIT
// What sockets and Netconns have in common: both stand on a struct netconn.
#ifndef LWIP_BINDINGS_CONN_H
#define LWIP_BINDINGS_CONN_H

#include "bindings.h"

#include "lwip/api.h"
#include "lwip/stats.h"

static inline bool lwipb_conn_is_tcp(const struct netconn *conn) {
    return NETCONNTYPE_GROUP(conn->type) == NETCONN_TCP;
}

// lwIP frees a PCB at the end of TIME_WAIT without telling the netconn that still points to it, which
// happens to one that was shut down for writing and is closed late. Guarded, the netconn loses its
// PCB then, with ERR_CLSD pending. To be turned on before a shutdown, off before the netconn goes.
void lwipb_conn_guard(struct netconn *conn, bool on);

// A TCP netconn that never was connected, or listens: there is no data to wait for.
bool lwipb_conn_is_idle(struct netconn *conn);

// How a connect that was under way stands: MP_EAGAIN, 0, or the errno that ended it.
int lwipb_conn_connected(struct netconn *conn);

// Whether it is the memory that all connections share that a TCP netconn lacks for sending, and not
// room in a buffer of its own.
bool lwipb_conn_lacks_memory(struct netconn *conn);

// lwIP queues all that it is given or nothing: with little memory, this is what is tried.
#define LWIPB_CONN_PIECE (TCP_MSS)
#define LWIPB_CONN_LEAST_PIECE (TCP_MSS / 8)

// Whether so much more may be queued: the last of the heap is left to handshakes, acknowledgements,
// ARP and DNS.
#define LWIPB_CONN_RESERVE (MEM_SIZE / 12)
static inline bool lwipb_conn_may_queue(size_t len) {
    #if MEM_STATS
    return lwip_stats.mem.used + len + LWIPB_CONN_RESERVE <= lwip_stats.mem.avail;
    #else
    return true;
    #endif
}

// Sends what Nagle's algorithm holds back, on all connections. It waits for an acknowledgement, and
// the peer with that for a second segment (delayed, up to 200 ms): memory cannot wait for this.
void lwipb_conn_push_held(void);

// Resets a connection and detaches it from its netconn, for a soft reset.
void lwipb_conn_abort(struct netconn *conn);

// What the events of a netconn say, as its owner counted them.
typedef struct _lwipb_conn_state_t {
    bool data; // something can be received or accepted
    bool room; // something can be sent
    bool rx_closed;
    bool tx_closed;
} lwipb_conn_state_t;

// All MP_STREAM_POLL_* flags in effect. Core locked.
mp_uint_t lwipb_conn_poll(const struct netconn *conn, const lwipb_conn_state_t *state);

#endif
