// SPDX-License-Identifier: MIT
// Sockets between lwIP's BSD layer and the Python class: no Python argument lists here.
//
// Every descriptor is non-blocking in lwIP's eyes, and each attempt either does something or says
// MP_EAGAIN. lwIP's own event callback, wrapped here, wakes whoever waits for the next attempt.

#include <string.h>

#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "conn.h"
#include "socket.h"

#include "lwip/api.h"
#include "lwip/errno.h"
#include "lwip/priv/api_msg.h"
#include "lwip/tcp.h"

// The objects by descriptor. Not a root pointer and not linked through the objects, so that an
// object that only this table knows is collected, and closed by its finaliser.
static lwipb_socket_t *open_sockets[NUM_SOCKETS];

// The longest datagram that goes out in one frame. A longer one that fails may have been sent in
// part, and may never fit: for that one there is no waiting.
#define DATAGRAM_WHOLE (1472)

static netconn_callback lwip_event_callback;

// In lwIP's context or a caller's, core locked for the events that matter here.
static void event_callback(struct netconn *conn, enum netconn_evt evt, u16_t len) {
    lwip_event_callback(conn, evt, len);
    if (evt != NETCONN_EVT_RCVMINUS && evt != NETCONN_EVT_SENDMINUS) {
        LWIP_BINDINGS_WAKE();
    }
}

static inline struct lwip_sock *lwip_sock(const lwipb_socket_t *self) {
    return lwip_socket_dbg_get_socket(self->fd);
}

static inline struct netconn *netconn_of(const lwipb_socket_t *self) {
    return lwip_sock(self)->conn;
}

static inline bool is_stream(const lwipb_socket_t *self) {
    return self->type == SOCK_STREAM;
}

lwipb_socket_t *lwipb_socket_alloc(uint8_t family, uint8_t type, uint8_t proto) {
    lwipb_socket_t *self = mp_obj_malloc_with_finaliser(lwipb_socket_t, &lwipb_type_socket);
    self->fd = -1;
    self->family = family;
    self->type = type;
    self->proto = proto;
    self->connecting = false;
    self->rx_closed = false;
    self->tx_closed = false;
    self->connected = false;
    self->timeout_ms = LWIPB_FOREVER;
    return self;
}

// Takes a fresh descriptor over. A connection that was accepted has its listener's callback.
static void adopt(lwipb_socket_t *self, int fd) {
    self->fd = fd;
    open_sockets[fd - LWIP_SOCKET_OFFSET] = self;
    struct netconn *conn = netconn_of(self);
    LOCK_TCPIP_CORE();
    netconn_set_nonblocking(conn, 1);
    if (conn->callback != event_callback) {
        lwip_event_callback = conn->callback;
        conn->callback = event_callback;
    }
    UNLOCK_TCPIP_CORE();
}

int lwipb_socket_open(lwipb_socket_t *self) {
    int fd = lwip_socket(self->family, self->type, self->proto);
    if (fd < 0 && lwipb_socket_errno() != MP_EINVAL) {
        gc_collect();
        fd = lwip_socket(self->family, self->type, self->proto);
    }
    if (fd < 0) {
        return lwipb_socket_errno();
    }
    adopt(self, fd);
    return 0;
}

static bool data_in_flight(const lwipb_socket_t *self) {
    LOCK_TCPIP_CORE();
    struct netconn *conn = netconn_of(self);
    struct tcp_pcb *pcb = conn->pcb.tcp;
    bool in_flight = pcb != NULL && pcb->state != LISTEN
        && (pcb->unsent != NULL || pcb->unacked != NULL);
    UNLOCK_TCPIP_CORE();
    return in_flight;
}

static int attempt_lingered(void *self_in) {
    lwipb_socket_t *self = self_in;
    return self->fd >= 0 && data_in_flight(self) ? MP_EAGAIN : 0;
}

// lwIP refuses to linger on a non-blocking netconn, and would wait where nothing can interrupt it.
// Whatever cuts this wait short, the close that follows either sends on (linger off) or resets.
static void linger(lwipb_socket_t *self) {
    struct netconn *conn = netconn_of(self);
    s16_t seconds = conn->linger;
    if (seconds <= 0) {
        return;
    }
    conn->linger = -1;
    if (self->timeout_ms != 0
        && lwipb_block(attempt_lingered, self, (mp_uint_t)seconds * 1000) == MP_ETIMEDOUT) {
        conn->linger = 0;
    }
}

