// SPDX-License-Identifier: MIT
// The private peripheral bus: SCB, SysTick, MPU, FPU and debug registers (ARM DDI 0403E B3, C1).

#include <stdio.h>
#include <string.h>

#include "core.h"

#define FPCCR_RESET 0xC0000000u
#define CCR_RESET 0x200u

void scs_reset(core_t *core) {
    core->vtor = core->prigroup = core->scr = core->shcsr = 0;
    core->cfsr = core->hfsr = core->dfsr = core->mmfar = core->bfar = core->afsr = 0;
    core->ccr = CCR_RESET;
    core->ccr_changed = true;
    core->cpacr = core->actlr = core->demcr = 0;
    core->nocp = true;
    core->fpccr = FPCCR_RESET;
    core->fpcar = core->fpdscr = 0;
    mpu_reset(core);
    core->dwt_ctrl = 0x40000000;
    memset(core->dwt_other, 0, sizeof(core->dwt_other));
    core->active_base = 0;
    systick_reset(core);
}

static void unmodelled(core_t *core, const char *what, uint32_t address, uint32_t value) {
    char text[96];
    snprintf(text, sizeof(text), "%s of unmodelled core register 0x%08x (0x%x)", what, address, value);
    core->report(text);
}

// ICSR and SHCSR

static uint32_t icsr(core_t *core) {
    uint32_t value = reg_get(core, UC_ARM_REG_XPSR) & 0x1FF;
    int active = 0;
    for (int word = 0; word < EXC_WORDS; word++) {
        active += __builtin_popcount(core->active[word]);
        if (core->pending[word] & (word ? UINT32_MAX : 0xFFFF0000u)) {
            value |= 1u << 22;
        }
    }
    value |= active <= 1 ? 1u << 11 : 0;
    value |= (uint32_t)core->best << 12;
    value |= BIT_TEST(core->pending, EXC_SYSTICK) << 26;
    value |= BIT_TEST(core->pending, EXC_PENDSV) << 28;
    value |= BIT_TEST(core->pending, EXC_NMI) << 31;
    return value;
}

static void icsr_write(core_t *core, uint32_t value) {
    if (value & (1u << 31)) {
        exception_pend(core, EXC_NMI, true);
    }
    if (value & (1u << 28)) {
        exception_pend(core, EXC_PENDSV, true);
    } else if (value & (1u << 27)) {
        exception_pend(core, EXC_PENDSV, false);
    }
    if (value & (1u << 26)) {
        exception_pend(core, EXC_SYSTICK, true);
    } else if (value & (1u << 25)) {
        exception_pend(core, EXC_SYSTICK, false);
    }
}

static const struct {
    uint8_t bit, number, pending;
} shcsr_bits[] = {
    {0, EXC_MEMMANAGE, 0}, {1, EXC_BUSFAULT, 0},    {3, EXC_USAGEFAULT, 0}, {7, EXC_SVCALL, 0},
    {8, EXC_DEBUGMON, 0},  {10, EXC_PENDSV, 0},     {11, EXC_SYSTICK, 0},   {12, EXC_USAGEFAULT, 1},
    {13, EXC_MEMMANAGE, 1}, {14, EXC_BUSFAULT, 1},  {15, EXC_SVCALL, 1},
};

static uint32_t shcsr(core_t *core) {
    uint32_t value = core->shcsr;
    for (unsigned i = 0; i < sizeof(shcsr_bits) / sizeof(shcsr_bits[0]); i++) {
        uint32_t *table = shcsr_bits[i].pending ? core->pending : core->active;
        value |= BIT_TEST(table, shcsr_bits[i].number) << shcsr_bits[i].bit;
    }
    return value;
}

static void shcsr_write(core_t *core, uint32_t value) {
    core->shcsr = value & 0x70000;
    for (unsigned i = 0; i < sizeof(shcsr_bits) / sizeof(shcsr_bits[0]); i++) {
        uint32_t *table = shcsr_bits[i].pending ? core->pending : core->active;
        if (value & (1u << shcsr_bits[i].bit)) {
            BIT_SET(table, shcsr_bits[i].number);
        } else {
            BIT_CLEAR(table, shcsr_bits[i].number);
        }
    }
    exceptions_update(core);
}

