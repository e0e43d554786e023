// SPDX-License-Identifier: MIT
#include "uart_console.h"

#define RX_RING_BYTES (256)
#define TX_RING_BYTES (256)

static uint8_t rx_ring[RX_RING_BYTES];
static uint8_t tx_ring[TX_RING_BYTES];
static uart_t console = {
    .rx = { .data = rx_ring, .size = RX_RING_BYTES },
    .tx = { .data = tx_ring, .size = TX_RING_BYTES },
};

static bool is_open(void) {
    return console.config.number != 0;
}

int uart_console_init(const uart_config_t *config, uart_filter_t filter) {
    console.filter = filter;
    return uart_open(&console, config);
}

size_t uart_console_any(void) {
    return uart_rx_any(&console);
}

int uart_console_getc(void) {
    uint8_t byte;
    return uart_read(&console, &byte, 1) == 1 ? byte : -1;
}

size_t uart_console_write(const uint8_t *data, size_t len) {
    return is_open() ? uart_write(&console, data, len) : len;
}

void uart_console_flush_raw(void) {
    if (is_open()) {
        uart_flush_raw(&console);
    }
}

void uart_console_write_raw(const char *text) {
    for (; is_open() && *text != '\0'; ++text) {
        if (*text == '\n') {
            uart_send_raw(&console, '\r');
        }
        uart_send_raw(&console, (uint8_t)*text);
    }
}

void uart_console_clock_changed(void) {
    if (is_open()) {
        (void)uart_clock_changed(&console);
    }
}
