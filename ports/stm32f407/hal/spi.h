// SPDX-License-Identifier: MIT
// SPI1 to SPI3 as masters, polled (RM0090 chapter 28). Chip selects are the caller's pins.
#ifndef HAL_SPI_H
#define HAL_SPI_H

#include "gpio.h"
#include "hal.h"

typedef struct {
    uint32_t baudrate; // SCK is this or the next slower rate, or the slowest there is
    uint8_t number; // 1..3
    uint8_t polarity; // the clock's idle level
    uint8_t phase; // sample at the first (0) or second edge
    uint8_t bits; // 8, or 16 with buffers of native half-words
    bool lsb_first;
    pin_t sck;
    pin_t miso; // each may be PIN_NONE but SCK
    pin_t mosi;
} spi_config_t;

// 0, or -HAL_EINVAL: no such bus, frame or pin.
int spi_open(const spi_config_t *config);
// Waits for the frame on the wire, then gives the pins back as inputs.
void spi_close(const spi_config_t *config);
// The rate of SCK at the bus clock of now. It changes with that: spi_open() again.
uint32_t spi_baudrate(const spi_config_t *config);
// Exchanges `len` bytes; tx NULL sends zeros, rx NULL drops what comes; both may be the same buffer.
// Interrupts may come at any time: at rates where they could make the receiver overrun they are held off for
// a few microseconds. 0, -HAL_EINVAL for an odd length of half-words, -HAL_ETIMEDOUT (the bus has no clock).
int spi_transfer(const spi_config_t *config, const uint8_t *tx, uint8_t *rx, size_t len);

#endif // HAL_SPI_H
