// SPDX-License-Identifier: MIT
#ifndef STM32F407_BOOT_H
#define STM32F407_BOOT_H

#include <stdbool.h>
#include <stddef.h>

// Whether the user button was held at reset: a safe boot, without boot.py and main.py.
bool boot_button_held(void);

// Runs MicroPython from its start to a soft reset, in the task whose stack ends at stack_top.
void python_run(void *stack_top, size_t stack_bytes);

#endif // STM32F407_BOOT_H
