// SPDX-License-Identifier: MIT
// The clock under shared/runtime/softtimer.c: machine.Timer's and whatever else is due some milliseconds on.
#include "py/mphal.h"
#include "shared/runtime/softtimer.h"

// Farther off, the alarm comes early, finds nothing due, and is set again.
#define LONGEST_MS (1000000)

uint32_t soft_timer_get_ms(void) {
    return mp_hal_ticks_ms();
}

void soft_timer_schedule_at_ms(uint32_t ticks_ms) {
    int32_t ms = soft_timer_ticks_diff(ticks_ms, soft_timer_get_ms());
    if (ms < 0) {
        ms = 0;
    } else if (ms > LONGEST_MS) {
        ms = LONGEST_MS;
    }
    timebase_alarm(TIMEBASE_ALARM_SOFTTIMER, timebase_us32() + (uint32_t)ms * 1000, soft_timer_handler);
}
