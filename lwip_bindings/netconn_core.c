// SPDX-License-Identifier: MIT
// Netconns between lwIP's api_lib and the Python class: no Python argument lists here.

#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "conn.h"
#include "netconn.h"

#include "lwip/tcp.h"

// The objects by the index that their netconn carries. A connection that nobody accepted yet has a
// negative one, by which its receptions are counted, as lwIP's own sockets do it.
static lwipb_netconn_t *slots[MEMP_NUM_NETCONN];

// A chain of this length takes another reception, of a whole window at most.
#define CHAIN_MAX (0xffff - LWIP_MIN(TCP_WND, 0xffff))

// Interrupts masked.
static void note_event(lwipb_events_t *events, enum netconn_evt evt, u16_t len) {
    unsigned at = events->count;
    if (at >= LWIPB_EVENTS_WAITING - (NETCONN_EVT_ERROR + 1)) {
        while (at > 0 && events->waiting[(events->first + at - 1) % LWIPB_EVENTS_WAITING].kind != evt) {
            --at;
        }
        at = at > 0 ? at - 1 : events->count;
    }
    unsigned index = (events->first + at) % LWIPB_EVENTS_WAITING;
    if (at == events->count) {
        ++events->count;
        events->waiting[index].kind = evt;
        events->waiting[index].len = 0;
    }
    events->waiting[index].len += len;
}

static void count_event(lwipb_netconn_t *self, enum netconn_evt evt, u16_t len) {
    switch (evt) {
        case NETCONN_EVT_RCVPLUS:
            ++self->readable;
            break;
        case NETCONN_EVT_RCVMINUS:
            --self->readable;
            break;
        case NETCONN_EVT_SENDPLUS:
            self->writable = true;
            break;
        case NETCONN_EVT_SENDMINUS:
            self->writable = false;
            break;
        default:
            break;
    }
    if (self->events != NULL) {
        note_event(self->events, evt, len);
    }
}

// In lwIP's context or a caller's; the object is alive as long as its slot is taken.
static void event_callback(struct netconn *conn, enum netconn_evt evt, u16_t len) {
    lwipb_netconn_t *self = NULL;
    SYS_ARCH_DECL_PROTECT(lev);
    SYS_ARCH_PROTECT(lev);
    int slot = conn->callback_arg.socket;
    if (slot >= 0) {
        self = slots[slot];
        count_event(self, evt, len);
    } else if (evt == NETCONN_EVT_RCVPLUS) {
        --conn->callback_arg.socket;
    }
    SYS_ARCH_UNPROTECT(lev);
    if (self != NULL && self->events != NULL) {
        lwipb_live_post(&self->live);
    }
    if (evt != NETCONN_EVT_RCVMINUS && evt != NETCONN_EVT_SENDMINUS) {
        LWIP_BINDINGS_WAKE();
    }
}

// (conn, event, len) for each of those that wait now; what they bring about comes in another turn.
static void netconn_deliver(lwipb_live_t *live) {
    lwipb_netconn_t *self = (lwipb_netconn_t *)live;
    unsigned left = self->events == NULL ? 0 : self->events->count;
    while (left-- > 0 && self->events != NULL && self->events->count > 0) {
        lwipb_events_t *events = self->events;
        SYS_ARCH_DECL_PROTECT(lev);
        SYS_ARCH_PROTECT(lev);
        unsigned kind = events->waiting[events->first].kind;
        unsigned len = events->waiting[events->first].len;
        events->first = (events->first + 1) % LWIPB_EVENTS_WAITING;
        --events->count;
        SYS_ARCH_UNPROTECT(lev);
        mp_obj_t args[3] = {
            MP_OBJ_FROM_PTR(self), MP_OBJ_NEW_SMALL_INT(kind), MP_OBJ_NEW_SMALL_INT(len),
        };
        lwipb_call(self->callback, 3, args);
    }
}

static void netconn_release(lwipb_live_t *live) {
    lwipb_netconn_t *self = (lwipb_netconn_t *)live;
    struct netconn *conn = self->conn;
    if (lwipb_live_resetting) {
        lwipb_conn_abort(conn);
    }
    if (lwipb_conn_is_tcp(conn)) {
        lwipb_conn_guard(conn, false);
        // lwIP would neither close nor free a non-blocking netconn that is to linger.
        if (conn->linger > 0) {
            conn->linger = -1;
        }
    }
    if (self->rest != NULL) {
        pbuf_free(self->rest);
        self->rest = NULL;
    }
    netconn_prepare_delete(conn);
    SYS_ARCH_DECL_PROTECT(lev);
    SYS_ARCH_PROTECT(lev);
    slots[conn->callback_arg.socket] = NULL;
    conn->callback_arg.socket = -1;
    SYS_ARCH_UNPROTECT(lev);
    netconn_delete(conn);
    self->conn = NULL;
    LWIP_BINDINGS_WAKE();
}

