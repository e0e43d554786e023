// SPDX-License-Identifier: MIT
#ifndef MACHINE_MACHINE_RTC_H
#define MACHINE_MACHINE_RTC_H

#include "py/obj.h"

extern const mp_obj_type_t machine_rtc_type;

// Takes the alarm and its handler away, for a soft reset.
void machine_rtc_deinit(void);

#endif // MACHINE_MACHINE_RTC_H
