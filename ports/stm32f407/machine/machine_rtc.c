// SPDX-License-Identifier: MIT
// machine.RTC: datetime() as (year, month, day, weekday, hours, minutes, seconds, microseconds), where
// weekday 1 is Monday as on upstream's stm32 port.
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/runtime/mpirq.h"
#include "shared/timeutils/timeutils.h"
#include "machine/machine_power.h"
#include "machine/machine_rtc.h"
#include "rtc_alarm.h"

typedef struct _machine_rtc_obj_t {
    mp_obj_base_t base;
} machine_rtc_obj_t;

static const machine_rtc_obj_t machine_rtc = {{&machine_rtc_type}};

#define US_PER_MS (1000)
#define US_PER_S (1000000ULL)
#define RTC_TICK_US (4000) // 1/256 s, from the LSI 1/250 s
#define ALARM0 (1)

// From the first alarm() or irq() on.
typedef struct _rtc_alarm_t {
    mp_irq_obj_t irq;
    volatile bool armed;
    bool repeat;
    uint8_t flags;
    volatile uint64_t due_us; // since the epoch
    uint64_t period_us;
} rtc_alarm_t;

MP_REGISTER_ROOT_POINTER(struct _rtc_alarm_t *machine_rtc_alarm);

static mp_obj_t machine_rtc_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)type;
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    if (n_args == 1 && mp_obj_get_int(args[0]) != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("RTC doesn't exist"));
    }
    return MP_OBJ_FROM_PTR(&machine_rtc);
}

static void raise_if(int ret) {
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
}

static mp_obj_t rtc_tuple(void) {
    rtc_datetime_t now;
    raise_if(rtc_get(&now));
    mp_obj_t tuple[8] = {
        MP_OBJ_NEW_SMALL_INT(now.year),
        MP_OBJ_NEW_SMALL_INT(now.month),
        MP_OBJ_NEW_SMALL_INT(now.day),
        MP_OBJ_NEW_SMALL_INT(now.weekday),
        MP_OBJ_NEW_SMALL_INT(now.hour),
        MP_OBJ_NEW_SMALL_INT(now.minute),
        MP_OBJ_NEW_SMALL_INT(now.second),
        MP_OBJ_NEW_SMALL_INT(now.microsecond),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(tuple), tuple);
}

static mp_int_t checked(mp_obj_t obj, mp_int_t low, mp_int_t high) {
    mp_int_t value = mp_obj_get_int(obj);
    if (value < low || value > high) {
        mp_raise_ValueError(MP_ERROR_TEXT("date out of range"));
    }
    return value;
}

// A date and the time from items[time] on: hour, minute, second.
static void datetime_from(const mp_obj_t *items, size_t time, rtc_datetime_t *at) {
    at->year = (uint16_t)checked(items[0], 2000, 2099);
    at->month = (uint8_t)checked(items[1], 1, 12);
    at->day = (uint8_t)checked(items[2], 1, timeutils_days_in_month(at->year, at->month));
    at->hour = (uint8_t)checked(items[time], 0, 23);
    at->minute = (uint8_t)checked(items[time + 1], 0, 59);
    at->second = (uint8_t)checked(items[time + 2], 0, 59);
    at->microsecond = 0;
    // The weekday follows from the date, whatever the caller says; 2000-01-01 was a Saturday.
    mp_uint_t days = timeutils_seconds_since_epoch(at->year, at->month, at->day, 0, 0, 0) / 86400;
    at->weekday = (uint8_t)((days + 5) % 7 + 1);
}

// `time` is where the hour stands in the tuple of eight.
static void rtc_set_tuple(mp_obj_t tuple, size_t time) {
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(tuple, 8, &items);
    rtc_datetime_t now;
    datetime_from(items, time, &now);
    raise_if(rtc_set(&now));
}

static mp_obj_t machine_rtc_datetime(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return rtc_tuple();
    }
    rtc_set_tuple(args[1], 4);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_rtc_datetime_obj, 1, 2, machine_rtc_datetime);

