// SPDX-License-Identifier: MIT
// Included by extmod/machine_uart.c: machine.UART on hal/uart.c, with its rings on the GC heap.
#include <string.h>
#include "py/mperrno.h"
#include "py/mphal.h"
#include "machine/machine_bus.h"
#include "machine/machine_bus_pins.h"
#include "uart.h"

#define UART_LAST (6)
#define DEFAULT_BUFFER (256)
#define LARGEST_BUFFER (16384)
#define FLOW_RTS (1)
#define FLOW_CTS (2)
#define TRIGGERS (UART_EVENT_RX | UART_EVENT_RX_IDLE | UART_EVENT_TX_IDLE | UART_EVENT_BREAK)

#define MICROPY_PY_MACHINE_UART_CLASS_CONSTANTS \
    { MP_ROM_QSTR(MP_QSTR_RTS), MP_ROM_INT(FLOW_RTS) }, \
    { MP_ROM_QSTR(MP_QSTR_CTS), MP_ROM_INT(FLOW_CTS) }, \
    { MP_ROM_QSTR(MP_QSTR_IRQ_RX), MP_ROM_INT(UART_EVENT_RX) }, \
    { MP_ROM_QSTR(MP_QSTR_IRQ_RXIDLE), MP_ROM_INT(UART_EVENT_RX_IDLE) }, \
    { MP_ROM_QSTR(MP_QSTR_IRQ_TXIDLE), MP_ROM_INT(UART_EVENT_TX_IDLE) }, \
    { MP_ROM_QSTR(MP_QSTR_IRQ_BREAK), MP_ROM_INT(UART_EVENT_BREAK) }, \

struct _machine_uart_obj_t {
    machine_bus_t bus;
    uart_t uart;
    mp_irq_obj_t *irq;
    uint16_t timeout_ms;
    uint16_t timeout_char_ms;
    uint16_t rx_chars;
    uint16_t tx_chars;
    uint8_t trigger;
    volatile uint8_t flags;
    bool is_open;
};

typedef struct {
    pin_t tx, rx, cts, rts;
} uart_pins_t;

static const uart_pins_t default_pins[UART_LAST] = MACHINE_UART_PINS;

// --- events, in the interrupt ---

static void uart_event(uart_t *uart, unsigned events) {
    machine_uart_obj_t *self = (machine_uart_obj_t *)((char *)uart - offsetof(machine_uart_obj_t, uart));
    // Not for each character: a thread that waits for many asks for a level.
    if (events & ~(UART_EVENT_RX | UART_EVENT_BREAK)) {
        mp_hal_wake();
    }
    if ((events & self->trigger) && self->irq != NULL) {
        self->flags = events & self->trigger;
        mp_irq_handler(self->irq);
    }
}

// --- set-up ---

static void uart_bus_deinit(machine_bus_t *bus) {
    machine_uart_obj_t *self = (machine_uart_obj_t *)bus;
    if (self->is_open) {
        self->is_open = false;
        uart_close(&self->uart);
    }
    self->trigger = 0;
}

static void uart_bus_clock_changes(machine_bus_t *bus) {
    machine_uart_obj_t *self = (machine_uart_obj_t *)bus;
    if (self->is_open) {
        uart_clock_changes(&self->uart);
    }
}

static void uart_bus_clock_changed(machine_bus_t *bus) {
    machine_uart_obj_t *self = (machine_uart_obj_t *)bus;
    if (self->is_open) {
        // A rate out of reach stays wrong until the clock is right again; print() shows it.
        (void)uart_clock_changed(&self->uart);
    }
}

static const machine_bus_methods_t uart_bus_methods = {
    .deinit = uart_bus_deinit,
    .clock_changes = uart_bus_clock_changes,
    .clock_changed = uart_bus_clock_changed,
};

static void mp_machine_uart_deinit(machine_uart_obj_t *self) {
    uart_bus_deinit(&self->bus);
}

static void check_open(machine_uart_obj_t *self) {
    if (!self->is_open) {
        mp_raise_msg_varg(&mp_type_OSError, MP_ERROR_TEXT("UART(%u) is not initialised"), self->bus.number);
    }
}

