// SPDX-License-Identifier: MIT
// ARMv7-M exceptions (ARM DDI 0403E B1.5): which is taken when, entry, return, faults.

#include <string.h>

#include "core.h"

#define XPSR_T (1u << 24)
#define XPSR_IT 0x0600FC00u
#define XPSR_ALIGN (1u << 9)
#define XPSR_IPSR 0x1FFu

#define CCR_STKALIGN (1u << 9)
#define SCR_SLEEPONEXIT 2u
#define SCR_SEVONPEND 16u
#define FPCCR_ASPEN 0x80000000u

#define HFSR_VECTTBL 2u
#define HFSR_FORCED 0x40000000u
#define CFSR_MUNSTKERR 0x8u
#define CFSR_MSTKERR 0x10u
#define CFSR_UNSTKERR 0x800u
#define CFSR_STKERR 0x1000u
#define CFSR_INVSTATE 0x20000u
#define CFSR_INVPC 0x40000u

#define PRIORITY_NONE 256

static int group_mask(core_t *core) {
    return 0xFF & ~((2 << core->prigroup) - 1);
}

static int full_priority(core_t *core, int number) {
    switch (number) {
    case EXC_RESET:
        return -3;
    case EXC_NMI:
        return -2;
    case EXC_HARDFAULT:
        return -1;
    default:
        return core->priority[number];
    }
}

static int group_priority(core_t *core, int number) {
    int priority = full_priority(core, number);
    return priority < 0 ? priority : priority & group_mask(core);
}

static int ipsr(core_t *core) {
    return reg_get(core, UC_ARM_REG_XPSR) & XPSR_IPSR;
}

// Work out again what is pending and what runs, after any of the tables changed.
void exceptions_update(core_t *core) {
    int best = 0, best_full = PRIORITY_NONE, running = PRIORITY_NONE;
    for (int word = 0; word < EXC_WORDS; word++) {
        for (uint32_t bits = core->pending[word] & core->enabled[word]; bits; bits &= bits - 1) {
            int number = word * 32 + __builtin_ctz(bits);
            int priority = full_priority(core, number);
            if (priority < best_full) {
                best = number;
                best_full = priority;
            }
        }
        for (uint32_t bits = core->active[word]; bits; bits &= bits - 1) {
            int priority = group_priority(core, word * 32 + __builtin_ctz(bits));
            running = priority < running ? priority : running;
        }
    }
    core->best = best;
    core->best_priority = best ? group_priority(core, best) : PRIORITY_NONE;
    core->running = running;
    mpu_update(core);
    update_limit(core);
}

// The priority that an exception has to beat: active exceptions and the mask registers.
int execution_priority(core_t *core) {
    int priority = core->running;
    uint32_t basepri = *env_word(core, core->engine.basepri) & 0xF0;
    if (basepri && (int)(basepri & group_mask(core)) < priority) {
        priority = basepri & group_mask(core);
    }
    if (*env_word(core, core->engine.primask) & 1 && priority > 0) {
        priority = 0;
    }
    if (*env_word(core, core->engine.faultmask) & 1 && priority > -1) {
        priority = -1;
    }
    return priority;
}

bool exception_ready(core_t *core) {
    int priority = core->best_priority;
    return core->best && priority < core->running && priority < execution_priority(core);
}

// WFI wakes for what would preempt if PRIMASK were clear (B1.5.17).
bool sleep_would_wake(core_t *core) {
    if (!core->best) {
        return false;
    }
    uint32_t *primask = env_word(core, core->engine.primask);
    uint32_t old = *primask;
    *primask = 0;
    bool wakes = core->best_priority < execution_priority(core);
    *primask = old;
    return wakes;
}

void exception_pend(core_t *core, int number, bool set) {
    if (set) {
        if (!BIT_TEST(core->pending, number) && (core->scr & SCR_SEVONPEND)) {
            core->event = true;
        }
        BIT_SET(core->pending, number);
    } else {
        BIT_CLEAR(core->pending, number);
    }
    exceptions_update(core);
}

// A peripheral drives its line. A line that is high pends again whenever its handler returns.
void core_irq(core_t *core, int irq, int level) {
    int number = 16 + irq;
    if (number >= EXCEPTIONS) {
        return;
    }
    if (!level) {
        BIT_CLEAR(core->line, number);
        return;
    }
    BIT_SET(core->line, number);
    exception_pend(core, number, true);
}

