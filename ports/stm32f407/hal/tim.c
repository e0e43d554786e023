// SPDX-License-Identifier: MIT
#include "tim.h"
#include "clock.h"
#include "stm32f4xx.h"

#define LONGEST_16 (65535) // one less than the counter has: a compare value beyond the period is 100 %
#define LEAST_TICKS (4)
#define PWM_MODE_1 (6UL)
// Prescalers that are tried for a period that comes out even.
#define EVEN_TRIES (64)

static const struct {
    TIM_TypeDef *regs;
    uint8_t apb2;
    uint8_t bit; // in the bus's ENR and RSTR
} timers[] = {
    { TIM1, 1, 0 }, { TIM2, 0, 0 }, { TIM3, 0, 1 }, { TIM4, 0, 2 }, { TIM5, 0, 3 }, { TIM6, 0, 4 },
    { TIM7, 0, 5 }, { TIM8, 1, 1 }, { TIM9, 1, 16 }, { TIM10, 1, 17 }, { TIM11, 1, 18 }, { TIM12, 0, 6 },
    { TIM13, 0, 7 }, { TIM14, 0, 8 },
};

// Runs of pins with the channels of one timer in order.
static const struct {
    pin_t first;
    uint8_t count;
    tim_output_t output; // of the first one
} outputs[] = {
    { PIN('A', 0), 1, { 2, 1, 1 } },
    { PIN('A', 1), 3, { 2, 2, 1 } },
    { PIN('A', 2), 2, { 9, 1, 3 } },
    { PIN('A', 5), 1, { 2, 1, 1 } },
    { PIN('A', 6), 2, { 3, 1, 2 } },
    { PIN('A', 6), 1, { 13, 1, 9 } },
    { PIN('A', 7), 1, { 14, 1, 9 } },
    { PIN('A', 8), 4, { 1, 1, 1 } },
    { PIN('A', 15), 1, { 2, 1, 1 } },
    { PIN('B', 0), 2, { 3, 3, 2 } },
    { PIN('B', 3), 1, { 2, 2, 1 } },
    { PIN('B', 4), 2, { 3, 1, 2 } },
    { PIN('B', 6), 4, { 4, 1, 2 } },
    { PIN('B', 8), 1, { 10, 1, 3 } },
    { PIN('B', 9), 1, { 11, 1, 3 } },
    { PIN('B', 10), 2, { 2, 3, 1 } },
    { PIN('B', 14), 2, { 12, 1, 9 } },
    { PIN('C', 6), 4, { 8, 1, 3 } },
    { PIN('C', 6), 4, { 3, 1, 2 } },
    { PIN('D', 12), 4, { 4, 1, 2 } },
    { PIN('E', 5), 2, { 9, 1, 3 } },
    { PIN('E', 9), 1, { 1, 1, 1 } },
    { PIN('E', 11), 1, { 1, 2, 1 } },
    { PIN('E', 13), 2, { 1, 3, 1 } },
    { PIN('F', 6), 1, { 10, 1, 3 } },
    { PIN('F', 7), 1, { 11, 1, 3 } },
    { PIN('F', 8), 1, { 13, 1, 9 } },
    { PIN('F', 9), 1, { 14, 1, 9 } },
    { PIN('H', 6), 1, { 12, 1, 9 } },
    { PIN('H', 9), 1, { 12, 2, 9 } },
    { PIN('I', 2), 1, { 8, 4, 3 } },
    { PIN('I', 5), 3, { 8, 1, 3 } },
};

int tim_output_of(pin_t pin, unsigned index, tim_output_t *output) {
    for (unsigned i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        if (pin >= outputs[i].first && pin < outputs[i].first + outputs[i].count && index-- == 0) {
            *output = outputs[i].output;
            output->channel = (uint8_t)(output->channel + pin - outputs[i].first);
            return 0;
        }
    }
    return -HAL_ENODEV;
}

static TIM_TypeDef *regs_of(unsigned timer) {
    return timers[timer - 1].regs;
}