static uint16_t checked_size(mp_int_t chars) {
    if (chars < 1 || chars > LARGEST_BUFFER) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid buffer size"));
    }
    return (uint16_t)chars;
}

static uint16_t checked_ms(mp_int_t ms) {
    if (ms < 0 || ms > UINT16_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid timeout"));
    }
    return (uint16_t)ms;
}

enum {
    ARG_baudrate, ARG_bits, ARG_parity, ARG_stop, ARG_tx, ARG_rx, ARG_rts, ARG_cts, ARG_flow, ARG_timeout,
    ARG_timeout_char, ARG_rxbuf, ARG_txbuf, ARG_invert,
};

static void parse_frame(uart_config_t *config, const mp_arg_val_t *args) {
    mp_obj_t parity = args[ARG_parity].u_obj;
    config->parity = UART_PARITY_NONE;
    if (parity != mp_const_none) {
        mp_int_t odd = mp_obj_get_int(parity);
        if (odd != 0 && odd != 1) {
            mp_raise_ValueError(MP_ERROR_TEXT("parity is None, 0 or 1"));
        }
        config->parity = odd ? UART_PARITY_ODD : UART_PARITY_EVEN;
    }
    mp_int_t bits = args[ARG_bits].u_int;
    mp_int_t on_wire = bits + (config->parity != UART_PARITY_NONE);
    if (bits < 7 || bits > 9 || on_wire < 8 || on_wire > 9) {
        mp_raise_ValueError(MP_ERROR_TEXT("bits is 8 or 9, with parity 7 or 8"));
    }
    config->bits = (uint8_t)bits;
    mp_int_t stop = args[ARG_stop].u_int;
    if (stop != 1 && stop != 2) {
        mp_raise_ValueError(MP_ERROR_TEXT("stop is 1 or 2"));
    }
    config->stop = (uint8_t)stop;
    if (args[ARG_baudrate].u_int <= 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid baudrate"));
    }
    config->baudrate = (uint32_t)args[ARG_baudrate].u_int;
}

// RTS is moved by the driver, by the fill of its buffer: any pin can carry it.
static pin_t parse_rts(mp_obj_t arg, pin_t by_default) {
    if (arg == MP_OBJ_NULL && by_default == PIN_NONE) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("no pin for %q on this board: name one"),
            MP_QSTR_rts);
    }
    return arg == MP_OBJ_NULL ? by_default : arg == mp_const_none ? PIN_NONE : mp_hal_get_pin_obj(arg);
}

// A line that init() is not told about stays where it was, or is the board's.
static void parse_pins(machine_uart_obj_t *self, uart_config_t *config, const mp_arg_val_t *args) {
    unsigned number = self->bus.number;
    uart_pins_t pins = default_pins[number - 1];
    const uart_config_t *old = &self->uart.config;
    if (old->number != 0) {
        pins.tx = old->tx;
        pins.rx = old->rx;
    }
    bool kept = old->number != 0;
    config->tx = kept && args[ARG_tx].u_obj == MP_OBJ_NULL ? old->tx
        : machine_bus_pin(args[ARG_tx].u_obj, pins.tx, MP_QSTR_tx, BUS_UART_TX, number);
    config->rx = kept && args[ARG_rx].u_obj == MP_OBJ_NULL ? old->rx
        : machine_bus_pin(args[ARG_rx].u_obj, pins.rx, MP_QSTR_rx, BUS_UART_RX, number);
    mp_int_t flow = args[ARG_flow].u_int;
    if (flow & ~(FLOW_RTS | FLOW_CTS)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid flow"));
    }
    config->rts = flow & FLOW_RTS ? parse_rts(args[ARG_rts].u_obj, pins.rts) : PIN_NONE;
    config->cts = flow & FLOW_CTS
        ? machine_bus_pin(args[ARG_cts].u_obj, pins.cts, MP_QSTR_cts, BUS_UART_CTS, number) : PIN_NONE;
    if (config->tx == PIN_NONE && config->rx == PIN_NONE) {
        mp_raise_ValueError(MP_ERROR_TEXT("neither tx nor rx"));
    }
}

