// SPDX-License-Identifier: MIT
// Errors and waiting: what every class of the bindings shares.

#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/runtime.h"

#include "apps.h"
#include "bindings.h"
#include "netif.h"
#include "netconn.h"
#include "pin.h"

#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/priv/tcp_priv.h"

#include "lwip/errno.h"

// Indexed by -err_t. lwIP's own table has no errno for ERR_IF, and gives ERR_TIMEOUT EWOULDBLOCK.
static const uint8_t errno_of_err[] = {
    [-ERR_OK] = 0,
    [-ERR_MEM] = MP_ENOMEM,
    [-ERR_BUF] = MP_ENOBUFS,
    [-ERR_TIMEOUT] = MP_ETIMEDOUT,
    [-ERR_RTE] = MP_EHOSTUNREACH,
    [-ERR_INPROGRESS] = MP_EINPROGRESS,
    [-ERR_VAL] = MP_EINVAL,
    [-ERR_WOULDBLOCK] = MP_EAGAIN,
    [-ERR_USE] = MP_EADDRINUSE,
    [-ERR_ALREADY] = MP_EALREADY,
    [-ERR_ISCONN] = MP_EISCONN,
    [-ERR_CONN] = MP_ENOTCONN,
    [-ERR_IF] = MP_EIO,
    [-ERR_ABRT] = MP_ECONNABORTED,
    [-ERR_RST] = MP_ECONNRESET,
    [-ERR_CLSD] = MP_ENOTCONN,
    [-ERR_ARG] = MP_EINVAL,
};

int lwipb_errno(err_t err) {
    if (err > 0 || (size_t)-err >= MP_ARRAY_SIZE(errno_of_err)) {
        return MP_EIO;
    }
    return errno_of_err[-err];
}

int lwipb_socket_errno(void) {
    int err = LWIP_BINDINGS_ERRNO;
    // -1 is what lwIP's table has for ERR_IF.
    return err > 0 ? err : MP_EIO;
}

void lwipb_check(err_t err) {
    if (err != ERR_OK) {
        mp_raise_OSError(lwipb_errno(err));
    }
}

static inline bool vm_has_work(void) {
    return MP_STATE_VM(sched_state) == MP_SCHED_PENDING
           || MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL;
}

int lwipb_block(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms) {
    int ret = attempt(arg);
    return ret == MP_EAGAIN ? lwipb_block_more(attempt, arg, timeout_ms) : ret;
}

int lwipb_block_more(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms) {
    return lwipb_block_more_using(attempt, arg, timeout_ms, NULL, 0);
}

int lwipb_block_using(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms, const lwipb_used_t *used,
    size_t count) {
    int ret = attempt(arg);
    return ret == MP_EAGAIN ? lwipb_block_more_using(attempt, arg, timeout_ms, used, count) : ret;
}

static bool is_still_there(const lwipb_used_t *used) {
    mp_buffer_info_t now;
    if (mp_obj_is_type(used->object, &mp_type_bytearray)) { // the usual one: no need to ask it
        const mp_obj_array_t *array = MP_OBJ_TO_PTR(used->object);
        return array->items == used->info.buf && array->len >= used->info.len;
    }
    return mp_get_buffer(used->object, &now, MP_BUFFER_READ) && now.buf == used->info.buf
           && now.len >= used->info.len;
}

static void check_still_there(const lwipb_used_t *used, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (!is_still_there(&used[i])) {
            mp_raise_ValueError(MP_ERROR_TEXT("the buffer was given back or resized meanwhile"));
        }
    }
}

