// SPDX-License-Identifier: MIT

#include <string.h>

#include "lwip/autoip.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/nd6.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "lwip/tcpip.h"
#include "netif/ethernet.h"

#include "checksum.h"
#include "default_mac.h"
#include "ethif.h"
#include "ethif_task.h"
#include "net_hooks.h"
#include "mpconfigboard.h"
#include "rx_pace.h"

// Interrupts from here down may call the kernel.
#define ETHIF_IRQ_PRIORITY  (6)
// Bytes that may be sent without an interrupt that tells of it, where nothing but that frees them.
#define TX_UNNOTICED_BYTES  (MEM_SIZE / 4)
// A frame in more pieces than this is copied into one, for which there may be no memory in one piece: more
// than a segment has that was written bit by bit while memory was short (LWIPB_CONN_LEAST_PIECE).
#define TX_SEGMENTS_MAX     (12)
// With fewer buffers than this left to the DMA, frames up to this size are copied out of theirs.
#define RX_SHORT_BUFFERS    (ETH_RX_COUNT / 3)
#define RX_COPY_BYTES       (320)

// Buffers that nobody keeps: a script that holds all the others, in frames not read or in data sent on
// without copying, waits for acknowledgements, and these must find a buffer to arrive in.
#define RX_RESERVE          (2)
// What fits here is handed up in the reserve itself when there is no memory to copy it to: lwIP keeps no
// acknowledgement, ARP or DHCP packet.
#define RX_RESERVE_BYTES    (96)

// Frames taken out of the ring and not handed up yet, at most.
#define RX_BACKLOG          (24)

// A receive buffer with the pbuf that lwIP sees.
typedef struct {
    struct pbuf_custom pbuf;
    uint8_t data[ETH_RX_BUFFER_BYTES] __attribute__((aligned(4)));
} rx_buffer_t;

ethif_stats_t ethif_stats;

// Plain .bss: in SRAM, where the DMA writes to them.
static rx_buffer_t rx_buffers[ETH_RX_COUNT];
static volatile uint16_t rx_lent;

static struct {
    struct pbuf *frame[RX_BACKLOG];
    uint8_t verdict[RX_BACKLOG];    // eth_csum_t
    uint8_t first;
    uint8_t count;
} backlog;
void (*ethif_watcher)(const struct pbuf *p, bool sent);
bool (*ethif_raw_input)(struct pbuf *p, const eth_time_t *stamp);

static struct netif netif;
// Their own memory, so that starting them cannot fail and stopping them leaves nothing behind.
static struct dhcp dhcp;
static struct autoip autoip;
static eth_config_t config;
static bool active;
static bool promiscuous;
static uint32_t tx_unnoticed;
static eth_time_t rx_time; // when the frame came that is being handed up
static bool rx_timed; // is that known?
static bool tx_stamped; // the frame that is being sent wants a time-stamp
static bool tx_refused; // a frame found no descriptor
static uint8_t default_mac[6];

// ---- Receive ---------------------------------------------------------------------------------------

static void give_back(rx_buffer_t *buffer) {
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    rx_lent--;
    eth_give_buffer(buffer->data, buffer);
    SYS_ARCH_UNPROTECT(level);
}

// The last reference to a received frame is gone. Any task.
static void free_rx_pbuf(struct pbuf *p) {
    give_back((rx_buffer_t *)p);
}

static unsigned take_frame(eth_rx_frame_t *frame, void **slots) {
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    unsigned segments = eth_receive(frame, slots);
    rx_lent += segments;
    SYS_ARCH_UNPROTECT(level);
    return segments;
}

// The frame as it lies, as a chain of pbufs. PBUF_ROM says of it what holds: the payload lasts as long as the
// pbuf, and there is no room for a header in front of it.
static struct pbuf *wrap_frame(void **slots, unsigned segments, unsigned length) {
    struct pbuf *head = NULL;
    unsigned offset = ETH_RX_OFFSET;
    for (unsigned n = 0; n < segments; n++, offset = 0) {
        rx_buffer_t *buffer = slots[n];
        if (length == 0) {
            // The FCS alone reached into this one.
            give_back(buffer);
            continue;
        }
        unsigned room = ETH_RX_BUFFER_BYTES - offset;
        unsigned piece = LWIP_MIN(length, room);
        buffer->pbuf.custom_free_function = free_rx_pbuf;
        struct pbuf *p = pbuf_alloced_custom(PBUF_RAW, (u16_t)piece, PBUF_ROM, &buffer->pbuf,
            buffer->data + offset, (u16_t)room);
        if (head == NULL) {
            head = p;
        } else {
            pbuf_cat(head, p);
        }
        length -= piece;
    }
    return head;
}

