// SPDX-License-Identifier: MIT
//
// network.LAN's stats().

#include "py/runtime.h"

#include "lwip/tcpip.h"

#include "ethif.h"
#include "network.h"

static const struct {
    uint16_t name;
    const uint32_t *value;
} counters[] = {
    { MP_QSTR_rx_frames, &eth_stats.rx_frames },
    { MP_QSTR_rx_bytes, &eth_stats.rx_bytes },
    { MP_QSTR_rx_truncated, &eth_stats.rx_bad[ETH_RX_BAD_TRUNCATED] },
    { MP_QSTR_rx_overflow, &eth_stats.rx_bad[ETH_RX_BAD_OVERFLOW] },
    { MP_QSTR_rx_crc, &eth_stats.rx_bad[ETH_RX_BAD_CRC] },
    { MP_QSTR_rx_alignment, &eth_stats.rx_bad[ETH_RX_BAD_ALIGNMENT] },
    { MP_QSTR_rx_phy, &eth_stats.rx_bad[ETH_RX_BAD_PHY] },
    { MP_QSTR_rx_watchdog, &eth_stats.rx_bad[ETH_RX_BAD_WATCHDOG] },
    { MP_QSTR_rx_other, &eth_stats.rx_bad[ETH_RX_BAD_OTHER] },
    { MP_QSTR_rx_oversize, &eth_stats.rx_oversize },
    { MP_QSTR_rx_runt, &eth_stats.rx_runt },
    { MP_QSTR_rx_missed, &eth_stats.rx_missed },
    { MP_QSTR_rx_fifo_overflow, &eth_stats.rx_fifo_overflow },
    { MP_QSTR_rx_aborted, &eth_stats.rx_aborted },
    { MP_QSTR_rx_starved, &eth_stats.rx_starved },
    { MP_QSTR_rx_checksum_bad, &eth_stats.rx_checksum_bad },
    { MP_QSTR_rx_copied_bytes, &ethif_stats.rx_copied_bytes },
    { MP_QSTR_rx_deferred, &ethif_stats.rx_deferred },
    { MP_QSTR_rx_dropped, &ethif_stats.rx_dropped },
    { MP_QSTR_tx_frames, &eth_stats.tx_frames },
    { MP_QSTR_tx_bytes, &eth_stats.tx_bytes },
    { MP_QSTR_tx_sent, &eth_stats.tx_bad[ETH_TX_OK] },
    { MP_QSTR_tx_collision, &eth_stats.tx_bad[ETH_TX_BAD_COLLISION] },
    { MP_QSTR_tx_carrier, &eth_stats.tx_bad[ETH_TX_BAD_CARRIER] },
    { MP_QSTR_tx_underflow, &eth_stats.tx_bad[ETH_TX_BAD_UNDERFLOW] },
    { MP_QSTR_tx_deferral, &eth_stats.tx_bad[ETH_TX_BAD_DEFERRAL] },
    { MP_QSTR_tx_other, &eth_stats.tx_bad[ETH_TX_BAD_OTHER] },
    { MP_QSTR_tx_full, &eth_stats.tx_full },
    { MP_QSTR_tx_aborted, &eth_stats.tx_aborted },
    { MP_QSTR_tx_copied_bytes, &ethif_stats.tx_copied_bytes },
    { MP_QSTR_tx_no_memory, &ethif_stats.tx_no_memory },
    { MP_QSTR_tx_stuck, &eth_stats.tx_stuck },
    { MP_QSTR_bus_errors, &eth_stats.bus_errors },
    { MP_QSTR_dma_stopped, &eth_stats.dma_stopped },
    { MP_QSTR_recoveries, &eth_stats.recoveries },
    { MP_QSTR_link_ups, &eth_stats.link_ups },
    { MP_QSTR_link_downs, &eth_stats.link_downs },
    { MP_QSTR_no_clock, &eth_stats.no_clock },
    { MP_QSTR_interrupts, &eth_stats.interrupts },
    { MP_QSTR_mmc_tx_good, &eth_stats.mmc_tx_good },
    { MP_QSTR_mmc_tx_one_collision, &eth_stats.mmc_tx_one_collision },
    { MP_QSTR_mmc_tx_collisions, &eth_stats.mmc_tx_collisions },
    { MP_QSTR_mmc_rx_crc, &eth_stats.mmc_rx_crc },
    { MP_QSTR_mmc_rx_alignment, &eth_stats.mmc_rx_alignment },
    { MP_QSTR_mmc_rx_good_unicast, &eth_stats.mmc_rx_good_unicast },
};

// A dictionary of every counter of MAC, driver and interface, counted since power-on.
static mp_obj_t lan_stats(mp_obj_t self_in) {
    (void)self_in;
    uint32_t values[MP_ARRAY_SIZE(counters)];
    LOCK_TCPIP_CORE();
    eth_stats_update();
    for (size_t i = 0; i < MP_ARRAY_SIZE(counters); i++) {
        values[i] = *counters[i].value;
    }
    UNLOCK_TCPIP_CORE();
    mp_obj_t dict = mp_obj_new_dict(MP_ARRAY_SIZE(counters));
    for (size_t i = 0; i < MP_ARRAY_SIZE(counters); i++) {
        mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(counters[i].name), mp_obj_new_int_from_uint(values[i]));
    }
    return dict;
}
MP_DEFINE_CONST_FUN_OBJ_1(network_lan_stats_obj, lan_stats);