static void enable_clock(unsigned timer, bool on) {
    clock_gate(timers[timer - 1].apb2 ? &RCC->APB2ENR : &RCC->APB1ENR, 1UL << timers[timer - 1].bit, on);
}

static uint32_t longest_period(unsigned timer) {
    return timer == 2 || timer == 5 ? UINT32_MAX : LONGEST_16;
}

uint32_t tim_clock_hz(unsigned timer) {
    return timers[timer - 1].apb2 ? timclk2_hz() : timclk1_hz();
}

// The smallest prescaler whose period fits the counter; a larger one, of the next few, where that makes the
// frequency come out to the Hz.
static int find_period(unsigned timer, uint32_t hz, uint32_t *prescaler, uint32_t *ticks) {
    uint32_t clock = tim_clock_hz(timer);
    if (hz == 0 || clock / hz < LEAST_TICKS) {
        return -HAL_EINVAL;
    }
    uint32_t least = (clock / hz) / longest_period(timer) + 1;
    if (least > 65536) {
        return -HAL_EINVAL;
    }
    uint32_t divider = least;
    for (uint32_t d = least; d < least + EVEN_TRIES && d <= 65536; d++) {
        if ((uint64_t)clock % ((uint64_t)d * hz) == 0) {
            divider = d;
            break;
        }
    }
    uint64_t slow_hz = (uint64_t)divider * hz;
    *ticks = (uint32_t)((clock + slow_hz / 2) / slow_hz);
    if (*ticks > longest_period(timer)) {
        *ticks = longest_period(timer);
    }
    *prescaler = divider - 1;
    return 0;
}

int tim_set_frequency(unsigned timer, uint32_t hz) {
    uint32_t prescaler, ticks;
    int ret = find_period(timer, hz, &prescaler, &ticks);
    if (ret != 0) {
        return ret;
    }
    enable_clock(timer, true);
    TIM_TypeDef *regs = regs_of(timer);
    regs->PSC = prescaler;
    regs->ARR = ticks - 1;
    regs->CR1 = TIM_CR1_ARPE | TIM_CR1_URS;
    regs->EGR = TIM_EGR_UG; // loads the prescaler and the period
    regs->CR1 = TIM_CR1_ARPE | TIM_CR1_URS | TIM_CR1_CEN;
    return 0;
}

uint32_t tim_period_ticks(unsigned timer) {
    return regs_of(timer)->ARR + 1;
}

uint32_t tim_prescaler(unsigned timer) {
    return regs_of(timer)->PSC + 1;
}

void tim_set_output(unsigned timer, unsigned channel, uint32_t ticks, bool inverted, bool at_once) {
    TIM_TypeDef *regs = regs_of(timer);
    unsigned index = channel - 1;
    (&regs->CCR1)[index] = ticks;
    // The preload keeps a change from cutting the running pulse.
    volatile uint32_t *mode = index < 2 ? &regs->CCMR1 : &regs->CCMR2;
    unsigned shift = 8 * (index & 1);
    *mode = (*mode & ~(0xffUL << shift)) | (PWM_MODE_1 << TIM_CCMR1_OC1M_Pos | TIM_CCMR1_OC1PE) << shift;
    uint32_t enable = TIM_CCER_CC1E << 4 * index, low = TIM_CCER_CC1P << 4 * index;
    regs->CCER = (regs->CCER & ~low) | enable | (inverted ? low : 0);
    if (timer == 1 || timer == 8) {
        regs->BDTR |= TIM_BDTR_MOE;
    }
    if (at_once) {
        regs->EGR = TIM_EGR_UG;
    }
}

void tim_stop_output(unsigned timer, unsigned channel) {
    TIM_TypeDef *regs = regs_of(timer);
    regs->CCER &= ~(15UL << 4 * (channel - 1));
    if (regs->CCER == 0) {
        regs->CR1 = 0;
        enable_clock(timer, false);
    }
}
