// SPDX-License-Identifier: MIT
// module lwip.dns: name servers, questions with a callback, the list of local hosts.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "dns.h"
#include "netif.h"
#include "raw.h"

#include "lwip/dns.h"

#if LWIP_DNS

// setserver(i, addr or None)
static mp_obj_t mod_setserver(mp_obj_t index, mp_obj_t addr_in) {
    uint8_t i = lwipb_server_from_obj(index, DNS_MAX_SERVERS);
    ip_addr_t addr = lwipb_server_addr(addr_in);
    LOCK_TCPIP_CORE();
    dns_setserver(i, &addr);
    UNLOCK_TCPIP_CORE();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_setserver_obj, mod_setserver);

// getserver(i): None if it is not set
static mp_obj_t mod_getserver(mp_obj_t index) {
    uint8_t i = lwipb_server_from_obj(index, DNS_MAX_SERVERS);
    LOCK_TCPIP_CORE();
    ip_addr_t addr = *dns_getserver(i);
    UNLOCK_TCPIP_CORE();
    return ip_addr_isany_val(addr) ? mp_const_none : lwipb_addr_to_obj(&addr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_getserver_obj, mod_getserver);

// ---- Questions -------------------------------------------------------------------------------------

typedef struct _question_t {
    lwipb_live_t live;
    lwipb_dns_request_t *request;
    mp_obj_t name;
    mp_obj_t callback;
} question_t;

static MP_DEFINE_CONST_OBJ_TYPE(question_type, MP_QSTR_gethostbyname, MP_TYPE_FLAG_NONE);

static void question_release(lwipb_live_t *live) {
    lwipb_dns_end(((question_t *)live)->request);
}

static void question_deliver(lwipb_live_t *live) {
    question_t *self = (question_t *)live;
    if (!lwipb_live_held(live)) {
        return;
    }
    ip_addr_t addr;
    bool found = lwipb_dns_answer(self->request, &addr);
    mp_obj_t args[2] = { self->name, mp_const_none };
    if (found) {
        args[1] = lwipb_addr_to_obj(&addr);
    }
    lwipb_live_drop(live);
    lwipb_call(self->callback, 2, args);
}

static uint8_t addrtype_from_args(size_t n_args, const mp_obj_t *args, size_t i) {
    mp_int_t addrtype = n_args > i ? mp_obj_get_int(args[i]) : LWIP_DNS_ADDRTYPE_DEFAULT;
    if (addrtype < LWIP_DNS_ADDRTYPE_IPV4 || addrtype > LWIP_DNS_ADDRTYPE_IPV6_IPV4) {
        mp_raise_ValueError(NULL);
    }
    return addrtype;
}

static const char *name_from_obj(mp_obj_t name_in) {
    size_t len;
    const char *name = mp_obj_str_get_data(name_in, &len);
    if (len == 0 || len >= DNS_MAX_NAME_LENGTH) {
        mp_raise_ValueError(MP_ERROR_TEXT("not a host's name"));
    }
    return name;
}

// gethostbyname(name, callback[, addrtype]): the address if it is known at once; else None, and
// callback(name, address or None) is called
static mp_obj_t mod_gethostbyname(size_t n_args, const mp_obj_t *args) {
    const char *name = name_from_obj(args[0]);
    uint8_t addrtype = addrtype_from_args(n_args, args, 2);
    if (!mp_obj_is_callable(args[1])) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback must be callable"));
    }
    question_t *self = mp_obj_malloc(question_t, &question_type);
    lwipb_live_init(&self->live);
    self->live.deliver = question_deliver;
    self->name = args[0];
    self->callback = args[1];
    ip_addr_t addr;
    err_t err = lwipb_dns_begin(name, addrtype, &self->live, &addr, &self->request);
    if (err == ERR_INPROGRESS) {
        lwipb_live_add(&self->live, question_release);
        lwipb_live_keep(&self->live);
        // An answer that came before the object was in the list.
        if (self->live.pending) {
            lwipb_live_post(&self->live);
        }
        return mp_const_none;
    }
    lwipb_check(err);
    return lwipb_addr_to_obj(&addr);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_gethostbyname_obj, 2, 3, mod_gethostbyname);

// ---- Local hosts -----------------------------------------------------------------------------------

#if DNS_LOCAL_HOSTLIST

// local_lookup(name[, addrtype]): None if it is not in the list
static mp_obj_t mod_local_lookup(size_t n_args, const mp_obj_t *args) {
    const char *name = name_from_obj(args[0]);
    uint8_t addrtype = addrtype_from_args(n_args, args, 1);
    ip_addr_t addr;
    LOCK_TCPIP_CORE();
    err_t err = dns_local_lookup(name, &addr, addrtype);
    UNLOCK_TCPIP_CORE();
    return err == ERR_OK ? lwipb_addr_to_obj(&addr) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_local_lookup_obj, 1, 2, mod_local_lookup);

