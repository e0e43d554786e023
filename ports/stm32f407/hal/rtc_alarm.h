// SPDX-License-Identifier: MIT
// The RTC's alarm A and wake-up timer (RM0090 chapter 26). Both go on in Stop and Standby and end them.
#ifndef HAL_RTC_ALARM_H
#define HAL_RTC_ALARM_H

#include "rtc.h"

// The EXTI lines that they raise.
#define EXTI_RTC_ALARM (1UL << 17)
#define EXTI_RTC_WAKEUP (1UL << 22)
// The wake-up timer's longest time, 36 hours.
#define RTC_WAKEUP_MAX_MS (131072000UL)
// An alarm compares the day of the month: what is farther off would come too early.
#define RTC_ALARM_MAX_DAYS (27)

// Alarm A at a date and time, to the tick of the calendar (1/256 s), with its interrupt: handler runs in it.
// 0 or -HAL_ETIMEDOUT.
int rtc_alarm_set(const rtc_datetime_t *at, void (*handler)(void));
void rtc_alarm_off(void);

// The wake-up timer, once after ms (rounded up: to 0.5 ms up to 32 s, to a second above). Its interrupt does
// nothing but end a sleep. -HAL_EINVAL above RTC_WAKEUP_MAX_MS.
int rtc_wakeup_set(uint32_t ms);
void rtc_wakeup_off(void);
// Whether the time that was set last is up, and how long it was to the tick of the timer.
bool rtc_wakeup_expired(uint64_t *us);

// Whether the alarm or the wake-up timer has expired and was not cleared.
bool rtc_wake_flags(void);
// Clears their flags with them off, then on again if they were: for Standby.
void rtc_rearm_wake_sources(void);

#endif // HAL_RTC_ALARM_H