// An event from outside (EXTI in event mode): wakes a WFE, as SEV does.
void core_event(core_t *core) {
    core->event = true;
}

void exceptions_reset(core_t *core) {
    memset(core->pending, 0, sizeof(core->pending));
    memset(core->active, 0, sizeof(core->active));
    memset(core->enabled, 0, sizeof(core->enabled));
    memset(core->priority, 0, sizeof(core->priority));
    core->enabled[0] = 0xFFFF;
    for (int word = 0; word < EXC_WORDS; word++) {
        core->pending[word] = core->line[word];
    }
    core->sleeping = false;
    core->event = false;
    exceptions_update(core);
}

// Entry

// What a synchronous fault becomes: itself, HardFault, or 0 where neither can be taken.
static int fault_target(core_t *core, int number) {
    static const uint32_t enable[8] = {0, 0, 0, 0, 1u << 16, 1u << 17, 1u << 18, 0};
    int priority = execution_priority(core);
    bool on = number >= 8 || (core->shcsr & enable[number]);
    if (number != EXC_HARDFAULT && on && group_priority(core, number) < priority) {
        return number;
    }
    if (priority <= -1) {
        return 0;
    }
    if (number != EXC_HARDFAULT) {
        core->hfsr |= HFSR_FORCED;
    }
    return EXC_HARDFAULT;
}

// Whether the MPU lets the whole of a frame be touched; regions are at least 32 bytes.
static bool frame_allowed(core_t *core, uint32_t frame, bool fp, bool write, bool privileged) {
    for (uint32_t offset = 0; offset < (fp ? 104u : 32u); offset += 4) {
        if (!mpu_allows(core, frame + offset, write, privileged)) {
            return false;
        }
    }
    return true;
}

static bool push_frame(core_t *core, uint32_t sp, uint32_t xpsr, bool fp) {
    static const uint8_t order[7] = {0, 1, 2, 3, 12, 14, 15};
    bool stored = true;
    for (int i = 0; i < 7; i++) {
        stored &= memory_store32(core, sp + 4 * i, *env_reg(core, order[i]));
    }
    stored &= memory_store32(core, sp + 28, xpsr);
    if (fp) {
        for (int i = 0; i < 16; i++) {
            stored &= memory_store32(core, sp + 32 + 4 * i, *env_word(core, core->engine.vfp + 4 * i));
        }
        stored &= memory_store32(core, sp + 96, reg_get(core, UC_ARM_REG_FPSCR));
    }
    return stored;
}

// Stack the context; returns EXC_RETURN, and the CFSR bit of what went wrong.
static uint32_t stack_context(core_t *core, uint32_t *error) {
    uint32_t xpsr = reg_get(core, UC_ARM_REG_XPSR);
    bool handler = xpsr & XPSR_IPSR;
    bool fp = (*env_word(core, core->engine.fpca) & CONTROL_FPCA) && (core->fpccr & FPCCR_ASPEN);
    bool psp = !handler && (*env_word(core, core->engine.control) & CONTROL_SPSEL);
    uint32_t sp = *env_reg(core, 13) & ~3u;
    uint32_t align = fp ? 4 : (core->ccr & CCR_STKALIGN) >> 7;
    uint32_t frame = (sp - (fp ? 104 : 32)) & ~align;
    xpsr &= ~XPSR_ALIGN;
    if (align && (sp & 4)) {
        xpsr |= XPSR_ALIGN;
    }
    bool privileged = handler || !(*env_word(core, core->engine.control) & CONTROL_NPRIV);
    if (!frame_allowed(core, frame, fp, true, privileged)) {
        *error = CFSR_MSTKERR;
    } else {
        *error = push_frame(core, frame, xpsr, fp) ? 0 : CFSR_STKERR;
    }
    *env_reg(core, 13) = frame;
    if (fp) {
        core->fpcar = frame + 32;
    }
    return 0xFFFFFFE1u | (fp ? 0 : 0x10) | (handler ? 0 : 8) | (psp ? 4 : 0);
}

static void lockup(core_t *core) {
    core->lockup_pc = *env_reg(core, 15);
    core->stop = true;
    core->stop_reason = RUN_LOCKUP;
}

