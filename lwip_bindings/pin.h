// SPDX-License-Identifier: MIT
// Memory of the script's that lwIP refers to, kept until it does so no longer, even when the objects
// that it was given to are long gone: objects are in a list that the collector sees, and of what a
// View shows the pbuf is held.
#ifndef LWIP_BINDINGS_PIN_H
#define LWIP_BINDINGS_PIN_H

#include "bindings.h"

struct pbuf;
struct tcp_pcb;

// TCP data given without copying is needed until it is acknowledged. Its pins are made before the write, as
// that may raise, each for the call that writes (any address of its own); told afterwards where in the stream
// the data ends, they hold what the caller's own references held until then.
void lwipb_pin_add(const void *call, mp_obj_t data);
// Core locked. The PCB when the pins were made and now, NULL if nothing was written.
void lwipb_pins_written(const void *call, const struct tcp_pcb *was, const struct tcp_pcb *pcb);

// A pbuf that refers to a buffer's bytes: PBUF_ROM, never copied, or PBUF_REF, which lwIP and the driver
// copy where they keep it longer than a call. Whoever holds the pbuf, the buffer is held as long. NULL
// if lwIP has no pbuf; raises for want of Python's memory.
struct pbuf *lwipb_pbuf_referring(mp_obj_t buffer, void *data, uint16_t len, bool rom);
// How many refer to a pbuf, its pin not counted.
unsigned lwipb_pbuf_users(const struct pbuf *p);

// Lets go what nobody needs any more: all of it, or what pbufs refer to.
void lwipb_pins_review(void);
void lwipb_pins_review_pbufs(void);
void lwipb_pins_deinit(void);

#endif