// Other systems reset a connection that is closed with SO_LINGER at 0 seconds; lwIP only if data is under
// way.
static void reset_unless_lingering(struct netconn *conn) {
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = conn->pcb.tcp;
    if (conn->linger == 0 && pcb != NULL && pcb->state > LISTEN && pcb->state < TIME_WAIT) {
        tcp_abort(pcb);
    }
    UNLOCK_TCPIP_CORE();
}

static void release(lwipb_socket_t *self) {
    int fd = self->fd;
    struct netconn *conn = netconn_of(self);
    // lwIP would neither close nor free a non-blocking netconn that is to linger.
    if (conn->linger > 0) {
        conn->linger = -1;
    }
    if (is_stream(self)) {
        lwipb_conn_guard(conn, false);
        reset_unless_lingering(conn);
    }
    self->fd = -1;
    open_sockets[fd - LWIP_SOCKET_OFFSET] = NULL;
    lwip_close(fd);
    // Other threads that wait on this socket are to find it closed.
    LWIP_BINDINGS_WAKE();
}

int lwipb_socket_close(lwipb_socket_t *self) {
    if (self->fd >= 0 && is_stream(self) && !gc_is_locked()) {
        linger(self);
    }
    if (self->fd >= 0) {
        release(self);
    }
    return 0;
}

void lwipb_socket_deinit(void) {
    for (size_t i = 0; i < NUM_SOCKETS; ++i) {
        lwipb_socket_t *self = open_sockets[i];
        if (self == NULL) {
            continue;
        }
        lwipb_conn_abort(netconn_of(self));
        release(self);
    }
}

// lwIP listens on port 0 as it stands; POSIX has an unbound socket take a free port.
static int bind_if_unbound(lwipb_socket_t *self) {
    lwipb_sockaddr_t local;
    socklen_t len = sizeof(local);
    if (lwip_getsockname(self->fd, &local.sa, &len) != 0) {
        return lwipb_socket_errno();
    }
    u16_t port = local.sa.sa_family == AF_INET ? local.sin.sin_port
        #if LWIP_IPV6
        : local.sin6.sin6_port
        #else
        : 0
        #endif
    ;
    if (port != 0) {
        return 0;
    }
    ip_addr_t any;
    lwipb_addr_parse("", self->family, &any);
    len = lwipb_sockaddr_set(&local, &any, 0);
    return lwip_bind(self->fd, &local.sa, len) == 0 ? 0 : lwipb_socket_errno();
}

int lwipb_socket_listen(lwipb_socket_t *self, int backlog) {
    if (self->fd < 0) {
        return MP_EBADF;
    }
    int ret = is_stream(self) ? bind_if_unbound(self) : 0;
    if (ret != 0) {
        return ret;
    }
    // A backlog of 0 still lets one connection in, as elsewhere.
    return lwip_listen(self->fd, LWIP_MAX(backlog, 1)) == 0 ? 0 : lwipb_socket_errno();
}

int lwipb_socket_shutdown(lwipb_socket_t *self, int how) {
    if (self->fd < 0) {
        return MP_EBADF;
    }
    if (!is_stream(self)) {
        return MP_EOPNOTSUPP;
    }
    lwipb_conn_guard(netconn_of(self), true);
    if (lwip_shutdown(self->fd, how) != 0) {
        return lwipb_socket_errno();
    }
    self->rx_closed |= how != SHUT_WR;
    self->tx_closed |= how != SHUT_RD;
    return 0;
}

int lwipb_socket_attempt_accept(void *accept_in) {
    lwipb_accept_t *accept = accept_in;
    if (accept->self->fd < 0) {
        return MP_EBADF;
    }
    socklen_t len = sizeof(accept->peer);
    int fd = lwip_accept(accept->self->fd, &accept->peer.sa, &len);
    if (fd < 0) {
        return lwipb_socket_errno();
    }
    adopt(accept->accepted, fd);
    accept->accepted->connected = true;
    lwipb_sockaddr_fit(&accept->peer, accept->self->family);
    return 0;
}

int lwipb_socket_map_errno(lwipb_socket_t *self, int err) {
    if (self->connecting) {
        if (err == MP_ECONNRESET) {
            return MP_ECONNREFUSED;
        }
        if (err == MP_ECONNABORTED) {
            return MP_ETIMEDOUT;
        }
    }
    return err;
}

int lwipb_socket_connect(lwipb_socket_t *self, const lwipb_sockaddr_t *to, socklen_t len) {
    if (self->fd < 0) {
        return MP_EBADF;
    }
    int err = lwip_connect(self->fd, &to->sa, len) == 0 ? 0 : lwipb_socket_errno();
    if (is_stream(self) && (err == 0 || err == MP_EINPROGRESS)) {
        self->connecting = true;
    }
    return err;
}

