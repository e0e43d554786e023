// SPDX-License-Identifier: MIT
// The socket object, and what can be done with it below Python's argument lists.
//
// Functions that return an int give 0 or an errno and neither raise nor allocate, so that they
// serve as attempts for lwipb_block(). They answer MP_EBADF once the socket is closed, be it by
// another thread while this one waited.
#ifndef LWIP_BINDINGS_SOCKET_H
#define LWIP_BINDINGS_SOCKET_H

#include "bindings.h"

#include "lwip/priv/sockets_priv.h"

typedef struct _lwipb_socket_t {
    mp_obj_base_t base;
    int16_t fd; // lwIP's descriptor; -1 once closed
    uint8_t family;
    uint8_t type;
    uint8_t proto;
    bool connecting : 1; // no answer seen yet: an error now is one of connect()
    bool rx_closed : 1; // end of stream was read, or reading was shut down
    bool tx_closed : 1;
    bool connected : 1; // was seen to be: no receive will ever find it never connected
    mp_uint_t timeout_ms;
} lwipb_socket_t;

extern const mp_obj_type_t lwipb_type_socket;

// The arguments of one transfer, and its progress.
typedef struct _lwipb_transfer_t {
    lwipb_socket_t *self;
    const lwipb_used_t *used; // the script's buffer; NULL where it is our own
    uint8_t *buf;
    size_t len;
    size_t done;
    int flags; // lwIP's MSG_*
    bool all; // go on until len is reached
    socklen_t peer_len; // 0 = no address given, or none wanted
    lwipb_sockaddr_t peer; // meaningful with peer_len alone
} lwipb_transfer_t;

// Without flags and peer. (An initialiser would fill all of the peer's address with zeroes.)
static inline void lwipb_transfer_init(lwipb_transfer_t *t, lwipb_socket_t *self, void *buf, size_t len) {
    t->self = self;
    t->used = NULL;
    t->buf = buf;
    t->len = len;
    t->done = 0;
    t->flags = 0;
    t->all = false;
    t->peer_len = 0;
}

// A fresh, closed object; it becomes known to deinit when it gets its descriptor.
lwipb_socket_t *lwipb_socket_alloc(uint8_t family, uint8_t type, uint8_t proto);

// Opens the descriptor, if need be after a collection of forgotten sockets.
int lwipb_socket_open(lwipb_socket_t *self);
int lwipb_socket_close(lwipb_socket_t *self);

int lwipb_socket_listen(lwipb_socket_t *self, int backlog);
int lwipb_socket_shutdown(lwipb_socket_t *self, int how);

typedef struct _lwipb_accept_t {
    lwipb_socket_t *self;
    lwipb_socket_t *accepted; // allocated before the attempt
    lwipb_sockaddr_t peer;
} lwipb_accept_t;
int lwipb_socket_attempt_accept(void *accept_in);

// Starts connecting (0, MP_EINPROGRESS, ...), then tells how it went.
int lwipb_socket_connect(lwipb_socket_t *self, const lwipb_sockaddr_t *to, socklen_t len);
int lwipb_socket_attempt_connected(void *self_in);

int lwipb_socket_attempt_recv(void *transfer_in);
int lwipb_socket_attempt_send(void *transfer_in);

// Done when a receive would give something: data, the end, or an error.
int lwipb_socket_attempt_readable(void *self_in);

// Bytes that can be read at once (for datagrams: at least the first one's), 0 if unknown.
size_t lwipb_socket_pending(lwipb_socket_t *self);

// The effective time-out: the script's, else SO_RCVTIMEO / SO_SNDTIMEO.
mp_uint_t lwipb_socket_recv_timeout(lwipb_socket_t *self);
mp_uint_t lwipb_socket_send_timeout(lwipb_socket_t *self);

// MP_STREAM_POLL_* in effect among those asked for; ERR, HUP and NVAL always.
mp_uint_t lwipb_socket_poll(lwipb_socket_t *self, mp_uint_t flags);

// Whether a datagram of that length failed for want of memory, and is worth another attempt later.
bool lwipb_socket_lacks_memory(int err, size_t len);

// Makes lwIP's errno what POSIX has for the state that the socket is in.
int lwipb_socket_map_errno(lwipb_socket_t *self, int err);

// socket_option.c
extern const mp_obj_fun_builtin_var_t lwipb_socket_setsockopt_obj;
extern const mp_obj_fun_builtin_var_t lwipb_socket_getsockopt_obj;
extern const mp_obj_fun_builtin_var_t lwipb_socket_ioctl_obj;

#define LWIPB_FIONREAD (0x541b)
#define LWIPB_FIONBIO (0x5421)

// socket_message.c
extern const mp_obj_fun_builtin_var_t lwipb_socket_sendmsg_obj;
extern const mp_obj_fun_builtin_var_t lwipb_socket_recvmsg_obj;

#endif
