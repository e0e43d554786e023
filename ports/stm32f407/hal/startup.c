// SPDX-License-Identifier: MIT
// The vector table and the way from reset to main().
#include <string.h>
#include "backup.h"
#include "clock.h"
#include "stm32f4xx.h"

extern uint32_t _data_start, _data_end, _data_load, _bss_start, _bss_end;
extern uint32_t _ccm_bss_start, _ccm_bss_end, _estack;

int main(void);
void Reset_Handler(void);
void Default_Handler(void);

// Loads the ROM's stack pointer and enters it; the chip is as after reset.
static __attribute__((naked, noreturn)) void jump(uint32_t stack, uint32_t entry) {
    __asm volatile (
        "msr msp, r0 \n"
        "bx r1 \n");
}

// Runs before .data and .bss are there: it may touch neither. The loader counts on a chip as after reset,
// interrupts not masked and VTOR 0, so this comes before all else.
static void enter_bootloader(void) {
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    SYSCFG->MEMRMP = 1; // system memory at address 0: the ROM's vectors
    __DSB();
    __ISB();
    const uint32_t *rom = (const uint32_t *)SYSTEM_MEMORY_BASE;
    jump(rom[0], rom[1]);
}

static void zero(uint32_t *start, uint32_t *end) {
    memset(start, 0, (size_t)((char *)end - (char *)start));
}

// The ROM's loader starts a new image by a jump: interrupts, the tick and its USB may still be running.
static void silence(void) {
    __disable_irq(); // until the scheduler starts
    SysTick->CTRL = 0;
    for (unsigned i = 0; i <= (STM32F4XX_IRQ_COUNT - 1) / 32; ++i) {
        NVIC->ICER[i] = 0xFFFFFFFF;
        NVIC->ICPR[i] = 0xFFFFFFFF;
    }
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk | SCB_ICSR_PENDSVCLR_Msk;
    RCC->AHB2RSTR = RCC_AHB2RSTR_OTGFSRST;
    RCC->AHB2RSTR = 0;
    // The vector table may be elsewhere, and the stack guards of a run before this one still be set.
    SCB->VTOR = FLASH_BASE;
    MPU->CTRL = 0;
    __DSB();
    __ISB();
}

void Reset_Handler(void) {
    if (backup_take_bootloader_request()) {
        enter_bootloader();
    }
    silence();
    // Full access to the FPU, lazy stacking: on before the first float instruction.
    SCB->CPACR |= 0xFUL << 20;
    __DSB();
    __ISB();
    memcpy(&_data_start, &_data_load, (size_t)((char *)&_data_end - (char *)&_data_start));
    zero(&_bss_start, &_bss_end);
    zero(&_ccm_bss_start, &_ccm_bss_end);
    main();
    backup_reset();
}

// An interrupt that nobody asked for: its fault report shows which one in xPSR.
void Default_Handler(void) {
    __asm volatile ("udf #0");
    for (;;) {
    }
}

#define WEAK_HANDLER(name) void name(void) __attribute__((weak, alias("Default_Handler")))
WEAK_HANDLER(NMI_Handler);
WEAK_HANDLER(DebugMon_Handler);
WEAK_HANDLER(EXTI0_IRQHandler);
WEAK_HANDLER(EXTI1_IRQHandler);
WEAK_HANDLER(EXTI2_IRQHandler);
WEAK_HANDLER(EXTI3_IRQHandler);
WEAK_HANDLER(EXTI4_IRQHandler);
WEAK_HANDLER(EXTI9_5_IRQHandler);
WEAK_HANDLER(EXTI15_10_IRQHandler);
WEAK_HANDLER(RTC_WKUP_IRQHandler);
WEAK_HANDLER(RTC_Alarm_IRQHandler);
WEAK_HANDLER(TIM2_IRQHandler);
WEAK_HANDLER(TIM3_IRQHandler);
WEAK_HANDLER(TIM4_IRQHandler);
WEAK_HANDLER(TIM6_DAC_IRQHandler);
WEAK_HANDLER(TIM7_IRQHandler);
WEAK_HANDLER(ETH_IRQHandler);
WEAK_HANDLER(ETH_WKUP_IRQHandler);
WEAK_HANDLER(OTG_FS_IRQHandler);
WEAK_HANDLER(OTG_FS_WKUP_IRQHandler);
void USART1_IRQHandler(void);
void USART2_IRQHandler(void);
void USART3_IRQHandler(void);
void UART4_IRQHandler(void);
void UART5_IRQHandler(void);
void USART6_IRQHandler(void);
void TIM5_IRQHandler(void);
void HardFault_Handler(void);
void MemManage_Handler(void);
void BusFault_Handler(void);
void UsageFault_Handler(void);
void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);

