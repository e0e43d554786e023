// SPDX-License-Identifier: MIT
#include "uart.h"
#include "bus_pins.h"
#include "clock.h"
#include "stm32f4xx.h"

// Within FreeRTOS's limit: events wake tasks.
#define IRQ_PRIORITY (10)
#define TX_READY_MS (50)
// With RTS the other side is stopped this many bytes before the ring is full: senders with a FIFO of their
// own do not stop at once.
#define RTS_MARGIN(size) ((size) / 4u)

typedef struct {
    USART_TypeDef *regs;
    uint8_t irq;
    bool apb2;
    uint8_t enable_bit;
} uart_hw_t;

static const uart_hw_t uart_hw[] = {
    { USART1, USART1_IRQn, true, 4 },
    { USART2, USART2_IRQn, false, 17 },
    { USART3, USART3_IRQn, false, 18 },
    { UART4, UART4_IRQn, false, 19 },
    { UART5, UART5_IRQn, false, 20 },
    { USART6, USART6_IRQn, true, 5 },
};

// Those that are open; changes with interrupts masked.
static uart_t *open_uarts;

static const uart_hw_t *hw_of(const uart_t *uart) {
    return &uart_hw[uart->config.number - 1];
}

static USART_TypeDef *regs_of(const uart_t *uart) {
    return hw_of(uart)->regs;
}

static uint32_t clock_of(const uart_hw_t *hw) {
    return hw->apb2 ? pclk2_hz() : pclk1_hz();
}

// --- rings ---

static size_t ring_any(const uart_ring_t *ring) {
    int used = ring->head - ring->tail;
    return used < 0 ? used + ring->size : used;
}

static size_t ring_room(const uart_ring_t *ring, size_t unit) {
    return ring->size == 0 ? 0 : ring->size - unit - ring_any(ring);
}

static uint16_t ring_next(const uart_ring_t *ring, uint16_t index) {
    return index + 1 == ring->size ? 0 : index + 1;
}

static void ring_put(uart_ring_t *ring, unsigned value, size_t unit) {
    uint16_t head = ring->head;
    for (; unit > 0; --unit, value >>= 8) {
        ring->data[head] = (uint8_t)value;
        head = ring_next(ring, head);
    }
    ring->head = head; // last: then the other side may look
}

static unsigned ring_get(uart_ring_t *ring, size_t unit) {
    uint16_t tail = ring->tail;
    unsigned value = 0;
    for (size_t i = 0; i < unit; ++i) {
        value |= (unsigned)ring->data[tail] << (8 * i);
        tail = ring_next(ring, tail);
    }
    ring->tail = tail;
    return value;
}

// Bytes per character.
static size_t unit_of(const uart_t *uart) {
    return uart->config.bits == 9 ? 2 : 1;
}

size_t uart_rx_any(const uart_t *uart) {
    return ring_any(&uart->rx);
}

size_t uart_tx_room(const uart_t *uart) {
    return ring_room(&uart->tx, unit_of(uart));
}

// --- set-up ---

// The divider in samples per bit, 0 if the clock does not reach the rate within 4 %.
static uint32_t divider_for(const uart_config_t *config) {
    uint32_t clock = clock_of(&uart_hw[config->number - 1]);
    if (config->baudrate == 0 || config->baudrate > clock / 8) {
        return 0;
    }
    uint32_t divider = (clock + config->baudrate / 2) / config->baudrate;
    if (divider > 0xffff) {
        return 0;
    }
    uint32_t rate = clock / divider;
    uint32_t off = rate > config->baudrate ? rate - config->baudrate : config->baudrate - rate;
    return off > config->baudrate / 25 ? 0 : divider;
}

// With 16 samples a bit where the divider allows, else with 8 (RM0090 section 30.3.4).
static void set_divider(USART_TypeDef *regs, uint32_t divider) {
    if (divider >= 16) {
        regs->CR1 &= ~USART_CR1_OVER8;
        regs->BRR = divider;
    } else {
        regs->CR1 |= USART_CR1_OVER8;
        regs->BRR = divider / 8 << 4 | divider % 8;
    }
}

