// SPDX-License-Identifier: MIT
// A bare program that knows nothing of this project: it drives the chip through numbers from RM0090 and
// says on USART2 (PA2, 115200 baud) how each part went. test_models_on_cpu.py runs it.
#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC(offset) REG(0x40023800 + (offset))
#define FLASH(offset) REG(0x40023C00 + (offset))
#define PWR(offset) REG(0x40007000 + (offset))
#define GPIOA(offset) REG(0x40020000 + (offset))
#define USART2(offset) REG(0x40004400 + (offset))
#define TIM2(offset) REG(0x40000000 + (offset))
#define TIM5(offset) REG(0x40000C00 + (offset))
#define EXTI(offset) REG(0x40013C00 + (offset))
#define RTC(offset) REG(0x40002800 + (offset))
#define DMA2(offset) REG(0x40026400 + (offset))
#define RNG(offset) REG(0x50060800 + (offset))
#define NVIC_ISER(irq) REG(0xE000E100 + 4 * ((irq) / 32)) = 1u << ((irq) % 32)
#define CYCCNT REG(0xE0001004)

extern uint32_t _sdata[], _edata[], _sidata[], _sbss[], _ebss[];
static volatile uint32_t ticks, presses, wakeups, nmis;

static void put(char c) {
    while (!(USART2(0) & 0x80)) {
    }
    USART2(4) = (uint8_t)c;
}

static void say(const char *text, uint32_t value) {
    while (*text) {
        put(*text++);
    }
    put('=');
    char digits[10];
    int n = 0;
    do {
        digits[n++] = '0' + value % 10;
        value /= 10;
    } while (value);
    while (n) {
        put(digits[--n]);
    }
    put('\n');
}

static void clock_168_mhz(void) {
    RCC(0x40) |= 1u << 28;
    PWR(0) |= 1u << 14;
    RCC(0) |= 1u << 16;
    while (!(RCC(0) & 1u << 17)) {
    }
    RCC(8) |= 5u << 10 | 4u << 13;
    RCC(4) = 8 | 336 << 6 | 0 << 16 | 1u << 22 | 7u << 24;
    RCC(0) |= 1u << 24;
    while (!(RCC(0) & 1u << 25)) {
    }
    FLASH(0) = 1u << 8 | 1u << 9 | 1u << 10 | 5;
    RCC(8) = (RCC(8) & ~3u) | 2;
    while ((RCC(8) & 0xC) != 8) {
    }
}

static void console(void) {
    RCC(0x30) |= 1;
    RCC(0x40) |= 1u << 17;
    GPIOA(0x20) = (GPIOA(0x20) & ~0xFF00u) | 0x7700;
    GPIOA(0x00) = (GPIOA(0x00) & ~0xF0u) | 0xA0;
    USART2(8) = 42000000 / 115200;
    USART2(0xC) = 1u << 13 | 1u << 3 | 1u << 2;
}

void nmi_handler(void) {
    RCC(0xC) = 1u << 23;
    USART2(8) = 4000000 / 115200; // APB1 keeps its prescaler of 4
    nmis++;
}

void tim2_handler(void) {
    TIM2(0x10) = 0;
    ticks++;
}

void exti0_handler(void) {
    EXTI(0x14) = 1;
    presses++;
}

void rtc_wakeup_handler(void) {
    EXTI(0x14) = 1u << 22;
    RTC(0xC) = ~(1u << 10 | 1u << 7);
    wakeups++;
}

// A millisecond of TIM2 against the core's own cycle counter.
static void test_timer(void) {
    RCC(0x40) |= 1;
    TIM2(0x28) = 83;
    TIM2(0x2C) = 999;
    TIM2(0x14) = 1;
    TIM2(0x10) = 0;
    TIM2(0x0C) = 1;
    NVIC_ISER(28);
    REG(0xE000EDFC) |= 1u << 24;
    REG(0xE0001000) |= 1;
    TIM2(0) = 1;
    while (ticks == 0) {
    }
    uint32_t start = CYCCNT;
    while (ticks < 11) {
    }
    say("cycles_per_10_ms", CYCCNT - start);
    TIM2(0) = 0;
}

static void test_random(void) {
    RCC(0x34) |= 1u << 6;
    RNG(0) = 4;
    uint32_t distinct = 0, last = 0;
    for (int n = 0; n < 100; n++) {
        while (!(RNG(4) & 1)) {
        }
        uint32_t value = RNG(8);
        distinct += value != last;
        last = value;
    }
    say("random", distinct);
}

static void test_dma(void) {
    static uint32_t source[64], target[64];
    for (int n = 0; n < 64; n++) {
        source[n] = n * n + 1;
    }
    RCC(0x30) |= 1u << 22;
    DMA2(0x18) = (uint32_t)source;
    DMA2(0x1C) = (uint32_t)target;
    DMA2(0x14) = 64;
    DMA2(0x24) = 4 | 3;
    DMA2(0x10) = 2u << 13 | 2u << 11 | 1u << 10 | 1u << 9 | 2u << 6 | 1;
    while (!(DMA2(0) & 0x20)) {
    }
    uint32_t same = 0;
    for (int n = 0; n < 64; n++) {
        same += target[n] == source[n];
    }
    say("dma", same);
}

