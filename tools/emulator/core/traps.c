// SPDX-License-Identifier: MIT
// What QEMU lets pass and a Cortex-M4 traps on request: FPU instructions with CPACR closed, division by zero
// (CCR.DIV_0_TRP), unaligned access (CCR.UNALIGN_TRP).

#include "core.h"

#define CCR_UNALIGN_TRP 8u
#define CCR_DIV_0_TRP 16u
#define CFSR_NOCP 0x80000u
#define CFSR_UNALIGNED 0x1000000u
#define CFSR_DIVBYZERO 0x2000000u

static uint16_t halfword(core_t *core, uint32_t address) {
    uint8_t *host = memory_host(core, address, 2);
    return host ? (uint16_t)(host[0] | host[1] << 8) : 0;
}

bool is_fpu(uint16_t first, uint16_t second) {
    return (first & 0xEC00) == 0xEC00 && (second & 0x0E00) == 0x0A00; // coprocessors 10 and 11
}

bool is_division(uint16_t first, uint16_t second) {
    return (first & 0xFFD0) == 0xFB90 && (second & 0xF0F0) == 0xF0F0;
}

// Address of the first instruction of its kind in a block that has one.
static uint32_t find(core_t *core, uint32_t address, uint32_t size, bool (*wanted)(uint16_t, uint16_t)) {
    for (uint32_t at = address; at + 2 < address + size;) {
        uint16_t first = halfword(core, at);
        if (first >= 0xE800 && wanted(first, halfword(core, at + 2))) {
            return at;
        }
        at += first >= 0xE800 ? 4 : 2;
    }
    return address;
}

// Whether the IT block that PC is in lets its instruction run.
static bool condition_passes(core_t *core) {
    uint32_t xpsr = reg_get(core, UC_ARM_REG_XPSR);
    uint32_t it = ((xpsr >> 25) & 3) | ((xpsr >> 8) & 0xFC);
    if (!(it & 15)) {
        return true;
    }
    bool n = xpsr >> 31, z = (xpsr >> 30) & 1, c = (xpsr >> 29) & 1, v = (xpsr >> 28) & 1;
    bool result[8] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
    uint32_t condition = it >> 4;
    return condition >= 14 || result[condition >> 1] != (condition & 1);
}

// Run from PC to `end` in the same straight code, unless something comes between; true: it got there.
static bool run_to(core_t *core, uint32_t end) {
    uint32_t pc = *env_reg(core, 15);
    core->traps_passed = true;
    uc_ctl_exits_disable(core->uc);
    uc_ctl_remove_cache(core->uc, pc, end + 4);
    uc_emu_start(core->uc, pc | 1, end, 0, 0);
    uc_ctl_remove_cache(core->uc, pc, end + 4);
    uc_ctl_exits_enable(core->uc);
    core->traps_passed = false;
    core->now_valid = false;
    return !core->invalid_access && !core->stop && core->interrupt < 0 && *env_reg(core, 15) == end;
}

static void trap_fpu(core_t *core, uint32_t size) {
    uint32_t at = find(core, *env_reg(core, 15), size, is_fpu);
    if (at != *env_reg(core, 15) && !run_to(core, at)) {
        return;
    }
    if (condition_passes(core)) {
        exception_fault(core, EXC_USAGEFAULT, CFSR_NOCP);
    } else {
        run_to(core, at + 4);
    }
}

static void trap_division(core_t *core, uint32_t size) {
    uint32_t at = find(core, *env_reg(core, 15), size, is_division);
    if (at != *env_reg(core, 15) && !run_to(core, at)) {
        return;
    }
    uint32_t divisor = *env_reg(core, halfword(core, at + 2) & 15);
    if (divisor == 0 && condition_passes(core)) {
        exception_fault(core, EXC_USAGEFAULT, CFSR_DIVBYZERO);
    } else {
        run_to(core, at + 4);
    }
}

// Whether the block ahead has an instruction that may trap.
bool trap_ahead(core_t *core, uint32_t flags) {
    return !core->traps_passed &&
           (((flags & BLOCK_FP) && core->nocp) || ((flags & BLOCK_DIV) && (core->ccr & CCR_DIV_0_TRP)));
}

// Before a block that trap_ahead() stopped at: go through it up to the instruction and decide.
void trap_run(core_t *core, uint32_t size) {
    block_t scratch;
    block_t *block = block_lookup(core, *env_reg(core, 15), size, &scratch);
    if ((block->count & BLOCK_FP) && core->nocp) {
        trap_fpu(core, size);
    } else {
        trap_division(core, size);
    }
}

static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                      void *user) {
    (void)uc, (void)type, (void)value;
    core_t *core = user;
    if (address & (uint64_t)(size - 1)) {
        core->unaligned = true;
        engine_leave(core);
    }
}

// CCR was written: with UNALIGN_TRP every access is looked at, which is slow.
void trap_configure(core_t *core) {
    bool wanted = core->ccr & CCR_UNALIGN_TRP;
    if (wanted && !core->access_hook) {
        int kinds = UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE;
        uc_hook_add(core->uc, &core->access_hook, kinds, on_access, core, 1, 0);
    } else if (!wanted && core->access_hook) {
        uc_hook_del(core->uc, core->access_hook);
        core->access_hook = 0;
    } else {
        return;
    }
    uc_ctl_flush_tb(core->uc);
}

void trap_unaligned(core_t *core) {
    core->unaligned = false;
    exception_fault(core, EXC_USAGEFAULT, CFSR_UNALIGNED);
}
