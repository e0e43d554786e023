// SPDX-License-Identifier: MIT
//
// References: RM0090 chapter 33; ES0182 2.11 (the Ethernet errata).

#include <string.h>

#include "clock.h"
#include "eth.h"
#include "eth_mii.h"
#include "eth_ptp.h"
#include "eth_write.h"
#include "stm32f4xx.h"

#define PHY_HOLD_MS         (2)     // nRST low; every PHY here asks for less
#define PHY_BOOT_MS         (300)   // until it answers on MDIO: LAN87xx 1 ms, DP83848 167 ms
#define MAC_RESET_MS        (20)    // ends within microseconds where REF_CLK runs
#define PHY_RESET_MS        (600)   // clause 22 allows 500
#define RETRY_MS            (1000)
#define POLL_MS             (100)
#define TX_STUCK_POLLS      (4)     // the longest legal deferral on 10 Mbit/s is 2.4 ms
#define FLUSH_US            (100)
#define STOP_US             (1000)

#define RX_INTERRUPTS       (ETH_DMAIER_RIE | ETH_DMAIER_RBUIE)
#define BASE_INTERRUPTS     (ETH_DMAIER_NISE | ETH_DMAIER_AISE | ETH_DMAIER_FBEIE | ETH_DMAIER_TPSIE \
    | ETH_DMAIER_RPSIE)

eth_stats_t eth_stats;

// The DMA reads and writes these: plain .bss, in SRAM.
static eth_desc_t rx_desc[ETH_RX_COUNT];
static eth_desc_t tx_desc[ETH_TX_COUNT];

static eth_rx_buffer_t rx_buffer[ETH_RX_COUNT];
static void *tx_slot[ETH_TX_COUNT];
static uint8_t tx_span[ETH_TX_COUNT];

static struct {
    eth_rx_ring_t rx;
    eth_tx_ring_t tx;
    eth_config_t config;
    phy_t phy;
    phy_link_t link;
    eth_state_t state;
    eth_tx_release_t release;
    bool phy_kept;              // this reset is the MAC's alone
    bool running;               // the DMA is started
    volatile bool starved;      // the DMA waits for a receive buffer
    volatile bool failed;       // the interrupt saw a fatal error
    uint32_t since_ms;          // when this state began
    uint32_t tx_reaped;         // progress of transmission at the last poll
    uint8_t tx_idle_polls;
    uint8_t mac[6];
    bool promiscuous;
    uint8_t hash_users[64];     // groups that share a bit of the hash
} eth;

static const phy_bus_t mii_bus = { eth_mii_read, eth_mii_write };

void eth_init(eth_tx_release_t release) {
    eth.release = release;
    eth_rx_init(&eth.rx, rx_desc, rx_buffer, ETH_RX_COUNT, ETH_RX_BUFFER_BYTES);
    eth_tx_init(&eth.tx, tx_desc, tx_slot, tx_span, ETH_TX_COUNT);
}

// ---- Bring-up --------------------------------------------------------------------------------------

static void enter(eth_state_t state, uint32_t now_ms) {
    eth.state = state;
    eth.since_ms = now_ms;
}

static void configure_pins(const eth_config_t *config) {
    const pin_t pins[] = {
        config->mdc, config->mdio, config->ref_clk, config->crs_dv, config->rxd0, config->rxd1,
        config->tx_en, config->txd0, config->txd1,
    };
    for (unsigned i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
        gpio_config(pins[i], GPIO_MODE_AF, GPIO_PULL_NONE, GPIO_SPEED_VERY_HIGH, 11);
    }
}

static void hold_phy(bool hold) {
    if (eth.config.phy_reset != PIN_NONE) {
        gpio_write(eth.config.phy_reset, !hold);
    }
}