#define VECTOR(irqn) [16 + (irqn)]

__attribute__((section(".isr_vector"), used))
static const uintptr_t vectors[16 + STM32F4XX_IRQ_COUNT] = {
    [0] = (uintptr_t)&_estack,
    [1] = (uintptr_t)Reset_Handler,
    VECTOR(NonMaskableInt_IRQn) = (uintptr_t)NMI_Handler,
    VECTOR(HardFault_IRQn) = (uintptr_t)HardFault_Handler,
    VECTOR(MemoryManagement_IRQn) = (uintptr_t)MemManage_Handler,
    VECTOR(BusFault_IRQn) = (uintptr_t)BusFault_Handler,
    VECTOR(UsageFault_IRQn) = (uintptr_t)UsageFault_Handler,
    VECTOR(SVCall_IRQn) = (uintptr_t)SVC_Handler,
    VECTOR(DebugMonitor_IRQn) = (uintptr_t)DebugMon_Handler,
    VECTOR(PendSV_IRQn) = (uintptr_t)PendSV_Handler,
    VECTOR(SysTick_IRQn) = (uintptr_t)SysTick_Handler,
    [16 ... 16 + STM32F4XX_IRQ_COUNT - 1] = (uintptr_t)Default_Handler,
    VECTOR(RTC_WKUP_IRQn) = (uintptr_t)RTC_WKUP_IRQHandler,
    VECTOR(EXTI0_IRQn) = (uintptr_t)EXTI0_IRQHandler,
    VECTOR(EXTI1_IRQn) = (uintptr_t)EXTI1_IRQHandler,
    VECTOR(EXTI2_IRQn) = (uintptr_t)EXTI2_IRQHandler,
    VECTOR(EXTI3_IRQn) = (uintptr_t)EXTI3_IRQHandler,
    VECTOR(EXTI4_IRQn) = (uintptr_t)EXTI4_IRQHandler,
    VECTOR(EXTI9_5_IRQn) = (uintptr_t)EXTI9_5_IRQHandler,
    VECTOR(TIM2_IRQn) = (uintptr_t)TIM2_IRQHandler,
    VECTOR(TIM3_IRQn) = (uintptr_t)TIM3_IRQHandler,
    VECTOR(TIM4_IRQn) = (uintptr_t)TIM4_IRQHandler,
    VECTOR(USART1_IRQn) = (uintptr_t)USART1_IRQHandler,
    VECTOR(USART2_IRQn) = (uintptr_t)USART2_IRQHandler,
    VECTOR(USART3_IRQn) = (uintptr_t)USART3_IRQHandler,
    VECTOR(EXTI15_10_IRQn) = (uintptr_t)EXTI15_10_IRQHandler,
    VECTOR(RTC_Alarm_IRQn) = (uintptr_t)RTC_Alarm_IRQHandler,
    VECTOR(OTG_FS_WKUP_IRQn) = (uintptr_t)OTG_FS_WKUP_IRQHandler,
    VECTOR(TIM5_IRQn) = (uintptr_t)TIM5_IRQHandler,
    VECTOR(UART4_IRQn) = (uintptr_t)UART4_IRQHandler,
    VECTOR(UART5_IRQn) = (uintptr_t)UART5_IRQHandler,
    VECTOR(TIM6_DAC_IRQn) = (uintptr_t)TIM6_DAC_IRQHandler,
    VECTOR(TIM7_IRQn) = (uintptr_t)TIM7_IRQHandler,
    VECTOR(ETH_IRQn) = (uintptr_t)ETH_IRQHandler,
    VECTOR(ETH_WKUP_IRQn) = (uintptr_t)ETH_WKUP_IRQHandler,
    VECTOR(OTG_FS_IRQn) = (uintptr_t)OTG_FS_IRQHandler,
    VECTOR(USART6_IRQn) = (uintptr_t)USART6_IRQHandler,
};
