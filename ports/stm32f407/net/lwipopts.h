// SPDX-License-Identifier: MIT
//
// lwIP 2.2.1's options for the STM32F407. A board changes one by defining it in its lwipopts_board.h.
// RAM is given per unit as measured with arm-none-eabi-gcc; "CCM" is the 64 KB that the Ethernet DMA does
// not reach, "SRAM" the 128 KB that it does, "heap" lwIP's own heap (MEM_SIZE), "RTOS heap" FreeRTOS's.
// What is not named here has the default of lwip/opt.h.
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#include <stdint.h>

#include "core_lock.h"

#if defined(__has_include)
#if __has_include("lwipopts_board.h")
#include "lwipopts_board.h"
#endif
#endif

// ---- Tasks and locks -------------------------------------------------------------------------------

// A task `tcpip` runs lwIP's timers and serves the MAC; everybody else enters lwIP under one recursive lock
// instead of sending it messages: a call costs no context switch.
#define NO_SYS                          0
#define LWIP_TCPIP_CORE_LOCKING         1
// Received frames go up under that lock, too: no message per frame.
#define LWIP_TCPIP_CORE_LOCKING_INPUT   1
// Reference counts and pools are changed with interrupts below the kernel's ceiling masked.
#define SYS_LIGHTWEIGHT_PROT            1
// lwIP's memory is freed by tasks alone, under the core's lock (net/net.c).
#define LWIP_ALLOW_MEM_FREE_FROM_OTHER_CONTEXT 0

// The lock is net/core_lock.c's. Entering lwIP without it fails an assertion instead of corrupting lists.
#define LOCK_TCPIP_CORE()               core_lock()
#define UNLOCK_TCPIP_CORE()             core_unlock()
#define LWIP_ASSERT_CORE_LOCKED()       core_lock_check()
#define LWIP_MARK_TCPIP_THREAD()

#define TCPIP_THREAD_NAME               "tcpip"
// Bytes of RTOS heap (CCM), 3 KB of them for mDNS: lwIP compares probes (RFC 6762 section 8.2) in frames of
// 2.1 and 0.8 KB. 800 were in use at most over the tests without that.
#ifndef TCPIP_THREAD_STACKSIZE
#define TCPIP_THREAD_STACKSIZE          (2304 + 3072 * LWIP_MDNS_RESPONDER)
#endif
#define TCPIP_THREAD_PRIO               RTOS_PRIORITY_TCPIP
// Messages to the tcpip task, 4 bytes of RTOS heap each. Only callbacks and timeouts use it.
#define TCPIP_MBOX_SIZE                 16

// ---- C library -------------------------------------------------------------------------------------

// lwIP's errno values are Linux's, which are MicroPython's; newlib's differ from 40 on.
#define LWIP_PROVIDE_ERRNO              1
#define LWIP_TIMEVAL_PRIVATE            0

// ---- Memory ----------------------------------------------------------------------------------------

#define MEM_ALIGNMENT                   4
// Heap, bytes of SRAM: what TCP and UDP copy for sending, protocol headers, DHCP, DNS, small copies of
// received frames when the ring runs short. net.c defines it, so that the linker leaves it in SRAM.
#ifndef MEM_SIZE
#define MEM_SIZE                        (12 * 1024)
#endif
extern uint8_t net_lwip_heap[];
#define LWIP_RAM_HEAP_POINTER           net_lwip_heap

