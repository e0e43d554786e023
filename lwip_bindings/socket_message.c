// SPDX-License-Identifier: MIT
// sendmsg() and recvmsg(): several buffers in one call, and ancillary data (IP_PKTINFO).

#include <string.h>

#include "py/mperrno.h"
#include "py/objlist.h"
#include "py/runtime.h"

#include "conn.h"
#include "socket.h"

typedef struct _message_t {
    lwipb_socket_t *self;
    struct msghdr msg;
    int flags;
    bool all;
    size_t len; // of a stream's buffers together
    size_t done;
    lwipb_sockaddr_t peer;
} message_t;

// Drops what was sent from the front of the vectors.
static void advance(struct msghdr *msg, size_t done) {
    while (done > 0 && msg->msg_iovlen > 0) {
        struct iovec *iov = msg->msg_iov;
        size_t part = MIN(done, iov->iov_len);
        iov->iov_base = (uint8_t *)iov->iov_base + part;
        iov->iov_len -= part;
        done -= part;
        if (iov->iov_len == 0) {
            ++msg->msg_iov;
            --msg->msg_iovlen;
        }
    }
}

static bool lacks_memory(const message_t *m, bool stream) {
    int err = lwipb_socket_errno();
    if (!stream) {
        return lwipb_socket_lacks_memory(err, m->len);
    }
    return err == MP_EAGAIN && lwipb_conn_lacks_memory(lwip_socket_dbg_get_socket(m->self->fd)->conn);
}

static int attempt_sendmsg(void *message_in) {
    message_t *m = message_in;
    if (m->self->fd < 0) {
        return MP_EBADF;
    }
    bool stream = m->self->type == SOCK_STREAM;
    if (stream && m->self->tx_closed) {
        return MP_EPIPE;
    }
    if (m->msg.msg_iovlen == 0) {
        return 0;
    }
    ssize_t ret = lwip_sendmsg(m->self->fd, &m->msg, (m->flags & MSG_MORE) | MSG_DONTWAIT);
    if (ret < 0 && lacks_memory(m, stream) && LWIP_BINDINGS_STARVED()) {
        // Once more: what comes back after this attempt is not missed.
        ret = lwip_sendmsg(m->self->fd, &m->msg, (m->flags & MSG_MORE) | MSG_DONTWAIT);
        if (ret < 0 && lacks_memory(m, stream)) {
            return MP_EAGAIN;
        }
    }
    if (ret >= 0) {
        m->done += ret;
        if (stream) {
            advance(&m->msg, ret);
        }
        return stream && m->all && m->done < m->len ? MP_EAGAIN : 0;
    }
    int err = lwipb_socket_errno();
    if (!stream && err == MP_EAGAIN) {
        return MP_ENOBUFS;
    }
    if (stream && err == MP_EINPROGRESS) {
        return MP_EAGAIN;
    }
    return lwipb_socket_map_errno(m->self, err);
}

// lwIP wants no empty vectors.
static void add_buffer(message_t *m, const mp_buffer_info_t *info) {
    if (info->len > 0) {
        struct iovec *iov = &m->msg.msg_iov[m->msg.msg_iovlen++];
        iov->iov_base = info->buf;
        iov->iov_len = info->len;
        m->len += info->len;
    }
}

// sendmsg(buffers[, ancdata[, flags[, address]]])
static mp_obj_t socket_sendmsg(size_t n_args, const mp_obj_t *args) {
    size_t count;
    mp_obj_t *buffers;
    mp_obj_get_array(args[1], &count, &buffers);
    if (n_args > 2 && mp_obj_is_true(args[2])) {
        mp_raise_OSError(MP_EOPNOTSUPP);
    }
    message_t m = { .self = MP_OBJ_TO_PTR(args[0]) };
    m.flags = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    m.all = m.self->timeout_ms == LWIPB_FOREVER;
    if (n_args > 4 && args[4] != mp_const_none) {
        m.msg.msg_namelen = lwipb_sockaddr_from_obj(args[4], m.self->family, &m.peer);
        m.msg.msg_name = &m.peer;
    }
    m.msg.msg_iov = m_new(struct iovec, MAX(count, 1));
    lwipb_used_t *used = m_new(lwipb_used_t, MAX(count, 1));
    for (size_t i = 0; i < count; ++i) {
        lwipb_use(&used[i], buffers[i], MP_BUFFER_READ);
        add_buffer(&m, &used[i].info);
    }
    if (m.msg.msg_iovlen == 0 && m.self->type != SOCK_STREAM) {
        // An empty datagram still is one.
        m.msg.msg_iov->iov_base = "";
        m.msg.msg_iov->iov_len = 0;
        m.msg.msg_iovlen = 1;
    }
    mp_uint_t timeout_ms = lwipb_socket_send_timeout(m.self);
    timeout_ms = (m.flags & MSG_DONTWAIT) ? 0 : timeout_ms;
    int err = lwipb_block_using(attempt_sendmsg, &m, timeout_ms, used, count);
    if (err != 0 && !(m.done > 0 && (err == MP_EAGAIN || err == MP_ETIMEDOUT))) {
        mp_raise_OSError(err);
    }
    return mp_obj_new_int_from_uint(m.done);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_socket_sendmsg_obj, 2, 5, socket_sendmsg);

