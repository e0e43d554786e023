// SPDX-License-Identifier: MIT
#include "uart.h"
#include "clock.h"
#include "stm32f4xx.h"

// Powers of two: the indices run freely and are masked.
#define RING_SIZE (256)
#define TX_RING_SIZE (256)
// Above FreeRTOS's limit: the filter may wake a task.
#define IRQ_PRIORITY (10)
#define TX_READY_MS (50)

typedef struct {
    USART_TypeDef *regs;
    IRQn_Type irq;
    uint8_t af;
    bool apb2;
    uint8_t enable_bit;
} uart_hw_t;

static const uart_hw_t uart_hw[] = {
    { USART1, USART1_IRQn, 7, true, 4 },
    { USART2, USART2_IRQn, 7, false, 17 },
    { USART3, USART3_IRQn, 7, false, 18 },
    { UART4, UART4_IRQn, 8, false, 19 },
    { UART5, UART5_IRQn, 8, false, 20 },
    { USART6, USART6_IRQn, 8, true, 5 },
};

static const uart_hw_t *console;
static uint32_t console_baudrate;
static uart_filter_t console_filter;
static uint8_t ring[RING_SIZE];
static volatile uint32_t ring_head; // written by the interrupt
static volatile uint32_t ring_tail; // written by the reader
static uint8_t tx_ring[TX_RING_SIZE];
static volatile uint32_t tx_head; // written by the writer
static volatile uint32_t tx_tail; // written by the interrupt
static volatile uint32_t lost;

static void set_baudrate(void) {
    uint32_t clock = console->apb2 ? pclk2_hz() : pclk1_hz();
    console->regs->BRR = (clock + console_baudrate / 2) / console_baudrate;
}

int uart_console_init(const uart_config_t *config, uart_filter_t filter) {
    if (config->number < 1 || config->number > 6 || config->baudrate == 0) {
        return -HAL_EINVAL;
    }
    const uart_hw_t *hw = &uart_hw[config->number - 1];
    // With 16 samples a bit, the divider is at least 16.
    if ((hw->apb2 ? pclk2_hz() : pclk1_hz()) / config->baudrate < 16) {
        return -HAL_EINVAL;
    }
    console = hw;
    console_baudrate = config->baudrate;
    console_filter = filter;
    if (hw->apb2) {
        RCC->APB2ENR |= 1UL << hw->enable_bit;
        (void)RCC->APB2ENR;
    } else {
        RCC->APB1ENR |= 1UL << hw->enable_bit;
        (void)RCC->APB1ENR;
    }
    gpio_config(config->tx, GPIO_MODE_AF, GPIO_PULL_UP, GPIO_SPEED_MEDIUM, hw->af);
    gpio_config(config->rx, GPIO_MODE_AF, GPIO_PULL_UP, GPIO_SPEED_MEDIUM, hw->af);
    hw->regs->CR1 = 0;
    hw->regs->CR2 = 0;
    hw->regs->CR3 = 0;
    set_baudrate();
    hw->regs->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    NVIC_SetPriority(hw->irq, IRQ_PRIORITY);
    NVIC_EnableIRQ(hw->irq);
    return 0;
}

static void console_tx_irq(void) {
    if (tx_head == tx_tail) {
        console->regs->CR1 &= ~USART_CR1_TXEIE;
        return;
    }
    console->regs->DR = tx_ring[tx_tail % TX_RING_SIZE];
    ++tx_tail;
}

static void console_irq(void) {
    uint32_t sr = console->regs->SR;
    if ((sr & USART_SR_TXE) && (console->regs->CR1 & USART_CR1_TXEIE)) {
        console_tx_irq();
    }
    // An overrun raises the interrupt as RXNE does; reading SR and then DR clears both.
    if ((sr & (USART_SR_RXNE | USART_SR_ORE)) == 0) {
        return;
    }
    uint8_t byte = (uint8_t)console->regs->DR;
    if (sr & USART_SR_ORE) {
        ++lost;
    }
    if ((sr & USART_SR_RXNE) == 0) {
        return;
    }
    // A full ring loses the byte, but the filter sees it all the same: Ctrl-C always gets through.
    bool keep = console_filter == NULL || console_filter(byte);
    if (!keep) {
        return;
    }
    if (ring_head - ring_tail >= RING_SIZE) {
        ++lost;
        return;
    }
    ring[ring_head % RING_SIZE] = byte;
    ++ring_head;
}

#define UART_IRQ_HANDLER(name, n) \
    void name(void); \
    void name(void) { \
        if (console == &uart_hw[(n) - 1]) { \
            console_irq(); \
        } \
    }
UART_IRQ_HANDLER(USART1_IRQHandler, 1)
UART_IRQ_HANDLER(USART2_IRQHandler, 2)
UART_IRQ_HANDLER(USART3_IRQHandler, 3)
UART_IRQ_HANDLER(UART4_IRQHandler, 4)
UART_IRQ_HANDLER(UART5_IRQHandler, 5)
UART_IRQ_HANDLER(USART6_IRQHandler, 6)

size_t uart_console_any(void) {
    return ring_head - ring_tail;
}

int uart_console_getc(void) {
    if (ring_head == ring_tail) {
        return -1;
    }
    int byte = ring[ring_tail % RING_SIZE];
    ++ring_tail;
    return byte;
}

size_t uart_console_write(const uint8_t *data, size_t len) {
    if (console == NULL) {
        return len;
    }
    size_t count = 0;
    while (count < len && tx_head - tx_tail < TX_RING_SIZE) {
        tx_ring[tx_head % TX_RING_SIZE] = data[count++];
        ++tx_head;
    }
    // The interrupt clears the bit in the same register: no read-modify-write may straddle it.
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    if (tx_head != tx_tail) {
        console->regs->CR1 |= USART_CR1_TXEIE;
    }
    __set_PRIMASK(primask);
    return count;
}

static bool send(uint8_t byte) {
    clock_timeout_t timeout = clock_timeout_ms(TX_READY_MS);
    while ((console->regs->SR & USART_SR_TXE) == 0) {
        if (clock_expired(&timeout)) {
            return false;
        }
    }
    console->regs->DR = byte;
    return true;
}

void uart_console_flush_raw(void) {
    if (console == NULL) {
        return;
    }
    console->regs->CR1 &= ~USART_CR1_TXEIE;
    while (tx_head != tx_tail && send(tx_ring[tx_tail % TX_RING_SIZE])) {
        ++tx_tail;
    }
    clock_timeout_t timeout = clock_timeout_ms(TX_READY_MS);
    while ((console->regs->SR & USART_SR_TC) == 0 && !clock_expired(&timeout)) {
    }
}

void uart_console_write_raw(const char *text) {
    for (; console != NULL && *text != '\0'; ++text) {
        if (*text == '\n') {
            send('\r');
        }
        send((uint8_t)*text);
    }
}

void uart_console_clock_changed(void) {
    if (console != NULL) {
        clock_timeout_t timeout = clock_timeout_ms(TX_READY_MS);
        while ((console->regs->SR & USART_SR_TC) == 0 && !clock_expired(&timeout)) {
        }
        set_baudrate();
    }
}

uint32_t uart_console_lost(void) {
    return lost;
}
