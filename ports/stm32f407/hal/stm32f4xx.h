// SPDX-License-Identifier: MIT
// Registers of the STM32F407 (RM0090) under CMSIS's names: interrupt numbers, register blocks and
// where they lie. The bits are in stm32f4xx_bits*.h, the Ethernet block in stm32f4xx_eth.h.
// tests/host/test_registers.py checks all of it against ST's SVD file.
#ifndef HAL_STM32F4XX_H
#define HAL_STM32F4XX_H

#include <stdint.h>

typedef enum {
    NonMaskableInt_IRQn = -14,
    HardFault_IRQn = -13,
    MemoryManagement_IRQn = -12,
    BusFault_IRQn = -11,
    UsageFault_IRQn = -10,
    SVCall_IRQn = -5,
    DebugMonitor_IRQn = -4,
    PendSV_IRQn = -2,
    SysTick_IRQn = -1,
    WWDG_IRQn = 0,
    PVD_IRQn = 1,
    TAMP_STAMP_IRQn = 2,
    RTC_WKUP_IRQn = 3,
    FLASH_IRQn = 4,
    RCC_IRQn = 5,
    EXTI0_IRQn = 6,
    EXTI1_IRQn = 7,
    EXTI2_IRQn = 8,
    EXTI3_IRQn = 9,
    EXTI4_IRQn = 10,
    DMA1_Stream0_IRQn = 11,
    DMA1_Stream1_IRQn = 12,
    DMA1_Stream2_IRQn = 13,
    DMA1_Stream3_IRQn = 14,
    DMA1_Stream4_IRQn = 15,
    DMA1_Stream5_IRQn = 16,
    DMA1_Stream6_IRQn = 17,
    ADC_IRQn = 18,
    CAN1_TX_IRQn = 19,
    CAN1_RX0_IRQn = 20,
    CAN1_RX1_IRQn = 21,
    CAN1_SCE_IRQn = 22,
    EXTI9_5_IRQn = 23,
    TIM1_BRK_TIM9_IRQn = 24,
    TIM1_UP_TIM10_IRQn = 25,
    TIM1_TRG_COM_TIM11_IRQn = 26,
    TIM1_CC_IRQn = 27,
    TIM2_IRQn = 28,
    TIM3_IRQn = 29,
    TIM4_IRQn = 30,
    I2C1_EV_IRQn = 31,
    I2C1_ER_IRQn = 32,
    I2C2_EV_IRQn = 33,
    I2C2_ER_IRQn = 34,
    SPI1_IRQn = 35,
    SPI2_IRQn = 36,
    USART1_IRQn = 37,
    USART2_IRQn = 38,
    USART3_IRQn = 39,
    EXTI15_10_IRQn = 40,
    RTC_Alarm_IRQn = 41,
    OTG_FS_WKUP_IRQn = 42,
    TIM8_BRK_TIM12_IRQn = 43,
    TIM8_UP_TIM13_IRQn = 44,
    TIM8_TRG_COM_TIM14_IRQn = 45,
    TIM8_CC_IRQn = 46,
    DMA1_Stream7_IRQn = 47,
    FSMC_IRQn = 48,
    SDIO_IRQn = 49,
    TIM5_IRQn = 50,
    SPI3_IRQn = 51,
    UART4_IRQn = 52,
    UART5_IRQn = 53,
    TIM6_DAC_IRQn = 54,
    TIM7_IRQn = 55,
    DMA2_Stream0_IRQn = 56,
    DMA2_Stream1_IRQn = 57,
    DMA2_Stream2_IRQn = 58,
    DMA2_Stream3_IRQn = 59,
    DMA2_Stream4_IRQn = 60,
    ETH_IRQn = 61,
    ETH_WKUP_IRQn = 62,
    CAN2_TX_IRQn = 63,
    CAN2_RX0_IRQn = 64,
    CAN2_RX1_IRQn = 65,
    CAN2_SCE_IRQn = 66,
    OTG_FS_IRQn = 67,
    DMA2_Stream5_IRQn = 68,
    DMA2_Stream6_IRQn = 69,
    DMA2_Stream7_IRQn = 70,
    USART6_IRQn = 71,
    I2C3_EV_IRQn = 72,
    I2C3_ER_IRQn = 73,
    OTG_HS_EP1_OUT_IRQn = 74,
    OTG_HS_EP1_IN_IRQn = 75,
    OTG_HS_WKUP_IRQn = 76,
    OTG_HS_IRQn = 77,
    DCMI_IRQn = 78,
    CRYP_IRQn = 79,
    RNG_IRQn = 80, // the SVD calls it HASH_RNG: one line for both
    FPU_IRQn = 81,
} IRQn_Type;

