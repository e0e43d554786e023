// SPDX-License-Identifier: MIT
// Running: the hook before every block that counts instructions and ends a run, and the loop round it.

#include <stdlib.h>
#include <string.h>

#include "core.h"

#define SCR_SLEEPDEEP 4u
#define CFSR_IACCVIOL 0x1u
#define CFSR_DACCVIOL 0x82u // with MMARVALID
#define CFSR_IBUSERR 0x100u
#define CFSR_PRECISERR 0x8200u // with BFARVALID
#define CFSR_UNDEFINSTR 0x10000u
#define CFSR_INVSTATE 0x20000u
#define XPSR_T (1u << 24)
#define HFSR_DEBUGEVT 0x80000000u

// QEMU's exception numbers (the INTR hook's argument)
enum {
    QEMU_UDEF = 1,
    QEMU_SVC = 2,
    QEMU_PREFETCH_ABORT = 3,
    QEMU_DATA_ABORT = 4,
    QEMU_BKPT = 7,
    QEMU_EXCEPTION_EXIT = 8,
};

// Before a block: is there something to do that ends the run here?
static bool must_leave(core_t *core) {
    if (core->stop || core->reset_requested || core->sleeping || core->ccr_changed ||
        core->stall_until > core->base_ns) {
        return true;
    }
    if (exception_ready(core)) {
        return true;
    }
    uint64_t limit = icount_at_ns(core, core->deadline_ns);
    uint64_t cycle = systick_next_cycle(core);
    if (cycle != UINT64_MAX && icount_at_cycle(core, cycle) < limit) {
        limit = icount_at_cycle(core, cycle);
    }
    return core->icount >= limit;
}

static bool breakpoint_in(core_t *core, uint32_t address, uint32_t size) {
    for (int i = 0; i < core->breakpoint_count; i++) {
        if (core->breakpoints[i] - address < size && core->breakpoints[i] != core->skip_breakpoint) {
            return true;
        }
    }
    return false;
}

// At a function's entry its arguments are in r0 to r3.
static void count_copy(core_t *core, uint32_t address) {
    for (int i = 0; i < COPY_FUNCTIONS; i++) {
        uint32_t bytes = *env_reg(core, 2);
        if (core->copy_functions[i] == address && bytes >= core->copy_least) {
            core->copied_bytes += bytes;
        }
    }
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    core_t *core = user;
    if (core->icount >= core->limit && must_leave(core)) {
        core->left = true;
        uc_emu_stop(uc);
        return;
    }
    block_t scratch;
    block_t *block = block_lookup(core, (uint32_t)address, size, &scratch);
    uint32_t count = block->count;
    if (count & ~BLOCK_COUNT) {
        if ((count & (BLOCK_FP | BLOCK_DIV)) && trap_ahead(core, count)) {
            core->block_ahead = size;
            uc_emu_stop(uc);
            return;
        }
        if (count & BLOCK_SEV) {
            core->event = true;
        }
        count &= BLOCK_COUNT;
    }
    core->block_pc = (uint32_t)address;
    core->block_icount = core->icount;
    core->icount += count;
    if (core->copy_least) {
        count_copy(core, (uint32_t)address);
    }
    if (core->profile) {
        uint32_t offset = (uint32_t)address - 0x08000000u;
        if (offset < 0x100000) {
            core->profile[offset >> 1] += count;
        } else if ((offset = (uint32_t)address - 0x20000000u) < 0x20000) {
            core->profile[0x80000 + (offset >> 1)] += count;
        }
    }
}