// The USART counts the parity bit among the data bits: 8 or 9 (table 150). -1 for what it cannot do.
static int32_t frame_bits(const uart_config_t *config) {
    unsigned bits = config->bits + (config->parity != UART_PARITY_NONE);
    if (config->bits < 7 || bits < 8 || bits > 9 || config->stop < 1 || config->stop > 2) {
        return -1;
    }
    uint32_t cr1 = bits == 9 ? USART_CR1_M : 0;
    if (config->parity != UART_PARITY_NONE) {
        cr1 |= USART_CR1_PCE | (config->parity == UART_PARITY_ODD ? USART_CR1_PS : 0);
    }
    return (int32_t)cr1;
}

static bool pin_fits(bus_line_t line, unsigned number, pin_t pin) {
    return pin == PIN_NONE || bus_pin_af(line, number, pin) >= 0;
}

static void set_pin(bus_line_t line, const uart_config_t *config, pin_t pin) {
    if (pin != PIN_NONE) {
        // The pull keeps an open input, and the line before the first frame, at the idle level.
        int af = bus_pin_af(line, config->number, pin);
        gpio_config(pin, GPIO_MODE_AF, GPIO_PULL_UP, GPIO_SPEED_MEDIUM, af);
    }
}

static void enable_clock(const uart_hw_t *hw, bool on) {
    clock_gate(hw->apb2 ? &RCC->APB2ENR : &RCC->APB1ENR, 1UL << hw->enable_bit, on);
}

static void list_remove(uart_t *uart) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    for (uart_t **at = &open_uarts; *at != NULL; at = &(*at)->next) {
        if (*at == uart) {
            *at = uart->next;
            break;
        }
    }
    __set_PRIMASK(primask);
}

static void list_add(uart_t *uart) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    uart->next = open_uarts;
    open_uarts = uart;
    __set_PRIMASK(primask);
}

int uart_open(uart_t *uart, const uart_config_t *config) {
    unsigned number = config->number;
    if (number < 1 || number > sizeof(uart_hw) / sizeof(uart_hw[0])) {
        return -HAL_EINVAL;
    }
    int32_t frame = frame_bits(config);
    uint32_t divider = divider_for(config);
    if (frame < 0 || divider == 0 || !pin_fits(BUS_UART_TX, number, config->tx)
        || !pin_fits(BUS_UART_RX, number, config->rx) || !pin_fits(BUS_UART_CTS, number, config->cts)) {
        return -HAL_EINVAL;
    }
    const uart_hw_t *hw = &uart_hw[number - 1];
    uart->config = *config;
    uart->mask = (uint16_t)((1UL << config->bits) - 1);
    uart->rx.head = uart->rx.tail = uart->tx.head = uart->tx.tail = 0;
    uart->lost = uart->errors = 0;
    uart->rts_off = uart->heard = false;
    enable_clock(hw, true);
    hw->regs->CR1 = 0;
    hw->regs->CR2 = config->stop == 2 ? 2UL << USART_CR2_STOP_Pos : 0;
    hw->regs->CR3 = config->cts != PIN_NONE ? USART_CR3_CTSE : 0;
    set_divider(hw->regs, divider);
    set_pin(BUS_UART_TX, config, config->tx);
    set_pin(BUS_UART_RX, config, config->rx);
    set_pin(BUS_UART_CTS, config, config->cts);
    if (config->rts != PIN_NONE) {
        gpio_config(config->rts, GPIO_MODE_OUTPUT, GPIO_PULL_NONE, GPIO_SPEED_MEDIUM, 0);
        gpio_write(config->rts, 0);
    }
    list_add(uart);
    uint32_t cr1 = (uint32_t)frame | USART_CR1_UE;
    cr1 |= config->tx != PIN_NONE ? USART_CR1_TE : 0;
    cr1 |= config->rx != PIN_NONE ? USART_CR1_RE | USART_CR1_RXNEIE | USART_CR1_IDLEIE : 0;
    hw->regs->CR1 |= cr1;
    NVIC_SetPriority(hw->irq, IRQ_PRIORITY);
    NVIC_EnableIRQ(hw->irq);
    return 0;
}

