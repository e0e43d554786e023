// SPDX-License-Identifier: MIT
// How the area is laid out, and why it survives a power cut.
//
// A sector: a header (magic, erase count, check), a table with a header for each page (sequence number,
// then block and check), then the pages. Pages are taken in order; the block's newest page, the one with
// the highest sequence number, is the one that counts.
// - A page header is two words. The sequence number is programmed first, the block with the check last: a
//   page whose second word is not whole is lost until its sector is erased, and the block is what it was.
// - A page is moved by programming the copy's sequence number, its content, and then the second word.
// - The sector's header is programmed after an erase has ended: a sector without one is erased again.
// - There is always a spare sector, erased or to be erased, except while reclaiming copies into it. Found
//   with no spare, the sector that was being filled holds copies only (or nothing but a torn page): it is
//   erased and becomes the spare.
#include "ftl.h"
#include <string.h>

#define SECTOR_MAGIC (0x314C5446UL) // "FTL1"
#define ERASED (0xFFFFFFFFUL)
#define EIO (5)
// A sector this much more worn than another one gets that one's content, which has not moved for long.
#define WEAR_DIFFERENCE (64)

typedef struct {
    uint32_t magic;
    uint32_t erase_count;
    uint32_t check;
    uint32_t reserved;
} sector_header_t;

typedef struct {
    uint32_t sequence;
    uint32_t block_check; // block in the low half
} page_header_t;

_Static_assert(sizeof(sector_header_t) == FTL_SECTOR_HEADER_BYTES, "the layout is fixed");
_Static_assert(sizeof(page_header_t) == FTL_PAGE_HEADER_BYTES, "the layout is fixed");

static uint32_t pages_per_sector(const ftl_t *ftl) {
    return FTL_PAGES_PER_SECTOR(ftl->flash->sector_bytes);
}

static uint32_t sector_offset(const ftl_t *ftl, uint32_t sector) {
    return sector * ftl->flash->sector_bytes;
}

// Pages are numbered through all sectors.
static uint32_t page_header_offset(const ftl_t *ftl, uint32_t page) {
    uint32_t n = pages_per_sector(ftl);
    return sector_offset(ftl, page / n) + FTL_SECTOR_HEADER_BYTES + page % n * FTL_PAGE_HEADER_BYTES;
}

static uint32_t page_offset(const ftl_t *ftl, uint32_t page) {
    uint32_t n = pages_per_sector(ftl);
    // The pages end with the sector, so that they lie at whole kilobytes.
    return sector_offset(ftl, page / n + 1) - (n - page % n) * FTL_PAGE_BYTES;
}

static page_header_t page_header(const ftl_t *ftl, uint32_t page) {
    page_header_t header;
    memcpy(&header, ftl->flash->base + page_header_offset(ftl, page), sizeof(header));
    return header;
}

// Sixteen bits that a torn or half-erased header does not carry by chance.
static uint32_t check16(uint32_t sequence, uint32_t block) {
    uint32_t hash = (sequence * 2654435761u ^ block * 40503u) + 0x9E3779B9u;
    return (hash ^ hash >> 15) & 0xffff;
}

static uint32_t block_check(uint32_t sequence, uint32_t block) {
    return check16(sequence, block) << 16 | block;
}

static bool header_valid(const ftl_t *ftl, page_header_t header) {
    uint32_t block = header.block_check & 0xffff;
    return header.sequence != ERASED && block < ftl->blocks
        && header.block_check == block_check(header.sequence, block);
}

static uint32_t sector_check(uint32_t erase_count) {
    return ~(erase_count * 2246822519u) ^ SECTOR_MAGIC;
}

static bool read_sector_header(ftl_t *ftl, uint32_t sector) {
    sector_header_t header;
    memcpy(&header, ftl->flash->base + sector_offset(ftl, sector), sizeof(header));
    if (header.magic != SECTOR_MAGIC || header.check != sector_check(header.erase_count)) {
        return false;
    }
    ftl->erase_counts[sector] = header.erase_count;
    return true;
}

static int erase_sector(ftl_t *ftl, uint32_t sector) {
    ftl->valid &= (uint8_t)~(1u << sector);
    ftl->live[sector] = ftl->used[sector] = 0;
    int ret = ftl->flash->erase(sector_offset(ftl, sector));
    if (ret != 0) {
        return ret;
    }
    uint32_t count = ++ftl->erase_counts[sector];
    sector_header_t header = { SECTOR_MAGIC, count, sector_check(count), ERASED };
    ret = ftl->flash->program(sector_offset(ftl, sector), &header, sizeof(header));
    if (ret == 0) {
        ftl->valid |= (uint8_t)(1u << sector);
    }
    return ret;
}

