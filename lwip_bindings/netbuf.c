// SPDX-License-Identifier: MIT
// class NetBuf: lwIP's netbuf, a datagram or a piece of a stream with its addresses.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "netconn.h"
#include "pin.h"

static lwipb_buffer_t *to_netbuf(mp_obj_t self_in) {
    lwipb_buffer_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->netbuf == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

struct netbuf *lwipb_netbuf_get(mp_obj_t self_in) {
    if (!mp_obj_is_type(self_in, &lwipb_type_netbuf)) {
        mp_raise_TypeError(MP_ERROR_TEXT("NetBuf expected"));
    }
    return to_netbuf(self_in)->netbuf;
}

// For what needs data in it, which a new one has not.
static lwipb_buffer_t *to_filled(mp_obj_t self_in) {
    lwipb_buffer_t *self = to_netbuf(self_in);
    if (self->netbuf->p == NULL) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    return self;
}

// NetBuf(): empty
static mp_obj_t netbuf_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    (void)type;
    lwipb_buffer_t *self = lwipb_buffer_alloc(&lwipb_type_netbuf);
    struct netbuf *buf = netbuf_new();
    if (buf == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_buffer_hold(self, buf);
    return MP_OBJ_FROM_PTR(self);
}

// alloc(size): memory of lwIP's own; a view of it
static mp_obj_t py_netbuf_alloc(mp_obj_t self_in, mp_obj_t size_in) {
    lwipb_buffer_t *self = to_netbuf(self_in);
    uint16_t size = lwipb_port_from_obj(size_in);
    lwipb_buffer_changed(self);
    if (netbuf_alloc(self->netbuf, size) == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    return lwipb_view_new(self, self->netbuf->p);
}
static MP_DEFINE_CONST_FUN_OBJ_2(netbuf_alloc_obj, py_netbuf_alloc);

// ref(buffer): refers to the script's memory. What cannot change is sent from where it lies; of what
// can, a driver that sends later makes a copy.
static mp_obj_t py_netbuf_ref(mp_obj_t self_in, mp_obj_t buffer) {
    lwipb_buffer_t *self = to_netbuf(self_in);
    mp_buffer_info_t info;
    mp_get_buffer_raise(buffer, &info, MP_BUFFER_READ);
    if (info.len > 0xffff) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    mp_buffer_info_t writable;
    bool rom = !mp_get_buffer(buffer, &writable, MP_BUFFER_RW);
    struct pbuf *p = lwipb_pbuf_referring(buffer, info.buf, info.len, rom);
    if (p == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_buffer_changed(self);
    netbuf_free(self->netbuf);
    self->netbuf->p = self->netbuf->ptr = p;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netbuf_ref_obj, py_netbuf_ref);

// free(): gives the data back and keeps the NetBuf
static mp_obj_t py_netbuf_free(mp_obj_t self_in) {
    lwipb_buffer_t *self = to_netbuf(self_in);
    lwipb_buffer_changed(self);
    netbuf_free(self->netbuf);
    lwipb_pins_review_pbufs();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_free_obj, py_netbuf_free);

// next(): to the next segment: -1 = there is none, 1 = it is the last, else 0
static mp_obj_t py_netbuf_next(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(netbuf_next(to_filled(self_in)->netbuf));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_next_obj, py_netbuf_next);

static mp_obj_t py_netbuf_first(mp_obj_t self_in) {
    netbuf_first(to_netbuf(self_in)->netbuf);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_first_obj, py_netbuf_first);

static mp_obj_t py_netbuf_len(mp_obj_t self_in) {
    lwipb_buffer_t *self = to_netbuf(self_in);
    return MP_OBJ_NEW_SMALL_INT(self->netbuf->p == NULL ? 0 : netbuf_len(self->netbuf));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_len_obj, py_netbuf_len);

// copy([buffer[, offset]]): all of it as bytes, or into a buffer; then the number of bytes
static mp_obj_t py_netbuf_copy(size_t n_args, const mp_obj_t *args) {
    lwipb_buffer_t *self = to_filled(args[0]);
    mp_int_t offset = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    size_t len = netbuf_len(self->netbuf);
    if (offset < 0 || (size_t)offset > len) {
        mp_raise_ValueError(NULL);
    }
    if (n_args < 2) {
        vstr_t vstr;
        vstr_init_len(&vstr, len);
        netbuf_copy(self->netbuf, vstr.buf, len);
        return mp_obj_new_bytes_from_vstr(&vstr);
    }
    mp_buffer_info_t into;
    mp_get_buffer_raise(args[1], &into, MP_BUFFER_WRITE);
    len = MIN(into.len, len - offset);
    return MP_OBJ_NEW_SMALL_INT(netbuf_copy_partial(self->netbuf, into.buf, len, offset));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(netbuf_copy_obj, 1, 3, py_netbuf_copy);

// take(buffer): copies into the data
static mp_obj_t py_netbuf_take(mp_obj_t self_in, mp_obj_t buffer) {
    lwipb_buffer_t *self = to_filled(self_in);
    mp_buffer_info_t from;
    mp_get_buffer_raise(buffer, &from, MP_BUFFER_READ);
    if (from.len > netbuf_len(self->netbuf)) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    lwipb_pbuf_check_writable(self->netbuf->p);
    lwipb_check(netbuf_take(self->netbuf, from.buf, from.len));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netbuf_take_obj, py_netbuf_take);

// chain(other): other's data goes behind this one's; other is deleted by it
static mp_obj_t py_netbuf_chain(mp_obj_t self_in, mp_obj_t other_in) {
    lwipb_buffer_t *self = to_filled(self_in);
    struct netbuf *tail = lwipb_netbuf_get(other_in);
    lwipb_buffer_t *other = to_filled(other_in);
    if (other == self || netbuf_len(self->netbuf) + netbuf_len(tail) > 0xffff) {
        mp_raise_ValueError(NULL);
    }
    // It gives the tail's structure back.
    netbuf_chain(self->netbuf, tail);
    lwipb_buffer_replace(other, NULL);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(netbuf_chain_obj, py_netbuf_chain);

static mp_obj_t py_netbuf_fromaddr(mp_obj_t self_in) {
    return lwipb_addr_to_obj(netbuf_fromaddr(to_netbuf(self_in)->netbuf));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_fromaddr_obj, py_netbuf_fromaddr);

static mp_obj_t py_netbuf_fromport(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(netbuf_fromport(to_netbuf(self_in)->netbuf));
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_fromport_obj, py_netbuf_fromport);

#if LWIP_NETBUF_RECVINFO
static mp_obj_t py_netbuf_destaddr(mp_obj_t self_in) {
    struct netbuf *buf = to_netbuf(self_in)->netbuf;
    bool known = buf->flags & NETBUF_FLAG_DESTADDR;
    return known ? lwipb_addr_to_obj(netbuf_destaddr(buf)) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_destaddr_obj, py_netbuf_destaddr);

static mp_obj_t py_netbuf_destport(mp_obj_t self_in) {
    struct netbuf *buf = to_netbuf(self_in)->netbuf;
    // lwIP keeps it as it stood in the header.
    return buf->flags & NETBUF_FLAG_DESTADDR
        ? MP_OBJ_NEW_SMALL_INT(lwip_ntohs(netbuf_destport(buf))) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(netbuf_destport_obj, py_netbuf_destport);
#endif

// data: a view of the current segment
static void netbuf_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (lwipb_buffer_needs_no(MP_OBJ_TO_PTR(self_in), attr)) {
        return;
    }
    if (attr != MP_QSTR_data) {
        dest[1] = MP_OBJ_SENTINEL;
        return;
    }
    lwipb_buffer_t *self = to_filled(self_in);
    dest[0] = lwipb_view_new(self, self->netbuf->ptr);
}

static mp_obj_t netbuf_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    switch (op) {
        case MP_UNARY_OP_LEN:
            return py_netbuf_len(self_in);
        case MP_UNARY_OP_BOOL:
            return mp_const_true;
        default:
            return MP_OBJ_NULL;
    }
}

static const mp_rom_map_elem_t netbuf_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&lwipb_buffer_drop_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&lwipb_buffer_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR_alloc), MP_ROM_PTR(&netbuf_alloc_obj) },
    { MP_ROM_QSTR(MP_QSTR_chain), MP_ROM_PTR(&netbuf_chain_obj) },
    { MP_ROM_QSTR(MP_QSTR_copy), MP_ROM_PTR(&netbuf_copy_obj) },
    { MP_ROM_QSTR(MP_QSTR_delete), MP_ROM_PTR(&lwipb_buffer_drop_obj) },
    #if LWIP_NETBUF_RECVINFO
    { MP_ROM_QSTR(MP_QSTR_destaddr), MP_ROM_PTR(&netbuf_destaddr_obj) },
    { MP_ROM_QSTR(MP_QSTR_destport), MP_ROM_PTR(&netbuf_destport_obj) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_first), MP_ROM_PTR(&netbuf_first_obj) },
    { MP_ROM_QSTR(MP_QSTR_free), MP_ROM_PTR(&netbuf_free_obj) },
    { MP_ROM_QSTR(MP_QSTR_fromaddr), MP_ROM_PTR(&netbuf_fromaddr_obj) },
    { MP_ROM_QSTR(MP_QSTR_fromport), MP_ROM_PTR(&netbuf_fromport_obj) },
    { MP_ROM_QSTR(MP_QSTR_len), MP_ROM_PTR(&netbuf_len_obj) },
    { MP_ROM_QSTR(MP_QSTR_next), MP_ROM_PTR(&netbuf_next_obj) },
    { MP_ROM_QSTR(MP_QSTR_ref), MP_ROM_PTR(&netbuf_ref_obj) },
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&netbuf_take_obj) },
};
static MP_DEFINE_CONST_DICT(netbuf_locals, netbuf_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_netbuf,
    MP_QSTR_NetBuf,
    MP_TYPE_FLAG_NONE,
    make_new, netbuf_make_new,
    unary_op, netbuf_unary_op,
    attr, netbuf_attr,
    locals_dict, &netbuf_locals
    );
