// SPDX-License-Identifier: MIT
// Clock tree of the STM32F407 (RM0090 chapters 6 and 7; limits from the data sheet, 2.7 to 3.6 V).
#include "clock.h"
#include "stm32f4xx.h"

#define HSI_HZ (16000000UL)
#define PCLK1_MAX_HZ (42000000UL)
#define PCLK2_MAX_HZ (84000000UL)
// One flash wait state for every 30 MHz (RM0090 table 10).
#define HZ_PER_WAIT_STATE (30000000UL)

#define HSE_START_MS (100)
#define PLL_LOCK_MS (10)
#define SWITCH_MS (10)

uint32_t SystemCoreClock = HSI_HZ;

static const clock_config_t *board_config;
static uint32_t pll_hz = HSI_HZ;
static uint8_t pclk1_shift;
static uint8_t pclk2_shift;
static uint8_t status;

// Waits for a bit of an RCC register.
static int wait_bits(volatile uint32_t *reg, uint32_t mask, uint32_t value, uint32_t ms) {
    clock_timeout_t timeout = clock_timeout_ms(ms);
    while ((*reg & mask) != value) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    return 0;
}

static void set_latency(uint32_t hclk) {
    uint32_t wait_states = (hclk - 1) / HZ_PER_WAIT_STATE;
    FLASH->ACR = (FLASH->ACR & ~FLASH_ACR_LATENCY) | wait_states;
    // Read back: the new latency is in force once the register shows it (RM0090 section 3.5.1).
    for (int i = 0; i < 16 && (FLASH->ACR & FLASH_ACR_LATENCY) != wait_states; ++i) {
    }
}

// Smallest shift (0..4) that brings hz under the limit.
static unsigned shift_for(uint32_t hz, uint32_t limit) {
    unsigned shift = 0;
    while (shift < 4 && (hz >> shift) > limit) {
        ++shift;
    }
    return shift;
}

// CFGR's code of a bus divider 1, 2, 4, 8, 16.
static uint32_t ppre_code(unsigned shift) {
    return shift == 0 ? 0 : 3 + shift;
}

static void apply_prescalers(uint32_t hpre_code, unsigned shift1, unsigned shift2) {
    uint32_t cfgr = RCC->CFGR & ~(RCC_CFGR_HPRE | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2);
    // The buses at their slowest first: no moment may see one of them over its limit.
    RCC->CFGR |= RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2;
    RCC->CFGR = cfgr | (hpre_code << RCC_CFGR_HPRE_Pos) | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2;
    RCC->CFGR = cfgr | (hpre_code << RCC_CFGR_HPRE_Pos)
        | (ppre_code(shift1) << RCC_CFGR_PPRE1_Pos) | (ppre_code(shift2) << RCC_CFGR_PPRE2_Pos);
    pclk1_shift = shift1;
    pclk2_shift = shift2;
}

static bool start_hse(const clock_config_t *config) {
    RCC->CR = (RCC->CR & ~RCC_CR_HSEBYP) | (config->hse_bypass ? RCC_CR_HSEBYP : 0);
    RCC->CR |= RCC_CR_HSEON;
    if (wait_bits(&RCC->CR, RCC_CR_HSERDY, RCC_CR_HSERDY, HSE_START_MS) != 0) {
        RCC->CR &= ~RCC_CR_HSEON;
        return false;
    }
    return true;
}

static int start_pll(const clock_config_t *config, bool hse) {
    // Without a crystal the same VCO frequency comes from the HSI: its M makes the same 1 or 2 MHz.
    uint32_t vco_in = config->hse_hz / config->pll_m;
    uint32_t m = hse ? config->pll_m : HSI_HZ / vco_in;
    RCC->PLLCFGR = (m << RCC_PLLCFGR_PLLM_Pos) | ((uint32_t)config->pll_n << RCC_PLLCFGR_PLLN_Pos)
        | ((uint32_t)(config->pll_p / 2 - 1) << RCC_PLLCFGR_PLLP_Pos)
        | ((uint32_t)config->pll_q << RCC_PLLCFGR_PLLQ_Pos) | (hse ? RCC_PLLCFGR_PLLSRC : 0);
    RCC->CR |= RCC_CR_PLLON;
    if (wait_bits(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY, PLL_LOCK_MS) != 0) {
        RCC->CR &= ~RCC_CR_PLLON;
        return -HAL_ETIMEDOUT;
    }
    pll_hz = (hse ? config->hse_hz / config->pll_m : HSI_HZ / m) * config->pll_n / config->pll_p;
    return 0;
}