// Pools, in CCM unless said otherwise. Units and bytes per unit:
#ifndef MEMP_NUM_TCP_PCB
#define MEMP_NUM_TCP_PCB                34   // connections, TIME_WAIT included; 232 each
#endif
#ifndef MEMP_NUM_TCP_PCB_LISTEN
#define MEMP_NUM_TCP_PCB_LISTEN         8    // listening ports; 76 each
#endif
#ifndef MEMP_NUM_TCP_SEG
#define MEMP_NUM_TCP_SEG                80   // segments queued, all connections together; 16 each
#endif
#ifndef MEMP_NUM_UDP_PCB
#define MEMP_NUM_UDP_PCB                12   // DHCP and DNS take one each; 88 each
#endif
#ifndef MEMP_NUM_RAW_PCB
#define MEMP_NUM_RAW_PCB                4    // 76 each
#endif
#ifndef MEMP_NUM_NETCONN
#define MEMP_NUM_NETCONN                40   // netconns and sockets; 56 each, and the mailboxes below
#endif
#define MEMP_NUM_NETBUF                 36   // datagrams queued to netconns; 64 each
#define MEMP_NUM_PBUF                   32   // references to memory that is not copied; 16 each
#define MEMP_NUM_REASSDATA              3    // datagrams being reassembled (IPv4); 32 each
#define MEMP_NUM_FRAG_PBUF              12   // fragments on their way out; 24 each
#define MEMP_NUM_ARP_QUEUE              8    // packets that wait for an address; 8 each
#define MEMP_NUM_IGMP_GROUP             8    // 16 each
#define MEMP_NUM_MLD6_GROUP             12   // 32 each
#define MEMP_NUM_ND6_QUEUE              8    // 8 each
#define MEMP_NUM_SYS_TIMEOUT            (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 4) // 16 each
#define MEMP_NUM_TCPIP_MSG_API          16   // callbacks sent to the tcpip task; 12 each
#define MEMP_NUM_TCPIP_MSG_INPKT        2    // unused with CORE_LOCKING_INPUT; 0 then
#define MEMP_NUM_API_MSG                4    // 0 with CORE_LOCKING
#define MEMP_NUM_NETDB                  0    // the bindings have a getaddrinfo of their own; 320 each
// Packet buffers of fixed size for who asks for PBUF_POOL. The receive ring has its own (net/ethif.c).
// In SRAM, 272 each.
#define PBUF_POOL_SIZE                  4
#define PBUF_POOL_BUFSIZE               256
#define LWIP_SUPPORT_CUSTOM_PBUF        1

// ---- Checksums -------------------------------------------------------------------------------------

// Per interface and, on receive, per frame: net/ethif.c leaves to the MAC what the MAC does right.
#define LWIP_CHECKSUM_CTRL_PER_NETIF    1
#define LWIP_CHECKSUM_ON_COPY           0
#define LWIP_CHKSUM_ALGORITHM           3

// ---- Link layer ------------------------------------------------------------------------------------

#define LWIP_ETHERNET                   1
#define LWIP_ARP                        1
#define ARP_TABLE_SIZE                  12   // neighbours; 24 bytes of SRAM each
#define ARP_QUEUEING                    1
#define ARP_QUEUE_LEN                   5    // packets per address that wait for the answer: 7 KB of UDP
#define ETHARP_SUPPORT_STATIC_ENTRIES   1
#define ETH_PAD_SIZE                    0    // the DMA writes whole words: the frame starts on one
#define LWIP_NETIF_TX_SINGLE_PBUF       0    // the driver gathers
#define LWIP_NETIF_HOSTNAME             1
#define LWIP_NETIF_API                  1
#define LWIP_NETIF_STATUS_CALLBACK      1
#define LWIP_NETIF_LINK_CALLBACK        1
#define LWIP_NETIF_REMOVE_CALLBACK      0
#define LWIP_NETIF_EXT_STATUS_CALLBACK  1
#define LWIP_NETIF_HWADDRHINT           1
// The board can talk to itself: 127.0.0.1, ::1 and its own addresses. At most 16 pbufs on the way.
#define LWIP_HAVE_LOOPIF                1
#define LWIP_NETIF_LOOPBACK             1
#define LWIP_LOOPBACK_MAX_PBUFS         16
#define LWIP_NETIF_LOOPBACK_MULTITHREADING 1

// Connections outlast a cable that is out for a while.
#define LWIP_HOOK_FILENAME              "net_hooks.h"
#define LWIP_HOOK_IP4_ROUTE_SRC(source, target) ethif_route_source4(source, target)
#define LWIP_HOOK_IP6_ROUTE(source, target) ethif_route_source6(source, target)
// LAN.frames()
#define LWIP_HOOK_UNKNOWN_ETH_PROTOCOL(p, netif) ethif_unknown_frame(p, netif)
// A caller may come again from the port it had.
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p) TCP_REOPEN(pcb, hdr, opt2, p)
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) tcp_reopen_isn()

// ---- IPv4 ------------------------------------------------------------------------------------------

