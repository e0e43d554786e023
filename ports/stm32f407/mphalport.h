// SPDX-License-Identifier: MIT
// The port's side of py/mphal.h.
#ifndef STM32F407_MPHALPORT_H
#define STM32F407_MPHALPORT_H

#include "py/obj.h"
#include "clock.h"
#include "gpio.h"
#include "timebase.h"

// Interrupts up to the kernel's limit (FreeRTOSConfig.h: priority 5) are held off. Nests; any context.
#define MPHAL_BASEPRI_LIMIT (5 << 4)
static inline __attribute__((always_inline)) mp_uint_t mp_hal_atomic_begin(void) {
    mp_uint_t old;
    __asm volatile ("mrs %0, basepri \n msr basepri, %1 \n isb"
        : "=&r" (old) : "r" (MPHAL_BASEPRI_LIMIT) : "memory");
    return old;
}
static inline __attribute__((always_inline)) void mp_hal_atomic_end(mp_uint_t state) {
    __asm volatile ("msr basepri, %0" : : "r" (state) : "memory");
}
#define MICROPY_BEGIN_ATOMIC_SECTION() mp_hal_atomic_begin()
#define MICROPY_END_ATOMIC_SECTION(state) mp_hal_atomic_end(state)
#define mp_hal_quiet_timing_enter() mp_hal_atomic_begin()
#define mp_hal_quiet_timing_exit(state) mp_hal_atomic_end(state)

// What other ports do in PendSV (soft timers) runs in an interrupt within the kernel's limit here.
#define MICROPY_PY_PENDSV_ENTER mp_uint_t pendsv_state = mp_hal_atomic_begin()
#define MICROPY_PY_PENDSV_EXIT mp_hal_atomic_end(pendsv_state)

// Wakes every thread that waits in MICROPY_INTERNAL_WFE; any context up to the kernel's priority limit.
void mp_hal_wake(void);
static inline void mp_hal_wake_from_isr(void) {
    mp_hal_wake();
}
// Releases the GIL, sleeps until mp_hal_wake() or the time is up (negative: no limit), takes the GIL.
void mp_hal_wait(int32_t timeout_ms);
// The VM's own waits look again this often at the latest: select.poll() also serves objects written in
// Python, which have no event that would wake it.
#define MP_HAL_POLL_MS (10)
#define MICROPY_INTERNAL_WFE(timeout_ms) mp_hal_wait_polling((int32_t)(timeout_ms))
static inline void mp_hal_wait_polling(int32_t timeout_ms) {
    mp_hal_wait(timeout_ms < 0 || timeout_ms > MP_HAL_POLL_MS ? MP_HAL_POLL_MS : timeout_ms);
}
// What the bindings wait for always wakes them.
#define LWIP_BINDINGS_WAIT(timeout_ms) mp_hal_wait((int32_t)(timeout_ms))

// The time of day that the network gave: the RTC's.
void mp_hal_set_time_us(int64_t us_since_1970);
#define LWIP_BINDINGS_SET_TIME(us) mp_hal_set_time_us(us)

void mp_hal_set_interrupt_char(int c);

#define mp_hal_ticks_cpu() clock_cycles()
#define mp_hal_ticks_us() ((mp_uint_t)timebase_us32())
#define mp_hal_get_cpu_freq() hclk_hz()
void mp_hal_delay_us_fast(mp_uint_t us);

// --- pins for the C code of extmod/ and drivers/ ---

#define MP_HAL_PIN_FMT "%q"
#define mp_hal_pin_obj_t pin_t
#define MP_HAL_PIN_SPEED_LOW GPIO_SPEED_LOW
#define MP_HAL_PIN_SPEED_VERY_HIGH GPIO_SPEED_VERY_HIGH
#define MP_HAL_PIN_MODE_INPUT GPIO_MODE_INPUT
#define MP_HAL_PIN_MODE_OUTPUT GPIO_MODE_OUTPUT
#define MP_HAL_PIN_PULL_NONE GPIO_PULL_NONE
#define MP_HAL_PIN_PULL_UP GPIO_PULL_UP

pin_t mp_hal_get_pin_obj(mp_obj_t obj);
qstr mp_hal_pin_name(pin_t pin);

static inline void mp_hal_pin_input(pin_t pin) {
    gpio_config(pin, GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
}
static inline void mp_hal_pin_output(pin_t pin) {
    gpio_config(pin, GPIO_MODE_OUTPUT, GPIO_PULL_NONE, GPIO_SPEED_HIGH, 0);
}
static inline void mp_hal_pin_open_drain(pin_t pin) {
    gpio_config(pin, GPIO_MODE_OUTPUT | GPIO_MODE_OPEN_DRAIN, GPIO_PULL_NONE, GPIO_SPEED_HIGH, 0);
}
static inline void mp_hal_pin_config(pin_t pin, unsigned mode, unsigned pull, unsigned af) {
    gpio_config(pin, mode, pull, GPIO_SPEED_HIGH, af);
}
#define mp_hal_pin_low(pin) gpio_write((pin), 0)
#define mp_hal_pin_high(pin) gpio_write((pin), 1)
#define mp_hal_pin_od_low(pin) gpio_write((pin), 0)
#define mp_hal_pin_od_high(pin) gpio_write((pin), 1)
#define mp_hal_pin_read(pin) gpio_read(pin)
#define mp_hal_pin_read_output(pin) gpio_output(pin)
#define mp_hal_pin_write(pin, value) gpio_write((pin), (value))

#endif // STM32F407_MPHALPORT_H
