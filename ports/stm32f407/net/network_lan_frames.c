// SPDX-License-Identifier: MIT
//
// LAN.frames(): Ethernet frames of one ethertype, out and in. What arrives is noted in the task `tcpip`,
// with lwIP's lock, and stays in the buffer where the DMA put it until the script reads it.

#include <string.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "lwip/errno.h"
#include "lwip/prot/ethernet.h"
#include "lwip/tcpip.h"

#include "ethif.h"
#include "network.h"

#define QUEUE_DEFAULT   (4)
#define QUEUE_MAX       (32)
#define GROUPS_MAX      (4)
// A frame is sent within 2.4 ms on 10 Mbit/s, and the queue before it holds some dozen.
#define STAMP_WAIT_MS   (100)
#define FOREVER         (UINT32_MAX)

typedef struct {
    struct pbuf *p;
    eth_time_t stamp;
    bool stamped;
} arrival_t;

typedef struct _frames_t {
    mp_obj_base_t base;
    struct _frames_t *next;     // of those that are open; the collector follows it
    mp_obj_t handler;
    uint32_t timeout_ms;
    uint32_t received, dropped, sent, copied_bytes;
    mp_obj_t stamp;             // of the frame that was read last
    uint8_t group[GROUPS_MAX][ETH_HWADDR_LEN];
    uint8_t groups;
    uint16_t ethertype;
    uint8_t size, first, count;
    bool open;
    bool heard;                 // the handler has not been told of a frame yet
    arrival_t queue[];
} frames_t;

static const mp_obj_type_t frames_type;
static mp_sched_node_t node;
static bool stamp_awaited;

static frames_t *open_list(void) {
    return MP_STATE_PORT(network_lan_frames_open);
}

// ---- From the wire ---------------------------------------------------------------------------------

static void call_handlers(mp_sched_node_t *scheduled) {
    (void)scheduled;
    for (frames_t *self = open_list(); self != NULL; self = self->next) {
        if (!self->heard || self->handler == mp_const_none) {
            continue;
        }
        self->heard = false;
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            mp_call_function_1(self->handler, MP_OBJ_FROM_PTR(self));
            nlr_pop();
        } else {
            mp_printf(MICROPY_ERROR_PRINTER, "Uncaught exception in handler of frames\n");
            mp_obj_print_exception(MICROPY_ERROR_PRINTER, MP_OBJ_FROM_PTR(nlr.ret_val));
        }
    }
}

static bool raw_input(struct pbuf *p, const eth_time_t *stamp) {
    uint8_t type[2];
    pbuf_copy_partial(p, type, 2, 12);
    frames_t *self = open_list();
    while (self != NULL && self->ethertype != (type[0] << 8 | type[1])) {
        self = self->next;
    }
    if (self == NULL) {
        return false;
    }
    if (self->count == self->size) {
        self->dropped++;
        return false;
    }
    arrival_t *arrival = &self->queue[(self->first + self->count) % self->size];
    arrival->p = p;
    arrival->stamped = stamp != NULL;
    if (stamp != NULL) {
        arrival->stamp = *stamp;
    }
    self->count++;
    self->received++;
    self->heard = true;
    if (self->handler != mp_const_none) {
        mp_sched_schedule_node(&node, call_handlers);
    }
    mp_hal_wake();
    return true;
}

// ---- Open and close --------------------------------------------------------------------------------

