// SPDX-License-Identifier: MIT
// Unicorn's insides: where QEMU keeps registers that the public API refuses or gives out slowly, and which
// instruction an MMIO access belongs to.
//
// Offsets are not written down here, they are found at start-up by changing registers through the public API
// and looking what changed; engine_open() fails when one of them is not found. The functions below are
// exported by the library of the wheel.

#include <string.h>

#include "core.h"

void *qemu_get_cpu_arm(uc_engine *uc, int index);
bool cpu_restore_state_arm(void *cpu, uintptr_t host_pc, bool will_exit);
void cpu_loop_exit_restore_arm(void *cpu, uintptr_t host_pc);
void cpu_loop_exit_arm(void *cpu);
void arm_rebuild_hflags_arm(void *env);
void restore_state_to_opc_arm(void *env, void *tb, uint32_t *data);

#define CPU_BYTES 0x8400 // searched for pointers and for mem_io_pc
#define ENV_BYTES 0x2000 // searched for registers
#define NOT_FOUND UINT32_MAX

uint32_t reg_get(core_t *core, int reg) {
    uint32_t value = 0;
    uc_reg_read(core->uc, reg, &value);
    return value;
}

void reg_set(core_t *core, int reg, uint32_t value) {
    uc_reg_write(core->uc, reg, &value);
}

// After a direct write to a register that decides how code is translated (CONTROL, FAULTMASK, ...).
void env_changed(core_t *core) {
    arm_rebuild_hflags_arm(core->engine.env);
}

static bool find_env(core_t *core) {
    engine_t *engine = &core->engine;
    reg_get(core, UC_ARM_REG_R0); // the engine is made at the first use
    engine->cpu = qemu_get_cpu_arm(core->uc, -1);
    if (!engine->cpu) {
        engine->cpu = qemu_get_cpu_arm(core->uc, 0);
    }
    if (!engine->cpu) {
        return false;
    }
    uint32_t marks[4] = {0x1BADB002, 0x2BADB002, 0x3BADB002, 0x4BADB002};
    for (int i = 0; i < 4; i++) {
        reg_set(core, UC_ARM_REG_R0 + i, marks[i]);
    }
    uint8_t *cpu = engine->cpu;
    for (uint32_t offset = 0; offset < CPU_BYTES; offset += 8) {
        uint8_t *candidate = *(uint8_t **)(cpu + offset);
        if (candidate > cpu && candidate < cpu + 0x10000 && memcmp(candidate, marks, sizeof(marks)) == 0) {
            engine->env = candidate;
            engine->regs = 0;
            return true;
        }
    }
    return false;
}

// The word of env that holds `reg`: the one that follows what is written to it.
static uint32_t find_register(core_t *core, int reg, uint32_t first, uint32_t second) {
    uint8_t *env = core->engine.env;
    static uint8_t before[ENV_BYTES];
    uint32_t old = reg_get(core, reg);
    reg_set(core, reg, first);
    memcpy(before, env, ENV_BYTES);
    reg_set(core, reg, second);
    uint32_t found = NOT_FOUND;
    for (uint32_t offset = 0; offset < ENV_BYTES; offset += 4) {
        uint32_t a, b;
        memcpy(&a, before + offset, 4);
        memcpy(&b, env + offset, 4);
        if (a == first && b == second) {
            found = offset;
            break;
        }
    }
    reg_set(core, reg, old);
    return found;
}

// What cpu_restore_state() changes besides PC has to be put back: the translated code relies on it.
static bool find_restored(engine_t *engine) {
    static uint8_t env[0x8000];
    static uint8_t tb[512];
    uint32_t data[4] = {0x11110000, 0x22220000, 0x33330000 >> 14 << 2, 0};
    memset(env, 0, sizeof(env));
    memset(tb, 0, sizeof(tb));
    restore_state_to_opc_arm(env, tb, data);
    engine->condexec = engine->syndrome = NOT_FOUND;
    bool pc_right = false;
    for (uint32_t offset = 0; offset < sizeof(env); offset += 4) {
        uint32_t word;
        memcpy(&word, env + offset, 4);
        if (word == data[0]) {
            pc_right = offset == engine->regs + 15 * 4;
        } else if (word == data[1]) {
            engine->condexec = offset;
        } else if (word) {
            engine->syndrome = offset;
        }
    }
    return pc_right && engine->condexec != NOT_FOUND && engine->syndrome != NOT_FOUND;
}

// Three pointers to allocated memory, then those of PMSAv8, which are NULL.
static bool is_region_arrays(const uint8_t *at) {
    uint64_t words[7];
    memcpy(words, at, sizeof(words));
    for (int i = 0; i < 3; i++) {
        if (words[i] % 16 != 0 || words[i] < 0x100000 || words[i] >> 47) {
            return false;
        }
    }
    return !(words[3] | words[4] | words[5] | words[6]);
}

// The regions' three arrays (base, size, access), and before the exception number the MPU's control word.
static bool find_mpu(core_t *core) {
    engine_t *engine = &core->engine;
    static uint8_t before[ENV_BYTES];
    reg_set(core, UC_ARM_REG_XPSR, 1u << 24 | 3);
    memcpy(before, engine->env, ENV_BYTES);
    reg_set(core, UC_ARM_REG_XPSR, 1u << 24 | 5);
    engine->mpu_ctrl = engine->pmsav7 = NOT_FOUND;
    for (uint32_t offset = 64; offset < ENV_BYTES; offset += 4) {
        if (*(uint32_t *)(before + offset) == 3 && *env_word(core, offset) == 5) {
            engine->mpu_ctrl = offset - 8;
            break;
        }
    }
    reg_set(core, UC_ARM_REG_XPSR, 1u << 24);
    // They are the first that looks like it after the exception number.
    for (uint32_t offset = engine->mpu_ctrl & ~7u; offset < ENV_BYTES; offset += 8) {
        if (is_region_arrays(engine->env + offset)) {
            engine->pmsav7 = offset;
            break;
        }
    }
    return engine->mpu_ctrl != NOT_FOUND && engine->pmsav7 != NOT_FOUND;
}