lwipb_netconn_t *lwipb_netconn_alloc(void) {
    lwipb_netconn_t *self = mp_obj_malloc_with_finaliser(lwipb_netconn_t, &lwipb_type_netconn);
    lwipb_live_init(&self->live);
    self->live.deliver = netconn_deliver;
    self->conn = NULL;
    self->rest = NULL;
    self->callback = mp_const_none;
    self->events = NULL;
    self->readable = 0;
    self->writable = false;
    self->starved = false;
    self->nonblocking = false;
    self->rx_closed = false;
    self->tx_closed = false;
    return self;
}

void lwipb_netconn_adopt(lwipb_netconn_t *self, struct netconn *conn) {
    int slot = 0;
    while (slots[slot] != NULL) {
        ++slot; // there are as many as netconns
    }
    self->conn = conn;
    netconn_set_nonblocking(conn, 1);
    SYS_ARCH_DECL_PROTECT(lev);
    SYS_ARCH_PROTECT(lev);
    slots[slot] = self;
    self->readable = -1 - conn->callback_arg.socket;
    conn->callback_arg.socket = slot;
    SYS_ARCH_UNPROTECT(lev);
    lwipb_live_add(&self->live, netconn_release);
}

int lwipb_netconn_open(lwipb_netconn_t *self, enum netconn_type type, uint8_t proto) {
    struct netconn *conn = netconn_new_with_proto_and_callback(type, proto, event_callback);
    if (conn == NULL) {
        gc_collect();
        conn = netconn_new_with_proto_and_callback(type, proto, event_callback);
    }
    if (conn == NULL) {
        return MP_ENOBUFS;
    }
    lwipb_netconn_adopt(self, conn);
    self->writable = !lwipb_conn_is_tcp(conn);
    return 0;
}

mp_uint_t lwipb_netconn_recv_timeout(const lwipb_netconn_t *self) {
    u32_t ms = netconn_get_recvtimeout(self->conn);
    return self->nonblocking ? 0 : ms == 0 ? LWIPB_FOREVER : ms;
}

mp_uint_t lwipb_netconn_send_timeout(const lwipb_netconn_t *self) {
    s32_t ms = netconn_get_sendtimeout(self->conn);
    return self->nonblocking ? 0 : ms <= 0 ? LWIPB_FOREVER : (mp_uint_t)ms;
}

mp_uint_t lwipb_netconn_poll(lwipb_netconn_t *self, mp_uint_t flags) {
    if (self->conn == NULL) {
        return MP_STREAM_POLL_NVAL;
    }
    LOCK_TCPIP_CORE();
    lwipb_conn_state_t state = {
        .data = self->rest != NULL || self->readable > 0,
        .room = self->writable,
        .rx_closed = self->rx_closed,
        .tx_closed = self->tx_closed,
    };
    mp_uint_t ret = lwipb_conn_poll(self->conn, &state);
    UNLOCK_TCPIP_CORE();
    return ret & (flags | MP_STREAM_POLL_ERR | MP_STREAM_POLL_HUP);
}

int lwipb_netconn_attempt_accept(void *io_in) {
    lwipb_netconn_io_t *io = io_in;
    if (io->self->conn == NULL) {
        return MP_EBADF;
    }
    return lwipb_errno(netconn_accept(io->self->conn, &io->accepted));
}

// What waits of a stream, in one chain: until io->want bytes are there, for each reception of lwIP's
// would cost the script a call. The window is opened once for all.
static err_t recv_tcp(lwipb_netconn_io_t *io) {
    lwipb_netconn_t *self = io->self;
    uint8_t flags = NETCONN_NOAUTORCVD | NETCONN_DONTBLOCK;
    struct pbuf *p = self->rest;
    size_t opened = 0;
    err_t err = ERR_OK;
    if (p != NULL) {
        self->rest = NULL;
        opened = p->tot_len;
    } else {
        err = netconn_recv_tcp_pbuf_flags(self->conn, &p, flags);
    }
    if (err != ERR_OK) {
        return err;
    }
    while (self->readable > 0 && p->tot_len < io->want && p->tot_len <= CHAIN_MAX) {
        // An error comes up again at the next call, and the end, unless it did so already.
        struct pbuf *more;
        err = netconn_recv_tcp_pbuf_flags(self->conn, &more, flags | NETCONN_NOFIN);
        if (err != ERR_OK) {
            self->rx_closed |= err == ERR_CLSD;
            break;
        }
        pbuf_cat(p, more);
    }
    if (!(io->apiflags & NETCONN_NOAUTORCVD) && p->tot_len > opened) {
        netconn_tcp_recvd(self->conn, p->tot_len - opened);
    }
    io->pbuf = p;
    return ERR_OK;
}

