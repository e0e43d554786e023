// SPDX-License-Identifier: MIT
// Olimex STM32-E407 with its LAN8710A; the console is on the UEXT connector.
#define MICROPY_HW_BOARD_NAME "OLIMEX-E407"
#define MICROPY_HW_MCU_NAME "STM32F407ZG"

// 12 MHz / 12 * 336 / 2 = 168 MHz; / 7 = 48 MHz for USB and the RNG.
#define MICROPY_HW_CLK_HSE_HZ (12000000)
#define MICROPY_HW_CLK_PLLM (12)
#define MICROPY_HW_CLK_PLLN (336)
#define MICROPY_HW_CLK_PLLP (2)
#define MICROPY_HW_CLK_PLLQ (7)
#define MICROPY_HW_CLK_HSE_BYPASS (0)
#define MICROPY_HW_RTC_USE_LSE (1)

#define MICROPY_HW_UART_REPL (6)
#define MICROPY_HW_UART_REPL_BAUD (115200)
#define MICROPY_HW_UART_REPL_TX PIN('C', 6)
#define MICROPY_HW_UART_REPL_RX PIN('C', 7)

// Pressed is high; held at reset it keeps boot.py and main.py from running.
#define MICROPY_HW_USRSW_PIN PIN('A', 0)
#define MICROPY_HW_USRSW_PRESSED (1)
#define MICROPY_HW_USRSW_PULL GPIO_PULL_DOWN

// The UEXT connector has SPI2 and I2C1 (as the defaults); PB14 and PB15 are the second USB socket's.
#define MICROPY_HW_SPI2_SCK PIN('B', 10)
#define MICROPY_HW_SPI2_MISO PIN('C', 2)
#define MICROPY_HW_SPI2_MOSI PIN('C', 3)
#define MICROPY_HW_I2C2_SCL PIN('F', 1)
#define MICROPY_HW_I2C2_SDA PIN('F', 0)

#define MICROPY_HW_USB_FS (1)
#define MICROPY_HW_USB_VBUS_PIN PIN('A', 9)

#define MICROPY_HW_ETH_MDC PIN('C', 1)
#define MICROPY_HW_ETH_MDIO PIN('A', 2)
#define MICROPY_HW_ETH_RMII_REF_CLK PIN('A', 1)
#define MICROPY_HW_ETH_RMII_CRS_DV PIN('A', 7)
#define MICROPY_HW_ETH_RMII_RXD0 PIN('C', 4)
#define MICROPY_HW_ETH_RMII_RXD1 PIN('C', 5)
#define MICROPY_HW_ETH_RMII_TX_EN PIN('G', 11)
#define MICROPY_HW_ETH_RMII_TXD0 PIN('G', 13)
#define MICROPY_HW_ETH_RMII_TXD1 PIN('G', 14)
#define MICROPY_HW_ETH_PHY_ADDRESS (0)