// With breakpoints, stepping or a trace: before every instruction.
static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    core_t *core = user;
    if (core->trace && !core->stop) {
        // As in a bus access: the time is that of this instruction, not of the block's end.
        core->in_bus = core->bus_pc_known = true;
        core->now_valid = false;
        core->bus_pc = (uint32_t)address;
        core->trace(0, (uint32_t)address, size);
        core->in_bus = false;
        core->now_valid = false;
    }
    if (breakpoint_in(core, (uint32_t)address, 1)) {
        core->stop = true;
        core->stop_reason = RUN_BREAK;
        core->block_size_cut = true;
        uc_emu_stop(uc);
        return;
    }
    if (core->stepping && core->step_from_seen) {
        core->stop = true;
        core->stop_reason = RUN_STEP;
        core->block_size_cut = true;
        uc_emu_stop(uc);
        return;
    }
    core->step_from_seen = true;
    core->skip_breakpoint = 1;
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user) {
    core_t *core = user;
    core->interrupt = (int)number;
    // Where the MPU refused: behind the syndrome and the status.
    core->fault_address = *env_word(core, core->engine.syndrome + 8);
    uc_emu_stop(uc);
}

static bool on_invalid(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                       void *user) {
    (void)uc;
    core_t *core = user;
    core->invalid_access = true;
    core->invalid_type = type;
    core->invalid_address = (uint32_t)address;
    core->invalid_size = (uint32_t)size;
    core->invalid_value = (uint64_t)value;
    // PC and the IT state are those of the access here. Left to itself Unicorn would end the run some
    // instructions after a store.
    engine_leave(core);
}

// The block was left at `pc` in its middle: what comes after was counted and has not run.
static void uncount_from(core_t *core, uint32_t pc) {
    uint64_t icount = core->block_icount + block_index(core, core->block_pc, pc);
    if (icount < core->icount) {
        core->icount = icount;
        core->now_valid = false;
        update_limit(core);
    }
}

static uint32_t halfword(core_t *core, uint32_t address) {
    uint8_t *host = memory_host(core, address, 2);
    return host ? host[0] | host[1] << 8 : 0;
}

static bool hint_before(core_t *core, uint32_t pc, uint32_t narrow, uint32_t wide) {
    return halfword(core, pc - 2) == narrow ||
           (halfword(core, pc - 4) == 0xF3AF && halfword(core, pc - 2) == wide);
}

static void fetch_fault(core_t *core, uint32_t pc) {
    bool never = (pc >= 0x40000000 && pc < 0x60000000) || pc >= 0xA0000000;
    *env_reg(core, 15) = pc;
    if (never) {
        exception_fault(core, EXC_MEMMANAGE, CFSR_IACCVIOL);
    } else {
        exception_fault(core, EXC_BUSFAULT, CFSR_IBUSERR);
    }
}

// An access that nothing answers, or one to flash, which takes no plain store.
static void access_fault(core_t *core) {
    uint32_t pc = *env_reg(core, 15);
    core->invalid_access = false;
    switch (core->invalid_type) {
    case UC_MEM_WRITE_PROT:
        uncount_from(core, pc);
        if (store_emulate(core)) {
            return;
        }
        break;
    default:
        uncount_from(core, pc);
    }
    core->bfar = core->invalid_address;
    exception_fault(core, EXC_BUSFAULT, CFSR_PRECISERR);
}

static bool thumb(core_t *core) {
    return reg_get(core, UC_ARM_REG_XPSR) & XPSR_T;
}

static void run_interrupt(core_t *core) {
    uint32_t pc = *env_reg(core, 15);
    int number = core->interrupt;
    core->interrupt = -1;
    if (!thumb(core)) {
        exception_fault(core, EXC_USAGEFAULT, CFSR_INVSTATE);
        return;
    }
    switch (number) {
    case QEMU_SVC:
        exception_fault(core, EXC_SVCALL, 0);
        break;
    case QEMU_EXCEPTION_EXIT:
        exception_return(core, pc | 1);
        break;
    case QEMU_BKPT:
        if (core->debugged) {
            core->stop = true;
            core->stop_reason = RUN_BREAK;
        } else {
            core->hfsr |= HFSR_DEBUGEVT;
            core->dfsr |= 2;
            exception_fault(core, EXC_HARDFAULT, 0);
        }
        break;
    case QEMU_PREFETCH_ABORT:
        if (mpu_forbids_code(core, core->fault_address)) {
            exception_fault(core, EXC_MEMMANAGE, CFSR_IACCVIOL);
        } else if (!mpu_open_code(core, core->fault_address)) {
            fetch_fault(core, pc);
        }
        break;
    case QEMU_DATA_ABORT:
        uncount_from(core, pc);
        if (!store_misjudged(core)) {
            core->mmfar = core->fault_address;
            exception_fault(core, EXC_MEMMANAGE, CFSR_DACCVIOL);
        }
        break;
    default:
        exception_fault(core, EXC_USAGEFAULT, CFSR_UNDEFINSTR);
    }
}

