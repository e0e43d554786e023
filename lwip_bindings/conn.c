// SPDX-License-Identifier: MIT
// What sockets and Netconns have in common.

#include "py/mperrno.h"
#include "py/stream.h"

#include "conn.h"

#include "lwip/priv/api_msg.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"

// The destructor of an extra argument is the one hook where lwIP frees a PCB in TIME_WAIT.
#if LWIP_TCP_PCB_NUM_EXT_ARGS < 1
#error "the bindings need LWIP_TCP_PCB_NUM_EXT_ARGS >= 1"
#endif

static void pcb_destroyed(u8_t id, void *data) {
    (void)id;
    struct netconn *conn = data;
    if (conn != NULL) {
        conn->pcb.tcp = NULL;
        conn->pending_err = ERR_CLSD;
    }
}

static void disarm(struct tcp_pcb *list, const struct netconn *conn) {
    for (struct tcp_pcb *pcb = list; pcb != NULL; pcb = pcb->next) {
        if (tcp_ext_arg_get(pcb, LWIP_BINDINGS_TCP_EXT_ARG) == conn) {
            tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, NULL);
        }
    }
}

void lwipb_conn_guard(struct netconn *conn, bool on) {
    static const struct tcp_ext_arg_callbacks callbacks = { .destroy = pcb_destroyed };
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = conn->pcb.tcp;
    if (pcb == NULL && !on) {
        // A shutdown that ended the connection parted them: the PCB may live on for minutes, the netconn's
        // memory be another one's by then.
        disarm(tcp_active_pcbs, conn);
        disarm(tcp_tw_pcbs, conn);
    } else if (pcb != NULL && pcb->state != LISTEN) {
        tcp_ext_arg_set_callbacks(pcb, LWIP_BINDINGS_TCP_EXT_ARG, &callbacks);
        tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, on ? conn : NULL);
    }
    UNLOCK_TCPIP_CORE();
}

bool lwipb_conn_is_idle(struct netconn *conn) {
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = conn->pcb.tcp;
    bool idle = conn->state != NETCONN_CONNECT && pcb != NULL
        && (pcb->state == CLOSED || pcb->state == LISTEN);
    UNLOCK_TCPIP_CORE();
    return idle;
}

int lwipb_conn_connected(struct netconn *conn) {
    LOCK_TCPIP_CORE();
    bool in_progress = conn->state == NETCONN_CONNECT;
    bool gone = conn->pcb.tcp == NULL;
    UNLOCK_TCPIP_CORE();
    if (in_progress) {
        return MP_EAGAIN;
    }
    int err = lwipb_errno(netconn_err(conn));
    return err == 0 && gone ? MP_ENOTCONN : err;
}

bool lwipb_conn_lacks_memory(struct netconn *conn) {
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = conn->pcb.tcp;
    bool lacks = pcb != NULL && (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT)
        && tcp_sndbuf(pcb) > 0 && tcp_sndqueuelen(pcb) < TCP_SND_QUEUELEN;
    UNLOCK_TCPIP_CORE();
    return lacks;
}

void lwipb_conn_push_held(void) {
    LOCK_TCPIP_CORE();
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        if (pcb->unsent != NULL && pcb->state >= ESTABLISHED && !tcp_nagle_disabled(pcb)) {
            tcp_nagle_disable(pcb);
            tcp_output(pcb);
            tcp_nagle_enable(pcb);
        }
    }
    UNLOCK_TCPIP_CORE();
}

void lwipb_conn_abort(struct netconn *conn) {
    LOCK_TCPIP_CORE();
    struct tcp_pcb *pcb = lwipb_conn_is_tcp(conn) ? conn->pcb.tcp : NULL;
    if (pcb != NULL && pcb->state != LISTEN && pcb->state != CLOSED) {
        tcp_ext_arg_set(pcb, LWIP_BINDINGS_TCP_EXT_ARG, NULL);
        tcp_abort(pcb);
        // lwIP calls nobody back about one in TIME_WAIT.
        conn->pcb.tcp = NULL;
    }
    UNLOCK_TCPIP_CORE();
}

// A connection whose PCB is gone: reset, refused, timed out or closed both ways.
static mp_uint_t poll_gone(const struct netconn *conn) {
    bool failed = conn->pending_err != ERR_OK && conn->pending_err != ERR_CLSD;
    return MP_STREAM_POLL_RD | MP_STREAM_POLL_WR | MP_STREAM_POLL_HUP
           | (failed ? MP_STREAM_POLL_ERR : 0);
}

static mp_uint_t poll_tcp(const struct netconn *conn, const lwipb_conn_state_t *state) {
    const struct tcp_pcb *pcb = conn->pcb.tcp;
    if (pcb == NULL) {
        return poll_gone(conn);
    }
    if (conn->state == NETCONN_CONNECT) {
        return 0;
    }
    if (pcb->state == CLOSED) {
        return MP_STREAM_POLL_WR | MP_STREAM_POLL_HUP;
    }
    if (pcb->state == LISTEN) {
        return state->data ? MP_STREAM_POLL_RD : 0;
    }
    bool peer_ended = state->rx_closed || pcb->state == CLOSING || pcb->state == TIME_WAIT
        || pcb->state == LAST_ACK;
    return (state->data || state->rx_closed ? MP_STREAM_POLL_RD : 0)
           | (state->room || state->tx_closed ? MP_STREAM_POLL_WR : 0)
           | (state->tx_closed && peer_ended ? MP_STREAM_POLL_HUP : 0);
}

mp_uint_t lwipb_conn_poll(const struct netconn *conn, const lwipb_conn_state_t *state) {
    LWIP_ASSERT_CORE_LOCKED();
    if (lwipb_conn_is_tcp(conn)) {
        return poll_tcp(conn, state);
    }
    return MP_STREAM_POLL_WR | (state->data ? MP_STREAM_POLL_RD : 0)
           | (conn->pending_err != ERR_OK ? MP_STREAM_POLL_ERR : 0);
}
