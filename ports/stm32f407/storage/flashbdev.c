// SPDX-License-Identifier: MIT
// stm32.Flash: the part of the internal flash that holds the files, as a block device with the extended
// protocol. Blocks of 1 KB, whatever the sectors' size; storage/ftl.h says how.
#include <string.h>
#include "py/mperrno.h"
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "flash.h"
#include "storage/ftl.h"

// From the board's makefile.
#define AREA_BASE (0x08000000UL + FS_OFFSET_KB * 1024UL)
#define SECTOR_BYTES (FS_SECTOR_KB * 1024UL)
#define SECTORS (FS_KB / FS_SECTOR_KB)
#define BLOCKS (FTL_BLOCKS(SECTORS, SECTOR_BYTES))

_Static_assert(SECTORS >= 2 && SECTORS <= FTL_MAX_SECTORS, "FS_KB must be 2 to 8 sectors of FS_SECTOR_KB");
_Static_assert(FS_KB % FS_SECTOR_KB == 0, "FS_KB must be whole sectors");

static int area_erase(uint32_t offset) {
    return flash_erase_sector(AREA_BASE + offset);
}

static int area_program(uint32_t offset, const void *data, size_t len) {
    return flash_program(AREA_BASE + offset, data, len);
}

static const ftl_flash_t area = {
    .base = (const uint8_t *)AREA_BASE,
    .sector_bytes = SECTOR_BYTES,
    .sectors = SECTORS,
    .erase = area_erase,
    .program = area_program,
};

static uint16_t block_map[BLOCKS];
static ftl_t ftl = { .flash = &area, .map = block_map, .blocks = BLOCKS };
static bool mounted;

typedef struct _flash_obj_t {
    mp_obj_base_t base;
} flash_obj_t;

static const mp_obj_type_t flash_type;
static const flash_obj_t flash_obj = {{&flash_type}};

static mp_obj_t flash_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    if (!mounted) {
        int ret = ftl_mount(&ftl);
        if (ret < 0) {
            mp_raise_OSError(-ret);
        }
        mounted = true;
    }
    return MP_OBJ_FROM_PTR(&flash_obj);
}

// Block number and offset within it, of a call readblocks(block, buf[, offset]); false outside of the area.
static bool locate(size_t n_args, const mp_obj_t *args, size_t len, uint32_t *block, uint32_t *offset) {
    mp_int_t first = mp_obj_get_int(args[1]);
    mp_int_t start = n_args == 4 ? mp_obj_get_int(args[3]) : 0;
    if (first < 0 || start < 0
        || (uint64_t)first * FTL_PAGE_BYTES + (uint32_t)start + len > BLOCKS * FTL_PAGE_BYTES) {
        return false;
    }
    *block = (uint32_t)first + (uint32_t)start / FTL_PAGE_BYTES;
    *offset = (uint32_t)start % FTL_PAGE_BYTES;
    return true;
}

static size_t chunk_len(uint32_t offset, size_t len) {
    return len < FTL_PAGE_BYTES - offset ? len : FTL_PAGE_BYTES - offset;
}

static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buf;
    mp_get_buffer_raise(args[2], &buf, MP_BUFFER_WRITE);
    uint32_t block, offset;
    if (!locate(n_args, args, buf.len, &block, &offset)) {
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
    uint8_t *dest = buf.buf;
    while (buf.len > 0) {
        size_t len = chunk_len(offset, buf.len);
        ftl_read(&ftl, block++, offset, dest, len);
        dest += len;
        buf.len -= len;
        offset = 0;
    }
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

// Without an offset whole blocks are erased first; with one, they are as ioctl(6) left them.
static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buf;
    mp_get_buffer_raise(args[2], &buf, MP_BUFFER_READ);
    uint32_t block, offset;
    bool whole = n_args == 3;
    if (!locate(n_args, args, buf.len, &block, &offset) || (buf.len | offset) & 3
        || (whole && buf.len % FTL_PAGE_BYTES != 0)) {
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
    const uint8_t *src = buf.buf;
    int ret = 0;
    while (buf.len > 0 && ret == 0) {
        size_t len = chunk_len(offset, buf.len);
        if (whole) {
            ret = ftl_erase(&ftl, block);
        }
        if (ret == 0) {
            ret = ftl_program(&ftl, block++, offset, src, len);
        }
        src += len;
        buf.len -= len;
        offset = 0;
    }
    return MP_OBJ_NEW_SMALL_INT(ret);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_writeblocks_obj, 3, 4, flash_writeblocks);

static mp_obj_t flash_ioctl(mp_obj_t self_in, mp_obj_t op_in, mp_obj_t arg_in) {
    (void)self_in;
    switch (mp_obj_get_int(op_in)) {
        case MP_BLOCKDEV_IOCTL_INIT:
        case MP_BLOCKDEV_IOCTL_DEINIT:
        case MP_BLOCKDEV_IOCTL_SYNC: // nothing is held back in RAM
            return MP_OBJ_NEW_SMALL_INT(0);
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(BLOCKS);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(FTL_PAGE_BYTES);
        case MP_BLOCKDEV_IOCTL_BLOCK_ERASE: {
            mp_int_t block = mp_obj_get_int(arg_in);
            if (block < 0 || block >= (mp_int_t)BLOCKS) {
                return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
            }
            return MP_OBJ_NEW_SMALL_INT(ftl_erase(&ftl, (uint32_t)block));
        }
        default:
            return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

// (erase count of each sector): how far the flash is worn; 10,000 is what the data sheet promises.
static mp_obj_t flash_wear(mp_obj_t self_in) {
    (void)self_in;
    mp_obj_t counts[SECTORS];
    for (size_t i = 0; i < SECTORS; ++i) {
        counts[i] = mp_obj_new_int_from_uint(ftl.erase_counts[i]);
    }
    return mp_obj_new_tuple(SECTORS, counts);
}
static MP_DEFINE_CONST_FUN_OBJ_1(flash_wear_obj, flash_wear);

static const mp_rom_map_elem_t flash_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj) },
    { MP_ROM_QSTR(MP_QSTR_wear), MP_ROM_PTR(&flash_wear_obj) },
};
static MP_DEFINE_CONST_DICT(flash_locals_dict, flash_locals_dict_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    flash_type,
    MP_QSTR_Flash,
    MP_TYPE_FLAG_NONE,
    make_new, flash_make_new,
    locals_dict, &flash_locals_dict
    );

// --- module stm32: what is the chip's and in no other module ---

static const mp_rom_map_elem_t stm32_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_stm32) },
    { MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&flash_type) },
};
static MP_DEFINE_CONST_DICT(stm32_module_globals, stm32_module_globals_table);

const mp_obj_module_t mp_module_stm32 = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&stm32_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR_stm32, mp_module_stm32);
