// SPDX-License-Identifier: MIT
#include "rtc.h"
#include "clock.h"
#include "rtc_regs.h"
#include "stm32f4xx.h"
#include "timebase.h"

#define SOURCE_LSE (1UL << RCC_BDCR_RTCSEL_Pos)
#define SOURCE_LSI (2UL << RCC_BDCR_RTCSEL_Pos)
#define ASYNC_PRESCALER (128)
#define LSE_START_US (3000000)
#define LSI_START_MS (20)
#define FLAG_MS (1000)

// The alarm's handler reads the calendar and sets the next alarm: not in the middle of what is one step here.
static bool hold_alarm(void) {
    bool was_enabled = NVIC_GetEnableIRQ(RTC_Alarm_IRQn);
    NVIC_DisableIRQ(RTC_Alarm_IRQn);
    return was_enabled;
}

static void release_alarm(bool was_enabled) {
    if (was_enabled) {
        NVIC_EnableIRQ(RTC_Alarm_IRQn);
    }
}

// Enters the mode in which the calendar stands still and can be written.
static int enter_init(void) {
    rtc_unlock();
    RTC->ISR |= RTC_ISR_INIT;
    int ret = rtc_wait_flag(&RTC->ISR, RTC_ISR_INITF, FLAG_MS);
    if (ret != 0) {
        RTC->ISR &= ~RTC_ISR_INIT;
        rtc_lock();
    }
    return ret;
}

static void leave_init(void) {
    RTC->ISR &= ~RTC_ISR_INIT;
    rtc_lock();
}

// The crystal takes up to 2 s (DS8626, table 32). The CPU sleeps meanwhile, and its cycle counter with it:
// the tick wakes it, and TIM5 counts the time.
static bool lse_starts(void) {
    uint32_t start = timebase_us32();
    while ((RCC->BDCR & RCC_BDCR_LSERDY) == 0) {
        if (timebase_us32() - start > LSE_START_US) {
            RCC->BDCR &= ~RCC_BDCR_LSEON;
            return false;
        }
        __WFI();
    }
    return true;
}

static int select_source(void) {
    if ((RCC->BDCR & RCC_BDCR_LSEON) && lse_starts()) {
        RCC->BDCR |= SOURCE_LSE;
        return 0;
    }
    RCC->CSR |= RCC_CSR_LSION;
    int ret = rtc_wait_flag(&RCC->CSR, RCC_CSR_LSIRDY, LSI_START_MS);
    if (ret == 0) {
        RCC->BDCR |= SOURCE_LSI;
    }
    return ret;
}

static int set_prescalers(uint32_t source_hz) {
    int ret = enter_init();
    if (ret == 0) {
        // Two writes, the synchronous one first (RM0090 section 26.3.5).
        uint32_t sync = source_hz / ASYNC_PRESCALER - 1;
        RTC->PRER = sync;
        RTC->PRER = sync | ((ASYNC_PRESCALER - 1) << RTC_PRER_PREDIV_A_Pos);
        leave_init();
    }
    return ret;
}

int rtc_init(bool use_lse) {
    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR;
    PWR->CR |= PWR_CR_DBP;
    uint32_t source = RCC->BDCR & RCC_BDCR_RTCSEL;
    if ((RCC->BDCR & RCC_BDCR_RTCEN) && (source == SOURCE_LSE || source == SOURCE_LSI)) {
        // The LSI is outside of the backup domain: a reset stops it.
        if (source == SOURCE_LSI) {
            RCC->CSR |= RCC_CSR_LSION;
            return rtc_wait_flag(&RCC->CSR, RCC_CSR_LSIRDY, LSI_START_MS);
        }
        return 0;
    }
    // RTCSEL can be written once; only a reset of the domain frees it.
    RCC->BDCR |= RCC_BDCR_BDRST;
    RCC->BDCR &= ~RCC_BDCR_BDRST;
    if (use_lse) {
        RCC->BDCR |= RCC_BDCR_LSEON;
    }
    return 0;
}

// The second half of the start, by whoever wants the calendar first: nobody else waits for the crystal.
static int ensure_running(void) {
    if (RCC->BDCR & RCC_BDCR_RTCEN) {
        return 0;
    }
    int ret = select_source();
    if (ret != 0) {
        return ret;
    }
    RCC->BDCR |= RCC_BDCR_RTCEN;
    ret = set_prescalers(rtc_on_lse() ? RTC_LSE_HZ : RTC_LSI_HZ);
    if (ret == 0) {
        ret = rtc_set(&(rtc_datetime_t) { 2000, 1, 1, 6, 0, 0, 0, 0 });
    }
    return ret;
}