// RM0090 33.4.4: the interface is selected while the MAC is in reset and before its clocks run. The dummy
// read lets the write reach SYSCFG, on the slow bus, before the MAC leaves its reset.
static void select_rmii(void) {
    RCC->AHB1RSTR |= RCC_AHB1RSTR_ETHMACRST;
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    SYSCFG->PMC |= SYSCFG_PMC_MII_RMII_SEL;
    (void)SYSCFG->PMC;
    RCC->AHB1ENR |= RCC_AHB1ENR_ETHMACEN | RCC_AHB1ENR_ETHMACTXEN | RCC_AHB1ENR_ETHMACRXEN;
    (void)RCC->AHB1ENR;
    RCC->AHB1RSTR &= ~RCC_AHB1RSTR_ETHMACRST;
    (void)RCC->AHB1RSTR;
}

static void begin_mac_reset(uint32_t now_ms) {
    eth.running = false;
    eth_ptp_suspend();
    ETH->DMABMR |= ETH_DMABMR_SR;
    enter(ETH_MAC_RESET, now_ms);
}

// The PHY first: its reset disturbs REF_CLK, which the MAC's reset needs.
static void begin_bring_up(uint32_t now_ms) {
    eth.phy_kept = false;
    eth.link = (phy_link_t) { 0 };
    hold_phy(true);
    enter(eth.config.phy_reset == PIN_NONE ? ETH_PHY_BOOT : ETH_PHY_HELD, now_ms);
}

