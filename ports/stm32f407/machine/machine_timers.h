// SPDX-License-Identifier: MIT
// What modmachine and the soft reset ask of the classes that own timers and converters.
#ifndef MACHINE_MACHINE_TIMERS_H
#define MACHINE_MACHINE_TIMERS_H

// After a change of the timers' clocks: frequencies and pulses stay.
void machine_pwm_clock_changed(void);
// Every output off, its pin an input: for a soft reset.
void machine_pwm_deinit_all(void);

#endif // MACHINE_MACHINE_TIMERS_H
