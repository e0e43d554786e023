// SPDX-License-Identifier: MIT
// How the RTC's registers are reached, for the calendar (rtc.c) and the alarm (rtc_alarm.c).
#ifndef HAL_RTC_REGS_H
#define HAL_RTC_REGS_H

#include "clock.h"
#include "stm32f4xx.h"

#define RTC_LSE_HZ (32768)
#define RTC_LSI_HZ (32000)

static inline int rtc_wait_flag(volatile uint32_t *reg, uint32_t mask, uint32_t ms) {
    clock_timeout_t timeout = clock_timeout_ms(ms);
    while ((*reg & mask) == 0) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    return 0;
}

static inline void rtc_unlock(void) {
    RTC->WPR = 0xCA;
    RTC->WPR = 0x53;
}

static inline void rtc_lock(void) {
    RTC->WPR = 0xFF;
}

static inline uint32_t rtc_to_bcd(uint32_t value) {
    return value / 10 << 4 | value % 10;
}

#endif // HAL_RTC_REGS_H
