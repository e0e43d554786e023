// SPDX-License-Identifier: MIT
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "machine/machine_bus.h"
#include "rtos.h"

// What is open; interrupts reach these objects too.
MP_REGISTER_ROOT_POINTER(struct _machine_bus_t *machine_buses);

machine_bus_t *machine_bus_find(const mp_obj_type_t *type, unsigned number) {
    machine_bus_t *bus = MP_STATE_PORT(machine_buses);
    while (bus != NULL && (bus->base.type != type || bus->number != number)) {
        bus = bus->next;
    }
    return bus;
}

machine_bus_t *machine_bus_new(const mp_obj_type_t *type, unsigned number, size_t bytes,
    const machine_bus_methods_t *methods) {
    machine_bus_t *bus = m_malloc0(bytes);
    bus->base.type = type;
    bus->methods = methods;
    bus->number = (uint8_t)number;
    return bus;
}

void machine_bus_add(machine_bus_t *bus) {
    bus->next = MP_STATE_PORT(machine_buses);
    MP_STATE_PORT(machine_buses) = bus;
}

void machine_bus_lock(machine_bus_t *bus) {
    void *task = rtos_current_task();
    if (bus->user == task) {
        mp_raise_OSError(MP_EBUSY);
    }
    while (bus->user != NULL) {
        mp_event_wait_ms(1);
    }
    bus->user = task;
}

void machine_bus_unlock(machine_bus_t *bus) {
    bus->user = NULL;
}

unsigned machine_bus_number(const mp_obj_type_t *type, mp_obj_t id, unsigned last) {
    mp_int_t number = mp_obj_get_int(id);
    if (number < 1 || number > (mp_int_t)last) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q(%d) doesn't exist"), type->name,
            (int)number);
    }
    return (unsigned)number;
}

pin_t machine_bus_pin(mp_obj_t arg, pin_t by_default, qstr name, bus_line_t line, unsigned number) {
    if (arg == mp_const_none) {
        return PIN_NONE;
    }
    if (arg == MP_OBJ_NULL) {
        if (by_default == PIN_NONE) {
            mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("no pin for %q on this board: name one"),
                name);
        }
        return by_default;
    }
    pin_t pin = mp_hal_get_pin_obj(arg);
    if (bus_pin_af(line, number, pin) < 0) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q cannot be on %q"), name,
            mp_hal_pin_name(pin));
    }
    return pin;
}

void machine_bus_print_pin(const mp_print_t *print, qstr name, pin_t pin) {
    mp_printf(print, ", %q=%q", name, pin == PIN_NONE ? MP_QSTR_None : mp_hal_pin_name(pin));
}

void machine_buses_deinit(void) {
    for (machine_bus_t *bus = MP_STATE_PORT(machine_buses); bus != NULL; bus = bus->next) {
        bus->methods->deinit(bus);
    }
    MP_STATE_PORT(machine_buses) = NULL;
}

void machine_buses_wait(void) {
    for (machine_bus_t *bus = MP_STATE_PORT(machine_buses); bus != NULL;) {
        if (bus->user == NULL) {
            bus = bus->next;
        } else {
            machine_bus_lock(bus);
            machine_bus_unlock(bus);
            bus = MP_STATE_PORT(machine_buses); // another one may have begun meanwhile
        }
    }
}

void machine_buses_clock_changes(void) {
    for (machine_bus_t *bus = MP_STATE_PORT(machine_buses); bus != NULL; bus = bus->next) {
        if (bus->methods->clock_changes != NULL) {
            bus->methods->clock_changes(bus);
        }
    }
}

void machine_buses_clock_changed(void) {
    for (machine_bus_t *bus = MP_STATE_PORT(machine_buses); bus != NULL; bus = bus->next) {
        if (bus->methods->clock_changed != NULL) {
            bus->methods->clock_changed(bus);
        }
    }
}
