// SPDX-License-Identifier: MIT
//
// A caller that comes again from the port it had. While the old connection is in TIME_WAIT, lwIP answers its
// SYN with an acknowledgement of that one's data, on which the caller resets and asks again, in vain, for two
// minutes. RFC 9293 3.10.7.4 (MAY-2) and RFC 1122 4.2.2.13 let the SYN open a new connection where no segment
// of the old one can be taken for one of the new: both sides' sequence numbers begin above the old ones.

#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/tcp.h"
#include "lwip/stats.h"

#include "net_hooks.h"
#include "timebase.h"

static bool reopening;
static u32_t old_end; // the number after all that the old connection sent

// A clock of 4 us (RFC 9293 3.4.1) that begins anywhere: after a restart the numbers are not the former ones.
u32_t tcp_reopen_isn(void) {
    static u32_t begin;
    if (begin == 0) {
        begin = LWIP_RAND() | 1;
    }
    u32_t isn = begin + (u32_t)(timebase_us() >> 2);
    return reopening && TCP_SEQ_LEQ(isn, old_end) ? old_end + 1 : isn;
}

// tcp_input() has turned the header's fields: as they came.
static void restore(struct tcp_hdr *header) {
    header->src = lwip_htons(header->src);
    header->dest = lwip_htons(header->dest);
    header->seqno = lwip_htonl(header->seqno);
    header->ackno = lwip_htonl(header->ackno);
    header->wnd = lwip_htons(header->wnd);
}

err_t tcp_reopen(struct tcp_pcb *pcb, struct tcp_hdr *header, const u8_t *rest_of_options, struct pbuf *p) {
    // Options that go on in another pbuf have lost their place: none that a frame brings are.
    if ((TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN
        || !TCP_SEQ_GT(header->seqno, pcb->rcv_nxt) || rest_of_options != NULL
        || pbuf_add_header_force(p, TCPH_HDRLEN_BYTES(header)) != 0) {
        return ERR_OK;
    }
    restore(header);
    old_end = pcb->snd_nxt;
    tcp_abort(pcb); // says nothing, in this state
    pbuf_ref(p);
    reopening = true;
    tcp_input(p, ip_current_input_netif());
    reopening = false;
    STATS_DEC(tcp.recv); // it was one segment
    return ERR_ABRT;
}
