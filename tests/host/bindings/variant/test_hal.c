// SPDX-License-Identifier: MIT
// What the board's port gives the bindings, on the host: a latching wake-up, lwIP running before
// the VM starts, and a module through which tests get at what a script on the board cannot.

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"

#include "bindings.h"
#include "lwip_bindings.h"

#include "lwip/dns.h"
#include "lwip/netif.h"
#include "lwip/tcpip.h"

static atomic_uint wake_count;
static __thread unsigned int wakes_seen;

// Async-signal-safe, as the hook of a signal handler has to be.
void mp_hal_wake(void) {
    atomic_fetch_add(&wake_count, 1);
    syscall(SYS_futex, &wake_count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

// Returns when woken since the last return in this thread, when a signal came, or after the time.
void mp_hal_wait(mp_uint_t timeout_ms) {
    struct timespec ts = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000 };
    bool forever = timeout_ms == (mp_uint_t)-1;
    MP_THREAD_GIL_EXIT();
    syscall(SYS_futex, &wake_count, FUTEX_WAIT_PRIVATE, wakes_seen, forever ? NULL : &ts, NULL, 0);
    wakes_seen = atomic_load(&wake_count);
    MP_THREAD_GIL_ENTER();
}

__attribute__((constructor)) static void start_lwip(void) {
    tcpip_init(NULL, NULL);
}

static mp_obj_t test_deinit(void) {
    lwip_bindings_deinit();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(test_deinit_obj, test_deinit);

// add_host(name, address): an entry of lwIP's local host table
static mp_obj_t test_add_host(mp_obj_t name, mp_obj_t address) {
    ip_addr_t addr;
    ipaddr_aton(mp_obj_str_get_str(address), &addr);
    LOCK_TCPIP_CORE();
    err_t err = dns_local_addhost(mp_obj_str_get_str(name), &addr);
    UNLOCK_TCPIP_CORE();
    return MP_OBJ_NEW_SMALL_INT(err);
}
static MP_DEFINE_CONST_FUN_OBJ_2(test_add_host_obj, test_add_host);

// set_dns(address): one that nobody answers on, for instance
static mp_obj_t test_set_dns(mp_obj_t address) {
    ip_addr_t addr;
    ipaddr_aton(mp_obj_str_get_str(address), &addr);
    LOCK_TCPIP_CORE();
    dns_setserver(0, &addr);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(test_set_dns_obj, test_set_dns);

// errno(err): the errno that the bindings give an err_t
static mp_obj_t test_errno(mp_obj_t err) {
    return MP_OBJ_NEW_SMALL_INT(lwipb_errno(mp_obj_get_int(err)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(test_errno_obj, test_errno);

static const mp_rom_map_elem_t test_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_lwiptest) },
    { MP_ROM_QSTR(MP_QSTR_deinit), MP_ROM_PTR(&test_deinit_obj) },
    { MP_ROM_QSTR(MP_QSTR_add_host), MP_ROM_PTR(&test_add_host_obj) },
    { MP_ROM_QSTR(MP_QSTR_errno), MP_ROM_PTR(&test_errno_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_dns), MP_ROM_PTR(&test_set_dns_obj) },
};
static MP_DEFINE_CONST_DICT(test_module_globals, test_module_globals_table);

const mp_obj_module_t test_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&test_module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_lwiptest, test_module);