#define STM32F4XX_IRQ_COUNT (82)

#define __CM4_REV (0x0001U)
#define __MPU_PRESENT (1U)
#define __NVIC_PRIO_BITS (4U)
#define __Vendor_SysTickConfig (0U)
#define __FPU_PRESENT (1U)

#include "core_cm4.h"

typedef struct {
    __IO uint32_t CR;
    __IO uint32_t PLLCFGR;
    __IO uint32_t CFGR;
    __IO uint32_t CIR;
    __IO uint32_t AHB1RSTR;
    __IO uint32_t AHB2RSTR;
    __IO uint32_t AHB3RSTR;
    uint32_t RESERVED0;
    __IO uint32_t APB1RSTR;
    __IO uint32_t APB2RSTR;
    uint32_t RESERVED1[2];
    __IO uint32_t AHB1ENR;
    __IO uint32_t AHB2ENR;
    __IO uint32_t AHB3ENR;
    uint32_t RESERVED2;
    __IO uint32_t APB1ENR;
    __IO uint32_t APB2ENR;
    uint32_t RESERVED3[2];
    __IO uint32_t AHB1LPENR;
    __IO uint32_t AHB2LPENR;
    __IO uint32_t AHB3LPENR;
    uint32_t RESERVED4;
    __IO uint32_t APB1LPENR;
    __IO uint32_t APB2LPENR;
    uint32_t RESERVED5[2];
    __IO uint32_t BDCR;
    __IO uint32_t CSR;
    uint32_t RESERVED6[2];
    __IO uint32_t SSCGR;
    __IO uint32_t PLLI2SCFGR;
} RCC_TypeDef;

typedef struct {
    __IO uint32_t CR;
    __IO uint32_t CSR;
} PWR_TypeDef;

typedef struct {
    __IO uint32_t ACR;
    __IO uint32_t KEYR;
    __IO uint32_t OPTKEYR;
    __IO uint32_t SR;
    __IO uint32_t CR;
    __IO uint32_t OPTCR;
} FLASH_TypeDef;

typedef struct {
    __IO uint32_t MODER;
    __IO uint32_t OTYPER;
    __IO uint32_t OSPEEDR;
    __IO uint32_t PUPDR;
    __IO uint32_t IDR;
    __IO uint32_t ODR;
    __IO uint32_t BSRR;
    __IO uint32_t LCKR;
    __IO uint32_t AFR[2];
} GPIO_TypeDef;

typedef struct {
    __IO uint32_t MEMRMP;
    __IO uint32_t PMC;
    __IO uint32_t EXTICR[4];
    uint32_t RESERVED0[2];
    __IO uint32_t CMPCR;
} SYSCFG_TypeDef;

typedef struct {
    __IO uint32_t IMR;
    __IO uint32_t EMR;
    __IO uint32_t RTSR;
    __IO uint32_t FTSR;
    __IO uint32_t SWIER;
    __IO uint32_t PR;
} EXTI_TypeDef;

typedef struct {
    __IO uint32_t SR;
    __IO uint32_t DR;
    __IO uint32_t BRR;
    __IO uint32_t CR1;
    __IO uint32_t CR2;
    __IO uint32_t CR3;
    __IO uint32_t GTPR;
} USART_TypeDef;

typedef struct {
    __IO uint32_t CR;
    __IO uint32_t SR;
    __IO uint32_t DR;
} RNG_TypeDef;

