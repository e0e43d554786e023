// SPDX-License-Identifier: MIT
//
// What lwIP asks of compiler and C library: arm-none-eabi-gcc with newlib.
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <stdint.h>
#include <sys/time.h> // struct timeval and fd_set are newlib's, see LWIP_TIMEVAL_PRIVATE

// Each task has its own errno, as POSIX has it: two Python threads fail independently of each other.
int *net_errno(void);
#undef errno
#define errno (*net_errno())

// From the chip's random number generator: DNS transaction IDs, ephemeral ports, DHCP and ND delays.
uint32_t net_rand(void);
#define LWIP_RAND() net_rand()

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
