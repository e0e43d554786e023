# SPDX-License-Identifier: MIT
# STM32F407ZG: 1 MB of flash, the filesystem in the last three sectors of 128 KB.
PACKAGE_PINS = 144
FLASH_KB = 1024
FS_OFFSET_KB = 640
FS_KB = 384
FS_SECTOR_KB = 128
