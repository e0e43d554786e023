// SPDX-License-Identifier: MIT
// Included by extmod/modmachine.c: what of module machine is the chip's own.
#include "py/mphal.h"
#include "backup.h"
#include "bitstream.h"
#include "clock.h"
#include "fault.h"
#include "FreeRTOS.h"
#include "stm32f4xx.h"
#include "task.h"
#include "uart_console.h"
#include "usb/usb.h"
#include "machine/machine_bus.h"
#include "machine/machine_pin.h"
#include "machine/machine_power.h"
#include "machine/machine_rtc.h"

#if PORT_WITH_NET
#include "eth.h"
#include "eth_ptp.h"
#include "lwip/tcpip.h"
#include "net/ethif.h"
#endif

#define USB_MIN_HCLK_HZ (14200000UL)

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_Pin), MP_ROM_PTR(&machine_pin_type) }, \
    { MP_ROM_QSTR(MP_QSTR_Timer), MP_ROM_PTR(&machine_timer_type) }, \
    { MP_ROM_QSTR(MP_QSTR_RTC), MP_ROM_PTR(&machine_rtc_type) }, \
    { MP_ROM_QSTR(MP_QSTR_fault_report), MP_ROM_PTR(&machine_fault_report_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_wake_reason), MP_ROM_PTR(&machine_wake_reason_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_PIN_WAKE), MP_ROM_INT(MACHINE_WAKE_PIN) }, \
    { MP_ROM_QSTR(MP_QSTR_RTC_WAKE), MP_ROM_INT(MACHINE_WAKE_RTC) }, \
    { MP_ROM_QSTR(MP_QSTR_IDLE), MP_ROM_INT(MACHINE_IDLE) }, \
    { MP_ROM_QSTR(MP_QSTR_SLEEP), MP_ROM_INT(MACHINE_SLEEP) }, \
    { MP_ROM_QSTR(MP_QSTR_DEEPSLEEP), MP_ROM_INT(MACHINE_DEEPSLEEP) }, \
    { MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(RESET_POWER_ON) }, \
    { MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(RESET_PIN) }, \
    { MP_ROM_QSTR(MP_QSTR_SOFT_RESET), MP_ROM_INT(RESET_SOFTWARE) }, \
    { MP_ROM_QSTR(MP_QSTR_WDT_RESET), MP_ROM_INT(RESET_WATCHDOG) }, \
    { MP_ROM_QSTR(MP_QSTR_DEEPSLEEP_RESET), MP_ROM_INT(RESET_LOW_POWER) }, \
    { MP_ROM_QSTR(MP_QSTR_FAULT_RESET), MP_ROM_INT(RESET_FAULT) }, \

static mp_obj_t mp_machine_unique_id(void) {
    return mp_obj_new_bytes((const byte *)UID_BASE, 12);
}

NORETURN static void mp_machine_reset(void) {
    uart_console_flush_raw();
    backup_reset();
}

NORETURN void mp_machine_bootloader(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    uart_console_flush_raw();
    backup_reset_to_bootloader();
}

static mp_int_t mp_machine_reset_cause(void) {
    return backup_reset_cause();
}

// The report of the run before this one if that one died, else None: (what, task, pc, lr, cfsr, address).
static mp_obj_t machine_fault_report(void) {
    const fault_report_t *report = fault_report();
    if (report == NULL) {
        return mp_const_none;
    }
    mp_obj_t tuple[] = {
        mp_obj_new_str_from_cstr(report->what),
        mp_obj_new_str_from_cstr(report->task),
        mp_obj_new_int_from_uint(report->pc),
        mp_obj_new_int_from_uint(report->lr),
        mp_obj_new_int_from_uint(report->cfsr),
        mp_obj_new_int_from_uint(report->cfsr & SCB_CFSR_MMARVALID_Msk ? report->mmfar : report->bfar),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(tuple), tuple);
}
static MP_DEFINE_CONST_FUN_OBJ_0(machine_fault_report_obj, machine_fault_report);

// (SYSCLK, HCLK, PCLK1, PCLK2), as upstream's stm32 port.
static mp_obj_t mp_machine_get_freq(void) {
    mp_obj_t tuple[] = {
        mp_obj_new_int_from_uint(sysclk_hz()),
        mp_obj_new_int_from_uint(hclk_hz()),
        mp_obj_new_int_from_uint(pclk1_hz()),
        mp_obj_new_int_from_uint(pclk2_hz()),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(tuple), tuple);
}

// What is in use must be able to go on: RM0090 sections 33.4.2 (HCLK above 25 MHz) and 34.4 (14.2 MHz).
static void check_hclk(uint32_t hz) {
    #if PORT_WITH_NET
    if (hz < ETH_MIN_HCLK_HZ && ethif_is_active()) {
        mp_raise_ValueError(MP_ERROR_TEXT("Ethernet is active: it needs 25 MHz"));
    }
    #endif
    if (hz < USB_MIN_HCLK_HZ && usb_ready()) {
        mp_raise_ValueError(MP_ERROR_TEXT("USB is connected: it needs 14.2 MHz"));
    }
}

// Between the two halves nothing else runs: the caller sees to that.
static int change_clocks(const uint32_t hz[3]) {
    #if PORT_WITH_NET
    eth_ptp_suspend(); // the time stays: it is TIM5 that carries it over
    #endif
    int ret = clock_set_buses(hz[0], hz[1], hz[2]);
    if (ret == 0) {
        machine_power_clocks_changed();
    }
    #if PORT_WITH_NET
    if (eth_running()) {
        eth_ptp_resume();
    }
    #endif
    return ret;
}

// freq(hclk[, pclk1[, pclk2]]): HCLK is the PLL's clock divided by a power of two, so USB goes on.
static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    uint32_t hz[3] = { 0, UINT32_MAX, UINT32_MAX };
    for (size_t i = 0; i < n_args && i < 3; ++i) {
        hz[i] = (uint32_t)mp_obj_get_int_truncated(args[i]);
    }
    check_hclk(hz[0]);
    machine_buses_wait();
    #if PORT_WITH_NET
    LOCK_TCPIP_CORE(); // nobody is in the middle of what concerns the MAC
    #endif
    vTaskSuspendAll();
    uart_console_flush_raw();
    machine_buses_clock_changes();
    int ret = change_clocks(hz);
    machine_buses_clock_changed();
    xTaskResumeAll();
    #if PORT_WITH_NET
    UNLOCK_TCPIP_CORE();
    #endif
    if (ret < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("can't change freq"));
    }
}

void machine_bitstream_high_low(pin_t pin, uint32_t *timing_ns, const uint8_t *buf, size_t len) {
    mp_hal_pin_output(pin);
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    bitstream_high_low(pin, timing_ns, buf, len);
    MICROPY_END_ATOMIC_SECTION(state);
}

static void mp_machine_idle(void) {
    MICROPY_INTERNAL_WFE(1);
}

static int64_t sleep_ms(size_t n_args, const mp_obj_t *args) {
    mp_int_t ms = n_args == 0 ? -1 : mp_obj_get_int(args[0]);
    if (n_args > 0 && ms < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("negative time"));
    }
    return ms;
}

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    machine_power_light_sleep(sleep_ms(n_args, args));
}

NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    machine_power_deep_sleep(sleep_ms(n_args, args));
}

static mp_obj_t machine_wake_reason(void) {
    return MP_OBJ_NEW_SMALL_INT(machine_power_wake_reason());
}
static MP_DEFINE_CONST_FUN_OBJ_0(machine_wake_reason_obj, machine_wake_reason);