// The memory first: where it is lacking, the port goes on as it was.
static void open_with(machine_uart_obj_t *self, const uart_config_t *config, size_t rx_chars,
    size_t tx_chars) {
    size_t unit = config->bits == 9 ? 2 : 1;
    uint8_t *rx = m_new(uint8_t, (rx_chars + 1) * unit);
    uint8_t *tx = m_new(uint8_t, (tx_chars + 1) * unit);
    if (self->is_open) {
        self->is_open = false;
        uart_close(&self->uart);
    }
    self->uart.rx.data = rx;
    self->uart.rx.size = (uint16_t)((rx_chars + 1) * unit);
    self->uart.tx.data = tx;
    self->uart.tx.size = (uint16_t)((tx_chars + 1) * unit);
    self->uart.rx_level = (uint16_t)unit;
    self->uart.event = uart_event;
    if (uart_open(&self->uart, config) != 0) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("baudrate out of reach of UART(%u)"),
            config->number);
    }
    self->is_open = true;
    self->rx_chars = (uint16_t)rx_chars;
    self->tx_chars = (uint16_t)tx_chars;
}

static void mp_machine_uart_init_helper(machine_uart_obj_t *self, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_baudrate, MP_ARG_INT, {.u_int = 9600} },
        { MP_QSTR_bits, MP_ARG_INT, {.u_int = 8} },
        { MP_QSTR_parity, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_stop, MP_ARG_INT, {.u_int = 1} },
        { MP_QSTR_tx, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_rx, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_rts, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_cts, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_flow, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_timeout_char, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_rxbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = DEFAULT_BUFFER} },
        { MP_QSTR_txbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = DEFAULT_BUFFER} },
        { MP_QSTR_invert, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    uart_config_t config = { .number = self->bus.number };
    parse_frame(&config, args);
    parse_pins(self, &config, args);
    if (args[ARG_invert].u_int != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("this chip cannot invert UART lines"));
    }
    uint16_t timeout = checked_ms(args[ARG_timeout].u_int);
    uint16_t timeout_char = checked_ms(args[ARG_timeout_char].u_int);
    open_with(self, &config, checked_size(args[ARG_rxbuf].u_int), checked_size(args[ARG_txbuf].u_int));
    self->timeout_ms = timeout;
    // At least a frame of 13 bits, or reading would end between two characters that follow each other.
    uint32_t least = 13000 / config.baudrate + 1;
    self->timeout_char_ms = timeout_char > least ? timeout_char : (uint16_t)least;
}

static mp_obj_t mp_machine_uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    unsigned number = machine_bus_number(type, args[0], UART_LAST);
    if (number == MICROPY_HW_UART_REPL) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("UART(%u) belongs to the console"), number);
    }
    machine_uart_obj_t *self = (machine_uart_obj_t *)machine_bus_find(type, number);
    if (self == NULL) {
        self = (machine_uart_obj_t *)machine_bus_new(type, number, sizeof(*self), &uart_bus_methods);
        machine_bus_add(&self->bus);
    }
    // With the id alone it is what an earlier call made of it.
    if (n_args > 1 || n_kw > 0 || !self->is_open) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        mp_machine_uart_init_helper(self, n_args - 1, args + 1, &kw_args);
    }
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_uart_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    static const char *const parities[] = { "None", "0", "1" };
    (void)kind;
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    const uart_config_t *config = &self->uart.config;
    mp_printf(print, "UART(%u", self->bus.number);
    if (self->is_open) {
        mp_printf(print, ", baudrate=%u, bits=%u, parity=%s, stop=%u",
            (unsigned)uart_baudrate(&self->uart), config->bits, parities[config->parity], config->stop);
        machine_bus_print_pin(print, MP_QSTR_tx, config->tx);
        machine_bus_print_pin(print, MP_QSTR_rx, config->rx);
        machine_bus_print_pin(print, MP_QSTR_rts, config->rts);
        machine_bus_print_pin(print, MP_QSTR_cts, config->cts);
        mp_printf(print, ", timeout=%u, timeout_char=%u, rxbuf=%u, txbuf=%u, lost=%u, errors=%u",
            self->timeout_ms, self->timeout_char_ms, self->rx_chars, self->tx_chars,
            (unsigned)self->uart.lost, (unsigned)self->uart.errors);
    }
    mp_print_str(print, ")");
}

