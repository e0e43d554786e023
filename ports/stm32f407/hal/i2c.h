// SPDX-License-Identifier: MIT
// I2C1 to I2C3 as masters with 7-bit addresses, polled (RM0090 chapter 27). Between bytes the clock is held
// low, so that other tasks and interrupts may take the CPU for as long as they like.
#ifndef HAL_I2C_H
#define HAL_I2C_H

#include "gpio.h"
#include "hal.h"

typedef struct {
    uint32_t freq; // SCL is this or slower; above 400 kHz it is 400 kHz
    uint32_t timeout_us; // for each byte, with the device holding the clock
    uint8_t number; // 1..3
    pin_t scl;
    pin_t sda;
} i2c_config_t;

typedef struct {
    i2c_config_t config;
    // Asked before each byte; true ends the transfer there. NULL for none.
    bool (*interrupted)(void);
    uint8_t held; // the driver's: how the last transfer left the bus
    uint32_t recoveries; // bus found stuck and freed
} i2c_t;

// 0, or -HAL_EINVAL: no such bus, rate (below 5.2 kHz at 42 MHz) or pin. A device that holds SDA low since an
// earlier transfer was cut short is clocked free.
int i2c_open(i2c_t *i2c, const i2c_config_t *config);
// Ends a held transfer, gives the pins back as inputs.
void i2c_close(i2c_t *i2c);
// SCL's rate at the bus clock of now; it changes with that: i2c_open() again.
uint32_t i2c_freq(const i2c_t *i2c);

// All below return -HAL_ENODEV where nobody acknowledges the address, -HAL_ETIMEDOUT where the clock is held
// or the bus is busy for too long, -HAL_EIO where another master wins. After an error the bus is free.

// START (a repeated one, if the last transfer kept the bus), address, direction bit: write.
int i2c_write_begin(i2c_t *i2c, uint8_t address);
// The count of bytes that were acknowledged; fewer than len: the one after them was not, and nothing follows.
int i2c_write(i2c_t *i2c, const uint8_t *data, size_t len);
// STOP, or keep the bus for the next transfer.
int i2c_write_end(i2c_t *i2c, bool stop);
// START, address, len bytes with the last one not acknowledged, STOP or a repeated START.
int i2c_read(i2c_t *i2c, uint8_t address, uint8_t *data, size_t len, bool stop);

// Up to nine clocks until SDA is high, then a STOP, with the pins as outputs (UM10204 section 3.1.16).
// -HAL_EBUSY if a line stays low.
int i2c_recover_lines(pin_t scl, pin_t sda);

#endif // HAL_I2C_H