#define LWIP_IPV4                       1
#define IP_FORWARD                      0
#define IP_REASSEMBLY                   1
#define IP_FRAG                         1
#define IP_OPTIONS_ALLOWED              1
#define IP_REASS_MAXAGE                 15   // seconds
// Fragments held, each a receive buffer of SRAM that the ring lacks meanwhile.
#define IP_REASS_MAX_PBUFS              6
#define IP_SOF_BROADCAST                1
#define IP_SOF_BROADCAST_RECV           0
#define LWIP_ICMP                       1
#define LWIP_BROADCAST_PING             0
#define LWIP_MULTICAST_PING             0
#define LWIP_IGMP                       1
#define LWIP_MULTICAST_TX_OPTIONS       1
#define LWIP_DHCP                       1    // 52 bytes of SRAM
// Probing a leased address takes 6 s before it may be used; the server has checked it.
#define LWIP_DHCP_DOES_ACD_CHECK        0
#define LWIP_DHCP_MAX_DNS_SERVERS       DNS_MAX_SERVERS
// While it is built: a message of 576 bytes, which every server takes (RFC 2131 section 2).
#define DHCP_OPTIONS_LEN                308
#define LWIP_AUTOIP                     1    // 169.254.x.y when no server answers; 36 bytes of SRAM
#define LWIP_DHCP_AUTOIP_COOP           1
#define LWIP_DHCP_AUTOIP_COOP_TRIES     4    // discovers without an answer before AutoIP: 2 + 4 + 8 + 16 s
#define LWIP_ACD                        1

// ---- IPv6 ------------------------------------------------------------------------------------------

#define LWIP_IPV6                       1
#define LWIP_IPV6_NUM_ADDRESSES         4    // per interface; 36 bytes of SRAM each
#define LWIP_IPV6_ADDRESS_LIFETIMES     1
#define LWIP_IPV6_AUTOCONFIG            1
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS   1
#define LWIP_IPV6_MLD                   1
#define LWIP_IPV6_FRAG                  1
#define LWIP_IPV6_REASS                 1
#define LWIP_IPV6_SCOPES                1
#define LWIP_IPV6_FORWARD               0
#define LWIP_ICMP6                      1
#define LWIP_ND6_QUEUEING               1
#define LWIP_ND6_NUM_NEIGHBORS          10   // 44 bytes of SRAM each
#define LWIP_ND6_NUM_DESTINATIONS       10   // 40 bytes of SRAM each
#define LWIP_ND6_NUM_PREFIXES           5
#define LWIP_ND6_NUM_ROUTERS            3
// Name servers of router advertisements, in places that DHCP and the script left free: net/rdnss.c.
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS  DNS_MAX_SERVERS
#define LWIP_IPV6_DHCP6                 0

// ---- Transport -------------------------------------------------------------------------------------

#define LWIP_RAW                        1
#define LWIP_UDP                        1
#define LWIP_UDPLITE                    1
#define LWIP_TCP                        1
#define TCP_MSS                         1460 // a whole Ethernet frame
// What a peer may send unread, bytes. No RAM by itself: each segment holds one receive buffer of the ring.
#ifndef TCP_WND
#define TCP_WND                         (8 * TCP_MSS)
#endif
// lwIP compares TCP_WND with PBUF_POOL, where received data does not lie here.
#define LWIP_DISABLE_TCP_SANITY_CHECKS  1
// What one connection may queue for sending, bytes of heap.
#ifndef TCP_SND_BUF
#define TCP_SND_BUF                     (6 * TCP_MSS)
#endif
#define TCP_SND_QUEUELEN                (4 * TCP_SND_BUF / TCP_MSS)
#define TCP_SNDLOWAT                    (TCP_SND_BUF / 2)
// Small writes are gathered into pieces of this many bytes of heap; a whole MSS would let ten connections
// with one small write each fill the heap.
#define TCP_OVERSIZE                    128
#define TCP_QUEUE_OOSEQ                 1
// Segments held out of order per connection, each a receive buffer.
#define TCP_OOSEQ_MAX_PBUFS             6
#define LWIP_TCP_SACK_OUT               1
#define LWIP_TCP_MAX_SACK_NUM           3
#define TCP_LISTEN_BACKLOG              1
#define TCP_DEFAULT_LISTEN_BACKLOG      8
#define LWIP_TCP_KEEPALIVE              1
#define LWIP_TCP_TIMESTAMPS             0
// One for the bindings: its destructor tells them that a PCB ended in TIME_WAIT. 8 bytes per PCB.
#define LWIP_TCP_PCB_NUM_EXT_ARGS       1

// ---- Names -----------------------------------------------------------------------------------------

#define LWIP_DNS                        1
#define DNS_MAX_SERVERS                 2
#define DNS_TABLE_SIZE                  4    // names in the cache or asked for; 292 bytes of SRAM each
#define DNS_MAX_NAME_LENGTH             256

