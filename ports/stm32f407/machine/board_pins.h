// SPDX-License-Identifier: MIT
// The pins that the parts of the board have, by its definition: OWNED_PINS(X) is X(pin, who) for each.
#ifndef MACHINE_BOARD_PINS_H
#define MACHINE_BOARD_PINS_H

#include "gpio.h"
#include "mpconfigboard.h"

#if PORT_WITH_NET
#define ETH_PINS(X) \
    X(MICROPY_HW_ETH_MDC, "Ethernet (MDC)") \
    X(MICROPY_HW_ETH_MDIO, "Ethernet (MDIO)") \
    X(MICROPY_HW_ETH_RMII_REF_CLK, "Ethernet (REF_CLK)") \
    X(MICROPY_HW_ETH_RMII_CRS_DV, "Ethernet (CRS_DV)") \
    X(MICROPY_HW_ETH_RMII_RXD0, "Ethernet (RXD0)") \
    X(MICROPY_HW_ETH_RMII_RXD1, "Ethernet (RXD1)") \
    X(MICROPY_HW_ETH_RMII_TX_EN, "Ethernet (TX_EN)") \
    X(MICROPY_HW_ETH_RMII_TXD0, "Ethernet (TXD0)") \
    X(MICROPY_HW_ETH_RMII_TXD1, "Ethernet (TXD1)")
#else
#define ETH_PINS(X)
#endif
#if PORT_WITH_NET && defined(MICROPY_HW_ETH_PHY_RESET)
#define ETH_RESET_PIN(X) X(MICROPY_HW_ETH_PHY_RESET, "Ethernet (reset of the PHY)")
#else
#define ETH_RESET_PIN(X)
#endif
// An input of the MAC that it can do without: nothing is lost but the pin is wired to the PHY's output.
#if PORT_WITH_NET && defined(MICROPY_HW_ETH_RMII_RX_ER)
#define ETH_RX_ER_PIN(X) X(MICROPY_HW_ETH_RMII_RX_ER, "Ethernet (RX_ER)")
#else
#define ETH_RX_ER_PIN(X)
#endif

#if MICROPY_HW_USB_FS
#define USB_PINS(X) \
    X(PIN('A', 11), "USB (DM)") \
    X(PIN('A', 12), "USB (DP)")
#else
#define USB_PINS(X)
#endif
#if MICROPY_HW_USB_FS && defined(MICROPY_HW_USB_VBUS_PIN)
#define USB_VBUS_PIN(X) X(MICROPY_HW_USB_VBUS_PIN, "USB (VBUS)")
#else
#define USB_VBUS_PIN(X)
#endif

#define CONSOLE_PINS(X) \
    X(MICROPY_HW_UART_REPL_TX, "the console (TX)") \
    X(MICROPY_HW_UART_REPL_RX, "the console (RX)")
// PH0 carries the clock where an oscillator feeds it, and PH1 is free then.
#define HSE_PIN(X) X(PIN('H', 0), "the clock (OSC_IN)")
#if MICROPY_HW_CLK_HSE_BYPASS
#define HSE_OUT_PIN(X)
#else
#define HSE_OUT_PIN(X) X(PIN('H', 1), "the crystal (OSC_OUT)")
#endif
#if MICROPY_HW_RTC_USE_LSE
#define LSE_PINS(X) \
    X(PIN('C', 14), "the RTC's crystal (OSC32_IN)") \
    X(PIN('C', 15), "the RTC's crystal (OSC32_OUT)")
#else
#define LSE_PINS(X)
#endif
// Two wires are what a debugger needs; the JTAG pins beside them (PA15, PB3, PB4) are free.
#define SWD_PINS(X) \
    X(PIN('A', 13), "the debugger (SWDIO)") \
    X(PIN('A', 14), "the debugger (SWCLK)")

#define OWNED_PINS(X) \
    ETH_PINS(X) ETH_RESET_PIN(X) ETH_RX_ER_PIN(X) USB_PINS(X) USB_VBUS_PIN(X) \
    CONSOLE_PINS(X) HSE_PIN(X) HSE_OUT_PIN(X) LSE_PINS(X) SWD_PINS(X)

#endif // MACHINE_BOARD_PINS_H
