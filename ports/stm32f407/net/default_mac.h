// SPDX-License-Identifier: MIT
#ifndef NET_DEFAULT_MAC_H
#define NET_DEFAULT_MAC_H

#include <stdint.h>

// Locally administered, from the chip's unique ID: the same at every start, another one on every chip.
void default_mac_make(uint8_t mac[6]);

#endif
