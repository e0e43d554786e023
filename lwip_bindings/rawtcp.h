// SPDX-License-Identifier: MIT
// The TCP object of lwip.raw.
#ifndef LWIP_BINDINGS_RAWTCP_H
#define LWIP_BINDINGS_RAWTCP_H

#include "raw.h"

#include "lwip/tcp.h"

enum { CB_ACCEPT, CB_CONNECTED, CB_RECV, CB_SENT, CB_POLL, CB_ERR, CB_COUNT };

// A connection that the script has not been given yet. It has an address of its own, as lwIP's error
// callback does not say which PCB it is about.
typedef struct _newcomer_t {
    struct tcp_pcb *pcb;
} newcomer_t;

typedef struct _raw_tcp_t {
    lwipb_live_t live; // held from creation to close(), abort() or an error
    struct tcp_pcb *pcb; // NULL once lwIP has freed it
    mp_obj_t callbacks[CB_COUNT];
    struct pbuf *received;
    newcomer_t *newcomers; // of a listener
    uint8_t backlog;
    uint8_t err; // an errno to tell
    bool connected;
    bool polled;
    bool ended; // the peer sent its FIN, which is to tell
    u32_t sent;
} raw_tcp_t;

// An object without a PCB; and its PCB, core locked.
raw_tcp_t *lwipb_raw_tcp_alloc(void);
void lwipb_raw_tcp_start(raw_tcp_t *self, struct tcp_pcb *pcb);

// lwIP's accept callback for a listening PCB whose argument is the object.
err_t lwipb_raw_tcp_on_accept(void *arg, struct tcp_pcb *pcb, err_t err);
err_t lwipb_raw_tcp_on_connected(void *arg, struct tcp_pcb *pcb, err_t err);
err_t lwipb_raw_tcp_on_poll(void *arg, struct tcp_pcb *pcb);

// Gives up the PCB, by a reset if asked, and whatever waits. Harmless if there is none.
void lwipb_raw_tcp_let_go(raw_tcp_t *self, bool abort);

#endif