// Put the core into the handler of `number`; what was running is stacked already.
static void take(core_t *core, int number, uint32_t exc_return) {
    uint32_t vector;
    BIT_CLEAR(core->pending, number);
    BIT_SET(core->active, number);
    if (!memory_load32(core, core->vtor + 4 * number, &vector)) {
        core->hfsr |= HFSR_VECTTBL;
        if (number == EXC_HARDFAULT || !memory_load32(core, core->vtor + 12, &vector)) {
            lockup(core);
            return;
        }
        BIT_CLEAR(core->active, number);
        number = EXC_HARDFAULT;
        BIT_SET(core->active, number);
    }
    uint32_t xpsr = reg_get(core, UC_ARM_REG_XPSR) & ~(XPSR_IT | XPSR_IPSR | XPSR_T);
    *env_word(core, core->engine.exclusive) = UINT32_MAX;
    *env_word(core, core->engine.exclusive + 4) = UINT32_MAX;
    // Writing IPSR changes to the main stack; SPSEL reads 0 in a handler.
    reg_set(core, UC_ARM_REG_XPSR, xpsr | number | ((vector & 1) ? XPSR_T : 0));
    *env_word(core, core->engine.control) &= ~CONTROL_SPSEL;
    *env_word(core, core->engine.fpca) &= ~CONTROL_FPCA;
    env_changed(core);
    *env_reg(core, 14) = exc_return;
    *env_reg(core, 15) = vector & ~1u;
    core->event = true;
    core->sleeping = false;
    core->exceptions_taken++;
    core->last_exception = number;
    if (core->trace) {
        core->trace(1, number, vector & ~1u);
    }
    exceptions_update(core);
    if (!(vector & 1)) {
        exception_fault(core, EXC_USAGEFAULT, CFSR_INVSTATE);
    }
}

void exception_enter(core_t *core, int number) {
    uint32_t error;
    uint32_t exc_return = stack_context(core, &error);
    if (error && number != EXC_HARDFAULT) {
        // The fault of the stacking is taken in place of the exception, which stays pending.
        core->cfsr |= error;
        if (number >= 16 || number == EXC_PENDSV || number == EXC_SYSTICK) {
            BIT_SET(core->pending, number);
        }
        number = fault_target(core, error == CFSR_MSTKERR ? EXC_MEMMANAGE : EXC_BUSFAULT);
        if (!number) {
            lockup(core);
            return;
        }
    }
    take(core, number, exc_return);
}

void exception_take_pending(core_t *core) {
    while (!core->stop && exception_ready(core)) {
        exception_enter(core, core->best);
    }
}

// A synchronous exception of the instruction at PC: taken now, escalated, or the end.
void exception_fault(core_t *core, int number, uint32_t cfsr_bit) {
    core->cfsr |= cfsr_bit;
    int target = fault_target(core, number);
    if (target) {
        exception_enter(core, target);
    } else {
        lockup(core);
    }
}

// A fault of the exception return itself: taken on the frame that was to be left (B1.5.8).
static void return_fault(core_t *core, int number, uint32_t cfsr_bit, uint32_t exc_return) {
    core->cfsr |= cfsr_bit;
    int target = fault_target(core, number);
    if (target) {
        take(core, target, exc_return | 0xF0000000u);
    } else {
        lockup(core);
    }
}

// Return

static int active_count(core_t *core) {
    int count = 0;
    for (int word = 0; word < EXC_WORDS; word++) {
        count += __builtin_popcount(core->active[word]);
    }
    return count;
}

static void deactivate(core_t *core, int number) {
    BIT_CLEAR(core->active, number);
    if (number != EXC_NMI) {
        *env_word(core, core->engine.faultmask) = 0;
        env_changed(core);
    }
    if (BIT_TEST(core->line, number)) {
        BIT_SET(core->pending, number);
    }
    exceptions_update(core);
}

static bool return_valid(core_t *core, uint32_t exc_return, int number) {
    bool thread = exc_return & 8;
    if ((exc_return | 0x1D) != 0xFFFFFFFD || !(exc_return & 1) || (!thread && (exc_return & 4))) {
        return false;
    }
    if (!BIT_TEST(core->active, number)) {
        return false;
    }
    // To thread mode only from the last active exception, unless CCR.NONBASETHRDENA; to a handler only from
    // a nested one.
    int count = active_count(core);
    return thread ? count == 1 || (core->ccr & 1) : count > 1;
}

