// SPDX-License-Identifier: MIT
// What machine.UART, SPI and I2C have in common: one object per bus of the chip, from its first use to the
// soft reset; default pins; one user at a time.
#ifndef MACHINE_MACHINE_BUS_H
#define MACHINE_MACHINE_BUS_H

#include "py/obj.h"
#include "bus_pins.h"

struct _machine_bus_t;

typedef struct _machine_bus_methods_t {
    void (*deinit)(struct _machine_bus_t *bus);
    // Round a change of the buses' clocks, with the scheduler suspended. Each may be NULL.
    void (*clock_changes)(struct _machine_bus_t *bus);
    void (*clock_changed)(struct _machine_bus_t *bus);
} machine_bus_methods_t;

typedef struct _machine_bus_t {
    mp_obj_base_t base;
    const machine_bus_methods_t *methods;
    struct _machine_bus_t *next;
    void *volatile user; // the task in a transfer
    uint8_t number;
} machine_bus_t;

// The object of this type and number, NULL if there was none since the last (soft) reset.
machine_bus_t *machine_bus_find(const mp_obj_type_t *type, unsigned number);
// A new one of so many bytes, zeroed. It is listed only by machine_bus_add(): until then its construction may
// fail.
machine_bus_t *machine_bus_new(const mp_obj_type_t *type, unsigned number, size_t bytes,
    const machine_bus_methods_t *methods);
void machine_bus_add(machine_bus_t *bus);

// Round a transfer, which may release the GIL. Waits for another thread's; OSError(EBUSY) where this thread
// itself is in one (a handler that runs while it waits).
void machine_bus_lock(machine_bus_t *bus);
void machine_bus_unlock(machine_bus_t *bus);

// The bus's number out of an id; ValueError "SPI(9) doesn't exist".
unsigned machine_bus_number(const mp_obj_type_t *type, mp_obj_t id, unsigned last);
// The pin that an argument names. MP_OBJ_NULL (not given) is the default, None is PIN_NONE. ValueError if the
// board has no default, the pin is not to be had, or cannot carry the line.
pin_t machine_bus_pin(mp_obj_t arg, pin_t by_default, qstr name, bus_line_t line, unsigned number);
// "PD5" or "None".
void machine_bus_print_pin(const mp_print_t *print, qstr name, pin_t pin);

void machine_buses_deinit(void);
// Before the clock changes: waits until no thread is in a transfer. The GIL keeps it so.
void machine_buses_wait(void);
void machine_buses_clock_changes(void);
void machine_buses_clock_changed(void);

#endif // MACHINE_MACHINE_BUS_H