// --- state ---

static mp_int_t mp_machine_uart_any(machine_uart_obj_t *self) {
    check_open(self);
    return uart_rx_any(&self->uart) / (self->uart.config.bits == 9 ? 2 : 1);
}

static bool mp_machine_uart_txdone(machine_uart_obj_t *self) {
    check_open(self);
    return uart_tx_done(&self->uart);
}

// How long `chars` frames may take, with a margin for the tasks above.
static uint32_t frames_ms(machine_uart_obj_t *self, size_t chars) {
    return (uint32_t)((uint64_t)chars * 13 * 1000 / self->uart.config.baudrate) + 10;
}

// Until everything has left: 0, -MP_ETIMEDOUT, or -MP_EBADF if the port was closed meanwhile.
static int wait_tx_done(machine_uart_obj_t *self) {
    mp_uint_t start = mp_hal_ticks_ms();
    uint32_t limit = frames_ms(self, self->tx_chars + 2);
    for (;;) {
        bool late = mp_hal_ticks_ms() - start > limit;
        if (!self->is_open) {
            return -MP_EBADF;
        }
        if (uart_tx_done(&self->uart)) {
            return 0;
        }
        if (late) {
            return -MP_ETIMEDOUT;
        }
        mp_event_wait_ms(frames_ms(self, 1));
    }
}

static void mp_machine_uart_sendbreak(machine_uart_obj_t *self) {
    check_open(self);
    int ret = wait_tx_done(self);
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
    uart_send_break(&self->uart);
    mp_uint_t start = mp_hal_ticks_ms();
    while (self->is_open && uart_sending_break(&self->uart)) {
        if (mp_hal_ticks_ms() - start > frames_ms(self, 2)) {
            mp_raise_OSError(MP_ETIMEDOUT);
        }
        mp_event_wait_ms(1);
    }
}

// --- irq ---

static mp_uint_t uart_irq_trigger(mp_obj_t self_in, mp_uint_t trigger) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (trigger & ~TRIGGERS) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid trigger"));
    }
    self->flags = 0;
    self->trigger = (uint8_t)trigger;
    return 0;
}

static mp_uint_t uart_irq_info(mp_obj_t self_in, mp_uint_t info) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    return info == MP_IRQ_INFO_FLAGS ? self->flags : info == MP_IRQ_INFO_TRIGGERS ? self->trigger : 0;
}

static const mp_irq_methods_t uart_irq_methods = { .trigger = uart_irq_trigger, .info = uart_irq_info };

static mp_irq_obj_t *mp_machine_uart_irq(machine_uart_obj_t *self, bool any_args, mp_arg_val_t *args) {
    if (self->irq == NULL) {
        self->irq = mp_irq_new(&uart_irq_methods, MP_OBJ_FROM_PTR(self));
    }
    if (any_args) {
        mp_obj_t handler = args[MP_IRQ_ARG_INIT_handler].u_obj;
        mp_uint_t trigger = args[MP_IRQ_ARG_INIT_trigger].u_int;
        if (handler != mp_const_none && !mp_obj_is_callable(handler)) {
            mp_raise_ValueError(MP_ERROR_TEXT("handler must be None or callable"));
        }
        // In an interrupt there is no GIL to be had: Python runs at the VM's next safe point.
        if (args[MP_IRQ_ARG_INIT_hard].u_bool) {
            mp_raise_ValueError(MP_ERROR_TEXT("hard interrupts are not supported"));
        }
        if (trigger & ~TRIGGERS) {
            mp_raise_ValueError(MP_ERROR_TEXT("invalid trigger"));
        }
        self->trigger = 0;
        self->irq->handler = handler;
        uart_irq_trigger(MP_OBJ_FROM_PTR(self), handler == mp_const_none ? 0 : trigger);
    }
    return self->irq;
}

