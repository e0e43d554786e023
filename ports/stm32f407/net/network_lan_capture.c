// SPDX-License-Identifier: MIT
//
// LAN.capture(): copies of the frames that come and go, as a pcap file or to a function. Frames are noted in
// whatever task handles them, with lwIP's lock, in a ring of bytes; the VM empties it when it can. What finds
// the ring full is counted.

#include <string.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "lwip/tcpip.h"

#include "capture_filter.h"
#include "ethif.h"
#include "network.h"
#include "timebase.h"

#define BUFFER_DEFAULT  (8192)
#define BUFFER_MIN      (256)
// Frames given to the script in one turn of the scheduler.
#define TURN            (16)

// What stands before each frame in the ring.
typedef struct {
    uint64_t time_us;
    uint16_t length;    // of the frame
    uint16_t bytes;     // of it that follow
    bool sent;
} record_t;

// What pcap wants: the file's header, with times in nanoseconds, and each frame's.
static const uint32_t pcap_header[6] = { 0xa1b23c4d, 0x00040002, 0, 0, 65535, 1 };
typedef struct {
    uint32_t seconds, ns, bytes, length;
} pcap_record_t;

typedef struct _capture_t {
    mp_obj_base_t base;
    mp_obj_t sink;
    uint8_t *ring;
    size_t size, first, used;
    capture_filter_t filter;
    uint64_t epoch_us;      // of timebase_us() == 0
    uint16_t snaplen;
    bool stopped;
    uint32_t captured, dropped;
} capture_t;

static const mp_obj_type_t capture_type;
static mp_sched_node_t node;

static capture_t *running(void) {
    return MP_STATE_PORT(network_lan_capture_running);
}

// ---- The ring --------------------------------------------------------------------------------------

static void put(capture_t *self, const void *data, size_t bytes) {
    size_t at = (self->first + self->used) % self->size;
    size_t before_end = MIN(bytes, self->size - at);
    memcpy(self->ring + at, data, before_end);
    memcpy(self->ring, (const uint8_t *)data + before_end, bytes - before_end);
    self->used += bytes;
}

static void get(capture_t *self, void *data, size_t bytes) {
    size_t before_end = MIN(bytes, self->size - self->first);
    memcpy(data, self->ring + self->first, before_end);
    memcpy((uint8_t *)data + before_end, self->ring, bytes - before_end);
    self->first = (self->first + bytes) % self->size;
    self->used -= bytes;
}

static void take_turn(mp_sched_node_t *scheduled);

static void watch(const struct pbuf *p, bool sent) {
    capture_t *self = running();
    uint8_t head[CAPTURE_HEAD_BYTES];
    u16_t bytes = pbuf_copy_partial(p, head, sizeof(head), 0);
    if (!capture_wants(&self->filter, head, bytes)) {
        return;
    }
    record_t record = {
        .time_us = timebase_us() + self->epoch_us,
        .length = p->tot_len,
        .bytes = MIN(p->tot_len, self->snaplen),
        .sent = sent,
    };
    if (sizeof(record) + record.bytes > self->size - self->used) {
        self->dropped++;
        return;
    }
    self->captured++;
    put(self, &record, sizeof(record));
    size_t left = record.bytes;
    for (const struct pbuf *q = p; q != NULL && left > 0; q = q->next) {
        size_t piece = MIN(left, q->len);
        put(self, q->payload, piece);
        left -= piece;
    }
    mp_sched_schedule_node(&node, take_turn);
}

// ---- To the script ---------------------------------------------------------------------------------

static void write_sink(capture_t *self, const void *data, size_t bytes) {
    mp_obj_t args[3];
    mp_load_method(self->sink, MP_QSTR_write, args);
    args[2] = mp_obj_new_bytes(data, bytes);
    mp_call_method_n_kw(1, 0, args);
}

static void deliver(capture_t *self, const record_t *record, const uint8_t *frame_with_room) {
    const uint8_t *frame = frame_with_room + sizeof(pcap_record_t);
    if (mp_obj_is_callable(self->sink)) {
        mp_obj_t args[3] = {
            mp_obj_new_bytes(frame, record->bytes), mp_obj_new_bool(record->sent),
            mp_obj_new_int_from_ull(record->time_us),
        };
        mp_call_function_n_kw(self->sink, 3, 0, args);
        return;
    }
    pcap_record_t header = {
        (uint32_t)(record->time_us / 1000000), (uint32_t)(record->time_us % 1000000) * 1000,
        record->bytes, record->length,
    };
    memcpy((uint8_t *)frame_with_room, &header, sizeof(header));
    write_sink(self, frame_with_room, sizeof(header) + record->bytes);
}

// The oldest frame. False if there is none.
static bool deliver_one(capture_t *self) {
    LOCK_TCPIP_CORE();
    bool any = self->used > 0;
    record_t record = { 0 };
    if (any) {
        get(self, &record, sizeof(record));
    }
    UNLOCK_TCPIP_CORE();
    if (!any) {
        return false;
    }
    // Only the VM takes from the ring, so the frame is still there.
    uint8_t *frame = m_new(uint8_t, sizeof(pcap_record_t) + record.bytes);
    LOCK_TCPIP_CORE();
    get(self, frame + sizeof(pcap_record_t), record.bytes);
    UNLOCK_TCPIP_CORE();
    deliver(self, &record, frame);
    m_del(uint8_t, frame, sizeof(pcap_record_t) + record.bytes);
    return true;
}

