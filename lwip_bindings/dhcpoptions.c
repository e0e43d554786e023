// SPDX-License-Identifier: MIT
// Options of DHCP (RFC 2132) that a script has the client send, and those it wants of the lease.
//
// lwIP's hooks run in lwIP's context with its lock, where nothing can be allocated: they copy from and to
// rooms on the VM's heap that the script's calls made, and that change hands under the lock.

#include "py/runtime.h"

#include "netif.h"

#include "lwip/dhcp.h"
#include "lwip/errno.h"
#include "lwip/prot/dhcp.h"

#ifdef LWIP_HOOK_FILENAME
#include LWIP_HOOK_FILENAME
#endif

#if LWIP_DHCP && defined(LWIP_BINDINGS_HOOKS_H)

// What lwIP's own options take of a message at most, in a request: type, size, address, server, a list of
// five, the host's name of 32 characters, the end.
#define OWN_LEN (3 + 4 + 6 + 6 + (2 + 5) + (2 + 32) + 1)
#define ROOM (DHCP_OPTIONS_LEN - OWN_LEN)

#if DHCP_OPTIONS_LEN < 128
#error "DHCP_OPTIONS_LEN leaves a script no room"
#endif

#define VALUE_MAX (255)

typedef struct _kept_t {
    uint8_t code;
    bool given; // by the last acknowledgement
    uint16_t len; // of all its parts (RFC 3396); more than VALUE_MAX if it did not fit
    uint8_t value[VALUE_MAX];
} kept_t;

typedef struct _dhcp_options_t {
    struct _dhcp_options_t *next;
    struct netif *netif;
    uint8_t *sent; // as in the message: code, length, value
    kept_t *kept;
    uint16_t sent_len;
    uint8_t kept_count;
    bool asked; // since the last acknowledgement that had an option
} dhcp_options_t;

// ---- lwIP's context --------------------------------------------------------------------------------

static dhcp_options_t *find(const struct netif *netif) {
    dhcp_options_t *self = MP_STATE_VM(lwipb_dhcp_options);
    while (self != NULL && self->netif != netif) {
        self = self->next;
    }
    return self;
}

// The codes wanted go into lwIP's own list (option 55): servers read the first list only. INFORM has none,
// and lwIP does not read the answer to it.
static void ask(const dhcp_options_t *self, uint8_t *options, u16_t *len) {
    size_t list = 0;
    while (list < *len && options[list] != DHCP_OPTION_PARAMETER_REQUEST_LIST) {
        list += 2 + options[list + 1];
    }
    for (size_t i = 0; list < *len && i < self->kept_count; ++i) {
        uint8_t code = self->kept[i].code;
        size_t count = options[list + 1];
        if (memchr(options + list + 2, code, count) == NULL && *len + 1u < DHCP_OPTIONS_LEN) {
            uint8_t *end = options + list + 2 + count;
            memmove(end + 1, end, options + *len - end);
            *end = code;
            options[list + 1] = count + 1;
            *len += 1;
        }
    }
}

void lwipb_dhcp_append(struct netif *netif, struct dhcp_msg *msg, u8_t type, u16_t *len) {
    dhcp_options_t *self = find(netif);
    if (self == NULL) {
        return;
    }
    // Only who it is belongs into these (RFC 2131 section 4.4.1, table 5); without it the server would not
    // find the lease.
    bool identity_only = type == DHCP_RELEASE || type == DHCP_DECLINE;
    if (!identity_only && type != DHCP_INFORM) {
        self->asked = true;
        ask(self, msg->options, len);
    }
    for (size_t i = 0; i < self->sent_len;) {
        const uint8_t *option = self->sent + i;
        size_t n = 2 + option[1];
        i += n;
        // One byte stays for lwIP's end of the options.
        if ((!identity_only || option[0] == DHCP_OPTION_CLIENT_ID) && *len + n < DHCP_OPTIONS_LEN) {
            memcpy(msg->options + *len, option, n);
            *len += n;
        }
    }
}

