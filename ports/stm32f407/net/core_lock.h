// SPDX-License-Identifier: MIT
//
// lwIP's core lock (LOCK_TCPIP_CORE). FreeRTOS's recursive mutex does the same for some 250 instructions a
// turn, and lwIP is entered several times for each frame; this one takes about 25 while nobody waits.
#ifndef NET_CORE_LOCK_H
#define NET_CORE_LOCK_H

// Takes the lock, waits for it; nests. Tasks only. While a more urgent task waits, the holder runs at that
// one's priority.
void core_lock(void);
void core_unlock(void);

// Fails an assertion unless the calling task holds the lock.
void core_lock_check(void);

#endif