// --- the stream ---

// Until `level` bytes are there. False: none came for timeout_ms (or the port was closed).
static bool wait_rx(machine_uart_obj_t *self, size_t level, uint32_t timeout_ms) {
    mp_uint_t start = mp_hal_ticks_ms();
    size_t seen = uart_rx_any(&self->uart);
    self->uart.rx_level = (uint16_t)level;
    for (;;) {
        mp_uint_t waited = mp_hal_ticks_ms() - start;
        size_t now = uart_rx_any(&self->uart);
        if (now >= level || !self->is_open) {
            return now >= level;
        }
        if (now != seen) {
            seen = now;
            start = mp_hal_ticks_ms();
        } else if (waited >= timeout_ms) {
            return false;
        } else {
            mp_event_wait_ms(timeout_ms - waited);
        }
    }
}

static mp_uint_t mp_machine_uart_read(mp_obj_t self_in, void *buf_in, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    check_open(self);
    size_t unit = self->uart.config.bits == 9 ? 2 : 1;
    if (size & (unit - 1)) {
        *errcode = MP_EINVAL; // a character of 9 bits takes two bytes
        return MP_STREAM_ERROR;
    }
    if (size == 0) {
        return 0;
    }
    uint8_t *buf = buf_in;
    mp_uint_t count = 0;
    bool more = wait_rx(self, unit, self->timeout_ms);
    while (self->is_open) {
        count += uart_read(&self->uart, buf + count, size - count);
        if (count == size || !more) {
            break;
        }
        size_t half = (self->uart.rx.size / 2u) & ~(unit - 1);
        size_t level = size - count < half ? size - count : half;
        more = wait_rx(self, level > unit ? level : unit, self->timeout_char_ms);
    }
    self->uart.rx_level = (uint16_t)unit;
    if (count == 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return count;
}

static bool wait_tx_room(machine_uart_obj_t *self, uint32_t timeout_ms) {
    mp_uint_t start = mp_hal_ticks_ms();
    for (;;) {
        mp_uint_t waited = mp_hal_ticks_ms() - start;
        if (!self->is_open || uart_tx_room(&self->uart) > 0) {
            return self->is_open;
        }
        if (waited >= timeout_ms) {
            return false;
        }
        mp_event_wait_ms(timeout_ms - waited);
    }
}

static mp_uint_t mp_machine_uart_write(mp_obj_t self_in, const void *buf_in, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    check_open(self);
    if (self->uart.config.tx == PIN_NONE || (self->uart.config.bits == 9 && (size & 1))) {
        *errcode = MP_EINVAL;
        return MP_STREAM_ERROR;
    }
    const uint8_t *buf = buf_in;
    mp_uint_t count = uart_write(&self->uart, buf, size);
    // The first may wait as long as the script says, the others as long as the line moves at all.
    uint32_t timeout = count == 0 ? self->timeout_ms : 0;
    uint32_t moving = frames_ms(self, self->tx_chars / 2 + 1) + self->timeout_char_ms;
    while (count < size && wait_tx_room(self, timeout > moving ? timeout : moving)) {
        count += uart_write(&self->uart, buf + count, size - count);
        timeout = 0;
    }
    if (count == 0 && size > 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return count;
}

static mp_uint_t mp_machine_uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_POLL) {
        if (!self->is_open) {
            return MP_STREAM_POLL_NVAL;
        }
        mp_uint_t ready = uart_rx_any(&self->uart) > 0 ? MP_STREAM_POLL_RD : 0;
        ready |= uart_tx_room(&self->uart) > 0 ? MP_STREAM_POLL_WR : 0;
        return ready & arg;
    }
    if (request == MP_STREAM_FLUSH) {
        check_open(self);
        int ret = wait_tx_done(self);
        *errcode = -ret;
        return ret < 0 ? MP_STREAM_ERROR : 0;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}
