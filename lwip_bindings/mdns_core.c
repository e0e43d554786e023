// SPDX-License-Identifier: MIT
// lwIP's mDNS responder (RFC 6762, RFC 6763), and what a script needs beyond it: an end.
//
// lwIP 2.2.1's responder cannot be stopped, leaves the timers of an interface behind that it was taken off,
// and in a search copies what a malformed answer says to be its length. Packets are looked through before
// it sees them; its tables lie on the heap while it runs.

#include <string.h>

#include "apps.h"
#include "apptimers.h"

#if LWIP_MDNS_RESPONDER

#include "lwip/igmp.h"
#include "lwip/mem.h"
#include "lwip/memp.h"
#include "lwip/mld6.h"
#include "lwip/prot/dns.h"
#include "lwip/udp.h"

#if !LWIP_MDNS_SEARCH || !MDNS_RESP_USENETIF_EXTCALLBACK || LWIP_NUM_NETIF_CLIENT_DATA < 1
#error "mDNS needs LWIP_MDNS_SEARCH, LWIP_NETIF_EXT_STATUS_CALLBACK and LWIP_NUM_NETIF_CLIENT_DATA >= 1"
#endif

// Of an interface: probing, and for each version of IP what delays an answer (five).
#define TIMERS_PER_NETIF (1 + 5 * (LWIP_IPV4 + LWIP_IPV6))
#define EVENTS_MAX (12)

static void *packet_alloc(size_t size);
static void packet_free(void *packet);
static void one_timer_start(u32_t ms, sys_timeout_handler handler, void *arg);
static u8_t client_id(void);

// The pool of stored packets and the table of searches are the heap's.
#undef LWIP_MEMPOOL_DECLARE
#undef LWIP_MEMPOOL_INIT
#undef LWIP_MEMPOOL_ALLOC
#undef LWIP_MEMPOOL_FREE
#define LWIP_MEMPOOL_DECLARE(name, num, size, desc)
#define LWIP_MEMPOOL_INIT(name)
#define LWIP_MEMPOOL_ALLOC(name) packet_alloc(sizeof(struct mdns_packet))
#define LWIP_MEMPOOL_FREE(name, packet) packet_free(packet)
#define mdns_requests (*searches)
#define sys_timeout one_timer_start
#define sys_untimeout lwipb_timer_stop
#define netif_alloc_client_data_id client_id
#include "../apps/mdns/mdns.c"
#include "../apps/mdns/mdns_domain.c"
#include "../apps/mdns/mdns_out.c"
#undef netif_alloc_client_data_id

static lwipb_live_t *told;
static lwipb_mdns_event_t *events; // the oldest first
static uint8_t packets_stored;

static void *packet_alloc(size_t size) {
    void *packet = packets_stored < MDNS_MAX_STORED_PKTS ? mem_malloc(size) : NULL;
    packets_stored += packet != NULL;
    return packet;
}

static void packet_free(void *packet) {
    mem_free(packet);
    --packets_stored;
}

// lwIP's flags do not always say that a timer runs: a second one of a kind would be one too many.
static void one_timer_start(u32_t ms, sys_timeout_handler handler, void *arg) {
    lwipb_timer_stop(handler, arg);
    lwipb_timer_start(ms, handler, arg);
}

// There is no way to give such a number back, so every start after the first uses the same.
static u8_t client_id(void) {
    static u8_t id_plus_1;
    if (id_plus_1 == 0) {
        id_plus_1 = netif_alloc_client_data_id() + 1;
    }
    return id_plus_1 - 1;
}

// ---- Events ----------------------------------------------------------------------------------------