// The entry of that number, copied out of the list.
typedef struct _entry_t {
    size_t left;
    bool found;
    ip_addr_t addr;
    char name[DNS_MAX_NAME_LENGTH];
} entry_t;

static void copy_entry(const char *name, const ip_addr_t *addr, void *arg) {
    entry_t *entry = arg;
    if (entry->left-- == 0) {
        entry->found = true;
        entry->addr = *addr;
        strncpy(entry->name, name, sizeof(entry->name) - 1);
    }
}

// local_iterate(function): function(name, address) for each; the number of entries
static mp_obj_t mod_local_iterate(mp_obj_t function) {
    entry_t *entry = m_new(entry_t, 1);
    for (size_t i = 0;; ++i) {
        memset(entry, 0, sizeof(*entry));
        entry->left = i;
        LOCK_TCPIP_CORE();
        dns_local_iterate(copy_entry, entry);
        UNLOCK_TCPIP_CORE();
        if (!entry->found) {
            return MP_OBJ_NEW_SMALL_INT(i);
        }
        mp_call_function_2(function, mp_obj_new_str_from_cstr(entry->name),
            lwipb_addr_to_obj(&entry->addr));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_local_iterate_obj, mod_local_iterate);

#if DNS_LOCAL_HOSTLIST_IS_DYNAMIC

static mp_obj_t mod_local_addhost(mp_obj_t name_in, mp_obj_t addr_in) {
    const char *name = name_from_obj(name_in);
    if (strlen(name) >= DNS_LOCAL_HOSTLIST_MAX_NAMELEN) {
        mp_raise_ValueError(MP_ERROR_TEXT("not a host's name"));
    }
    ip_addr_t addr;
    lwipb_addr_numeric(addr_in, AF_UNSPEC, &addr);
    LOCK_TCPIP_CORE();
    err_t err = dns_local_addhost(name, &addr);
    UNLOCK_TCPIP_CORE();
    lwipb_check(err);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_local_addhost_obj, mod_local_addhost);

// local_removehost(name or None, addr or None): all that match; how many they were
static mp_obj_t mod_local_removehost(mp_obj_t name_in, mp_obj_t addr_in) {
    const char *name = name_in == mp_const_none ? NULL : name_from_obj(name_in);
    ip_addr_t addr;
    if (addr_in != mp_const_none) {
        lwipb_addr_numeric(addr_in, AF_UNSPEC, &addr);
    }
    LOCK_TCPIP_CORE();
    int count = dns_local_removehost(name, addr_in == mp_const_none ? NULL : &addr);
    UNLOCK_TCPIP_CORE();
    return MP_OBJ_NEW_SMALL_INT(count);
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_local_removehost_obj, mod_local_removehost);

#endif
#endif

void lwipb_hosts_deinit(void) {
    #if DNS_LOCAL_HOSTLIST && DNS_LOCAL_HOSTLIST_IS_DYNAMIC
    LOCK_TCPIP_CORE();
    dns_local_removehost(NULL, NULL);
    UNLOCK_TCPIP_CORE();
    #endif
}

#define FUNCTION(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mod_##name##_obj) }
#define TYPE(name) { MP_ROM_QSTR(MP_QSTR_ADDRTYPE_##name), MP_ROM_INT(LWIP_DNS_ADDRTYPE_##name) }

static const mp_rom_map_elem_t dns_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_dns) },
    FUNCTION(setserver),
    FUNCTION(getserver),
    FUNCTION(gethostbyname),
    #if DNS_LOCAL_HOSTLIST
    FUNCTION(local_lookup),
    FUNCTION(local_iterate),
    #if DNS_LOCAL_HOSTLIST_IS_DYNAMIC
    FUNCTION(local_addhost),
    FUNCTION(local_removehost),
    #endif
    #endif
    { MP_ROM_QSTR(MP_QSTR_MAX_SERVERS), MP_ROM_INT(DNS_MAX_SERVERS) },
    TYPE(IPV4),
    TYPE(IPV6),
    TYPE(IPV4_IPV6),
    TYPE(IPV6_IPV4),
};
static MP_DEFINE_CONST_DICT(dns_module_globals, dns_module_globals_table);

const mp_obj_module_t lwipb_module_dns = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&dns_module_globals,
};

#else

void lwipb_hosts_deinit(void) {
}

#endif
