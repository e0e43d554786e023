// SPDX-License-Identifier: MIT
// Everything that is not memory: peripherals (by the Python callbacks), the core's own registers, bit-band.

#include <string.h>

#include "core.h"

#define PERIPHERALS 0x40000000u
#define PERIPHERAL_ALIAS 0x42000000u
#define ALIAS_BYTES 0x02000000u
#define SRAM 0x20000000u
#define SRAM_ALIAS 0x22000000u
#define PRIVATE 0xE0000000u

static void begin(core_t *core) {
    core->in_bus = true;
    core->now_valid = false;
    core->bus_pc_known = false;
    core->bus_result = BUS_OK;
}

// What the callback flagged: nothing, a fault of the guest, an error that ends the run at this instruction.
static void end(core_t *core, uint32_t address, uint32_t width, bool write) {
    if (core->bus_result == BUS_OK) {
        core->in_bus = false;
        core->now_valid = false;
        return;
    }
    if (core->bus_result == BUS_FAULT) {
        core->invalid_access = true;
        core->invalid_type = write ? UC_MEM_WRITE_UNMAPPED : UC_MEM_READ_UNMAPPED;
        core->invalid_address = address;
        core->invalid_size = width;
    } else {
        core->stop = true;
        core->stop_reason = RUN_ERROR;
    }
    core->in_bus = false;
    core->now_valid = false;
    engine_abort_access(core);
}

// Bit-band: the word that holds the bit, and the bit's number in it (PM0214 2.2.5).
static uint32_t band_word(uint32_t offset, uint32_t *bit) {
    *bit = (offset >> 2) & 31;
    return (offset >> 5) & ~3u;
}

static uint64_t peripheral_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    core_t *core = user;
    uint32_t address = PERIPHERALS + (uint32_t)offset, value, bit;
    begin(core);
    if (address - PERIPHERAL_ALIAS < ALIAS_BYTES) {
        uint32_t word = PERIPHERALS + band_word(address - PERIPHERAL_ALIAS, &bit);
        value = (core->bus_read(word, 4) >> bit) & 1;
    } else {
        value = core->bus_read(address, size);
    }
    end(core, address, size, false);
    return value;
}

static void peripheral_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    core_t *core = user;
    uint32_t address = PERIPHERALS + (uint32_t)offset, bit;
    begin(core);
    if (address - PERIPHERAL_ALIAS < ALIAS_BYTES) {
        uint32_t word = PERIPHERALS + band_word(address - PERIPHERAL_ALIAS, &bit);
        uint32_t old = core->bus_read(word, 4);
        if (core->bus_result == BUS_OK) {
            core->bus_write(word, (old & ~(1u << bit)) | ((uint32_t)value & 1) << bit, 4);
        }
    } else {
        core->bus_write(address, (uint32_t)value, size);
    }
    end(core, address, size, true);
}

static uint64_t sram_alias_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    core_t *core = user;
    uint32_t bit, word = 0;
    begin(core);
    if (!memory_load32(core, SRAM + band_word((uint32_t)offset, &bit), &word)) {
        core->bus_result = BUS_FAULT;
    }
    end(core, SRAM_ALIAS + (uint32_t)offset, size, false);
    return (word >> bit) & 1;
}

static void sram_alias_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    core_t *core = user;
    uint32_t bit, word = 0;
    uint32_t address = SRAM + band_word((uint32_t)offset, &bit);
    begin(core);
    if (!memory_load32(core, address, &word)) {
        core->bus_result = BUS_FAULT;
    } else {
        memory_store32(core, address, (word & ~(1u << bit)) | ((uint32_t)value & 1) << bit);
    }
    end(core, SRAM_ALIAS + (uint32_t)offset, size, true);
}

static uint64_t private_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    core_t *core = user;
    begin(core);
    uint32_t value = scs_read(core, PRIVATE + (uint32_t)offset, size);
    end(core, PRIVATE + (uint32_t)offset, size, false);
    return value;
}

static void private_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    core_t *core = user;
    begin(core);
    scs_write(core, PRIVATE + (uint32_t)offset, (uint32_t)value, size);
    end(core, PRIVATE + (uint32_t)offset, size, true);
}

bool bus_open(core_t *core) {
    uc_engine *uc = core->uc;
    return !uc_mmio_map(uc, PERIPHERALS, 0x20000000, peripheral_read, core, peripheral_write, core) &&
           !uc_mmio_map(uc, SRAM_ALIAS, ALIAS_BYTES, sram_alias_read, core, sram_alias_write, core) &&
           !uc_mmio_map(uc, PRIVATE, 0x100000, private_read, core, private_write, core);
}
