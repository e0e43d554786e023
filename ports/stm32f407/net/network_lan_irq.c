// SPDX-License-Identifier: MIT
//
// network.LAN's irq(): a Python function that hears of the link and of addresses. lwIP tells of a change in
// whatever task makes it, with the lock held: here it is noted, and the VM calls the function when it can.

#include "py/mphal.h"
#include "py/runtime.h"

#include "lwip/tcpip.h"

#include "ethif.h"
#include "network.h"

#define ALL (NETWORK_LAN_IRQ_LINK | NETWORK_LAN_IRQ_ADDR)

static mp_sched_node_t node;
static volatile uint32_t pending;
static uint32_t trigger;
static netif_ext_callback_t lwip_callback;
static bool listening;

static void call_handler(mp_sched_node_t *scheduled) {
    (void)scheduled;
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    uint32_t flags = pending;
    pending = 0;
    MICROPY_END_ATOMIC_SECTION(state);
    mp_obj_t handler = MP_STATE_PORT(network_lan_handler);
    if (flags == 0 || handler == MP_OBJ_NULL) {
        return;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_call_function_2(handler, MP_OBJ_FROM_PTR(&network_lan_obj), MP_OBJ_NEW_SMALL_INT(flags));
        nlr_pop();
    } else {
        mp_printf(MICROPY_ERROR_PRINTER, "Uncaught exception in LAN's handler\n");
        mp_obj_print_exception(MICROPY_ERROR_PRINTER, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

static void changed(struct netif *netif, netif_nsc_reason_t reason, const netif_ext_callback_args_t *args) {
    (void)args;
    uint32_t flags = 0;
    if (reason & LWIP_NSC_LINK_CHANGED) {
        flags |= NETWORK_LAN_IRQ_LINK;
    }
    if (reason & (LWIP_NSC_IPV4_ADDRESS_CHANGED | LWIP_NSC_IPV6_SET | LWIP_NSC_IPV6_ADDR_STATE_CHANGED)) {
        flags |= NETWORK_LAN_IRQ_ADDR;
    }
    flags &= trigger;
    if (netif != ethif_netif() || flags == 0) {
        return;
    }
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    pending |= flags;
    MICROPY_END_ATOMIC_SECTION(state);
    mp_sched_schedule_node(&node, call_handler);
}

static void set_handler(mp_obj_t handler, uint32_t wanted) {
    LOCK_TCPIP_CORE();
    if (!listening) {
        listening = true;
        netif_add_ext_callback(&lwip_callback, changed);
    }
    MP_STATE_PORT(network_lan_handler) = handler;
    trigger = handler == MP_OBJ_NULL ? 0 : wanted;
    pending = 0;
    UNLOCK_TCPIP_CORE();
}

void network_lan_irq_reset(void) {
    set_handler(MP_OBJ_NULL, 0);
}

// irq(handler=None, trigger=IRQ_LINK | IRQ_ADDR): handler(lan, flags) is called after a change; None ends it.
static mp_obj_t lan_irq(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_handler, ARG_trigger };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_handler, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_trigger, MP_ARG_INT, { .u_int = ALL } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_obj_t handler = args[ARG_handler].u_obj;
    mp_int_t wanted = args[ARG_trigger].u_int;
    if (wanted == 0 || (wanted & ~ALL)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid trigger"));
    }
    if (handler != mp_const_none && !mp_obj_is_callable(handler)) {
        mp_raise_TypeError(MP_ERROR_TEXT("handler must be callable"));
    }
    set_handler(handler == mp_const_none ? MP_OBJ_NULL : handler, (uint32_t)wanted);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_KW(network_lan_irq_obj, 1, lan_irq);

MP_REGISTER_ROOT_POINTER(mp_obj_t network_lan_handler);
