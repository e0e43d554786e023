// SPDX-License-Identifier: MIT
#include "power.h"
#include "stm32f4xx.h"

void power_set_wake_pin(bool on) {
    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR;
    PWR->CSR = on ? PWR->CSR | PWR_CSR_EWUP : PWR->CSR & ~PWR_CSR_EWUP;
}
