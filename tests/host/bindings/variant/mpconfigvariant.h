// SPDX-License-Identifier: MIT
// The firmware's feature level, threads with a GIL, and waits that are woken instead of polled.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#include "variants/mpconfigvariant_common.h"

// Ctrl-C sets a pending exception, as on the board; raising from the handler needs a VM without GIL.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)
#undef MICROPY_PY_SELECT_POSIX_OPTIMISATIONS
#define MICROPY_PY_SELECT_POSIX_OPTIMISATIONS (0)
#undef MICROPY_PY_SELECT_SELECT
#define MICROPY_PY_SELECT_SELECT (1)
#define MICROPY_PY_WEBSOCKET_CLIENT (0)

#define MICROPY_PY_THREAD (1)
#define MICROPY_PY_THREAD_GIL (1)
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (1)

#define MICROPY_MPHALPORT_H "variant_mphalport.h"
#define MICROPY_SCHEDULER_STATIC_NODES (1)
#define MICROPY_SCHED_HOOK_SCHEDULED mp_hal_wake()
void mp_hal_wake(void);
