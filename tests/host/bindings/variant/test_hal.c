// SPDX-License-Identifier: MIT
// What the board's port gives the bindings, on the host: a latching wake-up, lwIP running before
// the VM starts, and a module through which tests get at what a script on the board cannot.

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"

#include "bindings.h"
#include "lwip_bindings.h"

#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
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

// time_set(): microseconds since 1970, as lwip.sntp set the clock last; None if it never did
static long long time_set;

void test_set_time(long long us_since_1970) {
    time_set = us_since_1970;
}

static mp_obj_t test_time_set(void) {
    return time_set == 0 ? mp_const_none : mp_obj_new_int_from_ll(time_set);
}
static MP_DEFINE_CONST_FUN_OBJ_0(test_time_set_obj, test_time_set);

// An Ethernet interface whose wire is the script's: tx() takes what lwIP sent, rx() gives it a frame.

#define FRAMES_MAX (32)
static struct netif ether;
static struct pbuf *frames[FRAMES_MAX];
static size_t frames_count;

// In lwIP's context, core locked. A wire that nobody reads loses the frame.
static err_t ether_output(struct netif *netif, struct pbuf *p) {
    (void)netif;
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (copy == NULL || frames_count == FRAMES_MAX) {
        if (copy != NULL) {
            pbuf_free(copy);
        }
        return ERR_MEM;
    }
    frames[frames_count++] = copy;
    return ERR_OK;
}

static err_t ether_init(struct netif *netif) {
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = ether_output;
    netif->mtu = 1500;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, "\x02\x00\x00\x00\x00\x01", 6);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP
        | NETIF_FLAG_MLD6 | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

// add_ethernet(): makes the interface, down and without an address; its index
static mp_obj_t test_add_ethernet(void) {
    LOCK_TCPIP_CORE();
    netif_add_noaddr(&ether, NULL, ether_init, tcpip_input);
    UNLOCK_TCPIP_CORE();
    return MP_OBJ_NEW_SMALL_INT(netif_get_index(&ether));
}
static MP_DEFINE_CONST_FUN_OBJ_0(test_add_ethernet_obj, test_add_ethernet);

// tx(): the oldest frame that nobody took yet, or None
static mp_obj_t test_tx(void) {
    LOCK_TCPIP_CORE();
    struct pbuf *p = frames_count > 0 ? frames[0] : NULL;
    if (p != NULL) {
        memmove(frames, frames + 1, --frames_count * sizeof(frames[0]));
    }
    UNLOCK_TCPIP_CORE();
    if (p == NULL) {
        return mp_const_none;
    }
    mp_obj_t data = mp_obj_new_bytes(p->payload, p->tot_len);
    pbuf_free(p);
    return data;
}
static MP_DEFINE_CONST_FUN_OBJ_0(test_tx_obj, test_tx);

// rx(frame)
static mp_obj_t test_rx(mp_obj_t frame) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(frame, &info, MP_BUFFER_READ);
    struct pbuf *p = pbuf_alloc(PBUF_RAW, info.len, PBUF_POOL);
    pbuf_take(p, info.buf, info.len);
    if (ether.input(p, &ether) != ERR_OK) {
        pbuf_free(p);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(test_rx_obj, test_rx);

static const mp_rom_map_elem_t test_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_lwiptest) },
    { MP_ROM_QSTR(MP_QSTR_deinit), MP_ROM_PTR(&test_deinit_obj) },
    { MP_ROM_QSTR(MP_QSTR_add_ethernet), MP_ROM_PTR(&test_add_ethernet_obj) },
    { MP_ROM_QSTR(MP_QSTR_tx), MP_ROM_PTR(&test_tx_obj) },
    { MP_ROM_QSTR(MP_QSTR_rx), MP_ROM_PTR(&test_rx_obj) },
    { MP_ROM_QSTR(MP_QSTR_add_host), MP_ROM_PTR(&test_add_host_obj) },
    { MP_ROM_QSTR(MP_QSTR_errno), MP_ROM_PTR(&test_errno_obj) },
    { MP_ROM_QSTR(MP_QSTR_time_set), MP_ROM_PTR(&test_time_set_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_dns), MP_ROM_PTR(&test_set_dns_obj) },
};
static MP_DEFINE_CONST_DICT(test_module_globals, test_module_globals_table);

const mp_obj_module_t test_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&test_module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_lwiptest, test_module);
