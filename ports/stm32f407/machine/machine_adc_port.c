// SPDX-License-Identifier: MIT
// Included by extmod/machine_adc.c.
#include "py/mphal.h"
#include "adc.h"
#include "machine/machine_pin.h"

#define DEFAULT_SAMPLE_NS (4000) // a source of up to 50 kOhm (data sheet, formula of RAIN)
// The sensor's two calibrated points (data sheet table 70).
#define TS_CAL1 (*(const volatile uint16_t *)0x1FFF7A2CUL)
#define TS_CAL2 (*(const volatile uint16_t *)0x1FFF7A2EUL)
#define TS_CAL1_DEGREES (30)
#define TS_CAL2_DEGREES (110)
#define CAL_MV (3300)

typedef struct _machine_adc_obj_t {
    mp_obj_base_t base;
    adc_input_t input;
    uint32_t sample_ns;
} machine_adc_obj_t;

#define MICROPY_PY_MACHINE_ADC_CLASS_CONSTANTS \
    { MP_ROM_QSTR(MP_QSTR_read_core_temp), MP_ROM_PTR(&machine_adc_read_core_temp_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_read_core_vbat), MP_ROM_PTR(&machine_adc_read_core_vbat_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_read_vref), MP_ROM_PTR(&machine_adc_read_vref_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_CORE_TEMP), MP_ROM_INT(ADC_CHANNEL_TEMPERATURE) }, \
    { MP_ROM_QSTR(MP_QSTR_CORE_VREF), MP_ROM_INT(ADC_CHANNEL_VREFINT) }, \
    { MP_ROM_QSTR(MP_QSTR_CORE_VBAT), MP_ROM_INT(ADC_CHANNEL_VBAT) }, \

static int checked(int ret) {
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
    return ret;
}

static unsigned sample_code(uint32_t sample_ns) {
    int code = adc_sample_code(sample_ns);
    if (code < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("sample_ns too long"));
    }
    return (unsigned)code;
}

static int read_input(const adc_input_t *input, uint32_t sample_ns) {
    return checked(adc_read(input, sample_code(sample_ns)));
}

static void mp_machine_adc_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    machine_adc_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<ADC%u channel=%u>", self->input.adc, self->input.channel);
}

static void mp_machine_adc_init_helper(machine_adc_obj_t *self, size_t n_pos_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    enum { ARG_sample_ns };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_sample_ns, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_pos_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    mp_int_t sample_ns = args[ARG_sample_ns].u_int;
    if (sample_ns >= 0) {
        sample_code(sample_ns); // raises where it is too long
        self->sample_ns = sample_ns;
    }
}

static void find_input(mp_obj_t id, adc_input_t *input) {
    if (mp_obj_is_int(id)) {
        mp_int_t channel = mp_obj_get_int(id);
        if (channel < ADC_CHANNEL_TEMPERATURE || channel > ADC_CHANNEL_VBAT) {
            mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("ADC(%d) doesn't exist"), (int)channel);
        }
        *input = (adc_input_t) { 1, (uint8_t)channel };
        return;
    }
    pin_t pin = mp_hal_get_pin_obj(id);
    if (adc_input_of(pin, input) < 0) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("pin %q has no ADC"), mp_hal_pin_name(pin));
    }
    gpio_config(pin, GPIO_MODE_ANALOG, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
}

static mp_obj_t mp_machine_adc_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    machine_adc_obj_t *self = mp_obj_malloc(machine_adc_obj_t, type);
    self->sample_ns = mp_obj_is_int(args[0]) ? ADC_INTERNAL_SAMPLE_NS : DEFAULT_SAMPLE_NS;
    mp_map_t kw_args;
    mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
    mp_machine_adc_init_helper(self, n_args - 1, args + 1, &kw_args);
    find_input(args[0], &self->input);
    return MP_OBJ_FROM_PTR(self);
}

static mp_int_t mp_machine_adc_read_u16(machine_adc_obj_t *self) {
    mp_int_t raw = read_input(&self->input, self->sample_ns);
    return raw << 4 | raw >> 8;
}

static mp_int_t microvolts(const adc_input_t *input, uint32_t sample_ns) {
    int raw = read_input(input, sample_ns);
    int vdda_mv = checked(adc_vdda_mv());
    return (mp_int_t)((int64_t)raw * vdda_mv * 1000 / ADC_MAX);
}

static mp_int_t mp_machine_adc_read_uv(machine_adc_obj_t *self) {
    return microvolts(&self->input, self->sample_ns);
}

// --- what pyb.ADCAll has, as functions of the class ---

static mp_obj_t machine_adc_read_core_temp(void) {
    static const adc_input_t sensor = { 1, ADC_CHANNEL_TEMPERATURE };
    mp_float_t raw = (mp_float_t)read_input(&sensor, ADC_INTERNAL_SAMPLE_NS);
    // The calibration holds for VDDA at 3.3 V.
    raw = raw * (mp_float_t)checked(adc_vdda_mv()) / CAL_MV;
    if (TS_CAL1 >= TS_CAL2 || TS_CAL2 > ADC_MAX) {
        // Not calibrated: what the data sheet calls typical, 0.76 V at 25 degrees and 2.5 mV per degree.
        mp_float_t mv = raw * CAL_MV / ADC_MAX;
        return mp_obj_new_float((mv - 760) / MICROPY_FLOAT_CONST(2.5) + 25);
    }
    mp_float_t slope = (mp_float_t)(TS_CAL2_DEGREES - TS_CAL1_DEGREES) / (mp_float_t)(TS_CAL2 - TS_CAL1);
    return mp_obj_new_float((raw - (mp_float_t)TS_CAL1) * slope + TS_CAL1_DEGREES);
}
static MP_DEFINE_CONST_FUN_OBJ_0(machine_adc_read_core_temp_fun_obj, machine_adc_read_core_temp);
static MP_DEFINE_CONST_STATICMETHOD_OBJ(machine_adc_read_core_temp_obj,
    MP_ROM_PTR(&machine_adc_read_core_temp_fun_obj));

static mp_obj_t machine_adc_read_core_vbat(void) {
    static const adc_input_t battery = { 1, ADC_CHANNEL_VBAT };
    mp_int_t uv = microvolts(&battery, ADC_INTERNAL_SAMPLE_NS);
    return mp_obj_new_float((mp_float_t)(2 * uv) / MICROPY_FLOAT_CONST(1e6));
}
static MP_DEFINE_CONST_FUN_OBJ_0(machine_adc_read_core_vbat_fun_obj, machine_adc_read_core_vbat);
static MP_DEFINE_CONST_STATICMETHOD_OBJ(machine_adc_read_core_vbat_obj,
    MP_ROM_PTR(&machine_adc_read_core_vbat_fun_obj));

static mp_obj_t machine_adc_read_vref(void) {
    return mp_obj_new_float((mp_float_t)checked(adc_vdda_mv()) / MICROPY_FLOAT_CONST(1000.0));
}
static MP_DEFINE_CONST_FUN_OBJ_0(machine_adc_read_vref_fun_obj, machine_adc_read_vref);
static MP_DEFINE_CONST_STATICMETHOD_OBJ(machine_adc_read_vref_obj,
    MP_ROM_PTR(&machine_adc_read_vref_fun_obj));
