// SPDX-License-Identifier: MIT
// machine.SPI: the methods are extmod's, the bus is hal/spi.c.
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/modmachine.h"
#include "machine/machine_bus.h"
#include "machine/machine_bus_pins.h"
#include "spi.h"

#if MICROPY_PY_MACHINE_SPI

#define SPI_LAST (3)
// A transfer longer than this lets other threads run, and looks this often for Ctrl-C.
#define PIECE_US (1000)

typedef struct _machine_spi_obj_t {
    machine_bus_t bus;
    spi_config_t config;
    bool is_open;
} machine_spi_obj_t;

typedef struct {
    pin_t sck, miso, mosi;
} spi_pins_t;

static const spi_pins_t default_pins[SPI_LAST] = MACHINE_SPI_PINS;

static void spi_bus_deinit(machine_bus_t *bus) {
    machine_spi_obj_t *self = (machine_spi_obj_t *)bus;
    if (self->is_open) {
        self->is_open = false;
        spi_close(&self->config);
    }
}

static void spi_bus_clock_changed(machine_bus_t *bus) {
    machine_spi_obj_t *self = (machine_spi_obj_t *)bus;
    if (self->is_open) {
        spi_open(&self->config);
    }
}

static const machine_bus_methods_t spi_bus_methods = {
    .deinit = spi_bus_deinit,
    .clock_changed = spi_bus_clock_changed,
};

static void machine_spi_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    machine_spi_obj_t *self = MP_OBJ_TO_PTR(self_in);
    const spi_config_t *config = &self->config;
    mp_printf(print, "SPI(%u", self->bus.number);
    if (self->is_open) {
        mp_printf(print, ", baudrate=%u, polarity=%u, phase=%u, bits=%u, firstbit=%u",
            (unsigned)spi_baudrate(config), config->polarity, config->phase, config->bits,
            config->lsb_first ? MICROPY_PY_MACHINE_SPI_LSB : MICROPY_PY_MACHINE_SPI_MSB);
        machine_bus_print_pin(print, MP_QSTR_sck, config->sck);
        machine_bus_print_pin(print, MP_QSTR_mosi, config->mosi);
        machine_bus_print_pin(print, MP_QSTR_miso, config->miso);
    }
    mp_print_str(print, ")");
}

enum { ARG_baudrate, ARG_polarity, ARG_phase, ARG_bits, ARG_firstbit, ARG_sck, ARG_mosi, ARG_miso };

static void parse_frame(spi_config_t *config, const mp_arg_val_t *args) {
    mp_int_t baudrate = args[ARG_baudrate].u_int;
    mp_int_t polarity = args[ARG_polarity].u_int;
    mp_int_t phase = args[ARG_phase].u_int;
    mp_int_t bits = args[ARG_bits].u_int;
    mp_int_t firstbit = args[ARG_firstbit].u_int;
    if (baudrate <= 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid baudrate"));
    }
    if ((polarity & ~1) || (phase & ~1)) {
        mp_raise_ValueError(MP_ERROR_TEXT("polarity and phase are 0 or 1"));
    }
    if (bits != 8 && bits != 16) {
        mp_raise_ValueError(MP_ERROR_TEXT("bits is 8 or 16"));
    }
    if (firstbit != MICROPY_PY_MACHINE_SPI_MSB && firstbit != MICROPY_PY_MACHINE_SPI_LSB) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid firstbit"));
    }
    config->baudrate = (uint32_t)baudrate;
    config->polarity = (uint8_t)polarity;
    config->phase = (uint8_t)phase;
    config->bits = (uint8_t)bits;
    config->lsb_first = firstbit == MICROPY_PY_MACHINE_SPI_LSB;
}

