// SPDX-License-Identifier: MIT
// Stores that the engine refuses though silicon carries them out: they are carried out here.
// - To flash, which is read-only to the engine: the words go to the bus (the FLASH model decides).
// - Unaligned ones to a page of which the MPU forbids the first bytes: QEMU asks about those.

#include <string.h>

#include "core.h"

#define QEMU_PAGE 1024u
#define CCM_BASE 0x10000000u

typedef struct {
    uint32_t address;
    uint32_t width;       // of one transfer
    uint32_t registers;   // bit per register stored, lowest first; for STRD first and second
    int first, second;    // STRD: in this order
    int writeback;        // register, or -1
    uint32_t base_after;
    uint32_t length;      // of the instruction
} store_t;

static uint32_t reg(core_t *core, uint32_t number) {
    return *env_reg(core, (int)number);
}

static bool decode_narrow(core_t *core, uint16_t code, store_t *store) {
    uint32_t base = reg(core, (code >> 3) & 7), imm5 = (code >> 6) & 31;
    store->first = code & 7;
    store->length = 2;
    switch (code >> 9) {
    case 0x28: // str, strh, strb (register)
    case 0x29:
    case 0x2A:
        store->width = code >> 9 == 0x28 ? 4 : code >> 9 == 0x29 ? 2 : 1;
        store->address = base + reg(core, imm5 & 7);
        return true;
    }
    switch (code >> 11) {
    case 0x0C:
        store->width = 4;
        store->address = base + imm5 * 4;
        return true;
    case 0x0E:
        store->width = 1;
        store->address = base + imm5;
        return true;
    case 0x10:
        store->width = 2;
        store->address = base + imm5 * 2;
        return true;
    case 0x18: // stm rn!, {...}
        store->width = 4;
        store->registers = code & 0xFF;
        store->writeback = (code >> 8) & 7;
        store->address = reg(core, (uint32_t)store->writeback);
        store->base_after = store->address + 4 * (uint32_t)__builtin_popcount(store->registers);
        return true;
    }
    return false;
}

// str{,b,h}.w with 12-bit, 8-bit and register offset
static bool decode_single(core_t *core, uint16_t first, uint16_t second, store_t *store) {
    uint32_t rn = first & 15, base = reg(core, rn);
    store->width = 1u << ((first >> 5) & 3);
    store->first = second >> 12;
    if (first & 0x80) {
        store->address = base + (second & 0xFFF);
        return true;
    }
    if (!(second & 0x800)) {
        store->address = base + (reg(core, second & 15) << ((second >> 4) & 3));
        return true;
    }
    uint32_t offset = second & 0xFF;
    uint32_t moved = second & 0x200 ? base + offset : base - offset;
    store->address = second & 0x400 ? moved : base;
    if (second & 0x100) {
        store->writeback = (int)rn;
        store->base_after = moved;
    }
    return true;
}

static bool decode_wide(core_t *core, uint16_t first, uint16_t second, store_t *store) {
    uint32_t rn = first & 15, base = reg(core, rn);
    store->length = 4;
    if ((first & 0xFF10) == 0xF800 && ((first >> 5) & 3) != 3) {
        return decode_single(core, first, second, store);
    }
    if ((first & 0xFE50) == 0xE840 && (first & 0x0120)) { // strd
        uint32_t offset = (second & 0xFFu) * 4;
        uint32_t moved = first & 0x80 ? base + offset : base - offset;
        store->width = 4;
        store->first = second >> 12;
        store->second = (second >> 8) & 15;
        store->address = first & 0x100 ? moved : base;
        if (first & 0x20) {
            store->writeback = (int)rn;
            store->base_after = moved;
        }
        return true;
    }
    if ((first & 0xFFD0) == 0xE880) { // stmia
        store->width = 4;
        store->registers = second & 0x5FFF;
        store->address = base;
        store->base_after = base + 4 * (uint32_t)__builtin_popcount(store->registers);
        store->writeback = first & 0x20 ? (int)rn : -1;
        return true;
    }
    return false;
}

static uint32_t next_it(uint32_t xpsr) {
    uint32_t it = ((xpsr >> 25) & 3) | ((xpsr >> 8) & 0xFC);
    it = it & 7 ? (it & 0xE0) | ((it << 1) & 0x1F) : 0;
    return (xpsr & ~0x0600FC00u) | (it & 3) << 25 | (it & 0xFC) << 8;
}

static bool decode(core_t *core, store_t *store) {
    uint8_t *code = memory_host(core, reg(core, 15), 4);
    if (!code) {
        return false;
    }
    *store = (store_t){.second = -1, .writeback = -1};
    uint16_t first = (uint16_t)(code[0] | code[1] << 8), second = (uint16_t)(code[2] | code[3] << 8);
    return first >= 0xE800 ? decode_wide(core, first, second, store) : decode_narrow(core, first, store);
}

// The instruction has been carried out.
static void finish(core_t *core, const store_t *store) {
    if (store->writeback >= 0) {
        *env_reg(core, store->writeback) = store->base_after;
    }
    reg_set(core, UC_ARM_REG_XPSR, next_it(reg_get(core, UC_ARM_REG_XPSR)));
    *env_reg(core, 15) += store->length;
    core->icount++;
    core->now_valid = false;
}

// Carry out the store at PC on the bus. False: not an instruction known here, or the bus refused.
bool store_emulate(core_t *core) {
    uint32_t address = core->invalid_address;
    store_t store;
    if (address < 0x08000000 || address >= 0x08100000 || !decode(core, &store)) {
        return false;
    }
    uint32_t values[16];
    int count = 0;
    if (store.registers) {
        for (uint32_t i = 0; i < 15; i++) {
            if (store.registers & (1u << i)) {
                values[count++] = reg(core, i);
            }
        }
    } else {
        values[count++] = reg(core, (uint32_t)store.first);
        if (store.second >= 0) {
            values[count++] = reg(core, (uint32_t)store.second);
        }
    }
    core->bus_result = 0;
    for (int i = 0; i < count && !core->bus_result; i++) {
        uint32_t value = store.width == 4 ? values[i] : values[i] & ((1u << (8 * store.width)) - 1);
        core->bus_write(store.address + (uint32_t)i * store.width, value, store.width);
    }
    if (core->bus_result == BUS_FAULT) {
        return false;
    }
    if (core->bus_result == BUS_ERROR) {
        core->stop = true;
        core->stop_reason = RUN_ERROR;
        return true;
    }
    finish(core, &store);
    return true;
}

// The MPU refused a store at `fault_address`: carry it out if it is an unaligned one elsewhere in that page
// that the MPU does allow. False: it was refused rightly.
bool store_misjudged(core_t *core) {
    store_t store;
    if (core->fault_address % QEMU_PAGE || !decode(core, &store)) {
        return false;
    }
    // Only single words and halfwords may be unaligned (ARM DDI 0403E A3.2.1).
    bool single = !store.registers && store.second < 0;
    uint8_t *host = memory_host(core, store.address, store.width);
    if (!single || !(store.address & (store.width - 1)) || store.address < CCM_BASE || !host) {
        return false;
    }
    for (uint32_t i = 0; i < store.width; i++) {
        if (!mpu_allows(core, store.address + i, true, mpu_privileged(core))) {
            core->fault_address = store.address + i;
            return false;
        }
    }
    uint32_t value = reg(core, (uint32_t)store.first);
    memcpy(host, &value, store.width);
    memory_written(core, store.address, store.width);
    finish(core, &store);
    return true;
}
