// SPDX-License-Identifier: MIT
// class Pbuf: lwIP's packet buffers. An object has one reference to a chain and gives it back once.

#include <string.h>

#include "py/mperrno.h"
#include "py/objlist.h"
#include "py/runtime.h"

#include "pin.h"
#include "raw.h"

static lwipb_buffer_t *to_pbuf(mp_obj_t self_in) {
    if (!mp_obj_is_type(self_in, &lwipb_type_pbuf)) {
        mp_raise_TypeError(MP_ERROR_TEXT("Pbuf expected"));
    }
    lwipb_buffer_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->pbuf == NULL) {
        mp_raise_OSError(MP_EBADF);
    }
    return self;
}

struct pbuf *lwipb_pbuf_get(mp_obj_t self_in) {
    return to_pbuf(self_in)->pbuf;
}

struct pbuf *lwipb_pbuf_from_buffer(mp_obj_t buffer, pbuf_layer layer) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(buffer, &info, MP_BUFFER_READ);
    if (info.len > 0xffff) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    struct pbuf *p = pbuf_alloc(layer, info.len, PBUF_RAM);
    if (p == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    pbuf_take(p, info.buf, info.len);
    return p;
}

mp_obj_t lwipb_callback_from_obj(mp_obj_t callback) {
    if (callback != mp_const_none && !mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback must be callable or None"));
    }
    return callback;
}

mp_obj_t lwipb_addr_port_tuple(const ip_addr_t *addr, uint16_t port) {
    mp_obj_t items[2] = { lwipb_addr_to_obj(addr), MP_OBJ_NEW_SMALL_INT(port) };
    return mp_obj_new_tuple(2, items);
}

static pbuf_layer layer_from_obj(mp_obj_t obj) {
    mp_int_t layer = mp_obj_get_int(obj);
    if (layer != PBUF_TRANSPORT && layer != PBUF_IP && layer != PBUF_LINK && layer != PBUF_RAW_TX
        && layer != PBUF_RAW) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown layer"));
    }
    return layer;
}

// A type of which lwIP has the memory.
static pbuf_type own_type(mp_int_t type) {
    if (type != PBUF_RAM && type != PBUF_POOL) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown type"));
    }
    return type;
}

static struct pbuf *new_referring(mp_obj_t buffer, bool rom) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(buffer, &info, MP_BUFFER_READ);
    if (info.len > 0xffff) {
        mp_raise_ValueError(NULL);
    }
    mp_buffer_info_t writable;
    rom = rom || !mp_get_buffer(buffer, &writable, MP_BUFFER_RW);
    return lwipb_pbuf_referring(buffer, info.buf, info.len, rom);
}

static struct pbuf *new_with_memory(mp_obj_t length_or_buffer, pbuf_layer layer, pbuf_type type) {
    mp_buffer_info_t info = { .buf = NULL };
    if (mp_obj_is_int(length_or_buffer)) {
        info.len = lwipb_port_from_obj(length_or_buffer);
    } else {
        mp_get_buffer_raise(length_or_buffer, &info, MP_BUFFER_READ);
    }
    if (info.len > 0xffff) {
        mp_raise_ValueError(NULL);
    }
    struct pbuf *p = pbuf_alloc(layer, info.len, type);
    if (p != NULL && info.buf != NULL) {
        pbuf_take(p, info.buf, info.len);
    }
    return p;
}

// Pbuf(length or buffer, layer=TRANSPORT, type=RAM): a buffer's bytes are copied, with type REF or
// ROM referred to
static mp_obj_t pbuf_make_new(const mp_obj_type_t *type_in, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)type_in;
    mp_arg_check_num(n_args, n_kw, 1, 3, false);
    pbuf_layer layer = n_args > 1 ? layer_from_obj(args[1]) : PBUF_TRANSPORT;
    mp_int_t type = n_args > 2 ? mp_obj_get_int(args[2]) : PBUF_RAM;
    lwipb_buffer_t *self = lwipb_buffer_alloc(&lwipb_type_pbuf);
    struct pbuf *p;
    if (type == PBUF_REF || type == PBUF_ROM) {
        p = new_referring(args[0], type == PBUF_ROM);
    } else {
        p = new_with_memory(args[0], layer, own_type(type));
    }
    if (p == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_buffer_hold(self, p);
    return MP_OBJ_FROM_PTR(self);
}

// ref(): another Pbuf with a reference of its own to the same chain
static mp_obj_t py_pbuf_ref(mp_obj_t self_in) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    lwipb_buffer_t *other = lwipb_buffer_alloc(&lwipb_type_pbuf);
    pbuf_ref(self->pbuf);
    lwipb_buffer_hold(other, self->pbuf);
    return MP_OBJ_FROM_PTR(other);
}
static MP_DEFINE_CONST_FUN_OBJ_1(pbuf_ref_obj, py_pbuf_ref);

