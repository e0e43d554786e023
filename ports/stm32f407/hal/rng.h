// SPDX-License-Identifier: MIT
// The true random number generator.
#ifndef HAL_RNG_H
#define HAL_RNG_H

#include "hal.h"

// Fills the buffer: 0, -HAL_ETIMEDOUT (its 48 MHz clock does not run) or -HAL_EIO (seed error that stays).
int rng_read(void *buf, size_t len);
// One word; from the unique ID and the time if the generator does not work.
uint32_t rng_get(void);

#endif // HAL_RNG_H