bool rtc_on_lse(void) {
    return (RCC->BDCR & RCC_BDCR_RTCSEL) == SOURCE_LSE;
}

static uint32_t from_bcd(uint32_t bcd) {
    return (bcd >> 4) * 10 + (bcd & 15);
}

int rtc_get(rtc_datetime_t *now) {
    // RSF is cleared by hardware after a reset; until it is set the shadow registers hold nothing.
    int ret = ensure_running();
    if (ret == 0) {
        ret = rtc_wait_flag(&RTC->ISR, RTC_ISR_RSF, FLAG_MS);
    }
    if (ret != 0) {
        return ret;
    }
    // Reading SSR freezes TR and DR until DR is read: the three belong together.
    bool held = hold_alarm();
    uint32_t ssr = RTC->SSR & 0xffff;
    uint32_t tr = RTC->TR;
    uint32_t dr = RTC->DR;
    release_alarm(held);
    uint32_t sync = RTC->PRER & RTC_PRER_PREDIV_S;
    now->year = (uint16_t)(2000 + from_bcd(dr >> 16 & 0xff));
    now->month = (uint8_t)from_bcd(dr >> 8 & 0x1f);
    now->day = (uint8_t)from_bcd(dr & 0x3f);
    now->weekday = dr >> 13 & 7;
    now->hour = (uint8_t)from_bcd(tr >> 16 & 0x3f);
    now->minute = (uint8_t)from_bcd(tr >> 8 & 0x7f);
    now->second = (uint8_t)from_bcd(tr & 0x7f);
    // The sub-second counter runs down; after a shift it can stand above its prescaler.
    now->microsecond = ssr > sync ? 0 : (uint32_t)((uint64_t)(sync - ssr) * 1000000 / (sync + 1));
    return 0;
}

void rtc_resync(void) {
    rtc_unlock();
    RTC->ISR &= ~RTC_ISR_RSF;
    rtc_lock();
}

static int write_calendar(const rtc_datetime_t *now) {
    int ret = enter_init();
    if (ret != 0) {
        return ret;
    }
    RTC->CR &= ~RTC_CR_FMT;
    RTC->TR = rtc_to_bcd(now->hour) << 16 | rtc_to_bcd(now->minute) << 8 | rtc_to_bcd(now->second);
    RTC->DR = rtc_to_bcd(now->year - 2000u) << 16 | (uint32_t)now->weekday << 13 | rtc_to_bcd(now->month) << 8
        | rtc_to_bcd(now->day);
    leave_init();
    rtc_resync();
    return 0;
}

int rtc_set(const rtc_datetime_t *now) {
    int ret = ensure_running();
    if (ret == 0) {
        bool held = hold_alarm();
        ret = write_calendar(now);
        release_alarm(held);
    }
    return ret != 0 ? ret : rtc_wait_flag(&RTC->ISR, RTC_ISR_RSF, FLAG_MS);
}

int rtc_advance(uint32_t microseconds) {
    if (microseconds >= 1000000) {
        return -HAL_EINVAL;
    }
    clock_timeout_t timeout = clock_timeout_ms(FLAG_MS);
    while (RTC->ISR & RTC_ISR_SHPF) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    // A second forward and its rest back (RM0090 section 26.3.8): SUBFS only ever delays.
    uint32_t per_second = (RTC->PRER & RTC_PRER_PREDIV_S) + 1;
    uint32_t ticks = (uint32_t)((uint64_t)microseconds * per_second / 1000000);
    if (ticks > 0) {
        bool held = hold_alarm();
        rtc_unlock();
        RTC->SHIFTR = RTC_SHIFTR_ADD1S | (per_second - ticks);
        RTC->ISR &= ~RTC_ISR_RSF;
        rtc_lock();
        release_alarm(held);
        return rtc_wait_flag(&RTC->ISR, RTC_ISR_RSF, FLAG_MS);
    }
    return 0;
}

int rtc_set_calibration(int value) {
    if (value < -511 || value > 512) {
        return -HAL_EINVAL;
    }
    int ret = ensure_running();
    if (ret != 0) {
        return ret;
    }
    clock_timeout_t timeout = clock_timeout_ms(FLAG_MS);
    while (RTC->ISR & RTC_ISR_RECALPF) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    // CALP adds 512 pulses in 2^20, CALM takes 0 to 511 away.
    uint32_t calr = value > 0 ? RTC_CALR_CALP | (uint32_t)(512 - value) : (uint32_t)-value;
    rtc_unlock();
    RTC->CALR = calr;
    rtc_lock();
    return 0;
}

int rtc_calibration(void) {
    uint32_t calr = RTC->CALR;
    return (calr & RTC_CALR_CALP ? 512 : 0) - (int)(calr & RTC_CALR_CALM);
}
