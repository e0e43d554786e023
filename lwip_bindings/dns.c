// SPDX-License-Identifier: MIT
// Name resolution by lwIP's DNS client.
//
// lwIP keeps the callback's argument until the answer or its own time-out, and a query cannot be
// withdrawn. The argument is therefore a number: one that belongs to no request any more is of one that
// was given up.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "dns.h"

#include "lwip/dns.h"
#include "lwip/mem.h"

#if LWIP_DNS

enum { REQUEST_PENDING, REQUEST_DONE, REQUEST_FAILED };

// On lwIP's heap.
struct _lwipb_dns_request_t {
    struct _lwipb_dns_request_t *next;
    uint16_t number;
    volatile uint8_t state;
    lwipb_live_t *owner; // told when the answer is there; NULL = somebody waits
    ip_addr_t addr;
};

static lwipb_dns_request_t *requests;
static uint16_t last_number;

static void request_free(lwipb_dns_request_t *request) {
    LWIP_ASSERT_CORE_LOCKED();
    lwipb_dns_request_t **link = &requests;
    while (*link != request) {
        link = &(*link)->next;
    }
    *link = request->next;
    mem_free(request);
}

// Runs in lwIP's context, core locked.
static void found_callback(const char *name, const ip_addr_t *addr, void *arg) {
    (void)name;
    lwipb_dns_request_t *request = requests;
    while (request != NULL && request->number != (uintptr_t)arg) {
        request = request->next;
    }
    if (request == NULL) {
        return;
    }
    if (addr == NULL) {
        request->state = REQUEST_FAILED;
    } else {
        request->addr = *addr;
        request->state = REQUEST_DONE;
    }
    if (request->owner != NULL) {
        lwipb_live_post(request->owner);
    }
    LWIP_BINDINGS_WAKE();
}

static lwipb_dns_request_t *request_new(lwipb_live_t *owner) {
    LWIP_ASSERT_CORE_LOCKED();
    lwipb_dns_request_t *request = mem_malloc(sizeof(*request));
    if (request != NULL) {
        request->number = ++last_number;
        request->state = REQUEST_PENDING;
        request->owner = owner;
        request->next = requests;
        requests = request;
    }
    return request;
}

err_t lwipb_dns_begin(const char *name, uint8_t addrtype, lwipb_live_t *owner, ip_addr_t *addr,
    lwipb_dns_request_t **out) {
    LOCK_TCPIP_CORE();
    lwipb_dns_request_t *request = request_new(owner);
    err_t err = ERR_MEM;
    if (request != NULL) {
        void *number = (void *)(uintptr_t)request->number;
        err = dns_gethostbyname_addrtype(name, &request->addr, found_callback, number, addrtype);
        if (err != ERR_INPROGRESS) {
            *addr = request->addr;
            request_free(request);
        }
    }
    UNLOCK_TCPIP_CORE();
    *out = request;
    return err;
}

bool lwipb_dns_answer(const lwipb_dns_request_t *request, ip_addr_t *addr) {
    *addr = request->addr;
    return request->state == REQUEST_DONE;
}

void lwipb_dns_end(lwipb_dns_request_t *request) {
    LOCK_TCPIP_CORE();
    request_free(request);
    UNLOCK_TCPIP_CORE();
}

static int attempt_answer(void *arg) {
    lwipb_dns_request_t *request = arg;
    return request->state == REQUEST_PENDING ? MP_EAGAIN : 0;
}

static uint8_t addrtype_of_family(int family) {
    #if LWIP_IPV4 && LWIP_IPV6
    if (family == AF_INET6) {
        return LWIP_DNS_ADDRTYPE_IPV6;
    }
    if (family == AF_INET) {
        return LWIP_DNS_ADDRTYPE_IPV4;
    }
    #else
    (void)family;
    #endif
    return LWIP_DNS_ADDRTYPE_DEFAULT;
}

// Waits for the answer; whatever ends the wait early, the request is let go properly.
static int request_wait(lwipb_dns_request_t *request, mp_uint_t timeout_ms) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        int ret = lwipb_block(attempt_answer, request, timeout_ms);
        nlr_pop();
        return ret;
    }
    lwipb_dns_end(request);
    nlr_jump(nlr.ret_val);
}

int lwipb_dns_query(const char *name, int family, ip_addr_t *addr, mp_uint_t timeout_ms) {
    size_t len = strlen(name);
    if (len == 0 || len >= DNS_MAX_NAME_LENGTH) {
        return LWIPB_EAI_NONAME;
    }
    lwipb_dns_request_t *request;
    err_t err = lwipb_dns_begin(name, addrtype_of_family(family), NULL, addr, &request);
    if (err == ERR_OK) {
        return 0;
    }
    if (err != ERR_INPROGRESS) {
        // ERR_MEM is a full table; ERR_VAL is no server at all.
        return err == ERR_MEM ? LWIPB_EAI_AGAIN : LWIPB_EAI_FAIL;
    }
    int ret = request_wait(request, timeout_ms);
    if (ret == 0) {
        ret = lwipb_dns_answer(request, addr) ? 0 : LWIPB_EAI_NONAME;
    }
    lwipb_dns_end(request);
    return ret;
}

void lwipb_dns_deinit(void) {
    LOCK_TCPIP_CORE();
    while (requests != NULL) {
        request_free(requests);
    }
    UNLOCK_TCPIP_CORE();
}

#else

int lwipb_dns_query(const char *name, int family, ip_addr_t *addr, mp_uint_t timeout_ms) {
    return LWIPB_EAI_NONAME;
}

void lwipb_dns_deinit(void) {
}

#endif