static void aircr_write(core_t *core, uint32_t value) {
    if (value >> 16 != 0x05FA) {
        return;
    }
    core->prigroup = (value >> 8) & 7;
    if (value & 4) {
        core->reset_requested = true;
    }
    exceptions_update(core);
}

static uint32_t shpr(core_t *core, uint32_t first) {
    uint32_t value;
    memcpy(&value, &core->priority[first], 4);
    return value;
}

static void shpr_write(core_t *core, uint32_t first, uint32_t value, uint32_t lanes) {
    for (uint32_t i = 0; i < 4; i++) {
        if ((lanes >> (8 * i)) & 0xFF) {
            core->priority[first + i] = (value >> (8 * i)) & 0xF0;
        }
    }
    exceptions_update(core);
}

// DWT

static uint32_t dwt_read(core_t *core, uint32_t offset) {
    switch (offset) {
    case 0x000:
        return core->dwt_ctrl;
    case 0x004:
        if (core->dwt_ctrl & 1) {
            return (uint32_t)(core_active_cycles(core) - core->active_base);
        }
        return (uint32_t)core->active_base;
    case 0x01C:
        return core->block_pc;
    default:
        return offset < 0x80 ? core->dwt_other[offset / 4] : 0;
    }
}

static void dwt_write(core_t *core, uint32_t offset, uint32_t value) {
    uint32_t now = (uint32_t)core_active_cycles(core);
    switch (offset) {
    case 0x000: {
        // active_base is the offset while counting, the held value while not; it needs DEMCR.TRCENA.
        uint32_t enable = (core->demcr >> 24) & value & 1;
        if (enable != (core->dwt_ctrl & 1)) {
            core->active_base = (uint32_t)(now - core->active_base);
        }
        core->dwt_ctrl = (core->dwt_ctrl & 0xF0000000u) | (value & 0x0FFFFFFEu) | enable;
        break;
    }
    case 0x004:
        core->active_base = core->dwt_ctrl & 1 ? (uint32_t)(now - value) : value;
        break;
    default:
        if (offset < 0x80) {
            core->dwt_other[offset / 4] = value;
        }
    }
}

// The system control block

static bool scb_read(core_t *core, uint32_t offset, uint32_t *value) {
    static const uint32_t id[] = {0x030, 0x200, 0x100000, 0, 0x100030, 0, 0x01000000, 0,
                                  0x01101110, 0x02112000, 0x21232231, 0x01111131, 0x01310102};
    switch (offset) {
    case 0x004: *value = 2; break;
    case 0x008: *value = core->actlr; break;
    case 0xD00: *value = 0x410FC241; break;
    case 0xD04: *value = icsr(core); break;
    case 0xD08: *value = core->vtor; break;
    case 0xD0C: *value = 0xFA050000u | core->prigroup << 8; break;
    case 0xD10: *value = core->scr; break;
    case 0xD14: *value = core->ccr; break;
    case 0xD18: *value = shpr(core, 4); break;
    case 0xD1C: *value = shpr(core, 8); break;
    case 0xD20: *value = shpr(core, 12); break;
    case 0xD24: *value = shcsr(core); break;
    case 0xD28: *value = core->cfsr; break;
    case 0xD2C: *value = core->hfsr; break;
    case 0xD30: *value = core->dfsr; break;
    case 0xD34: *value = core->mmfar; break;
    case 0xD38: *value = core->bfar; break;
    case 0xD3C: *value = core->afsr; break;
    case 0xD88: *value = core->cpacr; break;
    case 0xDF0: *value = core->debugged ? 1 : 0; break;
    case 0xDF4: case 0xDF8: *value = 0; break;
    case 0xDFC: *value = core->demcr; break;
    case 0xF34: *value = core->fpccr; break;
    case 0xF38: *value = core->fpcar; break;
    case 0xF3C: *value = core->fpdscr; break;
    case 0xF40: *value = 0x10110021; break;
    case 0xF44: *value = 0x11000011; break;
    case 0xF48: *value = 0; break;
    default:
        if (offset < 0xD40 || offset > 0xD70) {
            return false;
        }
        *value = id[(offset - 0xD40) / 4];
    }
    return true;
}