static lwipb_mdns_event_t *event_new(size_t bytes) {
    size_t waiting = 0;
    lwipb_mdns_event_t **end = &events;
    while (*end != NULL) {
        end = &(*end)->next;
        ++waiting;
    }
    lwipb_mdns_event_t *event = waiting < EVENTS_MAX ? mem_malloc(sizeof(*event) + bytes) : NULL;
    if (event != NULL) {
        memset(event, 0, sizeof(*event));
        *end = event;
        lwipb_live_post(told);
        LWIP_BINDINGS_WAKE();
    }
    return event;
}

static void on_name_result(struct netif *netif, u8_t result, s8_t slot) {
    lwipb_mdns_event_t *event = event_new(0);
    if (event != NULL) {
        event->netif_index = netif_get_index(netif);
        event->result = result;
        event->slot = slot;
    }
}

static void on_answer(struct mdns_answer *answer, const char *data, int len, int flags, void *arg) {
    uint16_t name_len = answer->info.domain.length;
    lwipb_mdns_event_t *event = event_new(name_len + len);
    if (event != NULL) {
        event->slot = (int8_t)(uintptr_t)arg;
        event->result = flags;
        event->type = answer->info.type;
        event->ttl = answer->ttl;
        event->name_len = name_len;
        event->data_len = len;
        memcpy(event->bytes, answer->info.domain.name, name_len);
        memcpy(event->bytes + name_len, data, len);
    }
}

lwipb_mdns_event_t *lwipb_mdns_take(void) {
    LWIP_ASSERT_CORE_LOCKED();
    lwipb_mdns_event_t *event = events;
    if (event != NULL) {
        events = event->next;
    }
    return event;
}

// ---- What comes in ---------------------------------------------------------------------------------

static u16_t u16_at(const struct pbuf *p, u16_t offset) {
    return (u16_t)(pbuf_get_at(p, offset) << 8 | pbuf_get_at(p, offset + 1));
}

// Reads over one record's name and header, and over its data unless it is a question. Names in the data
// of PTR and SRV must be readable. 0 = malformed.
static u16_t skip_record(struct pbuf *p, u16_t offset, bool question) {
    struct mdns_domain name;
    offset = mdns_readname(p, offset, &name);
    size_t header = question ? 4 : 10;
    if (offset == MDNS_READNAME_ERROR || offset + header > p->tot_len) {
        return 0;
    }
    u16_t type = u16_at(p, offset);
    u16_t data = offset + header;
    if (question) {
        return data;
    }
    u16_t len = u16_at(p, offset + 8);
    if (data + len > p->tot_len) {
        return 0;
    }
    u16_t before_name = type == DNS_RRTYPE_SRV ? 6 : 0;
    if ((type == DNS_RRTYPE_SRV || type == DNS_RRTYPE_PTR)
        && (len <= before_name || mdns_readname(p, data + before_name, &name) == MDNS_READNAME_ERROR)) {
        return 0;
    }
    return data + len;
}

static bool is_sane(struct pbuf *p) {
    if (p->tot_len < SIZEOF_DNS_HDR) {
        return false;
    }
    // Questions; answers, authorities and additional records. Each takes some of the packet.
    unsigned questions = u16_at(p, 4);
    unsigned others = u16_at(p, 6) + u16_at(p, 8) + u16_at(p, 10);
    if (others > 0xffff) {
        return false;
    }
    u16_t offset = SIZEOF_DNS_HDR;
    for (unsigned left = questions + others; left > 0; --left) {
        offset = skip_record(p, offset, left > others);
        if (offset == 0) {
            return false;
        }
    }
    return true;
}

static void on_recv(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr, u16_t port) {
    // lwIP reads answers as if they lay in one piece.
    if (p->next != NULL) {
        struct pbuf *whole = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
        if (whole != NULL) {
            whole->if_idx = p->if_idx;
        }
        pbuf_free(p);
        p = whole;
    }
    if (p != NULL && ip_current_input_netif() != NULL && is_sane(p)) {
        mdns_recv(arg, pcb, p, addr, port);
    } else if (p != NULL) {
        pbuf_free(p);
    }
}

