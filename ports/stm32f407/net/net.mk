# SPDX-License-Identifier: MIT
#
# The network: lwIP and its FreeRTOS layer, the Ethernet driver, its netif and module `network`. A fragment
# of the port's Makefile.

INC += -Inet -I$(LWIP_DIR)/src/include

SRC_PORT_C += \
	hal/eth.c \
	hal/eth_desc.c \
	hal/eth_mii.c \
	hal/eth_ptp.c \
	hal/eth_ring.c \
	hal/phy.c \
	net/capture_filter.c \
	net/checksum.c \
	net/core_lock.c \
	net/default_mac.c \
	net/ethif.c \
	net/ethif_groups.c \
	net/ethif_task.c \
	net/modnetwork.c \
	net/net.c \
	net/network_lan.c \
	net/network_lan_capture.c \
	net/network_lan_frames.c \
	net/network_lan_irq.c \
	net/network_lan_ptp.c \
	net/network_lan_stats.c \
	net/rdnss.c \
	net/rx_pace.c \
	net/sys_arch.c \
	net/tcp_reopen.c \
	net/tcp_tail.c

LWIP_O += $(addprefix $(BUILD)/lwip/src/core/,\
	altcp.o altcp_alloc.o altcp_tcp.o def.o dns.o inet_chksum.o init.o ip.o mem.o memp.o netif.o pbuf.o \
	raw.o stats.o sys.o tcp.o tcp_in.o tcp_out.o timeouts.o udp.o)
LWIP_O += $(addprefix $(BUILD)/lwip/src/core/ipv4/,\
	acd.o autoip.o dhcp.o etharp.o icmp.o igmp.o ip4.o ip4_addr.o ip4_frag.o)
LWIP_O += $(addprefix $(BUILD)/lwip/src/core/ipv6/,\
	dhcp6.o ethip6.o icmp6.o inet6.o ip6.o ip6_addr.o ip6_frag.o mld6.o nd6.o)
LWIP_O += $(addprefix $(BUILD)/lwip/src/api/,\
	api_lib.o api_msg.o err.o if_api.o netbuf.o netdb.o netifapi.o sockets.o tcpip.o)
LWIP_O += $(BUILD)/lwip/src/netif/ethernet.o

# ip6addr_ntoa_r() looks a word beyond the address (at its zone) where the last block is 0; no harm comes of it.
$(BUILD)/lwip/src/core/ipv6/ip6_addr.o: CFLAGS += -Wno-array-bounds

# An advertised name server takes a free place alone: net/rdnss.c.
$(BUILD)/lwip/src/core/ipv6/nd6.o: CFLAGS += -Ddns_setserver=rdnss_server

# What is added to the stream goes to its end: net/tcp_tail.c.
$(BUILD)/lwip/src/core/tcp_out.o: CFLAGS += -Dtcp_write=tcp_write_at_tail -Dtcp_send_fin=tcp_send_fin_at_tail

# Datagrams that lwIP fragments get their checksum in software first: net/checksum.c says why.
LDFLAGS += -Wl,--wrap=ip4_frag -Wl,--wrap=ip6_frag
