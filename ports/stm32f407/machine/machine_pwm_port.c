// SPDX-License-Identifier: MIT
// Included by extmod/machine_pwm.c. The channels of a timer have one period: a change of the frequency on one
// pin changes the others', whose duty is worked out anew.
#include "py/mphal.h"
#include "machine/machine_pin.h"
#include "machine/machine_timers.h"
#include "tim.h"

#define DUTY_FULL (65535)
enum { DUTY_U16, DUTY_NS };

typedef struct _machine_pwm_obj_t {
    mp_obj_base_t base;
    struct _machine_pwm_obj_t *next;
    pin_t pin;
    tim_output_t output;
    uint8_t unit; // what `duty` counts
    bool invert;
    uint32_t freq; // of the timer, in Hz; 0 before the first one was given
    uint32_t duty;
} machine_pwm_obj_t;

// Those that have a timer's channel.
MP_REGISTER_ROOT_POINTER(struct _machine_pwm_obj_t *machine_pwm_list);

static machine_pwm_obj_t *pwm_on_pin(pin_t pin) {
    machine_pwm_obj_t *pwm = MP_STATE_PORT(machine_pwm_list);
    while (pwm != NULL && pwm->pin != pin) {
        pwm = pwm->next;
    }
    return pwm;
}

static machine_pwm_obj_t *pwm_on_timer(unsigned timer, const machine_pwm_obj_t *but) {
    machine_pwm_obj_t *pwm = MP_STATE_PORT(machine_pwm_list);
    while (pwm != NULL && (pwm->output.timer != timer || pwm == but)) {
        pwm = pwm->next;
    }
    return pwm;
}

static bool channel_taken(const tim_output_t *output) {
    machine_pwm_obj_t *pwm = MP_STATE_PORT(machine_pwm_list);
    while (pwm != NULL &&
           (pwm->output.timer != output->timer || pwm->output.channel != output->channel)) {
        pwm = pwm->next;
    }
    return pwm != NULL;
}

static void mp_machine_pwm_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    machine_pwm_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "PWM(Pin.cpu.%q, timer=%u, channel=%u, freq=%u, %q=%u%s)", mp_hal_pin_name(self->pin),
        self->output.timer, self->output.channel, self->freq,
        self->unit == DUTY_NS ? MP_QSTR_duty_ns : MP_QSTR_duty_u16, self->duty,
        self->invert ? ", invert=True" : "");
}

// Length of the active part in ticks of a period of `freq`; raises where it is longer than that.
static uint32_t duty_ticks(const machine_pwm_obj_t *self) {
    uint32_t period = tim_period_ticks(self->output.timer);
    if (self->unit == DUTY_U16) {
        return (uint32_t)(((uint64_t)self->duty * period + DUTY_FULL / 2) / DUTY_FULL);
    }
    uint64_t clock = tim_clock_hz(self->output.timer);
    uint64_t ns_per_tick = (uint64_t)tim_prescaler(self->output.timer) * 1000000000ULL;
    uint64_t ticks = ((uint64_t)self->duty * clock + ns_per_tick / 2) / ns_per_tick;
    return ticks < period ? (uint32_t)ticks : period;
}

static void check_duty_ns(uint32_t freq, const machine_pwm_obj_t *self) {
    if (self->unit == DUTY_NS && (uint64_t)self->duty * freq > 1000000000ULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("duty_ns is longer than the period"));
    }
}

static void apply_duty(machine_pwm_obj_t *self, bool at_once) {
    if (self->freq != 0) {
        tim_set_output(self->output.timer, self->output.channel, duty_ticks(self), self->invert, at_once);
        gpio_config(self->pin, GPIO_MODE_AF, GPIO_PULL_NONE, GPIO_SPEED_HIGH, self->output.af);
    }
}

// The timer's new frequency and every duty on it, from one moment on.
static void apply_freq(unsigned timer, uint32_t freq) {
    if (tim_set_frequency(timer, freq) < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("freq out of range"));
    }
    for (machine_pwm_obj_t *pwm = MP_STATE_PORT(machine_pwm_list); pwm != NULL; pwm = pwm->next) {
        if (pwm->output.timer == timer) {
            pwm->freq = freq;
            apply_duty(pwm, true);
        }
    }
}