void eth_start(const eth_config_t *config, uint32_t now_ms) {
    eth.config = *config;
    eth.failed = false;
    configure_pins(config);
    if (config->phy_reset != PIN_NONE) {
        gpio_config(config->phy_reset, GPIO_MODE_OUTPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
    }
    select_rmii();
    NVIC_SetPriority(ETH_IRQn, config->irq_priority);
    NVIC_ClearPendingIRQ(ETH_IRQn);
    NVIC_EnableIRQ(ETH_IRQn);
    begin_bring_up(now_ms);
}

static void write_mac_address(void) {
    const uint8_t *mac = eth.mac;
    eth_write(&ETH->MACA0HR, ETH_MACA0HR_MO | (uint32_t)mac[5] << 8 | mac[4]);
    // RM0090 does not say so, but in other chips with this core the low half's write carries both over into
    // the receiver's clock domain: last.
    eth_write(&ETH->MACA0LR,
        (uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 | mac[0]);
}

static void write_filter(void) {
    uint32_t hash[2] = { 0, 0 };
    for (unsigned i = 0; i < 64; i++) {
        if (eth.hash_users[i] > 0) {
            hash[i >> 5] |= 1UL << (i & 31);
        }
    }
    eth_write(&ETH->MACHTHR, hash[1]);
    eth_write(&ETH->MACHTLR, hash[0]);
    // Perfect match for the station's address, hash for groups, broadcast; pause frames are not passed on.
    eth_write(&ETH->MACFFR, ETH_MACFFR_HM | (eth.promiscuous ? ETH_MACFFR_PM : 0));
}

static void write_link(void) {
    uint32_t value = ETH->MACCR & ~(ETH_MACCR_FES | ETH_MACCR_DM);
    value |= eth.link.mbit_s == 100 ? ETH_MACCR_FES : 0;
    value |= eth.link.full_duplex ? ETH_MACCR_DM : 0;
    eth_write(&ETH->MACCR, value);
}

// All buffers that are not lent out go back into a ring that starts at the beginning. Masked: a lent one may
// come back at any moment.
static void rebuild_rx(void) {
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    eth_rx_buffer_t buffers[ETH_RX_COUNT];
    unsigned held = 0;
    while (eth.rx.held > 0) {
        uint32_t status = rx_desc[eth.rx.take].status;
        eth_stats.rx_aborted += !(status & ETH_DESC_OWN) && (status & ETH_RDES0_LS);
        eth_rx_withdraw(&eth.rx, &buffers[held++]);
    }
    eth_rx_init(&eth.rx, rx_desc, rx_buffer, ETH_RX_COUNT, ETH_RX_BUFFER_BYTES);
    for (unsigned i = 0; i < held; i++) {
        eth_rx_give(&eth.rx, buffers[i].data, buffers[i].slot);
    }
    eth.starved = false;
    __set_PRIMASK(primask);
}

static void abort_tx(void) {
    while (eth_tx_withdraw(&eth.tx, eth.release)) {
        eth_stats.tx_aborted++;
    }
    eth_tx_init(&eth.tx, tx_desc, tx_slot, tx_span, ETH_TX_COUNT);
    eth.tx_reaped = 0;
    eth.tx_idle_polls = 0;
}

static void configure_mac(void) {
    // IPCO: the receive checksum engine. Its verdict is only ever used to skip a check (net/checksum.c).
    uint32_t keep = ETH->MACCR & ~(ETH_MACCR_RE | ETH_MACCR_TE | ETH_MACCR_FES | ETH_MACCR_DM);
    eth_write(&ETH->MACCR, keep | ETH_MACCR_IPCO | ETH_MACCR_FES | ETH_MACCR_DM);
    eth_write(&ETH->MACFCR, 0);
    ETH->MACIMR = ETH_MACIMR_PMTIM | ETH_MACIMR_TSTIM;
    // The counters are read on demand: no interrupt when they are half full. They clear when read.
    ETH->MMCRIMR = ETH_MMCRIMR_RFCEM | ETH_MMCRIMR_RFAEM | ETH_MMCRIMR_RGUFM;
    ETH->MMCTIMR = ETH_MMCTIMR_TGFSCM | ETH_MMCTIMR_TGFMSCM | ETH_MMCTIMR_TGFM;
    ETH->MMCCR = ETH_MMCCR_ROR;
    write_mac_address();
    write_filter();
    eth_ptp_resume();
}

// Empties the transmit FIFO; only with transmission stopped, the bit clears itself.
static void flush_tx_fifo(void) {
    ETH->DMAOMR |= ETH_DMAOMR_FTF;
    for (unsigned i = 0; i < FLUSH_US && (ETH->DMAOMR & ETH_DMAOMR_FTF); i++) {
        clock_delay_us(1);
    }
}

static void start_dma(void) {
    ETH->DMABMR = ETH_DMABMR_AAB | ETH_DMABMR_USP | ETH_DMABMR_FB | (32UL << ETH_DMABMR_RDP_Pos)
        | (32UL << ETH_DMABMR_PBL_Pos) | ETH_DMABMR_EDE;
    ETH->DMARDLAR = (uint32_t)rx_desc;
    ETH->DMATDLAR = (uint32_t)tx_desc;
    // TSF: in threshold mode a FIFO that runs dry puts a corrupt frame on the wire (ES0182). FEF, FUGF,
    // DTCEFD: frames that are bad, short or have a wrong checksum come up with their status, to be counted,
    // instead of vanishing in the FIFO.
    uint32_t mode = ETH_DMAOMR_TSF | ETH_DMAOMR_RSF | ETH_DMAOMR_OSF | ETH_DMAOMR_DTCEFD | ETH_DMAOMR_FEF
        | ETH_DMAOMR_FUGF;
    eth_write(&ETH->DMAOMR, mode);
    flush_tx_fifo();
    clock_delay_us(2);
    ETH->DMASR = ETH->DMASR;
    ETH->DMAIER = BASE_INTERRUPTS | RX_INTERRUPTS | ETH_DMAIER_TIE;
    uint32_t maccr = ETH->MACCR;
    eth_write(&ETH->MACCR, maccr | ETH_MACCR_TE | ETH_MACCR_RE);
    __DSB();
    eth_write(&ETH->DMAOMR, mode | ETH_DMAOMR_ST | ETH_DMAOMR_SR);
    eth.running = true;
}

static void stop_dma(void) {
    if (!eth.running) {
        return;
    }
    eth.running = false;
    ETH->DMAIER = 0;
    uint32_t mode = ETH->DMAOMR & ~(ETH_DMAOMR_ST | ETH_DMAOMR_SR);
    eth_write(&ETH->DMAOMR, mode);
    // A frame under way is finished first.
    for (unsigned i = 0; i < STOP_US && (ETH->DMASR & (ETH_DMASR_TPS | ETH_DMASR_RPS)); i++) {
        clock_delay_us(1);
    }
    eth_write(&ETH->MACCR, ETH->MACCR & ~(ETH_MACCR_TE | ETH_MACCR_RE));
}

void eth_stop(void) {
    if (eth.state == ETH_OFF) {
        return;
    }
    NVIC_DisableIRQ(ETH_IRQn);
    if (eth.running) {
        eth_stats_update();
    }
    stop_dma();
    eth_ptp_suspend();
    hold_phy(true);
    RCC->AHB1RSTR |= RCC_AHB1RSTR_ETHMACRST;
    RCC->AHB1RSTR &= ~RCC_AHB1RSTR_ETHMACRST;
    // A transmitter that is stuck owns its descriptors up to this reset.
    abort_tx();
    RCC->AHB1ENR &= ~(RCC_AHB1ENR_ETHMACEN | RCC_AHB1ENR_ETHMACTXEN | RCC_AHB1ENR_ETHMACRXEN);
    eth.link = (phy_link_t) { 0 };
    eth.state = ETH_OFF;
}

// ---- Link and recovery -----------------------------------------------------------------------------

// The DMA's reset ended: everything in MAC and DMA is at its reset value.
static void mac_is_reset(uint32_t now_ms) {
    abort_tx();
    rebuild_rx();
    eth.failed = false;
    eth.link = (phy_link_t) { 0 };
    configure_mac();
    // In a recovery the PHY kept its link, and the next poll finds it.
    if (!eth.phy_kept && phy_configure(&eth.phy, (phy_mode_t)eth.config.phy_mode) != 0) {
        enter(ETH_NO_PHY, now_ms);
        return;
    }
    eth.phy_kept = true;
    start_dma();
    enter(ETH_LINK_DOWN, now_ms);
}

static uint32_t find_phy(uint32_t now_ms) {
    int result = phy_find(&eth.phy, &mii_bus, eth.config.phy_address, (phy_type_t)eth.config.phy_type);
    if (result != 0) {
        if (now_ms - eth.since_ms >= PHY_BOOT_MS) {
            enter(ETH_NO_PHY, now_ms);
        }
        return 20;
    }
    if (eth.config.phy_reset != PIN_NONE) {
        begin_mac_reset(now_ms);
    } else {
        enter(phy_reset(&eth.phy) == 0 ? ETH_PHY_RESET : ETH_NO_PHY, now_ms);
    }
    return 1;
}

static void link_lost(uint32_t now_ms) {
    if (eth.state == ETH_LINK_UP) {
        eth_stats.link_downs++;
        enter(ETH_LINK_DOWN, now_ms);
    }
    eth.link.up = false;
}

static void poll_link(uint32_t now_ms) {
    phy_link_t link;
    int result = phy_poll(&eth.phy, &link);
    if (result == -HAL_EIO) {
        // Nobody there any more: reset it, and with it perhaps REF_CLK, and look again.
        link_lost(now_ms);
        stop_dma();
        begin_bring_up(now_ms);
        return;
    }
    if (result != 0) {
        return;
    }
    // Down now, or down for a moment: the partner may be another one, with another speed.
    if (!link.up || link.dropped) {
        link_lost(now_ms);
    }
    if (link.up && eth.state == ETH_LINK_DOWN && !link.dropped) {
        eth.link = link;
        write_link();
        eth_stats.link_ups++;
        enter(ETH_LINK_UP, now_ms);
    }
}

// What stops the DMA for good, noticed at the latest with the next poll of the link.
static bool dma_needs_reset(void) {
    if (eth.failed) {
        return true;
    }
    // ST and SR are set, so an engine in state "stopped" was stopped by a disturbed REF_CLK.
    uint32_t status = ETH->DMASR;
    if (!(status & ETH_DMASR_TPS) || !(status & ETH_DMASR_RPS)) {
        eth_stats.dma_stopped++;
        return true;
    }
    if (eth.tx.used == 0 || eth.tx.reaped != eth.tx_reaped) {
        eth.tx_reaped = eth.tx.reaped;
        eth.tx_idle_polls = 0;
        return false;
    }
    if (++eth.tx_idle_polls < TX_STUCK_POLLS) {
        return false;
    }
    eth_stats.tx_stuck++;
    return true;
}

static uint32_t watch(uint32_t now_ms) {
    if (dma_needs_reset()) {
        eth_stats.recoveries++;
        eth_stats_update();
        ETH->DMAIER = 0;
        link_lost(now_ms);
        begin_mac_reset(now_ms);
        return 1;
    }
    poll_link(now_ms);
    return POLL_MS;
}

static uint32_t wait_mac_reset(uint32_t now_ms) {
    if (!(ETH->DMABMR & ETH_DMABMR_SR)) {
        mac_is_reset(now_ms);
        return 1;
    }
    uint32_t waited = now_ms - eth.since_ms;
    if (eth.state == ETH_MAC_RESET) {
        if (waited >= MAC_RESET_MS) {
            eth_stats.no_clock++;
            enter(ETH_NO_CLOCK, now_ms);
        }
        return 1;
    }
    // The reset ends by itself when the clock comes; a PHY that drives it may need a reset of its own.
    if (waited >= RETRY_MS) {
        select_rmii();
        begin_bring_up(now_ms);
    }
    return POLL_MS;
}

static uint32_t wait_phy_reset(uint32_t now_ms) {
    int busy = phy_reset_busy(&eth.phy);
    if (busy == 0) {
        begin_mac_reset(now_ms);
        return 1;
    }
    if (busy < 0 || now_ms - eth.since_ms >= PHY_RESET_MS) {
        enter(ETH_NO_PHY, now_ms);
    }
    return 5;
}

uint32_t eth_step(uint32_t now_ms) {
    uint32_t waited = now_ms - eth.since_ms;
    switch (eth.state) {
        case ETH_OFF:
            return POLL_MS;
        case ETH_PHY_HELD:
            if (waited >= PHY_HOLD_MS) {
                hold_phy(false);
                enter(ETH_PHY_BOOT, now_ms);
            }
            return 1;
        case ETH_PHY_BOOT:
            return find_phy(now_ms);
        case ETH_MAC_RESET:
        case ETH_NO_CLOCK:
            return wait_mac_reset(now_ms);
        case ETH_PHY_RESET:
            return wait_phy_reset(now_ms);
        case ETH_NO_PHY:
            if (waited >= RETRY_MS) {
                begin_bring_up(now_ms);
            }
            return POLL_MS;
        default:
            return watch(now_ms);
    }
}

eth_state_t eth_state(void) {
    return eth.state;
}

bool eth_running(void) {
    return eth.running;
}

const phy_link_t *eth_link(void) {
    return &eth.link;
}

const phy_t *eth_phy(void) {
    return &eth.phy;
}

void eth_set_mode(phy_mode_t mode) {
    eth.config.phy_mode = mode;
    if (eth.state == ETH_LINK_DOWN || eth.state == ETH_LINK_UP) {
        phy_configure(&eth.phy, mode);
    }
}

// ---- Filters ---------------------------------------------------------------------------------------

int eth_set_mac(const uint8_t mac[6]) {
    static const uint8_t zeros[6];
    if (mac[0] & 1 || memcmp(mac, zeros, 6) == 0) {
        return -HAL_EINVAL;
    }
    memcpy(eth.mac, mac, 6);
    if (eth.running) {
        write_mac_address();
    }
    return 0;
}

void eth_set_promiscuous(bool on) {
    eth.promiscuous = on;
    if (eth.running) {
        write_filter();
    }
}

// The six upper bits of the CRC-32 of the address, as the receiver computes it (RM0090 33.5.3).
static unsigned hash_index(const uint8_t mac[6]) {
    uint32_t crc = 0xffffffff;
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint32_t feedback = (crc >> 31) ^ ((mac[i] >> bit) & 1);
            crc = crc << 1 ^ (feedback ? 0x04c11db7 : 0);
        }
    }
    return ~crc >> 26;
}

