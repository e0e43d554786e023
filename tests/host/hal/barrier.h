// SPDX-License-Identifier: MIT
// Compiled into hal/eth_ring.c by the tests: what the DMA would see at each barrier.
#ifndef TESTS_HOST_HAL_BARRIER_H
#define TESTS_HOST_HAL_BARRIER_H

void test_barrier(void);
#define ETH_RING_BARRIER() test_barrier()

#endif
