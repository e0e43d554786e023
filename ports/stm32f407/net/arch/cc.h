// SPDX-License-Identifier: MIT
//
// What lwIP asks of compiler and C library: arm-none-eabi-gcc with newlib.
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h> // struct timeval and fd_set are newlib's, see LWIP_TIMEVAL_PRIVATE

// Each task has its own errno, as POSIX has it: two Python threads fail independently of each other.
int *net_errno(void);
#undef errno
#define errno (*net_errno())

// SYS_LIGHTWEIGHT_PROT: BASEPRI holds off the interrupts that may call the kernel. Nests. lwIP does this
// several times for each packet buffer: in line it is three instructions instead of a call.
#define NET_BASEPRI (5 << 4) // configMAX_SYSCALL_INTERRUPT_PRIORITY
static inline __attribute__((always_inline)) uint32_t net_protect(void) {
    uint32_t old;
    __asm volatile ("mrs %0, basepri \n msr basepri, %1 \n isb" : "=&r" (old) : "r" (NET_BASEPRI) : "memory");
    return old;
}
static inline __attribute__((always_inline)) void net_unprotect(uint32_t old) {
    __asm volatile ("msr basepri, %0" : : "r" (old) : "memory");
}
#define SYS_ARCH_DECL_PROTECT(level) uint32_t level
#define SYS_ARCH_PROTECT(level) (level) = net_protect()
#define SYS_ARCH_UNPROTECT(level) net_unprotect(level)

// From the chip's random number generator: DNS transaction IDs, ephemeral ports, DHCP and ND delays.
uint32_t net_rand(void);
#define LWIP_RAND() net_rand()

// One instruction each, instead of a call.
#define lwip_htons(x) ((uint16_t)__builtin_bswap16(x))
#define lwip_htonl(x) ((uint32_t)__builtin_bswap32(x))

// Has mp_hal_wake() called once when lwIP's heap gets something back. Buffers and descriptors that come back
// bring some to the heap: a header at least.
bool net_starved(void);
#define LWIP_BINDINGS_STARVED() net_starved()

void net_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define LWIP_PLATFORM_DIAG(x) do { net_diag x; } while (0)

// An assertion that fails is a fault of this firmware: report it and stop.
void net_assert_failed(const char *message, const char *file, int line) __attribute__((noreturn));
#define LWIP_PLATFORM_ASSERT(message) net_assert_failed((message), __FILE__, __LINE__)

// Pools go to sections of their own name. The linker script puts them into CCM, which the Ethernet DMA
// does not reach, except the pool of packet buffers, which goes to SRAM.
#define LWIP_DECLARE_MEMORY_ALIGNED(variable_name, size) \
    u8_t variable_name[LWIP_MEM_ALIGN_BUFFER(size)] \
    __attribute__((aligned(4), section(".ccm_bss.lwip." #variable_name ",\"aw\",%nobits @")))

#endif
