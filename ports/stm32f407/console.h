// SPDX-License-Identifier: MIT
#ifndef STM32F407_CONSOLE_H
#define STM32F407_CONSOLE_H

#include "uart_console.h"

// Starts the console's UART; Ctrl-C from it interrupts Python.
void console_init(const uart_config_t *config);

#endif // STM32F407_CONSOLE_H
