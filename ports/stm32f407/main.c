// SPDX-License-Identifier: MIT
// MicroPython from its start to a soft reset.
#include <string.h>
#include "py/builtin.h"
#include "py/compile.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/repl.h"
#include "py/runtime.h"
#include "extmod/modmachine.h"
#include "extmod/vfs.h"
#include "shared/readline/readline.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"
#include "shared/runtime/softtimer.h"
#include "adc.h"
#include "backup.h"
#include "boot.h"
#include "clock.h"
#include "fault.h"
#include "machine/machine_bus.h"
#include "machine/machine_pin.h"
#include "machine/machine_rtc.h"
#include "machine/machine_timers.h"
#include "usb/usb.h"

#if PORT_WITH_NET
#include "lwip_bindings.h"
#include "net/net.h"
#endif

// Below the limit there must be room for C code that does not check: lwIP's calls, interrupts' frames.
#define STACK_RESERVE_BYTES (2048)

extern uint8_t _heap_sram_start, _heap_sram_end, _heap_ccm_start, _heap_ccm_end;

static void print_boot_messages(void) {
    const fault_report_t *report = fault_report();
    if (report != NULL) {
        mp_printf(&mp_plat_print, "The last run died: %s in task %s, PC 0x%08x LR 0x%08x CFSR 0x%08x\n",
            report->what, report->task, (unsigned)report->pc, (unsigned)report->lr, (unsigned)report->cfsr);
    }
    if (clock_status() == CLOCK_NO_HSE) {
        mp_printf(&mp_plat_print, "The crystal does not start: clocks come from the HSI, USB may fail\n");
    } else if (clock_status() == CLOCK_NO_PLL) {
        mp_printf(&mp_plat_print, "The PLL does not lock: running at 16 MHz\n");
    }
}

// False if a soft reset or an exit was asked for.
static bool run_scripts(void) {
    pyexec_frozen_module("_boot.py", false);
    // Not before: making a filesystem holds the core up for seconds, in which a host would ask in vain and
    // take 5 s to try again.
    usb_init();
    if (boot_button_held()) {
        mp_printf(&mp_plat_print, "Button held: boot.py and main.py are skipped\n");
        return true;
    }
    int ret = pyexec_file_if_exists("boot.py");
    if (ret & PYEXEC_FORCED_EXIT) {
        return false;
    }
    if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL && ret != 0) {
        ret = pyexec_file_if_exists("main.py");
    }
    return (ret & PYEXEC_FORCED_EXIT) == 0;
}

static void run_repl(void) {
    for (;;) {
        int ret = pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl();
        if (ret != 0) {
            return;
        }
    }
}

static void deinit(void) {
    mp_printf(&mp_plat_print, "MPY: soft reboot\n");
    machine_pin_deinit();
    machine_pwm_deinit_all();
    machine_rtc_deinit();
    adc_off();
    soft_timer_deinit();
    mp_thread_deinit();
    machine_buses_deinit(); // no thread is in a transfer any more
    #if PORT_WITH_NET
    lwip_bindings_deinit();
    network_deinit();
    #endif
    gc_sweep_all();
    mp_deinit();
}

void python_run(void *stack_top, size_t stack_bytes) {
    mp_thread_init();
    mp_cstack_init_with_top(stack_top, stack_bytes - STACK_RESERVE_BYTES);
    gc_init(&_heap_sram_start, &_heap_sram_end);
    gc_add(&_heap_ccm_start, &_heap_ccm_end);
    mp_init();
    readline_init0();
    print_boot_messages();
    if (run_scripts()) {
        run_repl();
    }
    deinit();
}

void gc_collect(void) {
    mp_thread_reap();
    #if PORT_WITH_NET
    lwip_bindings_before_gc();
    #endif
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    mp_thread_gc_others();
    soft_timer_gc_mark_all();
    gc_collect_end();
}

void nlr_jump_fail(void *val) {
    (void)val;
    fault_die("uncaught exception outside of Python", "?");
}

#if !MICROPY_VFS
#error "the port needs MICROPY_VFS"
#endif

const char stm32f407_help_text[] =
    "Welcome to MicroPython on the STM32F407, with lwIP.\n"
    "\n"
    "import network; lan = network.LAN(); lan.active(True)  -- Ethernet, address by DHCP\n"
    "import socket, select, asyncio                         -- as MicroPython documents them\n"
    "import lwip                                            -- lwIP's raw, netconn and socket APIs\n"
    "import machine; machine.Pin('LED_GREEN', machine.Pin.OUT)  -- pins by the board's or the chip's name\n"
    "\n"
    "CTRL-A  raw REPL        CTRL-B  normal REPL      CTRL-C  interrupt the program\n"
    "CTRL-D  soft reset      CTRL-E  paste mode       help('modules')  what can be imported\n";