static void free_pin(pin_t pin) {
    if (pin != PIN_NONE) {
        gpio_config(pin, GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
    }
}

void uart_close(uart_t *uart) {
    const uart_hw_t *hw = hw_of(uart);
    NVIC_DisableIRQ(hw->irq);
    list_remove(uart);
    hw->regs->CR1 = 0;
    hw->regs->CR3 = 0;
    enable_clock(hw, false);
    NVIC_ClearPendingIRQ(hw->irq);
    free_pin(uart->config.tx);
    free_pin(uart->config.rx);
    free_pin(uart->config.rts);
    free_pin(uart->config.cts);
}

static bool wait_sr(const uart_t *uart, uint32_t bit) {
    clock_timeout_t timeout = clock_timeout_ms(TX_READY_MS);
    while ((regs_of(uart)->SR & bit) == 0) {
        if (clock_expired(&timeout)) {
            return false;
        }
    }
    return true;
}

static void mask_tx(uart_t *uart) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    regs_of(uart)->CR1 &= ~(USART_CR1_TXEIE | USART_CR1_TCIE);
    __set_PRIMASK(primask);
}

void uart_clock_changes(uart_t *uart) {
    mask_tx(uart);
    (void)wait_sr(uart, USART_SR_TC);
}

int uart_clock_changed(uart_t *uart) {
    uint32_t divider = divider_for(&uart->config);
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    if (divider != 0) {
        set_divider(regs_of(uart), divider);
    }
    if (uart->config.tx != PIN_NONE) {
        regs_of(uart)->CR1 |= USART_CR1_TXEIE;
    }
    __set_PRIMASK(primask);
    return divider == 0 ? -HAL_EINVAL : 0;
}

uint32_t uart_baudrate(const uart_t *uart) {
    uint32_t divider = divider_for(&uart->config);
    return divider == 0 ? 0 : clock_of(hw_of(uart)) / divider;
}

// --- interrupts ---

static unsigned tx_irq(uart_t *uart, USART_TypeDef *regs, uint32_t sr) {
    uint32_t cr1 = regs->CR1;
    size_t unit = unit_of(uart);
    if ((sr & USART_SR_TXE) && (cr1 & USART_CR1_TXEIE)) {
        size_t left = ring_any(&uart->tx);
        if (left == 0) {
            regs->CR1 = (cr1 & ~USART_CR1_TXEIE) | USART_CR1_TCIE;
            return 0;
        }
        regs->DR = ring_get(&uart->tx, unit);
        return left - unit == ((uart->tx.size / 2u) & ~1u) ? UART_EVENT_TX_ROOM : 0;
    }
    if ((sr & USART_SR_TC) && (cr1 & USART_CR1_TCIE)) {
        regs->CR1 = cr1 & ~USART_CR1_TCIE;
        return UART_EVENT_TX_IDLE;
    }
    return 0;
}

static unsigned store(uart_t *uart, USART_TypeDef *regs, unsigned value) {
    size_t unit = unit_of(uart);
    size_t room = ring_room(&uart->rx, unit);
    if (room < unit) {
        ++uart->lost;
        return 0;
    }
    ring_put(&uart->rx, value, unit);
    room -= unit;
    if (uart->config.rts != PIN_NONE) {
        if (!uart->rts_off && room <= RTS_MARGIN(uart->rx.size)) {
            gpio_write(uart->config.rts, 1);
            uart->rts_off = true;
        }
        // No room for another one: it stays in the USART, and what comes after that is lost.
        if (room < unit) {
            regs->CR1 &= ~(USART_CR1_RXNEIE | USART_CR1_IDLEIE);
        }
    }
    return UART_EVENT_RX | (ring_any(&uart->rx) == uart->rx_level ? UART_EVENT_RX_LEVEL : 0);
}

// Reading SR and then DR clears RXNE, IDLE and the errors alike.
static unsigned rx_irq(uart_t *uart, USART_TypeDef *regs, uint32_t sr) {
    const uint32_t errors = USART_SR_PE | USART_SR_FE | USART_SR_NE;
    if ((sr & (USART_SR_RXNE | USART_SR_ORE | USART_SR_IDLE)) == 0 || (regs->CR1 & USART_CR1_RXNEIE) == 0) {
        return 0;
    }
    unsigned value = regs->DR & uart->mask;
    unsigned events = 0;
    if (sr & USART_SR_ORE) {
        ++uart->lost;
    }
    if ((sr & USART_SR_RXNE) && (sr & USART_SR_FE) && value == 0) {
        events |= UART_EVENT_BREAK;
    } else if (sr & USART_SR_RXNE) {
        uart->errors += (sr & errors) != 0;
        uart->heard = true;
        if (uart->filter == NULL || uart->filter((uint8_t)value)) {
            events |= store(uart, regs, value);
        }
    }
    if ((sr & USART_SR_IDLE) && uart->heard) {
        uart->heard = false;
        events |= UART_EVENT_RX_IDLE;
    }
    return events;
}