// init() with (year, month, day, hour, minute, second, microsecond, tzinfo): no weekday, as it is documented.
static mp_obj_t machine_rtc_init(size_t n_args, const mp_obj_t *args) {
    if (n_args == 2) {
        rtc_set_tuple(args[1], 3);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_rtc_init_obj, 1, 2, machine_rtc_init);

static mp_obj_t machine_rtc_now(mp_obj_t self_in) {
    (void)self_in;
    rtc_datetime_t now;
    raise_if(rtc_get(&now));
    mp_obj_t tuple[8] = {
        MP_OBJ_NEW_SMALL_INT(now.year), MP_OBJ_NEW_SMALL_INT(now.month), MP_OBJ_NEW_SMALL_INT(now.day),
        MP_OBJ_NEW_SMALL_INT(now.hour), MP_OBJ_NEW_SMALL_INT(now.minute), MP_OBJ_NEW_SMALL_INT(now.second),
        MP_OBJ_NEW_SMALL_INT(now.microsecond), mp_const_none,
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(tuple), tuple);
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_rtc_now_obj, machine_rtc_now);

static mp_obj_t machine_rtc_deinit_method(mp_obj_t self_in) {
    (void)self_in;
    static const rtc_datetime_t start = { 2015, 1, 1, 4, 0, 0, 0, 0 };
    raise_if(rtc_set(&start));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(machine_rtc_deinit_obj, machine_rtc_deinit_method);

// --- the alarm ---

static uint64_t since_epoch_us(const rtc_datetime_t *at) {
    uint64_t seconds = timeutils_seconds_since_epoch(at->year, at->month, at->day,
        at->hour, at->minute, at->second);
    return seconds * US_PER_S + at->microsecond;
}

static void alarm_due(void);

// Sets the hardware to due_us. In the interrupt as well: a repeated alarm waits for nobody.
static int arm(const rtc_alarm_t *alarm) {
    timeutils_struct_time_t tm;
    // The calendar's tick behind the time: an alarm at the running tick would come in a month.
    uint64_t us = alarm->due_us + RTC_TICK_US;
    timeutils_seconds_since_epoch_to_struct_time((mp_uint_t)(us / US_PER_S), &tm);
    rtc_datetime_t at = { tm.tm_year, tm.tm_mon, tm.tm_mday, 0, tm.tm_hour, tm.tm_min, tm.tm_sec,
                          (uint32_t)(us % US_PER_S) };
    return rtc_alarm_set(&at, alarm_due);
}

static uint64_t rtc_now_us(void) {
    rtc_datetime_t now;
    return rtc_get(&now) == 0 ? since_epoch_us(&now) : 0;
}

static void alarm_due(void) {
    rtc_alarm_t *alarm = MP_STATE_PORT(machine_rtc_alarm);
    machine_power_note_wake(MACHINE_WAKE_RTC);
    if (alarm == NULL || !alarm->armed) {
        return;
    }
    alarm->flags = ALARM0;
    if (alarm->repeat) {
        // What was missed, with interrupts off or the clock set on, is missed.
        uint64_t now = rtc_now_us(), late = now > alarm->due_us ? now - alarm->due_us : 0;
        alarm->due_us += (late / alarm->period_us + 1) * alarm->period_us;
        alarm->armed = arm(alarm) == 0;
    } else {
        alarm->armed = false;
        rtc_alarm_off();
    }
    mp_irq_handler(&alarm->irq);
}

static mp_uint_t rtc_irq_trigger(mp_obj_t self_in, mp_uint_t trigger) {
    (void)self_in;
    if (trigger != ALARM0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid trigger"));
    }
    return 0;
}

static mp_uint_t rtc_irq_info(mp_obj_t self_in, mp_uint_t info) {
    (void)self_in;
    return info == MP_IRQ_INFO_FLAGS ? MP_STATE_PORT(machine_rtc_alarm)->flags : ALARM0;
}

static const mp_irq_methods_t rtc_irq_methods = { .trigger = rtc_irq_trigger, .info = rtc_irq_info };

static rtc_alarm_t *the_alarm(void) {
    rtc_alarm_t *alarm = MP_STATE_PORT(machine_rtc_alarm);
    if (alarm == NULL) {
        alarm = m_new0(rtc_alarm_t, 1);
        mp_irq_init(&alarm->irq, &rtc_irq_methods, MP_OBJ_FROM_PTR(&machine_rtc));
        MP_STATE_PORT(machine_rtc_alarm) = alarm;
    }
    return alarm;
}

static void check_alarm_id(mp_int_t id) {
    if (id != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid alarm"));
    }
}

// Off first: the interrupt must not see half of a new alarm.
static void disarm(void) {
    if (MP_STATE_PORT(machine_rtc_alarm) != NULL) {
        MP_STATE_PORT(machine_rtc_alarm)->armed = false;
    }
    rtc_alarm_off();
}

static mp_obj_t machine_rtc_set_alarm(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_id, ARG_time, ARG_repeat };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_id, MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_time, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL} },
        { MP_QSTR_repeat, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    check_alarm_id(args[ARG_id].u_int);
    rtc_datetime_t now;
    raise_if(rtc_get(&now));
    uint64_t now_us = since_epoch_us(&now), due_us;
    if (mp_obj_is_int(args[ARG_time].u_obj)) {
        mp_int_t ms = mp_obj_get_int(args[ARG_time].u_obj);
        if (ms < 1) {
            mp_raise_ValueError(MP_ERROR_TEXT("alarm time is over"));
        }
        due_us = now_us + RTC_TICK_US + (uint64_t)ms * US_PER_MS; // "now" was up to a tick ago
    } else {
        mp_obj_t *items;
        mp_obj_get_array_fixed_n(args[ARG_time].u_obj, 8, &items);
        rtc_datetime_t at;
        datetime_from(items, 4, &at);
        due_us = since_epoch_us(&at);
        if (args[ARG_repeat].u_bool) {
            mp_raise_ValueError(MP_ERROR_TEXT("only milliseconds repeat"));
        }
        if (due_us <= now_us) {
            mp_raise_ValueError(MP_ERROR_TEXT("alarm time is over"));
        }
    }
    if (due_us - now_us > RTC_ALARM_MAX_DAYS * 86400 * US_PER_S) {
        mp_raise_ValueError(MP_ERROR_TEXT("alarm time too far off"));
    }
    rtc_alarm_t *alarm = the_alarm();
    disarm();
    alarm->due_us = due_us;
    alarm->period_us = due_us - now_us - RTC_TICK_US;
    alarm->repeat = args[ARG_repeat].u_bool;
    alarm->armed = true;
    raise_if(arm(alarm));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(machine_rtc_alarm_obj, 1, machine_rtc_set_alarm);

static mp_obj_t machine_rtc_alarm_left(size_t n_args, const mp_obj_t *args) {
    check_alarm_id(n_args > 1 ? mp_obj_get_int(args[1]) : 0);
    rtc_alarm_t *alarm = MP_STATE_PORT(machine_rtc_alarm);
    if (alarm == NULL || !alarm->armed) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    rtc_datetime_t now;
    raise_if(rtc_get(&now));
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    uint64_t due_us = alarm->due_us, now_us = since_epoch_us(&now);
    MICROPY_END_ATOMIC_SECTION(state);
    return mp_obj_new_int_from_ull(due_us > now_us ? (due_us - now_us) / US_PER_MS : 0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_rtc_alarm_left_obj, 1, 2, machine_rtc_alarm_left);

static mp_obj_t machine_rtc_alarm_cancel(size_t n_args, const mp_obj_t *args) {
    check_alarm_id(n_args > 1 ? mp_obj_get_int(args[1]) : 0);
    disarm();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_rtc_alarm_cancel_obj, 1, 2, machine_rtc_alarm_cancel);

static mp_obj_t machine_rtc_irq(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_trigger, ARG_handler, ARG_wake, ARG_hard };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_trigger, MP_ARG_INT, {.u_int = ALARM0} },
        { MP_QSTR_handler, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_wake, MP_ARG_INT, {.u_int = MACHINE_IDLE} },
        { MP_QSTR_hard, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    if (args[ARG_hard].u_bool) {
        mp_raise_ValueError(MP_ERROR_TEXT("hard interrupts are not supported"));
    }
    rtc_irq_trigger(MP_OBJ_NULL, args[ARG_trigger].u_int);
    // An alarm ends either sleep: there is nothing to choose.
    if (args[ARG_wake].u_int & ~(MACHINE_IDLE | MACHINE_SLEEP | MACHINE_DEEPSLEEP)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid wake"));
    }
    rtc_alarm_t *alarm = the_alarm();
    alarm->irq.handler = args[ARG_handler].u_obj;
    return MP_OBJ_FROM_PTR(&alarm->irq);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(machine_rtc_irq_obj, 1, machine_rtc_irq);

void machine_rtc_deinit(void) {
    disarm();
    MP_STATE_PORT(machine_rtc_alarm) = NULL;
}

static mp_obj_t machine_rtc_calibration(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return MP_OBJ_NEW_SMALL_INT(rtc_calibration());
    }
    int ret = rtc_set_calibration(mp_obj_get_int(args[1]));
    if (ret == -HAL_EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("calibration out of range"));
    }
    raise_if(ret);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_rtc_calibration_obj, 1, 2, machine_rtc_calibration);

