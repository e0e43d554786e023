// SPDX-License-Identifier: MIT
// Timeouts for lwIP's applications (SNTP, mDNS).
//
// lwIP's own sys_timeout() takes them from a pool that would have to hold the most that all applications
// can have pending, used or not, and fails an assertion when it is empty. These lie on lwIP's heap, are
// reserved when an application starts, and need one entry of that pool together.
#ifndef LWIP_BINDINGS_APPTIMERS_H
#define LWIP_BINDINGS_APPTIMERS_H

#include "lwip/sys.h"
#include "lwip/timeouts.h"

// Core locked, all of them.

// Room for so many more at a time; false, and nothing reserved, if there is no memory.
bool lwipb_timers_reserve(unsigned count);
// Gives that room back; the timers that used it have been stopped.
void lwipb_timers_unreserve(unsigned count);

// As sys_timeout() and sys_untimeout().
void lwipb_timer_start(u32_t ms, sys_timeout_handler handler, void *arg);
void lwipb_timer_stop(sys_timeout_handler handler, void *arg);

#endif
