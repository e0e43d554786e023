// SPDX-License-Identifier: MIT
// Sleeping: machine's names for its depths, as Pin.irq(wake=) and RTC.irq(wake=) take them, and the doing.
#ifndef MACHINE_MACHINE_POWER_H
#define MACHINE_MACHINE_POWER_H

enum { MACHINE_IDLE = 1, MACHINE_SLEEP = 2, MACHINE_DEEPSLEEP = 4 };

enum { MACHINE_WAKE_NONE = 0, MACHINE_WAKE_WLAN = 1, MACHINE_WAKE_PIN = 2, MACHINE_WAKE_RTC = 3 };

// Tells all that counts HCLK or a bus clock that these have changed; nothing else runs meanwhile.
void machine_power_clocks_changed(void);
// An interrupt that ends a light sleep: any context up to the kernel's priority.
void machine_power_note_wake(int reason);
// What ended the last sleep.
int machine_power_wake_reason(void);
// Sleeps until something wakes, for ms at most (negative: no limit). Raises ValueError for too long a time,
// OSError if the RTC does not run.
void machine_power_light_sleep(int64_t ms);
// The chip starts anew when the time is up (negative: no limit) or a wake-up source has its edge.
__attribute__((noreturn)) void machine_power_deep_sleep(int64_t ms);

#endif // MACHINE_MACHINE_POWER_H