static uint32_t host_pc_offset;

static uint64_t probe_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc, (void)offset, (void)size;
    core_t *core = user;
    uint8_t *cpu = core->engine.cpu;
    for (uint32_t at = 0; at < CPU_BYTES; at += 8) {
        uintptr_t value = *(uintptr_t *)(cpu + at);
        if (value > 0x10000 && cpu_restore_state_arm(cpu, value, false) && *env_reg(core, 15) == 0x1006) {
            host_pc_offset = at;
            break;
        }
    }
    return 0;
}

static void probe_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc, (void)offset, (void)size, (void)value, (void)user;
}

// The exclusive monitor's address after an LDREX of 0x1800.
static uint32_t find_exclusive(const uint8_t *env) {
    for (uint32_t offset = 64; offset < ENV_BYTES; offset += 8) {
        uint64_t value;
        memcpy(&value, env + offset, 8);
        if (value == 0x1800) {
            return offset;
        }
    }
    return NOT_FOUND;
}

// Run a load from a bus address whose place is known, and look which word of the CPU leads back to it.
static bool find_host_pc(core_t *core) {
    // nop; ldrex r0, [r2]; ldr r0, [r1]
    static const uint16_t code[] = {0xBF00, 0xE852, 0x0F00, 0x6808, 0xBF00, 0xE7FE};
    uc_engine *uc = core->uc;
    host_pc_offset = NOT_FOUND;
    if (uc_mem_map(uc, 0x1000, 0x1000, UC_PROT_ALL) || uc_mem_write(uc, 0x1000, code, sizeof(code)) ||
        uc_mmio_map(uc, 0x40000000, 0x1000, probe_read, core, probe_write, core)) {
        return false;
    }
    reg_set(core, UC_ARM_REG_R1, 0x40000000);
    reg_set(core, UC_ARM_REG_R2, 0x1800);
    uc_err error = uc_emu_start(uc, 0x1001, 0x100A, 0, 0);
    core->engine.exclusive = find_exclusive(core->engine.env);
    uc_mem_unmap(uc, 0x1000, 0x1000);
    uc_mem_unmap(uc, 0x40000000, 0x1000);
    core->engine.mem_io_pc = host_pc_offset;
    return error == UC_ERR_OK && host_pc_offset != NOT_FOUND && core->engine.exclusive != NOT_FOUND;
}

bool engine_open(core_t *core) {
    engine_t *engine = &core->engine;
    if (!find_env(core) || !find_restored(engine)) {
        return false;
    }
    engine->fpca = find_register(core, UC_ARM_REG_CONTROL, 0, CONTROL_FPCA);
    engine->control = find_register(core, UC_ARM_REG_CONTROL, 0, CONTROL_SPSEL);
    engine->primask = find_register(core, UC_ARM_REG_PRIMASK, 0, 1);
    engine->faultmask = find_register(core, UC_ARM_REG_FAULTMASK, 0, 1);
    engine->basepri = find_register(core, UC_ARM_REG_BASEPRI, 0x50, 0xA0);
    engine->vfp = find_register(core, UC_ARM_REG_S0, 0x12345678, 0x9ABCDEF0);
    uint32_t last = find_register(core, UC_ARM_REG_S31, 0x12345678, 0x9ABCDEF0);
    if (engine->control == NOT_FOUND || engine->fpca == NOT_FOUND || engine->primask == NOT_FOUND ||
        engine->faultmask == NOT_FOUND ||
        engine->basepri == NOT_FOUND || engine->vfp == NOT_FOUND || last != engine->vfp + 31 * 4) {
        return false;
    }
    return find_mpu(core) && find_host_pc(core);
}

// PC of the instruction whose bus access is being served.
uint32_t engine_pc_in_bus(core_t *core) {
    if (core->bus_pc_known) {
        return core->bus_pc;
    }
    engine_t *engine = &core->engine;
    uintptr_t host_pc = *(uintptr_t *)((uint8_t *)engine->cpu + engine->mem_io_pc);
    uint32_t pc = *env_reg(core, 15);
    uint32_t condexec = *env_word(core, engine->condexec);
    uint32_t syndrome = *env_word(core, engine->syndrome);
    core->bus_pc = core->block_pc;
    if (cpu_restore_state_arm(engine->cpu, host_pc, false)) {
        core->bus_pc = *env_reg(core, 15);
    }
    *env_reg(core, 15) = pc;
    *env_word(core, engine->condexec) = condexec;
    *env_word(core, engine->syndrome) = syndrome;
    core->bus_pc_known = true;
    return core->bus_pc;
}

// Leave the bus access without completing it: PC is left at its instruction, no register is changed.
void engine_abort_access(core_t *core) {
    engine_t *engine = &core->engine;
    uintptr_t host_pc = *(uintptr_t *)((uint8_t *)engine->cpu + engine->mem_io_pc);
    uc_emu_stop(core->uc);
    cpu_loop_exit_restore_arm(engine->cpu, host_pc);
    __builtin_unreachable();
}

// The same from a hook that Unicorn calls with the registers restored.
void engine_leave(core_t *core) {
    uc_emu_stop(core->uc);
    cpu_loop_exit_arm(core->engine.cpu);
    __builtin_unreachable();
}