// Which of Stop and Standby it is, and what it does to the chip, is the caller's matter. An interrupt that is
// pending keeps the core from it.
void deep_sleep(core_t *core) {
    if (core->sleeping && (core->scr & SCR_SLEEPDEEP) && !sleep_would_wake(core)) {
        core->deep = true;
        core->stop = true;
        core->stop_reason = RUN_DEEP;
    }
}

// Unicorn came back without a hook having said why: WFI, WFE, YIELD, an undefined instruction.
static void run_unexplained(core_t *core, uc_err error) {
    uint32_t pc = *env_reg(core, 15);
    if (error == UC_ERR_OK) {
        if (hint_before(core, pc, 0xBF30, 0x8003)) {
            core->sleeping = true;
            core->sleep_for_event = false;
            deep_sleep(core);
        }
        return;
    }
    if (error == UC_ERR_INSN_INVALID) {
        if (hint_before(core, pc, 0xBF20, 0x8002)) {
            core->sleeping = !core->event;
            core->sleep_for_event = true;
            core->event = false;
            deep_sleep(core);
            return;
        }
        if (hint_before(core, pc, 0xBF10, 0x8001)) {
            return;
        }
        uncount_from(core, pc);
        exception_fault(core, EXC_USAGEFAULT, thumb(core) ? CFSR_UNDEFINSTR : CFSR_INVSTATE);
        return;
    }
    if (error == UC_ERR_FETCH_PROT && memory_allow_code(core, pc)) {
        return;
    }
    if (error == UC_ERR_FETCH_PROT || error == UC_ERR_FETCH_UNMAPPED) {
        fetch_fault(core, pc);
        return;
    }
    core->stop = true;
    core->stop_reason = RUN_BROKEN;
    core->last_error = (int)error;
}

static bool awake(core_t *core) {
    if (core->sleep_for_event && core->event) {
        core->event = false;
        return true;
    }
    return sleep_would_wake(core);
}

// Asleep or held: let time pass up to what comes first. True: go on; false: core_run() returns *reason.
static bool pass_time(core_t *core, int *reason) {
    uint64_t now = core_now(core), until = core->deadline_ns;
    bool stalled = core->stall_until > now;
    if (!stalled && awake(core)) {
        core->sleeping = false;
        return true;
    }
    uint64_t cycle = systick_next_cycle(core);
    uint64_t tick = cycle == UINT64_MAX ? UINT64_MAX : ns_at_cycle(core, cycle);
    if (stalled && core->stall_until < until) {
        until = core->stall_until;
    } else if (!stalled && core->hold_sleep) {
        *reason = RUN_SLEEP;
        return false;
    }
    until = tick < until ? tick : until;
    if (until == UINT64_MAX) {
        *reason = RUN_STUCK;
        return false;
    }
    uint64_t before = core->base_cycles;
    time_skip_to(core, until);
    if (stalled) {
        core->stalled_cycles += core->base_cycles - before;
    }
    systick_run(core);
    if (until == core->deadline_ns) {
        *reason = RUN_DEADLINE;
        return false;
    }
    return true;
}

// What the hooks noted of how the code was left.
static void outcome(core_t *core, uc_err error) {
    if (core->interrupt >= 0) {
        run_interrupt(core);
    } else if (core->invalid_access) {
        access_fault(core);
    } else if (error != UC_ERR_OK || !core->left) {
        run_unexplained(core, error);
    }
}

