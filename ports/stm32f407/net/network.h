// SPDX-License-Identifier: MIT
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include "lwip/ip_addr.h"
#include "py/obj.h"

extern const mp_obj_type_t network_lan_type;
extern const mp_obj_base_t network_lan_obj;

// Longest hostname, without the terminator.
#define NETWORK_HOSTNAME_MAX (32)

// hostname([name]), for modules and classes alike.
mp_obj_t network_hostname(size_t n_args, const mp_obj_t *args);
const char *network_hostname_get(void);
// Back to the board's defaults, for soft reset.
void network_hostname_reset(void);
void network_lan_reset(void);
void network_lan_irq_reset(void);
void network_lan_frames_reset(void);
void network_lan_capture_reset(void);

// Methods of LAN that have files of their own.
extern const mp_obj_fun_builtin_fixed_t network_lan_stats_obj;
extern const mp_obj_fun_builtin_var_t network_lan_irq_obj;
extern const mp_obj_fun_builtin_var_t network_lan_frames_obj;
extern const mp_obj_fun_builtin_var_t network_lan_capture_obj;
extern const mp_obj_fun_builtin_fixed_t network_lan_ptp_obj;
// What irq() tells of.
#define NETWORK_LAN_IRQ_LINK (1)
#define NETWORK_LAN_IRQ_ADDR (2)

// OSError with that text.
NORETURN void network_raise(int errno_, const char *text);
// A time of the PTP clock in nanoseconds.
mp_obj_t network_lan_time(uint32_t seconds, uint32_t ns);

// A string into an address. ValueError if it is none.
void network_parse_addr(mp_obj_t text, ip_addr_t *addr);
mp_obj_t network_format_addr(const ip_addr_t *addr);

// Calls set(key, value) for each keyword argument, or returns get(key) for the one positional argument.
mp_obj_t network_get_or_set(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs,
    mp_obj_t (*get)(qstr key), void (*set)(qstr key, mp_obj_t value));

#endif
