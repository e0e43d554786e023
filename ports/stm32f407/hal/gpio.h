// SPDX-License-Identifier: MIT
// Pins. A pin is a number: port * 16 + bit, so that PA0 is 0 and PE2 is 66.
#ifndef HAL_GPIO_H
#define HAL_GPIO_H

#include "hal.h"

typedef uint8_t pin_t;

#define PIN(port, bit) ((pin_t)(((port) - 'A') * 16 + (bit)))
#define PIN_NONE ((pin_t)0xff)
#define PIN_PORT(pin) ((pin) >> 4)
#define PIN_BIT(pin) ((pin) & 15)
#define GPIO_PORT_COUNT (9)

enum { GPIO_MODE_INPUT = 0, GPIO_MODE_OUTPUT = 1, GPIO_MODE_AF = 2, GPIO_MODE_ANALOG = 3 };
// Or'ed to GPIO_MODE_OUTPUT or GPIO_MODE_AF.
#define GPIO_MODE_OPEN_DRAIN (0x10)
enum { GPIO_PULL_NONE = 0, GPIO_PULL_UP = 1, GPIO_PULL_DOWN = 2 };
// 2, 25, 50 and 100 MHz.
enum { GPIO_SPEED_LOW = 0, GPIO_SPEED_MEDIUM = 1, GPIO_SPEED_HIGH = 2, GPIO_SPEED_VERY_HIGH = 3 };

// Clocks the port and sets the pin up; af counts in GPIO_MODE_AF only. Safe against other tasks and
// interrupts that set up pins of the same port.
void gpio_config(pin_t pin, unsigned mode, unsigned pull, unsigned speed, unsigned af);
void gpio_write(pin_t pin, int value);
// The register that sets a pin by its bit and resets it by the bit 16 above: for what counts cycles.
volatile uint32_t *gpio_bsrr(pin_t pin);
int gpio_read(pin_t pin);
// What an output drives (not what the pin reads).
int gpio_output(pin_t pin);
// The set-up of a pin as gpio_config() took it; af is 0 if the mode is another one.
unsigned gpio_mode(pin_t pin);
unsigned gpio_pull(pin_t pin);
unsigned gpio_speed(pin_t pin);
unsigned gpio_af(pin_t pin);

#endif // HAL_GPIO_H