void eth_multicast(const uint8_t mac[6], bool join) {
    uint8_t *users = &eth.hash_users[hash_index(mac)];
    if (join && *users < UINT8_MAX) {
        ++*users;
    } else if (!join && *users > 0) {
        --*users;
    }
    if (eth.running) {
        write_filter();
    }
}

// ---- Frames ----------------------------------------------------------------------------------------

// Wakes a receiver that waits for a descriptor; the barrier lets the descriptor get to memory first.
static void demand_receive(void) {
    eth.starved = false;
    __DSB();
    // Set again by what came since the interrupt: it would tell of a drought that is over.
    ETH->DMASR = ETH_DMASR_RBUS;
    ETH->DMAIER |= ETH_DMAIER_RBUIE;
    ETH->DMARPDR = 0;
}

bool eth_give_buffer(void *data, void *slot) {
    if (!eth_rx_give(&eth.rx, (uint8_t *)data + ETH_RX_OFFSET, slot)) {
        return false;
    }
    if (eth.starved && eth.running) {
        demand_receive();
    }
    return true;
}

bool eth_filled(unsigned n) {
    return eth.running && eth_rx_filled(&eth.rx, n);
}

unsigned eth_receive(eth_rx_frame_t *frame, void **slots) {
    if (!eth.running) {
        return 0;
    }
    unsigned segments = eth_rx_take(&eth.rx, frame, slots);
    if (segments == 0) {
        return 0;
    }
    if (frame->verdict != ETH_RX_OK) {
        eth_stats.rx_bad[frame->verdict]++;
    } else if (eth_rx_length(frame->status) > ETH_FRAME_MAX) {
        frame->verdict = ETH_RX_BAD_OTHER;
        eth_stats.rx_oversize++;
    } else if (eth_rx_length(frame->status) < ETH_FRAME_MIN) {
        frame->verdict = ETH_RX_BAD_OTHER;
        eth_stats.rx_runt++;
    }
    return segments;
}

