// SPDX-License-Identifier: MIT
// What every file of the HAL shares: its error numbers, which are MicroPython's (py/mperrno.h), so that
// a binding can raise OSError(-result) as it is. A HAL function returns 0, a count or a negative error.
#ifndef HAL_HAL_H
#define HAL_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAL_EIO (5)
#define HAL_EBUSY (16)
#define HAL_ENODEV (19)
#define HAL_EINVAL (22)
#define HAL_ETIMEDOUT (110)

// Memory of the CPU alone (64 KB): no DMA reaches it, and it is zeroed at reset.
#define CCM_BSS __attribute__((section(".ccm_bss")))
// Memory that keeps its contents over a reset; what is in it after power-on is anything.
#define NOINIT __attribute__((section(".noinit")))

#endif // HAL_HAL_H
