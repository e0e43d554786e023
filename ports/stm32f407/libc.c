// SPDX-License-Identifier: MIT
// What the C library would drag its per-thread state (1 KB of RAM) in for.
#include <stdlib.h>

// lwIP reads interface numbers with it: decimal digits, no sign, no overflow to report.
int atoi(const char *text) {
    int value = 0;
    while (*text >= '0' && *text <= '9') {
        value = value * 10 + (*text++ - '0');
    }
    return value;
}