static bool pop_registers(core_t *core, uint32_t frame, bool fp, uint32_t *xpsr) {
    static const uint8_t order[7] = {0, 1, 2, 3, 12, 14, 15};
    uint32_t values[7], s[17];
    bool loaded = memory_load32(core, frame + 28, xpsr);
    for (int i = 0; i < 7; i++) {
        loaded &= memory_load32(core, frame + 4 * i, &values[i]);
    }
    for (int i = 0; fp && i < 17; i++) {
        loaded &= memory_load32(core, frame + 32 + 4 * i, &s[i]);
    }
    if (!loaded) {
        return false;
    }
    for (int i = 0; i < 7; i++) {
        *env_reg(core, order[i]) = values[i];
    }
    *env_reg(core, 15) &= ~1u;
    if (fp) {
        memcpy(env_word(core, core->engine.vfp), s, 64);
        reg_set(core, UC_ARM_REG_FPSCR, s[16]);
    }
    return true;
}

// Unstack from a valid EXC_RETURN. False: the frame does not fit (then a fault was taken).
static bool unstack(core_t *core, uint32_t exc_return) {
    bool psp = exc_return & 4, fp = !(exc_return & 0x10), thread = exc_return & 8;
    uint32_t frame = psp ? reg_get(core, UC_ARM_REG_PSP) : *env_reg(core, 13);
    bool privileged = !thread || !(*env_word(core, core->engine.control) & CONTROL_NPRIV);
    uint32_t xpsr;
    if (!frame_allowed(core, frame, fp, false, privileged)) {
        return_fault(core, EXC_MEMMANAGE, CFSR_MUNSTKERR, exc_return);
        return false;
    }
    if (!pop_registers(core, frame, fp, &xpsr)) {
        return_fault(core, EXC_BUSFAULT, CFSR_UNSTKERR, exc_return);
        return false;
    }
    if (thread != !(xpsr & XPSR_IPSR)) {
        return_fault(core, EXC_USAGEFAULT, CFSR_INVPC, exc_return);
        return false;
    }
    bool aligned = fp || (core->ccr & CCR_STKALIGN);
    uint32_t sp = (frame + (fp ? 104 : 32)) | (aligned && (xpsr & XPSR_ALIGN) ? 4 : 0);
    if (psp) {
        reg_set(core, UC_ARM_REG_PSP, sp);
        *env_word(core, core->engine.control) |= CONTROL_SPSEL;
    } else {
        *env_reg(core, 13) = sp;
        *env_word(core, core->engine.control) &= ~CONTROL_SPSEL;
    }
    if (fp) {
        *env_word(core, core->engine.fpca) |= CONTROL_FPCA;
    } else {
        *env_word(core, core->engine.fpca) &= ~CONTROL_FPCA;
    }
    uint32_t pc = *env_reg(core, 15);
    reg_set(core, UC_ARM_REG_XPSR, xpsr & ~XPSR_ALIGN);
    env_changed(core);
    *env_reg(core, 15) = pc;
    *env_word(core, core->engine.exclusive) = UINT32_MAX;
    *env_word(core, core->engine.exclusive + 4) = UINT32_MAX;
    core->event = true;
    if (!(xpsr & XPSR_T)) {
        exception_fault(core, EXC_USAGEFAULT, CFSR_INVSTATE);
        return false;
    }
    return true;
}

void exception_return(core_t *core, uint32_t exc_return) {
    int number = ipsr(core);
    if (core->trace) {
        core->trace(2, number, exc_return);
    }
    if (!return_valid(core, exc_return, number)) {
        deactivate(core, number);
        return_fault(core, EXC_USAGEFAULT, CFSR_INVPC, exc_return);
        return;
    }
    deactivate(core, number);
    if (exception_ready(core)) {
        take(core, core->best, exc_return); // tail-chaining: the frame stays where it is
        return;
    }
    if (unstack(core, exc_return) && (exc_return & 8) && (core->scr & SCR_SLEEPONEXIT)) {
        core->sleeping = true;
        core->sleep_for_event = false;
        deep_sleep(core);
    }
}
