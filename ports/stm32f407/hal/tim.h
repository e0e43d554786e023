// SPDX-License-Identifier: MIT
// The timers' outputs (RM0090 chapters 17 to 19): PWM on up to four channels of one period.
#ifndef HAL_TIM_H
#define HAL_TIM_H

#include "gpio.h"

typedef struct {
    uint8_t timer; // 1..14
    uint8_t channel; // 1..4
    uint8_t af; // the pin's alternate function
} tim_output_t;

// The index-th timer output that the pin can carry (data sheet table 9): -HAL_ENODEV behind the last one.
// TIM5 is the port's clock and not among them.
int tim_output_of(pin_t pin, unsigned index, tim_output_t *output);

// Counter clock before the prescaler, in Hz.
uint32_t tim_clock_hz(unsigned timer);
// Starts the timer, or gives it another period, which begins at once: 0, or -HAL_EINVAL if its counter does
// not reach down to hz, or a period would be less than 4 ticks.
int tim_set_frequency(unsigned timer, uint32_t hz);
// The length of the period and of a tick of the counter in the present set-up.
uint32_t tim_period_ticks(unsigned timer);
uint32_t tim_prescaler(unsigned timer);
// Active for the first `ticks` of each period (0: never, tim_period_ticks(): always), from the next period
// on, or from now on with at_once. inverted: active is low. The output is on from now on.
void tim_set_output(unsigned timer, unsigned channel, uint32_t ticks, bool inverted, bool at_once);
// Output off; the timer stops with the last one.
void tim_stop_output(unsigned timer, unsigned channel);

#endif // HAL_TIM_H
