// SPDX-License-Identifier: MIT
// The low-power modes (RM0090 chapter 5) and what ends them.
#ifndef HAL_POWER_H
#define HAL_POWER_H

#include "gpio.h"

// PA0, WKUP: the one pin that ends Standby.
#define POWER_WAKE_PIN PIN('A', 0)

typedef enum { POWER_WAKE_NONE = 0, POWER_WAKE_PIN_EDGE, POWER_WAKE_RTC } power_wake_t;

// Notes and clears what ended Standby, if this run began with that. True if it did. Once after reset.
bool power_left_standby(void);
// What ended the last Stop, or Standby: NONE if there was none, or something else did.
power_wake_t power_wake_reason(void);

// Stop mode, until an EXTI line whose interrupt is enabled has its edge; then the clocks are as before. To be
// called with PRIMASK set, so that no handler runs before the clocks do; the tick and TIM5 stand still
// meanwhile. What was pending already ends it at once. 0, or -HAL_ETIMEDOUT where the PLL did not lock again
// (the core goes on, with the HSI). *resume_us: from waking to the clocks' being there.
int power_stop(uint32_t *resume_us);
// Standby: the chip resets when the RTC's alarm or wake-up timer, the wake-up pin or NRST ends it.
__attribute__((noreturn)) void power_standby(void);

// Whether a rising edge of the wake-up pin ends Standby. The pin is then an input with a pull-down.
void power_set_wake_pin(bool on);

#endif // HAL_POWER_H
