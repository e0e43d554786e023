// SPDX-License-Identifier: MIT
// machine.lightsleep() and deepsleep(). A light sleep is Stop mode unless a host has the USB device or the
// Ethernet interface is active: their clocks cannot stop, so the core alone does.
#include "py/mphal.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "shared/timeutils/timeutils.h"
#include "adc.h"
#include "clock.h"
#include "FreeRTOS.h"
#include "machine/machine_bus.h"
#include "machine/machine_power.h"
#include "machine/machine_timers.h"
#include "power.h"
#include "rtc_alarm.h"
#include "stm32f4xx.h"
#include "uart_console.h"
#include "usb/usb.h"

#if PORT_WITH_NET
#include "net/ethif.h"
#endif

static volatile uint8_t wake_reason;

void machine_power_note_wake(int reason) {
    wake_reason = (uint8_t)reason;
}

int machine_power_wake_reason(void) {
    if (wake_reason != MACHINE_WAKE_NONE) {
        return wake_reason;
    }
    power_wake_t deep = power_wake_reason();
    return deep == POWER_WAKE_RTC ? MACHINE_WAKE_RTC : deep == POWER_WAKE_PIN_EDGE ? MACHINE_WAKE_PIN
        : MACHINE_WAKE_NONE;
}

static bool clocks_needed(void) {
    #if PORT_WITH_NET
    if (ethif_is_active()) {
        return true;
    }
    #endif
    return usb_ready();
}

static void raise_if(int ret) {
    if (ret == -HAL_EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("time too long"));
    }
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
}

static uint64_t microseconds(const rtc_datetime_t *at) {
    uint64_t seconds = timeutils_seconds_since_epoch(at->year, at->month, at->day,
        at->hour, at->minute, at->second);
    return seconds * 1000000 + at->microsecond;
}

// The core alone sleeps, in WFI. Without a limit anything that concerns Python ends it.
static void sleep_clocked(int64_t ms) {
    if (ms < 0) {
        mp_event_wait_indefinite();
        return;
    }
    uint64_t end = timebase_us() + (uint64_t)ms * 1000;
    for (uint64_t now = timebase_us(); now < end && wake_reason == MACHINE_WAKE_NONE; now = timebase_us()) {
        uint64_t left = (end - now + 999) / 1000;
        mp_event_wait_ms(left < INT32_MAX ? (mp_uint_t)left : INT32_MAX);
    }
}

// How long it is since `start`, of TIM5's time and the calendar's: TIM5 stood still for most of it.
static uint64_t time_since(uint64_t start_us, const rtc_datetime_t *start, uint32_t resume_us) {
    uint64_t asleep_us;
    if (rtc_wakeup_expired(&asleep_us)) {
        return asleep_us + resume_us;
    }
    rtc_datetime_t now;
    rtc_resync();
    if (rtc_get(&now) != 0) {
        return timebase_us() - start_us;
    }
    return microseconds(&now) - microseconds(start);
}

void machine_power_clocks_changed(void) {
    port_set_tick_clock(hclk_hz());
    timebase_clock_changed();
    uart_console_clock_changed();
    machine_pwm_clock_changed();
}

// Stop mode with the wake-up timer set to ms, or off.
static int sleep_stopped(int64_t ms) {
    rtc_datetime_t start;
    int ret = rtc_get(&start);
    uint64_t start_us = timebase_us();
    if (ret == 0 && ms >= 0) {
        ret = rtc_wakeup_set((uint32_t)ms);
    }
    if (ret != 0) {
        return ret;
    }
    machine_buses_wait();
    uart_console_flush_raw();
    machine_buses_clock_changes();
    adc_off();
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    uint32_t resume_us;
    int clocks = power_stop(&resume_us);
    if (clocks != 0) {
        machine_power_clocks_changed();
    }
    uint64_t now_us = start_us + time_since(start_us, &start, resume_us);
    if (now_us > timebase_us()) {
        timebase_skip(now_us - timebase_us());
    }
    __set_PRIMASK(primask);
    machine_buses_clock_changed();
    rtc_wakeup_off();
    mp_hal_wake(); // whoever waits looks at the time anew
    return clocks;
}

void machine_power_light_sleep(int64_t ms) {
    if (ms > (int64_t)RTC_WAKEUP_MAX_MS) {
        raise_if(-HAL_EINVAL);
    }
    wake_reason = MACHINE_WAKE_NONE;
    if (clocks_needed()) {
        sleep_clocked(ms);
        return;
    }
    // TIM5 stands still in Stop: what it is to call for ends the sleep as well.
    uint32_t alarm_us = timebase_next_alarm(UINT32_MAX);
    if (alarm_us != UINT32_MAX && (ms < 0 || ms > (alarm_us + 999) / 1000)) {
        ms = (alarm_us + 999) / 1000;
    }
    // Shorter than what stopping and starting the clocks takes.
    if (ms >= 0 && ms < 5) {
        sleep_clocked(ms);
    } else {
        raise_if(sleep_stopped(ms));
    }
    mp_handle_pending(true); // the handler of what woke comes before what follows
}

void machine_power_deep_sleep(int64_t ms) {
    if (ms >= 0) {
        raise_if(rtc_wakeup_set(ms > (int64_t)RTC_WAKEUP_MAX_MS ? UINT32_MAX : (uint32_t)ms));
    } else {
        rtc_wakeup_off(); // it may run from the sleep before
    }
    uart_console_flush_raw();
    usb_deinit();
    power_standby();
}