static mp_obj_t py_pbuf_clen(mp_obj_t self_in) {
    return MP_OBJ_NEW_SMALL_INT(pbuf_clen(to_pbuf(self_in)->pbuf));
}
static MP_DEFINE_CONST_FUN_OBJ_1(pbuf_clen_obj, py_pbuf_clen);

static void check_join(const lwipb_buffer_t *head, const lwipb_buffer_t *tail) {
    // A ring of pbufs would be walked for ever.
    for (const struct pbuf *q = head->pbuf; q != NULL; q = q->next) {
        for (const struct pbuf *r = tail->pbuf; r != NULL; r = r->next) {
            if (q == r) {
                mp_raise_ValueError(MP_ERROR_TEXT("already in the chain"));
            }
        }
    }
    if (head->pbuf->tot_len + tail->pbuf->tot_len > 0xffff) {
        mp_raise_OSError(MP_ENOBUFS);
    }
}

// cat(tail): tail's data goes behind this one's; tail is used up
static mp_obj_t py_pbuf_cat(mp_obj_t self_in, mp_obj_t tail_in) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    lwipb_buffer_t *tail = to_pbuf(tail_in);
    check_join(self, tail);
    pbuf_chain(self->pbuf, tail->pbuf);
    lwipb_buffer_drop(tail);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_cat_obj, py_pbuf_cat);

// chain(tail): the same, and tail keeps its own reference
static mp_obj_t py_pbuf_chain(mp_obj_t self_in, mp_obj_t tail_in) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    lwipb_buffer_t *tail = to_pbuf(tail_in);
    check_join(self, tail);
    pbuf_chain(self->pbuf, tail->pbuf);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_chain_obj, py_pbuf_chain);

// What is about to be cut short or given back must not be in use by somebody else: another Pbuf, whose
// views would show memory that is gone, or the stack and the driver, which still are to send it.
static void check_unshared(const lwipb_buffer_t *self) {
    for (const struct pbuf *p = self->pbuf; p != NULL; p = p->next) {
        if (lwipb_pbuf_users(p) > 1) {
            mp_raise_OSError(MP_EBUSY);
        }
    }
}

// dechain(): cuts behind the first pbuf; the tail if somebody else holds it, else None
static mp_obj_t py_pbuf_dechain(mp_obj_t self_in) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    if (lwipb_pbuf_users(self->pbuf) > 1) {
        mp_raise_OSError(MP_EBUSY);
    }
    lwipb_buffer_t *tail = lwipb_buffer_alloc(&lwipb_type_pbuf);
    struct pbuf *rest = pbuf_dechain(self->pbuf);
    lwipb_buffer_changed(self);
    if (rest == NULL || lwipb_pbuf_users(rest) == 0) {
        return mp_const_none;
    }
    pbuf_ref(rest);
    lwipb_buffer_hold(tail, rest);
    return MP_OBJ_FROM_PTR(tail);
}
static MP_DEFINE_CONST_FUN_OBJ_1(pbuf_dechain_obj, py_pbuf_dechain);

// realloc(length): shortens
static mp_obj_t py_pbuf_realloc(mp_obj_t self_in, mp_obj_t len_in) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    uint16_t len = lwipb_port_from_obj(len_in);
    if (len > self->pbuf->tot_len) {
        mp_raise_ValueError(NULL);
    }
    check_unshared(self);
    lwipb_buffer_changed(self);
    pbuf_realloc(self->pbuf, len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_realloc_obj, py_pbuf_realloc);

static mp_obj_t py_pbuf_add_header(mp_obj_t self_in, mp_obj_t len) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    lwipb_buffer_changed(self);
    if (pbuf_add_header(self->pbuf, lwipb_port_from_obj(len)) != 0) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_add_header_obj, py_pbuf_add_header);

static mp_obj_t py_pbuf_remove_header(mp_obj_t self_in, mp_obj_t len) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    uint16_t size = lwipb_port_from_obj(len);
    if (size > self->pbuf->len) {
        mp_raise_ValueError(NULL);
    }
    lwipb_buffer_changed(self);
    pbuf_remove_header(self->pbuf, size);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_remove_header_obj, py_pbuf_remove_header);

// free_header(length): drops so many bytes from the front, with the pbufs that become empty
static mp_obj_t py_pbuf_free_header(mp_obj_t self_in, mp_obj_t len) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    uint16_t size = lwipb_port_from_obj(len);
    if (size > self->pbuf->tot_len) {
        mp_raise_ValueError(NULL);
    }
    check_unshared(self);
    lwipb_buffer_replace(self, pbuf_free_header(self->pbuf, size));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_free_header_obj, py_pbuf_free_header);

