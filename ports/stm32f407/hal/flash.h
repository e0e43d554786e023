// SPDX-License-Identifier: MIT
// Programming and erasing the internal flash. The CPU stands still for as long as either takes, for
// every fetch comes from the same flash.
#ifndef HAL_FLASH_H
#define HAL_FLASH_H

#include "hal.h"

// Start and size of the sector that holds the address; -HAL_EINVAL outside of the flash.
int flash_sector(uint32_t address, uint32_t *start, uint32_t *size);
// Erases the sector that holds the address: 0, -HAL_EINVAL, -HAL_EIO (write-protected, sequence),
// -HAL_ETIMEDOUT.
int flash_erase_sector(uint32_t address);
// Programs words; address and length are multiples of 4. -HAL_EIO also where a bit would have to go
// from 0 to 1.
int flash_program(uint32_t address, const void *data, size_t len);

#endif // HAL_FLASH_H
