// SPDX-License-Identifier: MIT
// Brings OTG_FS up and runs TinyUSB in a task of its own. TinyUSB is called from that task alone: its
// driver changes registers that endpoints share (DIEPEMPMSK) by reading and writing them back, which a
// second task would break into. It fills the transmit FIFOs in its interrupt alone, so that nothing touches
// endpoint registers between the words of a packet, which would corrupt it (ES0182, "Transmit data FIFO is
// corrupted when a write sequence to the FIFO is interrupted").
#include "FreeRTOS.h"
#include "task.h"
#include "tusb.h"
#include "portable/synopsys/dwc2/dwc2_type.h"
#include "clock.h"
#include "gpio.h"
#include "hal.h"
#include "py/mpconfig.h"
#include "rtos.h"
#include "stm32f4xx.h"
#include "usb.h"
#include "usb_cdc.h"

// Where 5 V of the USB socket reach PA9, the device shows itself only while a cable is in.
#ifdef MICROPY_HW_USB_VBUS_PIN
#define VBUS_SENSE (1)
#else
#define VBUS_SENSE (0)
#endif

#define STACK_WORDS (224) // 392 bytes of it were seen in use
// Above the UARTs, below Ethernet; at or below configMAX_SYSCALL_INTERRUPT_PRIORITY (5).
#define IRQ_PRIORITY (7)
#define OTG_FS ((dwc2_regs_t *)USB_OTG_FS_PERIPH_BASE)
// RM0090 34.16.2, OTG_FS_GCCFG. TinyUSB's names are those of later chips, where bit 21 is another one.
#define GCCFG_VBUSBSEN (1UL << 19)
#define GCCFG_NOVBUSSENS (1UL << 21)
// How long the host is given to see that the device is gone: a hub needs 2.5 us, the pull-up's edge more.
#define DISCONNECT_US (3000)

static CCM_BSS StaticTask_t tcb;
static CCM_BSS StackType_t stack[STACK_WORDS];
static TaskHandle_t task;

static void pins_init(void) {
    gpio_config(PIN('A', 11), GPIO_MODE_AF, GPIO_PULL_NONE, GPIO_SPEED_VERY_HIGH, 10);
    gpio_config(PIN('A', 12), GPIO_MODE_AF, GPIO_PULL_NONE, GPIO_SPEED_VERY_HIGH, 10);
    #if VBUS_SENSE
    gpio_config(PIN('A', 9), GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
    #endif
}

static void core_init(void) {
    RCC->AHB2ENR |= RCC_AHB2ENR_OTGFSEN;
    (void)RCC->AHB2ENR; // ES0182: the clock reaches the peripheral two cycles later
    RCC->AHB2RSTR |= RCC_AHB2RSTR_OTGFSRST;
    RCC->AHB2RSTR &= ~RCC_AHB2RSTR_OTGFSRST;
    // TinyUSB adds PWRDWN and leaves these bits alone.
    OTG_FS->stm32_gccfg = VBUS_SENSE ? GCCFG_VBUSBSEN : GCCFG_NOVBUSSENS;
    NVIC_SetPriority(OTG_FS_IRQn, IRQ_PRIORITY);
}

static void usb_task(void *arg) {
    (void)arg;
    // Without its 48 MHz the core never comes out of its reset, which TinyUSB would wait for without end.
    if (clock_status() == CLOCK_NO_PLL) {
        vTaskSuspend(NULL); // the UART's REPL is still there
    }
    pins_init();
    core_init();
    const tusb_rhport_init_t init = { .role = TUSB_ROLE_DEVICE, .speed = TUSB_SPEED_FULL };
    if (!tusb_init(0, &init)) {
        vTaskSuspend(NULL);
    }
    usb_cdc_init();
    for (;;) {
        tud_task();
    }
}

void usb_init(void) {
    if (task != NULL) {
        return;
    }
    task = xTaskCreateStatic(usb_task, "usb", STACK_WORDS, NULL, RTOS_PRIORITY_USB, stack, &tcb);
}

void usb_deinit(void) {
    if (task == NULL || !(RCC->AHB2ENR & RCC_AHB2ENR_OTGFSEN)) {
        return;
    }
    NVIC_DisableIRQ(OTG_FS_IRQn);
    vTaskSuspend(task);
    usb_cdc_deinit();
    OTG_FS->dctl |= DCTL_SDIS;
    clock_delay_us(DISCONNECT_US);
    RCC->AHB2RSTR |= RCC_AHB2RSTR_OTGFSRST;
    RCC->AHB2RSTR &= ~RCC_AHB2RSTR_OTGFSRST;
    RCC->AHB2ENR &= ~RCC_AHB2ENR_OTGFSEN;
    NVIC_ClearPendingIRQ(OTG_FS_IRQn);
}

bool usb_ready(void) {
    return tud_ready();
}

uint32_t usb_stack_free(void) {
    return (uint32_t)uxTaskGetStackHighWaterMark(task) * sizeof(StackType_t);
}

void OTG_FS_IRQHandler(void) {
    tud_int_handler(0);
}