static void end(capture_t *self) {
    LOCK_TCPIP_CORE();
    self->stopped = true;
    if (running() == self) {
        ethif_watcher = NULL;
        MP_STATE_PORT(network_lan_capture_running) = NULL;
    }
    UNLOCK_TCPIP_CORE();
}

static void take_turn(mp_sched_node_t *scheduled) {
    capture_t *self = running();
    if (self == NULL) {
        return;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        unsigned turn = 0;
        while (turn < TURN && deliver_one(self)) {
            turn++;
        }
        nlr_pop();
        if (turn == TURN) {
            mp_sched_schedule_node(scheduled, take_turn);
        }
    } else {
        end(self);
        mp_printf(MICROPY_ERROR_PRINTER, "Uncaught exception in capture, which ends\n");
        mp_obj_print_exception(MICROPY_ERROR_PRINTER, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

void network_lan_capture_reset(void) {
    LOCK_TCPIP_CORE();
    ethif_watcher = NULL;
    MP_STATE_PORT(network_lan_capture_running) = NULL;
    UNLOCK_TCPIP_CORE();
}

// ---- Python ----------------------------------------------------------------------------------------

static int32_t get_limited(mp_obj_t value, int32_t last) {
    if (value == mp_const_none) {
        return -1;
    }
    mp_int_t number = mp_obj_get_int(value);
    if (number < 0 || number > last) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid filter"));
    }
    return number;
}

static void get_host(capture_filter_t *filter, mp_obj_t host) {
    if (host == mp_const_none) {
        return;
    }
    ip_addr_t addr;
    network_parse_addr(host, &addr);
    filter->host_bytes = IP_IS_V4(&addr) ? 4 : 16;
    const void *bytes = IP_IS_V4(&addr) ? &ip_2_ip4(&addr)->addr : ip_2_ip6(&addr)->addr;
    memcpy(filter->host, bytes, filter->host_bytes);
}

// capture(sink, *, ethertype, proto, host, port, snaplen, buffer)
static mp_obj_t lan_capture(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_sink, ARG_ethertype, ARG_proto, ARG_host, ARG_port, ARG_snaplen, ARG_buffer };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_sink, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_ethertype, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_proto, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_host, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_port, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_snaplen, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = ETH_FRAME_MAX } },
        { MP_QSTR_buffer, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = BUFFER_DEFAULT } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_int_t snaplen = args[ARG_snaplen].u_int, size = args[ARG_buffer].u_int;
    if (snaplen < 1 || snaplen > ETH_FRAME_MAX || size < BUFFER_MIN) {
        mp_raise_ValueError(NULL);
    }
    capture_t *self = mp_obj_malloc(capture_t, &capture_type);
    memset((uint8_t *)self + sizeof(self->base), 0, sizeof(*self) - sizeof(self->base));
    self->sink = args[ARG_sink].u_obj;
    self->filter.ethertype = get_limited(args[ARG_ethertype].u_obj, 0xffff);
    self->filter.proto = get_limited(args[ARG_proto].u_obj, 0xff);
    self->filter.port = get_limited(args[ARG_port].u_obj, 0xffff);
    get_host(&self->filter, args[ARG_host].u_obj);
    self->snaplen = (uint16_t)snaplen;
    self->size = (size_t)size;
    self->epoch_us = mp_hal_time_ns() / 1000 - timebase_us();
    if (running() != NULL) {
        mp_raise_OSError(MP_EBUSY);
    }
    if (!mp_obj_is_callable(self->sink)) {
        write_sink(self, pcap_header, sizeof(pcap_header));
    }
    self->ring = m_new(uint8_t, self->size);
    LOCK_TCPIP_CORE();
    bool busy = running() != NULL;
    if (!busy) {
        MP_STATE_PORT(network_lan_capture_running) = self;
        ethif_watcher = watch;
    }
    UNLOCK_TCPIP_CORE();
    if (busy) {
        mp_raise_OSError(MP_EBUSY);
    }
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_KW(network_lan_capture_obj, 2, lan_capture);

// stop(): what waits is still written.
static mp_obj_t capture_stop(mp_obj_t self_in) {
    capture_t *self = MP_OBJ_TO_PTR(self_in);
    if (!self->stopped) {
        end(self);
        while (deliver_one(self)) {
        }
        m_del(uint8_t, self->ring, self->size);
        self->ring = NULL;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(capture_stop_obj, capture_stop);

static mp_obj_t capture_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return capture_stop(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(capture_exit_obj, 4, 4, capture_exit);

static mp_obj_t capture_stats(mp_obj_t self_in) {
    const capture_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t dict = mp_obj_new_dict(2);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_captured), mp_obj_new_int_from_uint(self->captured));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_dropped), mp_obj_new_int_from_uint(self->dropped));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(capture_stats_obj, capture_stats);

static const mp_rom_map_elem_t capture_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&capture_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&capture_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&capture_exit_obj) },
};
static MP_DEFINE_CONST_DICT(capture_locals, capture_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    capture_type,
    MP_QSTR_Capture,
    MP_TYPE_FLAG_NONE,
    locals_dict, &capture_locals
    );

MP_REGISTER_ROOT_POINTER(struct _capture_t *network_lan_capture_running);
