/* SPDX-License-Identifier: MIT
   The linker script, after the C preprocessor: the board's makefile gives FLASH_KB, FS_OFFSET_KB and
   FS_KB (the filesystem's sectors). With the filesystem at the flash's end the image is one piece from its
   start, so that flashing firmware.bin never touches the files. With it right behind the vectors' sector
   (small flashes) the image goes on behind the filesystem. */

#define FS_END_KB (FS_OFFSET_KB + FS_KB)

MEMORY {
#if FS_END_KB == FLASH_KB
    FLASH (rx) : ORIGIN = 0x08000000, LENGTH = FS_OFFSET_KB * 1K
#else
    VECTORS (rx) : ORIGIN = 0x08000000, LENGTH = FS_OFFSET_KB * 1K
    FLASH (rx) : ORIGIN = 0x08000000 + FS_END_KB * 1K, LENGTH = (FLASH_KB - FS_END_KB) * 1K
#endif
    SRAM (xrw) : ORIGIN = 0x20000000, LENGTH = 128K
    CCM (rw) : ORIGIN = 0x10000000, LENGTH = 64K
}

#if FS_END_KB == FLASH_KB
REGION_ALIAS("VECTORS", FLASH)
#endif

ENTRY(Reset_Handler)

/* The interrupts' stack (MSP), which start-up uses until the first task runs. 208 bytes are the most that was
   seen in use; the MPU guards its end. */
_isr_stack_size = 1K;

_fs_start = 0x08000000 + FS_OFFSET_KB * 1K;
_fs_end = _fs_start + FS_KB * 1K;
ASSERT(_fs_end <= 0x08000000 + FLASH_KB * 1K, "the filesystem reaches beyond the flash")

SECTIONS {
    .isr_vector : ALIGN(4) {
        KEEP(*(.isr_vector))
    } > VECTORS

    .text : ALIGN(4) {
        *(.text .text.* .glue_7 .glue_7t)
        *(.rodata .rodata.*)
        . = ALIGN(4);
    } > FLASH

    .ARM.exidx : { *(.ARM.exidx*) } > FLASH

    .data : ALIGN(4) {
        _data_start = .;
        *(.data .data.*)
        . = ALIGN(4);
        _data_end = .;
    } > SRAM AT> FLASH
    _data_load = LOADADDR(.data);
    _image_end = LOADADDR(.data) + SIZEOF(.data);

    .bss (NOLOAD) : ALIGN(4) {
        _bss_start = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(4);
        _bss_end = .;
    } > SRAM

    /* The GC heap takes what is left of both memories. */
    .heap_sram (NOLOAD) : ALIGN(16) {
        _heap_sram_start = .;
        . = ORIGIN(SRAM) + LENGTH(SRAM) - ABSOLUTE(.);
        _heap_sram_end = .;
    } > SRAM

    .isr_stack (NOLOAD) : ALIGN(32) {
        _isr_stack_limit = .;
        . += _isr_stack_size;
        _estack = .;
    } > CCM

    /* Survives a reset: what the last run left for this one. */
    .noinit (NOLOAD) : ALIGN(8) {
        *(.noinit .noinit.*)
    } > CCM

    .ccm_bss (NOLOAD) : ALIGN(8) {
        _ccm_bss_start = .;
        *(.ccm_bss .ccm_bss.*)
        . = ALIGN(8);
        _ccm_bss_end = .;
    } > CCM

    .heap_ccm (NOLOAD) : ALIGN(16) {
        _heap_ccm_start = .;
        . = ORIGIN(CCM) + LENGTH(CCM) - ABSOLUTE(.);
        _heap_ccm_end = .;
    } > CCM

    /DISCARD/ : { *(.ARM.attributes.dummy) }
}
