// SPDX-License-Identifier: MIT
// lwip.stats(): lwIP's own counters, by protocol, and the use of its heap and pools.

#include <stddef.h>

#include "py/runtime.h"

#include "bindings.h"

#include "lwip/memp.h"
#include "lwip/priv/memp_priv.h"
#include "lwip/stats.h"

#if LWIP_STATS && MEM_STATS && MEMP_STATS

typedef struct _field_t {
    uint16_t name; // qstr
    uint16_t offset;
} field_t;

#define FIELD(type, name) { MP_QSTR_##name, offsetof(struct type, name) }

static const field_t proto_fields[] = {
    FIELD(stats_proto, xmit),
    FIELD(stats_proto, recv),
    FIELD(stats_proto, fw),
    FIELD(stats_proto, drop),
    FIELD(stats_proto, chkerr),
    FIELD(stats_proto, lenerr),
    FIELD(stats_proto, memerr),
    FIELD(stats_proto, rterr),
    FIELD(stats_proto, proterr),
    FIELD(stats_proto, opterr),
    FIELD(stats_proto, err),
    FIELD(stats_proto, cachehit),
};

#if IGMP_STATS || MLD6_STATS
static const field_t igmp_fields[] = {
    FIELD(stats_igmp, xmit),
    FIELD(stats_igmp, recv),
    FIELD(stats_igmp, drop),
    FIELD(stats_igmp, chkerr),
    FIELD(stats_igmp, lenerr),
    FIELD(stats_igmp, memerr),
    FIELD(stats_igmp, proterr),
    FIELD(stats_igmp, rx_v1),
    FIELD(stats_igmp, rx_group),
    FIELD(stats_igmp, rx_general),
    FIELD(stats_igmp, rx_report),
    FIELD(stats_igmp, tx_join),
    FIELD(stats_igmp, tx_leave),
    FIELD(stats_igmp, tx_report),
};
#endif

typedef struct _group_t {
    uint16_t name; // qstr
    uint16_t offset;
    uint16_t field_count;
    const field_t *fields;
} group_t;

#define GROUP(member, fields) \
    { MP_QSTR_##member, offsetof(struct stats_, member), MP_ARRAY_SIZE(fields), fields }

static const group_t groups[] = {
    #if LINK_STATS
    GROUP(link, proto_fields),
    #endif
    #if ETHARP_STATS
    GROUP(etharp, proto_fields),
    #endif
    #if IPFRAG_STATS
    GROUP(ip_frag, proto_fields),
    #endif
    #if IP_STATS
    GROUP(ip, proto_fields),
    #endif
    #if ICMP_STATS
    GROUP(icmp, proto_fields),
    #endif
    #if IGMP_STATS
    GROUP(igmp, igmp_fields),
    #endif
    #if UDP_STATS
    GROUP(udp, proto_fields),
    #endif
    #if TCP_STATS
    GROUP(tcp, proto_fields),
    #endif
    #if IP6_STATS
    GROUP(ip6, proto_fields),
    #endif
    #if ICMP6_STATS
    GROUP(icmp6, proto_fields),
    #endif
    #if IP6_FRAG_STATS
    GROUP(ip6_frag, proto_fields),
    #endif
    #if MLD6_STATS
    GROUP(mld6, igmp_fields),
    #endif
    #if ND6_STATS
    GROUP(nd6, proto_fields),
    #endif
};

static const uint16_t memp_names[] = {
    #define LWIP_MEMPOOL(name, num, size, desc) MP_QSTR_##name,
    #include "lwip/priv/memp_std.h"
};

static mp_obj_t group_to_dict(const group_t *group) {
    mp_obj_t dict = mp_obj_new_dict(group->field_count);
    const uint8_t *base = (const uint8_t *)&lwip_stats + group->offset;
    for (size_t i = 0; i < group->field_count; ++i) {
        STAT_COUNTER value = *(const STAT_COUNTER *)(base + group->fields[i].offset);
        mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(group->fields[i].name),
            mp_obj_new_int_from_uint(value));
    }
    return dict;
}

// (used, max, avail, err)
static mp_obj_t mem_to_tuple(const struct stats_mem *mem) {
    mp_obj_t items[4] = {
        mp_obj_new_int_from_uint(mem->used),
        mp_obj_new_int_from_uint(mem->max),
        mp_obj_new_int_from_uint(mem->avail),
        mp_obj_new_int_from_uint(mem->err),
    };
    return mp_obj_new_tuple(4, items);
}

static mp_obj_t memp_to_dict(void) {
    mp_obj_t dict = mp_obj_new_dict(MP_ARRAY_SIZE(memp_names));
    for (size_t i = 0; i < MP_ARRAY_SIZE(memp_names); ++i) {
        mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(memp_names[i]), mem_to_tuple(lwip_stats.memp[i]));
    }
    return dict;
}

// stats([name]): one group, or all of them in a dict
static mp_obj_t lwip_get_stats(size_t n_args, const mp_obj_t *args) {
    qstr wanted = n_args > 0 ? mp_obj_str_get_qstr(args[0]) : MP_QSTRnull;
    mp_obj_t all = n_args > 0 ? MP_OBJ_NULL : mp_obj_new_dict(MP_ARRAY_SIZE(groups) + 2);
    for (size_t i = 0; i < MP_ARRAY_SIZE(groups); ++i) {
        if (wanted == groups[i].name) {
            return group_to_dict(&groups[i]);
        }
        if (all != MP_OBJ_NULL) {
            mp_obj_dict_store(all, MP_OBJ_NEW_QSTR(groups[i].name), group_to_dict(&groups[i]));
        }
    }
    if (all == MP_OBJ_NULL) {
        if (wanted == MP_QSTR_mem) {
            return mem_to_tuple(&lwip_stats.mem);
        }
        if (wanted == MP_QSTR_memp) {
            return memp_to_dict();
        }
        mp_raise_type_arg(&mp_type_KeyError, args[0]);
    }
    mp_obj_dict_store(all, MP_OBJ_NEW_QSTR(MP_QSTR_mem), mem_to_tuple(&lwip_stats.mem));
    mp_obj_dict_store(all, MP_OBJ_NEW_QSTR(MP_QSTR_memp), memp_to_dict());
    return all;
}

#else

static mp_obj_t lwip_get_stats(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("lwIP was built without LWIP_STATS"));
}

#endif

MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lwipb_stats_obj, 0, 1, lwip_get_stats);
