// SPDX-License-Identifier: MIT
// Shared by the files of the bindings: errors, waiting, addresses.
//
// Who runs where. Everything here is called by Python threads that hold the GIL. lwIP's API is
// only ever entered in its non-blocking form, so the GIL may be held across it: the tcpip thread
// never takes the GIL, and the core lock is only held for bounded work. Waiting happens in
// lwipb_block(), between lwIP calls, with the GIL released by LWIP_BINDINGS_WAIT().
// Code that lwIP calls back only notes an event and wakes the VM: it never touches a Python object.
#ifndef LWIP_BINDINGS_BINDINGS_H
#define LWIP_BINDINGS_BINDINGS_H

#include "py/obj.h"
#include "py/mphal.h"

#include "lwip/opt.h"
#include "lwip/err.h"
#include "lwip/ip_addr.h"
#include "lwip/sockets.h"
#include "lwip/sys.h"
#include "lwip/tcpip.h"

#include "lwip_bindings.h"

#if NO_SYS || !LWIP_TCPIP_CORE_LOCKING
#error "the bindings need NO_SYS=0 and LWIP_TCPIP_CORE_LOCKING=1"
#endif
#if !LWIP_SOCKET || !LWIP_NETCONN || LWIP_COMPAT_SOCKETS
#error "the bindings need LWIP_SOCKET=1, LWIP_NETCONN=1 and LWIP_COMPAT_SOCKETS=0"
#endif
#if !LWIP_SOCKET_POLL && !LWIP_SOCKET_SELECT
#error "the bindings need lwIP's socket events: LWIP_SOCKET_POLL=1"
#endif
#if LWIP_NETCONN_FULLDUPLEX
#error "closing a listener fails an assertion of lwIP's in this mode, which the GIL makes needless"
#endif
#if !LWIP_SO_RCVBUF || !LWIP_SO_RCVTIMEO || !LWIP_SO_SNDTIMEO || !LWIP_SO_LINGER
#error "the bindings need LWIP_SO_RCVBUF, LWIP_SO_RCVTIMEO, LWIP_SO_SNDTIMEO and LWIP_SO_LINGER"
#endif

// Wakes every Python thread that waits in LWIP_BINDINGS_WAIT() or MICROPY_INTERNAL_WFE(); called with
// the core lock held, from any thread. It must latch: a thread that is about to wait must not sleep
// through it.
#ifndef LWIP_BINDINGS_WAKE
void mp_hal_wake(void);
#define LWIP_BINDINGS_WAKE() mp_hal_wake()
#endif

// Waits for a wake-up, with the GIL released; LWIPB_FOREVER for no limit. It may end too early.
#ifndef LWIP_BINDINGS_WAIT
#define LWIP_BINDINGS_WAIT(timeout_ms) MICROPY_INTERNAL_WFE(timeout_ms)
#endif

// Asks for one LWIP_BINDINGS_WAKE() as soon as some of lwIP's memory comes back, whoever had it, or
// an interface can send again; true if the port does that. Without it a datagram that finds no
// memory is ENOBUFS at once, and TCP waits for what the connection itself has in flight.
#ifndef LWIP_BINDINGS_STARVED
#define LWIP_BINDINGS_STARVED() (false)
#endif

// Where lwIP's socket layer leaves its errno. Its numbers must be MicroPython's (Linux's).
#ifndef LWIP_BINDINGS_ERRNO
#define LWIP_BINDINGS_ERRNO errno
#endif

// The extra argument of a TCP PCB that is ours.
#ifndef LWIP_BINDINGS_TCP_EXT_ARG
#define LWIP_BINDINGS_TCP_EXT_ARG 0
#endif

#define LWIPB_FOREVER ((mp_uint_t)-1)

// core.c

// MicroPython's errno for an lwIP error; 0 for ERR_OK. The only such table in the bindings.
int lwipb_errno(err_t err);

// The errno that lwIP's socket layer just set, made one that MicroPython knows.
int lwipb_socket_errno(void);

// Raises OSError when err is an error.
void lwipb_check(err_t err);

// One attempt at something that may have to wait: 0 = done, MP_EAGAIN = not yet, else errno.
// It must not raise and not allocate.
typedef int (*lwipb_attempt_t)(void *arg);

