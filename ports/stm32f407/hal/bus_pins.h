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

// Every pin that the chip has for a line, as AT(line, number of the bus, port, bit).
#define BUS_PINS(AT) \
    AT(BUS_UART_TX, 1, 'A', 9) AT(BUS_UART_TX, 1, 'B', 6) \
    AT(BUS_UART_RX, 1, 'A', 10) AT(BUS_UART_RX, 1, 'B', 7) \
    AT(BUS_UART_CTS, 1, 'A', 11) \
    AT(BUS_UART_TX, 2, 'A', 2) AT(BUS_UART_TX, 2, 'D', 5) \
    AT(BUS_UART_RX, 2, 'A', 3) AT(BUS_UART_RX, 2, 'D', 6) \
    AT(BUS_UART_CTS, 2, 'A', 0) AT(BUS_UART_CTS, 2, 'D', 3) \
    AT(BUS_UART_TX, 3, 'B', 10) AT(BUS_UART_TX, 3, 'C', 10) AT(BUS_UART_TX, 3, 'D', 8) \
    AT(BUS_UART_RX, 3, 'B', 11) AT(BUS_UART_RX, 3, 'C', 11) AT(BUS_UART_RX, 3, 'D', 9) \
    AT(BUS_UART_CTS, 3, 'B', 13) AT(BUS_UART_CTS, 3, 'D', 11) \
    AT(BUS_UART_TX, 4, 'A', 0) AT(BUS_UART_TX, 4, 'C', 10) \
    AT(BUS_UART_RX, 4, 'A', 1) AT(BUS_UART_RX, 4, 'C', 11) \
    AT(BUS_UART_TX, 5, 'C', 12) \
    AT(BUS_UART_RX, 5, 'D', 2) \
    AT(BUS_UART_TX, 6, 'C', 6) AT(BUS_UART_TX, 6, 'G', 14) \
    AT(BUS_UART_RX, 6, 'C', 7) AT(BUS_UART_RX, 6, 'G', 9) \
    AT(BUS_UART_CTS, 6, 'G', 13) AT(BUS_UART_CTS, 6, 'G', 15) \
    AT(BUS_SPI_SCK, 1, 'A', 5) AT(BUS_SPI_SCK, 1, 'B', 3) \
    AT(BUS_SPI_MISO, 1, 'A', 6) AT(BUS_SPI_MISO, 1, 'B', 4) \
    AT(BUS_SPI_MOSI, 1, 'A', 7) AT(BUS_SPI_MOSI, 1, 'B', 5) \
    AT(BUS_SPI_SCK, 2, 'B', 10) AT(BUS_SPI_SCK, 2, 'B', 13) AT(BUS_SPI_SCK, 2, 'I', 1) \
    AT(BUS_SPI_MISO, 2, 'B', 14) AT(BUS_SPI_MISO, 2, 'C', 2) AT(BUS_SPI_MISO, 2, 'I', 2) \
    AT(BUS_SPI_MOSI, 2, 'B', 15) AT(BUS_SPI_MOSI, 2, 'C', 3) AT(BUS_SPI_MOSI, 2, 'I', 3) \
    AT(BUS_SPI_SCK, 3, 'B', 3) AT(BUS_SPI_SCK, 3, 'C', 10) \
    AT(BUS_SPI_MISO, 3, 'B', 4) AT(BUS_SPI_MISO, 3, 'C', 11) \
    AT(BUS_SPI_MOSI, 3, 'B', 5) AT(BUS_SPI_MOSI, 3, 'C', 12) \
    AT(BUS_I2C_SCL, 1, 'B', 6) AT(BUS_I2C_SCL, 1, 'B', 8) \
    AT(BUS_I2C_SDA, 1, 'B', 7) AT(BUS_I2C_SDA, 1, 'B', 9) \
    AT(BUS_I2C_SCL, 2, 'B', 10) AT(BUS_I2C_SCL, 2, 'F', 1) AT(BUS_I2C_SCL, 2, 'H', 4) \
    AT(BUS_I2C_SDA, 2, 'B', 11) AT(BUS_I2C_SDA, 2, 'F', 0) AT(BUS_I2C_SDA, 2, 'H', 5) \
    AT(BUS_I2C_SCL, 3, 'A', 8) AT(BUS_I2C_SCL, 3, 'H', 7) \
    AT(BUS_I2C_SDA, 3, 'C', 9) AT(BUS_I2C_SDA, 3, 'H', 8)

// The alternate function that puts the line of bus `number` (1: UART1, SPI1, I2C1) on the pin, or -HAL_EINVAL
// where the chip has no way for it.
int bus_pin_af(bus_line_t line, unsigned number, pin_t pin);

#endif // HAL_BUS_PINS_H