// lwIP takes an acknowledgement in these states.
static bool awaits_ack(const struct dhcp *dhcp) {
    return dhcp->state == DHCP_STATE_REQUESTING || dhcp->state == DHCP_STATE_REBOOTING
           || dhcp->state == DHCP_STATE_RENEWING || dhcp->state == DHCP_STATE_REBINDING;
}

void lwipb_dhcp_parse(struct dhcp *dhcp, u8_t type, u8_t code, u8_t len, struct pbuf *p, u16_t offset) {
    dhcp_options_t *self = MP_STATE_VM(lwipb_dhcp_options);
    while (self != NULL && netif_dhcp_data(self->netif) != dhcp) {
        self = self->next;
    }
    if (self == NULL || type != DHCP_ACK || !awaits_ack(dhcp)) {
        return;
    }
    if (self->asked) {
        self->asked = false;
        for (size_t i = 0; i < self->kept_count; ++i) {
            self->kept[i].given = false;
            self->kept[i].len = 0;
        }
    }
    for (size_t i = 0; i < self->kept_count; ++i) {
        kept_t *kept = &self->kept[i];
        if (kept->code != code) {
            continue;
        }
        size_t room = kept->len < VALUE_MAX ? VALUE_MAX - kept->len : 0;
        size_t take = MIN(len, room);
        // Less is a message that ends within the option, which lwIP refuses.
        if (pbuf_copy_partial(p, kept->value + kept->len, take, offset) == take) {
            kept->given = true;
            kept->len += len;
        }
    }
}

// ---- The VM's context ------------------------------------------------------------------------------

static uint8_t code_from_obj(mp_obj_t obj, const uint8_t *managed, size_t count) {
    mp_int_t code = mp_obj_get_int(obj);
    if (code <= DHCP_OPTION_PAD || code >= DHCP_OPTION_END) {
        mp_raise_ValueError(MP_ERROR_TEXT("not an option"));
    }
    if (memchr(managed, code, count) != NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("lwIP's own option"));
    }
    return code;
}

static dhcp_options_t *find_or_make(struct netif *netif) {
    dhcp_options_t *self = find(netif);
    if (self == NULL) {
        self = m_new0(dhcp_options_t, 1);
        self->netif = netif;
        self->sent = m_new(uint8_t, 1);
        self->asked = true; // nothing was kept of the lease in use
        self->next = MP_STATE_VM(lwipb_dhcp_options);
        LOCK_TCPIP_CORE();
        MP_STATE_VM(lwipb_dhcp_options) = self;
        UNLOCK_TCPIP_CORE();
    }
    return self;
}

static void check_room(size_t len) {
    if (len > ROOM) {
        mp_raise_ValueError(MP_ERROR_TEXT("options too long"));
    }
}

