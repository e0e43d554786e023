// SPDX-License-Identifier: MIT
// Time since reset, from TIM5 at 1 MHz: it goes on while the core sleeps and while an erase of the
// flash holds the core up, which neither the cycle counter nor the tick does.
#ifndef HAL_TIMEBASE_H
#define HAL_TIMEBASE_H

#include "hal.h"

// Call after clock_init().
void timebase_init(void);
// Call after the clock of TIM5 has changed.
void timebase_clock_changed(void);
// Adds the time that the counter stood still. With interrupts off; alarms that it passes are due at once.
void timebase_skip(uint64_t us);
// Microseconds to the next alarm, at most limit.
uint32_t timebase_next_alarm(uint32_t limit);
// Microseconds since timebase_init(). Any context.
uint64_t timebase_us(void);
uint32_t timebase_us32(void);

typedef enum {
    TIMEBASE_ALARM_SOFTTIMER,
    TIMEBASE_ALARM_ETH,
    TIMEBASE_ALARMS
} timebase_alarm_t;

// Calls handler in an interrupt (priority 11) once the low 32 bits of the time reach us32, or at once if
// they have within the last half hour. A new call for the same alarm takes the place of the old.
void timebase_alarm(timebase_alarm_t alarm, uint32_t us32, void (*handler)(void));

#endif // HAL_TIMEBASE_H
