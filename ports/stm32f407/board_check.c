// SPDX-License-Identifier: MIT
// A board's definition against the chip: what cannot work is a compiler's error that says which rule it
// breaks, found at the build instead of on the desk. Nothing of this file is in the image.
#include "bus_pins.h"
#include "gpio.h"
#include "machine/board_pins.h"
#include "mpconfigboard.h"

// --- clocks: RM0090 section 6.3.2 (RCC_PLLCFGR) ---
#define VCO_IN_HZ (MICROPY_HW_CLK_HSE_HZ / MICROPY_HW_CLK_PLLM)
#define VCO_HZ (VCO_IN_HZ * MICROPY_HW_CLK_PLLN)
#define HSE_MAX_HZ (MICROPY_HW_CLK_HSE_BYPASS ? 50000000 : 26000000)
_Static_assert(MICROPY_HW_CLK_HSE_HZ >= 4000000 && MICROPY_HW_CLK_HSE_HZ <= HSE_MAX_HZ,
    "HSE is 4 to 26 MHz with a crystal, up to 50 MHz from outside");
_Static_assert(MICROPY_HW_CLK_HSE_HZ % MICROPY_HW_CLK_PLLM == 0, "PLLM must divide the crystal frequency");
_Static_assert(VCO_IN_HZ >= 1000000 && VCO_IN_HZ <= 2000000, "HSE / PLLM must be 1 to 2 MHz");
_Static_assert(16000000 % VCO_IN_HZ == 0, "HSE / PLLM must divide 16 MHz, for a start without the crystal");
_Static_assert(VCO_HZ >= 100000000 && VCO_HZ <= 432000000, "the VCO runs at 100 to 432 MHz");
_Static_assert(MICROPY_HW_CLK_PLLP == 2 || MICROPY_HW_CLK_PLLP == 4 || MICROPY_HW_CLK_PLLP == 6
    || MICROPY_HW_CLK_PLLP == 8, "PLLP is 2, 4, 6 or 8");
_Static_assert(VCO_HZ / MICROPY_HW_CLK_PLLP <= 168000000, "SYSCLK is 168 MHz at most");
#if PORT_WITH_NET
_Static_assert(VCO_HZ / MICROPY_HW_CLK_PLLP >= 25000000,
    "Ethernet needs HCLK of 25 MHz (RM0090 section 33.1)");
#endif
_Static_assert(VCO_HZ == 48000000LL * MICROPY_HW_CLK_PLLQ, "VCO / PLLQ must be 48 MHz for USB and the RNG");

// --- pins with one function: the data sheet's table of alternate functions (DS8626, table 9) ---
#define EITHER(pin, one, other) ((pin) == (one) || (pin) == (other))
#if PORT_WITH_NET
_Static_assert(MICROPY_HW_ETH_MDC == PIN('C', 1), "ETH_MDC is on PC1 alone");
_Static_assert(MICROPY_HW_ETH_MDIO == PIN('A', 2), "ETH_MDIO is on PA2 alone");
_Static_assert(MICROPY_HW_ETH_RMII_REF_CLK == PIN('A', 1), "ETH_RMII_REF_CLK is on PA1 alone");
_Static_assert(MICROPY_HW_ETH_RMII_CRS_DV == PIN('A', 7), "ETH_RMII_CRS_DV is on PA7 alone");
_Static_assert(MICROPY_HW_ETH_RMII_RXD0 == PIN('C', 4), "ETH_RMII_RXD0 is on PC4 alone");
_Static_assert(MICROPY_HW_ETH_RMII_RXD1 == PIN('C', 5), "ETH_RMII_RXD1 is on PC5 alone");
_Static_assert(EITHER(MICROPY_HW_ETH_RMII_TX_EN, PIN('B', 11), PIN('G', 11)),
    "ETH_RMII_TX_EN is on PB11 or PG11");
_Static_assert(EITHER(MICROPY_HW_ETH_RMII_TXD0, PIN('B', 12), PIN('G', 13)),
    "ETH_RMII_TXD0 is on PB12 or PG13");
_Static_assert(EITHER(MICROPY_HW_ETH_RMII_TXD1, PIN('B', 13), PIN('G', 14)),
    "ETH_RMII_TXD1 is on PB13 or PG14");
#ifdef MICROPY_HW_ETH_RMII_RX_ER
_Static_assert(EITHER(MICROPY_HW_ETH_RMII_RX_ER, PIN('B', 10), PIN('I', 10)),
    "ETH_RX_ER is on PB10 or PI10");
#endif
_Static_assert(MICROPY_HW_ETH_PHY_ADDRESS >= -1 && MICROPY_HW_ETH_PHY_ADDRESS <= 31,
    "the address of a PHY is 0 to 31, or -1 to look for it");
#endif

#if MICROPY_HW_USB_FS && defined(MICROPY_HW_USB_VBUS_PIN)
_Static_assert(MICROPY_HW_USB_VBUS_PIN == PIN('A', 9), "OTG_FS senses VBUS on PA9 alone");
#endif

#define IS_CONSOLE(number, port, bit, pin) \
    ((number) == MICROPY_HW_UART_REPL && PIN(port, bit) == (pin))
#define CARRIES_TX(line, number, port, bit) \
    || ((line) == BUS_UART_TX && IS_CONSOLE(number, port, bit, MICROPY_HW_UART_REPL_TX))
#define CARRIES_RX(line, number, port, bit) \
    || ((line) == BUS_UART_RX && IS_CONSOLE(number, port, bit, MICROPY_HW_UART_REPL_RX))
_Static_assert(MICROPY_HW_UART_REPL >= 1 && MICROPY_HW_UART_REPL <= 6, "the console is UART 1 to 6");
_Static_assert(0 BUS_PINS(CARRIES_TX), "the UART of the console has no TX on that pin");
_Static_assert(0 BUS_PINS(CARRIES_RX), "the UART of the console has no RX on that pin");

// Two uses of one pin are two equal cases here, which no compiler takes ("duplicate case value").
#define CASE(number, who) case number:
__attribute__((unused)) static void a_pin_has_one_use(pin_t pin) {
    switch (pin) {
        OWNED_PINS(CASE)
        CASE(MICROPY_HW_USRSW_PIN, "the button")
            break;
    }
}