typedef struct {
    __IO uint32_t TR;
    __IO uint32_t DR;
    __IO uint32_t CR;
    __IO uint32_t ISR;
    __IO uint32_t PRER;
    __IO uint32_t WUTR;
    __IO uint32_t CALIBR;
    __IO uint32_t ALRMAR;
    __IO uint32_t ALRMBR;
    __IO uint32_t WPR;
    __IO uint32_t SSR;
    __IO uint32_t SHIFTR;
    __IO uint32_t TSTR;
    __IO uint32_t TSDR;
    __IO uint32_t TSSSR;
    __IO uint32_t CALR;
    __IO uint32_t TAFCR;
    __IO uint32_t ALRMASSR;
    __IO uint32_t ALRMBSSR;
    uint32_t RESERVED0;
    __IO uint32_t BKPR[20]; // CMSIS has BKP0R..BKP19R; an array is what the port needs
} RTC_TypeDef;

typedef struct {
    __IO uint32_t KR;
    __IO uint32_t PR;
    __IO uint32_t RLR;
    __IO uint32_t SR;
} IWDG_TypeDef;

typedef struct {
    __IO uint32_t IDCODE;
    __IO uint32_t CR;
    __IO uint32_t APB1FZ;
    __IO uint32_t APB2FZ;
} DBGMCU_TypeDef;

typedef struct {
    __IO uint32_t CR1;
    __IO uint32_t CR2;
    __IO uint32_t SMCR;
    __IO uint32_t DIER;
    __IO uint32_t SR;
    __IO uint32_t EGR;
    __IO uint32_t CCMR1;
    __IO uint32_t CCMR2;
    __IO uint32_t CCER;
    __IO uint32_t CNT;
    __IO uint32_t PSC;
    __IO uint32_t ARR;
    __IO uint32_t RCR;
    __IO uint32_t CCR1;
    __IO uint32_t CCR2;
    __IO uint32_t CCR3;
    __IO uint32_t CCR4;
    __IO uint32_t BDTR;
    __IO uint32_t DCR;
    __IO uint32_t DMAR;
    __IO uint32_t OR;
} TIM_TypeDef;

typedef struct {
    __IO uint32_t SR;
    __IO uint32_t CR1;
    __IO uint32_t CR2;
    __IO uint32_t SMPR1;
    __IO uint32_t SMPR2;
    __IO uint32_t JOFR1;
    __IO uint32_t JOFR2;
    __IO uint32_t JOFR3;
    __IO uint32_t JOFR4;
    __IO uint32_t HTR;
    __IO uint32_t LTR;
    __IO uint32_t SQR1;
    __IO uint32_t SQR2;
    __IO uint32_t SQR3;
    __IO uint32_t JSQR;
    __IO uint32_t JDR1;
    __IO uint32_t JDR2;
    __IO uint32_t JDR3;
    __IO uint32_t JDR4;
    __IO uint32_t DR;
} ADC_TypeDef;

typedef struct {
    __IO uint32_t CSR;
    __IO uint32_t CCR;
    __IO uint32_t CDR;
} ADC_Common_TypeDef;

typedef struct {
    __IO uint32_t CR1;
    __IO uint32_t CR2;
    __IO uint32_t SR;
    __IO uint32_t DR;
    __IO uint32_t CRCPR;
    __IO uint32_t RXCRCR;
    __IO uint32_t TXCRCR;
    __IO uint32_t I2SCFGR;
    __IO uint32_t I2SPR;
} SPI_TypeDef;

typedef struct {
    __IO uint32_t CR1;
    __IO uint32_t CR2;
    __IO uint32_t OAR1;
    __IO uint32_t OAR2;
    __IO uint32_t DR;
    __IO uint32_t SR1;
    __IO uint32_t SR2;
    __IO uint32_t CCR;
    __IO uint32_t TRISE;
} I2C_TypeDef;

typedef struct {
    __IO uint32_t CR;
    __IO uint32_t NDTR;
    __IO uint32_t PAR;
    __IO uint32_t M0AR;
    __IO uint32_t M1AR;
    __IO uint32_t FCR;
} DMA_Stream_TypeDef;

