// SPDX-License-Identifier: MIT
// NVIC registers: 82 lines, 4 priority bits.

#include "core.h"

#define LAST_WORD_MASK ((1u << (STM32F407_IRQS - 64)) - 1)

static uint32_t lines_of_word(uint32_t word) {
    return word < 2 ? UINT32_MAX : word == 2 ? LAST_WORD_MASK : 0;
}

// The tables are indexed by exception number, the registers by interrupt: 16 apart.
static uint32_t get_word(const uint32_t *table, uint32_t word) {
    if (word > 2) {
        return 0;
    }
    uint32_t low = table[word] >> 16;
    uint32_t high = word + 1 < EXC_WORDS ? table[word + 1] << 16 : 0;
    return (low | high) & lines_of_word(word);
}

static void change_word(uint32_t *table, uint32_t word, uint32_t bits, bool set) {
    bits &= lines_of_word(word);
    uint32_t low = bits << 16, high = bits >> 16;
    if (set) {
        table[word] |= low;
    } else {
        table[word] &= ~low;
    }
    if (word + 1 < EXC_WORDS && set) {
        table[word + 1] |= high;
    } else if (word + 1 < EXC_WORDS) {
        table[word + 1] &= ~high;
    }
}

static uint32_t priorities(core_t *core, uint32_t irq) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4 && irq + i < STM32F407_IRQS; i++) {
        value |= (uint32_t)core->priority[16 + irq + i] << (8 * i);
    }
    return value;
}

// `offset` from 0xE000E000, word aligned. False: not an NVIC register.
bool nvic_read(core_t *core, uint32_t offset, uint32_t *value) {
    uint32_t word = (offset & 0x1F) / 4;
    uint32_t group = offset & ~0x1Fu;
    if (offset >= 0x400 && offset < 0x400 + 240) {
        *value = priorities(core, offset - 0x400);
    } else if (group == 0x100 || group == 0x180) {
        *value = get_word(core->enabled, word);
    } else if (group == 0x200 || group == 0x280) {
        *value = get_word(core->pending, word);
    } else if (group == 0x300) {
        *value = get_word(core->active, word);
    } else {
        return false;
    }
    return true;
}

static void write_priorities(core_t *core, uint32_t irq, uint32_t value, uint32_t lanes) {
    for (uint32_t i = 0; i < 4 && irq + i < STM32F407_IRQS; i++) {
        if ((lanes >> (8 * i)) & 0xFF) {
            core->priority[16 + irq + i] = (value >> (8 * i)) & 0xF0;
        }
    }
}

// `lanes` is 0xFF in each byte that is written.
bool nvic_write(core_t *core, uint32_t offset, uint32_t value, uint32_t lanes) {
    uint32_t word = (offset & 0x1F) / 4;
    uint32_t group = offset & ~0x1Fu;
    if (offset >= 0x400 && offset < 0x400 + 240) {
        write_priorities(core, offset - 0x400, value, lanes);
    } else if (group == 0x100 || group == 0x180) {
        change_word(core->enabled, word & 3, word > 2 ? 0 : value & lanes, group == 0x100);
    } else if (group == 0x200) {
        change_word(core->pending, word & 3, word > 2 ? 0 : value & lanes, true);
    } else if (group == 0x280) {
        change_word(core->pending, word & 3, word > 2 ? 0 : value & lanes, false);
        // A line that is still high pends again at once, unless its handler runs.
        for (int i = 0; i < EXC_WORDS; i++) {
            core->pending[i] |= core->line[i] & ~core->active[i];
        }
    } else if (group != 0x300) {
        return false;
    }
    exceptions_update(core);
    return true;
}
