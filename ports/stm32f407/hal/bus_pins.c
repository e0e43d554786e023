// SPDX-License-Identifier: MIT
#include "bus_pins.h"

typedef struct {
    pin_t pin;
    uint8_t line; // bus_line_t << 4 | number of the bus
} bus_pin_t;

#define ENTRY(line, number, port, bit) { PIN(port, bit), (line) << 4 | (number) },
static const bus_pin_t bus_pins[] = { BUS_PINS(ENTRY) };

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
