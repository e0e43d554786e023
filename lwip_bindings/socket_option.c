// SPDX-License-Identifier: MIT
// setsockopt() and getsockopt(): every option that lwIP's socket layer has. What it does not know
// it answers with ENOPROTOOPT, which becomes an OSError.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "socket.h"

// Room, suitably aligned, for the largest option.
typedef union _option_value_t {
    int number;
    struct timeval timeout;
    struct linger linger;
    struct ifreq ifreq;
    #if LWIP_IGMP
    struct ip_mreq mreq;
    #endif
    #if LWIP_IPV6_MLD
    struct ipv6_mreq mreq6;
    #endif
    uint8_t bytes[32];
} option_value_t;

static bool is_timeout_option(mp_int_t level, mp_int_t option) {
    return level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO);
}

static bool is_device_option(mp_int_t level, mp_int_t option) {
    return level == SOL_SOCKET && option == SO_BINDTODEVICE;
}

static socklen_t value_from_int(mp_int_t level, mp_int_t option, mp_int_t number,
    option_value_t *value) {
    if (is_timeout_option(level, option)) {
        value->timeout.tv_sec = number / 1000;
        value->timeout.tv_usec = number % 1000 * 1000;
        return sizeof(value->timeout);
    }
    value->number = number;
    return sizeof(value->number);
}

static socklen_t value_from_buffer(mp_int_t level, mp_int_t option, mp_obj_t obj,
    option_value_t *value) {
    mp_buffer_info_t bytes;
    mp_get_buffer_raise(obj, &bytes, MP_BUFFER_READ);
    if (bytes.len > sizeof(*value)) {
        mp_raise_OSError(MP_EINVAL);
    }
    memcpy(value, bytes.buf, bytes.len);
    if (is_device_option(level, option)) {
        // lwIP reads the whole structure, whose name needs its terminator.
        value->bytes[IFNAMSIZ - 1] = '\0';
        return sizeof(value->ifreq);
    }
    return bytes.len;
}

// setsockopt(level, option, value): an integer (milliseconds for the time-outs) or a buffer
static mp_obj_t socket_setsockopt(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    lwipb_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t level = mp_obj_get_int(args[1]);
    mp_int_t option = mp_obj_get_int(args[2]);
    option_value_t value;
    memset(&value, 0, sizeof(value));
    socklen_t len;
    if (mp_obj_is_int(args[3]) || mp_obj_is_bool(args[3])) {
        len = value_from_int(level, option, mp_obj_get_int(args[3]), &value);
    } else {
        len = value_from_buffer(level, option, args[3], &value);
    }
    if (self->fd < 0) {
        mp_raise_OSError(MP_EBADF);
    }
    if (lwip_setsockopt(self->fd, level, option, &value, len) != 0) {
        mp_raise_OSError(lwipb_socket_errno());
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_socket_setsockopt_obj, 4, 4, socket_setsockopt);

// Linux's numbers, as for errno: lwIP's are no small integers.
// ioctl(FIONREAD): bytes that can be read at once; ioctl(FIONBIO, flag) is setblocking(not flag)
static mp_obj_t socket_ioctl(size_t n_args, const mp_obj_t *args) {
    lwipb_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t request = mp_obj_get_int(args[1]);
    int value = 0;
    if (self->fd < 0) {
        mp_raise_OSError(MP_EBADF);
    }
    if (request == LWIPB_FIONBIO && n_args > 2) {
        // lwIP's own flag stays set: the object does the waiting.
        self->timeout_ms = mp_obj_is_true(args[2]) ? 0 : LWIPB_FOREVER;
    } else if (request != LWIPB_FIONREAD) {
        mp_raise_OSError(MP_EINVAL);
    } else if (lwip_ioctl(self->fd, FIONREAD, &value) != 0) {
        mp_raise_OSError(lwipb_socket_errno());
    }
    return MP_OBJ_NEW_SMALL_INT(value);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_socket_ioctl_obj, 2, 3, socket_ioctl);

static mp_obj_t number_of(lwipb_socket_t *self, mp_int_t level, mp_int_t option,
    const option_value_t *value) {
    if (is_timeout_option(level, option)) {
        return mp_obj_new_int(value->timeout.tv_sec * 1000 + value->timeout.tv_usec / 1000);
    }
    if (level == SOL_SOCKET && option == SO_ERROR) {
        return mp_obj_new_int(lwipb_socket_map_errno(self, value->number));
    }
    return mp_obj_new_int(value->number);
}

// getsockopt(level, option[, buflen]): an integer, or buflen bytes
static mp_obj_t socket_getsockopt(size_t n_args, const mp_obj_t *args) {
    lwipb_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t level = mp_obj_get_int(args[1]);
    mp_int_t option = mp_obj_get_int(args[2]);
    mp_int_t buflen = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    option_value_t value;
    if (buflen < 0 || (size_t)buflen > sizeof(value)) {
        mp_raise_OSError(MP_EINVAL);
    }
    memset(&value, 0, sizeof(value));
    socklen_t len = buflen ? (size_t)buflen
        : is_timeout_option(level, option) ? sizeof(value.timeout)
        : sizeof(value.number);
    if (self->fd < 0) {
        mp_raise_OSError(MP_EBADF);
    }
    if (lwip_getsockopt(self->fd, level, option, &value, &len) != 0) {
        mp_raise_OSError(lwipb_socket_errno());
    }
    if (buflen == 0) {
        return number_of(self, level, option, &value);
    }
    return mp_obj_new_bytes(value.bytes, MIN(len, (socklen_t)buflen));
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_socket_getsockopt_obj, 3, 4, socket_getsockopt);
