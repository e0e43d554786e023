// SPDX-License-Identifier: MIT
// The memories as host arrays, what is known of code in them, and stores to flash.

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core.h"

#define FLASH_BASE 0x08000000u
#define FLASH_BYTES 0x100000u
#define SRAM_BASE 0x20000000u

#define SRAM_BYTES 0x20000u
#define PAGE_BYTES 0x1000u

// `piece`: the engine's unit of access rights.
static bool map(core_t *core, uint32_t base, uint32_t size, int rights, uint32_t piece) {
    uint8_t *host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host == MAP_FAILED) {
        return false;
    }
    core->memory[core->memories++] = (memory_t){base, size, host};
    for (uint32_t offset = 0; offset < size; offset += piece) {
        if (uc_mem_map_ptr(core->uc, base + offset, piece, rights, host + offset)) {
            return false;
        }
    }
    return true;
}

bool memory_open(core_t *core) {
    core->code_page = calloc(1u << 20, 1);
    core->flash_blocks = calloc(FLASH_BYTES / 2, sizeof(block_t));
    // CCM hangs on the data bus alone: no instruction fetch.
    return core->code_page && core->flash_blocks &&
           map(core, FLASH_BASE, FLASH_BYTES, UC_PROT_READ | UC_PROT_EXEC, FLASH_BYTES) &&
           map(core, SRAM_BASE, SRAM_BYTES, UC_PROT_READ | UC_PROT_WRITE, PAGE_BYTES) &&
           map(core, 0x10000000, 0x10000, UC_PROT_READ | UC_PROT_WRITE, 0x10000) &&
           map(core, 0x1FFF0000, 0x8000, UC_PROT_READ | UC_PROT_EXEC, 0x8000);
}

// Unicorn carries out every store to a page with the right to execute the long way. So pages of SRAM get that
// right when code is first run from them.
bool memory_allow_code(core_t *core, uint32_t address) {
    uint32_t page = address & ~(PAGE_BYTES - 1);
    if (address - SRAM_BASE >= SRAM_BYTES) {
        return false;
    }
    // A block may go on to the next page.
    uint32_t end = page + 2 * PAGE_BYTES;
    for (; page < end && page < SRAM_BASE + SRAM_BYTES; page += PAGE_BYTES) {
        uc_mem_protect(core->uc, page, PAGE_BYTES, UC_PROT_ALL);
    }
    return true;
}

void core_host_close(core_t *core) {
    for (int i = 0; i < core->memories; i++) {
        munmap(core->memory[i].host, core->memory[i].size);
    }
    free(core->code_page);
    free(core->flash_blocks);
    free(core->profile);
    free(core->breakpoints);
    free(core->store_words);
}

// What answers at address 0: flash, system memory or SRAM1 (SYSCFG_MEMRMP 0, 1, 3).
bool core_set_boot_alias(core_t *core, uint32_t base, uint32_t size) {
    if (core->boot_alias) {
        uc_mem_unmap(core->uc, 0, core->boot_alias);
        uc_ctl_remove_cache(core->uc, 0, core->boot_alias);
        core->boot_alias = 0;
    }
    for (int i = 0; i < core->memories; i++) {
        memory_t *memory = &core->memory[i];
        if (memory->base == base) {
            int rights = base == SRAM_BASE ? UC_PROT_ALL : UC_PROT_READ | UC_PROT_EXEC;
            core->boot_alias = size;
            core->alias_host = memory->host;
            return uc_mem_map_ptr(core->uc, 0, size, rights, memory->host) == UC_ERR_OK;
        }
    }
    return false;
}

uint8_t *core_memory(core_t *core, uint32_t base) {
    for (int i = 0; i < core->memories; i++) {
        if (core->memory[i].base == base) {
            return core->memory[i].host;
        }
    }
    return NULL;
}

