// SPDX-License-Identifier: MIT
// class socket: lwIP's BSD sockets under CPython's names.

#include <string.h>

#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "socket.h"

static inline lwipb_socket_t *to_socket(mp_obj_t self_in) {
    return MP_OBJ_TO_PTR(self_in);
}

static void check(int err) {
    if (err != 0) {
        mp_raise_OSError(err);
    }
}

static lwipb_socket_t *to_open_socket(mp_obj_t self_in) {
    lwipb_socket_t *self = to_socket(self_in);
    if (self->fd < 0) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

static void socket_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    lwipb_socket_t *self = to_socket(self_in);
    mp_printf(print, "<socket fd=%d, family=%u, type=%u, proto=%u>", self->fd, self->family,
        self->type, self->proto);
}

// socket(family=AF_INET, type=SOCK_STREAM, proto=0)
static mp_obj_t socket_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args_in) {
    (void)type_in;
    enum { ARG_family, ARG_type, ARG_proto };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_family, MP_ARG_INT, {.u_int = AF_INET} },
        { MP_QSTR_type, MP_ARG_INT, {.u_int = SOCK_STREAM} },
        { MP_QSTR_proto, MP_ARG_INT, {.u_int = 0} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all_kw_array(n_args, n_kw, args_in, MP_ARRAY_SIZE(allowed_args), allowed_args,
        args);
    mp_int_t family = args[ARG_family].u_int;
    mp_int_t type = args[ARG_type].u_int;
    mp_int_t proto = args[ARG_proto].u_int;
    if (!(LWIP_IPV4 && family == AF_INET) && !(LWIP_IPV6 && family == AF_INET6)) {
        mp_raise_OSError(MP_EAFNOSUPPORT);
    }
    if (type < SOCK_STREAM || type > SOCK_RAW || proto < 0 || proto > 255) {
        mp_raise_OSError(MP_EINVAL);
    }
    lwipb_socket_t *self = lwipb_socket_alloc(family, type, proto);
    check(lwipb_socket_open(self));
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t socket_bind(mp_obj_t self_in, mp_obj_t address) {
    lwipb_socket_t *self = to_open_socket(self_in);
    lwipb_sockaddr_t local;
    socklen_t len = lwipb_sockaddr_from_obj(address, self->family, &local);
    // Resolving may have waited, and another thread may have closed the socket meanwhile.
    if (lwip_bind(to_open_socket(self_in)->fd, &local.sa, len) != 0) {
        mp_raise_OSError(lwipb_socket_errno());
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_bind_obj, socket_bind);

static mp_obj_t socket_listen(size_t n_args, const mp_obj_t *args) {
    mp_int_t backlog = n_args > 1 ? mp_obj_get_int(args[1]) : TCP_DEFAULT_LISTEN_BACKLOG;
    check(lwipb_socket_listen(to_open_socket(args[0]), MAX(backlog, 0)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_listen_obj, 1, 2, socket_listen);

static mp_obj_t socket_accept(mp_obj_t self_in) {
    lwipb_socket_t *self = to_open_socket(self_in);
    // All memory is taken before the connection: an accepted one cannot get lost.
    lwipb_accept_t accept = { .self = self };
    accept.accepted = lwipb_socket_alloc(self->family, self->type, self->proto);
    mp_obj_tuple_t *result = MP_OBJ_TO_PTR(mp_obj_new_tuple(2, NULL));
    result->items[0] = MP_OBJ_FROM_PTR(accept.accepted);
    check(lwipb_block(lwipb_socket_attempt_accept, &accept, lwipb_socket_recv_timeout(self)));
    result->items[1] = lwipb_sockaddr_to_obj(&accept.peer);
    return MP_OBJ_FROM_PTR(result);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_accept_obj, socket_accept);

static int connect_to(mp_obj_t self_in, mp_obj_t address) {
    lwipb_socket_t *self = to_open_socket(self_in);
    lwipb_sockaddr_t to;
    socklen_t len = lwipb_sockaddr_from_obj(address, self->family, &to);
    int err = lwipb_socket_connect(self, &to, len);
    if (err != MP_EINPROGRESS || self->timeout_ms == 0) {
        return err;
    }
    return lwipb_block(lwipb_socket_attempt_connected, self, lwipb_socket_send_timeout(self));
}

static mp_obj_t socket_connect(mp_obj_t self_in, mp_obj_t address) {
    check(connect_to(self_in, address));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_connect_obj, socket_connect);

static mp_obj_t socket_connect_ex(mp_obj_t self_in, mp_obj_t address) {
    return MP_OBJ_NEW_SMALL_INT(connect_to(self_in, address));
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_connect_ex_obj, socket_connect_ex);

// Waits unless the call or the socket is non-blocking. What was moved before time ran out counts.
static int transfer(lwipb_transfer_t *t, lwipb_attempt_t attempt,
    mp_uint_t (*timeout_ms)(lwipb_socket_t *self)) {
    int err = attempt(t);
    if (err == MP_EAGAIN && !(t->flags & MSG_DONTWAIT)) {
        err = lwipb_block_more_using(attempt, t, timeout_ms(t->self), t->used, t->used != NULL);
    }
    return t->done > 0 && (err == MP_EAGAIN || err == MP_ETIMEDOUT) ? 0 : err;
}

// Of a method of the socket args[0] with the script's buffer args[1].
static inline void transfer_use(lwipb_transfer_t *t, const mp_obj_t *args, lwipb_used_t *used,
    mp_uint_t access) {
    lwipb_use(used, args[1], access);
    lwipb_transfer_init(t, to_open_socket(args[0]), used->info.buf, used->info.len);
    t->used = used;
}

static int get_flags(size_t n_args, const mp_obj_t *args, size_t index, int supported) {
    int flags = n_args > index ? mp_obj_get_int(args[index]) : 0;
    if (flags & ~(supported | MSG_DONTWAIT | MSG_NOSIGNAL)) {
        mp_raise_OSError(MP_EOPNOTSUPP);
    }
    return flags;
}

static int send_transfer(lwipb_transfer_t *t) {
    return transfer(t, lwipb_socket_attempt_send, lwipb_socket_send_timeout);
}

static int recv_transfer(lwipb_transfer_t *t) {
    return transfer(t, lwipb_socket_attempt_recv, lwipb_socket_recv_timeout);
}

// send(data[, flags])
static mp_obj_t socket_send(size_t n_args, const mp_obj_t *args) {
    lwipb_used_t data;
    lwipb_transfer_t t;
    transfer_use(&t, args, &data, MP_BUFFER_READ);
    t.flags = get_flags(n_args, args, 2, MSG_MORE);
    t.all = t.self->timeout_ms == LWIPB_FOREVER;
    check(send_transfer(&t));
    return mp_obj_new_int_from_uint(t.done);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_send_obj, 2, 3, socket_send);

// sendall(data[, flags])
static mp_obj_t socket_sendall(size_t n_args, const mp_obj_t *args) {
    lwipb_used_t data;
    lwipb_transfer_t t;
    transfer_use(&t, args, &data, MP_BUFFER_READ);
    t.flags = get_flags(n_args, args, 2, MSG_MORE);
    t.all = true;
    check(send_transfer(&t));
    if (t.done < t.len) {
        mp_raise_OSError(t.self->timeout_ms == 0 ? MP_EAGAIN : MP_ETIMEDOUT);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_sendall_obj, 2, 3, socket_sendall);

// sendto(data[, flags], address)
static mp_obj_t socket_sendto(size_t n_args, const mp_obj_t *args) {
    lwipb_used_t data;
    lwipb_transfer_t t;
    transfer_use(&t, args, &data, MP_BUFFER_READ);
    t.flags = get_flags(n_args - 1, args, 2, MSG_MORE);
    t.all = t.self->timeout_ms == LWIPB_FOREVER;
    t.peer_len = lwipb_sockaddr_from_obj(args[n_args - 1], t.self->family, &t.peer);
    check(send_transfer(&t));
    return mp_obj_new_int_from_uint(t.done);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_sendto_obj, 3, 4, socket_sendto);

// Allocates no more than can be received now, so that recv(65536) is cheap.
static size_t recv_size(lwipb_socket_t *self, mp_int_t wanted, int flags) {
    if (wanted < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("negative buffersize in recv"));
    }
    if (wanted > 0 && !(flags & MSG_WAITALL)) {
        mp_uint_t timeout_ms = flags & MSG_DONTWAIT ? 0 : lwipb_socket_recv_timeout(self);
        check(lwipb_block(lwipb_socket_attempt_readable, self, timeout_ms));
        // Nothing pending is the end, an error or an empty datagram.
        size_t pending = MAX(lwipb_socket_pending(self), 1);
        wanted = MIN((size_t)wanted, pending);
    }
    return wanted;
}

static mp_obj_t recv_common(size_t n_args, const mp_obj_t *args, lwipb_transfer_t *t, socklen_t peer_len) {
    lwipb_transfer_init(t, to_open_socket(args[0]), NULL, 0);
    t->peer_len = peer_len;
    t->flags = get_flags(n_args, args, 2, MSG_PEEK | MSG_WAITALL);
    t->all = t->flags & MSG_WAITALL;
    t->len = recv_size(t->self, mp_obj_get_int(args[1]), t->flags);
    vstr_t vstr;
    vstr_init_len(&vstr, t->len);
    t->buf = (uint8_t *)vstr.buf;
    int err = recv_transfer(t);
    if (err != 0) {
        vstr_clear(&vstr);
        mp_raise_OSError(err);
    }
    vstr.len = t->done;
    return mp_obj_new_bytes_from_vstr(&vstr);
}

// recv(size[, flags])
static mp_obj_t socket_recv(size_t n_args, const mp_obj_t *args) {
    lwipb_transfer_t t;
    return recv_common(n_args, args, &t, 0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_recv_obj, 2, 3, socket_recv);

static mp_obj_t new_pair(mp_obj_t first, mp_obj_t second) {
    mp_obj_t items[2] = { first, second };
    return mp_obj_new_tuple(2, items);
}

// recvfrom(size[, flags])
static mp_obj_t socket_recvfrom(size_t n_args, const mp_obj_t *args) {
    lwipb_transfer_t t;
    mp_obj_t data = recv_common(n_args, args, &t, sizeof(t.peer));
    return new_pair(data, lwipb_sockaddr_to_obj(&t.peer));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_recvfrom_obj, 2, 3, socket_recvfrom);

static void recv_into_common(size_t n_args, const mp_obj_t *args, lwipb_transfer_t *t, socklen_t peer_len) {
    lwipb_used_t into;
    transfer_use(t, args, &into, MP_BUFFER_WRITE);
    mp_int_t nbytes = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    if (nbytes < 0 || (size_t)nbytes > t->len) {
        mp_raise_ValueError(MP_ERROR_TEXT("buffer too small for requested bytes"));
    }
    t->len = nbytes ? (size_t)nbytes : t->len;
    t->peer_len = peer_len;
    t->flags = get_flags(n_args, args, 3, MSG_PEEK | MSG_WAITALL);
    t->all = t->flags & MSG_WAITALL;
    check(recv_transfer(t));
}

// recv_into(buffer[, nbytes[, flags]])
static mp_obj_t socket_recv_into(size_t n_args, const mp_obj_t *args) {
    lwipb_transfer_t t;
    recv_into_common(n_args, args, &t, 0);
    return mp_obj_new_int_from_uint(t.done);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_recv_into_obj, 2, 4, socket_recv_into);

// recvfrom_into(buffer[, nbytes[, flags]])
static mp_obj_t socket_recvfrom_into(size_t n_args, const mp_obj_t *args) {
    lwipb_transfer_t t;
    recv_into_common(n_args, args, &t, sizeof(t.peer));
    return new_pair(mp_obj_new_int_from_uint(t.done), lwipb_sockaddr_to_obj(&t.peer));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_recvfrom_into_obj, 2, 4, socket_recvfrom_into);

static mp_obj_t socket_shutdown(mp_obj_t self_in, mp_obj_t how) {
    check(lwipb_socket_shutdown(to_open_socket(self_in), mp_obj_get_int(how)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_shutdown_obj, socket_shutdown);

static mp_obj_t socket_close(mp_obj_t self_in) {
    check(lwipb_socket_close(to_socket(self_in)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_close_obj, socket_close);

static mp_obj_t socket_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return socket_close(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_exit_obj, 4, 4, socket_exit);

static mp_obj_t socket_getsockname(mp_obj_t self_in) {
    lwipb_sockaddr_t name;
    socklen_t len = sizeof(name);
    if (lwip_getsockname(to_open_socket(self_in)->fd, &name.sa, &len) != 0) {
        mp_raise_OSError(lwipb_socket_errno());
    }
    return lwipb_sockaddr_to_obj(&name);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_getsockname_obj, socket_getsockname);

static mp_obj_t socket_getpeername(mp_obj_t self_in) {
    lwipb_sockaddr_t name;
    socklen_t len = sizeof(name);
    if (lwip_getpeername(to_open_socket(self_in)->fd, &name.sa, &len) != 0) {
        mp_raise_OSError(lwipb_socket_errno());
    }
    return lwipb_sockaddr_to_obj(&name);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_getpeername_obj, socket_getpeername);

static mp_obj_t socket_settimeout(mp_obj_t self_in, mp_obj_t timeout) {
    to_open_socket(self_in)->timeout_ms = lwipb_timeout_from_obj(timeout);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_settimeout_obj, socket_settimeout);

static mp_obj_t socket_gettimeout(mp_obj_t self_in) {
    return lwipb_timeout_to_obj(to_socket(self_in)->timeout_ms);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_gettimeout_obj, socket_gettimeout);

static mp_obj_t socket_setblocking(mp_obj_t self_in, mp_obj_t blocking) {
    to_open_socket(self_in)->timeout_ms = mp_obj_is_true(blocking) ? LWIPB_FOREVER : 0;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_setblocking_obj, socket_setblocking);

static mp_obj_t socket_getblocking(mp_obj_t self_in) {
    return mp_obj_new_bool(to_socket(self_in)->timeout_ms != 0);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_getblocking_obj, socket_getblocking);

static mp_obj_t socket_fileno(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(to_socket(self_in)->fd);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_fileno_obj, socket_fileno);

// A socket is a stream already; mode and buffering are accepted and have no effect.
static mp_obj_t socket_makefile(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    (void)n_args;
    (void)kw_args;
    return MP_OBJ_FROM_PTR(to_open_socket(args[0]));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(socket_makefile_obj, 1, socket_makefile);

static mp_uint_t stream_result(lwipb_transfer_t *t, int err, int *errcode) {
    if (err != 0) {
        *errcode = err;
        return MP_STREAM_ERROR;
    }
    return t->done;
}

static mp_uint_t socket_stream_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    lwipb_transfer_t t;
    lwipb_transfer_init(&t, to_socket(self_in), buf, size);
    return stream_result(&t, recv_transfer(&t), errcode);
}

static mp_uint_t socket_stream_write(mp_obj_t self_in, const void *buf, mp_uint_t size,
    int *errcode) {
    lwipb_transfer_t t;
    lwipb_transfer_init(&t, to_socket(self_in), (void *)buf, size);
    return stream_result(&t, send_transfer(&t), errcode);
}

// All of it, in as many transfers as that takes: less at the end of the stream and where the socket is
// non-blocking, None if that is nothing.
static mp_obj_t transfer_all(lwipb_transfer_t *t, int (*transfer_some)(lwipb_transfer_t *)) {
    const uint8_t *begin = t->buf;
    size_t left = t->len;
    while (left > 0) {
        t->len = left;
        t->done = 0;
        int err = transfer_some(t);
        if (err == MP_EAGAIN) {
            return t->buf == begin ? mp_const_none : mp_obj_new_int_from_uint(t->buf - begin);
        }
        check(err);
        if (t->done == 0) {
            break;
        }
        t->buf += t->done;
        left -= t->done;
    }
    return mp_obj_new_int_from_uint(t->buf - begin);
}

// readinto(buffer[, nbytes]), and not mp_stream_readinto(), which does not say whose memory it reads into.
static mp_obj_t socket_readinto(size_t n_args, const mp_obj_t *args) {
    lwipb_used_t into;
    lwipb_transfer_t t;
    transfer_use(&t, args, &into, MP_BUFFER_WRITE);
    if (n_args > 2) {
        t.len = MIN((mp_uint_t)mp_obj_get_int(args[2]), t.len);
    }
    return transfer_all(&t, recv_transfer);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_readinto_obj, 2, 3, socket_readinto);

// write(data[, nbytes]) or write(data, offset, nbytes)
static mp_obj_t socket_write(size_t n_args, const mp_obj_t *args) {
    lwipb_used_t data;
    lwipb_transfer_t t;
    transfer_use(&t, args, &data, MP_BUFFER_READ);
    if (n_args > 3) {
        size_t offset = MIN((mp_uint_t)mp_obj_get_int_truncated(args[2]), t.len);
        t.buf += offset;
        t.len -= offset;
    }
    if (n_args > 2) {
        t.len = MIN((mp_uint_t)mp_obj_get_int_truncated(args[n_args - 1]), t.len);
    }
    return transfer_all(&t, send_transfer);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(socket_write_obj, 2, 4, socket_write);

static mp_uint_t socket_stream_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg,
    int *errcode) {
    lwipb_socket_t *self = to_socket(self_in);
    switch (request) {
        case MP_STREAM_POLL:
            return lwipb_socket_poll(self, arg);
        case MP_STREAM_CLOSE:
            *errcode = lwipb_socket_close(self);
            return *errcode ? MP_STREAM_ERROR : 0;
        default:
            *errcode = MP_EINVAL;
            return MP_STREAM_ERROR;
    }
}

static void socket_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    lwipb_socket_t *self = to_socket(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_family) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->family);
    } else if (attr == MP_QSTR_type) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->type);
    } else if (attr == MP_QSTR_proto) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->proto);
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

static const mp_rom_map_elem_t socket_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&socket_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&socket_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR_accept), MP_ROM_PTR(&socket_accept_obj) },
    { MP_ROM_QSTR(MP_QSTR_bind), MP_ROM_PTR(&socket_bind_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&socket_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_connect), MP_ROM_PTR(&socket_connect_obj) },
    { MP_ROM_QSTR(MP_QSTR_connect_ex), MP_ROM_PTR(&socket_connect_ex_obj) },
    { MP_ROM_QSTR(MP_QSTR_fileno), MP_ROM_PTR(&socket_fileno_obj) },
    { MP_ROM_QSTR(MP_QSTR_getblocking), MP_ROM_PTR(&socket_getblocking_obj) },
    { MP_ROM_QSTR(MP_QSTR_getpeername), MP_ROM_PTR(&socket_getpeername_obj) },
    { MP_ROM_QSTR(MP_QSTR_getsockname), MP_ROM_PTR(&socket_getsockname_obj) },
    { MP_ROM_QSTR(MP_QSTR_getsockopt), MP_ROM_PTR(&lwipb_socket_getsockopt_obj) },
    { MP_ROM_QSTR(MP_QSTR_gettimeout), MP_ROM_PTR(&socket_gettimeout_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&lwipb_socket_ioctl_obj) },
    { MP_ROM_QSTR(MP_QSTR_listen), MP_ROM_PTR(&socket_listen_obj) },
    { MP_ROM_QSTR(MP_QSTR_makefile), MP_ROM_PTR(&socket_makefile_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&socket_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_readline), MP_ROM_PTR(&mp_stream_unbuffered_readline_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&socket_recv_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv_into), MP_ROM_PTR(&socket_recv_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_recvfrom), MP_ROM_PTR(&socket_recvfrom_obj) },
    { MP_ROM_QSTR(MP_QSTR_recvfrom_into), MP_ROM_PTR(&socket_recvfrom_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_recvmsg), MP_ROM_PTR(&lwipb_socket_recvmsg_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&socket_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendall), MP_ROM_PTR(&socket_sendall_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendmsg), MP_ROM_PTR(&lwipb_socket_sendmsg_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendto), MP_ROM_PTR(&socket_sendto_obj) },
    { MP_ROM_QSTR(MP_QSTR_setblocking), MP_ROM_PTR(&socket_setblocking_obj) },
    { MP_ROM_QSTR(MP_QSTR_setsockopt), MP_ROM_PTR(&lwipb_socket_setsockopt_obj) },
    { MP_ROM_QSTR(MP_QSTR_settimeout), MP_ROM_PTR(&socket_settimeout_obj) },
    { MP_ROM_QSTR(MP_QSTR_shutdown), MP_ROM_PTR(&socket_shutdown_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&socket_write_obj) },
};
static MP_DEFINE_CONST_DICT(socket_locals, socket_locals_table);

static const mp_stream_p_t socket_stream_p = {
    .read = socket_stream_read,
    .write = socket_stream_write,
    .ioctl = socket_stream_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_socket,
    MP_QSTR_socket,
    MP_TYPE_FLAG_NONE,
    make_new, socket_make_new,
    print, socket_print,
    attr, socket_attr,
    protocol, &socket_stream_p,
    locals_dict, &socket_locals
    );
