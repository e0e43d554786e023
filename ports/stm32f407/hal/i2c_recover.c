// SPDX-License-Identifier: MIT
#include "i2c.h"
#include "clock.h"

#define HALF_US (5)
#define STRETCH_US (1000)
#define CLOCKS (9)

static void release(pin_t pin) {
    gpio_write(pin, 1);
    clock_delay_us(HALF_US);
}

static void pull_low(pin_t pin) {
    gpio_write(pin, 0);
    clock_delay_us(HALF_US);
}

// A device may hold the clock for a while.
static bool release_clock(pin_t scl) {
    release(scl);
    for (unsigned us = 0; us < STRETCH_US && !gpio_read(scl); us += HALF_US) {
        clock_delay_us(HALF_US);
    }
    return gpio_read(scl);
}

int i2c_recover_lines(pin_t scl, pin_t sda) {
    gpio_write(scl, 1);
    gpio_write(sda, 1);
    gpio_config(scl, GPIO_MODE_OUTPUT | GPIO_MODE_OPEN_DRAIN, GPIO_PULL_UP, GPIO_SPEED_LOW, 0);
    gpio_config(sda, GPIO_MODE_OUTPUT | GPIO_MODE_OPEN_DRAIN, GPIO_PULL_UP, GPIO_SPEED_LOW, 0);
    bool clock_free = release_clock(scl);
    for (unsigned i = 0; i < CLOCKS && clock_free && !gpio_read(sda); ++i) {
        pull_low(scl);
        clock_free = release_clock(scl);
    }
    if (!clock_free || !gpio_read(sda)) {
        return -HAL_EBUSY;
    }
    // Now the device waits for an acknowledge or a START: a STOP ends it either way.
    pull_low(scl);
    pull_low(sda);
    clock_free = release_clock(scl);
    release(sda);
    return clock_free && gpio_read(sda) ? 0 : -HAL_EBUSY;
}
