# SPDX-License-Identifier: MIT
# STM32F407VG: 1 MB of flash, the filesystem in the last three sectors of 128 KB.
PACKAGE_PINS = 100
FLASH_KB = 1024
FS_OFFSET_KB = 640
FS_KB = 384
FS_SECTOR_KB = 128