static bool scb_write(core_t *core, uint32_t offset, uint32_t value, uint32_t lanes) {
    switch (offset) {
    case 0x008: core->actlr = value; break;
    case 0xD04: icsr_write(core, value); break;
    case 0xD08: core->vtor = value & 0x3FFFFF80u; break;
    case 0xD0C: aircr_write(core, value); break;
    case 0xD10: core->scr = value & 0x16; break;
    case 0xD14:
        core->ccr = value & 0x31B;
        core->ccr_changed = true;
        core->limit = 0;
        break;
    case 0xD18: shpr_write(core, 4, value, lanes); break;
    case 0xD1C: shpr_write(core, 8, value, lanes); break;
    case 0xD20: shpr_write(core, 12, value, lanes); break;
    case 0xD24: shcsr_write(core, value); break;
    case 0xD28: core->cfsr &= ~(value & lanes); break;
    case 0xD2C: core->hfsr &= ~value; break;
    case 0xD30: core->dfsr &= ~value; break;
    case 0xD34: core->mmfar = value; break;
    case 0xD38: core->bfar = value; break;
    case 0xD3C: core->afsr &= ~value; break;
    case 0xD88:
        core->cpacr = value & 0x00F00000;
        core->nocp = core->cpacr != 0x00F00000 && core->cpacr != 0x00500000;
        break;
    case 0xDF0: case 0xDF4: case 0xDF8: break; // no debugger inside: C_DEBUGEN stays 0
    case 0xDFC: core->demcr = value & 0x010F07F1; break;
    case 0xF00:
        if (value < STM32F407_IRQS) {
            exception_pend(core, 16 + value, true);
        }
        break;
    case 0xF34: core->fpccr = value & 0xC0000000u; break;
    case 0xF38: core->fpcar = value & ~7u; break;
    case 0xF3C:
        if (value & 0x07C00000) {
            core->report("FPDSCR other than 0 is not modelled");
        }
        core->fpdscr = value & 0x07C00000;
        break;
    default:
        return false;
    }
    return true;
}

// All of 0xE0000000-0xE00FFFFF

static uint32_t scs_word(core_t *core, uint32_t address) {
    uint32_t offset = address & 0xFFF, value = 0;
    switch (address & 0xFFFFF000u) {
    case 0xE0001000:
        return dwt_read(core, offset);
    case 0xE000E000:
        if (offset >= 0x10 && offset < 0x20) {
            return systick_read(core, offset);
        }
        if (offset >= 0xD90 && offset <= 0xDB8) {
            return mpu_read(core, offset);
        }
        if (nvic_read(core, offset, &value) || scb_read(core, offset, &value)) {
            return value;
        }
        break;
    default:
        if (address >= 0xE0040000u) {
            return core->bus_read(address, 4);
        }
    }
    unmodelled(core, "read", address, 0);
    return 0;
}

uint32_t scs_read(core_t *core, uint32_t address, uint32_t width) {
    uint32_t value = scs_word(core, address & ~3u) >> (8 * (address & 3));
    return width == 4 ? value : value & ((1u << (8 * width)) - 1);
}

void scs_write(core_t *core, uint32_t address, uint32_t value, uint32_t width) {
    uint32_t lanes = (width == 4 ? UINT32_MAX : (1u << (8 * width)) - 1) << (8 * (address & 3));
    uint32_t offset = address & 0xFFC;
    value <<= 8 * (address & 3);
    switch (address & 0xFFFFF000u) {
    case 0xE0001000:
        dwt_write(core, offset, value);
        return;
    case 0xE000E000:
        if (offset >= 0x10 && offset < 0x20) {
            systick_write(core, offset, value);
            return;
        }
        if (offset >= 0xD90 && offset <= 0xDB8) {
            mpu_write(core, offset, value);
            return;
        }
        if (nvic_write(core, offset, value, lanes) || scb_write(core, offset, value, lanes)) {
            return;
        }
        break;
    default:
        if (address >= 0xE0040000u) {
            core->bus_write(address & ~3u, value, 4);
            return;
        }
    }
    unmodelled(core, "write", address, value);
}
