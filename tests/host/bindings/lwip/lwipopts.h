// SPDX-License-Identifier: MIT
// lwIP as the bindings are tested on the host: the firmware's features, pools of similar size,
// loopback as the only interface, assertions and statistics on.
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS                          0
#define LWIP_TCPIP_CORE_LOCKING         1
#define LWIP_TCPIP_CORE_LOCKING_INPUT   1
#define SYS_LIGHTWEIGHT_PROT            1
void sys_check_core_locking(void);
#define LWIP_ASSERT_CORE_LOCKED()       sys_check_core_locking()

#define MEM_ALIGNMENT                   8
#define MEM_SIZE                        (64 * 1024)
#define MEMP_NUM_TCP_PCB                36
#define MEMP_NUM_TCP_PCB_LISTEN         8
#define MEMP_NUM_TCP_SEG                120
#define MEMP_NUM_UDP_PCB                12
#define MEMP_NUM_RAW_PCB                4
#define MEMP_NUM_NETCONN                44
#define MEMP_NUM_NETBUF                 34
#define MEMP_NUM_PBUF                   48
#define MEMP_NUM_TCPIP_MSG_API          16
#define MEMP_NUM_NETDB                  0
#define PBUF_POOL_SIZE                  32
// Use after free and overruns are for the address sanitizer and these to find.
#define MEMP_OVERFLOW_CHECK             1
#define MEMP_SANITY_CHECK               1
// MEM_SANITY_CHECK stays off: lwIP walks its heap without the lock then.

#define LWIP_ARP                        1
#define LWIP_ETHERNET                   1
#define ETHARP_SUPPORT_STATIC_ENTRIES   1
#define LWIP_HAVE_LOOPIF                1
#define LWIP_NETIF_LOOPBACK             1
#define LWIP_LOOPIF_MULTICAST           1
#define LWIP_LOOPBACK_MAX_PBUFS         16
#define LWIP_NETIF_HOSTNAME             1
#define LWIP_NETIF_API                  1
#define LWIP_NETIF_STATUS_CALLBACK      1
#define LWIP_NETIF_LINK_CALLBACK        1
#define LWIP_NETIF_EXT_STATUS_CALLBACK  1

#define LWIP_IPV4                       1
#define LWIP_ICMP                       1
#define LWIP_IGMP                       1
#define LWIP_MULTICAST_TX_OPTIONS       1
#define LWIP_DHCP                       1
#define LWIP_AUTOIP                     1
#define LWIP_IPV6                       1
#define LWIP_IPV6_MLD                   1
#define LWIP_IPV6_SCOPES                1
#define IP_SOF_BROADCAST                1
// Pointers of eight bytes do not fit where lwIP keeps them in a fragment's header.
#define IPV6_FRAG_COPYHEADER            1

#define LWIP_RAW                        1
#define LWIP_UDP                        1
#define LWIP_UDPLITE                    1
#define LWIP_TCP                        1
#define TCP_MSS                         1460
#define TCP_WND                         (8 * TCP_MSS)
#define TCP_SND_BUF                     (6 * TCP_MSS)
#define TCP_SND_QUEUELEN                (4 * TCP_SND_BUF / TCP_MSS)
#define TCP_SNDLOWAT                    (TCP_SND_BUF / 2)
#define TCP_LISTEN_BACKLOG              1
#define TCP_DEFAULT_LISTEN_BACKLOG      8
#define LWIP_TCP_KEEPALIVE              1
#define LWIP_TCP_SACK_OUT               1
#define LWIP_TCP_PCB_NUM_EXT_ARGS       1
#define LWIP_DISABLE_TCP_SANITY_CHECKS  1
// Long enough to see TIME_WAIT, short enough to see it end.
#define TCP_MSL                         2000

#define LWIP_DNS                        1
#define DNS_MAX_SERVERS                 2
#define DNS_TABLE_SIZE                  4
#define DNS_LOCAL_HOSTLIST              1
#define DNS_LOCAL_HOSTLIST_IS_DYNAMIC   1
#define MEMP_NUM_LOCALHOSTLIST          4

#define LWIP_HOOK_FILENAME              "lwip_bindings_hooks.h"
#define DHCP_OPTIONS_LEN                308
#define LWIP_DHCP_GET_NTP_SRV           1
#define LWIP_DHCP_MAX_NTP_SERVERS       2
// At once, not after up to 5 s.
#define SNTP_STARTUP_DELAY              0
#define LWIP_MDNS_RESPONDER             1
#define MDNS_MAX_SERVICES               4
#define MDNS_MAX_STORED_PKTS            2
#define LWIP_NUM_NETIF_CLIENT_DATA      1
#define LWIP_DNS_SUPPORT_MDNS_QUERIES   1

#define LWIP_NETCONN                    1
#define LWIP_SOCKET                     1
#define LWIP_COMPAT_SOCKETS             0
#define LWIP_POSIX_SOCKETS_IO_NAMES     0
#define LWIP_NETCONN_FULLDUPLEX         0
#define LWIP_NETCONN_SEM_PER_THREAD     1
#define DEFAULT_TCP_RECVMBOX_SIZE       12
#define DEFAULT_UDP_RECVMBOX_SIZE       32
#define DEFAULT_RAW_RECVMBOX_SIZE       8
#define DEFAULT_ACCEPTMBOX_SIZE         8
#define LWIP_SO_SNDTIMEO                1
#define LWIP_SO_RCVTIMEO                1
#define LWIP_SO_RCVBUF                  1
#define LWIP_SO_LINGER                  1
#define SO_REUSE                        1
#define LWIP_NETBUF_RECVINFO            1
#define LWIP_FIONREAD_LINUXMODE         1
#define LWIP_SOCKET_SELECT              1
#define LWIP_SOCKET_POLL                1

#define LWIP_STATS                      1
#define LWIP_STATS_LARGE                1
#define LWIP_STATS_DISPLAY              0

#endif
