# SPDX-License-Identifier: MIT
# USER_C_MODULES fragment: the Python bindings to lwIP (module _lwip and socket).
# It needs lwIP's headers on the include path and lwIP itself in the link; see
# README.md for the lwIP options that it counts on.

LWIP_BINDINGS_DIR := $(USERMOD_DIR)

# Files with qstrs or module registrations.
SRC_USERMOD_C += $(addprefix $(LWIP_BINDINGS_DIR)/, \
	buffer.c \
	dhcpoptions.c \
	live.c \
	moddhcp.c \
	moddns.c \
	modetharp.c \
	modgroups.c \
	modlwip.c \
	modlwiperf.c \
	modmdns.c \
	modnetconn.c \
	modnetif.c \
	modraw.c \
	modsntp.c \
	modsocket.c \
	netbuf.c \
	netconn.c \
	netif.c \
	options.c \
	pbuf.c \
	pin.c \
	rawdatagram.c \
	rawip.c \
	rawtcp.c \
	rawudp.c \
	socket.c \
	socket_message.c \
	socket_option.c \
	stats.c \
	view.c \
	)

# Files without any.
SRC_USERMOD_LIB_C += $(addprefix $(LWIP_BINDINGS_DIR)/, \
	address.c \
	apptimers.c \
	conn.c \
	core.c \
	dns.c \
	lwiperf_core.c \
	mdns_core.c \
	netconn_core.c \
	rawfield.c \
	rawtcp_core.c \
	sntp_core.c \
	socket_core.c \
	)

CFLAGS_USERMOD += -I$(LWIP_BINDINGS_DIR)
