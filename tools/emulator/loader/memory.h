// SPDX-License-Identifier: MIT
// The memories behind the alternate settings.
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stdint.h>

bool memory_protected(void); // read protection, level 1
bool memory_readable(uint32_t address, uint32_t size);
bool memory_writable(uint32_t address, uint32_t size);
bool memory_erasable(uint32_t address);

void memory_read(uint32_t address, uint8_t *to, uint32_t size);
// What the array refuses (write protection) passes without an error, as AN3156 has it.
void memory_write(uint32_t address, const uint8_t *from, uint32_t size);
void memory_erase_sector(uint32_t address);
void memory_erase_all(void);
// Read protection off, which erases the flash; the chip is reset.
__attribute__((noreturn)) void memory_unprotect(void);

#endif