// coalesce(layer=RAW): into one pbuf; what cannot be for want of memory stays as it is
static mp_obj_t py_pbuf_coalesce(size_t n_args, const mp_obj_t *args) {
    lwipb_buffer_t *self = to_pbuf(args[0]);
    pbuf_layer layer = n_args > 1 ? layer_from_obj(args[1]) : PBUF_RAW;
    struct pbuf *p = pbuf_coalesce(self->pbuf, layer);
    if (p != self->pbuf) {
        lwipb_buffer_replace(self, p);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pbuf_coalesce_obj, 1, 2, py_pbuf_coalesce);

// clone(layer=RAW, type=RAM): a copy of the whole chain in one Pbuf
static mp_obj_t py_pbuf_clone(size_t n_args, const mp_obj_t *args) {
    lwipb_buffer_t *self = to_pbuf(args[0]);
    pbuf_layer layer = n_args > 1 ? layer_from_obj(args[1]) : PBUF_RAW;
    pbuf_type type = n_args > 2 ? own_type(mp_obj_get_int(args[2])) : PBUF_RAM;
    lwipb_buffer_t *copy = lwipb_buffer_alloc(&lwipb_type_pbuf);
    struct pbuf *p = pbuf_clone(layer, type, self->pbuf);
    if (p == NULL) {
        mp_raise_OSError(MP_ENOMEM);
    }
    lwipb_buffer_hold(copy, p);
    return MP_OBJ_FROM_PTR(copy);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pbuf_clone_obj, 1, 3, py_pbuf_clone);

// copy_partial([buffer[, offset]]): all as bytes, or into a buffer; then the number of bytes
static mp_obj_t py_pbuf_copy_partial(size_t n_args, const mp_obj_t *args) {
    struct pbuf *p = to_pbuf(args[0])->pbuf;
    mp_int_t offset = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    if (offset < 0 || offset > p->tot_len) {
        mp_raise_ValueError(NULL);
    }
    if (n_args < 2) {
        vstr_t vstr;
        vstr_init_len(&vstr, p->tot_len);
        pbuf_copy_partial(p, vstr.buf, p->tot_len, 0);
        return mp_obj_new_bytes_from_vstr(&vstr);
    }
    mp_buffer_info_t into;
    mp_get_buffer_raise(args[1], &into, MP_BUFFER_WRITE);
    u16_t len = MIN(into.len, (size_t)(p->tot_len - offset));
    return MP_OBJ_NEW_SMALL_INT(pbuf_copy_partial(p, into.buf, len, offset));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pbuf_copy_partial_obj, 1, 3, py_pbuf_copy_partial);

// copy(source[, length[, offset]]): the first bytes of another chain, all of it if no length is given, into
// this one from that offset on
static mp_obj_t py_pbuf_copy(size_t n_args, const mp_obj_t *args) {
    struct pbuf *to = to_pbuf(args[0])->pbuf;
    struct pbuf *from = lwipb_pbuf_get(args[1]);
    u16_t len = n_args > 2 ? lwipb_port_from_obj(args[2]) : from->tot_len;
    u16_t offset = n_args > 3 ? lwipb_port_from_obj(args[3]) : 0;
    if (len > from->tot_len) {
        mp_raise_ValueError(NULL);
    }
    if (offset + len > to->tot_len) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    lwipb_pbuf_check_writable(to);
    if (len > 0) {
        // lwIP wants the offset within the first pbuf.
        u16_t offset_in;
        to = pbuf_skip(to, offset, &offset_in);
        lwipb_check(pbuf_copy_partial_pbuf(to, from, len, offset_in));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pbuf_copy_obj, 2, 4, py_pbuf_copy);

// take(buffer, offset=0): copies into the chain
static mp_obj_t py_pbuf_take(size_t n_args, const mp_obj_t *args) {
    struct pbuf *p = to_pbuf(args[0])->pbuf;
    mp_int_t offset = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    mp_buffer_info_t from;
    mp_get_buffer_raise(args[1], &from, MP_BUFFER_READ);
    if (offset < 0 || from.len + offset > p->tot_len) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    lwipb_pbuf_check_writable(p);
    if (from.len > 0) {
        lwipb_check(pbuf_take_at(p, from.buf, from.len, offset));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pbuf_take_obj, 2, 3, py_pbuf_take);

static u16_t get_offset(const struct pbuf *p, mp_obj_t obj) {
    mp_int_t offset = mp_obj_get_int(obj);
    if (offset < 0 || offset >= p->tot_len) {
        mp_raise_type(&mp_type_IndexError);
    }
    return offset;
}

static mp_obj_t py_pbuf_get_at(mp_obj_t self_in, mp_obj_t offset) {
    struct pbuf *p = to_pbuf(self_in)->pbuf;
    return MP_OBJ_NEW_SMALL_INT(pbuf_get_at(p, get_offset(p, offset)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(pbuf_get_at_obj, py_pbuf_get_at);

static mp_obj_t py_pbuf_put_at(mp_obj_t self_in, mp_obj_t offset, mp_obj_t value) {
    struct pbuf *p = to_pbuf(self_in)->pbuf;
    lwipb_pbuf_check_writable(p);
    pbuf_put_at(p, get_offset(p, offset), mp_obj_get_int(value));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(pbuf_put_at_obj, py_pbuf_put_at);

// memcmp(offset, buffer): 0 if equal, else one more than the offset of the first difference
static mp_obj_t py_pbuf_memcmp(mp_obj_t self_in, mp_obj_t offset, mp_obj_t buffer) {
    struct pbuf *p = to_pbuf(self_in)->pbuf;
    mp_buffer_info_t with;
    mp_get_buffer_raise(buffer, &with, MP_BUFFER_READ);
    return MP_OBJ_NEW_SMALL_INT(pbuf_memcmp(p, get_offset(p, offset), with.buf, with.len));
}
static MP_DEFINE_CONST_FUN_OBJ_3(pbuf_memcmp_obj, py_pbuf_memcmp);

// memfind(buffer, start=0): where it begins, -1 if nowhere
static mp_obj_t py_pbuf_memfind(size_t n_args, const mp_obj_t *args) {
    struct pbuf *p = to_pbuf(args[0])->pbuf;
    mp_int_t start = n_args > 2 ? mp_obj_get_int(args[2]) : 0;
    mp_buffer_info_t what;
    mp_get_buffer_raise(args[1], &what, MP_BUFFER_READ);
    if (start < 0 || what.len > p->tot_len) {
        return MP_OBJ_NEW_SMALL_INT(-1);
    }
    u16_t at = pbuf_memfind(p, what.buf, what.len, MIN(start, 0xffff));
    return MP_OBJ_NEW_SMALL_INT(at == 0xffff ? -1 : at);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pbuf_memfind_obj, 2, 3, py_pbuf_memfind);

// segments(): a view of each pbuf of the chain
static mp_obj_t py_pbuf_segments(mp_obj_t self_in) {
    lwipb_buffer_t *self = to_pbuf(self_in);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (struct pbuf *q = self->pbuf; q != NULL; q = q->next) {
        mp_obj_list_append(list, lwipb_view_new(self, q));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pbuf_segments_obj, py_pbuf_segments);

static void pbuf_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (lwipb_buffer_needs_no(MP_OBJ_TO_PTR(self_in), attr)) {
        return;
    }
    if (attr == MP_QSTR_data) {
        lwipb_buffer_t *self = to_pbuf(self_in);
        dest[0] = lwipb_view_new(self, self->pbuf);
    } else if (attr == MP_QSTR_len) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(to_pbuf(self_in)->pbuf->len);
    } else if (attr == MP_QSTR_tot_len) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(to_pbuf(self_in)->pbuf->tot_len);
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

static mp_obj_t pbuf_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    switch (op) {
        case MP_UNARY_OP_LEN:
            return MP_OBJ_NEW_SMALL_INT(to_pbuf(self_in)->pbuf->tot_len);
        case MP_UNARY_OP_BOOL:
            return mp_const_true;
        default:
            return MP_OBJ_NULL;
    }
}

#define METHOD(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&pbuf_##name##_obj) }

static const mp_rom_map_elem_t pbuf_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&lwipb_buffer_drop_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&lwipb_buffer_exit_obj) },
    METHOD(add_header),
    METHOD(cat),
    METHOD(chain),
    METHOD(clen),
    METHOD(clone),
    METHOD(coalesce),
    METHOD(copy),
    METHOD(copy_partial),
    METHOD(dechain),
    { MP_ROM_QSTR(MP_QSTR_free), MP_ROM_PTR(&lwipb_buffer_drop_obj) },
    METHOD(free_header),
    METHOD(get_at),
    METHOD(memcmp),
    METHOD(memfind),
    METHOD(put_at),
    METHOD(realloc),
    METHOD(ref),
    METHOD(remove_header),
    METHOD(segments),
    METHOD(take),
};
static MP_DEFINE_CONST_DICT(pbuf_locals, pbuf_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_pbuf,
    MP_QSTR_Pbuf,
    MP_TYPE_FLAG_NONE,
    make_new, pbuf_make_new,
    unary_op, pbuf_unary_op,
    attr, pbuf_attr,
    locals_dict, &pbuf_locals
    );