// ---- Start and end ---------------------------------------------------------------------------------

static err_t try_pcb(void) {
    struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
    if (pcb == NULL) {
        return ERR_MEM;
    }
    err_t err = udp_bind(pcb, IP_ANY_TYPE, LWIP_IANA_PORT_MDNS);
    udp_remove(pcb);
    return err;
}

err_t lwipb_mdns_start(lwipb_live_t *owner) {
    LWIP_ASSERT_CORE_LOCKED();
    err_t err = try_pcb();
    if (err != ERR_OK) {
        return err;
    }
    searches = mem_malloc(sizeof(*searches));
    if (searches == NULL || !lwipb_timers_reserve(MDNS_MAX_STORED_PKTS)) {
        mem_free(searches);
        searches = NULL;
        return ERR_MEM;
    }
    told = owner;
    mdns_resp_init();
    udp_recv(mdns_pcb, on_recv, NULL);
    mdns_resp_register_name_result_cb(on_name_result);
    return ERR_OK;
}

static void drop_packet(struct mdns_packet *packet) {
    pbuf_free(packet->pbuf);
    packet_free(packet);
}

// Truncated questions that wait for the rest.
static void drop_questions(void) {
    struct mdns_packet *question;
    while ((question = pending_tc_questions) != NULL) {
        pending_tc_questions = question->next_tc_question;
        lwipb_timer_stop(mdns_handle_tc_question, question);
        struct mdns_packet *answer;
        while ((answer = question->next_answer) != NULL) {
            question->next_answer = answer->next_answer;
            drop_packet(answer);
        }
        drop_packet(question);
    }
}

void lwipb_mdns_stop(void) {
    LWIP_ASSERT_CORE_LOCKED();
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (mdns_resp_netif_active(netif)) {
            lwipb_mdns_remove_netif(netif);
        }
    }
    drop_questions();
    netif_remove_ext_callback(&netif_callback);
    udp_remove(mdns_pcb);
    mdns_pcb = NULL;
    told = NULL;
    lwipb_timers_unreserve(MDNS_MAX_STORED_PKTS);
    mem_free(searches);
    searches = NULL;
    lwipb_mdns_event_t *event;
    while ((event = lwipb_mdns_take()) != NULL) {
        mem_free(event);
    }
}

// ---- Interfaces and services -----------------------------------------------------------------------

static void leave_groups(struct netif *netif, bool ip4, bool ip6) {
    #if LWIP_IPV4
    if (ip4) {
        igmp_leavegroup_netif(netif, ip_2_ip4(&v4group));
    }
    #endif
    #if LWIP_IPV6
    if (ip6) {
        mld6_leavegroup_netif(netif, ip_2_ip6(&v6group));
    }
    #endif
}

err_t lwipb_mdns_add_netif(struct netif *netif, const char *hostname) {
    LWIP_ASSERT_CORE_LOCKED();
    if (!lwipb_timers_reserve(TIMERS_PER_NETIF)) {
        return ERR_MEM;
    }
    // lwIP stays in the first group if it cannot join the second: join both before, so that it can.
    err_t err = ERR_OK, err6 = ERR_OK;
    #if LWIP_IPV4
    err = igmp_joingroup_netif(netif, ip_2_ip4(&v4group));
    #endif
    #if LWIP_IPV6
    err6 = mld6_joingroup_netif(netif, ip_2_ip6(&v6group));
    #endif
    err_t result = err != ERR_OK ? err : err6;
    if (result == ERR_OK) {
        result = mdns_resp_add_netif(netif, hostname);
    }
    leave_groups(netif, err == ERR_OK, err6 == ERR_OK);
    if (result != ERR_OK) {
        lwipb_timers_unreserve(TIMERS_PER_NETIF);
    }
    return result;
}

