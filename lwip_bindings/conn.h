// SPDX-License-Identifier: MIT
// What sockets and Netconns have in common: both stand on a struct netconn.
#ifndef LWIP_BINDINGS_CONN_H
#define LWIP_BINDINGS_CONN_H

#include "bindings.h"

#include "lwip/api.h"

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