bool eth_dma_reaches(const void *data, size_t bytes) {
    uintptr_t at = (uintptr_t)data;
    return at >= SRAM1_BASE && bytes <= 0x20000 && at + bytes <= SRAM1_BASE + 0x20000;
}

__attribute__((flatten)) bool eth_send(const eth_tx_segment_t *segment, unsigned segments, uint32_t flags) {
    if (!eth.running || !eth_tx_put(&eth.tx, segment, segments, flags)) {
        eth_stats.tx_full++;
        return false;
    }
    // The descriptors are in memory before the DMA is told to look at them.
    __DSB();
    ETH->DMASR = ETH_DMASR_TBUS;
    ETH->DMATPDR = 0;
    return true;
}

__attribute__((flatten)) unsigned eth_reap(void) {
    unsigned frames = 0;
    eth_tx_done_t done;
    while (eth_tx_reap(&eth.tx, &done, eth.release)) {
        eth_stats.tx_bad[eth_tx_verdict(done.status)]++;
        if (done.status & ETH_TDES0_TTSS) {
            eth_ptp_note_sent(done.time_hi, done.time_lo);
        }
        frames++;
    }
    return frames;
}

unsigned eth_tx_room(void) {
    return eth_tx_free(&eth.tx);
}

bool eth_tx_idle(void) {
    return eth.tx.used == 0;
}