// Host address of guest memory, or NULL. Address 0 is followed to what is aliased there.
uint8_t *memory_host(core_t *core, uint32_t address, uint32_t size) {
    for (int i = 0; i < core->memories; i++) {
        memory_t *memory = &core->memory[i];
        if (address - memory->base < memory->size && size <= memory->size - (address - memory->base)) {
            return memory->host + (address - memory->base);
        }
    }
    if (core->boot_alias && address < core->boot_alias && size <= core->boot_alias - address) {
        return core->alias_host + address;
    }
    return NULL;
}

// The host wrote to memory that may hold translated code.
void memory_written(core_t *core, uint32_t address, uint32_t size) {
    uint32_t first = address >> 12, last = (address + size - 1) >> 12;
    bool code = false;
    for (uint32_t page = first; page <= last; page++) {
        code |= core->code_page[page];
    }
    if (!code) {
        return;
    }
    uint32_t from = first << 12, to = (last + 1) << 12;
    uc_ctl_remove_cache(core->uc, from, to);
    if (address >= FLASH_BASE && address < FLASH_BASE + FLASH_BYTES) {
        uint32_t start = from - FLASH_BASE;
        start = start >= 4096 ? start - 4096 : 0; // a block may begin on the page before
        memset(core->flash_blocks + start / 2, 0, (to - FLASH_BASE - start) / 2 * sizeof(block_t));
        if (core->boot_alias) {
            uc_ctl_remove_cache(core->uc, from - FLASH_BASE, to - FLASH_BASE);
        }
    }
}

void core_memory_written(core_t *core, uint32_t address, uint32_t size) {
    memory_written(core, address, size);
}

bool memory_load32(core_t *core, uint32_t address, uint32_t *value) {
    uint8_t *host = memory_host(core, address, 4);
    if (host) {
        memcpy(value, host, 4);
    }
    return host != NULL;
}

bool memory_store32(core_t *core, uint32_t address, uint32_t value) {
    uint8_t *host = memory_host(core, address, 4);
    if (!host || (address >= FLASH_BASE && address < 0x10000000) || address < FLASH_BASE) {
        return false;
    }
    memcpy(host, &value, 4);
    if (core->code_page[address >> 12]) {
        memory_written(core, address, 4);
    }
    return true;
}

static inline bool wide(uint16_t halfword) {
    return halfword >= 0xE800;
}

static inline uint16_t halfword_at(const uint8_t *code, uint32_t offset) {
    uint16_t halfword;
    memcpy(&halfword, code + offset, 2);
    return halfword;
}

static void block_decode(core_t *core, uint32_t address, uint32_t size, block_t *block) {
    uint16_t count = 0, flags = 0;
    const uint8_t *code = memory_host(core, address, size);
    for (uint32_t offset = 0; code && offset < size; count++) {
        uint16_t first = halfword_at(code, offset);
        offset += 2;
        if (first == 0xBF40) {
            flags |= BLOCK_SEV;
        }
        if (wide(first) && offset < size) {
            uint16_t second = halfword_at(code, offset);
            offset += 2;
            flags |= is_fpu(first, second) ? BLOCK_FP : is_division(first, second) ? BLOCK_DIV : 0;
            if (first == 0xF3AF && second == 0x8004) {
                flags |= BLOCK_SEV;
            }
        }
    }
    block->size = (uint16_t)size;
    block->count = count | flags;
}

// A block that is not known yet; code outside flash is read every time, since it may change.
block_t *block_find(core_t *core, uint32_t address, uint32_t size, block_t *scratch) {
    uint32_t offset = address - FLASH_BASE;
    block_t *block = offset < FLASH_BYTES ? &core->flash_blocks[offset >> 1] : scratch;
    core->code_page[address >> 12] = 1;
    core->code_page[(address + size - 1) >> 12] = 1;
    block_decode(core, address, size, block);
    return block;
}

// Number of instructions between two addresses of straight code.
uint32_t block_index(core_t *core, uint32_t from, uint32_t to) {
    if (to <= from || to - from > 4096) {
        return 0;
    }
    const uint8_t *code = memory_host(core, from, to - from);
    uint32_t index = 0;
    for (uint32_t offset = 0; code && offset < to - from; index++) {
        offset += wide(halfword_at(code, offset)) ? 4 : 2;
    }
    return index;
}
