// SPDX-License-Identifier: MIT
// The console (USB serial and UART at once), delays and time for MicroPython.
#include <string.h>
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "extmod/misc.h"
#include "shared/timeutils/timeutils.h"
#include "console.h"
#include "FreeRTOS.h"
#include "rtc.h"
#include "task.h"
#include "uart_console.h"
#include "usb/usb_cdc.h"

// How long output waits for a host that has the port open but does not read.
#define USB_TX_TIMEOUT_MS (500)
#define MAX_WAIT_US (4000000000U)

// The character that interrupts Python instead of being read; -1 for none.
int mp_interrupt_char = -1;

// Who spoke last: what Python prints to that one waits for room. The other one gets what fits at once, so
// that a UART nobody listens to does not hold USB to its own rate.
static bool uart_spoke_last;

// In the UART's interrupt.
static bool uart_filter(uint8_t byte) {
    if (byte == mp_interrupt_char) {
        mp_sched_keyboard_interrupt(); // wakes Python
        return false;
    }
    mp_hal_wake();
    return true;
}

void console_init(const uart_config_t *config) {
    uart_console_init(config, uart_filter);
}

void mp_hal_set_interrupt_char(int c) {
    mp_interrupt_char = c;
    usb_cdc_set_interrupt_char(c);
}

uintptr_t mp_hal_stdio_poll(uintptr_t poll_flags) {
    uintptr_t ret = mp_os_dupterm_poll(poll_flags);
    if ((poll_flags & MP_STREAM_POLL_RD) && (usb_cdc_readable() || uart_console_any() > 0)) {
        ret |= MP_STREAM_POLL_RD;
    }
    if (poll_flags & MP_STREAM_POLL_WR) {
        ret |= MP_STREAM_POLL_WR;
    }
    return ret;
}

int mp_hal_stdin_rx_chr(void) {
    for (;;) {
        uint8_t byte;
        if (usb_cdc_read(&byte, 1) == 1) {
            uart_spoke_last = false;
            return byte;
        }
        int c = uart_console_getc();
        if (c >= 0) {
            uart_spoke_last = true;
            return c;
        }
        c = mp_os_dupterm_rx_chr();
        if (c >= 0) {
            return c;
        }
        mp_event_wait_indefinite();
    }
}

static size_t console_uart_write(const uint8_t *data, size_t len) {
    size_t sent = uart_console_write(data, len);
    bool wait = uart_spoke_last || !usb_cdc_connected();
    while (wait && sent < len) {
        MP_THREAD_GIL_EXIT();
        vTaskDelay(1);
        MP_THREAD_GIL_ENTER();
        sent += uart_console_write(data + sent, len - sent);
    }
    return sent;
}

mp_uint_t mp_hal_stdout_tx_strn(const char *str, size_t len) {
    const uint8_t *data = (const uint8_t *)str;
    mp_uint_t ret = usb_cdc_write(data, len, USB_TX_TIMEOUT_MS);
    size_t sent = console_uart_write(data, len);
    if (sent > ret) {
        ret = sent;
    }
    int dupterm = mp_os_dupterm_tx_strn(str, len);
    if (dupterm > (int)ret) {
        ret = dupterm;
    }
    return ret;
}

mp_uint_t mp_hal_ticks_ms(void) {
    return (mp_uint_t)(timebase_us() / 1000);
}

// Never shorter than asked for: a wait of n ticks ends with the n-th tick, up to one tick early, so the
// remainder is rounded up to ticks until nothing is left.
void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t end = timebase_us() + (uint64_t)ms * 1000;
    for (uint64_t now = timebase_us(); now < end; now = timebase_us()) {
        // In 32 bits, as waits are often ended early; a long one takes several of them.
        uint32_t left_us = end - now < MAX_WAIT_US ? (uint32_t)(end - now) : MAX_WAIT_US;
        mp_event_wait_ms((left_us + 999) / 1000);
    }
    mp_handle_pending(true);
}

void mp_hal_delay_us_fast(mp_uint_t us) {
    clock_delay_us(us);
}

void mp_hal_delay_us(mp_uint_t us) {
    if (us <= 3000) {
        clock_delay_us(us);
        return;
    }
    // Longer than two ticks: let others run, and do the rest to the microsecond, which has begun already.
    uint32_t start = timebase_us32();
    mp_hal_delay_ms(us / 1000 - 2);
    uint32_t elapsed = timebase_us32() - start;
    if (elapsed <= us) {
        clock_delay_us(us - elapsed + 1);
    }
}

uint64_t mp_hal_time_ns(void) {
    rtc_datetime_t now;
    if (rtc_get(&now) != 0) {
        return 0;
    }
    uint64_t s = timeutils_seconds_since_epoch(now.year, now.month, now.day,
        now.hour, now.minute, now.second);
    return s * 1000000000ULL + now.microsecond * 1000ULL;
}

// What lwip.sntp heard. Years that the RTC does not have are left alone.
void mp_hal_set_time_us(int64_t us_since_1970) {
    int64_t seconds = us_since_1970 / 1000000 - TIMEUTILS_SECONDS_1970_TO_2000;
    if (seconds < 0) {
        return;
    }
    timeutils_struct_time_t tm;
    timeutils_seconds_since_2000_to_struct_time((mp_uint_t)seconds, &tm);
    if (tm.tm_year > 2099) {
        return;
    }
    rtc_datetime_t now = {
        tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_wday + 1, tm.tm_hour, tm.tm_min, tm.tm_sec, 0,
    };
    if (rtc_set(&now) == 0) {
        rtc_advance(us_since_1970 % 1000000);
    }
}