static void set_freq(machine_pwm_obj_t *self, mp_int_t freq) {
    if (freq <= 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("freq out of range"));
    }
    for (machine_pwm_obj_t *pwm = MP_STATE_PORT(machine_pwm_list); pwm != NULL; pwm = pwm->next) {
        if (pwm->output.timer == self->output.timer) {
            check_duty_ns(freq, pwm);
        }
    }
    apply_freq(self->output.timer, freq);
}

static void check_active(const machine_pwm_obj_t *self) {
    if (pwm_on_pin(self->pin) != self) {
        mp_raise_ValueError(MP_ERROR_TEXT("PWM is not active"));
    }
}

static uint32_t checked_u16(mp_int_t duty) {
    if (duty < 0 || duty > DUTY_FULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("duty_u16 out of range"));
    }
    return duty;
}

static uint32_t checked_ns(mp_int_t duty) {
    if (duty < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("duty_ns out of range"));
    }
    return duty;
}

// The first of the pin's outputs whose channel no other pin has, of a timer that is idle if there is one.
static void find_output(machine_pwm_obj_t *self) {
    tim_output_t output;
    bool found = false;
    for (unsigned i = 0; tim_output_of(self->pin, i, &output) == 0; ++i) {
        if (channel_taken(&output)) {
            continue;
        }
        bool idle = pwm_on_timer(output.timer, NULL) == NULL;
        if (!found || idle) {
            self->output = output;
            found = true;
        }
        if (idle) {
            break;
        }
    }
    if (!found) {
        bool any = tim_output_of(self->pin, 0, &output) == 0;
        const char *why = any ? "'s timer channel is taken" : " has no PWM";
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("pin %q%s"), mp_hal_pin_name(self->pin), why);
    }
}

static void activate(machine_pwm_obj_t *self) {
    find_output(self);
    machine_pwm_obj_t *other = pwm_on_timer(self->output.timer, NULL);
    self->freq = other == NULL ? 0 : other->freq;
    self->next = MP_STATE_PORT(machine_pwm_list);
    MP_STATE_PORT(machine_pwm_list) = self;
}

static void mp_machine_pwm_init_helper(machine_pwm_obj_t *self, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    enum { ARG_freq, ARG_duty_u16, ARG_duty_ns, ARG_invert };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_freq, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_duty_u16, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_duty_ns, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_invert, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    machine_pwm_obj_t wanted = *self;
    if (args[ARG_duty_u16].u_obj != mp_const_none && args[ARG_duty_ns].u_obj != mp_const_none) {
        mp_raise_ValueError(MP_ERROR_TEXT("duty_u16 and duty_ns exclude each other"));
    }
    if (args[ARG_duty_u16].u_obj != mp_const_none) {
        wanted.unit = DUTY_U16;
        wanted.duty = checked_u16(mp_obj_get_int(args[ARG_duty_u16].u_obj));
    } else if (args[ARG_duty_ns].u_obj != mp_const_none) {
        wanted.unit = DUTY_NS;
        wanted.duty = checked_ns(mp_obj_get_int(args[ARG_duty_ns].u_obj));
    }
    if (args[ARG_invert].u_obj != mp_const_none) {
        wanted.invert = mp_obj_is_true(args[ARG_invert].u_obj);
    }
    bool change = args[ARG_freq].u_obj != mp_const_none;
    mp_int_t freq = change ? mp_obj_get_int(args[ARG_freq].u_obj) : (mp_int_t)self->freq;
    check_duty_ns(freq > 0 ? (uint32_t)freq : 0, &wanted);
    self->unit = wanted.unit;
    self->duty = wanted.duty;
    self->invert = wanted.invert;
    if (pwm_on_pin(self->pin) != self) {
        activate(self);
    }
    if (change) {
        set_freq(self, freq);
    } else {
        apply_duty(self, false);
    }
}

