// SPDX-License-Identifier: MIT
// lwIP's SNTP client (RFC 4330), and what ties it to a clock.

#include "apps.h"
#include "apptimers.h"

#include "lwip/dns.h"
#include "lwip/udp.h"

#if LWIP_BINDINGS_SNTP

// Answers are checked against what was asked, and the way of the packets is taken out of the time.
#define SNTP_CHECK_RESPONSE 2
#define SNTP_COMP_ROUNDTRIP 1
#define SNTP_SERVER_DNS 1

// sntp_request() and sntp_try_next_server(), each once.
#define TIMERS (2)

// 2036-02-07 06:28:16 UTC, from where NTP counts seconds with a sign, and a day of this program's time.
#define ERA_1970_S (2085978496)
#define START_1970_S (1767225600)

// The client's clock: it need not be right, but must not jump between question and answer, as the port's
// clock may do.
static int64_t clock_us = (int64_t)(START_1970_S - ERA_1970_S) * 1000000; // since the era
static mp_uint_t clock_ticks_us;
static lwipb_live_t *told;
static uint8_t question; // counts the starts: an answer of DNS to an earlier one is not wanted

static void clock_go_on(void) {
    mp_uint_t now = mp_hal_ticks_us();
    clock_us += (uint32_t)(now - clock_ticks_us);
    clock_ticks_us = now;
}

static void clock_read(s32_t *seconds, u32_t *fraction) {
    clock_go_on();
    int64_t whole = clock_us / 1000000;
    int64_t us = clock_us % 1000000;
    if (us < 0) {
        us += 1000000;
        whole -= 1;
    }
    *seconds = (s32_t)whole;
    *fraction = (u32_t)(((uint64_t)us << 32) / 1000000);
}

// In lwIP's context: an answer came.
static void clock_set(s32_t seconds, u32_t fraction) {
    clock_go_on();
    clock_us = (int64_t)seconds * 1000000 + (int64_t)(((uint64_t)fraction * 1000000) >> 32);
    if (told != NULL) {
        lwipb_live_post(told);
        LWIP_BINDINGS_WAKE();
    }
}

int64_t lwipb_sntp_time_us(void) {
    clock_go_on();
    return clock_us + (int64_t)ERA_1970_S * 1000000;
}

static void sntp_dns_found(const char *name, const ip_addr_t *addr, void *arg);

// lwIP would go on asking the server for ever if the client was stopped while DNS was at work.
static void name_found(const char *name, const ip_addr_t *addr, void *arg) {
    if (told != NULL && (uintptr_t)arg == question) {
        sntp_dns_found(name, addr, NULL);
    }
}

static err_t ask_name(const char *name, ip_addr_t *addr, dns_found_callback found, void *arg) {
    (void)found;
    (void)arg;
    return dns_gethostbyname(name, addr, name_found, (void *)(uintptr_t)question);
}

#define SNTP_GET_SYSTEM_TIME_NTP(seconds, fraction) clock_read(&(seconds), &(fraction))
#define SNTP_SET_SYSTEM_TIME_NTP(seconds, fraction) clock_set(seconds, fraction)
#define sys_timeout lwipb_timer_start
#define sys_untimeout lwipb_timer_stop
#define dns_gethostbyname ask_name
#include "../apps/sntp/sntp.c"

// lwIP asserts that there is a PCB, and does not look whether its port was free.
static err_t try_pcb(void) {
    struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
    if (pcb == NULL) {
        return ERR_MEM;
    }
    bool listens = sntp_getoperatingmode() == SNTP_OPMODE_LISTENONLY;
    err_t err = listens ? udp_bind(pcb, IP_ANY_TYPE, SNTP_PORT) : ERR_OK;
    udp_remove(pcb);
    return err;
}

err_t lwipb_sntp_start(lwipb_live_t *owner) {
    LWIP_ASSERT_CORE_LOCKED();
    err_t err = try_pcb();
    if (err == ERR_OK && !lwipb_timers_reserve(TIMERS)) {
        err = ERR_MEM;
    }
    if (err == ERR_OK) {
        ++question;
        told = owner;
        sntp_init();
    }
    return err;
}

void lwipb_sntp_stop(void) {
    LWIP_ASSERT_CORE_LOCKED();
    if (sntp_enabled()) {
        sntp_stop();
        memset(&sntp_last_timestamp_sent, 0, sizeof(sntp_last_timestamp_sent));
        told = NULL;
        lwipb_timers_unreserve(TIMERS);
    }
}

void lwipb_sntp_clear(void) {
    LWIP_ASSERT_CORE_LOCKED();
    memset(sntp_servers, 0, sizeof(sntp_servers));
    #if SNTP_SUPPORT_MULTIPLE_SERVERS
    sntp_current_server = 0;
    #endif
    #if SNTP_GET_SERVERS_FROM_DHCP || SNTP_GET_SERVERS_FROM_DHCPV6
    sntp_servermode_dhcp(0);
    #endif
    sntp_setoperatingmode(SNTP_OPMODE_POLL);
}

#endif