static int switch_to_pll(void) {
    RCC->CFGR = (RCC->CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL;
    return wait_bits(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL, SWITCH_MS);
}

int clock_init(const clock_config_t *config) {
    board_config = config;
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    // After a jump from the ROM's loader its PLL is still on, and a running PLL cannot be set up.
    clock_deinit();
    FLASH->ACR |= FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;

    // Regulator scale 1: what 168 MHz takes. It is the reset value, but the ROM's loader may change it.
    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR;
    PWR->CR |= PWR_CR_VOS;

    bool hse = start_hse(config);
    status = hse ? CLOCK_OK : CLOCK_NO_HSE;
    if (start_pll(config, hse) != 0) {
        status = CLOCK_NO_PLL;
        return status;
    }
    set_latency(pll_hz);
    apply_prescalers(0, shift_for(pll_hz, PCLK1_MAX_HZ), shift_for(pll_hz, PCLK2_MAX_HZ));
    if (switch_to_pll() != 0) {
        status = CLOCK_NO_PLL;
        return status;
    }
    SystemCoreClock = pll_hz;
    return status;
}

int clock_resume(void) {
    if (status == CLOCK_NO_PLL) {
        return 0;
    }
    uint32_t before_hz = pll_hz;
    if (status == CLOCK_OK && !start_hse(board_config)) {
        status = CLOCK_NO_HSE;
    }
    if (start_pll(board_config, status == CLOCK_OK) != 0 || switch_to_pll() != 0) {
        status = CLOCK_NO_PLL;
        SystemCoreClock = HSI_HZ / (before_hz / SystemCoreClock);
        return -HAL_ETIMEDOUT;
    }
    return 0;
}

int clock_status(void) {
    return status;
}

uint32_t sysclk_hz(void) {
    return status == CLOCK_NO_PLL ? HSI_HZ : pll_hz;
}

uint32_t hclk_hz(void) {
    return SystemCoreClock;
}

uint32_t pclk1_hz(void) {
    return SystemCoreClock >> pclk1_shift;
}

uint32_t pclk2_hz(void) {
    return SystemCoreClock >> pclk2_shift;
}

uint32_t timclk1_hz(void) {
    return pclk1_shift == 0 ? SystemCoreClock : SystemCoreClock >> (pclk1_shift - 1);
}

uint32_t timclk2_hz(void) {
    return pclk2_shift == 0 ? SystemCoreClock : SystemCoreClock >> (pclk2_shift - 1);
}

void clock_gate(volatile uint32_t *enr, uint32_t bit, bool on) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    *enr = on ? *enr | bit : *enr & ~bit;
    (void)*enr; // ES0182: two bus clocks pass before the peripheral may be written
    __set_PRIMASK(primask);
}

int clock_set_buses(uint32_t hclk, uint32_t pclk1, uint32_t pclk2) {
    static const uint16_t ahb_dividers[] = { 1, 2, 4, 8, 16, 64, 128, 256, 512 };
    for (unsigned i = 0; i < sizeof(ahb_dividers) / sizeof(ahb_dividers[0]); ++i) {
        if (sysclk_hz() / ahb_dividers[i] != hclk) {
            continue;
        }
        unsigned shift1 = shift_for(hclk, pclk1 < PCLK1_MAX_HZ ? pclk1 : PCLK1_MAX_HZ);
        unsigned shift2 = shift_for(hclk, pclk2 < PCLK2_MAX_HZ ? pclk2 : PCLK2_MAX_HZ);
        if (hclk >> shift1 > PCLK1_MAX_HZ || hclk >> shift2 > PCLK2_MAX_HZ) {
            return -HAL_EINVAL;
        }
        // More wait states before going faster, fewer only after going slower.
        if (hclk > SystemCoreClock) {
            set_latency(hclk);
        }
        apply_prescalers(i == 0 ? 0 : 7 + i, shift1, shift2);
        if (hclk < SystemCoreClock) {
            set_latency(hclk);
        }
        SystemCoreClock = hclk;
        return 0;
    }
    return -HAL_EINVAL;
}

void clock_deinit(void) {
    RCC->CR |= RCC_CR_HSION;
    (void)wait_bits(&RCC->CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY, SWITCH_MS);
    RCC->CFGR &= ~RCC_CFGR_SW;
    (void)wait_bits(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_HSI, SWITCH_MS);
    RCC->CFGR = 0; // the buses' dividers only now: at the PLL's speed the buses need them
    RCC->CR &= ~(RCC_CR_HSEON | RCC_CR_HSEBYP | RCC_CR_CSSON | RCC_CR_PLLON | RCC_CR_PLLI2SON);
    (void)wait_bits(&RCC->CR, RCC_CR_PLLRDY, 0, PLL_LOCK_MS);
    RCC->CIR = 0;
    FLASH->ACR = 0;
    SystemCoreClock = HSI_HZ;
}

uint32_t clock_cycles(void) {
    return DWT->CYCCNT;
}

void clock_delay_us(uint32_t us) {
    // Whole milliseconds first: the product of cycles and time must fit 32 bits.
    for (; us > 1000; us -= 1000) {
        clock_delay_us(1000);
    }
    uint32_t start = DWT->CYCCNT;
    uint32_t cycles = us * (SystemCoreClock / 1000000);
    while (DWT->CYCCNT - start < cycles) {
    }
}

clock_timeout_t clock_timeout_ms(uint32_t ms) {
    return (clock_timeout_t) { DWT->CYCCNT, ms * (SystemCoreClock / 1000) };
}

bool clock_expired(const clock_timeout_t *timeout) {
    return DWT->CYCCNT - timeout->start >= timeout->cycles;
}
