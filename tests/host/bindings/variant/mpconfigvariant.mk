# SPDX-License-Identifier: MIT
# A unix variant whose network is lwIP: the port's own socket module and what needs it are off.

MICROPY_PY_SOCKET = 0
MICROPY_PY_SSL = 0
MICROPY_SSL_MBEDTLS = 0
MICROPY_PY_FFI = 0
MICROPY_PY_BTREE = 0
MICROPY_PY_BLUETOOTH = 0
MICROPY_USE_READLINE = 1
# mpconfigvariant.h turns threads on, with a GIL: the makefile's way has none.
MICROPY_PY_THREAD = 0
MICROPY_ROM_TEXT_COMPRESSION = 0
DEBUG = 1

FROZEN_MANIFEST = $(VARIANT_DIR)/manifest.py
MICROPY_MANIFEST_MODULES_DIR = $(USER_C_MODULES)/modules

CFLAGS_EXTRA += $(SANITIZE) $(LWIP_INC)
LDFLAGS_EXTRA += $(SANITIZE) $(LWIP_LIB) -lpthread
