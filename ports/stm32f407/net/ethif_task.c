// SPDX-License-Identifier: MIT

#include <stdbool.h>

#include "ethif_task.h"

#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcpip.h"

#include "clock.h"
#include "ethif.h"
#include "rtos.h"
#include "rx_pace.h"
#include "timebase.h"

// Frames handed up under one taking of lwIP's lock.
#define RX_BATCH            (4)
// Of each millisecond, what reception may take at most: a flood leaves the rest to Python.
#define RX_SHARE_PERCENT    (60)
// While sent frames are known to be in the ring, it is looked at this often. One that is sent while the task
// sleeps does not wake it (a context switch for each frame): it is found with the next frame either way, or
// with the link's poll, 100 ms later at most, and where much hangs on it by interrupt (ethif.c).
#define TX_REAP_MS          (10)

static TaskHandle_t task;
static TickType_t next_step;
static bool held_up; // frames wait for the next tick, with the interrupt masked

void ethif_set_task(TaskHandle_t handle) {
    task = handle;
}

void ethif_notify(uint32_t events) {
    xTaskNotify(task, events, eSetBits);
}

static void notify_from_interrupt(uint32_t events) {
    BaseType_t woken = pdFALSE;
    xTaskNotifyFromISR(task, events, eSetBits, &woken);
    portYIELD_FROM_ISR(woken);
}

static void unmask(uint32_t events) {
    SYS_ARCH_DECL_PROTECT(level);
    SYS_ARCH_PROTECT(level);
    eth_unmask(events);
    SYS_ARCH_UNPROTECT(level);
}

// Hands up what the ring holds. False if it stopped because this millisecond's share is used up.
static bool receive_all(void) {
    static TickType_t tick;
    static uint32_t left; // of the share, cycles
    for (;;) {
        if (xTaskGetTickCount() != tick) {
            tick = xTaskGetTickCount();
            left = hclk_hz() / 1000 / 100 * RX_SHARE_PERCENT;
        }
        if (left == 0) {
            ethif_stats.rx_deferred++;
            return false;
        }
        uint32_t start = clock_cycles();
        unsigned frames = ethif_input(RX_BATCH);
        uint32_t spent = clock_cycles() - start;
        left -= spent < left ? spent : left;
        if (frames < RX_BATCH) {
            return true;
        }
    }
}

static void pause_over(void) {
    notify_from_interrupt(ETH_EVENT_RX);
}

// Tells lwIP what the link does.
static void follow_link(void) {
    struct netif *netif = ethif_netif();
    bool up = eth_state() == ETH_LINK_UP;
    if (up && !netif_is_link_up(netif)) {
        netif_set_link_up(netif);
        // lwIP leaves announcing a static address to ACD, which runs for AutoIP alone here.
        if (!ip4_addr_isany_val(*netif_ip4_addr(netif)) && !dhcp_supplied_address(netif)) {
            etharp_gratuitous(netif);
        }
        // What connections could not send meanwhile.
        tcp_txnow();
    } else if (!up && netif_is_link_up(netif)) {
        netif_set_link_down(netif);
    }
}

// Until the MAC needs looking after, at the latest.
static TickType_t longest_wait(void) {
    if (!ethif_is_active()) {
        return portMAX_DELAY;
    }
    if (held_up) {
        return 1;
    }
    int32_t until_step = (int32_t)(next_step - xTaskGetTickCount());
    if (until_step <= 0) {
        return 0;
    }
    return !eth_tx_idle() && until_step > TX_REAP_MS ? TX_REAP_MS : (TickType_t)until_step;
}

// Lets the next frame raise the interrupt, or has the ring looked at again later. A frame that came since the
// last look raises it at once: it is level.
static void await_frames(void) {
    if (rx_pace_pause()) {
        timebase_alarm(TIMEBASE_ALARM_ETH, timebase_us32() + RX_PAUSE_US, pause_over);
        unmask(ETH_EVENT_TX);
    } else {
        unmask(ETH_EVENT_RX | ETH_EVENT_TX);
    }
}

// By the Python thread that the frame wakes, as long as it is a few: most often it waits for just that frame,
// and the detour over the task would cost two switches.
static void receive_in_passing(void) {
    if (ethif_input(RX_BATCH) == RX_BATCH) {
        ethif_notify(ETH_EVENT_RX);
    } else {
        await_frames();
    }
}

void ETH_IRQHandler(void);
void ETH_IRQHandler(void) {
    uint32_t events = eth_interrupt();
    if (events == ETH_EVENT_RX && rtos_lend_thread(receive_in_passing)) {
        return;
    }
    if (events != 0) {
        notify_from_interrupt(events);
    }
}

static void look_after(uint32_t events) {
    if (!ethif_is_active()) {
        held_up = false;
        return;
    }
    // What has arrived goes up before a step that may reset the DMA.
    held_up = !receive_all();
    if ((events & ETH_EVENT_STEP) || (int32_t)(xTaskGetTickCount() - next_step) >= 0) {
        LOCK_TCPIP_CORE();
        next_step = xTaskGetTickCount() + eth_step(sys_now());
        follow_link();
        UNLOCK_TCPIP_CORE();
    }
    if (!held_up) {
        await_frames();
    }
}

void ethif_serve(TickType_t limit) {
    TickType_t start = xTaskGetTickCount();
    TickType_t left = limit;
    uint32_t events = 0;
    while (left > 0 && !(events & ETHIF_TASK_WAKE)) {
        TickType_t wait = longest_wait();
        events = 0;
        xTaskNotifyWait(0, UINT32_MAX, &events, wait < left ? wait : left);
        look_after(events);
        if (limit != portMAX_DELAY) {
            TickType_t elapsed = xTaskGetTickCount() - start;
            left = elapsed < limit ? limit - elapsed : 0;
        }
    }
}
