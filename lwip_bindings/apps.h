// SPDX-License-Identifier: MIT
// lwIP's applications as the bindings have them: SNTP client, mDNS responder, lwiperf.
//
// Each *_core.c takes in lwIP's own source file, so that a port has nothing to add to its build, and what
// lwIP's API lacks can be done to its state: stop, close what an abort leaves open, leave no timer behind.
// Their callbacks run in lwIP's context; what they tell is queued there for the VM.
#ifndef LWIP_BINDINGS_APPS_H
#define LWIP_BINDINGS_APPS_H

#include "live.h"

#include "lwip/apps/lwiperf.h"
#include "lwip/apps/mdns_opts.h"
#include "lwip/netif.h"

// Which of them are in, in lwipopts.h. mDNS goes by lwIP's own LWIP_MDNS_RESPONDER.
#ifndef LWIP_BINDINGS_SNTP
#define LWIP_BINDINGS_SNTP (LWIP_UDP)
#endif
#ifndef LWIP_BINDINGS_LWIPERF
#define LWIP_BINDINGS_LWIPERF (LWIP_TCP)
#endif

// Sets the time of day, if the port has one: microseconds since 1970. In the VM's context.
#ifndef LWIP_BINDINGS_SET_TIME
#define LWIP_BINDINGS_SET_TIME(us) ((void)(us))
#endif

extern const mp_obj_module_t lwipb_module_sntp;
extern const mp_obj_module_t lwipb_module_mdns;
extern const mp_obj_module_t lwipb_module_lwiperf;

// At soft reset, after the live objects went.
void lwipb_sntp_deinit(void);
void lwipb_mdns_deinit(void);

// ---- sntp_core.c: core locked, all of it -----------------------------------------------------------

// Starts the client; ERR_MEM, or the error of binding a listener's port.
err_t lwipb_sntp_start(lwipb_live_t *owner);
void lwipb_sntp_stop(void);
// Forgets what the servers did, too. Not while it runs.
void lwipb_sntp_clear(void);
// The time now, by the last answer; microseconds since 1970.
int64_t lwipb_sntp_time_us(void);

// ---- lwiperf_core.c: core locked -------------------------------------------------------------------

typedef struct _lwipb_perf_report_t {
    uint8_t type; // enum lwiperf_report_type
    uint16_t local_port;
    uint16_t remote_port;
    ip_addr_t local;
    ip_addr_t remote;
    uint32_t bytes;
    uint32_t ms;
    uint32_t kbit_s;
} lwipb_perf_report_t;

#define LWIPB_PERF_REPORTS (4)

typedef struct _lwipb_perf_t {
    lwipb_live_t live;
    mp_obj_t callback;
    uint8_t first; // report to tell
    uint8_t count;
    lwipb_perf_report_t reports[LWIPB_PERF_REPORTS];
} lwipb_perf_t;

// The sessions that these start report to self.
err_t lwipb_perf_serve(lwipb_perf_t *self, const ip_addr_t *addr, uint16_t port);
err_t lwipb_perf_connect(lwipb_perf_t *self, const ip_addr_t *addr, uint16_t port, int type);
// Resets its connections and closes its listener, without a report.
void lwipb_perf_abort(lwipb_perf_t *self);
bool lwipb_perf_runs(const lwipb_perf_t *self);

// ---- mdns_core.c: core locked ----------------------------------------------------------------------

// What a TXT record says: encoded strings, each behind its length. On lwIP's heap.
typedef struct _lwipb_mdns_txt_t {
    uint16_t len;
    uint8_t data[];
} lwipb_mdns_txt_t;

// What is to be told to the script, on lwIP's heap.
typedef struct _lwipb_mdns_event_t {
    struct _lwipb_mdns_event_t *next;
    uint8_t netif_index; // of a name's result; 0 for an answer to a search
    int8_t slot; // of the name's service, or of the search
    uint8_t result; // or the answer's flags
    uint16_t type;
    uint32_t ttl;
    uint16_t name_len; // encoded
    uint16_t data_len;
    uint8_t bytes[]; // name, data
} lwipb_mdns_event_t;

err_t lwipb_mdns_start(lwipb_live_t *owner);
void lwipb_mdns_stop(void);

err_t lwipb_mdns_add_netif(struct netif *netif, const char *hostname);
void lwipb_mdns_remove_netif(struct netif *netif);

// The service's slot, or an err_t.
int lwipb_mdns_add_service(struct netif *netif, const char *name, const char *service, int proto,
    uint16_t port, lwipb_mdns_txt_t *txt);
bool lwipb_mdns_has_service(struct netif *netif, mp_int_t slot);
void lwipb_mdns_del_service(struct netif *netif, uint8_t slot);
lwipb_mdns_txt_t *lwipb_mdns_txt(struct netif *netif, uint8_t slot);
void lwipb_mdns_set_txt(struct netif *netif, uint8_t slot, lwipb_mdns_txt_t *txt);

// The request's number, or an err_t.
int lwipb_mdns_search(const char *name, const char *service, int proto, struct netif *netif);
void lwipb_mdns_search_stop(uint8_t request);

// The oldest that waits, for the caller to mem_free(); NULL = none.
lwipb_mdns_event_t *lwipb_mdns_take(void);

#endif