static void run_slice(core_t *core) {
    core->interrupt = -1;
    core->invalid_access = core->step_from_seen = core->left = false;
    update_limit(core);
    if (!thumb(core)) {
        exception_fault(core, EXC_USAGEFAULT, CFSR_INVSTATE);
        return;
    }
    core->running_code = true;
    core->now_valid = false;
    uc_err error = uc_emu_start(core->uc, *env_reg(core, 15) | 1, 0, 0, 0);
    core->running_code = core->in_bus = false;
    core->now_valid = false;
    if ((core->stop && core->stop_reason == RUN_ERROR) || core->block_size_cut) {
        core->block_size_cut = false;
        uncount_from(core, *env_reg(core, 15));
    } else if (core->unaligned) {
        uncount_from(core, *env_reg(core, 15));
        trap_unaligned(core);
    } else if (core->block_ahead) {
        core->left = true;
        trap_run(core, core->block_ahead);
        core->block_ahead = 0;
        outcome(core, UC_ERR_OK);
    } else {
        outcome(core, error);
    }
}

// Run until core->deadline_ns, or until something else ends it; RUN_* says what.
int core_run(core_t *core) {
    int reason = RUN_DEADLINE;
    core->stop = false;
    while (true) {
        systick_run(core);
        if (core->deep && (sleep_would_wake(core) || (core->sleep_for_event && core->event))) {
            core->deep = false;
            reason = RUN_WAKE;
            break;
        }
        exception_take_pending(core);
        if (core->stop) {
            reason = core->stop_reason;
            break;
        }
        if (core->ccr_changed) {
            core->ccr_changed = false;
            trap_configure(core);
        }
        if (core->reset_requested) {
            core->reset_requested = false;
            reason = RUN_RESET;
            break;
        }
        if (core->sleeping || core->stall_until > core_now(core)) {
            if (!pass_time(core, &reason)) {
                break;
            }
            continue;
        }
        if (core_now(core) >= core->deadline_ns) {
            break;
        }
        run_slice(core);
    }
    core->stop = false;
    update_limit(core);
    return reason;
}

void core_stop(core_t *core, int reason) {
    core->stop = true;
    core->stop_reason = reason;
    core->limit = 0;
}

// Set-up

void core_reset(core_t *core) {
    uint32_t sp = 0, pc = 0;
    scs_reset(core);
    exceptions_reset(core);
    core->stop = core->reset_requested = core->invalid_access = false;
    core->stall_until = 0;
    core->sleeping = core->deep = false;
    core->interrupt = -1;
    memory_load32(core, 0, &sp);
    memory_load32(core, 4, &pc);
    *env_word(core, core->engine.primask) = 0;
    *env_word(core, core->engine.faultmask) = 0;
    *env_word(core, core->engine.basepri) = 0;
    reg_set(core, UC_ARM_REG_XPSR, 1u << 24 | 3);
    *env_word(core, core->engine.control) = 0;
    *env_word(core, core->engine.fpca) &= ~CONTROL_FPCA;
    reg_set(core, UC_ARM_REG_XPSR, 1u << 24);
    reg_set(core, UC_ARM_REG_FPSCR, 0);
    env_changed(core);
    for (int i = 0; i < 13; i++) {
        *env_reg(core, i) = 0;
    }
    *env_reg(core, 13) = sp & ~3u;
    *env_reg(core, 14) = 0xFFFFFFFF;
    *env_reg(core, 15) = pc & ~1u;
    if (!(pc & 1)) {
        exception_fault(core, EXC_HARDFAULT, CFSR_INVSTATE);
    }
    update_limit(core);
}

// The hook on what nothing answers, and on stores to flash, leaves the memories out that take stores: where
// it could be called, Unicorn carries out every store the long way.
static bool watch_outside_ram(core_t *core) {
    static const uint32_t ranges[][2] = {
        {0x00000000, 0x0FFFFFFF}, {0x10010000, 0x1FFFFFFF}, {0x20020000, 0xFFFFFFFF}};
    int kinds = UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED | UC_HOOK_MEM_READ_PROT |
                UC_HOOK_MEM_WRITE_PROT;
    uc_hook hook;
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (uc_hook_add(core->uc, &hook, kinds, on_invalid, core, ranges[i][0], ranges[i][1])) {
            return false;
        }
    }
    return true;
}