// When the ring runs short, a small frame that will wait for Python must not keep a whole buffer from the
// DMA. lwIP's heap is only used for it while more than half of it is free.
static struct pbuf *copy_small(struct pbuf *p) {
    bool room = lwip_stats.mem.used <= MEM_SIZE / 2;
    if (p->tot_len > RX_COPY_BYTES || !(p->flags & PBUF_FLAG_IS_CUSTOM) || !room) {
        return p;
    }
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (copy == NULL) {
        return p;
    }
    ethif_stats.rx_copied_bytes += p->tot_len;
    pbuf_free(p);
    return copy;
}

static bool in_reserve(void) {
    return ETH_RX_COUNT - rx_lent < RX_RESERVE;
}

// Connections that miss a segment keep what came behind it, and together they can keep all buffers from these
// very segments. As lwIP does when its own pool runs dry (pbuf_free_ooseq()), one after the other lets go.
static bool leave_by_missing_segments(void) {
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL && in_reserve(); pcb = pcb->next) {
        if (pcb->ooseq != NULL) {
            tcp_free_ooseq(pcb);
        }
    }
    return !in_reserve();
}

// `p` lies in a buffer of the reserve: gives the frame in other memory, or NULL if there is none for it, as
// if the ring had had no buffer.
static struct pbuf *leave_reserve(struct pbuf *p) {
    if (!(p->flags & PBUF_FLAG_IS_CUSTOM)) {
        return p;
    }
    struct pbuf *copy = NULL;
    if (p->tot_len <= RX_COPY_BYTES || lwip_stats.mem.used <= MEM_SIZE / 2) {
        copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    }
    if (copy != NULL) {
        ethif_stats.rx_copied_bytes += p->tot_len;
    } else if (p->tot_len <= RX_RESERVE_BYTES || leave_by_missing_segments()) {
        return p;
    } else {
        eth_stats.rx_missed++;
    }
    pbuf_free(p);
    return copy;
}

// A frame for another station: promiscuous reception brought it, and lwIP would answer in that one's name.
static bool is_foreign(const struct pbuf *p) {
    const uint8_t *destination = p->payload;
    return promiscuous && !(destination[0] & 1) && memcmp(destination, netif.hwaddr, ETH_HWADDR_LEN) != 0;
}

static void hand_up(struct pbuf *p, eth_csum_t verdict) {
    if (in_reserve()) {
        p = leave_reserve(p);
        if (p == NULL) {
            return;
        }
    }
    if (verdict == ETH_CSUM_BAD_HEADER || verdict == ETH_CSUM_BAD_PAYLOAD) {
        eth_stats.rx_checksum_bad++;
    }
    eth_stats.rx_frames++;
    eth_stats.rx_bytes += p->tot_len;
    rx_pace_count(p->tot_len);
    if (ethif_watcher != NULL) {
        ethif_watcher(p, false);
    }
    if (is_foreign(p)) {
        pbuf_free(p);
        return;
    }
    // lwIP looks at these flags while it works on this very frame, under the lock.
    NETIF_SET_CHECKSUM_CTRL(&netif, checksum_flags(checksum_rx_trusted(p, verdict)));
    if (ETH_RX_COUNT - rx_lent <= RX_SHORT_BUFFERS) {
        p = copy_small(p);
    }
    if (netif.input(p, &netif) != ERR_OK) {
        ethif_stats.rx_dropped++;
        pbuf_free(p);
    }
    NETIF_SET_CHECKSUM_CTRL(&netif, checksum_flags(false));
}

err_t ethif_unknown_frame(struct pbuf *p, struct netif *net) {
    LWIP_UNUSED_ARG(net);
    return ethif_raw_input != NULL && ethif_raw_input(p, rx_timed ? &rx_time : NULL) ? ERR_OK : ERR_VAL;
}

