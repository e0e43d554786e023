// SPDX-License-Identifier: MIT
// module lwip.raw

#include "py/runtime.h"

#include "raw.h"

#include "lwip/ip.h"
#include "lwip/raw.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"

#define VALUE(name, value) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(value) }
#define INT(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(name) }

static const mp_rom_map_elem_t raw_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_raw) },
    { MP_ROM_QSTR(MP_QSTR_Pbuf), MP_ROM_PTR(&lwipb_type_pbuf) },
    { MP_ROM_QSTR(MP_QSTR_TCP), MP_ROM_PTR(&lwipb_type_raw_tcp) },
    { MP_ROM_QSTR(MP_QSTR_UDP), MP_ROM_PTR(&lwipb_type_raw_udp) },
    { MP_ROM_QSTR(MP_QSTR_RawIP), MP_ROM_PTR(&lwipb_type_raw_ip) },
    INT(IPADDR_TYPE_V4),
    #if LWIP_IPV6
    INT(IPADDR_TYPE_V6),
    INT(IPADDR_TYPE_ANY),
    #endif
    VALUE(TRANSPORT, PBUF_TRANSPORT),
    VALUE(IP, PBUF_IP),
    VALUE(LINK, PBUF_LINK),
    VALUE(RAW_TX, PBUF_RAW_TX),
    VALUE(RAW, PBUF_RAW),
    VALUE(RAM, PBUF_RAM),
    VALUE(ROM, PBUF_ROM),
    VALUE(REF, PBUF_REF),
    VALUE(POOL, PBUF_POOL),
    VALUE(WRITE_FLAG_COPY, TCP_WRITE_FLAG_COPY),
    VALUE(WRITE_FLAG_MORE, TCP_WRITE_FLAG_MORE),
    VALUE(PRIO_MIN, TCP_PRIO_MIN),
    VALUE(PRIO_NORMAL, TCP_PRIO_NORMAL),
    VALUE(PRIO_MAX, TCP_PRIO_MAX),
    VALUE(UDP_FLAGS_NOCHKSUM, UDP_FLAGS_NOCHKSUM),
    VALUE(UDP_FLAGS_UDPLITE, UDP_FLAGS_UDPLITE),
    VALUE(UDP_FLAGS_MULTICAST_LOOP, UDP_FLAGS_MULTICAST_LOOP),
    VALUE(RAW_FLAGS_HDRINCL, RAW_FLAGS_HDRINCL),
    VALUE(RAW_FLAGS_MULTICAST_LOOP, RAW_FLAGS_MULTICAST_LOOP),
    INT(SOF_REUSEADDR),
    INT(SOF_KEEPALIVE),
    INT(SOF_BROADCAST),
    INT(CLOSED),
    INT(LISTEN),
    INT(SYN_SENT),
    INT(SYN_RCVD),
    INT(ESTABLISHED),
    INT(FIN_WAIT_1),
    INT(FIN_WAIT_2),
    INT(CLOSE_WAIT),
    INT(CLOSING),
    INT(LAST_ACK),
    INT(TIME_WAIT),
};
static MP_DEFINE_CONST_DICT(raw_module_globals, raw_module_globals_table);

const mp_obj_module_t lwipb_module_raw = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&raw_module_globals,
};