static void uart_irq(unsigned number) {
    uart_t *uart = open_uarts;
    while (uart != NULL && uart->config.number != number) {
        uart = uart->next;
    }
    if (uart == NULL) {
        return;
    }
    USART_TypeDef *regs = regs_of(uart);
    uint32_t sr = regs->SR;
    unsigned events = tx_irq(uart, regs, sr);
    events |= rx_irq(uart, regs, sr);
    if (events != 0 && uart->event != NULL) {
        uart->event(uart, events);
    }
}

#define UART_IRQ_HANDLER(name, number) \
    void name(void); \
    void name(void) { \
        uart_irq(number); \
    }
UART_IRQ_HANDLER(USART1_IRQHandler, 1)
UART_IRQ_HANDLER(USART2_IRQHandler, 2)
UART_IRQ_HANDLER(USART3_IRQHandler, 3)
UART_IRQ_HANDLER(UART4_IRQHandler, 4)
UART_IRQ_HANDLER(UART5_IRQHandler, 5)
UART_IRQ_HANDLER(USART6_IRQHandler, 6)

// --- data ---

// Room again after a read: the other side may go on, and so does the interrupt that store() stopped.
static void resume_rx(uart_t *uart) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    if (ring_room(&uart->rx, unit_of(uart)) > 2 * RTS_MARGIN(uart->rx.size)) {
        gpio_write(uart->config.rts, 0);
        uart->rts_off = false;
    }
    regs_of(uart)->CR1 |= USART_CR1_RXNEIE | USART_CR1_IDLEIE;
    __set_PRIMASK(primask);
}

size_t uart_read(uart_t *uart, uint8_t *data, size_t len) {
    size_t count = 0;
    uart_ring_t *ring = &uart->rx;
    while (count < len && ring->tail != ring->head) {
        data[count++] = (uint8_t)ring_get(ring, 1);
    }
    if (uart->rts_off && count > 0) {
        resume_rx(uart);
    }
    return count;
}

size_t uart_write(uart_t *uart, const uint8_t *data, size_t len) {
    size_t room = uart_tx_room(uart);
    size_t count = (len < room ? len : room) & ~(unit_of(uart) - 1);
    for (size_t i = 0; i < count; ++i) {
        ring_put(&uart->tx, data[i], 1);
    }
    // The interrupt changes the same register: no read-modify-write may straddle it.
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    if (ring_any(&uart->tx) > 0) {
        regs_of(uart)->CR1 |= USART_CR1_TXEIE;
    }
    __set_PRIMASK(primask);
    return count;
}

bool uart_tx_done(const uart_t *uart) {
    return ring_any(&uart->tx) == 0 && (regs_of(uart)->SR & USART_SR_TC) != 0;
}

void uart_send_break(uart_t *uart) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    regs_of(uart)->CR1 |= USART_CR1_SBK;
    __set_PRIMASK(primask);
}

bool uart_sending_break(const uart_t *uart) {
    return (regs_of(uart)->CR1 & USART_CR1_SBK) != 0;
}

// --- without interrupts ---

bool uart_send_raw(uart_t *uart, uint8_t byte) {
    if (!wait_sr(uart, USART_SR_TXE)) {
        return false;
    }
    regs_of(uart)->DR = byte;
    return true;
}

void uart_flush_raw(uart_t *uart) {
    mask_tx(uart);
    while (ring_any(&uart->tx) > 0 && wait_sr(uart, USART_SR_TXE)) {
        regs_of(uart)->DR = ring_get(&uart->tx, unit_of(uart));
    }
    (void)wait_sr(uart, USART_SR_TC);
}
