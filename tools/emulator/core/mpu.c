// SPDX-License-Identifier: MIT
// The MPU (ARM DDI 0403E B3.5): its registers here, the checking in QEMU's own PMSAv7 code, which knows it.
//
// QEMU's MPU is on all the time. Below the guest's regions stand some of ours that make SRAM and CCM
// execute-never: Unicorn carries out every store to a page that could hold code the long way, which cost a
// quarter of the speed. Code in SRAM opens the 16 KB round it when it is first fetched.

#include <string.h>

#include "core.h"

#define CTRL_ENABLE 1u
#define CTRL_HFNMIENA 2u
#define CTRL_PRIVDEFENA 4u
#define REGIONS 8
#define RASR_ENABLE 1u
#define RASR_SIZE(log2) (((log2) - 1u) << 1)
#define RASR_AP(ap) ((ap) << 24)
#define RASR_XN (1u << 28)
#define AP_PRIVILEGED 1u
#define AP_FULL 3u
#define QEMU_PAGE 1024u

#define SRAM_BASE 0x20000000u
#define SRAM_BYTES 0x20000u
#define SRAM_SUBREGION (SRAM_BYTES / 8)
#define CCM_BASE 0x10000000u

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

// Whether the guest's regions count now: not in HardFault, NMI and with FAULTMASK unless HFNMIENA (B3.5.1).
static bool guest_on(core_t *core) {
    return (core->mpu_ctrl & CTRL_ENABLE) && (core->running >= 0 || (core->mpu_ctrl & CTRL_HFNMIENA));
}

static void put(core_t *core, int slot, uint32_t rbar, uint32_t rasr) {
    region_array(core, 0)[slot] = rbar;
    region_array(core, 1)[slot] = rasr & 0xFF3F;
    region_array(core, 2)[slot] = (rasr >> 16) & 0x173F;
}

// The guest's regions, in their order, into the last slots; returns how many.
static int put_guest(core_t *core) {
    int slot = REGIONS;
    for (int number = REGIONS - 1; number >= 0; number--) {
        if (core->mpu_rasr[number] & RASR_ENABLE) {
            put(core, --slot, core->mpu_rbar[number], core->mpu_rasr[number]);
        }
    }
    return REGIONS - slot;
}

// Ours: the data memories without execution, for those who have access to them without a region.
static int put_ours(core_t *core, int slot, uint32_t ap) {
    uint32_t data = RASR_AP(ap) | RASR_XN | RASR_ENABLE;
    put(core, slot++, SRAM_BASE, data | RASR_SIZE(17) | (uint32_t)core->sram_code << 8);
    put(core, slot++, CCM_BASE, data | RASR_SIZE(16));
    return slot;
}

static void program(core_t *core) {
    bool on = guest_on(core);
    uint32_t ctrl = CTRL_ENABLE | CTRL_HFNMIENA | CTRL_PRIVDEFENA;
    int used = 0, slot = 0;
    if (on) {
        used = put_guest(core);
        ctrl = (core->mpu_ctrl & CTRL_PRIVDEFENA) | CTRL_ENABLE | CTRL_HFNMIENA;
    } else {
        put(core, slot++, 0, RASR_AP(AP_FULL) | RASR_SIZE(32) | RASR_ENABLE);
    }
    if ((ctrl & CTRL_PRIVDEFENA) && used <= REGIONS - 2) {
        slot = put_ours(core, slot, on ? AP_PRIVILEGED : AP_FULL);
    }
    while (slot < REGIONS - used) {
        put(core, slot++, 0, 0);
    }
    core->mpu_applied = on;
    *env_word(core, core->engine.mpu_ctrl) = ctrl;
}

// The exceptions that are active changed.
void mpu_update(core_t *core) {
    if (guest_on(core) != core->mpu_applied) {
        program(core);
        tlb_flush_arm(core->engine.cpu);
    }
}

void mpu_reset(core_t *core) {
    core->mpu_ctrl = core->mpu_rnr = 0;
    memset(core->mpu_rbar, 0, sizeof(core->mpu_rbar));
    memset(core->mpu_rasr, 0, sizeof(core->mpu_rasr));
    program(core);
    tlb_flush_arm(core->engine.cpu);
}

// What QEMU remembers of the pages of a region is void.
static void forget(core_t *core, uint32_t rbar, uint32_t rasr) {
    uint32_t size = region_bytes(rasr);
    if (!(rasr & RASR_ENABLE) || !core->mpu_applied) {
        return;
    }
    if (size == 0 || size > 4 * QEMU_PAGE) {
        tlb_flush_arm(core->engine.cpu);
        return;
    }
    for (uint32_t page = rbar & ~(QEMU_PAGE - 1); page < rbar + size; page += QEMU_PAGE) {
        tlb_flush_page_arm(core->engine.cpu, page);
    }
}

// RBAR, RASR and their three aliases
static void region_write(core_t *core, uint32_t offset, uint32_t value) {
    bool base = (offset - 0xD9C) % 8 == 0;
    if (base && (value & 0x10)) {
        core->mpu_rnr = value & 7;
    }
    uint32_t number = core->mpu_rnr;
    uint32_t *reg = base ? &core->mpu_rbar[number] : &core->mpu_rasr[number];
    value &= base ? ~0x1Fu : 0x173FFF3F;
    if (*reg == value) {
        return;
    }
    forget(core, core->mpu_rbar[number], core->mpu_rasr[number]);
    *reg = value;
    program(core);
    forget(core, core->mpu_rbar[number], core->mpu_rasr[number]);
}

void mpu_write(core_t *core, uint32_t offset, uint32_t value) {
    if (offset == 0xD94) {
        core->mpu_ctrl = value & 7;
        program(core);
        tlb_flush_arm(core->engine.cpu);
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

// The guest's region that decides for `address`, or -1.
static int region_of(core_t *core, uint32_t address) {
    int number = REGIONS - 1;
    while (number >= 0 && !region_has(core, number, address)) {
        number--;
    }
    return number;
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
    if (!core->mpu_applied) {
        return true;
    }
    int number = region_of(core, address);
    if (number >= 0) {
        return permitted((core->mpu_rasr[number] >> 24) & 7, write, privileged);
    }
    return privileged && (core->mpu_ctrl & CTRL_PRIVDEFENA);
}

bool mpu_privileged(core_t *core) {
    return (reg_get(core, UC_ARM_REG_XPSR) & 0x1FF) ||
           !(*env_word(core, core->engine.control) & CONTROL_NPRIV);
}

// A fetch was refused: by the guest's regions (true), or by ours.
bool mpu_forbids_code(core_t *core, uint32_t address) {
    if (!core->mpu_applied) {
        return false;
    }
    int number = region_of(core, address);
    if (number >= 0 && (core->mpu_rasr[number] & RASR_XN)) {
        return true;
    }
    return !mpu_allows(core, address, false, mpu_privileged(core));
}

// Code is fetched from SRAM: false where it is not SRAM.
bool mpu_open_code(core_t *core, uint32_t address) {
    if (address - SRAM_BASE >= SRAM_BYTES) {
        return false;
    }
    core->sram_code |= 1u << ((address - SRAM_BASE) / SRAM_SUBREGION);
    program(core);
    tlb_flush_arm(core->engine.cpu);
    return true;
}
