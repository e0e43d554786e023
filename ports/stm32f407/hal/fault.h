// SPDX-License-Identifier: MIT
// What is left to say when the firmware dies: printed on the console's UART, and kept over the reset.
#ifndef HAL_FAULT_H
#define HAL_FAULT_H

#include "hal.h"

#define FAULT_TASK_NAME_LEN (16)
#define FAULT_WHAT_LEN (48)

typedef struct {
    uint32_t magic;
    char what[FAULT_WHAT_LEN];
    char task[FAULT_TASK_NAME_LEN];
    uint32_t pc, lr, sp, psr;
    uint32_t cfsr, hfsr, mmfar, bfar;
} fault_report_t;

// Names the running task; set by the RTOS, NULL before it runs.
extern const char *(*fault_task_name)(void);

// Makes memory, bus and usage faults exceptions of their own.
void fault_init(void);
// The report of the run before this one, or NULL if that one did not die.
const fault_report_t *fault_report(void);
// For faults that the software finds: prints, keeps the report, resets.
__attribute__((noreturn)) void fault_die(const char *what, const char *task);

#endif // HAL_FAULT_H
