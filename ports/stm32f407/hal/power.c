// SPDX-License-Identifier: MIT
#include "power.h"
#include "backup.h"
#include "clock.h"
#include "rtc_alarm.h"
#include "stm32f4xx.h"

#define EXTI_PINS (0xFFFFUL)
#define NVIC_WORDS (3)
#define STANDBY_TRIES (100)
#define HSI_MHZ (16)

static uint8_t wake_reason;

static void clock_pwr(void) {
    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR;
}

bool power_left_standby(void) {
    clock_pwr();
    // The flag outlasts every other reset: what NRST or the watchdog ended has no WUF with it.
    bool left = (PWR->CSR & (PWR_CSR_SBF | PWR_CSR_WUF)) == (PWR_CSR_SBF | PWR_CSR_WUF);
    if (left) {
        wake_reason = rtc_wake_flags() ? POWER_WAKE_RTC : POWER_WAKE_PIN_EDGE;
    }
    PWR->CR |= PWR_CR_CSBF | PWR_CR_CWUF;
    return left;
}

power_wake_t power_wake_reason(void) {
    return wake_reason;
}

void power_set_wake_pin(bool on) {
    clock_pwr();
    PWR->CSR = on ? PWR->CSR | PWR_CSR_EWUP : PWR->CSR & ~PWR_CSR_EWUP;
}

static void wait_deep(uint32_t pwr_cr) {
    PWR->CR = (PWR->CR & ~(PWR_CR_PDDS | PWR_CR_LPDS | PWR_CR_FPDS)) | pwr_cr;
    SCB->SCR |= SCB_SCR_SLEEPDEEP_Msk;
    __DSB();
    __asm volatile ("wfi");
    __ISB();
    SCB->SCR &= ~SCB_SCR_SLEEPDEEP_Msk;
}

int power_stop(uint32_t *resume_us) {
    clock_pwr();
    wake_reason = POWER_WAKE_NONE;
    // The tick stands still in Stop; one that is pending already would end it.
    uint32_t tick = SysTick->CTRL;
    SysTick->CTRL = 0;
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk;
    wait_deep(PWR_CR_LPDS | PWR_CR_FPDS | PWR_CR_CWUF);
    // The core wakes with the HSI, behind the AHB divider that there is.
    uint32_t start = clock_cycles(), divider = sysclk_hz() / hclk_hz();
    int ret = clock_resume();
    *resume_us = (clock_cycles() - start) * divider / HSI_MHZ;
    uint32_t pending = EXTI->PR & EXTI->IMR;
    if (pending & (EXTI_RTC_ALARM | EXTI_RTC_WAKEUP)) {
        wake_reason = POWER_WAKE_RTC;
    } else if (pending & EXTI_PINS) {
        wake_reason = POWER_WAKE_PIN_EDGE;
    }
    SysTick->CTRL = tick;
    return ret;
}

void power_standby(void) {
    clock_pwr();
    __disable_irq();
    SysTick->CTRL = 0;
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk | SCB_ICSR_PENDSVCLR_Msk;
    for (unsigned i = 0; i < NVIC_WORDS; i++) {
        NVIC->ICER[i] = UINT32_MAX;
        NVIC->ICPR[i] = UINT32_MAX;
    }
    // A wake-up is an edge: each source is off while the flags are cleared (RM0090 section 5.3.6).
    uint32_t wake_pin = PWR->CSR & PWR_CSR_EWUP;
    PWR->CSR &= ~PWR_CSR_EWUP;
    rtc_rearm_wake_sources();
    PWR->CR |= PWR_CR_CWUF | PWR_CR_CSBF;
    PWR->CSR |= wake_pin;
    for (unsigned i = 0; i < STANDBY_TRIES; i++) {
        wait_deep(PWR_CR_PDDS | PWR_CR_CWUF);
    }
    backup_reset(); // a debugger can keep the chip from it
}
