// SPDX-License-Identifier: MIT

#include "default_mac.h"
#include "stm32f4xx.h"

void default_mac_make(uint8_t mac[6]) {
    const uint8_t *uid = (const uint8_t *)UID_BASE;
    uint32_t hash = 2166136261u; // FNV-1a
    for (unsigned i = 0; i < 12; i++) {
        hash = (hash ^ uid[i]) * 16777619u;
    }
    mac[0] = 0x02;
    mac[1] = uid[0] ^ uid[2];
    for (unsigned i = 0; i < 4; i++) {
        mac[2 + i] = (uint8_t)(hash >> (8 * i));
    }
}