// Takes one frame from the ring and leaves it in *p, or NULL if it is not for lwIP. False if there is none.
__attribute__((flatten)) static bool take_one(struct pbuf **p, eth_csum_t *verdict) {
    eth_rx_frame_t frame;
    void *slots[ETH_RX_COUNT];
    unsigned segments = take_frame(&frame, slots);
    if (segments == 0) {
        return false;
    }
    *p = NULL;
    if (frame.verdict != ETH_RX_OK || !netif_is_up(&netif)) {
        for (unsigned n = 0; n < segments; n++) {
            give_back(slots[n]);
        }
        return true;
    }
    rx_time = (eth_time_t) { frame.time_hi, frame.time_lo };
    rx_timed = eth_ptp_enabled() && (frame.status & ETH_RDES0_TSV);
    *p = wrap_frame(slots, segments, eth_rx_length(frame.status));
    *verdict = eth_rx_checksum(frame.status, frame.extended);
    return true;
}

// Small frames come faster (7 us) than lwIP works them off (20 us), and the ring is short. When it fills up,
// the small ones are copied out of it first, in a third of their time, and handed up from here.
static void fill_backlog(void) {
    struct pbuf *p;
    eth_csum_t verdict;
    while (backlog.count < RX_BACKLOG && eth_filled(1) && take_one(&p, &verdict)) {
        if (p != NULL) {
            unsigned at = (backlog.first + backlog.count++) % RX_BACKLOG;
            backlog.frame[at] = copy_small(p);
            backlog.verdict[at] = (uint8_t)verdict;
        }
    }
}

static void drop_backlog(void) {
    for (; backlog.count > 0; backlog.count--) {
        pbuf_free(backlog.frame[backlog.first]);
        backlog.first = (backlog.first + 1) % RX_BACKLOG;
        eth_stats.rx_aborted++;
    }
}

// Hands up one frame. False if there is none. The backlog keeps no time-stamps: it is not used with them.
static bool receive_one(void) {
    struct pbuf *p;
    eth_csum_t verdict;
    if (backlog.count == 0 && !eth_filled(1)) {
        return false;
    }
    rx_timed = false;
    if (!eth_ptp_enabled() && eth_filled(RX_SHORT_BUFFERS)) {
        fill_backlog();
    }
    if (backlog.count > 0) {
        p = backlog.frame[backlog.first];
        verdict = backlog.verdict[backlog.first];
        backlog.first = (backlog.first + 1) % RX_BACKLOG;
        backlog.count--;
    } else if (!take_one(&p, &verdict)) {
        return false;
    }
    if (p != NULL) {
        hand_up(p, verdict);
    }
    return true;
}

// ---- Transmit --------------------------------------------------------------------------------------

static void release_tx_pbuf(void *slot) {
    pbuf_free(slot);
}

// Segments that found no descriptor wait in their connections. To be called from outside of lwIP alone:
// link_output() may be in the middle of tcp_output(), which must not begin anew with the same segment.
static void send_refused(void) {
    if (tx_refused && eth_tx_room() > 0) {
        tx_refused = false;
        tcp_txnow();
    }
}

unsigned ethif_input(unsigned most) {
    unsigned frames = 0;
    LOCK_TCPIP_CORE();
    eth_reap();
    send_refused();
    while (frames < most && receive_one()) {
        frames++;
    }
    UNLOCK_TCPIP_CORE();
    return frames;
}

// A copy of `bytes` of the frame from `at` on, where the DMA reads it and nobody changes it.
static struct pbuf *bounce(struct pbuf *p, uint16_t at, uint16_t bytes) {
    struct pbuf *copy = pbuf_alloc(PBUF_RAW, bytes, PBUF_RAM);
    if (copy == NULL) {
        ethif_stats.tx_no_memory++;
        return NULL;
    }
    pbuf_copy_partial(p, copy->payload, bytes, at);
    ethif_stats.tx_copied_bytes += bytes;
    return copy;
}

static void free_segments(const eth_tx_segment_t *segment, unsigned segments) {
    for (unsigned n = 0; n < segments; n++) {
        if (segment[n].slot != NULL) {
            pbuf_free(segment[n].slot);
        }
    }
}

// Describes the frame to the DMA as it lies; pieces that the DMA cannot reach, or that change once this
// function has returned (PBUF_REF), as copies. The last piece that is not a copy carries a reference to the
// frame. Returns the number of pieces, 0 if memory ran out.
static unsigned gather(struct pbuf *p, eth_tx_segment_t *segment) {
    unsigned n = 0, holder = TX_SEGMENTS_MAX;
    uint16_t at = 0;
    for (struct pbuf *q = p; q != NULL; at += q->len, q = q->next) {
        if (q->len == 0) {
            continue;
        }
        segment[n] = (eth_tx_segment_t) { .data = q->payload, .bytes = q->len };
        if (PBUF_NEEDS_COPY(q) || !eth_dma_reaches(q->payload, q->len)) {
            struct pbuf *copy = bounce(p, at, q->len);
            if (copy == NULL) {
                free_segments(segment, n);
                return 0;
            }
            segment[n].data = copy->payload;
            segment[n].slot = copy;
        } else {
            holder = n;
        }
        n++;
    }
    if (holder < TX_SEGMENTS_MAX) {
        segment[holder].slot = p;
        pbuf_ref(p);
    }
    return n;
}

