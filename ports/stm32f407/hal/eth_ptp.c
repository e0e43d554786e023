// SPDX-License-Identifier: MIT

#include "eth.h"
#include "eth_ptp.h"
#include "eth_write.h"
#include "hal.h"
#include "timebase.h"

#define NS_PER_S    (1000000000U)
#define COMMAND_US  (10) // a command's bit clears itself within some clocks

static struct {
    bool on;
    bool running;       // in hardware; else `kept` is the time at `kept_us`
    bool sent_valid;
    int32_t ppb;
    uint8_t increment;  // ns for each overflow of the accumulator
    eth_time_t kept;
    uint64_t kept_us;
    eth_time_t sent;
} ptp;

static void add(eth_time_t *time, const eth_time_t *by, bool back) {
    if (back) {
        time->seconds -= by->seconds + (time->ns < by->ns);
        time->ns += time->ns < by->ns ? NS_PER_S - by->ns : 0U - by->ns;
    } else {
        time->ns += by->ns;
        time->seconds += by->seconds + (time->ns >= NS_PER_S);
        time->ns -= time->ns >= NS_PER_S ? NS_PER_S : 0;
    }
}

// Written once, and with a gap before it: a second write of the same bit would be a second command.
static void command(uint32_t bit) {
    uint32_t control = ETH->PTPTSCR;
    clock_delay_us(ETH_WRITE_GAP_US);
    ETH->PTPTSCR = control | bit;
    for (unsigned us = 0; us < COMMAND_US && (ETH->PTPTSCR & bit); us++) {
        clock_delay_us(1);
    }
    clock_delay_us(ETH_WRITE_GAP_US);
}

static void read_hardware(eth_time_t *time) {
    time->seconds = ETH->PTPTSHR;
    time->ns = ETH->PTPTSLR & ETH_PTPTSLR_STSS;
    uint32_t seconds = ETH->PTPTSHR;
    if (seconds != time->seconds) {
        // The second ended between the reads; the next one does not end as soon.
        time->seconds = seconds;
        time->ns = ETH->PTPTSLR & ETH_PTPTSLR_STSS;
    }
}

static void write_update(const eth_time_t *time, bool back) {
    eth_write(&ETH->PTPTSHUR, time->seconds);
    eth_write(&ETH->PTPTSLUR, time->ns | (back ? ETH_PTPTSLUR_TSUPNS : 0));
}

// The accumulator gets `addend` in each cycle of HCLK, and overflows every `increment` ns.
static void write_rate(void) {
    uint64_t addend = ((uint64_t)NS_PER_S << 32) / ((uint64_t)ptp.increment * hclk_hz());
    addend += (uint64_t)((int64_t)addend * ptp.ppb / (int32_t)NS_PER_S);
    eth_write(&ETH->PTPTSAR, (uint32_t)addend);
    command(ETH_PTPTSCR_TSARU);
}

// Half as long again as a cycle: the addend is two thirds of its range, with room either way.
static void set_increment(void) {
    uint32_t ns = NS_PER_S / 2 * 3 / hclk_hz() + 1;
    ptp.increment = (uint8_t)(ns < UINT8_MAX ? ns : UINT8_MAX);
    eth_write(&ETH->PTPSSIR, ptp.increment);
}

void eth_ptp_resume(void) {
    if (!ptp.on || ptp.running) {
        return;
    }
    // Fine update, the low word in nanoseconds, a stamp for every received frame.
    uint32_t control = ETH_PTPTSCR_TSE | ETH_PTPTSCR_TSSSR | ETH_PTPTSCR_TSSARFE;
    eth_write(&ETH->PTPTSCR, control);
    set_increment();
    write_rate();
    eth_write(&ETH->PTPTSCR, control | ETH_PTPTSCR_TSFCU);
    eth_time_t now;
    eth_ptp_get(&now);
    write_update(&now, false);
    command(ETH_PTPTSCR_TSSTI);
    ptp.running = true;
}

void eth_ptp_suspend(void) {
    if (!ptp.running) {
        return;
    }
    read_hardware(&ptp.kept);
    ptp.kept_us = timebase_us();
    ptp.running = false;
    ptp.sent_valid = false;
}

void eth_ptp_get(eth_time_t *time) {
    if (ptp.running) {
        read_hardware(time);
        return;
    }
    uint64_t us = ptp.on ? timebase_us() - ptp.kept_us : 0;
    // At the rate that the clock had and will have.
    uint64_t ns = us * 1000 + (uint64_t)((int64_t)(us / 1000) * ptp.ppb / 1000);
    eth_time_t passed = { (uint32_t)(ns / NS_PER_S), (uint32_t)(ns % NS_PER_S) };
    *time = ptp.kept;
    add(time, &passed, false);
}

void eth_ptp_set(const eth_time_t *time) {
    if (ptp.running) {
        write_update(time, false);
        command(ETH_PTPTSCR_TSSTI);
        return;
    }
    ptp.kept = *time;
    ptp.kept_us = timebase_us();
}

void eth_ptp_offset(const eth_time_t *by, bool back) {
    if (ptp.running) {
        write_update(by, back);
        command(ETH_PTPTSCR_TSSTU);
        return;
    }
    add(&ptp.kept, by, back);
}

int eth_ptp_set_rate(int32_t ppb) {
    if (ppb > ETH_PTP_PPB_MAX || ppb < -ETH_PTP_PPB_MAX) {
        return -HAL_EINVAL;
    }
    if (!ptp.running) {
        eth_time_t now;
        eth_ptp_get(&now);
        eth_ptp_set(&now);
    }
    ptp.ppb = ppb;
    if (ptp.running) {
        write_rate();
    }
    return 0;
}

int32_t eth_ptp_rate(void) {
    return ptp.ppb;
}

void eth_ptp_enable(bool on) {
    if (on == ptp.on) {
        return;
    }
    ptp.on = on;
    if (!on) {
        if (ptp.running) {
            eth_write(&ETH->PTPTSCR, 0);
        }
        ptp.running = false;
        ptp.sent_valid = false;
        return;
    }
    ptp.ppb = 0;
    ptp.kept = (eth_time_t) { 0, 0 };
    ptp.kept_us = timebase_us();
    if (eth_running()) {
        eth_ptp_resume();
    }
}

bool eth_ptp_enabled(void) {
    return ptp.on;
}

void eth_ptp_note_sent(uint32_t seconds, uint32_t ns) {
    ptp.sent = (eth_time_t) { seconds, ns & ETH_PTPTSLR_STSS };
    ptp.sent_valid = true;
}

bool eth_ptp_take_sent(eth_time_t *time) {
    bool valid = ptp.sent_valid;
    *time = ptp.sent;
    ptp.sent_valid = false;
    return valid;
}
