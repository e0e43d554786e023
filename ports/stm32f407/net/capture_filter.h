// SPDX-License-Identifier: MIT
//
// Which frames a capture wants. A pure function of a frame's first bytes.
#ifndef NET_CAPTURE_FILTER_H
#define NET_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// So much of a frame is enough: Ethernet, VLAN tag, IPv6 with some extension headers, ports.
#define CAPTURE_HEAD_BYTES (128)

// What all hold, a frame must be. -1 or 0: anything goes.
typedef struct {
    int32_t ethertype;      // behind a VLAN tag, if there is one
    int32_t proto;          // IP protocol, behind IPv6's extension headers
    int32_t port;           // of TCP or UDP, either end; of the first fragment only
    uint8_t host_bytes;     // 0, 4 or 16
    uint8_t host[16];       // IP address of either end; in ARP too
} capture_filter_t;

bool capture_wants(const capture_filter_t *filter, const uint8_t *head, size_t bytes);

#endif
