// SPDX-License-Identifier: MIT
#include "backup.h"
#include "power.h"
#include "stm32f4xx.h"

#define REQUEST_BOOTLOADER (0xB0071DFUL ^ 0x5A5A5A5AUL)
#define REQUEST_FAULT (0xFA017000UL ^ 0x5A5A5A5AUL)

// Random after power-on: one value in 2^32 is mistaken for a request, and only the loader's is acted on.
static NOINIT uint32_t request;
static reset_cause_t cause;

bool backup_take_bootloader_request(void) {
    // After power-on the memory may hold anything: only a software reset can carry a request.
    bool found = request == REQUEST_BOOTLOADER && (RCC->CSR & RCC_CSR_SFTRSTF);
    if (found) {
        request = 0;
    }
    return found;
}

void backup_init(void) {
    uint32_t csr = RCC->CSR;
    if (power_left_standby()) {
        cause = RESET_LOW_POWER;
    } else if (csr & (RCC_CSR_PORRSTF | RCC_CSR_BORRSTF)) {
        cause = RESET_POWER_ON;
    } else if (csr & (RCC_CSR_IWDGRSTF | RCC_CSR_WWDGRSTF)) {
        cause = RESET_WATCHDOG;
    } else if (csr & RCC_CSR_LPWRRSTF) {
        cause = RESET_LOW_POWER;
    } else if (csr & RCC_CSR_SFTRSTF) {
        cause = request == REQUEST_FAULT ? RESET_FAULT : RESET_SOFTWARE;
    } else if (csr & RCC_CSR_PINRSTF) {
        // Every reset pulls the pin as well: it is the cause only where nothing else is.
        cause = RESET_PIN;
    }
    request = 0;
    RCC->CSR |= RCC_CSR_RMVF;
}

reset_cause_t backup_reset_cause(void) {
    return cause;
}

void backup_note_fault(void) {
    request = REQUEST_FAULT;
}

void backup_reset(void) {
    NVIC_SystemReset();
}

void backup_reset_to_bootloader(void) {
    request = REQUEST_BOOTLOADER;
    NVIC_SystemReset();
}
