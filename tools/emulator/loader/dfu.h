// SPDX-License-Identifier: MIT
#ifndef DFU_H
#define DFU_H

// Carries out what a GETSTATUS has set off; to be called again and again, not from an interrupt.
void dfu_poll(void);

#endif