static unsigned count_pieces(const struct pbuf *p) {
    unsigned pieces = 0;
    for (; p != NULL; p = p->next) {
        pieces += p->len != 0;
    }
    return pieces;
}

// An interrupt on completion only when the ring fills up, or when much of lwIP's heap may hang on it: else
// the next frame, either way, looks. What TCP sent stays in the heap until it is acknowledged.
static bool wants_interrupt(uint16_t bytes) {
    tx_unnoticed += bytes;
    if (tx_unnoticed < TX_UNNOTICED_BYTES && eth_tx_room() >= ETH_TX_COUNT / 2) {
        return false;
    }
    tx_unnoticed = 0;
    return true;
}

static err_t link_output(struct netif *net, struct pbuf *p) {
    LWIP_UNUSED_ARG(net);
    eth_tx_segment_t segment[TX_SEGMENTS_MAX];
    if (!active || eth_state() != ETH_LINK_UP) {
        return ERR_IF;
    }
    if (p->tot_len > ETH_FRAME_MAX || p->tot_len < SIZEOF_ETH_HDR) {
        return ERR_VAL;
    }
    eth_reap();
    unsigned pieces = count_pieces(p);
    if (LWIP_MIN(pieces, TX_SEGMENTS_MAX) > eth_tx_room()) {
        eth_stats.tx_full++;
        tx_refused = true;
        eth_unmask(ETH_EVENT_TX);
        return ERR_MEM;
    }
    if (pieces > TX_SEGMENTS_MAX) {
        struct pbuf *copy = bounce(p, 0, p->tot_len);
        if (copy == NULL) {
            return ERR_MEM;
        }
        segment[0] = (eth_tx_segment_t) { .data = copy->payload, .bytes = p->tot_len, .slot = copy };
        pieces = 1;
    } else {
        pieces = gather(p, segment);
        if (pieces == 0) {
            return ERR_MEM;
        }
    }
    uint16_t bytes = p->tot_len;
    bool tcp;
    uint32_t flags = checksum_tx(p, &tcp) << ETH_TDES0_CIC_Pos;
    flags |= wants_interrupt(tcp ? 0 : bytes) ? ETH_TDES0_IC : 0;
    flags |= tx_stamped ? ETH_TDES0_TTSE | ETH_TDES0_IC : 0;
    if (!eth_send(segment, pieces, flags)) {
        free_segments(segment, pieces);
        return ERR_MEM;
    }
    eth_stats.tx_frames++;
    eth_stats.tx_bytes += bytes;
    if (ethif_watcher != NULL) {
        ethif_watcher(p, true);
    }
    return ERR_OK;
}

err_t ethif_send(struct pbuf *p, bool stamp) {
    tx_stamped = stamp;
    err_t err = link_output(&netif, p);
    tx_stamped = false;
    return err;
}

// ---- Filters ---------------------------------------------------------------------------------------

int ethif_set_mac(const uint8_t mac[6]) {
    int result = eth_set_mac(mac);
    if (result != 0) {
        return result;
    }
    memcpy(netif.hwaddr, mac, sizeof(netif.hwaddr));
    // The link-local address comes from it; neighbours learn of the change.
    netif_create_ip6_linklocal_address(&netif, 1);
    if (netif_is_up(&netif) && netif_is_link_up(&netif) && !ip4_addr_isany_val(*netif_ip4_addr(&netif))) {
        etharp_gratuitous(&netif);
    }
    return 0;
}

void ethif_set_promiscuous(bool on) {
    promiscuous = on;
    eth_set_promiscuous(on);
}

bool ethif_promiscuous(void) {
    return promiscuous;
}

// ---- Routes without a link --------------------------------------------------------------------------

static bool waits_for_link(void) {
    return netif_is_up(&netif) && !netif_is_link_up(&netif);
}

