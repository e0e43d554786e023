// SPDX-License-Identifier: MIT
// TinyUSB as this port runs it: one CDC function on OTG_FS, events served by a FreeRTOS task.
#ifndef USB_TUSB_CONFIG_H
#define USB_TUSB_CONFIG_H

#include "hal.h"

#define CFG_TUSB_MCU OPT_MCU_STM32F4
#define CFG_TUSB_OS OPT_OS_FREERTOS
#define CFG_TUSB_DEBUG 0

#define CFG_TUSB_RHPORT0_MODE (OPT_MODE_DEVICE | OPT_MODE_FULL_SPEED)
#define CFG_TUD_ENABLED 1
#define CFG_TUD_MAX_SPEED OPT_MODE_FULL_SPEED

// OTG_FS has no DMA: the CPU moves every byte, so the buffers may lie in its own memory.
#define CFG_TUD_MEM_SECTION CCM_BSS
#define CFG_TUD_MEM_ALIGN __attribute__((aligned(4)))

#define CFG_TUD_ENDPOINT0_SIZE 64

#define CFG_TUD_CDC 1
// A transfer is one packet: a longer one would hang in the driver until a short packet ends it.
#define CFG_TUD_CDC_EP_BUFSIZE 64
#define CFG_TUD_CDC_RX_BUFSIZE 64
#define CFG_TUD_CDC_TX_BUFSIZE 128

#endif // USB_TUSB_CONFIG_H