static int attempt_recvmsg(void *message_in) {
    message_t *m = message_in;
    if (m->self->fd < 0) {
        return MP_EBADF;
    }
    ssize_t ret = lwip_recvmsg(m->self->fd, &m->msg, (m->flags & MSG_PEEK) | MSG_DONTWAIT);
    if (ret < 0) {
        return lwipb_socket_map_errno(m->self, lwipb_socket_errno());
    }
    // For a datagram lwIP tells its whole length.
    m->done = MIN((size_t)ret, m->len);
    return 0;
}

static mp_obj_t ancillary_data(struct msghdr *msg) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    if (msg->msg_control == NULL || msg->msg_controllen == 0) {
        return list;
    }
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_len < CMSG_LEN(0)) {
            break;
        }
        mp_obj_t item[3] = {
            mp_obj_new_int(cmsg->cmsg_level),
            mp_obj_new_int(cmsg->cmsg_type),
            mp_obj_new_bytes(CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0)),
        };
        mp_obj_list_append(list, mp_obj_new_tuple(3, item));
    }
    return list;
}

// A stream has one piece of data, no name and no ancillary data: its own path serves.
static void recvmsg_stream(message_t *m) {
    lwipb_transfer_t t = { .self = m->self, .flags = m->flags, .buf = m->msg.msg_iov->iov_base,
                           .len = m->msg.msg_iov->iov_len };
    mp_uint_t timeout_ms = lwipb_socket_recv_timeout(m->self);
    if (m->flags & MSG_DONTWAIT) {
        timeout_ms = 0;
    }
    int err = lwipb_block(lwipb_socket_attempt_recv, &t, timeout_ms);
    if (err != 0) {
        mp_raise_OSError(err);
    }
    m->done = t.done;
}

static void recvmsg_datagram(message_t *m) {
    m->msg.msg_name = &m->peer;
    m->msg.msg_namelen = sizeof(m->peer);
    mp_uint_t timeout_ms = lwipb_socket_recv_timeout(m->self);
    int err = lwipb_block(attempt_recvmsg, m, (m->flags & MSG_DONTWAIT) ? 0 : timeout_ms);
    if (err != 0) {
        mp_raise_OSError(err);
    }
}

// recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)
static mp_obj_t socket_recvmsg(size_t n_args, const mp_obj_t *args) {
    mp_int_t size = mp_obj_get_int(args[1]);
    mp_int_t control_size = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    if (size <= 0 || control_size < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid buffer size"));
    }
    message_t m = { .self = MP_OBJ_TO_PTR(args[0]), .len = size };
    m.flags = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    vstr_t vstr;
    vstr_init_len(&vstr, size);
    struct iovec iov = { .iov_base = vstr.buf, .iov_len = size };
    m.msg.msg_iov = &iov;
    m.msg.msg_iovlen = 1;
    if (control_size > 0) {
        m.msg.msg_control = m_new(uint8_t, control_size);
        m.msg.msg_controllen = control_size;
    }
    mp_obj_t address = mp_const_none;
    if (m.self->type == SOCK_STREAM) {
        recvmsg_stream(&m);
        m.msg.msg_controllen = 0;
    } else {
        recvmsg_datagram(&m);
        address = lwipb_sockaddr_to_obj(&m.peer);
    }
    vstr.len = m.done;
    mp_obj_t items[4] = {
        mp_obj_new_bytes_from_vstr(&vstr),
        ancillary_data(&m.msg),
        MP_OBJ_NEW_SMALL_INT(m.msg.msg_flags),
        address,
    };
    return mp_obj_new_tuple(4, items);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_socket_recvmsg_obj, 2, 4, socket_recvmsg);