// Seen here, that nothing has arrived costs little. The end is an event too.
static bool has_nothing(const lwipb_netconn_t *self) {
    const struct netconn *conn = self->conn;
    return self->readable <= 0 && self->rest == NULL && conn->pending_err == ERR_OK
           && conn->pcb.ip != NULL;
}

int lwipb_netconn_attempt_recv(void *io_in) {
    lwipb_netconn_io_t *io = io_in;
    lwipb_netconn_t *self = io->self;
    if (self->conn == NULL) {
        return MP_EBADF;
    }
    bool stream = lwipb_conn_is_tcp(self->conn);
    if (stream && self->rest == NULL && self->rx_closed) {
        return 0;
    }
    if (has_nothing(self)) {
        return stream && lwipb_conn_is_idle(self->conn) ? MP_ENOTCONN : MP_EAGAIN;
    }
    if (!stream) {
        return lwipb_errno(netconn_recv_udp_raw_netbuf_flags(self->conn, &io->netbuf,
            io->apiflags | NETCONN_DONTBLOCK));
    }
    err_t err = recv_tcp(io);
    if (err == ERR_CLSD) {
        self->rx_closed = true;
        return 0;
    }
    return lwipb_errno(err);
}

int lwipb_netconn_attempt_connected(void *self_in) {
    lwipb_netconn_t *self = self_in;
    return self->conn == NULL ? MP_EBADF : lwipb_conn_connected(self->conn);
}

static void advance(lwipb_netconn_write_t *w, size_t done) {
    w->done += done;
    while (done > 0) {
        size_t part = MIN(done, w->vectors->len);
        w->vectors->ptr = (const uint8_t *)w->vectors->ptr + part;
        w->vectors->len -= part;
        done -= part;
        if (w->vectors->len == 0) {
            ++w->vectors;
            --w->count;
        }
    }
}

static err_t write_some(lwipb_netconn_write_t *w) {
    size_t written = 0;
    err_t err = netconn_write_vectors_partly(w->self->conn, w->vectors, w->count,
        w->apiflags | NETCONN_DONTBLOCK, &written);
    if (err == ERR_OK) {
        advance(w, written);
    }
    return err;
}

// What a piece takes of lwIP's heap: without copying, its headers.
static size_t heap_for(const lwipb_netconn_write_t *w, size_t len) {
    return w->apiflags & NETCONN_COPY ? len : PBUF_LINK_ENCAPSULATION_HLEN + PBUF_TRANSPORT;
}

// For when there is no memory for the whole.
static err_t write_pieces(lwipb_netconn_write_t *w) {
    size_t piece = LWIPB_CONN_PIECE;
    size_t before = w->done;
    while (w->done < w->len) {
        size_t part = MIN(w->vectors->len, piece);
        uint8_t more = part < w->len - w->done ? NETCONN_MORE : 0;
        size_t written = 0;
        err_t err = ERR_WOULDBLOCK;
        if (lwipb_conn_may_queue(heap_for(w, part))) {
            err = netconn_write_partly(w->self->conn, w->vectors->ptr, part,
                w->apiflags | NETCONN_DONTBLOCK | more, &written);
        }
        if (err == ERR_OK) {
            advance(w, written);
        } else if (err != ERR_WOULDBLOCK) {
            return err;
        }
        if (written < part && piece == LWIPB_CONN_LEAST_PIECE) {
            return w->done > before ? ERR_OK : ERR_WOULDBLOCK;
        }
        if (written < part) {
            piece = LWIPB_CONN_LEAST_PIECE;
        }
    }
    return ERR_OK;
}

int lwipb_netconn_attempt_write(void *write_in) {
    lwipb_netconn_write_t *w = write_in;
    if (w->self->conn == NULL) {
        return MP_EBADF;
    }
    if (w->done == w->len) {
        return 0;
    }
    err_t err = write_some(w);
    bool blocked = err == ERR_WOULDBLOCK || (err == ERR_OK && w->done < w->len);
    // Asked for before the last attempt: what comes back after that one fails is not missed.
    if (blocked && lwipb_conn_lacks_memory(w->self->conn) && LWIP_BINDINGS_STARVED()) {
        err = write_pieces(w);
        lwipb_conn_push_held();
    }
    if (err == ERR_OK || err == ERR_WOULDBLOCK) {
        return w->done < w->len ? MP_EAGAIN : 0;
    }
    // lwIP's word for a connect that is still under way.
    return err == ERR_INPROGRESS ? MP_EAGAIN : lwipb_errno(err);
}
