// SPDX-License-Identifier: MIT
// A loader for the emulated F407's system memory: what AN2606 says of ST's own, as far as USB goes.
// It counts on the chip being as after reset: vectors at address 0, interrupts not masked.
#include "chip.h"
#include "dfu.h"
#include "usb.h"

#define READY_LOOPS 1000000u

extern uint32_t bss_start, bss_end, stack_top;
void reset(void);
void usb_interrupt(void);

static bool wait_for(uint32_t bit) {
    for (uint32_t bound = READY_LOOPS; bound > 0; --bound) {
        if (RCC_CR & bit) {
            return true;
        }
    }
    return false;
}

// From the crystal: SYSCLK 60 MHz, 48 MHz for USB (VCO 240 MHz, P 4, Q 5). ST's own finds out the crystal's
// frequency by TIM11, with HSI for a measure; here it is compiled in.
static void start_clocks(void) {
    RCC_CR |= RCC_CR_HSEON;
    if (!wait_for(RCC_CR_HSERDY)) {
        SCB_AIRCR = 0x05FA0004; // AN2606: without a crystal there is no USB, the loader starts anew
    }
    RCC_PLLCFGR = HSE_HZ / 1000000u | 240u << 6 | 1u << 16 | 1u << 22 | 5u << 24;
    RCC_CR |= RCC_CR_PLLON;
    wait_for(RCC_CR_PLLRDY);
    FLASH_ACR = 1; // 60 MHz: one wait state at 2.7 to 3.6 V
    RCC_CFGR = 4u << 10 | 2; // PCLK1 30 MHz
    for (uint32_t bound = READY_LOOPS; bound > 0 && (RCC_CFGR >> 2 & 3) != 2; --bound) {
    }
}

void reset(void) {
    for (uint32_t *word = &bss_start; word < &bss_end; ++word) {
        *word = 0;
    }
    start_clocks();
    RCC_AHB1ENR |= 1;
    RCC_AHB2ENR |= RCC_OTGFS;
    (void)RCC_AHB2ENR;
    GPIOA_OSPEEDR |= 0xFu << 22;
    GPIOA_AFRH = (GPIOA_AFRH & ~(0xFFu << 12)) | 0xAAu << 12; // PA11, PA12: OTG_FS
    GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 22)) | 0xAu << 22;
    usb_start();
    for (;;) {
        dfu_poll();
        __asm volatile ("wfe"); // an interrupt since the look above is an event: it goes on at once
    }
}

static void unexpected(void) {
    for (;;) {
    }
}

__attribute__((section(".vectors"), used))
static const uintptr_t vectors[16 + 82] = {
    [0] = (uintptr_t)&stack_top,
    [1] = (uintptr_t)reset,
    [2 ... 15] = (uintptr_t)unexpected,
    [16 + 67] = (uintptr_t)usb_interrupt,
};