static bool hooks_open(core_t *core) {
    uc_hook hook;
    // A list of exits, and none in it: a run has no end but what the hooks make.
    return !uc_ctl_exits_enable(core->uc) &&
           !uc_hook_add(core->uc, &hook, UC_HOOK_BLOCK, on_block, core, 1, 0) &&
           !uc_hook_add(core->uc, &hook, UC_HOOK_INTR, on_interrupt, core, 1, 0) &&
           watch_outside_ram(core);
}

void core_host_close(core_t *core);

void core_close(core_t *core) {
    if (core->uc) {
        uc_close(core->uc);
    }
    core_host_close(core);
    free(core);
}

core_t *core_open(bus_read_t bus_read, bus_write_t bus_write, report_t report) {
    core_t *core = calloc(1, sizeof(*core));
    if (!core) {
        return NULL;
    }
    core->bus_read = bus_read;
    core->bus_write = bus_write;
    core->report = report;
    core->hz = 16000000;
    core->cpi_num = 3;
    core->cpi_den = 2;
    core->deadline_ns = UINT64_MAX;
    core->skip_breakpoint = 1;
    // Not UC_MODE_MCLASS: with it Unicorn 2.1 takes a Cortex-M33 whatever model is asked for.
    if (uc_open(UC_ARCH_ARM, UC_MODE_THUMB, &core->uc) ||
        uc_ctl_set_cpu_model(core->uc, UC_CPU_ARM_CORTEX_M4) || !engine_open(core) || !memory_open(core) ||
        !bus_open(core) || !hooks_open(core)) {
        core_close(core);
        return NULL;
    }
    return core;
}

// The slow, exact mode: a look before every instruction.
void core_set_exact(core_t *core, int on) {
    if (on && !core->code_hook) {
        uc_hook_add(core->uc, &core->code_hook, UC_HOOK_CODE, on_code, core, 1, 0);
    } else if (!on && core->code_hook) {
        uc_hook_del(core->uc, core->code_hook);
        core->code_hook = 0;
    }
    uc_ctl_flush_tb(core->uc);
}

void core_set_trace(core_t *core, trace_t trace) {
    core->trace = trace;
}

int core_set_breakpoints(core_t *core, const uint32_t *addresses, int count) {
    uint32_t *copy = realloc(core->breakpoints, sizeof(uint32_t) * (count ? count : 1));
    if (!copy) {
        return -1;
    }
    memcpy(copy, addresses, sizeof(uint32_t) * count);
    core->breakpoints = copy;
    core->breakpoint_count = count;
    return 0;
}

static void on_watch(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                     void *user) {
    (void)uc, (void)type, (void)size, (void)value;
    core_t *core = user;
    core->watch_address = (uint32_t)address;
    core->stop = true;
    core->stop_reason = RUN_WATCH;
    core->block_size_cut = true;
    engine_leave(core);
}

// Stop before accesses to memory: `count` times address, bytes, kind (1 write, 2 read, 3 both).
int core_set_watchpoints(core_t *core, const uint32_t *watched, int count) {
    while (core->watch_count) {
        uc_hook_del(core->uc, core->watch_hooks[--core->watch_count]);
    }
    for (int i = 0; i < count && i < WATCHPOINTS; i++, watched += 3) {
        int kinds = (watched[2] & 1 ? UC_HOOK_MEM_WRITE : 0) | (watched[2] & 2 ? UC_HOOK_MEM_READ : 0);
        uc_hook *hook = &core->watch_hooks[core->watch_count++];
        uc_hook_add(core->uc, hook, kinds, on_watch, core, watched[0], watched[0] + watched[1] - 1);
    }
    uc_ctl_flush_tb(core->uc);
    return count <= WATCHPOINTS;
}

