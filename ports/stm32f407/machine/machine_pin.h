// SPDX-License-Identifier: MIT
#ifndef MACHINE_MACHINE_PIN_H
#define MACHINE_MACHINE_PIN_H

#include "py/obj.h"
#include "gpio.h"

typedef struct _machine_pin_obj_t {
    mp_obj_base_t base;
    pin_t pin;
    qstr_short_t name; // the chip's: PA0
} machine_pin_obj_t;

extern const mp_obj_type_t machine_pin_type;
extern const mp_obj_type_t machine_pin_cpu_type;
extern const mp_obj_type_t machine_pin_board_type;

// Made by make_pins.py: every pin of the chip, and the names that the board gives to some.
extern const machine_pin_obj_t machine_pin_objs[];
extern const mp_obj_dict_t machine_pin_cpu_dict;
extern const mp_obj_dict_t machine_pin_board_dict;

// The pin that a Pin, a name ("PA0", "LED_RED") or a board's own object names; raises ValueError.
const machine_pin_obj_t *machine_pin_find(mp_obj_t obj);
mp_obj_t mp_pin_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args);
// Takes every interrupt handler away, for a soft reset.
void machine_pin_deinit(void);

#endif // MACHINE_MACHINE_PIN_H