// ---- Interrupt -------------------------------------------------------------------------------------

// The DMA found a descriptor that is not its own. If a buffer has come since, it only needs telling: the next
// frame would wake it too (RM0090 33.6.5), but that may be long in coming, and this does not count on it.
static void receiver_starves(void) {
    eth_stats.rx_starved++;
    const eth_desc_t *waiting = (const eth_desc_t *)ETH->DMACHRDR;
    if (waiting >= rx_desc && waiting < rx_desc + ETH_RX_COUNT && (waiting->status & ETH_DESC_OWN)) {
        demand_receive();
        return;
    }
    // One interrupt for one drought; eth_give_buffer ends it.
    eth.starved = true;
    ETH->DMAIER &= ~ETH_DMAIER_RBUIE;
}

uint32_t eth_interrupt(void) {
    uint32_t status = ETH->DMASR;
    uint32_t enabled = ETH->DMAIER;
    uint32_t events = 0;
    eth_stats.interrupts++;
    ETH->DMASR = status & (ETH_DMASR_TS | ETH_DMASR_TPSS | ETH_DMASR_TJTS | ETH_DMASR_ROS | ETH_DMASR_TUS
        | ETH_DMASR_RS | ETH_DMASR_RBUS | ETH_DMASR_RPSS | ETH_DMASR_RWTS | ETH_DMASR_ETS | ETH_DMASR_FBES
        | ETH_DMASR_ERS | ETH_DMASR_AIS | ETH_DMASR_NIS);
    if (!eth.running) {
        return 0;
    }
    if (status & ETH_DMASR_FBES) {
        eth_stats.bus_errors++;
        eth.failed = true;
        ETH->DMAIER = 0;
        return ETH_EVENT_STEP;
    }
    if (status & (ETH_DMASR_TPSS | ETH_DMASR_RPSS)) {
        ETH->DMAIER &= ~(ETH_DMAIER_TPSIE | ETH_DMAIER_RPSIE);
        events |= ETH_EVENT_STEP;
    }
    if ((status & ETH_DMASR_RBUS) && (enabled & ETH_DMAIER_RBUIE)) {
        receiver_starves();
        events |= ETH_EVENT_RX;
    }
    if (status & ETH_DMASR_RS) {
        ETH->DMAIER &= ~ETH_DMAIER_RIE;
        events |= ETH_EVENT_RX;
    }
    if (status & ETH_DMASR_TS) {
        ETH->DMAIER &= ~ETH_DMAIER_TIE;
        events |= ETH_EVENT_TX;
    }
    return events;
}

