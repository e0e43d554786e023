// SPDX-License-Identifier: MIT
#include "bus_pins.h"

typedef struct {
    pin_t pin;
    uint8_t line; // bus_line_t << 4 | number of the bus
} bus_pin_t;

#define AT(line, number, port, bit) { PIN(port, bit), (line) << 4 | (number) }

static const bus_pin_t bus_pins[] = {
    AT(BUS_UART_TX, 1, 'A', 9), AT(BUS_UART_TX, 1, 'B', 6),
    AT(BUS_UART_RX, 1, 'A', 10), AT(BUS_UART_RX, 1, 'B', 7),
    AT(BUS_UART_CTS, 1, 'A', 11),
    AT(BUS_UART_TX, 2, 'A', 2), AT(BUS_UART_TX, 2, 'D', 5),
    AT(BUS_UART_RX, 2, 'A', 3), AT(BUS_UART_RX, 2, 'D', 6),
    AT(BUS_UART_CTS, 2, 'A', 0), AT(BUS_UART_CTS, 2, 'D', 3),
    AT(BUS_UART_TX, 3, 'B', 10), AT(BUS_UART_TX, 3, 'C', 10), AT(BUS_UART_TX, 3, 'D', 8),
    AT(BUS_UART_RX, 3, 'B', 11), AT(BUS_UART_RX, 3, 'C', 11), AT(BUS_UART_RX, 3, 'D', 9),
    AT(BUS_UART_CTS, 3, 'B', 13), AT(BUS_UART_CTS, 3, 'D', 11),
    AT(BUS_UART_TX, 4, 'A', 0), AT(BUS_UART_TX, 4, 'C', 10),
    AT(BUS_UART_RX, 4, 'A', 1), AT(BUS_UART_RX, 4, 'C', 11),
    AT(BUS_UART_TX, 5, 'C', 12),
    AT(BUS_UART_RX, 5, 'D', 2),
    AT(BUS_UART_TX, 6, 'C', 6), AT(BUS_UART_TX, 6, 'G', 14),
    AT(BUS_UART_RX, 6, 'C', 7), AT(BUS_UART_RX, 6, 'G', 9),
    AT(BUS_UART_CTS, 6, 'G', 13), AT(BUS_UART_CTS, 6, 'G', 15),
    AT(BUS_SPI_SCK, 1, 'A', 5), AT(BUS_SPI_SCK, 1, 'B', 3),
    AT(BUS_SPI_MISO, 1, 'A', 6), AT(BUS_SPI_MISO, 1, 'B', 4),
    AT(BUS_SPI_MOSI, 1, 'A', 7), AT(BUS_SPI_MOSI, 1, 'B', 5),
    AT(BUS_SPI_SCK, 2, 'B', 10), AT(BUS_SPI_SCK, 2, 'B', 13), AT(BUS_SPI_SCK, 2, 'I', 1),
    AT(BUS_SPI_MISO, 2, 'B', 14), AT(BUS_SPI_MISO, 2, 'C', 2), AT(BUS_SPI_MISO, 2, 'I', 2),
    AT(BUS_SPI_MOSI, 2, 'B', 15), AT(BUS_SPI_MOSI, 2, 'C', 3), AT(BUS_SPI_MOSI, 2, 'I', 3),
    AT(BUS_SPI_SCK, 3, 'B', 3), AT(BUS_SPI_SCK, 3, 'C', 10),
    AT(BUS_SPI_MISO, 3, 'B', 4), AT(BUS_SPI_MISO, 3, 'C', 11),
    AT(BUS_SPI_MOSI, 3, 'B', 5), AT(BUS_SPI_MOSI, 3, 'C', 12),
    AT(BUS_I2C_SCL, 1, 'B', 6), AT(BUS_I2C_SCL, 1, 'B', 8),
    AT(BUS_I2C_SDA, 1, 'B', 7), AT(BUS_I2C_SDA, 1, 'B', 9),
    AT(BUS_I2C_SCL, 2, 'B', 10), AT(BUS_I2C_SCL, 2, 'F', 1), AT(BUS_I2C_SCL, 2, 'H', 4),
    AT(BUS_I2C_SDA, 2, 'B', 11), AT(BUS_I2C_SDA, 2, 'F', 0), AT(BUS_I2C_SDA, 2, 'H', 5),
    AT(BUS_I2C_SCL, 3, 'A', 8), AT(BUS_I2C_SCL, 3, 'H', 7),
    AT(BUS_I2C_SDA, 3, 'C', 9), AT(BUS_I2C_SDA, 3, 'H', 8),
};

static int function_of(bus_line_t line, unsigned number) {
    if (line >= BUS_I2C_SCL) {
        return 4;
    }
    if (line >= BUS_SPI_SCK) {
        return number == 3 ? 6 : 5;
    }
    return number >= 4 ? 8 : 7;
}

int bus_pin_af(bus_line_t line, unsigned number, pin_t pin) {
    for (size_t i = 0; i < sizeof(bus_pins) / sizeof(bus_pins[0]); ++i) {
        if (bus_pins[i].pin == pin && bus_pins[i].line == (line << 4 | number)) {
            return function_of(line, number);
        }
    }
    return -HAL_EINVAL;
}
