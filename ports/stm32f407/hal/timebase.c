// SPDX-License-Identifier: MIT
#include "timebase.h"
#include "clock.h"
#include "stm32f4xx.h"

// Wraps of the 32-bit counter (every 71 minutes), counted by whoever looks; the tick looks often enough.
static uint32_t wraps;
static uint32_t last;

#define IRQ_PRIORITY (11)

static void (*alarm_handler[TIMEBASE_ALARMS])(void);

void timebase_init(void) {
    RCC->APB1ENR |= RCC_APB1ENR_TIM5EN;
    (void)RCC->APB1ENR;
    TIM5->CR1 = 0;
    TIM5->PSC = timclk1_hz() / 1000000 - 1;
    TIM5->ARR = 0xffffffff;
    // An update event loads the prescaler; URS keeps it from setting UIF.
    TIM5->CR1 = TIM_CR1_URS;
    TIM5->EGR = TIM_EGR_UG;
    TIM5->CR1 = TIM_CR1_URS | TIM_CR1_CEN;
}

void timebase_clock_changed(void) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    uint32_t now = TIM5->CNT;
    TIM5->PSC = timclk1_hz() / 1000000 - 1;
    // The update event that loads the prescaler clears the counter: give it its value back.
    TIM5->EGR = TIM_EGR_UG;
    TIM5->CNT = now;
    __set_PRIMASK(primask);
}

void timebase_skip(uint64_t us) {
    uint64_t now = timebase_us() + us;
    wraps = (uint32_t)(now >> 32);
    last = (uint32_t)now;
    TIM5->CNT = last;
    for (unsigned alarm = 0; alarm < TIMEBASE_ALARMS; alarm++) {
        bool armed = TIM5->DIER & (TIM_DIER_CC1IE << alarm);
        if (armed && (us > UINT32_MAX || (int32_t)(last - (&TIM5->CCR1)[alarm]) >= 0)) {
            TIM5->EGR = TIM_EGR_CC1G << alarm;
        }
    }
}

uint32_t timebase_next_alarm(uint32_t limit) {
    for (unsigned alarm = 0; alarm < TIMEBASE_ALARMS; alarm++) {
        if (TIM5->DIER & (TIM_DIER_CC1IE << alarm)) {
            int32_t left = (int32_t)((&TIM5->CCR1)[alarm] - TIM5->CNT);
            limit = left <= 0 ? 0 : (uint32_t)left < limit ? (uint32_t)left : limit;
        }
    }
    return limit;
}

uint32_t timebase_us32(void) {
    return TIM5->CNT;
}

void timebase_alarm(timebase_alarm_t alarm, uint32_t us32, void (*handler)(void)) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    alarm_handler[alarm] = handler;
    (&TIM5->CCR1)[alarm] = us32;
    TIM5->SR = ~(TIM_SR_CC1IF << alarm);
    TIM5->DIER |= TIM_DIER_CC1IE << alarm;
    // The counter may have passed the mark before it was set: then there is no match for 71 minutes.
    if ((int32_t)(TIM5->CNT - us32) >= 0) {
        TIM5->EGR = TIM_EGR_CC1G << alarm;
    }
    NVIC_SetPriority(TIM5_IRQn, IRQ_PRIORITY);
    NVIC_EnableIRQ(TIM5_IRQn);
    __set_PRIMASK(primask);
}

void TIM5_IRQHandler(void);
void TIM5_IRQHandler(void) {
    uint32_t due = TIM5->SR & TIM5->DIER;
    for (unsigned alarm = 0; alarm < TIMEBASE_ALARMS; alarm++) {
        if (due & TIM_SR_CC1IF << alarm) {
            TIM5->DIER &= ~(TIM_DIER_CC1IE << alarm);
            TIM5->SR = ~(TIM_SR_CC1IF << alarm);
            alarm_handler[alarm]();
        }
    }
}

uint64_t timebase_us(void) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    uint32_t now = TIM5->CNT;
    if (now < last) {
        ++wraps;
    }
    last = now;
    uint64_t us = (uint64_t)wraps << 32 | now;
    __set_PRIMASK(primask);
    return us;
}
