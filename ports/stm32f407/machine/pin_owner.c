// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "py/runtime.h"
#include "machine/board_pins.h"
#include "machine/machine_pin.h"
#include "machine/pin_owner.h"

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
