// SPDX-License-Identifier: MIT
// Black STM32F407VE board with a LAN8720 module, which straps to address 1 and feeds 50 MHz into PA1.
#define MICROPY_HW_BOARD_NAME "BLACK-F407VE-LAN8720"
#define MICROPY_HW_MCU_NAME "STM32F407VE"

// 8 MHz / 8 * 336 / 2 = 168 MHz; / 7 = 48 MHz for USB and the RNG.
#define MICROPY_HW_CLK_HSE_HZ (8000000)
#define MICROPY_HW_CLK_PLLM (8)
#define MICROPY_HW_CLK_PLLN (336)
#define MICROPY_HW_CLK_PLLP (2)
#define MICROPY_HW_CLK_PLLQ (7)
#define MICROPY_HW_CLK_HSE_BYPASS (0)
#define MICROPY_HW_RTC_USE_LSE (1)

#define MICROPY_HW_UART_REPL (1)
#define MICROPY_HW_UART_REPL_BAUD (115200)
#define MICROPY_HW_UART_REPL_TX PIN('A', 9)
#define MICROPY_HW_UART_REPL_RX PIN('A', 10)

// Pressed is high; held at reset it keeps boot.py and main.py from running.
#define MICROPY_HW_USRSW_PIN PIN('A', 0)
#define MICROPY_HW_USRSW_PRESSED (1)
#define MICROPY_HW_USRSW_PULL GPIO_PULL_DOWN

// 512 KB of flash: no room for @micropython.asm_thumb.
#define MICROPY_EMIT_INLINE_THUMB (0)

#define MICROPY_HW_USB_FS (1)

#define MICROPY_HW_ETH_MDC PIN('C', 1)
#define MICROPY_HW_ETH_MDIO PIN('A', 2)
#define MICROPY_HW_ETH_RMII_REF_CLK PIN('A', 1)
#define MICROPY_HW_ETH_RMII_CRS_DV PIN('A', 7)
#define MICROPY_HW_ETH_RMII_RXD0 PIN('C', 4)
#define MICROPY_HW_ETH_RMII_RXD1 PIN('C', 5)
#define MICROPY_HW_ETH_RMII_TX_EN PIN('B', 11)
#define MICROPY_HW_ETH_RMII_TXD0 PIN('B', 12)
#define MICROPY_HW_ETH_RMII_TXD1 PIN('B', 13)
#define MICROPY_HW_ETH_PHY_ADDRESS (1)
