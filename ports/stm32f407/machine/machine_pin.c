// SPDX-License-Identifier: MIT
// machine.Pin: names of the chip (Pin.cpu) and of the board (Pin.board), alternate functions, interrupts.
#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/virtpin.h"
#include "shared/runtime/mpirq.h"
#include "machine/machine_pin.h"
#include "machine/pin_owner.h"
#include "machine/machine_power.h"
#include "power.h"
#include "stm32f4xx.h"

#define IRQ_LINES (16)
#define IRQ_PRIORITY (12)
enum { IRQ_RISING = 1, IRQ_FALLING = 2 };

// Pin.mode() values: what gpio_config() takes.
enum {
    MODE_IN = GPIO_MODE_INPUT,
    MODE_OUT = GPIO_MODE_OUTPUT,
    MODE_OPEN_DRAIN = GPIO_MODE_OUTPUT | GPIO_MODE_OPEN_DRAIN,
    MODE_ALT = GPIO_MODE_AF,
    MODE_ALT_OPEN_DRAIN = GPIO_MODE_AF | GPIO_MODE_OPEN_DRAIN,
    MODE_ANALOG = GPIO_MODE_ANALOG,
};

typedef struct _pin_irq_obj_t {
    mp_irq_obj_t base;
    uint8_t trigger;
    volatile uint8_t flags;
} pin_irq_obj_t;

// IRQ_LINES of them, from the first irq() on.
MP_REGISTER_ROOT_POINTER(struct _pin_irq_obj_t **machine_pin_irq);

static const machine_pin_obj_t *find_in(const mp_obj_dict_t *dict, mp_obj_t name) {
    mp_map_elem_t *elem = mp_map_lookup((mp_map_t *)&dict->map, name, MP_MAP_LOOKUP);
    return elem == NULL ? NULL : MP_OBJ_TO_PTR(elem->value);
}

const machine_pin_obj_t *machine_pin_find(mp_obj_t obj) {
    if (mp_obj_is_type(obj, &machine_pin_type)) {
        return MP_OBJ_TO_PTR(obj);
    }
    if (mp_obj_is_str(obj)) {
        const machine_pin_obj_t *pin = find_in(&machine_pin_board_dict, obj);
        if (pin == NULL) {
            pin = find_in(&machine_pin_cpu_dict, obj);
        }
        if (pin != NULL) {
            return pin;
        }
    }
    if (!mp_obj_is_str(obj)) {
        mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("expected a Pin or its name, not %s"),
            mp_obj_get_type_str(obj));
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("Pin(%s) doesn't exist"), mp_obj_str_get_str(obj));
}

// For whoever takes the pin: extmod's buses and pulses, other classes of this port.
pin_t mp_hal_get_pin_obj(mp_obj_t obj) {
    pin_t pin = machine_pin_find(obj)->pin;
    pin_check_free(pin);
    return pin;
}

// The pin of a Pin, to look at.
static pin_t self_pin(mp_obj_t self_in) {
    return ((machine_pin_obj_t *)MP_OBJ_TO_PTR(self_in))->pin;
}

static void pin_drive(pin_t pin, int value) {
    pin_check_free(pin);
    gpio_write(pin, value);
}

qstr mp_hal_pin_name(pin_t pin) {
    return machine_pin_objs[pin].name;
}

static void machine_pin_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    static const qstr_short_t modes[] = { MP_QSTR_IN, MP_QSTR_OUT, MP_QSTR_ALT, MP_QSTR_ANALOG };
    (void)kind;
    machine_pin_obj_t *self = MP_OBJ_TO_PTR(self_in);
    unsigned mode = gpio_mode(self->pin);
    unsigned pull = gpio_pull(self->pin);
    qstr mode_name = modes[mode & 3];
    if (mode == MODE_OPEN_DRAIN) {
        mode_name = MP_QSTR_OPEN_DRAIN;
    } else if (mode == MODE_ALT_OPEN_DRAIN) {
        mode_name = MP_QSTR_ALT_OPEN_DRAIN;
    }
    mp_printf(print, "Pin(Pin.cpu.%q, mode=Pin.%q", self->name, mode_name);
    if (pull != GPIO_PULL_NONE) {
        mp_printf(print, ", pull=Pin.%q", pull == GPIO_PULL_UP ? MP_QSTR_PULL_UP : MP_QSTR_PULL_DOWN);
    }
    if ((mode & 3) == GPIO_MODE_AF) {
        mp_printf(print, ", alt=%u", gpio_af(self->pin));
    }
    mp_print_str(print, ")");
}

