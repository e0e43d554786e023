// SPDX-License-Identifier: MIT
//
// The MAC's IEEE 1588 clock (RM0090 33.5.10): seconds and nanoseconds, a rate in steps of 0.4 ppb,
// time-stamps of received frames and of those sent with ETH_TDES0_TTSE. While the MAC is off or in reset the
// time goes on by the timer of timebase.h, without the rate. Calls exclude each other as those of eth.h do.
#ifndef HAL_ETH_PTP_H
#define HAL_ETH_PTP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t seconds;
    uint32_t ns;
} eth_time_t;

// The rate's limits, in parts per thousand million.
#define ETH_PTP_PPB_MAX (100000000)

// Starts the clock at 0 with rate 0, or stops it.
void eth_ptp_enable(bool on);
bool eth_ptp_enabled(void);

void eth_ptp_get(eth_time_t *time);
// ns: below 10^9. Up to 20 us, as the functions below.
void eth_ptp_set(const eth_time_t *time);
// Moves the clock forward or back in one step.
void eth_ptp_offset(const eth_time_t *by, bool back);
// Runs faster (positive) or slower than HCLK says. -HAL_EINVAL beyond ETH_PTP_PPB_MAX.
int eth_ptp_set_rate(int32_t ppb);
int32_t eth_ptp_rate(void);

// The stamp of the last frame that was sent with one. False if there is none since the last call.
bool eth_ptp_take_sent(eth_time_t *time);

// For eth.c: around a reset of the MAC, and from a transmit descriptor.
void eth_ptp_suspend(void);
void eth_ptp_resume(void);
void eth_ptp_note_sent(uint32_t seconds, uint32_t ns);

#endif
