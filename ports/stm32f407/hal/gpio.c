// SPDX-License-Identifier: MIT
#include "gpio.h"
#include "stm32f4xx.h"

static GPIO_TypeDef *port_of(pin_t pin) {
    return (GPIO_TypeDef *)(GPIOA_BASE + PIN_PORT(pin) * (GPIOB_BASE - GPIOA_BASE));
}

static uint32_t field(uint32_t reg, unsigned bit, unsigned width, uint32_t value) {
    uint32_t mask = ((1UL << width) - 1) << (bit * width);
    return (reg & ~mask) | (value << (bit * width));
}

void gpio_config(pin_t pin, unsigned mode, unsigned pull, unsigned speed, unsigned af) {
    GPIO_TypeDef *port = port_of(pin);
    unsigned bit = PIN_BIT(pin);
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    RCC->AHB1ENR |= 1UL << PIN_PORT(pin);
    // ES0182: two bus clocks pass before a freshly clocked peripheral may be written.
    (void)RCC->AHB1ENR;
    // The function and the driver's kind before the mode, so that the pin never drives by another one.
    port->AFR[bit >> 3] = field(port->AFR[bit >> 3], bit & 7, 4, af);
    port->OTYPER = field(port->OTYPER, bit, 1, (mode & GPIO_MODE_OPEN_DRAIN) != 0);
    port->OSPEEDR = field(port->OSPEEDR, bit, 2, speed);
    port->PUPDR = field(port->PUPDR, bit, 2, pull);
    port->MODER = field(port->MODER, bit, 2, mode & 3);
    __set_PRIMASK(primask);
}

void gpio_write(pin_t pin, int value) {
    port_of(pin)->BSRR = 1UL << (PIN_BIT(pin) + (value ? 0 : 16));
}

volatile uint32_t *gpio_bsrr(pin_t pin) {
    return &port_of(pin)->BSRR;
}

int gpio_read(pin_t pin) {
    return (int)((port_of(pin)->IDR >> PIN_BIT(pin)) & 1);
}

int gpio_output(pin_t pin) {
    return (int)((port_of(pin)->ODR >> PIN_BIT(pin)) & 1);
}

unsigned gpio_mode(pin_t pin) {
    GPIO_TypeDef *port = port_of(pin);
    unsigned mode = (port->MODER >> (PIN_BIT(pin) * 2)) & 3;
    bool open_drain = (port->OTYPER >> PIN_BIT(pin)) & 1;
    return mode | (open_drain ? GPIO_MODE_OPEN_DRAIN : 0);
}

unsigned gpio_pull(pin_t pin) {
    return (port_of(pin)->PUPDR >> (PIN_BIT(pin) * 2)) & 3;
}

unsigned gpio_speed(pin_t pin) {
    return (port_of(pin)->OSPEEDR >> (PIN_BIT(pin) * 2)) & 3;
}

unsigned gpio_af(pin_t pin) {
    unsigned bit = PIN_BIT(pin);
    return (port_of(pin)->AFR[bit >> 3] >> ((bit & 7) * 4)) & 15;
}