static const mp_rom_map_elem_t machine_rtc_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR_datetime), MP_ROM_PTR(&machine_rtc_datetime_obj) },
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&machine_rtc_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_deinit), MP_ROM_PTR(&machine_rtc_deinit_obj) },
    { MP_ROM_QSTR(MP_QSTR_now), MP_ROM_PTR(&machine_rtc_now_obj) },
    { MP_ROM_QSTR(MP_QSTR_alarm), MP_ROM_PTR(&machine_rtc_alarm_obj) },
    { MP_ROM_QSTR(MP_QSTR_alarm_left), MP_ROM_PTR(&machine_rtc_alarm_left_obj) },
    { MP_ROM_QSTR(MP_QSTR_alarm_cancel), MP_ROM_PTR(&machine_rtc_alarm_cancel_obj) },
    { MP_ROM_QSTR(MP_QSTR_cancel), MP_ROM_PTR(&machine_rtc_alarm_cancel_obj) },
    { MP_ROM_QSTR(MP_QSTR_irq), MP_ROM_PTR(&machine_rtc_irq_obj) },
    { MP_ROM_QSTR(MP_QSTR_calibration), MP_ROM_PTR(&machine_rtc_calibration_obj) },
    { MP_ROM_QSTR(MP_QSTR_ALARM0), MP_ROM_INT(ALARM0) },
};
static MP_DEFINE_CONST_DICT(machine_rtc_locals_dict, machine_rtc_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(
    machine_rtc_type,
    MP_QSTR_RTC,
    MP_TYPE_FLAG_NONE,
    make_new, machine_rtc_make_new,
    locals_dict, &machine_rtc_locals_dict
    );