static void mp_machine_pwm_deinit(machine_pwm_obj_t *self) {
    machine_pwm_obj_t **link = &MP_STATE_PORT(machine_pwm_list);
    while (*link != NULL && *link != self) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        return;
    }
    *link = self->next;
    if (self->freq != 0) {
        gpio_config(self->pin, GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
        tim_stop_output(self->output.timer, self->output.channel);
    }
}

static mp_obj_t mp_machine_pwm_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    pin_t pin = mp_hal_get_pin_obj(args[0]);
    // A pin has one PWM: what was set up stays unless it is given anew.
    machine_pwm_obj_t *self = pwm_on_pin(pin);
    bool fresh = self == NULL;
    if (fresh) {
        self = mp_obj_malloc(machine_pwm_obj_t, type);
        self->pin = pin;
        self->unit = DUTY_U16;
        self->duty = 0;
        self->invert = false;
        self->freq = 0;
        activate(self);
    }
    mp_map_t kw_args;
    mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_machine_pwm_init_helper(self, n_args - 1, args + 1, &kw_args);
        nlr_pop();
    } else {
        if (fresh) {
            mp_machine_pwm_deinit(self);
        }
        nlr_jump(nlr.ret_val);
    }
    return MP_OBJ_FROM_PTR(self);
}

// What the timer makes of it, to the nearest Hz.
static mp_obj_t mp_machine_pwm_freq_get(machine_pwm_obj_t *self) {
    if (self->freq == 0 || pwm_on_pin(self->pin) != self) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    uint64_t ticks = (uint64_t)tim_period_ticks(self->output.timer) * tim_prescaler(self->output.timer);
    return mp_obj_new_int_from_uint((uint32_t)((tim_clock_hz(self->output.timer) + ticks / 2) / ticks));
}

static void mp_machine_pwm_freq_set(machine_pwm_obj_t *self, mp_int_t freq) {
    check_active(self);
    set_freq(self, freq);
}

static mp_obj_t mp_machine_pwm_duty_get_u16(machine_pwm_obj_t *self) {
    if (self->unit == DUTY_U16) {
        return MP_OBJ_NEW_SMALL_INT(self->duty);
    }
    uint64_t duty = ((uint64_t)self->duty * self->freq * DUTY_FULL + 500000000ULL) / 1000000000ULL;
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)duty);
}

static void set_duty(machine_pwm_obj_t *self, unsigned unit, uint32_t duty) {
    check_active(self);
    machine_pwm_obj_t wanted = *self;
    wanted.unit = (uint8_t)unit;
    wanted.duty = duty;
    check_duty_ns(self->freq, &wanted);
    self->unit = wanted.unit;
    self->duty = wanted.duty;
    apply_duty(self, false);
}

static void mp_machine_pwm_duty_set_u16(machine_pwm_obj_t *self, mp_int_t duty_u16) {
    set_duty(self, DUTY_U16, checked_u16(duty_u16));
}

static mp_obj_t mp_machine_pwm_duty_get_ns(machine_pwm_obj_t *self) {
    if (self->unit == DUTY_NS) {
        return mp_obj_new_int_from_uint(self->duty);
    }
    if (self->freq == 0) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    uint64_t scale = (uint64_t)self->freq * DUTY_FULL;
    return mp_obj_new_int_from_ull(((uint64_t)self->duty * 1000000000ULL + scale / 2) / scale);
}

static void mp_machine_pwm_duty_set_ns(machine_pwm_obj_t *self, mp_int_t duty_ns) {
    set_duty(self, DUTY_NS, checked_ns(duty_ns));
}

void machine_pwm_clock_changed(void) {
    for (machine_pwm_obj_t *pwm = MP_STATE_PORT(machine_pwm_list); pwm != NULL; pwm = pwm->next) {
        // Out of reach of the new clock: the output keeps the ratio of the clocks.
        if (pwm->freq != 0 && tim_set_frequency(pwm->output.timer, pwm->freq) == 0) {
            apply_duty(pwm, true);
        }
    }
}

void machine_pwm_deinit_all(void) {
    while (MP_STATE_PORT(machine_pwm_list) != NULL) {
        mp_machine_pwm_deinit(MP_STATE_PORT(machine_pwm_list));
    }
}
