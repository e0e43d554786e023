// SPDX-License-Identifier: MIT
// Questions to lwIP's DNS client, for those that do not wait for the answer.
#ifndef LWIP_BINDINGS_DNS_H
#define LWIP_BINDINGS_DNS_H

#include "live.h"

typedef struct _lwipb_dns_request_t lwipb_dns_request_t;

// ERR_OK: *addr is the answer. ERR_INPROGRESS: *request is under way, to be ended by lwipb_dns_end();
// the owner, if there is one, is posted when the answer is there. Else an error.
err_t lwipb_dns_begin(const char *name, uint8_t addrtype, lwipb_live_t *owner, ip_addr_t *addr,
    lwipb_dns_request_t **request);

// False if there is no address under that name.
bool lwipb_dns_answer(const lwipb_dns_request_t *request, ip_addr_t *addr);
void lwipb_dns_end(lwipb_dns_request_t *request);

#endif
