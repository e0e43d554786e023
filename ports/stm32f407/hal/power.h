// SPDX-License-Identifier: MIT
// The low-power modes (RM0090 chapter 5) and what ends them.
#ifndef HAL_POWER_H
#define HAL_POWER_H

#include "gpio.h"

// PA0, WKUP: the one pin that ends Standby.
#define POWER_WAKE_PIN PIN('A', 0)

// Whether a rising edge of the wake-up pin ends Standby. The pin is then an input with a pull-down.
void power_set_wake_pin(bool on);

#endif // HAL_POWER_H