void lwipb_mdns_remove_netif(struct netif *netif) {
    static const sys_timeout_handler handlers[] = {
        #if LWIP_IPV4
        mdns_multicast_timeout_reset_ipv4, mdns_multicast_probe_timeout_reset_ipv4,
        mdns_multicast_timeout_25ttl_reset_ipv4, mdns_send_multicast_msg_delayed_ipv4,
        mdns_send_unicast_msg_delayed_ipv4,
        #endif
        #if LWIP_IPV6
        mdns_multicast_timeout_reset_ipv6, mdns_multicast_probe_timeout_reset_ipv6,
        mdns_multicast_timeout_25ttl_reset_ipv6, mdns_send_multicast_msg_delayed_ipv6,
        mdns_send_unicast_msg_delayed_ipv6,
        #endif
    };
    LWIP_ASSERT_CORE_LOCKED();
    for (size_t i = 0; i < LWIP_ARRAYSIZE(handlers); ++i) {
        lwipb_timer_stop(handlers[i], netif);
    }
    drop_questions();
    for (uint8_t slot = 0; slot < MDNS_MAX_SERVICES; ++slot) {
        if (lwipb_mdns_has_service(netif, slot)) {
            lwipb_mdns_del_service(netif, slot);
        }
    }
    mdns_resp_remove_netif(netif);
    lwipb_timers_unreserve(TIMERS_PER_NETIF);
}

// lwIP asks whenever it writes a TXT record.
static void add_txt(struct mdns_service *service, void *arg) {
    lwipb_mdns_txt_t *txt = arg;
    for (uint16_t at = 0; txt != NULL && at < txt->len; at += 1 + txt->data[at]) {
        mdns_resp_add_service_txtitem(service, (const char *)&txt->data[at + 1], txt->data[at]);
    }
}

int lwipb_mdns_add_service(struct netif *netif, const char *name, const char *service, int proto,
    uint16_t port, lwipb_mdns_txt_t *txt) {
    return mdns_resp_add_service(netif, name, service, proto, port, add_txt, txt);
}

bool lwipb_mdns_has_service(struct netif *netif, mp_int_t slot) {
    struct mdns_host *host = NETIF_TO_HOST(netif);
    return slot >= 0 && slot < MDNS_MAX_SERVICES && host->services[slot] != NULL;
}

void lwipb_mdns_del_service(struct netif *netif, uint8_t slot) {
    mem_free(lwipb_mdns_txt(netif, slot));
    mdns_resp_del_service(netif, slot);
}

lwipb_mdns_txt_t *lwipb_mdns_txt(struct netif *netif, uint8_t slot) {
    return mdns_get_service_txt_userdata(netif, slot);
}

void lwipb_mdns_set_txt(struct netif *netif, uint8_t slot, lwipb_mdns_txt_t *txt) {
    struct mdns_host *host = NETIF_TO_HOST(netif);
    mem_free(host->services[slot]->txt_userdata);
    host->services[slot]->txt_userdata = txt;
    mdns_resp_announce(netif);
}

int lwipb_mdns_search(const char *name, const char *service, int proto, struct netif *netif) {
    LWIP_ASSERT_CORE_LOCKED();
    u8_t request;
    err_t err = mdns_search_service(name, service, proto, netif, on_answer, NULL, &request);
    if (err != ERR_OK) {
        return err;
    }
    mdns_requests[request].arg = (void *)(uintptr_t)request;
    return request;
}

// The next search may get the number: what it is told must be of its own.
static void drop_answers(uint8_t request) {
    for (lwipb_mdns_event_t **link = &events; *link != NULL;) {
        lwipb_mdns_event_t *event = *link;
        if (event->netif_index == 0 && event->slot == request) {
            *link = event->next;
            mem_free(event);
        } else {
            link = &event->next;
        }
    }
}

void lwipb_mdns_search_stop(uint8_t request) {
    LWIP_ASSERT_CORE_LOCKED();
    mdns_search_stop(request);
    drop_answers(request);
}

#endif
