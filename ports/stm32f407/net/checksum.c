// SPDX-License-Identifier: MIT
//
// ES0182 names two faults of the checksum engine. It takes the payload of an IPv6 packet that carries no
// TCP, UDP or ICMP for extension headers, and may insert a checksum into it; and it accepts extension
// headers out of order, so that its verdict on such a packet means nothing. Besides, with full insertion it
// treats an IPv4 fragment as if it were the datagram. So:
//
// - Sending: full insertion for TCP and UDP alone, unfragmented, and over IPv6 directly behind the fixed
//   header. Everything else has its checksum from lwIP: ICMP and ICMPv6 always, datagrams that get fragmented
//   before they are cut (the wrappers below).
// - Receiving: only a "good" on a packet without extension headers saves lwIP its own check. Reassembled
//   datagrams are never trusted, since the engine passes fragments over.

#include "checksum.h"

#include "lwip/inet_chksum.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/netif.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"
#include "lwip/prot/udp.h"

#define CIC_NONE    (0)
#define CIC_HEADER  (1)
#define CIC_FULL    (3)

#define ETH_HEADER  (SIZEOF_ETH_HDR)
#define VLAN_TAG    (4)

// Enough of a frame to decide on: headers of Ethernet with a VLAN tag, IPv4 with options, TCP up to its
// checksum.
typedef struct {
    uint16_t type;      // Ethernet's
    uint16_t ip;        // offset of the IP header, 0: no whole one there
    uint8_t protocol;   // IPv4's protocol or IPv6's next header
    bool fragment;
    uint16_t payload;   // offset behind the IP header
} layout_t;

static inline uint8_t get8(const struct pbuf *frame, uint16_t at) {
    // The headers nearly always lie in the first piece.
    return at < frame->len ? ((const uint8_t *)frame->payload)[at] : pbuf_get_at(frame, at);
}

static inline uint16_t get16(const struct pbuf *frame, uint16_t at) {
    return (uint16_t)(get8(frame, at) << 8 | get8(frame, at + 1));
}

static layout_t parse(const struct pbuf *frame) {
    layout_t layout = { .type = get16(frame, 12) };
    uint16_t ip = ETH_HEADER;
    if (layout.type == ETHTYPE_VLAN) {
        layout.type = get16(frame, 16);
        ip += VLAN_TAG;
    }
    if (layout.type == ETHTYPE_IP && frame->tot_len >= ip + IP_HLEN) {
        layout.ip = ip;
        layout.payload = ip + (get8(frame, ip) & 0x0f) * 4;
        layout.fragment = get16(frame, ip + 6) & (IP_MF | IP_OFFMASK);
        layout.protocol = get8(frame, ip + 9);
    } else if (layout.type == ETHTYPE_IPV6 && frame->tot_len >= ip + IP6_HLEN) {
        layout.ip = ip;
        layout.payload = ip + IP6_HLEN;
        layout.protocol = get8(frame, ip + 6);
    }
    return layout;
}

// A checksum that somebody filled in already, a raw socket for example, is left as it is.
static bool wants_checksum(const struct pbuf *frame, const layout_t *layout) {
    uint16_t at;
    if (layout->protocol == IP_PROTO_TCP) {
        at = layout->payload + 16;
    } else if (layout->protocol == IP_PROTO_UDP) {
        at = layout->payload + 6;
    } else {
        return false;
    }
    return frame->tot_len >= at + 2 && get16(frame, at) == 0;
}

static inline uint16_t read16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

// A whole IPv4 packet without options, its headers up to TCP's checksum in one piece: nearly every frame.
static inline bool is_plain_ipv4(const struct pbuf *frame) {
    const uint8_t *header = frame->payload;
    return frame->len >= ETH_HEADER + IP_HLEN + 18 && read16(header + 12) == ETHTYPE_IP
        && header[ETH_HEADER] == 0x45 && !(read16(header + ETH_HEADER + 6) & (IP_MF | IP_OFFMASK));
}

uint32_t checksum_tx(const struct pbuf *frame, bool *tcp) {
    if (is_plain_ipv4(frame)) {
        const uint8_t *ip = (const uint8_t *)frame->payload + ETH_HEADER;
        *tcp = ip[9] == IP_PROTO_TCP;
        bool wanted = *tcp ? read16(ip + IP_HLEN + 16) == 0
            : ip[9] == IP_PROTO_UDP && read16(ip + IP_HLEN + 6) == 0;
        return wanted ? CIC_FULL : CIC_HEADER;
    }
    layout_t layout = parse(frame);
    *tcp = layout.ip != 0 && layout.protocol == IP_PROTO_TCP;
    if (layout.ip == 0) {
        return CIC_NONE;
    }
    if (!layout.fragment && wants_checksum(frame, &layout)) {
        return CIC_FULL;
    }
    return layout.type == ETHTYPE_IP ? CIC_HEADER : CIC_NONE;
}

