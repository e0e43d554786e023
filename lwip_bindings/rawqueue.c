// SPDX-License-Identifier: MIT
// What UDP and RawIP of lwip.raw share.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "rawqueue.h"

bool lwipb_rawqueue_put(lwipb_rawqueue_t *queue, struct pbuf *p, const ip_addr_t *addr,
    uint16_t port) {
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

struct pbuf *lwipb_pbuf_behind_headers(struct pbuf *p, pbuf_layer layer) {
    struct pbuf *headers = pbuf_alloc(layer, 0, PBUF_RAM);
    if (headers != NULL) {
        pbuf_chain(headers, p);
    }
    return headers;
}

void lwipb_raw_send(mp_obj_t data, pbuf_layer layer, lwipb_send_t send, void *arg) {
    struct pbuf *p;
    if (mp_obj_is_type(data, &lwipb_type_pbuf)) {
        p = lwipb_pbuf_behind_headers(lwipb_pbuf_get(data), layer);
        if (p == NULL) {
            mp_raise_OSError(MP_ENOMEM);
        }
    } else {
        p = lwipb_pbuf_from_buffer(data, layer);
    }
    LOCK_TCPIP_CORE();
    err_t err = send(arg, p);
    UNLOCK_TCPIP_CORE();
    pbuf_free(p);
    lwipb_check(err);
}
