// SPDX-License-Identifier: MIT
//
// LAN.ptp(): the MAC's IEEE 1588 clock. Times are whole nanoseconds.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "lwip/tcpip.h"

#include "ethif.h"
#include "network.h"

#define NS_PER_S (1000000000)

static const mp_obj_type_t ptp_type;
static const mp_obj_base_t ptp_obj = { &ptp_type };

mp_obj_t network_lan_time(uint32_t seconds, uint32_t ns) {
    return mp_obj_new_int_from_ull((uint64_t)seconds * NS_PER_S + ns);
}

// A whole number of nanoseconds, not negative, of less than 2^32 seconds.
static eth_time_t get_time(mp_obj_t value) {
    mp_obj_t second = MP_OBJ_NEW_SMALL_INT(NS_PER_S);
    mp_obj_t whole = mp_binary_op(MP_BINARY_OP_FLOOR_DIVIDE, value, second);
    mp_obj_t rest = mp_binary_op(MP_BINARY_OP_MODULO, value, second);
    mp_obj_t last = mp_obj_new_int_from_uint(UINT32_MAX);
    if (mp_obj_is_true(mp_binary_op(MP_BINARY_OP_LESS, whole, MP_OBJ_NEW_SMALL_INT(0)))
        || mp_obj_is_true(mp_binary_op(MP_BINARY_OP_MORE, whole, last))) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid time"));
    }
    return (eth_time_t) { (uint32_t)mp_obj_get_int_truncated(whole), (uint32_t)mp_obj_get_int(rest) };
}

static mp_obj_t lan_ptp(mp_obj_t self_in) {
    (void)self_in;
    return MP_OBJ_FROM_PTR(&ptp_obj);
}
MP_DEFINE_CONST_FUN_OBJ_1(network_lan_ptp_obj, lan_ptp);

static mp_obj_t ptp_active(size_t n_args, const mp_obj_t *args) {
    LOCK_TCPIP_CORE();
    if (n_args > 1) {
        eth_ptp_enable(mp_obj_is_true(args[1]));
    }
    bool on = eth_ptp_enabled();
    UNLOCK_TCPIP_CORE();
    return n_args > 1 ? mp_const_none : mp_obj_new_bool(on);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ptp_active_obj, 1, 2, ptp_active);

static void check_active(void) {
    if (!eth_ptp_enabled()) {
        mp_raise_OSError(MP_EINVAL);
    }
}

// time(): nanoseconds. time(ns) sets it.
static mp_obj_t ptp_time(size_t n_args, const mp_obj_t *args) {
    eth_time_t time;
    check_active();
    if (n_args > 1) {
        time = get_time(args[1]);
        LOCK_TCPIP_CORE();
        eth_ptp_set(&time);
        UNLOCK_TCPIP_CORE();
        return mp_const_none;
    }
    LOCK_TCPIP_CORE();
    eth_ptp_get(&time);
    UNLOCK_TCPIP_CORE();
    return network_lan_time(time.seconds, time.ns);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ptp_time_obj, 1, 2, ptp_time);

// offset(ns): moves the clock in one step, back if negative.
static mp_obj_t ptp_offset(mp_obj_t self_in, mp_obj_t value) {
    (void)self_in;
    check_active();
    bool back = mp_obj_is_true(mp_binary_op(MP_BINARY_OP_LESS, value, MP_OBJ_NEW_SMALL_INT(0)));
    eth_time_t by = get_time(back ? mp_unary_op(MP_UNARY_OP_NEGATIVE, value) : value);
    LOCK_TCPIP_CORE();
    eth_ptp_offset(&by, back);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(ptp_offset_obj, ptp_offset);

// rate([ppb])
static mp_obj_t ptp_rate(size_t n_args, const mp_obj_t *args) {
    check_active();
    if (n_args == 1) {
        return mp_obj_new_int(eth_ptp_rate());
    }
    mp_int_t ppb = mp_obj_get_int(args[1]);
    LOCK_TCPIP_CORE();
    int result = eth_ptp_set_rate(ppb);
    UNLOCK_TCPIP_CORE();
    if (result != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid rate"));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ptp_rate_obj, 1, 2, ptp_rate);

static const mp_rom_map_elem_t ptp_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&ptp_active_obj) },
    { MP_ROM_QSTR(MP_QSTR_time), MP_ROM_PTR(&ptp_time_obj) },
    { MP_ROM_QSTR(MP_QSTR_offset), MP_ROM_PTR(&ptp_offset_obj) },
    { MP_ROM_QSTR(MP_QSTR_rate), MP_ROM_PTR(&ptp_rate_obj) },
};
static MP_DEFINE_CONST_DICT(ptp_locals, ptp_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    ptp_type,
    MP_QSTR_PTP,
    MP_TYPE_FLAG_NONE,
    locals_dict, &ptp_locals
    );
