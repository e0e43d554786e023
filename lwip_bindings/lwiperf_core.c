// SPDX-License-Identifier: MIT
// lwIP's lwiperf: server and client of iperf 2's TCP test.
//
// lwIP 2.2.1's own lwiperf_abort() frees a session whose PCB goes on pointing to it, its report of a
// connection that was reset reads the PCB that is gone, and a start that fails on the way leaves a PCB
// behind. Here sessions are found by whom they report to and closed properly, the addresses are kept
// beside the session, and a start is tried before lwIP makes it.

#include <string.h>

#include "apps.h"

#include "lwip/mem.h"
#include "lwip/tcp.h"

#if LWIP_BINDINGS_LWIPERF

// Beside each of lwIP's sessions.
typedef struct _ends_t {
    ip_addr_t local;
    ip_addr_t remote;
    uint16_t local_port;
    uint16_t remote_port;
} ends_t;

static void *session_alloc(size_t size);
static void session_err(struct tcp_pcb *pcb, tcp_err_fn err);
static err_t session_connect(struct tcp_pcb *pcb, const ip_addr_t *addr, u16_t port,
    tcp_connected_fn connected);

#define LWIPERF_ALLOC(type) ((type *)session_alloc(sizeof(type)))
#define LWIPERF_FREE(type, item) mem_free(item)
#define htonl(x) lwip_htonl(x)
#define tcp_err session_err
#define tcp_connect session_connect
#include "../apps/lwiperf/lwiperf.c"
#undef tcp_err
#undef tcp_connect

static void *session_alloc(size_t size) {
    return mem_malloc(size + sizeof(ends_t));
}

static ends_t *ends_of(lwiperf_state_tcp_t *session) {
    return (ends_t *)(session + 1);
}

static void note_ends(lwiperf_state_tcp_t *session, const struct tcp_pcb *pcb) {
    *ends_of(session) = (ends_t) {
        .local = pcb->local_ip, .remote = pcb->remote_ip,
        .local_port = pcb->local_port, .remote_port = pcb->remote_port,
    };
}

static void report(void *arg, enum lwiperf_report_type type, const ends_t *ends, u32_t bytes, u32_t ms,
    u32_t kbit_s) {
    lwipb_perf_t *self = arg;
    if (self->count == LWIPB_PERF_REPORTS) {
        // The oldest makes room.
        self->first = (self->first + 1) % LWIPB_PERF_REPORTS;
        --self->count;
    }
    self->reports[(self->first + self->count++) % LWIPB_PERF_REPORTS] = (lwipb_perf_report_t) {
        .type = type, .local = ends->local, .local_port = ends->local_port, .remote = ends->remote,
        .remote_port = ends->remote_port, .bytes = bytes, .ms = ms, .kbit_s = kbit_s,
    };
    lwipb_live_post(&self->live);
    LWIP_BINDINGS_WAKE();
}

// lwIP's callback, while the connection has its PCB.
static void on_report(void *arg, enum lwiperf_report_type type, const ip_addr_t *local, u16_t local_port,
    const ip_addr_t *remote, u16_t remote_port, u32_t bytes, u32_t ms, u32_t kbit_s) {
    ends_t ends = {
        .local = *local, .remote = *remote, .local_port = local_port, .remote_port = remote_port,
    };
    report(arg, type, &ends, bytes, ms, kbit_s);
}

// The connection was reset or timed out, and has no PCB any more.
static void on_err(void *arg, err_t err) {
    lwiperf_state_tcp_t *session = arg;
    if (session->report_fn != NULL) {
        u32_t ms = sys_now() - session->time_started;
        u32_t kbit_s = ms == 0 ? 0 : session->bytes_transferred / ms * 8;
        report(session->report_arg, LWIPERF_TCP_ABORTED_REMOTE, ends_of(session),
            session->bytes_transferred, ms, kbit_s);
        session->report_fn = NULL;
    }
    lwiperf_tcp_err(session, err);
}

