// SPDX-License-Identifier: MIT
//
// Which checksums the MAC computes and which lwIP does: the MAC's engine is used where it is right, and only
// there.
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/pbuf.h"

#include "eth_desc.h"

// TDES0.CIC for an outgoing frame: 0 nothing, 1 IPv4 header, 3 header, and TCP or UDP with its pseudo-header.
// *tcp: whether the frame carries TCP.
uint32_t checksum_tx(const struct pbuf *frame, bool *tcp);

// Whether a received frame's checksums need no second look by lwIP.
bool checksum_rx_trusted(const struct pbuf *frame, eth_csum_t verdict);

// lwIP's NETIF_CHECKSUM_ flags for the interface: what lwIP computes for sending, and, unless the frame at
// hand is trusted, what it checks.
uint16_t checksum_flags(bool trusted);

#endif
