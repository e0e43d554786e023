// SPDX-License-Identifier: MIT
// SysTick: computed from the cycle counter, not counted.

#include "core.h"

#define CTRL_ENABLE 1u
#define CTRL_TICKINT 2u
#define CTRL_CLKSOURCE 4u
#define CTRL_COUNTFLAG 0x10000u

// Ticks since power-on: HCLK, or HCLK/8 with CLKSOURCE clear (STCLK on the STM32F4).
static uint32_t divider(core_t *core) {
    return core->st_ctrl & CTRL_CLKSOURCE ? 1 : 8;
}

static uint64_t ticks_now(core_t *core) {
    return core_cycles(core) / divider(core);
}

static bool counting(core_t *core) {
    return (core->st_ctrl & CTRL_ENABLE) && (core->st_load || core->st_zero != UINT64_MAX);
}

void systick_reset(core_t *core) {
    core->st_ctrl = 0;
    core->st_load = 0;
    core->st_frozen = 0;
    core->st_zero = UINT64_MAX;
}

// Take the zero crossings that are past.
void systick_run(core_t *core) {
    if (!counting(core) || core->st_zero == UINT64_MAX) {
        return;
    }
    uint64_t now = ticks_now(core);
    if (now < core->st_zero) {
        return;
    }
    core->st_ctrl |= CTRL_COUNTFLAG;
    if (core->st_ctrl & CTRL_TICKINT) {
        exception_pend(core, EXC_SYSTICK, true);
    }
    if (core->st_load == 0) {
        core->st_zero = UINT64_MAX;
        return;
    }
    uint64_t period = (uint64_t)core->st_load + 1;
    core->st_zero += ((now - core->st_zero) / period + 1) * period;
}

// The cycle of the next zero crossing that raises the interrupt, or UINT64_MAX.
uint64_t systick_next_cycle(core_t *core) {
    if (!counting(core) || core->deep || core->st_zero == UINT64_MAX || !(core->st_ctrl & CTRL_TICKINT)) {
        return UINT64_MAX;
    }
    return core->st_zero * divider(core);
}

static uint32_t current(core_t *core) {
    if (!(core->st_ctrl & CTRL_ENABLE)) {
        return core->st_frozen;
    }
    if (core->st_zero == UINT64_MAX) {
        return 0;
    }
    uint64_t left = core->st_zero - ticks_now(core);
    // One tick long the counter still shows the 0 from before the reload.
    return left > core->st_load ? 0 : (uint32_t)left;
}

// Start counting from `value` (0: reload at the next tick).
static void start_from(core_t *core, uint32_t value) {
    if (value) {
        core->st_zero = ticks_now(core) + value;
    } else if (core->st_load) {
        core->st_zero = ticks_now(core) + core->st_load + 1;
    } else {
        core->st_zero = UINT64_MAX;
    }
}

uint32_t systick_read(core_t *core, uint32_t offset) {
    systick_run(core);
    uint32_t value = 0;
    switch (offset) {
    case 0x10:
        value = core->st_ctrl;
        core->st_ctrl &= ~CTRL_COUNTFLAG;
        break;
    case 0x14:
        value = core->st_load;
        break;
    case 0x18:
        value = current(core);
        break;
    case 0x1C:
        // RM0090 12.1.2: 18750, a millisecond at HCLK/8 of 150 MHz; not exact, hence SKEW.
        value = 0x4000493E;
        break;
    }
    return value;
}

void systick_write(core_t *core, uint32_t offset, uint32_t value) {
    systick_run(core);
    uint32_t before = current(core);
    switch (offset) {
    case 0x10:
        core->st_ctrl = (core->st_ctrl & CTRL_COUNTFLAG) | (value & 7);
        if (core->st_ctrl & CTRL_ENABLE) {
            start_from(core, before);
        } else {
            core->st_frozen = before;
            core->st_zero = UINT64_MAX;
        }
        break;
    case 0x14:
        core->st_load = value & 0xFFFFFF;
        if ((core->st_ctrl & CTRL_ENABLE) && core->st_zero == UINT64_MAX) {
            start_from(core, 0);
        }
        break;
    case 0x18:
        core->st_ctrl &= ~CTRL_COUNTFLAG;
        core->st_frozen = 0;
        if (core->st_ctrl & CTRL_ENABLE) {
            start_from(core, 0);
        }
        break;
    }
    update_limit(core);
}
