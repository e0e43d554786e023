// SPDX-License-Identifier: MIT
// machine.RTC: datetime() as (year, month, day, weekday, hours, minutes, seconds, microseconds), where
// weekday 1 is Monday as on upstream's stm32 port.
#include "py/runtime.h"
#include "shared/timeutils/timeutils.h"
#include "machine/machine_rtc.h"
#include "rtc.h"

typedef struct _machine_rtc_obj_t {
    mp_obj_base_t base;
} machine_rtc_obj_t;

static const machine_rtc_obj_t machine_rtc = {{&machine_rtc_type}};

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

static void rtc_set_tuple(mp_obj_t tuple) {
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(tuple, 8, &items);
    rtc_datetime_t now;
    now.year = (uint16_t)checked(items[0], 2000, 2099);
    now.month = (uint8_t)checked(items[1], 1, 12);
    now.day = (uint8_t)checked(items[2], 1, timeutils_days_in_month(now.year, now.month));
    now.hour = (uint8_t)checked(items[4], 0, 23);
    now.minute = (uint8_t)checked(items[5], 0, 59);
    now.second = (uint8_t)checked(items[6], 0, 59);
    now.microsecond = 0;
    // The weekday follows from the date, whatever the caller says; 2000-01-01 was a Saturday.
    mp_uint_t days = timeutils_seconds_since_epoch(now.year, now.month, now.day, 0, 0, 0) / 86400;
    now.weekday = (uint8_t)((days + 5) % 7 + 1);
    raise_if(rtc_set(&now));
}

static mp_obj_t machine_rtc_datetime(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return rtc_tuple();
    }
    rtc_set_tuple(args[1]);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_rtc_datetime_obj, 1, 2, machine_rtc_datetime);

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
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&machine_rtc_datetime_obj) },
    { MP_ROM_QSTR(MP_QSTR_calibration), MP_ROM_PTR(&machine_rtc_calibration_obj) },
};
static MP_DEFINE_CONST_DICT(machine_rtc_locals_dict, machine_rtc_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(
    machine_rtc_type,
    MP_QSTR_RTC,
    MP_TYPE_FLAG_NONE,
    make_new, machine_rtc_make_new,
    locals_dict, &machine_rtc_locals_dict
    );
