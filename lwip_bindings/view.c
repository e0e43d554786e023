// SPDX-License-Identifier: MIT
// class View: memory of lwIP's as Python sees it, without a copy.

#include <string.h>

#include "py/binary.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "buffer.h"

typedef struct _view_t {
    mp_obj_base_t base;
    lwipb_buffer_t *owner;
    uint8_t *data;
    uint16_t len; // a pbuf's, so no more
    bool writable;
    uint32_t generation;
} view_t;

static bool view_is_valid(const view_t *self) {
    return self->owner->held != NULL && self->generation == self->owner->generation;
}

static view_t *to_view(mp_obj_t self_in) {
    view_t *self = MP_OBJ_TO_PTR(self_in);
    if (!view_is_valid(self)) {
        mp_raise_ValueError(MP_ERROR_TEXT("the viewed memory was given back"));
    }
    return self;
}

mp_obj_t lwipb_view_new(lwipb_buffer_t *owner, const struct pbuf *p) {
    view_t *self = mp_obj_malloc(view_t, &lwipb_type_view);
    self->owner = owner;
    self->data = p->payload;
    self->len = p->len;
    self->writable = p->type_internal != PBUF_ROM;
    self->generation = owner->generation;
    return MP_OBJ_FROM_PTR(self);
}

static void check_writable(const view_t *self) {
    if (!self->writable) {
        mp_raise_TypeError(MP_ERROR_TEXT("read-only"));
    }
}

struct pbuf *lwipb_view_pbuf(mp_obj_t obj) {
    if (!mp_obj_is_type(obj, &lwipb_type_view)) {
        return NULL;
    }
    const view_t *self = MP_OBJ_TO_PTR(obj);
    const lwipb_buffer_t *owner = self->owner;
    struct pbuf *p = !view_is_valid(self) ? NULL
        : owner->base.type == &lwipb_type_netbuf ? owner->netbuf->p : owner->pbuf;
    while (p != NULL && (size_t)(self->data - (uint8_t *)p->payload) > p->len) {
        p = p->next;
    }
    return p;
}

static void view_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    view_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<View of %u bytes%s>", (unsigned)self->len,
        view_is_valid(self) ? "" : ", given back");
}

static mp_obj_t view_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    view_t *self = MP_OBJ_TO_PTR(self_in);
    switch (op) {
        case MP_UNARY_OP_LEN:
            return MP_OBJ_NEW_SMALL_INT(to_view(self_in)->len);
        case MP_UNARY_OP_BOOL:
            return mp_obj_new_bool(view_is_valid(self) && self->len != 0);
        default:
            return MP_OBJ_NULL;
    }
}

static mp_obj_t view_binary_op(mp_binary_op_t op, mp_obj_t lhs_in, mp_obj_t rhs_in) {
    mp_buffer_info_t rhs;
    if (op != MP_BINARY_OP_EQUAL || !mp_get_buffer(rhs_in, &rhs, MP_BUFFER_READ)) {
        return MP_OBJ_NULL;
    }
    view_t *self = to_view(lhs_in);
    return mp_obj_new_bool(self->len == rhs.len && memcmp(self->data, rhs.buf, rhs.len) == 0);
}

static mp_obj_t view_slice(view_t *self, mp_obj_t index, mp_obj_t value) {
    mp_bound_slice_t slice;
    if (!mp_seq_get_fast_slice_indexes(self->len, index, &slice)) {
        mp_raise_NotImplementedError(
            MP_ERROR_TEXT("only slices with step=1 (aka None) are supported"));
    }
    size_t len = slice.stop > slice.start ? slice.stop - slice.start : 0;
    if (value == MP_OBJ_SENTINEL) {
        view_t *part = mp_obj_malloc(view_t, &lwipb_type_view);
        *part = *self;
        part->data += slice.start;
        part->len = len;
        return MP_OBJ_FROM_PTR(part);
    }
    check_writable(self);
    mp_buffer_info_t from;
    mp_get_buffer_raise(value, &from, MP_BUFFER_READ);
    if (from.len != len) {
        mp_raise_ValueError(MP_ERROR_TEXT("lhs and rhs should be compatible"));
    }
    memmove(self->data + slice.start, from.buf, len);
    return mp_const_none;
}

static mp_obj_t view_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    view_t *self = to_view(self_in);
    if (value == MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    if (mp_obj_is_type(index, &mp_type_slice)) {
        return view_slice(self, index, value);
    }
    size_t i = mp_get_index(self->base.type, self->len, index, false);
    if (value == MP_OBJ_SENTINEL) {
        return MP_OBJ_NEW_SMALL_INT(self->data[i]);
    }
    check_writable(self);
    self->data[i] = mp_obj_get_int(value);
    return mp_const_none;
}

static mp_int_t view_get_buffer(mp_obj_t self_in, mp_buffer_info_t *info, mp_uint_t flags) {
    view_t *self = MP_OBJ_TO_PTR(self_in);
    if (!view_is_valid(self) || ((flags & MP_BUFFER_WRITE) && !self->writable)) {
        return 1;
    }
    info->buf = self->data;
    info->len = self->len;
    // No type code: memoryview() raises ValueError. All others only want the bytes.
    info->typecode = 0;
    return 0;
}

// What iteration looks for.
static mp_obj_t view_getitem(mp_obj_t self_in, mp_obj_t index) {
    return view_subscr(self_in, index, MP_OBJ_SENTINEL);
}
static MP_DEFINE_CONST_FUN_OBJ_2(view_getitem_obj, view_getitem);

// tobytes(): a copy
static mp_obj_t view_tobytes(mp_obj_t self_in) {
    view_t *self = to_view(self_in);
    return mp_obj_new_bytes(self->data, self->len);
}
static MP_DEFINE_CONST_FUN_OBJ_1(view_tobytes_obj, view_tobytes);

// readinto(buffer): copies as much as fits; the number of bytes
static mp_obj_t view_readinto(mp_obj_t self_in, mp_obj_t buffer) {
    view_t *self = to_view(self_in);
    mp_buffer_info_t into;
    mp_get_buffer_raise(buffer, &into, MP_BUFFER_WRITE);
    size_t len = MIN(into.len, self->len);
    memmove(into.buf, self->data, len);
    return mp_obj_new_int_from_uint(len);
}
static MP_DEFINE_CONST_FUN_OBJ_2(view_readinto_obj, view_readinto);

static const mp_rom_map_elem_t view_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___getitem__), MP_ROM_PTR(&view_getitem_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&view_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_tobytes), MP_ROM_PTR(&view_tobytes_obj) },
};
static MP_DEFINE_CONST_DICT(view_locals, view_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    lwipb_type_view,
    MP_QSTR_View,
    MP_TYPE_FLAG_EQ_CHECKS_OTHER_TYPE | MP_TYPE_FLAG_ITER_IS_GETITER,
    print, view_print,
    unary_op, view_unary_op,
    binary_op, view_binary_op,
    subscr, view_subscr,
    buffer, view_get_buffer,
    locals_dict, &view_locals
    );
