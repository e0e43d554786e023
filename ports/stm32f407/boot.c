// SPDX-License-Identifier: MIT
// From reset to the scheduler: clocks, console, and the tasks.
#include "backup.h"
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "fault.h"
#include "gpio.h"
#include "mpconfigboard.h"
#include "rtc.h"
#include "stm32f4xx.h"
#include "timebase.h"

#include "FreeRTOS.h"
#include "task.h"
#include "rtos.h"

#if PORT_WITH_NET
#include "net/net.h"
#endif

#define MAIN_STACK_BYTES (12 * 1024)

static const clock_config_t clock_config = {
    .hse_hz = MICROPY_HW_CLK_HSE_HZ,
    .pll_m = MICROPY_HW_CLK_PLLM,
    .pll_n = MICROPY_HW_CLK_PLLN,
    .pll_p = MICROPY_HW_CLK_PLLP,
    .pll_q = MICROPY_HW_CLK_PLLQ,
    .hse_bypass = MICROPY_HW_CLK_HSE_BYPASS,
};
static const uart_config_t uart_config = {
    .number = MICROPY_HW_UART_REPL,
    .tx = MICROPY_HW_UART_REPL_TX,
    .rx = MICROPY_HW_UART_REPL_RX,
    .baudrate = MICROPY_HW_UART_REPL_BAUD,
    .bits = 8,
    .stop = 1,
    .rts = PIN_NONE,
    .cts = PIN_NONE,
};

static bool button_held;
static CCM_BSS StaticTask_t main_tcb;
static CCM_BSS StackType_t main_stack[MAIN_STACK_BYTES / sizeof(StackType_t)];

bool boot_button_held(void) {
    return button_held;
}

static void main_task(void *arg) {
    (void)arg;
    #if PORT_WITH_NET
    net_init();
    #endif
    for (;;) {
        python_run(&main_stack[MAIN_STACK_BYTES / sizeof(StackType_t)], MAIN_STACK_BYTES);
        button_held = false; // it counts at a reset, not at a soft one
    }
}

int main(void) {
    backup_init();
    clock_init(&clock_config);
    timebase_init();
    console_init(&uart_config);
    fault_init();
    rtos_init();
    gpio_config(MICROPY_HW_USRSW_PIN, GPIO_MODE_INPUT, MICROPY_HW_USRSW_PULL, GPIO_SPEED_LOW, 0);
    clock_delay_us(20); // for a pull to charge the pin
    button_held = gpio_read(MICROPY_HW_USRSW_PIN) == MICROPY_HW_USRSW_PRESSED;
    // Without its clock the calendar raises OSError when asked; nothing else depends on it.
    (void)rtc_init(MICROPY_HW_RTC_USE_LSE);
    xTaskCreateStatic(main_task, "main", MAIN_STACK_BYTES / sizeof(StackType_t), NULL,
        RTOS_PRIORITY_PYTHON, main_stack, &main_tcb);
    vTaskStartScheduler();
    fault_die("the scheduler did not start", "(start-up)");
}
