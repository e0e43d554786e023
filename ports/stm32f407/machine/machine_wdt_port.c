// SPDX-License-Identifier: MIT
// Included by extmod/machine_wdt.c: the independent watchdog. Once started it cannot be stopped.
#include "py/mperrno.h"
#include "py/mphal.h"
#include "stm32f4xx.h"

#define KEY_RELOAD (0xAAAA)
#define KEY_UNLOCK (0x5555)
#define KEY_START (0xCCCC)
#define LSI_KHZ (32)
#define UPDATE_MS (100) // at most 5 cycles of the LSI at the largest prescaler

typedef struct _machine_wdt_obj_t {
    mp_obj_base_t base;
} machine_wdt_obj_t;

static const machine_wdt_obj_t machine_wdt = {{&machine_wdt_type}};

static machine_wdt_obj_t *mp_machine_wdt_make_new_instance(mp_int_t id, mp_int_t timeout_ms) {
    if (id != 0) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("WDT(%d) doesn't exist"), id);
    }
    if (timeout_ms <= 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("WDT timeout too short"));
    }
    // The finest prescaler (4, 8, ... 256) whose 12 bits reach the time.
    uint32_t prescaler = 0;
    uint32_t ticks = (uint32_t)timeout_ms * (LSI_KHZ / 4);
    while (ticks > 4096 && prescaler < 6) {
        ticks = (ticks + 1) / 2;
        ++prescaler;
    }
    if (ticks > 4096 || timeout_ms > 4096 * 256 / LSI_KHZ) {
        mp_raise_ValueError(MP_ERROR_TEXT("WDT timeout too long"));
    }
    IWDG->KR = KEY_START; // starts the LSI as well, which the update of the registers below takes
    IWDG->KR = KEY_UNLOCK;
    IWDG->PR = prescaler;
    IWDG->RLR = ticks - 1;
    clock_timeout_t timeout = clock_timeout_ms(UPDATE_MS);
    while (IWDG->SR & (IWDG_SR_PVU | IWDG_SR_RVU)) {
        if (clock_expired(&timeout)) {
            mp_raise_OSError(MP_ETIMEDOUT);
        }
    }
    IWDG->KR = KEY_RELOAD;
    return (machine_wdt_obj_t *)&machine_wdt;
}

static void mp_machine_wdt_feed(machine_wdt_obj_t *self) {
    (void)self;
    IWDG->KR = KEY_RELOAD;
}
