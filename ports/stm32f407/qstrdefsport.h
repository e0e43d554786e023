// SPDX-License-Identifier: MIT
// qstrs that no C file mentions as MP_QSTR_...
Q(/lib)
Q(/flash)
Q(/flash/lib)
