// SPDX-License-Identifier: MIT
// USART1-3, USART6, UART4 and UART5 as asynchronous ports: interrupts fill and empty rings that the caller
// gives (RM0090 chapter 30).
#ifndef HAL_UART_H
#define HAL_UART_H

#include "gpio.h"
#include "hal.h"

typedef struct {
    uint32_t baudrate;
    uint8_t number; // 1..6
    uint8_t bits; // 7, 8 or 9, without the parity bit
    uint8_t parity; // UART_PARITY_*
    uint8_t stop; // 1 or 2
    pin_t tx; // each PIN_NONE if there is none
    pin_t rx;
    pin_t rts; // any pin: the driver moves it by the ring's fill, low while there is room
    pin_t cts; // the USART's own: a frame starts only while it is low
} uart_config_t;

enum { UART_PARITY_NONE, UART_PARITY_EVEN, UART_PARITY_ODD };

// One byte always stays free. With 9 bits a character takes two bytes, low one first, and sizes are even.
typedef struct {
    volatile uint8_t *data; // written before head moves, read before tail does
    uint16_t size;
    volatile uint16_t head; // where the next one goes
    volatile uint16_t tail; // where the oldest one is
} uart_ring_t;

// What happened, for uart_t.event.
enum {
    UART_EVENT_RX = 1, // a character came
    UART_EVENT_RX_IDLE = 2, // the line is quiet for a frame after at least one
    UART_EVENT_TX_IDLE = 4, // the last bit has left
    UART_EVENT_BREAK = 8, // a frame of zeros without a stop bit; it is not in the ring
    UART_EVENT_RX_LEVEL = 16, // the ring holds uart_t.rx_level bytes
    UART_EVENT_TX_ROOM = 32, // the ring for output is half empty
};

typedef struct _uart_t {
    struct _uart_t *next;
    // Set by the caller before uart_open().
    uart_ring_t rx;
    uart_ring_t tx;
    // In the interrupt, priority 10. NULL for none.
    void (*event)(struct _uart_t *uart, unsigned events);
    // Sees each character before the ring does; false: it was taken, drop it.
    bool (*filter)(uint8_t byte);
    volatile uint16_t rx_level;
    // The driver's.
    uart_config_t config;
    uint16_t mask; // of the data bits
    bool rts_off;
    bool heard; // something since the last RX_IDLE
    volatile uint32_t lost; // characters: overrun, or no room in the ring
    volatile uint32_t errors; // frames with a wrong parity or stop bit, or noise; they are in the ring
} uart_t;

// 0, or -HAL_EINVAL: no such port, character or pin, or a rate that the clock cannot give within 4 %.
int uart_open(uart_t *uart, const uart_config_t *config);
// Ends what is under way, gives the pins back as inputs.
void uart_close(uart_t *uart);
// Round a change of the bus clock: the first lets the frame on the wire end and holds the rest, the second
// sets the rate anew and goes on; -HAL_EINVAL if the rate is out of reach now.
void uart_clock_changes(uart_t *uart);
int uart_clock_changed(uart_t *uart);
// The rate that the divider gives.
uint32_t uart_baudrate(const uart_t *uart);

// Bytes that can be read, or that there is room for.
size_t uart_rx_any(const uart_t *uart);
size_t uart_tx_room(const uart_t *uart);
// What is there, what fits; never waits. One task at a time in each direction.
size_t uart_read(uart_t *uart, uint8_t *data, size_t len);
size_t uart_write(uart_t *uart, const uint8_t *data, size_t len);
// True once the last stop bit has left.
bool uart_tx_done(const uart_t *uart);
// Low for one frame, after what is on the wire; true while that goes on.
void uart_send_break(uart_t *uart);
bool uart_sending_break(const uart_t *uart);

// Without interrupts, from fault handlers as well: what is in the ring, then the byte, each with a bound.
void uart_flush_raw(uart_t *uart);
bool uart_send_raw(uart_t *uart, uint8_t byte);

#endif // HAL_UART_H