uint32_t core_watch_address(core_t *core) {
    return core->watch_address;
}

// From here the breakpoint at PC is passed once; `step`: come back after one instruction.
void core_resume_from(core_t *core, int step) {
    core->skip_breakpoint = *env_reg(core, 15);
    core->stepping = step;
}

void core_set_debugged(core_t *core, int on) {
    core->debugged = on;
}

// The bytes that the functions at `entries` (memcpy(to, from, n) and what takes the like) are asked to move,
// calls of fewer than `least` bytes left out. Starts at zero; least 0 ends it.
void core_count_copies(core_t *core, const uint32_t *entries, int entry_count, uint32_t least) {
    for (int i = 0; i < COPY_FUNCTIONS; i++) {
        core->copy_functions[i] = i < entry_count ? entries[i] & ~1u : 1;
    }
    core->copy_least = least;
    core->copied_bytes = 0;
}

uint64_t core_copied_bytes(core_t *core) {
    return core->copied_bytes;
}

uint64_t *core_set_profile(core_t *core, int on) {
    free(core->profile);
    core->profile = on ? calloc(0x80000 + 0x10000, sizeof(uint64_t)) : NULL;
    return core->profile;
}

static void say_nothing(const char *text) {
    (void)text;
}

// Registers for the host: 0-15, 16 xPSR, 17 MSP, 18 PSP, 19 CONTROL, 20 PRIMASK, 21 BASEPRI, 22 FAULTMASK,
// 23 FPSCR, 32-63 S0-S31.
uint32_t core_get_register(core_t *core, int number) {
    static const int api[] = {UC_ARM_REG_XPSR, UC_ARM_REG_MSP, UC_ARM_REG_PSP};
    if (number < 15) {
        return *env_reg(core, number);
    }
    if (number == 15) {
        return core->in_bus ? engine_pc_in_bus(core) : *env_reg(core, 15);
    }
    if (number < 19) {
        return reg_get(core, api[number - 16]);
    }
    if (number >= 32 && number < 64) {
        return *env_word(core, core->engine.vfp + 4 * (number - 32));
    }
    switch (number) {
    case 19:
        return (*env_word(core, core->engine.control) & (CONTROL_NPRIV | CONTROL_SPSEL)) |
               (*env_word(core, core->engine.fpca) & CONTROL_FPCA);
    case 20:
        return *env_word(core, core->engine.primask);
    case 21:
        return *env_word(core, core->engine.basepri);
    case 22:
        return *env_word(core, core->engine.faultmask);
    default:
        return reg_get(core, UC_ARM_REG_FPSCR);
    }
}

void core_set_register(core_t *core, int number, uint32_t value) {
    if (number < 16) {
        *env_reg(core, number) = value;
    } else if (number == 16) {
        reg_set(core, UC_ARM_REG_XPSR, value);
    } else if (number == 17 || number == 18) {
        reg_set(core, number == 17 ? UC_ARM_REG_MSP : UC_ARM_REG_PSP, value);
    } else if (number == 20) {
        *env_word(core, core->engine.primask) = value & 1;
    } else if (number == 21) {
        *env_word(core, core->engine.basepri) = value & 0xF0;
    } else if (number == 23) {
        reg_set(core, UC_ARM_REG_FPSCR, value);
    } else if (number >= 32 && number < 64) {
        *env_word(core, core->engine.vfp + 4 * (number - 32)) = value;
    }
    env_changed(core);
    update_limit(core);
}

// A debugger's look at a core register: what is not modelled reads 0, without a word.
uint32_t core_debug_read(core_t *core, uint32_t address) {
    report_t report = core->report;
    core->report = say_nothing;
    uint32_t value = address < 0xE0040000 ? scs_read(core, address, 4) : 0;
    core->report = report;
    return value;
}

uint32_t core_fault_register(core_t *core, int which) {
    uint32_t values[] = {core->cfsr,  core->hfsr, core->mmfar, core->bfar,
                         core->shcsr, core->vtor, core->dfsr};
    return values[which];
}
