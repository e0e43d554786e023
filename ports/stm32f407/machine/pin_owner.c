// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "py/runtime.h"
#include "machine/machine_pin.h"
#include "machine/pin_owner.h"

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

typedef struct {
    pin_t pin;
    const char *owner;
} pin_owner_t;

#define ENTRY(number, who) { number, who },
static const pin_owner_t owners[] = { OWNED_PINS(ENTRY) };

#define BIT_A(number, who) | (PIN_PORT(number) == 0 ? 1U << PIN_BIT(number) : 0)
#define BIT_B(number, who) | (PIN_PORT(number) == 1 ? 1U << PIN_BIT(number) : 0)
#define BIT_C(number, who) | (PIN_PORT(number) == 2 ? 1U << PIN_BIT(number) : 0)
#define BIT_D(number, who) | (PIN_PORT(number) == 3 ? 1U << PIN_BIT(number) : 0)
#define BIT_E(number, who) | (PIN_PORT(number) == 4 ? 1U << PIN_BIT(number) : 0)
#define BIT_F(number, who) | (PIN_PORT(number) == 5 ? 1U << PIN_BIT(number) : 0)
#define BIT_G(number, who) | (PIN_PORT(number) == 6 ? 1U << PIN_BIT(number) : 0)
#define BIT_H(number, who) | (PIN_PORT(number) == 7 ? 1U << PIN_BIT(number) : 0)
#define BIT_I(number, who) | (PIN_PORT(number) == 8 ? 1U << PIN_BIT(number) : 0)
const uint16_t pin_owned[GPIO_PORT_COUNT] = {
    0 OWNED_PINS(BIT_A), 0 OWNED_PINS(BIT_B), 0 OWNED_PINS(BIT_C),
    0 OWNED_PINS(BIT_D), 0 OWNED_PINS(BIT_E), 0 OWNED_PINS(BIT_F),
    0 OWNED_PINS(BIT_G), 0 OWNED_PINS(BIT_H), 0 OWNED_PINS(BIT_I),
};

void pin_raise_owned(pin_t pin) {
    const char *owner = "the board";
    for (size_t i = 0; i < MP_ARRAY_SIZE(owners); ++i) {
        if (owners[i].pin == pin) {
            owner = owners[i].owner;
        }
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("pin %q belongs to %s"),
        machine_pin_objs[pin].name, owner);
}