int lwipb_block_more_using(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms, const lwipb_used_t *used,
    size_t count) {
    if (timeout_ms == 0) {
        return MP_EAGAIN;
    }
    u32_t start_ms = sys_now();
    for (;;) {
        mp_uint_t left_ms = LWIPB_FOREVER;
        if (timeout_ms != LWIPB_FOREVER) {
            mp_uint_t elapsed_ms = (u32_t)(sys_now() - start_ms);
            if (elapsed_ms >= timeout_ms) {
                return MP_ETIMEDOUT;
            }
            left_ms = timeout_ms - elapsed_ms;
        }
        // Callbacks run before an attempt, not between it and the wait: one of them may itself
        // wait, and so swallow the wake-up that announced what the attempt looks for.
        if (!vm_has_work()) {
            LWIP_BINDINGS_WAIT(left_ms);
        }
        mp_event_handle_nowait();
        check_still_there(used, count);
        int ret = attempt(arg);
        if (ret != MP_EAGAIN) {
            return ret;
        }
    }
}

mp_uint_t lwipb_timeout_from_obj(mp_obj_t timeout) {
    if (timeout == mp_const_none) {
        return LWIPB_FOREVER;
    }
    mp_uint_t limit_ms = LWIPB_FOREVER - 1;
    #if MICROPY_PY_BUILTINS_FLOAT
    mp_float_t seconds = mp_obj_get_float(timeout);
    if (!(seconds >= 0)) {
        mp_raise_ValueError(MP_ERROR_TEXT("Timeout value out of range"));
    }
    mp_float_t ms = seconds * 1000;
    if (ms >= (mp_float_t)(1 << 30)) {
        return limit_ms;
    }
    mp_uint_t whole_ms = (mp_uint_t)ms;
    // A wait shorter than a millisecond still is a wait: 0 would mean non-blocking.
    return (mp_float_t)whole_ms < ms ? whole_ms + 1 : whole_ms;
    #else
    mp_int_t seconds = mp_obj_get_int(timeout);
    if (seconds < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("Timeout value out of range"));
    }
    return seconds >= (1 << 20) ? limit_ms : (mp_uint_t)seconds * 1000;
    #endif
}

mp_obj_t lwipb_timeout_to_obj(mp_uint_t timeout_ms) {
    if (timeout_ms == LWIPB_FOREVER) {
        return mp_const_none;
    }
    #if MICROPY_PY_BUILTINS_FLOAT
    return mp_obj_new_float((mp_float_t)timeout_ms / 1000);
    #else
    return mp_obj_new_int_from_uint(timeout_ms / 1000);
    #endif
}

// What closed sockets left behind: connections that still wait for the peer.
static void abort_orphans(void) {
    LWIP_ASSERT_CORE_LOCKED();
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        // A half-open connection carries the argument of a listener that is gone by now.
        if (pcb->callback_arg == NULL || pcb->state == SYN_RCVD) {
            tcp_abort(pcb);
        }
    }
    while (tcp_tw_pcbs != NULL) {
        tcp_abort(tcp_tw_pcbs);
    }
}

// Fragments whose datagram never became whole: they would hold receive buffers until their time is up. The
// timers free what has waited longest, so calling them as often as that takes frees all.
static void drop_fragments(void) {
    LWIP_ASSERT_CORE_LOCKED();
    #if LWIP_IPV4 && IP_REASSEMBLY
    for (size_t i = 0; i <= IP_REASS_MAXAGE; i++) {
        ip_reass_tmr();
    }
    #endif
    #if LWIP_IPV6 && LWIP_IPV6_REASS
    for (size_t i = 0; i <= IPV6_REASS_MAXAGE; i++) {
        ip6_reass_tmr();
    }
    #endif
}

void lwip_bindings_deinit(void) {
    lwipb_socket_deinit();
    lwipb_live_deinit();
    lwipb_buffers_deinit();
    lwipb_sntp_deinit();
    lwipb_mdns_deinit();
    lwipb_dns_deinit();
    lwipb_hosts_deinit();
    lwipb_dhcp_deinit();
    lwipb_groups_deinit();
    lwipb_etharp_deinit();
    lwipb_netif_deinit();
    LOCK_TCPIP_CORE();
    abort_orphans();
    drop_fragments();
    UNLOCK_TCPIP_CORE();
    lwipb_pins_deinit();
}
