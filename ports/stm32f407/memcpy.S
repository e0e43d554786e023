// SPDX-License-Identifier: MIT
// memcpy() for the Cortex-M4. The C library's moves a word at a time where both ends are aligned and a byte
// at a time where they are not; received payload is copied through here, so this moves eight words at a time,
// and whole words from any source: the core reads unaligned words, only LDM does not.

    .syntax unified
    .thumb
    .section .text.memcpy, "ax", %progbits
    .global memcpy
    .type memcpy, %function
    .thumb_func
memcpy:                             // r0 to, r1 from, r2 bytes; returns r0
    mov     ip, r0
    cmp     r2, #16
    blo     .Lbytes
    ands    r3, r0, #3
    bne     .Lalign
.Laligned:                          // the destination is
    tst     r1, #3
    bne     .Lskewed
    subs    r2, #32
    blo     .Lwords_left
    push    {r4-r10}
.Lblocks:
    ldmia   r1!, {r3-r10}
    subs    r2, #32
    stmia   ip!, {r3-r10}
    bhs     .Lblocks
    pop     {r4-r10}
.Lwords_left:
    adds    r2, #32 - 4
    blo     .Lwords_done
.Lwords:
    ldr     r3, [r1], #4
    subs    r2, #4
    str     r3, [ip], #4
    bhs     .Lwords
.Lwords_done:
    adds    r2, #4
.Lbytes:
    subs    r2, #1
    blo     .Ldone
    ldrb    r3, [r1], #1
    strb    r3, [ip], #1
    b       .Lbytes
.Ldone:
    bx      lr

.Lalign:                            // 1 to 3 bytes up to a word
    rsb     r3, r3, #4
    sub     r2, r3
    push    {r4}
1:
    ldrb    r4, [r1], #1
    subs    r3, #1
    strb    r4, [ip], #1
    bne     1b
    pop     {r4}
    b       .Laligned

.Lskewed:
    subs    r2, #16
    blo     .Lskewed_left
.Lskewed_blocks:
    ldr     r3, [r1], #4
    str     r3, [ip], #4
    ldr     r3, [r1], #4
    str     r3, [ip], #4
    ldr     r3, [r1], #4
    str     r3, [ip], #4
    ldr     r3, [r1], #4
    subs    r2, #16
    str     r3, [ip], #4
    bhs     .Lskewed_blocks
.Lskewed_left:
    adds    r2, #16 - 4
    bhs     .Lwords
    b       .Lwords_done
    .size memcpy, . - memcpy