typedef struct {
    __IO uint32_t LISR;
    __IO uint32_t HISR;
    __IO uint32_t LIFCR;
    __IO uint32_t HIFCR;
} DMA_TypeDef;

#define RCC_BASE (0x40023800UL)
#define PWR_BASE (0x40007000UL)
#define FLASH_R_BASE (0x40023C00UL)
#define GPIOA_BASE (0x40020000UL)
#define GPIOB_BASE (0x40020400UL)
#define GPIOC_BASE (0x40020800UL)
#define GPIOD_BASE (0x40020C00UL)
#define GPIOE_BASE (0x40021000UL)
#define GPIOF_BASE (0x40021400UL)
#define GPIOG_BASE (0x40021800UL)
#define GPIOH_BASE (0x40021C00UL)
#define GPIOI_BASE (0x40022000UL)
#define SYSCFG_BASE (0x40013800UL)
#define EXTI_BASE (0x40013C00UL)
#define USART1_BASE (0x40011000UL)
#define USART2_BASE (0x40004400UL)
#define USART3_BASE (0x40004800UL)
#define UART4_BASE (0x40004C00UL)
#define UART5_BASE (0x40005000UL)
#define USART6_BASE (0x40011400UL)
#define RNG_BASE (0x50060800UL)
#define RTC_BASE (0x40002800UL)
#define IWDG_BASE (0x40003000UL)
#define DBGMCU_BASE (0xE0042000UL)
#define TIM1_BASE (0x40010000UL)
#define TIM2_BASE (0x40000000UL)
#define TIM3_BASE (0x40000400UL)
#define TIM4_BASE (0x40000800UL)
#define TIM5_BASE (0x40000C00UL)
#define TIM6_BASE (0x40001000UL)
#define TIM7_BASE (0x40001400UL)
#define TIM8_BASE (0x40010400UL)
#define TIM9_BASE (0x40014000UL)
#define TIM10_BASE (0x40014400UL)
#define TIM11_BASE (0x40014800UL)
#define TIM12_BASE (0x40001800UL)
#define TIM13_BASE (0x40001C00UL)
#define TIM14_BASE (0x40002000UL)
#define ADC1_BASE (0x40012000UL)
#define ADC2_BASE (0x40012100UL)
#define ADC3_BASE (0x40012200UL)
#define ADC_COMMON_BASE (0x40012300UL)
#define SPI1_BASE (0x40013000UL)
#define SPI2_BASE (0x40003800UL)
#define SPI3_BASE (0x40003C00UL)
#define I2C1_BASE (0x40005400UL)
#define I2C2_BASE (0x40005800UL)
#define I2C3_BASE (0x40005C00UL)
#define DMA1_BASE (0x40026000UL)
#define DMA2_BASE (0x40026400UL)
#define USB_OTG_FS_PERIPH_BASE (0x50000000UL)

