// SPDX-License-Identifier: MIT
// The MPU (ARM DDI 0403E B3.5): its registers here, the checking in QEMU's own PMSAv7 code, which knows it.

#include <string.h>

#include "core.h"

#define CTRL_ENABLE 1u
#define CTRL_HFNMIENA 2u
#define CTRL_PRIVDEFENA 4u
#define REGIONS 8
#define RASR_ENABLE 1u

void tlb_flush_arm(void *cpu);
void tlb_flush_page_arm(void *cpu, uint32_t address);

static uint32_t *region_array(core_t *core, int which) {
    uint32_t *array;
    memcpy(&array, core->engine.env + core->engine.pmsav7 + 8 * which, sizeof(array));
    return array;
}

static uint32_t region_bytes(uint32_t rasr) {
    uint32_t bits = ((rasr >> 1) & 31) + 1;
    return bits >= 32 ? 0 : 1u << bits; // 0: all of the address space
}

// What QEMU remembers of the pages of a region is void.
static void forget(core_t *core, uint32_t rbar, uint32_t rasr) {
    uint32_t size = region_bytes(rasr);
    if (!(rasr & RASR_ENABLE) || !(core->mpu_applied & CTRL_ENABLE)) {
        return;
    }
    if (size == 0 || size > 4096) {
        tlb_flush_arm(core->engine.cpu);
        return;
    }
    for (uint32_t offset = 0; offset < size + 1024; offset += 1024) {
        tlb_flush_page_arm(core->engine.cpu, rbar + offset);
    }
}

static void store_region(core_t *core, uint32_t number) {
    region_array(core, 0)[number] = core->mpu_rbar[number];
    region_array(core, 1)[number] = core->mpu_rasr[number] & 0xFF3F;
    region_array(core, 2)[number] = (core->mpu_rasr[number] >> 16) & 0x173F;
}

// In HardFault, NMI and with FAULTMASK the MPU is off unless HFNMIENA (B3.5.1).
void mpu_update(core_t *core) {
    uint32_t ctrl = core->mpu_ctrl;
    if (core->running < 0 && !(ctrl & CTRL_HFNMIENA)) {
        ctrl = 0;
    }
    if (ctrl != core->mpu_applied) {
        core->mpu_applied = ctrl;
        *env_word(core, core->engine.mpu_ctrl) = ctrl;
        tlb_flush_arm(core->engine.cpu);
    }
}

void mpu_reset(core_t *core) {
    core->mpu_ctrl = core->mpu_rnr = 0;
    memset(core->mpu_rbar, 0, sizeof(core->mpu_rbar));
    memset(core->mpu_rasr, 0, sizeof(core->mpu_rasr));
    for (uint32_t number = 0; number < REGIONS; number++) {
        store_region(core, number);
    }
    mpu_update(core);
}

// RBAR, RASR and their three aliases
static void region_write(core_t *core, uint32_t offset, uint32_t value) {
    bool base = (offset - 0xD9C) % 8 == 0;
    if (base && (value & 0x10)) {
        core->mpu_rnr = value & 7;
    }
    uint32_t number = core->mpu_rnr;
    forget(core, core->mpu_rbar[number], core->mpu_rasr[number]);
    if (base) {
        core->mpu_rbar[number] = value & ~0x1Fu;
    } else {
        core->mpu_rasr[number] = value & 0x173FFF3F;
    }
    store_region(core, number);
    forget(core, core->mpu_rbar[number], core->mpu_rasr[number]);
}

void mpu_write(core_t *core, uint32_t offset, uint32_t value) {
    if (offset == 0xD94) {
        core->mpu_ctrl = value & 7;
        mpu_update(core);
    } else if (offset == 0xD98) {
        core->mpu_rnr = value & 7;
    } else if (offset > 0xD98) {
        region_write(core, offset, value);
    }
}

uint32_t mpu_read(core_t *core, uint32_t offset) {
    switch (offset) {
    case 0xD90:
        return REGIONS << 8;
    case 0xD94:
        return core->mpu_ctrl;
    case 0xD98:
        return core->mpu_rnr;
    default:
        if ((offset - 0xD9C) % 8 == 0) {
            return core->mpu_rbar[core->mpu_rnr] | core->mpu_rnr;
        }
        return core->mpu_rasr[core->mpu_rnr];
    }
}

static bool region_has(core_t *core, int number, uint32_t address) {
    uint32_t rasr = core->mpu_rasr[number];
    uint32_t size = region_bytes(rasr);
    if (!(rasr & RASR_ENABLE)) {
        return false;
    }
    uint32_t offset = address - (size ? core->mpu_rbar[number] & ~(size - 1) : 0);
    if (size && offset >= size) {
        return false;
    }
    // Eight subregions, from 256 bytes up.
    uint32_t eighth = size ? size / 8 : 0x20000000;
    return (size && size < 256) || !((rasr >> (8 + offset / eighth)) & 1);
}

static bool permitted(uint32_t ap, bool write, bool privileged) {
    switch (ap) {
    case 1:
        return privileged;
    case 2:
        return privileged || !write;
    case 3:
        return true;
    case 5:
        return privileged && !write;
    case 6:
    case 7:
        return !write;
    default:
        return false;
    }
}

// Whether the stacking or unstacking of an exception may touch `address` (QEMU does not see it).
bool mpu_allows(core_t *core, uint32_t address, bool write, bool privileged) {
    if (!(core->mpu_applied & CTRL_ENABLE)) {
        return true;
    }
    for (int number = REGIONS - 1; number >= 0; number--) {
        if (region_has(core, number, address)) {
            return permitted((core->mpu_rasr[number] >> 24) & 7, write, privileged);
        }
    }
    return privileged && (core->mpu_applied & CTRL_PRIVDEFENA);
}
