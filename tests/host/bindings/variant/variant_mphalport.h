// SPDX-License-Identifier: MIT
// The unix port's own, with a wait that is woken.
#include "ports/unix/mphalport.h"

void mp_hal_wait(mp_uint_t timeout_ms);
#undef MICROPY_INTERNAL_WFE
#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) mp_hal_wait(TIMEOUT_MS)

void test_set_time(long long us_since_1970);
#define LWIP_BINDINGS_SET_TIME(us) test_set_time(us)