static void machine_spi_init(mp_obj_base_t *self_in, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_baudrate, MP_ARG_INT, {.u_int = 1000000} },
        { MP_QSTR_polarity, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_phase, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_bits, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 8} },
        { MP_QSTR_firstbit, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = MICROPY_PY_MACHINE_SPI_MSB} },
        { MP_QSTR_sck, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_mosi, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
        { MP_QSTR_miso, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_OBJ_NULL} },
    };
    machine_spi_obj_t *self = (machine_spi_obj_t *)self_in;
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    unsigned number = self->bus.number;
    // Pins that it is not told about stay where they were, or are the board's.
    spi_pins_t pins = default_pins[number - 1];
    bool kept = self->config.number != 0;
    if (kept) {
        pins = (spi_pins_t) { self->config.sck, self->config.miso, self->config.mosi };
    }
    spi_config_t config = { .number = (uint8_t)number };
    parse_frame(&config, args);
    config.sck = machine_bus_pin(args[ARG_sck].u_obj, pins.sck, MP_QSTR_sck, BUS_SPI_SCK, number);
    config.mosi = kept && args[ARG_mosi].u_obj == MP_OBJ_NULL ? pins.mosi
        : machine_bus_pin(args[ARG_mosi].u_obj, pins.mosi, MP_QSTR_mosi, BUS_SPI_MOSI, number);
    config.miso = kept && args[ARG_miso].u_obj == MP_OBJ_NULL ? pins.miso
        : machine_bus_pin(args[ARG_miso].u_obj, pins.miso, MP_QSTR_miso, BUS_SPI_MISO, number);
    if (config.sck == PIN_NONE) {
        mp_raise_ValueError(MP_ERROR_TEXT("SPI needs sck"));
    }
    machine_bus_lock(&self->bus);
    spi_bus_deinit(&self->bus);
    int ret = spi_open(&config);
    machine_bus_unlock(&self->bus);
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
    self->config = config;
    self->is_open = true;
}

static mp_obj_t machine_spi_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    unsigned number = machine_bus_number(type, args[0], SPI_LAST);
    machine_spi_obj_t *self = (machine_spi_obj_t *)machine_bus_find(type, number);
    if (self == NULL) {
        self = (machine_spi_obj_t *)machine_bus_new(type, number, sizeof(*self), &spi_bus_methods);
        machine_bus_add(&self->bus);
    }
    // With the id alone it is what an earlier call made of it.
    if (n_args > 1 || n_kw > 0 || !self->is_open) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        machine_spi_init(&self->bus.base, n_args - 1, args + 1, &kw_args);
    }
    return MP_OBJ_FROM_PTR(self);
}

static void machine_spi_deinit(mp_obj_base_t *self_in) {
    machine_spi_obj_t *self = (machine_spi_obj_t *)self_in;
    machine_bus_lock(&self->bus);
    spi_bus_deinit(&self->bus);
    machine_bus_unlock(&self->bus);
}

// In pieces, with the GIL free for other threads; ends early for a KeyboardInterrupt, which the caller
// raises.
static int transfer_long(const spi_config_t *config, const uint8_t *tx, uint8_t *rx, size_t len,
    size_t piece) {
    int ret = 0;
    while (len > 0 && ret == 0 && MP_STATE_THREAD(mp_pending_exception) == MP_OBJ_NULL) {
        size_t count = len < piece ? len : piece;
        MP_THREAD_GIL_EXIT();
        ret = spi_transfer(config, tx, rx, count);
        MP_THREAD_GIL_ENTER();
        tx += tx == NULL ? 0 : count;
        rx += rx == NULL ? 0 : count;
        len -= count;
    }
    return ret;
}

static void machine_spi_transfer(mp_obj_base_t *self_in, size_t len, const uint8_t *src, uint8_t *dest) {
    machine_spi_obj_t *self = (machine_spi_obj_t *)self_in;
    machine_bus_lock(&self->bus);
    bool is_open = self->is_open;
    int ret = -MP_EINVAL;
    if (is_open && (self->config.bits == 8 || (len & 1) == 0)) {
        size_t piece = (size_t)((uint64_t)spi_baudrate(&self->config) * PIECE_US / 8000000) & ~(size_t)1;
        piece = piece < 64 ? 64 : piece;
        ret = len <= piece ? spi_transfer(&self->config, src, dest, len)
            : transfer_long(&self->config, src, dest, len, piece);
    }
    machine_bus_unlock(&self->bus);
    if (!is_open) {
        mp_raise_msg_varg(&mp_type_OSError, MP_ERROR_TEXT("SPI(%u) is not initialised"), self->bus.number);
    }
    if (ret == -MP_EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("an odd number of bytes with bits=16"));
    }
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
    if (MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL) {
        mp_handle_pending(true);
    }
}

static const mp_machine_spi_p_t machine_spi_p = {
    .init = machine_spi_init,
    .deinit = machine_spi_deinit,
    .transfer = machine_spi_transfer,
};

MP_DEFINE_CONST_OBJ_TYPE(
    machine_spi_type,
    MP_QSTR_SPI,
    MP_TYPE_FLAG_NONE,
    make_new, machine_spi_make_new,
    print, machine_spi_print,
    protocol, &machine_spi_p,
    locals_dict, &mp_machine_spi_locals_dict
    );

#endif // MICROPY_PY_MACHINE_SPI
