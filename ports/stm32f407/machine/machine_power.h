// SPDX-License-Identifier: MIT
// machine's names for the depths of sleep, as Pin.irq(wake=) and RTC.irq(wake=) take them.
#ifndef MACHINE_MACHINE_POWER_H
#define MACHINE_MACHINE_POWER_H

enum { MACHINE_IDLE = 1, MACHINE_SLEEP = 2, MACHINE_DEEPSLEEP = 4 };

#endif // MACHINE_MACHINE_POWER_H
