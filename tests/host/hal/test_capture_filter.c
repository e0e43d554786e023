// SPDX-License-Identifier: MIT
//
// The capture's filter on frames that end anywhere and hold anything: it must not read beyond them.

#include "check.h"
#include "../net/capture_filter.h"

void test_barrier(void) {
}

static const capture_filter_t anything = { -1, -1, -1, 0, { 0 } };

// A filter for each field, so that every branch has to look at the frame.
static const capture_filter_t filters[] = {
    { -1, -1, -1, 0, { 0 } },
    { 0x86dd, -1, -1, 0, { 0 } },
    { -1, 17, -1, 0, { 0 } },
    { -1, -1, 7, 0, { 0 } },
    { -1, -1, -1, 4, { 10, 9, 0, 1 } },
    { -1, 6, 80, 16, { 0xfe, 0x80 } },
};

TEST(capture_filter__stays_within_the_frame) {
    static const uint8_t types[][2] = { { 8, 0 }, { 8, 6 }, { 0x86, 0xdd }, { 0x81, 0 }, { 0x88, 0xb5 } };
    uint32_t noise = 1;
    for (unsigned round = 0; round < 20000; round++) {
        noise = noise * 1664525 + 1013904223;
        size_t bytes = (noise >> 16) % (CAPTURE_HEAD_BYTES + 1);
        // Of exactly that size: the address sanitizer guards its end.
        uint8_t *head = malloc(bytes + (bytes == 0));
        for (size_t i = 0; i < bytes; i++) {
            noise = noise * 1664525 + 1013904223;
            // Often a small number: header lengths and extension headers that are believable.
            head[i] = (noise >> 30) ? (uint8_t)(noise >> 16) : (uint8_t)((noise >> 16) % 64);
        }
        if (bytes >= 18) {
            memcpy(head + 12, types[round % 5], 2);
            memcpy(head + 16, types[round / 5 % 3], 2);
        }
        for (unsigned i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
            bool wanted = capture_wants(&filters[i], head, bytes);
            CHECK(i > 0 || wanted == (bytes >= 14));
        }
        free(head);
    }
}

// An IPv6 packet behind a VLAN tag: hop-by-hop options, a fragment header, UDP.
TEST(capture_filter__behind_vlan_and_extension_headers) {
    uint8_t frame[14 + 4 + 40 + 8 + 8 + 8] = { 0 };
    frame[12] = 0x81;
    frame[16] = 0x86, frame[17] = 0xdd;
    uint8_t *packet = frame + 18;
    packet[0] = 0x60;
    packet[8] = 0xfd, packet[23] = 1;
    packet[40] = 44;
    packet[48] = 17;
    packet[56 + 3] = 7;
    capture_filter_t filter = anything;
    filter.ethertype = 0x86dd;
    filter.proto = 17;
    filter.port = 7;
    filter.host_bytes = 16;
    filter.host[0] = 0xfd, filter.host[15] = 1;
    CHECK(capture_wants(&filter, frame, sizeof(frame)));
    packet[56 + 3] = 8;
    CHECK(!capture_wants(&filter, frame, sizeof(frame)));
    packet[56 + 1] = 7; // the other end's
    CHECK(capture_wants(&filter, frame, sizeof(frame)));
    packet[50] = 1; // a later fragment has no ports
    CHECK(!capture_wants(&filter, frame, sizeof(frame)));
    filter.port = -1;
    CHECK(capture_wants(&filter, frame, sizeof(frame)));
}
