// SPDX-License-Identifier: MIT
// Which pins the board itself needs, and for what: a const table from the board's definition.
#ifndef MACHINE_PIN_OWNER_H
#define MACHINE_PIN_OWNER_H

#include "gpio.h"

// A bit for each pin of each port that the board's own parts have.
extern const uint16_t pin_owned[GPIO_PORT_COUNT];

static inline bool pin_is_owned(pin_t pin) {
    return pin_owned[PIN_PORT(pin)] >> PIN_BIT(pin) & 1;
}

__attribute__((noreturn)) void pin_raise_owned(pin_t pin);

// Raises ValueError, which says who has the pin, unless a script may have it. For whatever takes a pin:
// to set it up, to drive it, or for its interrupt.
static inline void pin_check_free(pin_t pin) {
    if (pin_is_owned(pin)) {
        pin_raise_owned(pin);
    }
}

#endif // MACHINE_PIN_OWNER_H