// With lwIP's lock.
static void close_frames(frames_t *self) {
    if (!self->open) {
        return;
    }
    self->open = false;
    for (frames_t **link = &MP_STATE_PORT(network_lan_frames_open); *link != NULL; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    for (; self->count > 0; self->count--, self->first = (self->first + 1) % self->size) {
        pbuf_free(self->queue[self->first].p);
    }
    while (self->groups > 0) {
        eth_multicast(self->group[--self->groups], false);
    }
    if (open_list() == NULL) {
        ethif_raw_input = NULL;
    }
}

void network_lan_frames_reset(void) {
    LOCK_TCPIP_CORE();
    ethif_raw_input = NULL;
    while (open_list() != NULL) {
        close_frames(open_list());
    }
    stamp_awaited = false;
    UNLOCK_TCPIP_CORE();
}

static frames_t *get_open(mp_obj_t self_in) {
    frames_t *self = MP_OBJ_TO_PTR(self_in);
    if (!self->open) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

// LAN.frames(ethertype, queue=4)
static mp_obj_t lan_frames(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_ethertype, ARG_queue };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_ethertype, MP_ARG_REQUIRED | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_queue, MP_ARG_INT, { .u_int = QUEUE_DEFAULT } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_int_t type = args[ARG_ethertype].u_int, size = args[ARG_queue].u_int;
    // Below 1536 the field is a length (IEEE 802.3 3.2.6).
    if (type < 0x600 || type > 0xffff || type == ETHTYPE_IP || type == ETHTYPE_IPV6 || type == ETHTYPE_ARP) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid ethertype"));
    }
    if (size < 1 || size > QUEUE_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid queue"));
    }
    frames_t *self = mp_obj_malloc_var(frames_t, queue, arrival_t, (size_t)size, &frames_type);
    memset((uint8_t *)self + sizeof(self->base), 0, sizeof(*self) - sizeof(self->base));
    self->handler = self->stamp = mp_const_none;
    self->timeout_ms = FOREVER;
    self->ethertype = (uint16_t)type;
    self->size = (uint8_t)size;
    LOCK_TCPIP_CORE();
    bool taken = false;
    for (frames_t *other = open_list(); other != NULL; other = other->next) {
        taken = taken || other->ethertype == type;
    }
    if (!taken) {
        self->open = true;
        self->next = open_list();
        MP_STATE_PORT(network_lan_frames_open) = self;
        ethif_raw_input = raw_input;
    }
    UNLOCK_TCPIP_CORE();
    if (taken) {
        mp_raise_OSError(MP_EADDRINUSE);
    }
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_KW(network_lan_frames_obj, 2, lan_frames);

static mp_obj_t frames_close(mp_obj_t self_in) {
    LOCK_TCPIP_CORE();
    close_frames(MP_OBJ_TO_PTR(self_in));
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(frames_close_obj, frames_close);

static mp_obj_t frames_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return frames_close(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(frames_exit_obj, 4, 4, frames_exit);

// ---- Waiting ---------------------------------------------------------------------------------------

// False when the object's time is up.
static bool wait_more(const frames_t *self, mp_uint_t start, mp_uint_t step_ms) {
    if (self->timeout_ms == FOREVER) {
        mp_event_wait_ms(step_ms);
        return true;
    }
    mp_uint_t passed = mp_hal_ticks_ms() - start;
    if (passed >= self->timeout_ms) {
        return false;
    }
    mp_event_wait_ms(MIN(self->timeout_ms - passed, step_ms));
    return true;
}

static int timeout_errno(const frames_t *self) {
    return self->timeout_ms == 0 ? MP_EAGAIN : MP_ETIMEDOUT;
}

static mp_obj_t frames_settimeout(mp_obj_t self_in, mp_obj_t value) {
    frames_t *self = get_open(self_in);
    if (value == mp_const_none) {
        self->timeout_ms = FOREVER;
        return mp_const_none;
    }
    mp_float_t seconds = mp_obj_get_float(value);
    if (!(seconds >= 0 && seconds < 4000000)) {
        mp_raise_ValueError(NULL);
    }
    self->timeout_ms = (uint32_t)(seconds * 1000);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(frames_settimeout_obj, frames_settimeout);

// ---- Receive ---------------------------------------------------------------------------------------

// The oldest frame into `data`, cut to `bytes`. Its whole length, or -errno.
static int receive(frames_t *self, uint8_t *data, size_t bytes) {
    mp_uint_t start = mp_hal_ticks_ms();
    for (;;) {
        arrival_t arrival = { NULL };
        LOCK_TCPIP_CORE();
        if (self->count > 0) {
            arrival = self->queue[self->first];
            self->first = (self->first + 1) % self->size;
            self->count--;
        }
        bool closed = !self->open;
        UNLOCK_TCPIP_CORE();
        if (arrival.p != NULL) {
            u16_t length = arrival.p->tot_len;
            self->copied_bytes += pbuf_copy_partial(arrival.p, data, (u16_t)MIN(bytes, length), 0);
            pbuf_free(arrival.p);
            self->stamp = arrival.stamped ? network_lan_time(arrival.stamp.seconds, arrival.stamp.ns)
                : mp_const_none;
            return length;
        }
        if (closed) {
            return -MP_EBADF;
        }
        if (!wait_more(self, start, 1000)) {
            return -timeout_errno(self);
        }
    }
}

// recv_into(buffer): the frame's length; what is longer than the buffer is cut off.
static mp_obj_t frames_recv_into(mp_obj_t self_in, mp_obj_t buffer) {
    frames_t *self = get_open(self_in);
    mp_buffer_info_t info;
    mp_get_buffer_raise(buffer, &info, MP_BUFFER_WRITE);
    int length = receive(self, info.buf, info.len);
    if (length < 0) {
        mp_raise_OSError(-length);
    }
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_2(frames_recv_into_obj, frames_recv_into);

static mp_obj_t frames_recv(mp_obj_t self_in) {
    frames_t *self = get_open(self_in);
    vstr_t vstr;
    vstr_init_len(&vstr, ETH_FRAME_MAX);
    int length = receive(self, (uint8_t *)vstr.buf, vstr.len);
    if (length < 0) {
        mp_raise_OSError(-length);
    }
    vstr.len = (size_t)length;
    return mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(frames_recv_obj, frames_recv);

// ---- Transmit --------------------------------------------------------------------------------------

static int send_once(frames_t *self, const mp_buffer_info_t *info, bool stamp) {
    LOCK_TCPIP_CORE();
    err_t err = ERR_MEM;
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)info->len, PBUF_RAM);
    if (p != NULL) {
        pbuf_take(p, info->buf, (u16_t)info->len);
        err = ethif_send(p, stamp);
        pbuf_free(p);
    }
    if (err == ERR_OK) {
        self->sent++;
        self->copied_bytes += info->len;
    }
    UNLOCK_TCPIP_CORE();
    return err == ERR_OK ? 0 : err == ERR_MEM ? MP_EAGAIN : ENETDOWN;
}

static void send(frames_t *self, const mp_buffer_info_t *info, bool stamp) {
    const uint8_t *data = info->buf;
    if (info->len < SIZEOF_ETH_HDR || (data[12] << 8 | data[13]) != self->ethertype) {
        mp_raise_ValueError(MP_ERROR_TEXT("not a frame of that ethertype"));
    }
    if (info->len > SIZEOF_ETH_HDR + 1500 + (self->ethertype == ETHTYPE_VLAN ? SIZEOF_VLAN_HDR : 0)) {
        mp_raise_OSError(EMSGSIZE);
    }
    mp_uint_t start = mp_hal_ticks_ms();
    int error;
    while ((error = send_once(self, info, stamp)) == MP_EAGAIN) {
        // Descriptors and memory come back as frames leave.
        if (!wait_more(self, start, 1)) {
            mp_raise_OSError(timeout_errno(self));
        }
        get_open(MP_OBJ_FROM_PTR(self));
    }
    if (error != 0) {
        mp_raise_OSError(error);
    }
}

static mp_obj_t wait_stamp(void) {
    eth_time_t stamp;
    mp_uint_t start = mp_hal_ticks_ms();
    for (;;) {
        LOCK_TCPIP_CORE();
        bool done = eth_ptp_take_sent(&stamp);
        UNLOCK_TCPIP_CORE();
        if (done) {
            return network_lan_time(stamp.seconds, stamp.ns);
        }
        if (mp_hal_ticks_ms() - start > STAMP_WAIT_MS) {
            // Lost in a recovery or in collisions.
            mp_raise_OSError(MP_EIO);
        }
        mp_event_wait_ms(1);
    }
}

static mp_obj_t send_stamped(frames_t *self, const mp_buffer_info_t *info) {
    LOCK_TCPIP_CORE();
    bool on = eth_ptp_enabled(), busy = stamp_awaited;
    eth_time_t old;
    if (on && !busy) {
        stamp_awaited = true;
        eth_ptp_take_sent(&old);
    }
    UNLOCK_TCPIP_CORE();
    if (!on || busy) {
        mp_raise_OSError(on ? MP_EBUSY : MP_EINVAL);
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        send(self, info, true);
        mp_obj_t stamp = wait_stamp();
        nlr_pop();
        stamp_awaited = false;
        return stamp;
    }
    stamp_awaited = false;
    nlr_jump(nlr.ret_val);
}

// send(frame, stamp=False): a whole frame, without FCS. The number of bytes, or the time-stamp.
static mp_obj_t frames_send(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_frame, ARG_stamp };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_frame, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_stamp, MP_ARG_BOOL, { .u_bool = false } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    frames_t *self = get_open(pos_args[0]);
    mp_buffer_info_t info;
    mp_get_buffer_raise(args[ARG_frame].u_obj, &info, MP_BUFFER_READ);
    if (args[ARG_stamp].u_bool) {
        return send_stamped(self, &info);
    }
    send(self, &info, false);
    return MP_OBJ_NEW_SMALL_INT(info.len);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(frames_send_obj, 2, frames_send);

// ---- The rest --------------------------------------------------------------------------------------

static mp_obj_t frames_irq(mp_obj_t self_in, mp_obj_t handler) {
    frames_t *self = get_open(self_in);
    if (handler != mp_const_none && !mp_obj_is_callable(handler)) {
        mp_raise_TypeError(MP_ERROR_TEXT("handler must be callable"));
    }
    LOCK_TCPIP_CORE();
    self->handler = handler;
    self->heard = self->count > 0;
    bool waiting = self->heard && handler != mp_const_none;
    UNLOCK_TCPIP_CORE();
    if (waiting) {
        mp_sched_schedule_node(&node, call_handlers);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(frames_irq_obj, frames_irq);

static uint8_t *find_group(frames_t *self, const uint8_t *mac) {
    for (unsigned i = 0; i < self->groups; i++) {
        if (memcmp(self->group[i], mac, ETH_HWADDR_LEN) == 0) {
            return self->group[i];
        }
    }
    return NULL;
}

static const uint8_t *get_group(mp_obj_t value) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(value, &info, MP_BUFFER_READ);
    if (info.len != ETH_HWADDR_LEN || !(*(const uint8_t *)info.buf & 1)) {
        mp_raise_ValueError(MP_ERROR_TEXT("not a group address"));
    }
    return info.buf;
}

static mp_obj_t frames_join(mp_obj_t self_in, mp_obj_t group) {
    frames_t *self = get_open(self_in);
    const uint8_t *mac = get_group(group);
    LOCK_TCPIP_CORE();
    bool known = find_group(self, mac) != NULL, full = self->groups == GROUPS_MAX;
    if (!known && !full) {
        memcpy(self->group[self->groups++], mac, ETH_HWADDR_LEN);
        eth_multicast(mac, true);
    }
    UNLOCK_TCPIP_CORE();
    if (!known && full) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(frames_join_obj, frames_join);

static mp_obj_t frames_leave(mp_obj_t self_in, mp_obj_t group) {
    frames_t *self = get_open(self_in);
    const uint8_t *mac = get_group(group);
    LOCK_TCPIP_CORE();
    uint8_t *entry = find_group(self, mac);
    if (entry != NULL) {
        eth_multicast(mac, false);
        memmove(entry, self->group[--self->groups], ETH_HWADDR_LEN);
    }
    UNLOCK_TCPIP_CORE();
    if (entry == NULL) {
        mp_raise_OSError(EADDRNOTAVAIL);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(frames_leave_obj, frames_leave);

static mp_obj_t frames_stamp(mp_obj_t self_in) {
    return ((frames_t *)MP_OBJ_TO_PTR(self_in))->stamp;
}
static MP_DEFINE_CONST_FUN_OBJ_1(frames_stamp_obj, frames_stamp);

static mp_obj_t frames_stats(mp_obj_t self_in) {
    const frames_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t dict = mp_obj_new_dict(4);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_received), mp_obj_new_int_from_uint(self->received));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_dropped), mp_obj_new_int_from_uint(self->dropped));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_sent), mp_obj_new_int_from_uint(self->sent));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_copied_bytes),
        mp_obj_new_int_from_uint(self->copied_bytes));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(frames_stats_obj, frames_stats);

static mp_uint_t frames_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    frames_t *self = MP_OBJ_TO_PTR(self_in);
    switch (request) {
        case MP_STREAM_POLL:
            if (!self->open) {
                return MP_STREAM_POLL_NVAL;
            }
            return ((arg & MP_STREAM_POLL_RD) && self->count > 0 ? MP_STREAM_POLL_RD : 0)
                | ((arg & MP_STREAM_POLL_WR) && eth_tx_room() > 0 ? MP_STREAM_POLL_WR : 0);
        case MP_STREAM_CLOSE:
            frames_close(self_in);
            return 0;
        default:
            *errcode = MP_EINVAL;
            return MP_STREAM_ERROR;
    }
}

static const mp_stream_p_t frames_stream = { .ioctl = frames_ioctl };

static const mp_rom_map_elem_t frames_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&frames_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&frames_recv_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv_into), MP_ROM_PTR(&frames_recv_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_stamp), MP_ROM_PTR(&frames_stamp_obj) },
    { MP_ROM_QSTR(MP_QSTR_settimeout), MP_ROM_PTR(&frames_settimeout_obj) },
    { MP_ROM_QSTR(MP_QSTR_irq), MP_ROM_PTR(&frames_irq_obj) },
    { MP_ROM_QSTR(MP_QSTR_join), MP_ROM_PTR(&frames_join_obj) },
    { MP_ROM_QSTR(MP_QSTR_leave), MP_ROM_PTR(&frames_leave_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&frames_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&frames_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&frames_exit_obj) },
};
static MP_DEFINE_CONST_DICT(frames_locals, frames_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    frames_type,
    MP_QSTR_Frames,
    MP_TYPE_FLAG_NONE,
    protocol, &frames_stream,
    locals_dict, &frames_locals
    );

MP_REGISTER_ROOT_POINTER(struct _frames_t *network_lan_frames_open);
