// SPDX-License-Identifier: MIT
// The registers that the loader uses (RM0090).
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define RCC_CR REG(0x40023800)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR REG(0x40023804)
#define RCC_CFGR REG(0x40023808)
#define RCC_AHB1RSTR REG(0x40023810)
#define RCC_AHB2RSTR REG(0x40023814)
#define RCC_AHB1ENR REG(0x40023830)
#define RCC_AHB2ENR REG(0x40023834)
#define RCC_OTGFS (1u << 7)

#define FLASH_ACR REG(0x40023C00)
#define FLASH_KEYR REG(0x40023C04)
#define FLASH_OPTKEYR REG(0x40023C08)
#define FLASH_SR REG(0x40023C0C)
#define FLASH_SR_ERRORS 0xF2u
#define FLASH_SR_BSY (1u << 16)
#define FLASH_CR REG(0x40023C10)
#define FLASH_CR_PG 1u
#define FLASH_CR_SER 2u
#define FLASH_CR_MER 4u
#define FLASH_CR_STRT (1u << 16)
#define FLASH_CR_LOCK (1u << 31)
#define FLASH_OPTCR REG(0x40023C14)
#define FLASH_OPTCR_OPTLOCK 1u
#define FLASH_OPTCR_OPTSTRT 2u

#define GPIOA_MODER REG(0x40020000)
#define GPIOA_OSPEEDR REG(0x40020008)
#define GPIOA_AFRH REG(0x40020024)

#define NVIC_ISER2 REG(0xE000E108)
#define NVIC_ICER2 REG(0xE000E188)
#define SCB_AIRCR REG(0xE000ED0C)
#define OTG_FS_IRQ_IN_ISER2 (1u << (67 - 64))

#define UID_BASE 0x1FFF7A10u
#define FLASH_SIZE_KB (*(volatile uint16_t *)0x1FFF7A22u)

#define FLASH_BASE 0x08000000u
#define OTP_BASE 0x1FFF7800u
#define OTP_BYTES 0x210u
#define OPTION_BASE 0x1FFFC000u
#define OPTION_BYTES 16u
#define FEATURE_BASE 0xFFFF0000u
#define FEATURE_BYTES 4u
#define RAM_FREE 0x20003000u // above what the loader itself uses
#define RAM_END 0x20020000u

#endif
