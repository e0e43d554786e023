// SPDX-License-Identifier: MIT
// What is kept over a reset: why the last run ended, and what the next one is to do.
#ifndef HAL_BACKUP_H
#define HAL_BACKUP_H

#include "hal.h"

typedef enum {
    RESET_UNKNOWN = 0,
    RESET_POWER_ON,
    RESET_PIN,
    RESET_SOFTWARE,
    RESET_WATCHDOG,
    RESET_LOW_POWER,
    RESET_FAULT, // the firmware died; fault_report() tells where
} reset_cause_t;

// Call once after reset, before anything else that resets.
void backup_init(void);
// Why this run began.
reset_cause_t backup_reset_cause(void);

// Resets the chip.
__attribute__((noreturn)) void backup_reset(void);
// Resets the chip and enters the ROM's loader from the state after reset.
__attribute__((noreturn)) void backup_reset_to_bootloader(void);
// True once after backup_reset_to_bootloader(). For the start-up code, before .bss is set up.
bool backup_take_bootloader_request(void);
// Marks that this reset is a fault's.
void backup_note_fault(void);

#endif // HAL_BACKUP_H
