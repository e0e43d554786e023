// SPDX-License-Identifier: MIT
// What UDP and RawIP of lwip.raw share.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "rawqueue.h"

bool lwipb_rawqueue_put(lwipb_rawqueue_t *queue, struct pbuf *p, const ip_addr_t *addr, uint16_t port) {
    LWIP_ASSERT_CORE_LOCKED();
    if (queue->count == LWIPB_RAWQUEUE_LEN) {
        ++queue->dropped;
        return false;
    }
    lwipb_datagram_t *entry = &queue->entries[(queue->first + queue->count) % LWIPB_RAWQUEUE_LEN];
    entry->p = p;
    entry->addr = *addr;
    entry->port = port;
    ++queue->count;
    return true;
}

bool lwipb_rawqueue_take(lwipb_rawqueue_t *queue, lwipb_datagram_t *datagram) {
    LWIP_ASSERT_CORE_LOCKED();
    if (queue->count == 0) {
        return false;
    }
    *datagram = queue->entries[queue->first];
    queue->first = (queue->first + 1) % LWIPB_RAWQUEUE_LEN;
    --queue->count;
    return true;
}

void lwipb_rawqueue_clear(lwipb_rawqueue_t *queue) {
    lwipb_datagram_t datagram;
    LOCK_TCPIP_CORE();
    while (lwipb_rawqueue_take(queue, &datagram)) {
        pbuf_free(datagram.p);
    }
    UNLOCK_TCPIP_CORE();
}

void lwipb_raw_send(mp_obj_t data, pbuf_layer layer, lwipb_send_t send, void *arg) {
    bool own = mp_obj_is_type(data, &lwipb_type_pbuf);
    struct pbuf *p = own ? lwipb_pbuf_get(data) : lwipb_pbuf_from_buffer(data, layer);
    // Headers go before data in the same pbuf only where nobody else refers to it; memory that is only
    // referred to gets its headers elsewhere.
    err_t err = ERR_ALREADY;
    if (p->ref == 1 || !(p->type_internal & PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS)) {
        u16_t len = p->len;
        LOCK_TCPIP_CORE();
        err = send(arg, p);
        UNLOCK_TCPIP_CORE();
        if (p->len > len) {
            pbuf_remove_header(p, p->len - len);
        }
    }
    if (!own) {
        pbuf_free(p);
    }
    lwipb_check(err);
}
