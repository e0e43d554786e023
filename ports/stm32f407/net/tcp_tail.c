// SPDX-License-Identifier: MIT
//
// lwIP 2.2.1 takes the last segment that is not sent yet for the end of the stream: new data is appended to
// it, and a FIN is put on it. After a fast retransmission that found no descriptor it is an old one, with
// later ones on their way: what is appended then takes the place of bytes that the peer gets from those. So
// while something is added, such segments are out of the list. lwIP's own functions are *_at_tail here
// (net.mk).

#include "lwip/priv/tcp_priv.h"

err_t tcp_write_at_tail(struct tcp_pcb *pcb, const void *data, u16_t len, u8_t flags);
err_t tcp_send_fin_at_tail(struct tcp_pcb *pcb);

static struct tcp_seg *last(struct tcp_seg *seg) {
    while (seg->next != NULL) {
        seg = seg->next;
    }
    return seg;
}

static u32_t number(const struct tcp_seg *seg) {
    return lwip_ntohl(seg->tcphdr->seqno);
}

// Takes segments off that are sent again, if later ones are on their way; the list is sorted.
static struct tcp_seg *take_off_sent_again(struct tcp_pcb *pcb) {
    struct tcp_seg *again = pcb->unsent;
    if (again == NULL || pcb->unacked == NULL
        || !TCP_SEQ_LT(number(last(again)), number(last(pcb->unacked)))) {
        return NULL;
    }
    pcb->unsent = NULL;
    pcb->unsent_oversize = 0;
    return again;
}

static void put_back(struct tcp_pcb *pcb, struct tcp_seg *again) {
    if (again != NULL) {
        last(again)->next = pcb->unsent;
        pcb->unsent = again;
    }
}

err_t tcp_write(struct tcp_pcb *pcb, const void *data, u16_t len, u8_t flags) {
    struct tcp_seg *again = take_off_sent_again(pcb);
    err_t err = tcp_write_at_tail(pcb, data, len, flags);
    put_back(pcb, again);
    return err;
}

err_t tcp_send_fin(struct tcp_pcb *pcb) {
    struct tcp_seg *again = take_off_sent_again(pcb);
    err_t err = tcp_send_fin_at_tail(pcb);
    put_back(pcb, again);
    return err;
}
