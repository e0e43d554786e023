// SPDX-License-Identifier: MIT
//
// What lwIP's task `tcpip` does while it waits for messages and timers: it looks after the Ethernet ring and
// the link. One task for both, as only one of them could enter lwIP at a time, saves a stack.
#ifndef NET_ETHIF_TASK_H
#define NET_ETHIF_TASK_H

#include <stdint.h>

#include "FreeRTOS.h"
#include "task.h"

// A bit of the task's notification beside the MAC's events (ETH_EVENT_...): something else has come.
#define ETHIF_TASK_WAKE (0x100)

// The task, before it runs.
void ethif_set_task(TaskHandle_t task);

// By that task, without lwIP's lock: serves the MAC until ETHIF_TASK_WAKE comes or `limit` ticks have passed.
void ethif_serve(TickType_t limit);

// Has ethif_serve() look after these events (ETH_EVENT_...). Any task.
void ethif_notify(uint32_t events);

#endif
