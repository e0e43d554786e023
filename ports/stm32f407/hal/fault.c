// SPDX-License-Identifier: MIT
#include "fault.h"
#include <string.h>
#include "backup.h"
#include "stm32f4xx.h"
#include "uart_console.h"

#define MAGIC (0xFA017EE0UL)

const char *(*fault_task_name)(void);

// Written by the dying run, read by the next one.
static NOINIT fault_report_t dying;
static fault_report_t last;

void fault_init(void) {
    if (dying.magic == MAGIC && backup_reset_cause() == RESET_FAULT) {
        last = dying;
    }
    dying.magic = 0;
    SCB->SHCSR |= SCB_SHCSR_MEMFAULTENA_Msk | SCB_SHCSR_BUSFAULTENA_Msk | SCB_SHCSR_USGFAULTENA_Msk;
}

const fault_report_t *fault_report(void) {
    return last.magic == MAGIC ? &last : NULL;
}

static void copy_text(char *dest, const char *src, size_t size) {
    strncpy(dest, src == NULL ? "?" : src, size - 1);
    dest[size - 1] = '\0';
}

static void print_hex(const char *label, uint32_t value) {
    char text[11] = "0x";
    for (int i = 0; i < 8; ++i) {
        text[2 + i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15];
    }
    text[10] = '\0';
    uart_console_write_raw(label);
    uart_console_write_raw(text);
}

static void print_report(const fault_report_t *report) {
    uart_console_flush_raw();
    uart_console_write_raw("\nFATAL: ");
    uart_console_write_raw(report->what);
    uart_console_write_raw(" in task ");
    uart_console_write_raw(report->task);
    print_hex("\n  PC ", report->pc);
    print_hex(" LR ", report->lr);
    print_hex(" SP ", report->sp);
    print_hex(" xPSR ", report->psr);
    print_hex("\n  CFSR ", report->cfsr);
    print_hex(" HFSR ", report->hfsr);
    print_hex(" MMFAR ", report->mmfar);
    print_hex(" BFAR ", report->bfar);
    uart_console_write_raw("\n");
}

static __attribute__((noreturn)) void report_and_reset(const char *what, const char *task) {
    copy_text(dying.what, what, sizeof(dying.what));
    copy_text(dying.task, task, sizeof(dying.task));
    dying.cfsr = SCB->CFSR;
    dying.hfsr = SCB->HFSR;
    dying.mmfar = SCB->MMFAR;
    dying.bfar = SCB->BFAR;
    dying.magic = MAGIC;
    backup_note_fault();
    print_report(&dying);
    uart_console_flush_raw();
    backup_reset();
}

void fault_die(const char *what, const char *task) {
    __disable_irq();
    dying.pc = (uint32_t)__builtin_return_address(0);
    dying.lr = 0;
    dying.sp = (uint32_t)__builtin_frame_address(0);
    dying.psr = __get_xPSR();
    report_and_reset(what, task);
}

static const char *fault_kind(void) {
    uint32_t cfsr = SCB->CFSR;
    if (cfsr & SCB_CFSR_MSTKERR_Msk) {
        return "stack overflow (MPU) on exception entry";
    }
    if (cfsr & SCB_CFSR_DACCVIOL_Msk) {
        return "memory access refused (stack guard)";
    }
    if (cfsr & SCB_CFSR_MEMFAULTSR_Msk) {
        return "memory management fault";
    }
    if (cfsr & SCB_CFSR_BUSFAULTSR_Msk) {
        return "bus fault";
    }
    return cfsr & SCB_CFSR_USGFAULTSR_Msk ? "usage fault" : "hard fault";
}

// frame is the exception frame; exc_return tells which stack it lies on.
__attribute__((used, noreturn)) void fault_entry(const uint32_t *frame, uint32_t exc_return) {
    bool in_handler = (exc_return & 0x8) == 0;
    const char *task = in_handler ? "(interrupt)" : "(start-up)";
    if (!in_handler && fault_task_name != NULL) {
        task = fault_task_name();
    }
    dying.sp = (uint32_t)frame;
    dying.pc = dying.lr = dying.psr = 0;
    // After a fault while stacking there is no frame to look at.
    if ((SCB->CFSR & (SCB_CFSR_MSTKERR_Msk | SCB_CFSR_STKERR_Msk)) == 0) {
        dying.lr = frame[5];
        dying.pc = frame[6];
        dying.psr = frame[7];
    }
    report_and_reset(fault_kind(), task);
}

// The reporting runs on the interrupts' stack from its top: a task's stack may be what overflowed, and
// nothing on the interrupts' stack is needed again.
__attribute__((naked, used)) void fault_trampoline(void) {
    __asm volatile (
        "tst lr, #4 \n"
        "ite eq \n"
        "mrseq r0, msp \n"
        "mrsne r0, psp \n"
        "mov r1, lr \n"
        "ldr r2, =_estack \n"
        "cpsid i \n"
        "tst lr, #4 \n"
        "it ne \n"
        "msrne msp, r2 \n"
        "b fault_entry \n");
}

void HardFault_Handler(void) __attribute__((alias("fault_trampoline")));
void MemManage_Handler(void) __attribute__((alias("fault_trampoline")));
void BusFault_Handler(void) __attribute__((alias("fault_trampoline")));
void UsageFault_Handler(void) __attribute__((alias("fault_trampoline")));
