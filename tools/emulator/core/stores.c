// SPDX-License-Identifier: MIT
// Stores of the guest to words of SRAM that somebody wants to hear of.

#include <stdlib.h>

#include "core.h"

#define SRAM_BASE 0x20000000u
#define SRAM_BYTES 0x20000u

static void on_store(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                     void *user) {
    (void)type;
    core_t *core = user;
    // To know the PC Unicorn restores the CPU's state before the hook, the IT state included, which a
    // translated block keeps to itself: left there, it would make the next block conditional.
    *env_word(core, core->engine.condexec) = 0;
    uint32_t first = ((uint32_t)address - SRAM_BASE) >> 2;
    uint32_t last = ((uint32_t)address + (uint32_t)size - 1 - SRAM_BASE) >> 2;
    if ((!core->store_words[first] && !core->store_words[last]) || core->stop) {
        return;
    }
    // The instruction is not known without leaving it; its block is.
    core->in_bus = core->bus_pc_known = true;
    core->now_valid = false;
    core->bus_pc = core->block_pc;
    core->bus_result = BUS_OK;
    core->store_seen((uint32_t)address, (uint32_t)size, (uint32_t)value);
    core->in_bus = false;
    core->now_valid = false;
    if (core->bus_result != BUS_OK) {
        core->stop = true;
        core->stop_reason = RUN_ERROR;
        uc_emu_stop(uc);
    }
}

// From now on seen() is called before each store to a word whose byte in the array that is returned is not 0.
// It makes every store slow.
uint8_t *core_watch_stores(core_t *core, store_seen_t seen) {
    core->store_seen = seen;
    if (!core->store_words) {
        uc_hook hook;
        core->store_words = calloc(SRAM_BYTES / 4 + 1, 1);
        if (!core->store_words || uc_hook_add(core->uc, &hook, UC_HOOK_MEM_WRITE, on_store, core, SRAM_BASE,
                                              SRAM_BASE + SRAM_BYTES - 1)) {
            return NULL;
        }
        uc_ctl_flush_tb(core->uc);
    }
    return core->store_words;
}