void eth_unmask(uint32_t events) {
    if (eth.running) {
        ETH->DMAIER |= (events & ETH_EVENT_RX ? ETH_DMAIER_RIE : 0)
            | (events & ETH_EVENT_TX ? ETH_DMAIER_TIE : 0);
    }
}

void eth_stats_update(void) {
    if (!eth.running) {
        return;
    }
    // Reading clears both fields; OMFC and OFOC say that a field ran over and count as a full one.
    uint32_t missed = ETH->DMAMFBOCR;
    eth_stats.rx_missed += (missed & ETH_DMAMFBOCR_MFC) + (missed & ETH_DMAMFBOCR_OMFC ? 0x10000 : 0);
    eth_stats.rx_fifo_overflow += ((missed & ETH_DMAMFBOCR_MFA) >> ETH_DMAMFBOCR_MFA_Pos)
        + (missed & ETH_DMAMFBOCR_OFOC ? 0x800 : 0);
    eth_stats.mmc_tx_good += ETH->MMCTGFCR;
    eth_stats.mmc_tx_one_collision += ETH->MMCTGFSCCR;
    eth_stats.mmc_tx_collisions += ETH->MMCTGFMSCCR;
    eth_stats.mmc_rx_crc += ETH->MMCRFCECR;
    eth_stats.mmc_rx_alignment += ETH->MMCRFAECR;
    eth_stats.mmc_rx_good_unicast += ETH->MMCRGUFCR;
}