int lwipb_socket_attempt_connected(void *self_in) {
    lwipb_socket_t *self = self_in;
    if (self->fd < 0) {
        return MP_EBADF;
    }
    int err = lwipb_conn_connected(netconn_of(self));
    if (err == MP_EAGAIN) {
        return err;
    }
    err = lwipb_socket_map_errno(self, err);
    self->connecting = err != 0;
    self->connected = err == 0;
    return err;
}

static int nothing_yet(lwipb_socket_t *self) {
    return !self->connected && lwipb_conn_is_idle(netconn_of(self)) ? MP_ENOTCONN : MP_EAGAIN;
}

static int stream_recv(lwipb_transfer_t *t) {
    lwipb_socket_t *self = t->self;
    if (t->len == t->done || self->rx_closed) {
        return 0;
    }
    // Seen here, that nothing has arrived saves a fifth of what a small message costs. The end and
    // errors are events too.
    const struct lwip_sock *sock = lwip_sock(self);
    if (sock->rcvevent <= 0 && sock->lastdata.pbuf == NULL && sock->conn->pcb.tcp != NULL
        && sock->conn->pending_err == ERR_OK) {
        return nothing_yet(self);
    }
    socklen_t peer_len = sizeof(t->peer);
    ssize_t ret = lwip_recvfrom(self->fd, t->buf + t->done, t->len - t->done,
        (t->flags & MSG_PEEK) | MSG_DONTWAIT,
        t->peer_len ? &t->peer.sa : NULL, t->peer_len ? &peer_len : NULL);
    if (ret > 0) {
        self->connecting = false;
        t->done += ret;
        return t->all && t->done < t->len && !(t->flags & MSG_PEEK) ? MP_EAGAIN : 0;
    }
    if (ret == 0) {
        self->rx_closed = true;
        return 0;
    }
    int err = lwipb_socket_errno();
    if (err == MP_EAGAIN) {
        return nothing_yet(self);
    }
    // The connection is gone. Its error is told once, then comes the end of the stream.
    netconn_err(netconn_of(self));
    self->rx_closed = true;
    return lwipb_socket_map_errno(self, err);
}

static int datagram_recv(lwipb_transfer_t *t) {
    socklen_t peer_len = sizeof(t->peer);
    ssize_t ret = lwip_recvfrom(t->self->fd, t->buf, t->len, (t->flags & MSG_PEEK) | MSG_DONTWAIT,
        &t->peer.sa, &peer_len);
    if (ret < 0) {
        return lwipb_socket_errno();
    }
    t->done = ret;
    return 0;
}

int lwipb_socket_attempt_recv(void *transfer_in) {
    lwipb_transfer_t *t = transfer_in;
    if (t->self->fd < 0) {
        return MP_EBADF;
    }
    return is_stream(t->self) ? stream_recv(t) : datagram_recv(t);
}

// As lwip_send(), for when there is no memory for the whole.
static ssize_t send_pieces(int fd, const uint8_t *data, size_t len, int flags) {
    size_t piece = LWIPB_CONN_PIECE;
    size_t sent = 0;
    for (;;) {
        size_t part = LWIP_MIN(len - sent, piece);
        ssize_t ret = -1;
        if (lwipb_conn_may_queue(part)) {
            ret = lwip_send(fd, data + sent, part, part < len - sent ? flags | MSG_MORE : flags);
        }
        if (ret > 0) {
            sent += ret;
        }
        if (sent == len || (ret < (ssize_t)part && piece == LWIPB_CONN_LEAST_PIECE)) {
            return sent > 0 ? (ssize_t)sent : ret;
        }
        if (ret < (ssize_t)part) {
            piece = LWIPB_CONN_LEAST_PIECE;
        }
    }
}

