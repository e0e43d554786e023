// SPDX-License-Identifier: MIT
// The console's UART: one port, 8N1, from start-up to reset.
#ifndef HAL_UART_CONSOLE_H
#define HAL_UART_CONSOLE_H

#include "uart.h"

// Sees each byte in the interrupt before it goes into the ring; false: the byte was taken, drop it.
typedef bool (*uart_filter_t)(uint8_t byte);

// -HAL_EINVAL for a number, a pin or a rate that cannot be.
int uart_console_init(const uart_config_t *config, uart_filter_t filter);
// The ring's content. Called from tasks.
size_t uart_console_any(void);
int uart_console_getc(void); // -1 if there is none
// Takes what fits into the transmit ring and returns the count; never waits. One task at a time.
size_t uart_console_write(const uint8_t *data, size_t len);
// Without interrupts, from fault handlers as well: first what is in the ring, then the text, which
// both wait for the transmitter and no longer than the bytes take.
void uart_console_flush_raw(void);
void uart_console_write_raw(const char *text);
// After a change of the bus clock.
void uart_console_clock_changed(void);

#endif // HAL_UART_CONSOLE_H