static mp_int_t checked_mode(mp_int_t mode) {
    bool known = mode >= 0 && (mode & ~(3 | GPIO_MODE_OPEN_DRAIN)) == 0;
    if (!known || mode == (MODE_IN | GPIO_MODE_OPEN_DRAIN) || mode == (MODE_ANALOG | GPIO_MODE_OPEN_DRAIN)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid pin mode"));
    }
    return mode;
}

static mp_int_t checked_pull(mp_obj_t pull_in) {
    mp_int_t pull = pull_in == mp_const_none ? GPIO_PULL_NONE : mp_obj_get_int(pull_in);
    if (pull < 0 || pull > GPIO_PULL_DOWN) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid pin pull"));
    }
    return pull;
}

static mp_int_t checked_drive(mp_int_t drive) {
    if (drive < 0 || drive > GPIO_SPEED_VERY_HIGH) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid pin drive"));
    }
    return drive;
}

static mp_obj_t pin_init_helper(const machine_pin_obj_t *self, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    enum { ARG_mode, ARG_pull, ARG_value, ARG_drive, ARG_alt };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_mode, MP_ARG_INT, {.u_int = MODE_IN} },
        { MP_QSTR_pull, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_value, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL} },
        { MP_QSTR_drive, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = GPIO_SPEED_HIGH} },
        { MP_QSTR_alt, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);

    pin_check_free(self->pin);
    mp_int_t mode = checked_mode(args[ARG_mode].u_int);
    mp_int_t pull = checked_pull(args[ARG_pull].u_obj);
    mp_int_t drive = checked_drive(args[ARG_drive].u_int);
    mp_int_t alt = args[ARG_alt].u_int;
    if ((mode & 3) == GPIO_MODE_AF && (alt < 0 || alt > 15)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid pin alt"));
    }
    // The level before the driver, so that the pin shows no other one in between.
    if (args[ARG_value].u_obj != MP_OBJ_NULL) {
        RCC->AHB1ENR |= 1UL << PIN_PORT(self->pin);
        (void)RCC->AHB1ENR;
        gpio_write(self->pin, mp_obj_is_true(args[ARG_value].u_obj));
    }
    gpio_config(self->pin, mode, pull, drive, alt < 0 ? 0 : alt);
    return mp_const_none;
}

mp_obj_t mp_pin_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    const machine_pin_obj_t *pin = machine_pin_find(args[0]);
    if (n_args > 1 || n_kw > 0) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        pin_init_helper(pin, n_args - 1, args + 1, &kw_args);
    } else {
        // A pin that is only named must be readable: its port needs the clock.
        RCC->AHB1ENR |= 1UL << PIN_PORT(pin->pin);
    }
    return MP_OBJ_FROM_PTR(pin);
}

static mp_obj_t machine_pin_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    if (n_args == 0) {
        return MP_OBJ_NEW_SMALL_INT(gpio_read(self_pin(self_in)));
    }
    pin_drive(self_pin(self_in), mp_obj_is_true(args[0]));
    return mp_const_none;
}

