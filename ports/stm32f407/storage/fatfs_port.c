// SPDX-License-Identifier: MIT
// What the FAT filesystem asks of the port: the time for its directory entries.
#include "lib/oofatfs/ff.h"
#include "rtc.h"

DWORD get_fattime(void) {
    rtc_datetime_t now = { .year = 2000, .month = 1, .day = 1 };
    (void)rtc_get(&now);
    return (DWORD)(now.year - 1980) << 25 | (DWORD)now.month << 21 | (DWORD)now.day << 16
        | (DWORD)now.hour << 11 | (DWORD)now.minute << 5 | now.second / 2u;
}
