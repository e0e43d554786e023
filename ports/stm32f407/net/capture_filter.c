// SPDX-License-Identifier: MIT

#include <string.h>

#include "capture_filter.h"

#define TYPE_IPV4   (0x0800)
#define TYPE_ARP    (0x0806)
#define TYPE_VLAN   (0x8100)
#define TYPE_IPV6   (0x86dd)
#define PROTO_TCP   (6)
#define PROTO_UDP   (17)
// IPv6's extension headers
#define HOP_BY_HOP  (0)
#define ROUTING     (43)
#define FRAGMENT    (44)
#define DESTINATION (60)

typedef struct {
    const uint8_t *at;
    size_t bytes;
} span_t;

static unsigned get16(const uint8_t *at) {
    return (unsigned)at[0] << 8 | at[1];
}

static span_t behind(span_t span, size_t bytes) {
    bytes = bytes < span.bytes ? bytes : span.bytes;
    return (span_t) { span.at + bytes, span.bytes - bytes };
}

static bool host_is(const capture_filter_t *filter, const uint8_t *one, const uint8_t *other, size_t bytes) {
    return filter->host_bytes == 0 || (filter->host_bytes == bytes
        && (memcmp(filter->host, one, bytes) == 0 || memcmp(filter->host, other, bytes) == 0));
}

static bool transport_is(const capture_filter_t *filter, unsigned proto, bool first_fragment,
    span_t payload) {
    if (filter->proto >= 0 && (unsigned)filter->proto != proto) {
        return false;
    }
    if (filter->port < 0) {
        return true;
    }
    return first_fragment && (proto == PROTO_TCP || proto == PROTO_UDP) && payload.bytes >= 4
        && (get16(payload.at) == (unsigned)filter->port || get16(payload.at + 2) == (unsigned)filter->port);
}

static bool wants_ipv4(const capture_filter_t *filter, span_t packet) {
    if (packet.bytes < 20 || !host_is(filter, packet.at + 12, packet.at + 16, 4)) {
        return false;
    }
    bool first = (get16(packet.at + 6) & 0x1fff) == 0;
    return transport_is(filter, packet.at[9], first, behind(packet, (packet.at[0] & 15U) * 4));
}

static bool wants_ipv6(const capture_filter_t *filter, span_t packet) {
    if (packet.bytes < 40 || !host_is(filter, packet.at + 8, packet.at + 24, 16)) {
        return false;
    }
    unsigned proto = packet.at[6];
    bool first = true;
    span_t rest = behind(packet, 40);
    while (rest.bytes >= 8 && (proto == HOP_BY_HOP || proto == ROUTING || proto == FRAGMENT
                               || proto == DESTINATION)) {
        bool fragment = proto == FRAGMENT;
        first = first && (!fragment || (get16(rest.at + 2) & 0xfff8) == 0);
        proto = rest.at[0];
        rest = behind(rest, fragment ? 8 : (rest.at[1] + 1U) * 8);
    }
    return transport_is(filter, proto, first, rest);
}

static bool wants_arp(const capture_filter_t *filter, span_t packet) {
    return packet.bytes >= 28 && filter->proto < 0 && filter->port < 0
           && host_is(filter, packet.at + 14, packet.at + 24, 4);
}

bool capture_wants(const capture_filter_t *filter, const uint8_t *head, size_t bytes) {
    if (bytes < 14) {
        return false;
    }
    span_t packet = behind((span_t) { head, bytes }, 14);
    unsigned type = get16(head + 12);
    if (type == TYPE_VLAN && packet.bytes >= 4) {
        type = get16(packet.at + 2);
        packet = behind(packet, 4);
    }
    if (filter->ethertype >= 0 && (unsigned)filter->ethertype != type) {
        return false;
    }
    if (filter->proto < 0 && filter->port < 0 && filter->host_bytes == 0) {
        return true;
    }
    switch (type) {
        case TYPE_IPV4:
            return wants_ipv4(filter, packet);
        case TYPE_IPV6:
            return wants_ipv6(filter, packet);
        case TYPE_ARP:
            return wants_arp(filter, packet);
        default:
            return false;
    }
}
