// SPDX-License-Identifier: MIT
// Virtual time: cycles follow retired instructions, nanoseconds follow cycles at HCLK.
//
// Both are anchored (base_*) at an instruction count; a change of HCLK or a sleep moves the anchor.

#include "core.h"

#define NS 1000000000ull

typedef unsigned __int128 u128_t;

// Instructions retired before the one that is executing now (exact inside a bus access).
uint64_t core_icount_now(core_t *core) {
    if (!core->in_bus) {
        return core->icount;
    }
    uint32_t index = block_index(core, core->block_pc, engine_pc_in_bus(core));
    uint64_t icount = core->block_icount + index;
    return icount < core->icount ? icount : core->icount;
}

static uint64_t cycles_at(core_t *core, uint64_t icount) {
    u128_t scaled = (u128_t)(icount - core->base_icount) * core->cpi_num;
    return core->base_cycles + (uint64_t)(scaled / core->cpi_den);
}

static uint64_t ns_at(core_t *core, uint64_t icount) {
    u128_t scaled = (u128_t)(icount - core->base_icount) * core->cpi_num * NS;
    return core->base_ns + (uint64_t)(scaled / ((u128_t)core->cpi_den * core->hz));
}

uint64_t core_now(core_t *core) {
    if (!core->now_valid) {
        core->now_ns = ns_at(core, core_icount_now(core));
        core->now_valid = core->in_bus || !core->running_code;
    }
    return core->now_ns;
}

uint64_t core_cycles(core_t *core) {
    return cycles_at(core, core_icount_now(core));
}

// Cycles without those spent asleep: what CYCCNT counts. A core that waits for the flash is clocked.
uint64_t core_active_cycles(core_t *core) {
    return core->stalled_cycles + (uint64_t)((u128_t)core_icount_now(core) * core->cpi_num / core->cpi_den);
}

static uint64_t divide_up(u128_t a, u128_t b) {
    return (uint64_t)((a + b - 1) / b);
}

// The first instruction count at which `ns` is reached.
uint64_t icount_at_ns(core_t *core, uint64_t ns) {
    if (ns <= core->base_ns) {
        return core->base_icount;
    }
    u128_t cycles = (u128_t)(ns - core->base_ns) * core->hz * core->cpi_den;
    if (ns - core->base_ns > 1000ull * NS * 3600) {
        return UINT64_MAX;
    }
    return core->base_icount + divide_up(cycles, (u128_t)core->cpi_num * NS);
}

uint64_t icount_at_cycle(core_t *core, uint64_t cycle) {
    if (cycle <= core->base_cycles) {
        return core->base_icount;
    }
    return core->base_icount + divide_up((u128_t)(cycle - core->base_cycles) * core->cpi_den, core->cpi_num);
}

// The time at which `cycle` has come, seen from a core that sleeps from now on.
uint64_t ns_at_cycle(core_t *core, uint64_t cycle) {
    uint64_t now = cycles_at(core, core->icount);
    if (cycle <= now) {
        return ns_at(core, core->icount);
    }
    // At the anchor the part of a cycle that has gone by is known.
    uint64_t gone = core->base_icount == core->icount ? core->base_frac : 0;
    return ns_at(core, core->icount) + divide_up((u128_t)(cycle - now) * NS - gone, core->hz);
}

static void anchor(core_t *core, uint64_t icount) {
    uint64_t cycles = cycles_at(core, icount);
    uint64_t ns = ns_at(core, icount);
    core->base_icount = icount;
    core->base_cycles = cycles;
    core->base_ns = ns;
}

// HCLK changed.
void core_set_clock(core_t *core, uint32_t hz) {
    anchor(core, core_icount_now(core));
    core->hz = hz ? hz : 1;
    update_limit(core);
}

void core_set_cpi(core_t *core, uint32_t num, uint32_t den) {
    anchor(core, core->icount);
    core->cpi_num = num;
    core->cpi_den = den;
    update_limit(core);
}

// Let time pass without instructions.
void time_skip_to(core_t *core, uint64_t ns) {
    anchor(core, core->icount);
    if (ns <= core->base_ns) {
        return;
    }
    uint64_t elapsed = ns - core->base_ns;
    core->idle_ns += elapsed;
    core->now_valid = false;
    if (core->deep) {
        core->base_ns = ns;
        return;
    }
    // The remainder of the division is carried, so that a thousand sleeps lose no cycle.
    u128_t scaled = (u128_t)elapsed * core->hz + core->base_frac;
    core->base_cycles += (uint64_t)(scaled / NS);
    core->base_frac = (uint64_t)(scaled % NS);
    core->base_ns = ns;
}

void core_skip_to(core_t *core, uint64_t ns) {
    time_skip_to(core, ns);
    systick_run(core);
    update_limit(core);
}

// When a sleeping core would wake by itself or be called for: SysTick or the deadline.
uint64_t core_sleep_until(core_t *core) {
    uint64_t cycle = systick_next_cycle(core);
    uint64_t tick = cycle == UINT64_MAX ? UINT64_MAX : ns_at_cycle(core, cycle);
    return tick < core->deadline_ns ? tick : core->deadline_ns;
}

// No instruction before `ns` from now has passed (flash busy, bus held).
void core_stall(core_t *core, uint64_t ns) {
    uint64_t until = core_now(core) + ns;
    if (until > core->stall_until) {
        core->stall_until = until;
    }
    core->limit = 0;
}

void core_set_deadline(core_t *core, uint64_t ns) {
    core->deadline_ns = ns;
    update_limit(core);
}

// Work out before which block the run has to be looked at again.
void update_limit(core_t *core) {
    bool stalled = core->stall_until > ns_at(core, core->icount);
    bool preempting = core->best && core->best_priority < core->running;
    if (core->stop || core->reset_requested || core->ccr_changed || stalled || preempting) {
        core->limit = 0;
        return;
    }
    uint64_t limit = icount_at_ns(core, core->deadline_ns);
    uint64_t cycle = systick_next_cycle(core);
    if (cycle != UINT64_MAX) {
        uint64_t tick = icount_at_cycle(core, cycle);
        limit = tick < limit ? tick : limit;
    }
    core->limit = limit;
}
