// SPDX-License-Identifier: MIT
// littlefs takes it on trust that a file is read or written only as it was opened, and MicroPython does not
// check either: a write to a file opened for reading would change it. The linker puts these between the two
// (--wrap in the Makefile).
#include "py/mperrno.h"
#include "lib/littlefs/lfs2.h"

lfs2_ssize_t __real_lfs2_file_read(lfs2_t *lfs2, lfs2_file_t *file, void *buffer, lfs2_size_t size);
lfs2_ssize_t __real_lfs2_file_write(lfs2_t *lfs2, lfs2_file_t *file, const void *buffer, lfs2_size_t size);
lfs2_ssize_t __wrap_lfs2_file_read(lfs2_t *lfs2, lfs2_file_t *file, void *buffer, lfs2_size_t size);
lfs2_ssize_t __wrap_lfs2_file_write(lfs2_t *lfs2, lfs2_file_t *file, const void *buffer, lfs2_size_t size);

lfs2_ssize_t __wrap_lfs2_file_read(lfs2_t *lfs2, lfs2_file_t *file, void *buffer, lfs2_size_t size) {
    if ((file->flags & LFS2_O_RDONLY) == 0) {
        return -MP_EBADF;
    }
    return __real_lfs2_file_read(lfs2, file, buffer, size);
}

lfs2_ssize_t __wrap_lfs2_file_write(lfs2_t *lfs2, lfs2_file_t *file, const void *buffer, lfs2_size_t size) {
    if ((file->flags & LFS2_O_WRONLY) == 0) {
        return -MP_EBADF;
    }
    return __real_lfs2_file_write(lfs2, file, buffer, size);
}
