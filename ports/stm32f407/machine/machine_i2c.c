// SPDX-License-Identifier: MIT
// machine.I2C: the methods are extmod's, the bus is hal/i2c.c.
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/modmachine.h"
#include "machine/machine_bus.h"
#include "machine/machine_bus_pins.h"
#include "i2c.h"

#if MICROPY_PY_MACHINE_I2C

#define I2C_LAST (3)
#define DEFAULT_TIMEOUT_US (50000)
#define ADDRESS_MAX (0x7f)

typedef struct _machine_i2c_obj_t {
    machine_bus_t bus;
    i2c_t i2c;
    bool is_open;
} machine_i2c_obj_t;

typedef struct {
    pin_t scl, sda;
} i2c_pins_t;

static const i2c_pins_t default_pins[I2C_LAST] = MACHINE_I2C_PINS;

static void i2c_bus_deinit(machine_bus_t *bus) {
    machine_i2c_obj_t *self = (machine_i2c_obj_t *)bus;
    if (self->is_open) {
        self->is_open = false;
        i2c_close(&self->i2c);
    }
}

static void i2c_bus_clock_changed(machine_bus_t *bus) {
    machine_i2c_obj_t *self = (machine_i2c_obj_t *)bus;
    i2c_config_t config = self->i2c.config;
    if (self->is_open && i2c_open(&self->i2c, &config) != 0) {
        i2c_bus_deinit(bus); // the bus clock is too slow for any I2C
    }
}

static const machine_bus_methods_t i2c_bus_methods = {
    .deinit = i2c_bus_deinit,
    .clock_changed = i2c_bus_clock_changed,
};

static void machine_i2c_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    machine_i2c_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "I2C(%u", self->bus.number);
    if (self->is_open) {
        machine_bus_print_pin(print, MP_QSTR_scl, self->i2c.config.scl);
        machine_bus_print_pin(print, MP_QSTR_sda, self->i2c.config.sda);
        mp_printf(print, ", freq=%u, timeout=%u, recoveries=%u", (unsigned)i2c_freq(&self->i2c),
            (unsigned)self->i2c.config.timeout_us, (unsigned)self->i2c.recoveries);
    }
    mp_print_str(print, ")");
}

static bool is_interrupted(void) {
    return MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL;
}

static void machine_i2c_init(mp_obj_base_t *self_in, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    enum { ARG_scl, ARG_sda, ARG_freq, ARG_timeout };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_scl, MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_sda, MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_freq, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 400000} },
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = DEFAULT_TIMEOUT_US} },
    };
    machine_i2c_obj_t *self = (machine_i2c_obj_t *)self_in;
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    unsigned number = self->bus.number;
    i2c_pins_t pins = default_pins[number - 1];
    if (self->i2c.config.number != 0) {
        pins = (i2c_pins_t) { self->i2c.config.scl, self->i2c.config.sda };
    }
    if (args[ARG_freq].u_int <= 0 || args[ARG_timeout].u_int < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid freq or timeout"));
    }
    i2c_config_t config = {
        .freq = (uint32_t)args[ARG_freq].u_int,
        .timeout_us = (uint32_t)args[ARG_timeout].u_int,
        .number = (uint8_t)number,
        .scl = machine_bus_pin(args[ARG_scl].u_obj, pins.scl, MP_QSTR_scl, BUS_I2C_SCL, number),
        .sda = machine_bus_pin(args[ARG_sda].u_obj, pins.sda, MP_QSTR_sda, BUS_I2C_SDA, number),
    };
    if (config.scl == PIN_NONE || config.sda == PIN_NONE) {
        mp_raise_ValueError(MP_ERROR_TEXT("I2C needs scl and sda"));
    }
    machine_bus_lock(&self->bus);
    i2c_bus_deinit(&self->bus);
    int ret = i2c_open(&self->i2c, &config);
    self->is_open = ret == 0;
    machine_bus_unlock(&self->bus);
    if (ret < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("freq out of reach"));
    }
    self->i2c.interrupted = is_interrupted;
}

static mp_obj_t machine_i2c_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    unsigned number = machine_bus_number(type, args[0], I2C_LAST);
    machine_i2c_obj_t *self = (machine_i2c_obj_t *)machine_bus_find(type, number);
    if (self == NULL) {
        self = (machine_i2c_obj_t *)machine_bus_new(type, number, sizeof(*self), &i2c_bus_methods);
        machine_bus_add(&self->bus);
    }
    // With the id alone it is what an earlier call made of it.
    if (n_args > 1 || n_kw > 0 || !self->is_open) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        machine_i2c_init(&self->bus.base, n_args - 1, args + 1, &kw_args);
    }
    return MP_OBJ_FROM_PTR(self);
}

static int write_all(i2c_t *i2c, uint16_t addr, size_t n, mp_machine_i2c_buf_t *bufs, bool stop) {
    int ret = i2c_write_begin(i2c, (uint8_t)addr);
    int acks = 0;
    while (ret == 0 && n-- > 0) {
        int count = i2c_write(i2c, bufs->buf, bufs->len);
        ret = count < 0 ? count : 0;
        acks += count < 0 ? 0 : count;
        if (count != (int)bufs->len) {
            break; // not acknowledged: nothing may follow
        }
        ++bufs;
    }
    if (ret == 0) {
        ret = i2c_write_end(i2c, stop);
    }
    return ret < 0 ? ret : acks;
}

static int transfer(i2c_t *i2c, uint16_t addr, size_t n, mp_machine_i2c_buf_t *bufs, unsigned int flags) {
    bool stop = (flags & MP_MACHINE_I2C_FLAG_STOP) != 0;
    if (flags & MP_MACHINE_I2C_FLAG_WRITE1) {
        int acks = write_all(i2c, addr, 1, bufs, false);
        if (acks >= 0 && acks != (int)bufs->len) {
            (void)i2c_write_end(i2c, true);
            return -MP_EIO;
        }
        if (acks < 0) {
            return acks;
        }
        ++bufs;
    }
    return flags & MP_MACHINE_I2C_FLAG_READ ? i2c_read(i2c, (uint8_t)addr, bufs->buf, bufs->len, stop)
        : write_all(i2c, addr, n, bufs, stop);
}

static int machine_i2c_transfer(mp_obj_base_t *self_in, uint16_t addr, size_t n, mp_machine_i2c_buf_t *bufs,
    unsigned int flags) {
    machine_i2c_obj_t *self = (machine_i2c_obj_t *)self_in;
    if (addr > ADDRESS_MAX) {
        return -MP_EINVAL;
    }
    machine_bus_lock(&self->bus);
    int ret = -MP_ENXIO; // closed
    if (self->is_open) {
        // A byte takes 22 us at the least: let other threads run.
        MP_THREAD_GIL_EXIT();
        ret = transfer(&self->i2c, addr, n, bufs, flags);
        MP_THREAD_GIL_ENTER();
    }
    machine_bus_unlock(&self->bus);
    if (is_interrupted()) {
        mp_handle_pending(true);
    }
    return ret;
}

static const mp_machine_i2c_p_t machine_i2c_p = {
    .transfer_supports_write1 = true,
    .init = machine_i2c_init,
    .transfer = machine_i2c_transfer,
};

MP_DEFINE_CONST_OBJ_TYPE(
    machine_i2c_type,
    MP_QSTR_I2C,
    MP_TYPE_FLAG_NONE,
    make_new, machine_i2c_make_new,
    print, machine_i2c_print,
    protocol, &machine_i2c_p,
    locals_dict, &mp_machine_i2c_locals_dict
    );

#endif // MICROPY_PY_MACHINE_I2C