struct netif *ethif_route_source4(const ip4_addr_t *source, const ip4_addr_t *target) {
    bool ours = source != NULL && !ip4_addr_isany(source) && ip4_addr_eq(source, netif_ip4_addr(&netif));
    return ours && waits_for_link() && !ip4_addr_isloopback(target) ? &netif : NULL;
}

struct netif *ethif_route_source6(const ip6_addr_t *source, const ip6_addr_t *target) {
    bool ours = source != NULL && netif_get_ip6_addr_match(&netif, source) >= 0;
    return ours && waits_for_link() && !ip6_addr_isloopback(target) ? &netif : NULL;
}

// ---- On and off ------------------------------------------------------------------------------------

void ethif_activate(bool on) {
    if (on == active) {
        return;
    }
    if (on) {
        eth_start(&config, sys_now());
        netif_create_ip6_linklocal_address(&netif, 1);
        netif_set_up(&netif);
        active = true;
    } else {
        netif_set_link_down(&netif);
        netif_set_down(&netif);
        active = false;
        eth_stop();
        drop_backlog();
    }
    ethif_notify(ETH_EVENT_STEP);
}

bool ethif_is_active(void) {
    return active;
}

struct netif *ethif_netif(void) {
    return &netif;
}

eth_config_t *ethif_config(void) {
    return &config;
}

static void board_config(void) {
    config = (eth_config_t) {
        .mdc = MICROPY_HW_ETH_MDC,
        .mdio = MICROPY_HW_ETH_MDIO,
        .ref_clk = MICROPY_HW_ETH_RMII_REF_CLK,
        .crs_dv = MICROPY_HW_ETH_RMII_CRS_DV,
        .rxd0 = MICROPY_HW_ETH_RMII_RXD0,
        .rxd1 = MICROPY_HW_ETH_RMII_RXD1,
        .tx_en = MICROPY_HW_ETH_RMII_TX_EN,
        .txd0 = MICROPY_HW_ETH_RMII_TXD0,
        .txd1 = MICROPY_HW_ETH_RMII_TXD1,
        #ifdef MICROPY_HW_ETH_PHY_RESET
        .phy_reset = MICROPY_HW_ETH_PHY_RESET,
        #else
        .phy_reset = PIN_NONE,
        #endif
        .phy_address = MICROPY_HW_ETH_PHY_ADDRESS,
        .phy_type = PHY_AUTO,
        .phy_mode = PHY_MODE_AUTO,
        .irq_priority = ETHIF_IRQ_PRIORITY,
    };
}

static err_t netif_init_cb(struct netif *net) {
    net->name[0] = 'e';
    net->name[1] = 'n';
    net->mtu = 1500;
    net->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(net->hwaddr, default_mac, ETH_HWADDR_LEN);
    net->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP
        | NETIF_FLAG_MLD6;
    net->output = etharp_output;
    net->output_ip6 = ethip6_output;
    net->linkoutput = link_output;
    ethif_filter_groups(net);
    netif_set_ip6_autoconfig_enabled(net, 1);
    NETIF_SET_CHECKSUM_CTRL(net, checksum_flags(false));
    return ERR_OK;
}

void ethif_init(void) {
    // Neighbour discovery multicasts to all nodes without joining that group.
    static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
    board_config();
    default_mac_make(default_mac);
    eth_init(release_tx_pbuf);
    for (unsigned i = 0; i < ETH_RX_COUNT; i++) {
        eth_give_buffer(rx_buffers[i].data, &rx_buffers[i]);
    }
    eth_set_mac(default_mac);
    eth_multicast(all_nodes, true);
    LOCK_TCPIP_CORE();
    netif_add_noaddr(&netif, NULL, netif_init_cb, ethernet_input);
    netif_set_default(&netif);
    dhcp_set_struct(&netif, &dhcp);
    autoip_set_struct(&netif, &autoip);
    UNLOCK_TCPIP_CORE();
}

void ethif_reset(void) {
    LOCK_TCPIP_CORE();
    dhcp_release_and_stop(&netif);
    ethif_activate(false);
    netif_set_addr(&netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        netif_ip6_addr_set_state(&netif, i, IP6_ADDR_INVALID);
    }
    netif.ip6_autoconfig_enabled = 1;
    ethif_set_promiscuous(false);
    board_config();
    eth_set_mac(default_mac);
    memcpy(netif.hwaddr, default_mac, sizeof(default_mac));
    UNLOCK_TCPIP_CORE();
}