// Erased, or without a header and so to be erased.
static bool is_spare(const ftl_t *ftl, uint32_t sector) {
    return (ftl->valid >> sector & 1) == 0 || ftl->used[sector] == 0;
}

// --- reading the state ---

static void note_page(ftl_t *ftl, uint32_t page, page_header_t header) {
    uint32_t n = pages_per_sector(ftl);
    uint32_t block = header.block_check & 0xffff;
    uint16_t old = ftl->map[block];
    if (header.sequence >= ftl->next_sequence) {
        ftl->next_sequence = header.sequence + 1;
    }
    if (old != FTL_NO_PAGE) {
        if (page_header(ftl, old).sequence > header.sequence) {
            return;
        }
        --ftl->live[old / n];
    }
    ftl->map[block] = (uint16_t)page;
    ++ftl->live[page / n];
}

static void scan_sector(ftl_t *ftl, uint32_t sector) {
    uint32_t n = pages_per_sector(ftl);
    for (uint32_t i = 0; i < n; ++i) {
        page_header_t header = page_header(ftl, sector * n + i);
        if (header.sequence == ERASED && header.block_check == ERASED) {
            continue;
        }
        // Torn ones count as used as well: pages are taken behind the last one that was ever touched.
        ftl->used[sector] = (uint16_t)(i + 1);
        if (header_valid(ftl, header)) {
            note_page(ftl, sector * n + i, header);
        }
    }
}

static void scan(ftl_t *ftl) {
    for (uint32_t i = 0; i < ftl->blocks; ++i) {
        ftl->map[i] = FTL_NO_PAGE;
    }
    uint32_t most_worn = 0;
    ftl->next_sequence = 1;
    ftl->valid = 0;
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        ftl->live[i] = ftl->used[i] = 0;
        if (read_sector_header(ftl, i)) {
            ftl->valid |= (uint8_t)(1u << i);
            scan_sector(ftl, i);
            if (ftl->erase_counts[i] > most_worn) {
                most_worn = ftl->erase_counts[i];
            }
        }
    }
    // A power cut took the count of a sector along: better too high than too low.
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        if ((ftl->valid >> i & 1) == 0 && ftl->erase_counts[i] < most_worn) {
            ftl->erase_counts[i] = most_worn;
        }
    }
}

// Sequence number of the first page that was written to the sector: the order in which they were opened.
static uint32_t opened_at(const ftl_t *ftl, uint32_t sector) {
    uint32_t n = pages_per_sector(ftl);
    for (uint32_t i = 0; i < ftl->used[sector]; ++i) {
        page_header_t header = page_header(ftl, sector * n + i);
        if (header_valid(ftl, header)) {
            return header.sequence;
        }
    }
    return 0;
}

// The sector that was opened last, or the sector count if none was.
static uint32_t newest_sector(const ftl_t *ftl) {
    uint32_t newest = ftl->flash->sectors;
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        if (!is_spare(ftl, i)
            && (newest == ftl->flash->sectors || opened_at(ftl, i) > opened_at(ftl, newest))) {
            newest = i;
        }
    }
    return newest;
}

static int find_spare(const ftl_t *ftl) {
    int spare = -1;
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        // Of two, the less worn one.
        if (i != ftl->active && is_spare(ftl, i)
            && (spare < 0 || ftl->erase_counts[i] < ftl->erase_counts[spare])) {
            spare = (int)i;
        }
    }
    return spare;
}

static int prepare_spare(ftl_t *ftl, uint32_t sector) {
    return ftl->valid >> sector & 1 ? 0 : erase_sector(ftl, sector);
}

int ftl_mount(ftl_t *ftl) {
    memset(ftl->erase_counts, 0, sizeof(ftl->erase_counts));
    scan(ftl);
    uint32_t newest = newest_sector(ftl);
    if (newest == ftl->flash->sectors) {
        ftl->active = 0;
        return prepare_spare(ftl, 0);
    }
    ftl->active = (uint8_t)newest;
    if (find_spare(ftl) >= 0) {
        return 0;
    }
    // Reclaiming was cut short. A sector without one living page holds nothing that counts; else the newest
    // one holds only copies of what is still elsewhere.
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        if (ftl->live[i] == 0) {
            newest = i;
        }
    }
    int ret = erase_sector(ftl, newest);
    if (ret == 0) {
        scan(ftl);
        ftl->active = (uint8_t)newest_sector(ftl);
    }
    return ret;
}

int ftl_format(ftl_t *ftl) {
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        if ((ftl->valid >> i & 1) == 0 || ftl->used[i] > 0) {
            int ret = erase_sector(ftl, i);
            if (ret != 0) {
                return ret;
            }
        }
    }
    return ftl_mount(ftl);
}

// --- taking pages ---

static int program_word(ftl_t *ftl, uint32_t offset, uint32_t word) {
    return ftl->flash->program(offset, &word, sizeof(word));
}