static mp_obj_t machine_pin_init(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    return pin_init_helper(MP_OBJ_TO_PTR(args[0]), n_args - 1, args + 1, kw_args);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(machine_pin_init_obj, 1, machine_pin_init);

static mp_obj_t machine_pin_value(size_t n_args, const mp_obj_t *args) {
    return machine_pin_call(args[0], n_args - 1, 0, args + 1);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_pin_value_obj, 1, 2, machine_pin_value);

static mp_obj_t machine_pin_low(mp_obj_t self_in) {
    pin_drive(self_pin(self_in), 0);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_pin_low_obj, machine_pin_low);

static mp_obj_t machine_pin_high(mp_obj_t self_in) {
    pin_drive(self_pin(self_in), 1);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_pin_high_obj, machine_pin_high);

static mp_obj_t machine_pin_toggle(mp_obj_t self_in) {
    pin_t pin = self_pin(self_in);
    pin_drive(pin, !gpio_output(pin));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_pin_toggle_obj, machine_pin_toggle);

static mp_obj_t machine_pin_name(mp_obj_t self_in) {
    return MP_OBJ_NEW_QSTR(((machine_pin_obj_t *)MP_OBJ_TO_PTR(self_in))->name);
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_pin_name_obj, machine_pin_name);

static mp_obj_t machine_pin_names(mp_obj_t self_in) {
    machine_pin_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    mp_obj_list_append(list, MP_OBJ_NEW_QSTR(self->name));
    const mp_map_t *map = &machine_pin_board_dict.map;
    for (size_t i = 0; i < map->used; ++i) {
        if (map->table[i].value == self_in) {
            mp_obj_list_append(list, map->table[i].key);
        }
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_pin_names_obj, machine_pin_names);

// mode(), pull() and drive() with an argument change that alone; alternate functions are set up by init().
static mp_obj_t machine_pin_mode(size_t n_args, const mp_obj_t *args) {
    pin_t pin = self_pin(args[0]);
    if (n_args == 1) {
        return MP_OBJ_NEW_SMALL_INT(gpio_mode(pin));
    }
    pin_check_free(pin);
    mp_int_t mode = checked_mode(mp_obj_get_int(args[1]));
    gpio_config(pin, mode, gpio_pull(pin), gpio_speed(pin), gpio_af(pin));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_pin_mode_obj, 1, 2, machine_pin_mode);

static mp_obj_t machine_pin_pull(size_t n_args, const mp_obj_t *args) {
    pin_t pin = self_pin(args[0]);
    if (n_args == 1) {
        unsigned pull = gpio_pull(pin);
        return pull == GPIO_PULL_NONE ? mp_const_none : MP_OBJ_NEW_SMALL_INT(pull);
    }
    pin_check_free(pin);
    gpio_config(pin, gpio_mode(pin), checked_pull(args[1]), gpio_speed(pin), gpio_af(pin));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_pin_pull_obj, 1, 2, machine_pin_pull);

static mp_obj_t machine_pin_drive(size_t n_args, const mp_obj_t *args) {
    pin_t pin = self_pin(args[0]);
    if (n_args == 1) {
        return MP_OBJ_NEW_SMALL_INT(gpio_speed(pin));
    }
    pin_check_free(pin);
    gpio_config(pin, gpio_mode(pin), gpio_pull(pin), checked_drive(mp_obj_get_int(args[1])), gpio_af(pin));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_pin_drive_obj, 1, 2, machine_pin_drive);

static mp_obj_t machine_pin_af(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(gpio_af(self_pin(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_pin_af_obj, machine_pin_af);

// --- interrupts: one EXTI line for the pins of equal number on all ports ---

static IRQn_Type line_irqn(unsigned line) {
    return line < 5 ? (IRQn_Type)(EXTI0_IRQn + line) : line < 10 ? EXTI9_5_IRQn : EXTI15_10_IRQn;
}

static void line_set(unsigned line, unsigned trigger) {
    uint32_t bit = 1UL << line;
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    EXTI->IMR &= ~bit;
    EXTI->RTSR = trigger & IRQ_RISING ? EXTI->RTSR | bit : EXTI->RTSR & ~bit;
    EXTI->FTSR = trigger & IRQ_FALLING ? EXTI->FTSR | bit : EXTI->FTSR & ~bit;
    EXTI->PR = bit;
    if (trigger != 0) {
        EXTI->IMR |= bit;
    }
    MICROPY_END_ATOMIC_SECTION(state);
}

static mp_uint_t pin_irq_trigger(mp_obj_t self_in, mp_uint_t trigger) {
    unsigned line = PIN_BIT(self_pin(self_in));
    pin_irq_obj_t *irq = MP_STATE_PORT(machine_pin_irq)[line];
    if (trigger > (IRQ_RISING | IRQ_FALLING)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid trigger"));
    }
    line_set(line, 0);
    irq->trigger = trigger;
    irq->flags = 0;
    line_set(line, trigger);
    return 0;
}

static mp_uint_t pin_irq_info(mp_obj_t self_in, mp_uint_t info) {
    pin_irq_obj_t *irq = MP_STATE_PORT(machine_pin_irq)[PIN_BIT(self_pin(self_in))];
    return info == MP_IRQ_INFO_FLAGS ? irq->flags : info == MP_IRQ_INFO_TRIGGERS ? irq->trigger : 0;
}

static const mp_irq_methods_t pin_irq_methods = { .trigger = pin_irq_trigger, .info = pin_irq_info };

static pin_irq_obj_t *pin_irq_of(const machine_pin_obj_t *self) {
    unsigned line = PIN_BIT(self->pin);
    if (MP_STATE_PORT(machine_pin_irq) == NULL) {
        MP_STATE_PORT(machine_pin_irq) = m_new0(pin_irq_obj_t *, IRQ_LINES);
    }
    pin_irq_obj_t *irq = MP_STATE_PORT(machine_pin_irq)[line];
    if (irq != NULL && irq->base.parent != MP_OBJ_FROM_PTR(self)) {
        if (irq->trigger != 0) {
            machine_pin_obj_t *other = MP_OBJ_TO_PTR(irq->base.parent);
            mp_raise_msg_varg(&mp_type_OSError, MP_ERROR_TEXT("interrupt line taken by %q"), other->name);
        }
        irq = NULL;
    }
    if (irq == NULL) {
        irq = m_new_obj(pin_irq_obj_t);
        mp_irq_init(&irq->base, &pin_irq_methods, MP_OBJ_FROM_PTR(self));
        irq->trigger = 0;
        irq->flags = 0;
        MP_STATE_PORT(machine_pin_irq)[line] = irq;
    }
    return irq;
}

static void route_line(pin_t pin) {
    unsigned line = PIN_BIT(pin);
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    unsigned shift = (line & 3) * 4;
    uint32_t exticr = SYSCFG->EXTICR[line >> 2] & ~(15UL << shift);
    SYSCFG->EXTICR[line >> 2] = exticr | (uint32_t)PIN_PORT(pin) << shift;
    NVIC_SetPriority(line_irqn(line), IRQ_PRIORITY);
    NVIC_EnableIRQ(line_irqn(line));
}

// A pin whose edges interrupt ends Stop without further ado; Standby is left by PA0 alone (WKUP), which is
// an input with a pull-down as long as it is to do that (RM0090 section 5.4.2).
static void set_wake(pin_t pin, mp_obj_t wake_in) {
    mp_int_t wake = wake_in == mp_const_none ? 0 : mp_obj_get_int(wake_in);
    if (wake < 0 || wake > (MACHINE_IDLE | MACHINE_SLEEP | MACHINE_DEEPSLEEP)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid wake"));
    }
    if ((wake & MACHINE_DEEPSLEEP) && pin != POWER_WAKE_PIN) {
        mp_raise_ValueError(MP_ERROR_TEXT("only PA0 wakes from deepsleep"));
    }
    if (pin == POWER_WAKE_PIN) {
        power_set_wake_pin(wake & MACHINE_DEEPSLEEP);
    }
}

static mp_obj_t machine_pin_irq(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_handler, ARG_trigger, ARG_priority, ARG_wake, ARG_hard };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_handler, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_trigger, MP_ARG_INT, {.u_int = IRQ_RISING | IRQ_FALLING} },
        { MP_QSTR_priority, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 1} },
        { MP_QSTR_wake, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_hard, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false} },
    };
    machine_pin_obj_t *self = MP_OBJ_TO_PTR(pos_args[0]);
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    pin_check_free(self->pin);
    pin_irq_obj_t *irq = pin_irq_of(self);
    if (n_args > 1 || kw_args->used != 0) {
        // In an interrupt there is no GIL to be had: Python runs at the VM's next safe point.
        if (args[ARG_hard].u_bool) {
            mp_raise_ValueError(MP_ERROR_TEXT("hard interrupts are not supported"));
        }
        if (args[ARG_trigger].u_int <= 0 || args[ARG_trigger].u_int > (IRQ_RISING | IRQ_FALLING)) {
            mp_raise_ValueError(MP_ERROR_TEXT("invalid trigger"));
        }
        // All lines have one priority: they share vectors.
        if (args[ARG_priority].u_int != 1) {
            mp_raise_ValueError(MP_ERROR_TEXT("invalid priority"));
        }
        set_wake(self->pin, args[ARG_wake].u_obj);
        line_set(PIN_BIT(self->pin), 0);
        irq->base.handler = args[ARG_handler].u_obj;
        irq->trigger = args[ARG_handler].u_obj == mp_const_none ? 0 : args[ARG_trigger].u_int;
        irq->flags = 0;
        if (irq->trigger != 0) {
            route_line(self->pin);
            line_set(PIN_BIT(self->pin), irq->trigger);
        }
    }
    return MP_OBJ_FROM_PTR(irq);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(machine_pin_irq_obj, 1, machine_pin_irq);

static void exti_handler(unsigned first, unsigned last) {
    for (unsigned line = first; line <= last; ++line) {
        if ((EXTI->PR & EXTI->IMR & 1UL << line) == 0) {
            continue;
        }
        EXTI->PR = 1UL << line;
        pin_irq_obj_t *irq = NULL;
        if (MP_STATE_PORT(machine_pin_irq) != NULL) {
            irq = MP_STATE_PORT(machine_pin_irq)[line];
        }
        if (irq != NULL) {
            machine_power_note_wake(MACHINE_WAKE_PIN);
            // With both edges asked for, the level now tells which one it was.
            const machine_pin_obj_t *pin = MP_OBJ_TO_PTR(irq->base.parent);
            irq->flags = irq->trigger != (IRQ_RISING | IRQ_FALLING) ? irq->trigger
                : gpio_read(pin->pin) ? IRQ_RISING : IRQ_FALLING;
            mp_irq_handler(&irq->base);
        }
    }
}

#define EXTI_HANDLER(name, first, last) \
    void name(void); \
    void name(void) { \
        exti_handler(first, last); \
    }
EXTI_HANDLER(EXTI0_IRQHandler, 0, 0)
EXTI_HANDLER(EXTI1_IRQHandler, 1, 1)
EXTI_HANDLER(EXTI2_IRQHandler, 2, 2)
EXTI_HANDLER(EXTI3_IRQHandler, 3, 3)
EXTI_HANDLER(EXTI4_IRQHandler, 4, 4)
EXTI_HANDLER(EXTI9_5_IRQHandler, 5, 9)
EXTI_HANDLER(EXTI15_10_IRQHandler, 10, 15)

void machine_pin_deinit(void) {
    power_set_wake_pin(false);
    if (MP_STATE_PORT(machine_pin_irq) == NULL) {
        return;
    }
    for (unsigned line = 0; line < IRQ_LINES; ++line) {
        if (MP_STATE_PORT(machine_pin_irq)[line] != NULL) {
            line_set(line, 0);
        }
    }
    MP_STATE_PORT(machine_pin_irq) = NULL;
}

// --- types ---

MP_DEFINE_CONST_OBJ_TYPE(machine_pin_cpu_type, MP_QSTR_cpu, MP_TYPE_FLAG_NONE,
    locals_dict, &machine_pin_cpu_dict);
MP_DEFINE_CONST_OBJ_TYPE(machine_pin_board_type, MP_QSTR_board, MP_TYPE_FLAG_NONE,
    locals_dict, &machine_pin_board_dict);

static const mp_rom_map_elem_t machine_pin_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&machine_pin_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_value), MP_ROM_PTR(&machine_pin_value_obj) },
    { MP_ROM_QSTR(MP_QSTR_low), MP_ROM_PTR(&machine_pin_low_obj) },
    { MP_ROM_QSTR(MP_QSTR_high), MP_ROM_PTR(&machine_pin_high_obj) },
    { MP_ROM_QSTR(MP_QSTR_off), MP_ROM_PTR(&machine_pin_low_obj) },
    { MP_ROM_QSTR(MP_QSTR_on), MP_ROM_PTR(&machine_pin_high_obj) },
    { MP_ROM_QSTR(MP_QSTR_toggle), MP_ROM_PTR(&machine_pin_toggle_obj) },
    { MP_ROM_QSTR(MP_QSTR_irq), MP_ROM_PTR(&machine_pin_irq_obj) },
    { MP_ROM_QSTR(MP_QSTR_name), MP_ROM_PTR(&machine_pin_name_obj) },
    { MP_ROM_QSTR(MP_QSTR_names), MP_ROM_PTR(&machine_pin_names_obj) },
    { MP_ROM_QSTR(MP_QSTR_mode), MP_ROM_PTR(&machine_pin_mode_obj) },
    { MP_ROM_QSTR(MP_QSTR_pull), MP_ROM_PTR(&machine_pin_pull_obj) },
    { MP_ROM_QSTR(MP_QSTR_drive), MP_ROM_PTR(&machine_pin_drive_obj) },
    { MP_ROM_QSTR(MP_QSTR_af), MP_ROM_PTR(&machine_pin_af_obj) },

    { MP_ROM_QSTR(MP_QSTR_board), MP_ROM_PTR(&machine_pin_board_type) },
    { MP_ROM_QSTR(MP_QSTR_cpu), MP_ROM_PTR(&machine_pin_cpu_type) },

    { MP_ROM_QSTR(MP_QSTR_IN), MP_ROM_INT(MODE_IN) },
    { MP_ROM_QSTR(MP_QSTR_OUT), MP_ROM_INT(MODE_OUT) },
    { MP_ROM_QSTR(MP_QSTR_OPEN_DRAIN), MP_ROM_INT(MODE_OPEN_DRAIN) },
    { MP_ROM_QSTR(MP_QSTR_ALT), MP_ROM_INT(MODE_ALT) },
    { MP_ROM_QSTR(MP_QSTR_ALT_OPEN_DRAIN), MP_ROM_INT(MODE_ALT_OPEN_DRAIN) },
    { MP_ROM_QSTR(MP_QSTR_ANALOG), MP_ROM_INT(MODE_ANALOG) },
    { MP_ROM_QSTR(MP_QSTR_PULL_UP), MP_ROM_INT(GPIO_PULL_UP) },
    { MP_ROM_QSTR(MP_QSTR_PULL_DOWN), MP_ROM_INT(GPIO_PULL_DOWN) },
    { MP_ROM_QSTR(MP_QSTR_DRIVE_0), MP_ROM_INT(GPIO_SPEED_LOW) },
    { MP_ROM_QSTR(MP_QSTR_DRIVE_1), MP_ROM_INT(GPIO_SPEED_MEDIUM) },
    { MP_ROM_QSTR(MP_QSTR_DRIVE_2), MP_ROM_INT(GPIO_SPEED_HIGH) },
    { MP_ROM_QSTR(MP_QSTR_DRIVE_3), MP_ROM_INT(GPIO_SPEED_VERY_HIGH) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_RISING), MP_ROM_INT(IRQ_RISING) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_FALLING), MP_ROM_INT(IRQ_FALLING) },
};
static MP_DEFINE_CONST_DICT(machine_pin_locals_dict, machine_pin_locals_dict_table);

static mp_uint_t machine_pin_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)errcode;
    pin_t pin = self_pin(self_in);
    if (request == MP_PIN_READ) {
        return gpio_read(pin);
    }
    if (request == MP_PIN_WRITE) {
        pin_drive(pin, arg != 0);
        return 0;
    }
    return -1;
}

static const mp_pin_p_t machine_pin_protocol = { .ioctl = machine_pin_ioctl };

MP_DEFINE_CONST_OBJ_TYPE(
    machine_pin_type,
    MP_QSTR_Pin,
    MP_TYPE_FLAG_NONE,
    make_new, mp_pin_make_new,
    print, machine_pin_print,
    call, machine_pin_call,
    protocol, &machine_pin_protocol,
    locals_dict, &machine_pin_locals_dict
    );
