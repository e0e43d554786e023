// SPDX-License-Identifier: MIT
#include "rtc_alarm.h"
#include "clock.h"
#include "rtc_regs.h"
#include "stm32f4xx.h"

#define IRQ_PRIORITY (12)
#define WRITE_MS (5) // two periods of RTCCLK
#define WUCKSEL_DIV16 (0UL)
#define WUCKSEL_SECONDS (4UL)
#define WUCKSEL_SECONDS_AND_65536 (6UL)

static void (*alarm_handler)(void);

// Flags are cleared by a 0, those beside are left alone by their 1; INIT stays as it is.
static void clear_isr(uint32_t flags) {
    RTC->ISR = (~flags & ~RTC_ISR_INIT) | (RTC->ISR & RTC_ISR_INIT);
}

static void enable_line(uint32_t line, IRQn_Type irq) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    EXTI->PR = line;
    EXTI->RTSR |= line;
    EXTI->IMR |= line;
    __set_PRIMASK(primask);
    NVIC_SetPriority(irq, IRQ_PRIORITY);
    NVIC_EnableIRQ(irq);
}

int rtc_alarm_set(const rtc_datetime_t *at, void (*handler)(void)) {
    uint32_t sync = RTC->PRER & RTC_PRER_PREDIV_S;
    rtc_unlock();
    RTC->CR &= ~(RTC_CR_ALRAE | RTC_CR_ALRAIE);
    int ret = rtc_wait_flag(&RTC->ISR, RTC_ISR_ALRAWF, WRITE_MS);
    if (ret == 0) {
        alarm_handler = handler;
        // The sub-second counter runs down.
        uint32_t ticks = (uint32_t)((uint64_t)at->microsecond * (sync + 1) / 1000000);
        RTC->ALRMAR = rtc_to_bcd(at->day) << 24 | rtc_to_bcd(at->hour) << 16 | rtc_to_bcd(at->minute) << 8
            | rtc_to_bcd(at->second);
        RTC->ALRMASSR = 15UL << RTC_ALRMASSR_MASKSS_Pos | (sync - ticks);
        clear_isr(RTC_ISR_ALRAF);
        enable_line(EXTI_RTC_ALARM, RTC_Alarm_IRQn);
        RTC->CR |= RTC_CR_ALRAE | RTC_CR_ALRAIE;
    }
    rtc_lock();
    return ret;
}

void rtc_alarm_off(void) {
    rtc_unlock();
    RTC->CR &= ~(RTC_CR_ALRAE | RTC_CR_ALRAIE);
    clear_isr(RTC_ISR_ALRAF);
    rtc_lock();
    EXTI->PR = EXTI_RTC_ALARM;
}

void RTC_Alarm_IRQHandler(void);
void RTC_Alarm_IRQHandler(void) {
    bool due = RTC->ISR & RTC_ISR_ALRAF;
    clear_isr(RTC_ISR_ALRAF);
    EXTI->PR = EXTI_RTC_ALARM;
    if (due && alarm_handler != NULL) {
        alarm_handler();
    }
}

int rtc_wakeup_set(uint32_t ms) {
    if (ms > RTC_WAKEUP_MAX_MS) {
        return -HAL_EINVAL;
    }
    uint32_t hz = (rtc_on_lse() ? RTC_LSE_HZ : RTC_LSI_HZ) / 16;
    uint64_t count = ((uint64_t)ms * hz + 999) / 1000;
    uint32_t select = WUCKSEL_DIV16;
    if (count > 65536) {
        count = (ms + 999) / 1000;
        select = count > 65536 ? WUCKSEL_SECONDS_AND_65536 : WUCKSEL_SECONDS;
        count -= count > 65536 ? 65536 : 0;
    }
    rtc_unlock();
    RTC->CR &= ~(RTC_CR_WUTE | RTC_CR_WUTIE);
    int ret = rtc_wait_flag(&RTC->ISR, RTC_ISR_WUTWF, WRITE_MS);
    if (ret == 0) {
        RTC->CR = (RTC->CR & ~RTC_CR_WCKSEL) | select;
        RTC->WUTR = count == 0 ? 0 : (uint32_t)count - 1;
        clear_isr(RTC_ISR_WUTF);
        enable_line(EXTI_RTC_WAKEUP, RTC_WKUP_IRQn);
        RTC->CR |= RTC_CR_WUTE | RTC_CR_WUTIE;
    }
    rtc_lock();
    return ret;
}

void rtc_wakeup_off(void) {
    rtc_unlock();
    RTC->CR &= ~(RTC_CR_WUTE | RTC_CR_WUTIE);
    clear_isr(RTC_ISR_WUTF);
    rtc_lock();
    EXTI->PR = EXTI_RTC_WAKEUP;
}

bool rtc_wakeup_expired(uint64_t *us) {
    uint64_t count = RTC->WUTR + 1;
    switch (RTC->CR & RTC_CR_WCKSEL) {
        case WUCKSEL_DIV16:
            *us = count * 16000000 / (rtc_on_lse() ? RTC_LSE_HZ : RTC_LSI_HZ);
            break;
        case WUCKSEL_SECONDS:
            *us = count * 1000000;
            break;
        default:
            *us = (count + 65536) * 1000000;
    }
    return RTC->ISR & RTC_ISR_WUTF;
}

void RTC_WKUP_IRQHandler(void);
void RTC_WKUP_IRQHandler(void) {
    clear_isr(RTC_ISR_WUTF);
    EXTI->PR = EXTI_RTC_WAKEUP;
}

bool rtc_wake_flags(void) {
    return RTC->ISR & (RTC_ISR_ALRAF | RTC_ISR_ALRBF | RTC_ISR_WUTF);
}

void rtc_rearm_wake_sources(void) {
    uint32_t on = RTC->CR & (RTC_CR_ALRAIE | RTC_CR_ALRBIE | RTC_CR_WUTIE);
    rtc_unlock();
    RTC->CR &= ~on;
    clear_isr(RTC_ISR_ALRAF | RTC_ISR_ALRBF | RTC_ISR_WUTF);
    EXTI->PR = EXTI_RTC_ALARM | EXTI_RTC_WAKEUP;
    RTC->CR |= on;
    rtc_lock();
}