// Hosts that a script names itself, ahead of any server; 96 bytes of CCM each.
#ifndef DNS_LOCAL_HOSTLIST
#define DNS_LOCAL_HOSTLIST              1
#endif
#define DNS_LOCAL_HOSTLIST_IS_DYNAMIC   DNS_LOCAL_HOSTLIST
#define DNS_LOCAL_HOSTLIST_MAX_NAMELEN  64
#ifndef MEMP_NUM_LOCALHOSTLIST
#define MEMP_NUM_LOCALHOSTLIST          4
#endif
// Names that end in .local are asked for by multicast (RFC 6762).
#ifndef LWIP_DNS_SUPPORT_MDNS_QUERIES
#define LWIP_DNS_SUPPORT_MDNS_QUERIES   1
#endif

// ---- Applications ----------------------------------------------------------------------------------

// lwip.sntp: 120 bytes of SRAM, and 48 of heap while it runs. The servers of a lease are taken if a script
// says so.
#ifndef LWIP_BINDINGS_SNTP
#define LWIP_BINDINGS_SNTP              1
#endif
#define LWIP_DHCP_GET_NTP_SRV           LWIP_BINDINGS_SNTP
#define LWIP_DHCP_MAX_NTP_SERVERS       2
// lwip.mdns: 50 bytes of SRAM, and 3 KB of the tcpip task's stack. While it runs 800 bytes of heap, 700 per
// interface and 410 per service.
#ifndef LWIP_MDNS_RESPONDER
#define LWIP_MDNS_RESPONDER             1
#endif
#define MDNS_MAX_SERVICES               4    // per interface
#define MDNS_MAX_REQUESTS               2    // searches
#define MDNS_MAX_STORED_PKTS            2    // truncated questions, and known answers to them
#define LWIP_NUM_NETIF_CLIENT_DATA      LWIP_MDNS_RESPONDER // 4 bytes of SRAM per interface
// lwip.lwiperf: 8 bytes of SRAM, and 200 of heap per session.
#ifndef LWIP_BINDINGS_LWIPERF
#define LWIP_BINDINGS_LWIPERF           1
#endif

// ---- netconn and sockets ---------------------------------------------------------------------------

#define LWIP_NETCONN                    1
#define LWIP_SOCKET                     1
#define LWIP_COMPAT_SOCKETS             0    // lwip_ names only: newlib has its own close, read, write
#define LWIP_POSIX_SOCKETS_IO_NAMES     0
#define LWIP_SOCKET_OFFSET              0
// Multicast groups that sockets joined, of both families: 40 bytes of SRAM each.
#define LWIP_SOCKET_MAX_MEMBERSHIPS     10
// One semaphore per task (32 bytes of RTOS heap with its errno, made at its first use: net.c) instead of one
// per netconn.
#define LWIP_NETCONN_SEM_PER_THREAD     1
// Off: the GIL keeps Python's threads apart, and lwIP 2.2.1 fails an assertion when a listener with
// connections that nobody accepted is closed in this mode (api_msg.c, netconn_drain).
#define LWIP_NETCONN_FULLDUPLEX         0
// Mailboxes, 16 bytes of RTOS heap and 4 for each entry, per netconn: RTOS_HEAP_BYTES
// (FreeRTOSConfig.h) has room for every netconn's.
#define DEFAULT_TCP_RECVMBOX_SIZE       12
#define DEFAULT_UDP_RECVMBOX_SIZE       32
#define DEFAULT_RAW_RECVMBOX_SIZE       8
#define DEFAULT_ACCEPTMBOX_SIZE         8
#define LWIP_SO_SNDTIMEO                1
#define LWIP_SO_RCVTIMEO                1
#define LWIP_SO_RCVBUF                  1
#define LWIP_SO_LINGER                  1
#define SO_REUSE                        1
#define SO_REUSE_RXTOALL                1
#define LWIP_NETBUF_RECVINFO            1
#define LWIP_FIONREAD_LINUXMODE         1
#define LWIP_SOCKET_SELECT              1
#define LWIP_SOCKET_POLL                1

// ---- Statistics ------------------------------------------------------------------------------------

// About 900 bytes of SRAM.
#define LWIP_STATS                      1
#define LWIP_STATS_LARGE                1
#define LWIP_STATS_DISPLAY              0
#define MIB2_STATS                      0

#endif
