// SPDX-License-Identifier: MIT
// What all PCBs of lwip.raw share: fields under lwIP's names, and the interface.

#include "py/mperrno.h"
#include "py/runtime.h"

#include "raw.h"

#include "lwip/ip.h"
#include "lwip/netif.h"

static mp_uint_t field_get(const void *at, size_t size) {
    return size == 1 ? *(const uint8_t *)at : size == 2 ? *(const uint16_t *)at
        : *(const uint32_t *)at;
}

static void field_set(void *at, size_t size, mp_obj_t obj) {
    mp_int_t value = mp_obj_get_int(obj);
    if (value < 0 || (size < sizeof(uint32_t) && value >> (8 * size) != 0)) {
        mp_raise_ValueError(NULL);
    }
    if (size == 1) {
        *(uint8_t *)at = value;
    } else if (size == 2) {
        *(uint16_t *)at = value;
    } else {
        *(uint32_t *)at = value;
    }
}

void lwipb_field_attr(void *pcb, qstr attr, mp_obj_t *dest, const lwipb_field_t *fields,
    size_t count) {
    for (const lwipb_field_t *field = fields; field < fields + count; ++field) {
        if (field->name != attr) {
            continue;
        }
        if (pcb == NULL) {
            mp_raise_OSError(MP_EBADF);
        }
        void *at = (char *)pcb + field->offset;
        if (dest[0] == MP_OBJ_NULL) {
            dest[0] = mp_obj_new_int_from_uint(field_get(at, field->size));
        } else if (dest[1] != MP_OBJ_NULL) {
            field_set(at, field->size, dest[1]);
            dest[0] = MP_OBJ_NULL;
        }
        return;
    }
    if (dest[0] == MP_OBJ_NULL) {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

void lwipb_pcb_bind_netif(struct ip_pcb *pcb, mp_obj_t index) {
    mp_int_t i = index == mp_const_none ? 0 : mp_obj_get_int(index);
    LOCK_TCPIP_CORE();
    bool found = i == 0 || (i > 0 && i <= UINT8_MAX && netif_get_by_index(i) != NULL);
    if (found) {
        // As tcp_bind_netif(), udp_bind_netif() and raw_bind_netif() do.
        pcb->netif_idx = i == 0 ? NETIF_NO_INDEX : i;
    }
    UNLOCK_TCPIP_CORE();
    if (!found) {
        mp_raise_OSError(MP_ENODEV);
    }
}
