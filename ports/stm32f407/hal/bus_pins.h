// SPDX-License-Identifier: MIT
// Which pins can carry which line of a serial bus, and by which alternate function (data sheet, table 9).
#ifndef HAL_BUS_PINS_H
#define HAL_BUS_PINS_H

#include "gpio.h"

typedef enum {
    BUS_UART_TX,
    BUS_UART_RX,
    BUS_UART_CTS,
    BUS_SPI_SCK,
    BUS_SPI_MISO,
    BUS_SPI_MOSI,
    BUS_I2C_SCL,
    BUS_I2C_SDA,
} bus_line_t;

// The alternate function that puts the line of bus `number` (1: UART1, SPI1, I2C1) on the pin, or -HAL_EINVAL
// where the chip has no way for it.
int bus_pin_af(bus_line_t line, unsigned number, pin_t pin);

#endif // HAL_BUS_PINS_H