// Erases sector 11 and programs two words there, from code that runs in flash.
static void test_flash(void) {
    volatile uint32_t *sector = (volatile uint32_t *)0x080E0000;
    FLASH(4) = 0x45670123;
    FLASH(4) = 0xCDEF89AB;
    RCC(0x40) |= 1u << 3;
    TIM5(0x28) = 8399; // 10 kHz
    TIM5(0x2C) = 0xFFFFFFFF;
    TIM5(0x14) = 1;
    TIM5(0) = 1;
    FLASH(0x10) = 2u << 8 | 11u << 3 | 2;
    FLASH(0x10) |= 1u << 16;
    while (FLASH(0xC) & 1u << 16) {
    }
    say("erase_ms", TIM5(0x24) / 10);
    say("erased", sector[0] == 0xFFFFFFFF && sector[32767] == 0xFFFFFFFF);
    FLASH(0x10) = 2u << 8 | 1;
    sector[0] = 0x12345678;
    while (FLASH(0xC) & 1u << 16) {
    }
    sector[1] = 0x4770207B; // movs r0, #123; bx lr
    while (FLASH(0xC) & 1u << 16) {
    }
    FLASH(0x10) = 1u << 31;
    say("programmed", sector[0] == 0x12345678);
    say("executed", ((uint32_t (*)(void))0x080E0005)());
    say("flash_errors", FLASH(0xC));
}

static void test_button(void) {
    EXTI(0x00) = EXTI(0x08) = 1;
    NVIC_ISER(6);
    put('?');
    while (presses == 0) {
        __asm volatile("wfi");
    }
    say("presses", presses);
}

// The RTC on the LSI wakes the core every half second.
static void test_rtc(void) {
    PWR(0) |= 1u << 8;
    RCC(0x74) |= 1;
    while (!(RCC(0x74) & 2)) {
    }
    RCC(0x70) = 2u << 8 | 1u << 15;
    RTC(0x24) = 0xCA;
    RTC(0x24) = 0x53;
    RTC(0x08) = 0;
    while (!(RTC(0xC) & 4)) {
    }
    RTC(0x14) = 999; // 2 kHz: LSI / 16
    EXTI(0x08) |= 1u << 22;
    EXTI(0x00) |= 1u << 22;
    NVIC_ISER(3);
    RTC(0x08) = 1u << 14 | 1u << 10;
    while (wakeups < 4) {
        __asm volatile("wfi");
    }
    RTC(0x08) = 0;
    say("wakeups", wakeups);
}

// A WFE that only the edge of a pin in event mode ends.
static void test_event(void) {
    EXTI(0x00) &= ~1u;
    EXTI(0x04) |= 1;
    EXTI(0x14) = 1;
    __asm volatile("sev; wfe");
    put('#');
    while (!(USART2(0) & 0x40)) {
    }
    __asm volatile("wfe");
    say("event", EXTI(0x14) & 1);
    EXTI(0x04) = 0;
}

// The crystal fails: the clock security system goes back to the HSI and sends an NMI.
static void test_crystal_failure(void) {
    RCC(0) |= 1u << 19;
    put('!');
    while (!(USART2(0) & 0x40)) {
    }
    while (nmis == 0) {
    }
    say("nmis", nmis);
    say("system_clock_source", RCC(8) >> 2 & 3);
}

int main(void) {
    uint32_t flags = RCC(0x74) >> 24;
    clock_168_mhz();
    console();
    say("reset_flags", flags);
    RCC(0x74) |= 1u << 24;
    if (flags & 0x20) {
        say("watchdog", REG(0x40002850));
        for (;;) {
            __asm volatile("wfi");
        }
    }
    say("uid", (*(volatile uint32_t *)0x1FFF7A10 ^ *(volatile uint32_t *)0x1FFF7A14) != 0);
    say("flash_kb", *(volatile uint16_t *)0x1FFF7A22);
    say("device", REG(0xE0042000) & 0xFFF);
    test_timer();
    test_random();
    test_dma();
    test_flash();
    test_button();
    test_rtc();
    test_event();
    test_crystal_failure();
    REG(0x40002850) = 77; // RTC_BKP0R outlasts the reset to come
    REG(0x40003000) = 0xCCCC;
    for (;;) {
    }
}

void reset_handler(void) {
    for (uint32_t *from = _sidata, *to = _sdata; to < _edata;) {
        *to++ = *from++;
    }
    for (uint32_t *to = _sbss; to < _ebss;) {
        *to++ = 0;
    }
    main();
}

static void unexpected(void) {
    for (;;) {
        __asm volatile("bkpt 0");
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[98] = {
    (void *)0x20020000,
    reset_handler,
    nmi_handler,
    [3 ... 18] = unexpected,
    rtc_wakeup_handler,
    [20 ... 21] = unexpected,
    exti0_handler,
    [23 ... 43] = unexpected,
    tim2_handler,
    [45 ... 97] = unexpected,
};