#define RCC ((RCC_TypeDef *)RCC_BASE)
#define PWR ((PWR_TypeDef *)PWR_BASE)
#define FLASH ((FLASH_TypeDef *)FLASH_R_BASE)
#define GPIOA ((GPIO_TypeDef *)GPIOA_BASE)
#define GPIOB ((GPIO_TypeDef *)GPIOB_BASE)
#define GPIOC ((GPIO_TypeDef *)GPIOC_BASE)
#define GPIOD ((GPIO_TypeDef *)GPIOD_BASE)
#define GPIOE ((GPIO_TypeDef *)GPIOE_BASE)
#define GPIOF ((GPIO_TypeDef *)GPIOF_BASE)
#define GPIOG ((GPIO_TypeDef *)GPIOG_BASE)
#define GPIOH ((GPIO_TypeDef *)GPIOH_BASE)
#define GPIOI ((GPIO_TypeDef *)GPIOI_BASE)
#define SYSCFG ((SYSCFG_TypeDef *)SYSCFG_BASE)
#define EXTI ((EXTI_TypeDef *)EXTI_BASE)
#define USART1 ((USART_TypeDef *)USART1_BASE)
#define USART2 ((USART_TypeDef *)USART2_BASE)
#define USART3 ((USART_TypeDef *)USART3_BASE)
#define UART4 ((USART_TypeDef *)UART4_BASE)
#define UART5 ((USART_TypeDef *)UART5_BASE)
#define USART6 ((USART_TypeDef *)USART6_BASE)
#define RNG ((RNG_TypeDef *)RNG_BASE)
#define RTC ((RTC_TypeDef *)RTC_BASE)
#define IWDG ((IWDG_TypeDef *)IWDG_BASE)
#define DBGMCU ((DBGMCU_TypeDef *)DBGMCU_BASE)
#define TIM1 ((TIM_TypeDef *)TIM1_BASE)
#define TIM2 ((TIM_TypeDef *)TIM2_BASE)
#define TIM3 ((TIM_TypeDef *)TIM3_BASE)
#define TIM4 ((TIM_TypeDef *)TIM4_BASE)
#define TIM5 ((TIM_TypeDef *)TIM5_BASE)
#define TIM6 ((TIM_TypeDef *)TIM6_BASE)
#define TIM7 ((TIM_TypeDef *)TIM7_BASE)
#define TIM8 ((TIM_TypeDef *)TIM8_BASE)
#define TIM9 ((TIM_TypeDef *)TIM9_BASE)
#define TIM10 ((TIM_TypeDef *)TIM10_BASE)
#define TIM11 ((TIM_TypeDef *)TIM11_BASE)
#define TIM12 ((TIM_TypeDef *)TIM12_BASE)
#define TIM13 ((TIM_TypeDef *)TIM13_BASE)
#define TIM14 ((TIM_TypeDef *)TIM14_BASE)
#define ADC1 ((ADC_TypeDef *)ADC1_BASE)
#define ADC2 ((ADC_TypeDef *)ADC2_BASE)
#define ADC3 ((ADC_TypeDef *)ADC3_BASE)
#define ADC123_COMMON ((ADC_Common_TypeDef *)ADC_COMMON_BASE)
#define SPI1 ((SPI_TypeDef *)SPI1_BASE)
#define SPI2 ((SPI_TypeDef *)SPI2_BASE)
#define SPI3 ((SPI_TypeDef *)SPI3_BASE)
#define I2C1 ((I2C_TypeDef *)I2C1_BASE)
#define I2C2 ((I2C_TypeDef *)I2C2_BASE)
#define I2C3 ((I2C_TypeDef *)I2C3_BASE)
#define DMA1 ((DMA_TypeDef *)DMA1_BASE)
#define DMA2 ((DMA_TypeDef *)DMA2_BASE)
// CMSIS names each stream; eight names per controller are one indexed macro here.
#define DMA_STREAM(base, n) ((DMA_Stream_TypeDef *)((base) + 0x10UL + 0x18UL * (n)))

// What TinyUSB's DWC2 driver asks for: endpoints with EP0, FIFO in bytes (320 words).
#define USB_OTG_FS_MAX_IN_ENDPOINTS (4U)
#define USB_OTG_FS_MAX_OUT_ENDPOINTS (4U)
#define USB_OTG_FS_TOTAL_FIFO_SIZE (1280U)

// Memory and constants of the device (RM0090 sections 2.3, 3.3 and 39).
#define FLASH_BASE (0x08000000UL)
#define SRAM1_BASE (0x20000000UL)
#define CCMDATARAM_BASE (0x10000000UL)
#define SYSTEM_MEMORY_BASE (0x1FFF0000UL)
#define UID_BASE (0x1FFF7A10UL)
#define FLASHSIZE_BASE (0x1FFF7A22UL)

#include "stm32f4xx_bits.h"
#include "stm32f4xx_bits_bus.h"
#if __has_include("stm32f4xx_eth.h")
#include "stm32f4xx_eth.h"
#endif

// The core's clock in Hz, kept by hal/clock.c (CMSIS's name; TinyUSB reads it).
extern uint32_t SystemCoreClock;

#endif // HAL_STM32F4XX_H
