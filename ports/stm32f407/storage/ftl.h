// SPDX-License-Identifier: MIT
// Small blocks on large flash sectors. A block that is erased or moved is written to a fresh page; pages
// that were given up are reclaimed by copying a sector's living pages into the spare sector and erasing
// it. Whatever moment the power goes, each block is there as it was or as it was to be (see ftl.c).
#ifndef STORAGE_FTL_H
#define STORAGE_FTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FTL_PAGE_BYTES (1024)
#define FTL_SECTOR_HEADER_BYTES (16)
#define FTL_PAGE_HEADER_BYTES (8)
#define FTL_MAX_SECTORS (8)

// Pages of a sector, after its header and a header for each page.
#define FTL_PAGES_PER_SECTOR(sector_bytes) \
    (((sector_bytes) - FTL_SECTOR_HEADER_BYTES) / (FTL_PAGE_BYTES + FTL_PAGE_HEADER_BYTES))
// Blocks that are offered: all but the spare sector's pages, less an eighth to keep the reclaiming cheap.
#define FTL_BLOCKS(sectors, sector_bytes) \
    (((sectors) - 1) * FTL_PAGES_PER_SECTOR(sector_bytes) * 7 / 8)

// The flash below; the functions return 0 or a negative error. Addresses are offsets into the area.
typedef struct {
    const uint8_t *base; // where the area is mapped for reading
    uint32_t sector_bytes;
    uint32_t sectors; // 2 and more
    int (*erase)(uint32_t offset);
    int (*program)(uint32_t offset, const void *data, size_t len); // multiples of 4, only ones to zeros
} ftl_flash_t;

typedef struct {
    const ftl_flash_t *flash;
    uint16_t *map; // page of each block, FTL_NO_PAGE if it was never written; FTL_BLOCKS() of them
    uint32_t blocks;
    uint32_t next_sequence;
    uint32_t erase_counts[FTL_MAX_SECTORS];
    uint16_t live[FTL_MAX_SECTORS]; // pages in use
    uint16_t used[FTL_MAX_SECTORS]; // pages written, living or not; pages are taken in order
    uint8_t valid; // a bit for each sector that carries a header
    uint8_t active; // the sector that pages are taken from
} ftl_t;

#define FTL_NO_PAGE ((uint16_t)0xffff)

// Reads the area's state into ftl (which holds flash, map and blocks), and finishes what a power cut
// interrupted. An area that was never used becomes an empty one. 0 or a negative error.
int ftl_mount(ftl_t *ftl);
// Empties the area.
int ftl_format(ftl_t *ftl);
// 0xff for what was never written.
void ftl_read(const ftl_t *ftl, uint32_t block, uint32_t offset, void *buf, size_t len);
// Gives the block a fresh page: it reads as 0xff.
int ftl_erase(ftl_t *ftl, uint32_t block);
// Programs bytes of an erased block, each one once since it was erased. -EIO (5) if that does not hold.
int ftl_program(ftl_t *ftl, uint32_t block, uint32_t offset, const void *buf, size_t len);

#endif // STORAGE_FTL_H
