# SPDX-License-Identifier: MIT
# STM32F407VE: 512 KB of flash. The files take the three small sectors behind the vectors, the image the
# rest: with sectors of 128 KB for the files there would be no room for it.
PACKAGE_PINS = 100
FLASH_KB = 512
FS_OFFSET_KB = 16
FS_KB = 48
FS_SECTOR_KB = 16
# No room for the fast build of the network's hot paths.
FAST_COPT = -Os
# Nor for FAT: the files are in littlefs.
MICROPY_VFS_FAT = 0
