// SPDX-License-Identifier: MIT
// Bits as pulses of different length, by the cycle counter.
#ifndef HAL_BITSTREAM_H
#define HAL_BITSTREAM_H

#include "gpio.h"

// Sends len bytes, highest bit first, on an output. ns: how long a 0 is high, then low, and a 1. The caller
// keeps interrupts off. Edges come at their time since the start, so that no error adds up; pulses shorter
// than some 150 ns at 168 MHz come late.
void bitstream_high_low(pin_t pin, const uint32_t ns[4], const uint8_t *buf, size_t len);

#endif // HAL_BITSTREAM_H
