// SPDX-License-Identifier: MIT
//
// lwIP's interface on the Ethernet MAC: pbufs that are the DMA's receive buffers, frames gathered from pbufs,
// what comes in handed up. All functions but ethif_init, ethif_reset and ethif_input are called with lwIP's
// core lock.
#ifndef NET_ETHIF_H
#define NET_ETHIF_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/netif.h"

#include "eth.h"
#include "eth_ptp.h"

// Counters of the interface; those of the MAC are in eth_stats.
typedef struct {
    uint32_t rx_copied_bytes;   // small frames copied out because the ring ran short
    uint32_t rx_deferred;       // times reception was held up to leave Python its time
    uint32_t rx_dropped;        // lwIP did not take it
    uint32_t tx_copied_bytes;   // payloads out of the DMA's reach, or not lasting
    uint32_t tx_no_memory;      // frames refused for want of memory to copy to
} ethif_stats_t;

extern ethif_stats_t ethif_stats;

// Once at boot. The interface exists from here on and is off.
void ethif_init(void);
// To the state after ethif_init, whatever it was before.
void ethif_reset(void);

struct netif *ethif_netif(void);

// By the task that serves the MAC, without the lock: hands up to `most` received frames up and lets go of
// sent ones. Returns how many came up.
unsigned ethif_input(unsigned most);

// The board's PHY; may be changed while the interface is off.
eth_config_t *ethif_config(void);

// Switches the MAC on or off. Returns at once: the link comes up in the background.
void ethif_activate(bool on);
bool ethif_is_active(void);

// 0 or a negative errno.
int ethif_set_mac(const uint8_t mac[6]);
void ethif_set_promiscuous(bool on);
bool ethif_promiscuous(void);

// Has the MAC follow the groups that lwIP joins on that interface.
void ethif_filter_groups(struct netif *netif);

// Called with lwIP's lock for every good frame that comes in or goes out. NULL: nobody looks.
extern void (*ethif_watcher)(const struct pbuf *p, bool sent);
// Called with lwIP's lock for frames whose ethertype lwIP does not know. stamp: when it came, or NULL if the
// clock is off. True if it took the frame.
extern bool (*ethif_raw_input)(struct pbuf *p, const eth_time_t *stamp);
// As netif->linkoutput; stamp: eth_ptp_take_sent() will tell when it went.
err_t ethif_send(struct pbuf *p, bool stamp);

#endif