// The header is programmed in two steps, the content goes between them.
static int open_page(ftl_t *ftl, uint32_t *page) {
    *page = ftl->active * pages_per_sector(ftl) + ftl->used[ftl->active]++;
    return program_word(ftl, page_header_offset(ftl, *page), ftl->next_sequence++);
}

static int commit_page(ftl_t *ftl, uint32_t page, uint32_t block) {
    uint32_t n = pages_per_sector(ftl);
    uint32_t sequence = page_header(ftl, page).sequence;
    int ret = program_word(ftl, page_header_offset(ftl, page) + 4, block_check(sequence, block));
    if (ret == 0) {
        if (ftl->map[block] != FTL_NO_PAGE) {
            --ftl->live[ftl->map[block] / n];
        }
        ftl->map[block] = (uint16_t)page;
        ++ftl->live[page / n];
    }
    return ret;
}

static int move_living_pages(ftl_t *ftl, uint32_t victim) {
    uint32_t n = pages_per_sector(ftl);
    for (uint32_t block = 0; block < ftl->blocks; ++block) {
        uint16_t from = ftl->map[block];
        if (from == FTL_NO_PAGE || from / n != victim) {
            continue;
        }
        uint32_t page;
        int ret = open_page(ftl, &page);
        if (ret == 0) {
            const uint8_t *content = ftl->flash->base + page_offset(ftl, from);
            ret = ftl->flash->program(page_offset(ftl, page), content, FTL_PAGE_BYTES);
        }
        if (ret == 0) {
            ret = commit_page(ftl, page, block);
        }
        if (ret != 0) {
            return ret;
        }
    }
    return 0;
}

// The sector whose reclaiming gains most; but one whose content has rested while others wore out comes
// first, so that its cells take their share.
static uint32_t choose_victim(const ftl_t *ftl) {
    uint32_t victim = ftl->flash->sectors;
    uint32_t least_worn = ftl->flash->sectors;
    uint32_t most = 0;
    for (uint32_t i = 0; i < ftl->flash->sectors; ++i) {
        if (ftl->erase_counts[i] > most) {
            most = ftl->erase_counts[i];
        }
        if (is_spare(ftl, i)) {
            continue;
        }
        if (victim == ftl->flash->sectors || ftl->live[i] < ftl->live[victim]) {
            victim = i;
        }
        if (least_worn == ftl->flash->sectors || ftl->erase_counts[i] < ftl->erase_counts[least_worn]) {
            least_worn = i;
        }
    }
    // A full sector gains nothing: resting is not enough.
    bool rested = most - ftl->erase_counts[least_worn] > WEAR_DIFFERENCE
        && ftl->live[least_worn] < pages_per_sector(ftl);
    return rested ? least_worn : victim;
}

// Makes sure that the active sector has a free page.
static int need_page(ftl_t *ftl) {
    for (uint32_t tries = 0; tries <= ftl->flash->sectors; ++tries) {
        if (ftl->used[ftl->active] < pages_per_sector(ftl)) {
            return 0;
        }
        int spare = find_spare(ftl);
        if (spare < 0) {
            return -EIO;
        }
        int ret = prepare_spare(ftl, (uint32_t)spare);
        if (ret != 0) {
            return ret;
        }
        ftl->active = (uint8_t)spare;
        if (find_spare(ftl) >= 0) {
            continue; // still filling an area that is new
        }
        uint32_t victim = choose_victim(ftl);
        ret = move_living_pages(ftl, victim);
        if (ret == 0) {
            ret = erase_sector(ftl, victim);
        }
        if (ret != 0) {
            return ret;
        }
    }
    return -EIO;
}

// --- blocks ---

void ftl_read(const ftl_t *ftl, uint32_t block, uint32_t offset, void *buf, size_t len) {
    uint16_t page = ftl->map[block];
    if (page == FTL_NO_PAGE) {
        memset(buf, 0xff, len);
    } else {
        memcpy(buf, ftl->flash->base + page_offset(ftl, page) + offset, len);
    }
}

int ftl_erase(ftl_t *ftl, uint32_t block) {
    int ret = need_page(ftl);
    uint32_t page;
    if (ret == 0) {
        ret = open_page(ftl, &page);
    }
    if (ret == 0) {
        ret = commit_page(ftl, page, block);
    }
    return ret;
}

int ftl_program(ftl_t *ftl, uint32_t block, uint32_t offset, const void *buf, size_t len) {
    if (ftl->map[block] == FTL_NO_PAGE) {
        int ret = ftl_erase(ftl, block);
        if (ret != 0) {
            return ret;
        }
    }
    return ftl->flash->program(page_offset(ftl, ftl->map[block]) + offset, buf, len);
}