// set_option(netif, code, data or None)
static mp_obj_t set_option(mp_obj_t netif_in, mp_obj_t code_in, mp_obj_t data_in) {
    static const uint8_t managed[] = {
        DHCP_OPTION_HOSTNAME, DHCP_OPTION_REQUESTED_IP, DHCP_OPTION_OVERLOAD, DHCP_OPTION_MESSAGE_TYPE,
        DHCP_OPTION_SERVER_ID, DHCP_OPTION_PARAMETER_REQUEST_LIST, DHCP_OPTION_MAX_MSG_SIZE,
    };
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    uint8_t code = code_from_obj(code_in, managed, sizeof(managed));
    mp_buffer_info_t data = { .len = 0 };
    if (data_in != mp_const_none) {
        mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
        if (data.len < 1 || data.len > VALUE_MAX) {
            mp_raise_ValueError(MP_ERROR_TEXT("1 to 255 bytes"));
        }
    }
    dhcp_options_t *self = find_or_make(netif);
    size_t added = data_in == mp_const_none ? 0 : 2 + data.len;
    size_t old = 0; // where the option stands now
    while (old < self->sent_len && self->sent[old] != code) {
        old += 2 + self->sent[old + 1];
    }
    size_t after = old < self->sent_len ? old + 2 + self->sent[old + 1] : old;
    size_t len = self->sent_len - (after - old) + added;
    check_room(len + self->kept_count);
    uint8_t *sent = m_new(uint8_t, len + 1);
    memcpy(sent, self->sent, old);
    memcpy(sent + old, self->sent + after, self->sent_len - after);
    if (added > 0) {
        uint8_t *option = sent + len - added;
        option[0] = code;
        option[1] = data.len;
        memcpy(option + 2, data.buf, data.len);
    }
    LOCK_TCPIP_CORE();
    self->sent = sent;
    self->sent_len = len;
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_3(lwipb_dhcp_set_option_obj, set_option);

static kept_t *find_kept(dhcp_options_t *self, uint8_t code) {
    for (size_t i = 0; self != NULL && i < self->kept_count; ++i) {
        if (self->kept[i].code == code) {
            return &self->kept[i];
        }
    }
    return NULL;
}

// request_options(netif, codes): these from now on, in the place of earlier ones
static mp_obj_t request_options(mp_obj_t netif_in, mp_obj_t codes) {
    // lwIP reads these itself and does not show them.
    static const uint8_t managed[] = {
        DHCP_OPTION_SUBNET_MASK, DHCP_OPTION_ROUTER, DHCP_OPTION_LEASE_TIME, DHCP_OPTION_OVERLOAD,
        DHCP_OPTION_MESSAGE_TYPE, DHCP_OPTION_SERVER_ID, DHCP_OPTION_T1, DHCP_OPTION_T2,
        #if LWIP_DNS && LWIP_DHCP_MAX_DNS_SERVERS
        DHCP_OPTION_DNS_SERVER,
        #endif
        #if LWIP_DHCP_GET_NTP_SRV
        DHCP_OPTION_NTP,
        #endif
    };
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    uint8_t wanted[ROOM];
    size_t count = 0;
    mp_obj_t iterable = mp_getiter(codes, NULL);
    for (mp_obj_t item = mp_iternext(iterable); item != MP_OBJ_STOP_ITERATION; item = mp_iternext(iterable)) {
        uint8_t code = code_from_obj(item, managed, sizeof(managed));
        if (memchr(wanted, code, count) == NULL) {
            check_room(count + 1);
            wanted[count++] = code;
        }
    }
    dhcp_options_t *self = find_or_make(netif);
    check_room(self->sent_len + count);
    kept_t *kept = m_new0(kept_t, MAX(count, 1));
    for (size_t i = 0; i < count; ++i) {
        kept[i].code = wanted[i];
    }
    LOCK_TCPIP_CORE();
    for (size_t i = 0; i < count; ++i) {
        kept_t *earlier = find_kept(self, wanted[i]);
        if (earlier != NULL) {
            kept[i] = *earlier;
        }
    }
    self->kept = kept;
    self->kept_count = count;
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(lwipb_dhcp_request_options_obj, request_options);

// get_option(netif, code): of the lease in use; ValueError if it was not requested
static mp_obj_t get_option(mp_obj_t netif_in, mp_obj_t code_in) {
    struct netif *netif = lwipb_netif_with_arp(netif_in);
    dhcp_options_t *self = find(netif);
    kept_t *kept = find_kept(self, code_from_obj(code_in, (const uint8_t *)"", 0));
    if (kept == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("option not requested"));
    }
    kept_t copy = { .given = false };
    LOCK_TCPIP_CORE();
    // Bound, and nothing heard since it asked: the acknowledgement had no option that lwIP shows.
    if (dhcp_supplied_address(netif)
        && !(self->asked && netif_dhcp_data(netif)->state == DHCP_STATE_BOUND)) {
        copy = *kept;
    }
    UNLOCK_TCPIP_CORE();
    if (copy.len > VALUE_MAX) {
        mp_raise_OSError(EMSGSIZE);
    }
    return copy.given ? mp_obj_new_bytes(copy.value, copy.len) : mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(lwipb_dhcp_get_option_obj, get_option);

void lwipb_dhcp_deinit(void) {
    LOCK_TCPIP_CORE();
    MP_STATE_VM(lwipb_dhcp_options) = NULL;
    UNLOCK_TCPIP_CORE();
}

#else

void lwipb_dhcp_deinit(void) {
}

#endif

MP_REGISTER_ROOT_POINTER(struct _dhcp_options_t *lwipb_dhcp_options);
