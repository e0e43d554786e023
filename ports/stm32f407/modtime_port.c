// SPDX-License-Identifier: MIT
// Included by extmod/modtime.c: the time of day is the RTC's.
#include "py/mphal.h"
#include "rtc.h"
#include "shared/timeutils/timeutils.h"

static void rtc_now(rtc_datetime_t *now) {
    int ret = rtc_get(now);
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
}

static mp_obj_t mp_time_localtime_get(void) {
    rtc_datetime_t now;
    rtc_now(&now);
    mp_obj_t tuple[8] = {
        MP_OBJ_NEW_SMALL_INT(now.year),
        MP_OBJ_NEW_SMALL_INT(now.month),
        MP_OBJ_NEW_SMALL_INT(now.day),
        MP_OBJ_NEW_SMALL_INT(now.hour),
        MP_OBJ_NEW_SMALL_INT(now.minute),
        MP_OBJ_NEW_SMALL_INT(now.second),
        MP_OBJ_NEW_SMALL_INT(now.weekday - 1),
        MP_OBJ_NEW_SMALL_INT(timeutils_year_day(now.year, now.month, now.day)),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(tuple), tuple);
}

static mp_obj_t mp_time_time_get(void) {
    rtc_datetime_t now;
    rtc_now(&now);
    return mp_obj_new_int_from_ull(timeutils_seconds_since_epoch(
        now.year, now.month, now.day, now.hour, now.minute, now.second));
}