// For lwIP's tcp_err(), which comes after its tcp_arg().
static void session_err(struct tcp_pcb *pcb, tcp_err_fn err) {
    if (err != NULL) {
        note_ends(pcb->callback_arg, pcb);
    }
    tcp_err(pcb, err == NULL ? NULL : on_err);
}

static err_t connect_result;

static err_t session_connect(struct tcp_pcb *pcb, const ip_addr_t *addr, u16_t port,
    tcp_connected_fn connected) {
    connect_result = tcp_connect(pcb, addr, port, connected);
    if (connect_result == ERR_OK) {
        note_ends(pcb->callback_arg, pcb);
    } else {
        ((lwiperf_state_tcp_t *)pcb->callback_arg)->report_fn = NULL; // the caller gets the error
    }
    return connect_result;
}

// Whether there is what a start needs, and the port is free: then it cannot fail for that.
static err_t try_start(const ip_addr_t *listen_addr, uint16_t listen_port, bool client) {
    size_t sessions = (listen_addr != NULL) + client;
    void *memory = mem_malloc(sessions * (sizeof(lwiperf_state_tcp_t) + sizeof(ends_t) + 2 * MEM_ALIGNMENT));
    if (memory == NULL) {
        return ERR_MEM;
    }
    struct tcp_pcb *extra = client ? tcp_new() : NULL;
    err_t err = client && extra == NULL ? ERR_MEM : ERR_OK;
    if (err == ERR_OK && listen_addr != NULL) {
        struct tcp_pcb *pcb = tcp_new_ip_type(LWIPERF_SERVER_IP_TYPE);
        err = pcb == NULL ? ERR_MEM : tcp_bind(pcb, listen_addr, listen_port);
        struct tcp_pcb *listener = err == ERR_OK ? tcp_listen_with_backlog_and_err(pcb, 1, &err) : NULL;
        if (listener != NULL) {
            tcp_close(listener);
        } else if (pcb != NULL) {
            tcp_abort(pcb);
        }
    }
    if (extra != NULL) {
        tcp_abort(extra);
    }
    mem_free(memory);
    return err;
}

err_t lwipb_perf_serve(lwipb_perf_t *self, const ip_addr_t *addr, uint16_t port) {
    LWIP_ASSERT_CORE_LOCKED();
    err_t err = try_start(addr, port, false);
    if (err == ERR_OK && lwiperf_start_tcp_server(addr, port, on_report, self) == NULL) {
        err = ERR_MEM;
    }
    return err;
}

err_t lwipb_perf_connect(lwipb_perf_t *self, const ip_addr_t *addr, uint16_t port, int type) {
    LWIP_ASSERT_CORE_LOCKED();
    // Both other types have the peer connect back, to the default port.
    err_t err = try_start(type == LWIPERF_CLIENT ? NULL : IP_ANY_TYPE, LWIPERF_TCP_PORT_DEFAULT, true);
    if (err == ERR_OK) {
        connect_result = ERR_MEM;
        if (lwiperf_start_tcp_client(addr, port, type, on_report, self) == NULL) {
            err = connect_result == ERR_OK ? ERR_MEM : connect_result;
        }
    }
    return err;
}

static lwiperf_state_tcp_t *session_of(const lwipb_perf_t *self) {
    lwiperf_state_base_t *at = lwiperf_all_connections;
    while (at != NULL && ((lwiperf_state_tcp_t *)at)->report_arg != self) {
        at = at->next;
    }
    return (lwiperf_state_tcp_t *)at;
}

bool lwipb_perf_runs(const lwipb_perf_t *self) {
    return session_of(self) != NULL;
}

void lwipb_perf_abort(lwipb_perf_t *self) {
    LWIP_ASSERT_CORE_LOCKED();
    lwiperf_state_tcp_t *session;
    while ((session = session_of(self)) != NULL) {
        session->report_fn = NULL;
        struct tcp_pcb *pcb = session->conn_pcb;
        if (pcb != NULL) {
            tcp_arg(pcb, NULL);
            tcp_err(pcb, NULL);
            tcp_abort(pcb);
            session->conn_pcb = NULL;
        }
        lwiperf_tcp_close(session, LWIPERF_TCP_ABORTED_LOCAL);
    }
}

#endif