// Repeats an attempt until it is done, serving Ctrl-C, scheduled callbacks and other threads in
// between (all of which may raise). Returns 0 or an errno: MP_EAGAIN at once if timeout_ms is 0,
// MP_ETIMEDOUT when the time is up.
int lwipb_block(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms);
// The same after an attempt that came to nothing: begins with waiting.
int lwipb_block_more(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms);

// A script's buffer that attempts read or write. What runs while they wait may give back what a View shows,
// or resize a bytearray: the call ends with ValueError then, and nobody touches the memory any more.
typedef struct _lwipb_used_t {
    mp_obj_t object;
    mp_buffer_info_t info;
} lwipb_used_t;

// `access` is MP_BUFFER_READ or MP_BUFFER_WRITE. Raises as mp_get_buffer_raise().
static inline void lwipb_use(lwipb_used_t *used, mp_obj_t object, mp_uint_t access) {
    used->object = object;
    mp_get_buffer_raise(object, &used->info, access);
}

int lwipb_block_using(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms, const lwipb_used_t *used,
    size_t count);
int lwipb_block_more_using(lwipb_attempt_t attempt, void *arg, mp_uint_t timeout_ms, const lwipb_used_t *used,
    size_t count);

// None, or seconds as a float or integer, to milliseconds; LWIPB_FOREVER for None.
mp_uint_t lwipb_timeout_from_obj(mp_obj_t timeout);
mp_obj_t lwipb_timeout_to_obj(mp_uint_t timeout_ms);

// address.c

typedef union _lwipb_sockaddr_t {
    struct sockaddr sa;
    #if LWIP_IPV4
    struct sockaddr_in sin;
    #endif
    #if LWIP_IPV6
    struct sockaddr_in6 sin6;
    #endif
} lwipb_sockaddr_t;

// IPv4 dotted, or IPv6 in lower case, with its zone where it has one ("fe80::1%en1").
#define LWIPB_ADDR_STRLEN (IPADDR_STRLEN_MAX + 1)
void lwipb_addr_format(const ip_addr_t *addr, char *buf);

// A numeric address, "" for any, or "<broadcast>"; AF_UNSPEC takes what the string says. An IPv4
// address asked for as AF_INET6 is mapped. False if the string is no such address.
bool lwipb_addr_parse(const char *host, int family, ip_addr_t *addr);

// The same, or a name for DNS, which blocks; raises OSError.
void lwipb_addr_resolve(mp_obj_t host, int family, ip_addr_t *addr);

// A mapped IPv4 address to the IPv4 address that it stands for, as lwIP's own calls want it.
void lwipb_addr_unmap(ip_addr_t *addr);

// A port number from a Python integer; raises OverflowError outside 0..65535.
uint16_t lwipb_port_from_obj(mp_obj_t port);

// (host, port[, flowinfo, scope_id]) to a sockaddr and its length; may block for DNS; raises.
socklen_t lwipb_sockaddr_from_obj(mp_obj_t address, int family, lwipb_sockaddr_t *out);
socklen_t lwipb_sockaddr_set(lwipb_sockaddr_t *out, const ip_addr_t *addr, uint16_t port);
// An IPv4 address as an IPv6 socket shows it: mapped.
void lwipb_sockaddr_fit(lwipb_sockaddr_t *address, int family);
mp_obj_t lwipb_sockaddr_to_obj(const lwipb_sockaddr_t *address);

// dns.c

#define LWIPB_EAI_NONAME (-2)
#define LWIPB_EAI_AGAIN (-3)
#define LWIPB_EAI_FAIL (-4)
#define LWIPB_EAI_FAMILY (-6)
#define LWIPB_EAI_SERVICE (-8)

// Asks lwIP's resolver; family as for lwipb_addr_parse. Waits interruptibly for at most timeout_ms.
// Returns 0, an EAI code (negative) or an errno.
int lwipb_dns_query(const char *name, int family, ip_addr_t *addr, mp_uint_t timeout_ms);
void lwipb_dns_deinit(void);

// socket_core.c
void lwipb_socket_deinit(void);

#endif