static int stream_send(lwipb_transfer_t *t) {
    lwipb_socket_t *self = t->self;
    if (self->tx_closed) {
        return MP_EPIPE;
    }
    if (t->len == t->done) {
        return 0;
    }
    size_t len = t->len - t->done;
    int flags = (t->flags & MSG_MORE) | MSG_DONTWAIT;
    ssize_t ret = lwip_send(self->fd, t->buf + t->done, len, flags);
    // Asked for before the last attempt: what comes back after that one fails is not missed.
    if (ret < 0 && lwipb_socket_errno() == MP_EAGAIN && lwipb_conn_lacks_memory(netconn_of(self))
        && LWIP_BINDINGS_STARVED()) {
        ret = send_pieces(self->fd, t->buf + t->done, len, flags);
        lwipb_conn_push_held();
    }
    if (ret >= 0) {
        self->connecting = false;
        t->done += ret;
        return t->all && t->done < t->len ? MP_EAGAIN : 0;
    }
    int err = lwipb_socket_errno();
    // lwIP's word for a connect that is still under way.
    return err == MP_EINPROGRESS ? MP_EAGAIN : lwipb_socket_map_errno(self, err);
}

bool lwipb_socket_lacks_memory(int err, size_t len) {
    return (err == MP_ENOMEM || err == MP_ENOBUFS) && len <= DATAGRAM_WHOLE;
}

static ssize_t try_datagram(lwipb_transfer_t *t) {
    return lwip_sendto(t->self->fd, t->buf, t->len, 0, t->peer_len ? &t->peer.sa : NULL, t->peer_len);
}

static int datagram_send(lwipb_transfer_t *t) {
    ssize_t ret = try_datagram(t);
    int err = ret < 0 ? lwipb_socket_errno() : 0;
    if (lwipb_socket_lacks_memory(err, t->len) && LWIP_BINDINGS_STARVED()) {
        // Once more: what comes back after this attempt is not missed.
        ret = try_datagram(t);
        err = ret < 0 ? lwipb_socket_errno() : 0;
        if (lwipb_socket_lacks_memory(err, t->len)) {
            return MP_EAGAIN;
        }
    }
    if (err != 0) {
        return err == MP_EAGAIN ? MP_ENOBUFS : err;
    }
    t->done = ret;
    return 0;
}

int lwipb_socket_attempt_send(void *transfer_in) {
    lwipb_transfer_t *t = transfer_in;
    if (t->self->fd < 0) {
        return MP_EBADF;
    }
    return is_stream(t->self) ? stream_send(t) : datagram_send(t);
}

size_t lwipb_socket_pending(lwipb_socket_t *self) {
    struct lwip_sock *sock = lwip_sock(self);
    int queued;
    SYS_ARCH_GET(sock->conn->recv_avail, queued);
    size_t pending = queued > 0 ? queued : 0;
    if (sock->lastdata.pbuf != NULL) {
        pending += is_stream(self) ? sock->lastdata.pbuf->tot_len
            : netbuf_len(sock->lastdata.netbuf);
    }
    return pending;
}

int lwipb_socket_attempt_readable(void *self_in) {
    lwipb_socket_t *self = self_in;
    if (self->fd < 0) {
        return MP_EBADF;
    }
    if (is_stream(self) && !self->rx_closed && nothing_yet(self) == MP_ENOTCONN) {
        return MP_ENOTCONN;
    }
    return lwipb_socket_poll(self, MP_STREAM_POLL_RD) & MP_STREAM_POLL_RD ? 0 : MP_EAGAIN;
}

mp_uint_t lwipb_socket_poll(lwipb_socket_t *self, mp_uint_t flags) {
    if (self->fd < 0) {
        return MP_STREAM_POLL_NVAL;
    }
    LOCK_TCPIP_CORE();
    struct lwip_sock *sock = lwip_sock(self);
    lwipb_conn_state_t state = {
        .data = sock->lastdata.pbuf != NULL || sock->rcvevent > 0,
        .room = sock->sendevent != 0,
        .rx_closed = self->rx_closed,
        .tx_closed = self->tx_closed,
    };
    mp_uint_t ret = lwipb_conn_poll(sock->conn, &state);
    UNLOCK_TCPIP_CORE();
    return ret & (flags | MP_STREAM_POLL_ERR | MP_STREAM_POLL_HUP);
}

mp_uint_t lwipb_socket_recv_timeout(lwipb_socket_t *self) {
    if (self->timeout_ms == LWIPB_FOREVER && self->fd >= 0) {
        mp_uint_t ms = netconn_get_recvtimeout(netconn_of(self));
        return ms == 0 ? LWIPB_FOREVER : ms;
    }
    return self->timeout_ms;
}

mp_uint_t lwipb_socket_send_timeout(lwipb_socket_t *self) {
    if (self->timeout_ms == LWIPB_FOREVER && self->fd >= 0) {
        s32_t ms = netconn_get_sendtimeout(netconn_of(self));
        return ms <= 0 ? LWIPB_FOREVER : (mp_uint_t)ms;
    }
    return self->timeout_ms;
}