bool checksum_rx_trusted(const struct pbuf *frame, eth_csum_t verdict) {
    if (verdict != ETH_CSUM_GOOD) {
        return false;
    }
    if (is_plain_ipv4(frame)) {
        uint8_t protocol = ((const uint8_t *)frame->payload)[ETH_HEADER + 9];
        return protocol == IP_PROTO_TCP || protocol == IP_PROTO_UDP || protocol == IP_PROTO_ICMP;
    }
    layout_t layout = parse(frame);
    switch (layout.protocol) {
        case IP_PROTO_TCP:
        case IP_PROTO_UDP:
        case IP_PROTO_ICMP:
        case IP6_NEXTH_ICMP6:
            return layout.ip != 0 && !layout.fragment;
        default:
            return false;
    }
}

uint16_t checksum_flags(bool trusted) {
    uint16_t flags = NETIF_CHECKSUM_GEN_ICMP | NETIF_CHECKSUM_GEN_ICMP6;
    if (!trusted) {
        flags |= NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP
            | NETIF_CHECKSUM_CHECK_ICMP | NETIF_CHECKSUM_CHECK_ICMP6;
    }
    return flags;
}

// ---- Datagrams that lwIP is about to cut into fragments --------------------------------------------

static bool is_udp_without_checksum(struct pbuf *p, uint16_t header) {
    return p->tot_len >= header + UDP_HLEN && get16(p, header + 6) == 0;
}

static void put_udp_checksum(struct pbuf *p, uint16_t header, uint16_t checksum) {
    // Zero stands for "none" (RFC 768): all ones are the same number.
    checksum = checksum == 0 ? 0xffff : checksum;
    pbuf_take_at(p, &checksum, sizeof(checksum), header + 6);
}

err_t __real_ip4_frag(struct pbuf *p, struct netif *netif, const ip4_addr_t *dest);
err_t __wrap_ip4_frag(struct pbuf *p, struct netif *netif, const ip4_addr_t *dest);

err_t __wrap_ip4_frag(struct pbuf *p, struct netif *netif, const ip4_addr_t *dest) {
    const struct ip_hdr *ip = p->payload;
    uint16_t header = IPH_HL_BYTES(ip);
    if (!(netif->chksum_flags & NETIF_CHECKSUM_GEN_UDP) && IPH_PROTO(ip) == IP_PROTO_UDP
        && !(IPH_OFFSET(ip) & PP_HTONS(IP_MF | IP_OFFMASK)) && is_udp_without_checksum(p, header)) {
        ip4_addr_t source, target;
        ip4_addr_copy(source, ip->src);
        ip4_addr_copy(target, ip->dest);
        pbuf_remove_header(p, header);
        uint16_t checksum = inet_chksum_pseudo(p, IP_PROTO_UDP, p->tot_len, &source, &target);
        pbuf_add_header(p, header);
        put_udp_checksum(p, header, checksum);
    }
    return __real_ip4_frag(p, netif, dest);
}

err_t __real_ip6_frag(struct pbuf *p, struct netif *netif, const ip6_addr_t *dest);
err_t __wrap_ip6_frag(struct pbuf *p, struct netif *netif, const ip6_addr_t *dest);

err_t __wrap_ip6_frag(struct pbuf *p, struct netif *netif, const ip6_addr_t *dest) {
    const struct ip6_hdr *ip = p->payload;
    if (!(netif->chksum_flags & NETIF_CHECKSUM_GEN_UDP) && IP6H_NEXTH(ip) == IP6_NEXTH_UDP
        && is_udp_without_checksum(p, IP6_HLEN)) {
        ip6_addr_t source, target;
        ip6_addr_copy_from_packed(source, ip->src);
        ip6_addr_copy_from_packed(target, ip->dest);
        pbuf_remove_header(p, IP6_HLEN);
        uint16_t checksum = ip6_chksum_pseudo(p, IP6_NEXTH_UDP, p->tot_len, &source, &target);
        pbuf_add_header(p, IP6_HLEN);
        put_udp_checksum(p, IP6_HLEN, checksum);
    }
    return __real_ip6_frag(p, netif, dest);
}
