// SPDX-License-Identifier: MIT
// The calendar in the backup domain: it goes on over resets, and over power cuts with a battery.
#ifndef HAL_RTC_H
#define HAL_RTC_H

#include "hal.h"

typedef struct {
    uint16_t year; // 2000..2099
    uint8_t month; // 1..12
    uint8_t day;
    uint8_t weekday; // 1 is Monday
    uint8_t hour;
    uint8_t minute;
    uint8_t second;
    uint32_t microsecond; // resolution 1/256 s
} rtc_datetime_t;

// Has the clock start if it does not run yet: from the crystal (LSE) if the board has one and it starts, else
// from the LSI, which is some per cent off. A running calendar is left alone. 0 or -HAL_ETIMEDOUT. It does
// not wait for the crystal: whichever of the functions below is called first does, at most 3 s.
int rtc_init(bool use_lse);
bool rtc_on_lse(void);
int rtc_get(rtc_datetime_t *now);
// After Stop mode, before rtc_get(): what that reads is old until the next synchronisation.
void rtc_resync(void);
int rtc_set(const rtc_datetime_t *now); // from the second's start
// Moves the clock on by less than a second, to 1/256 s.
int rtc_advance(uint32_t microseconds);
// Correction of the clock's rate in 1/2^20 (0.954 ppm): -511..512. -HAL_EINVAL outside of that.
int rtc_set_calibration(int value);
int rtc_calibration(void);

#endif // HAL_RTC_H
