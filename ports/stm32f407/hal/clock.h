// SPDX-License-Identifier: MIT
// The clock tree: crystal, PLL, bus prescalers, flash latency; delays.
#ifndef HAL_CLOCK_H
#define HAL_CLOCK_H

#include "hal.h"

typedef struct {
    uint32_t hse_hz; // the crystal
    uint8_t pll_m;
    uint16_t pll_n;
    uint8_t pll_p;
    uint8_t pll_q;
    bool hse_bypass; // an oscillator, not a crystal
} clock_config_t;

enum {
    CLOCK_OK = 0,
    CLOCK_NO_HSE = 1, // the crystal did not start: PLL on the HSI, USB's 48 MHz is 1 % off
    CLOCK_NO_PLL = 2, // the PLL did not lock: HSI, 16 MHz
};

// Call once after reset. Always ends with a working clock; the return value says which (CLOCK_*).
int clock_init(const clock_config_t *config);
// What clock_init() returned.
int clock_status(void);
// After Stop mode, which leaves the HSI: crystal and PLL as before, the dividers were kept. 0, or
// -HAL_ETIMEDOUT if the PLL does not lock: then the clocks are HSI's, and clock_status() says so.
int clock_resume(void);

uint32_t sysclk_hz(void);
uint32_t hclk_hz(void);
uint32_t pclk1_hz(void);
uint32_t pclk2_hz(void);
// The clock of the timers on APB1 and APB2: twice the bus where the bus is divided.
uint32_t timclk1_hz(void);
uint32_t timclk2_hz(void);

// Switches a peripheral's clock: a bit of one of RCC's ENR registers, which others may change meanwhile.
void clock_gate(volatile uint32_t *enr, uint32_t bit, bool on);

// Change the AHB and APB dividers: 0, or -HAL_EINVAL if HCLK cannot become hclk (the PLL's output
// divided by 1, 2, 4, 8, 16, ...) or a bus would go over its limit. The PLL and so USB's clock stay.
int clock_set_buses(uint32_t hclk, uint32_t pclk1, uint32_t pclk2);

// Back to the state after reset: HSI, no PLL, no prescaler. For the ROM's loader.
void clock_deinit(void);

// Busy wait by the cycle counter.
void clock_delay_us(uint32_t us);
// Cycles of the core, wraps every 25 s at 168 MHz; it stands still while the core sleeps.
uint32_t clock_cycles(void);

// Bound for a wait on hardware: while (!ready) if (clock_expired(&t)) return -HAL_ETIMEDOUT;
typedef struct {
    uint32_t start;
    uint32_t cycles;
} clock_timeout_t;

// At most 10 s.
clock_timeout_t clock_timeout_ms(uint32_t ms);
bool clock_expired(const clock_timeout_t *timeout);

#endif // HAL_CLOCK_H
