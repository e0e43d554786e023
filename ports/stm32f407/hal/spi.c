// SPDX-License-Identifier: MIT
#include "spi.h"
#include "bus_pins.h"
#include "clock.h"
#include "stm32f4xx.h"

// The receiver holds one frame. With two on their way an interrupt of more than a frame's time overruns it,
// with one there is a pause of some cycles after each. So at rates where that pause counts, and there alone,
// frames go two deep in bursts of at most so many, each burst with interrupts masked.
#define BURST_FRAMES (8)
#define BURST_MIN_HZ (5000000)
// A frame of 16 bits at the slowest rate there is (16 MHz HSI / 512 / 256) takes 131 ms.
#define FRAME_MS (200)
#define SLOWEST_BR (7)

typedef struct {
    SPI_TypeDef *regs;
    bool apb2;
    uint8_t enable_bit;
} spi_hw_t;

static const spi_hw_t spi_hw[] = {
    { SPI1, true, 12 },
    { SPI2, false, 14 },
    { SPI3, false, 15 },
};

static uint32_t clock_of(const spi_hw_t *hw) {
    return hw->apb2 ? pclk2_hz() : pclk1_hz();
}

// CR1.BR: the bus clock divided by 2^(BR + 1).
static uint32_t divider_for(const spi_config_t *config) {
    uint32_t rate = clock_of(&spi_hw[config->number - 1]) / 2;
    uint32_t br = 0;
    while (rate > config->baudrate && br < SLOWEST_BR) {
        rate /= 2;
        ++br;
    }
    return br;
}

uint32_t spi_baudrate(const spi_config_t *config) {
    return clock_of(&spi_hw[config->number - 1]) >> (divider_for(config) + 1);
}

static void enable_clock(const spi_hw_t *hw, bool on) {
    clock_gate(hw->apb2 ? &RCC->APB2ENR : &RCC->APB1ENR, 1UL << hw->enable_bit, on);
}

static void set_pin(bus_line_t line, const spi_config_t *config, pin_t pin, unsigned pull) {
    if (pin != PIN_NONE) {
        // ES0182, "corrupted last bit of data received in master mode with delayed SCK feedback": edges as
        // fast as the pad can make them.
        gpio_config(pin, GPIO_MODE_AF, pull, GPIO_SPEED_VERY_HIGH, bus_pin_af(line, config->number, pin));
    }
}

static bool pin_fits(bus_line_t line, unsigned number, pin_t pin) {
    return pin == PIN_NONE || bus_pin_af(line, number, pin) >= 0;
}

// Without SPE. SSM and SSI keep NSS out of it: a low NSS would be a mode fault (section 28.3.10).
static uint32_t cr1_for(const spi_config_t *config) {
    uint32_t cr1 = SPI_CR1_MSTR | SPI_CR1_SSM | SPI_CR1_SSI | divider_for(config) << SPI_CR1_BR_Pos;
    cr1 |= config->polarity ? SPI_CR1_CPOL : 0;
    cr1 |= config->phase ? SPI_CR1_CPHA : 0;
    cr1 |= config->lsb_first ? SPI_CR1_LSBFIRST : 0;
    return cr1;
}

int spi_open(const spi_config_t *config) {
    unsigned number = config->number;
    if (number < 1 || number > sizeof(spi_hw) / sizeof(spi_hw[0]) || (config->bits != 8 && config->bits != 16)
        || config->sck == PIN_NONE || !pin_fits(BUS_SPI_SCK, number, config->sck)
        || !pin_fits(BUS_SPI_MISO, number, config->miso) || !pin_fits(BUS_SPI_MOSI, number, config->mosi)) {
        return -HAL_EINVAL;
    }
    const spi_hw_t *hw = &spi_hw[number - 1];
    enable_clock(hw, true);
    hw->regs->CR1 = 0;
    hw->regs->CR2 = 0;
    hw->regs->I2SCFGR = 0;
    // Enabled before the pins are handed over, so that SCK is at its idle level from the first moment.
    hw->regs->CR1 = cr1_for(config);
    hw->regs->CR1 |= SPI_CR1_SPE;
    set_pin(BUS_SPI_SCK, config, config->sck, config->polarity ? GPIO_PULL_UP : GPIO_PULL_DOWN);
    set_pin(BUS_SPI_MISO, config, config->miso, GPIO_PULL_UP);
    set_pin(BUS_SPI_MOSI, config, config->mosi, GPIO_PULL_NONE);
    return 0;
}

static int wait_clear(SPI_TypeDef *regs, uint32_t bit) {
    clock_timeout_t timeout = clock_timeout_ms(FRAME_MS);
    while (regs->SR & bit) {
        if (clock_expired(&timeout)) {
            return -HAL_ETIMEDOUT;
        }
    }
    return 0;
}

static int wait_set(SPI_TypeDef *regs, uint32_t bit) {
    if (regs->SR & bit) {
        return 0;
    }
    clock_timeout_t timeout = clock_timeout_ms(FRAME_MS);
    while ((regs->SR & bit) == 0) {
        if (clock_expired(&timeout)) {
            return (regs->SR & bit) ? 0 : -HAL_ETIMEDOUT;
        }
    }
    return 0;
}

static void free_pin(pin_t pin) {
    if (pin != PIN_NONE) {
        gpio_config(pin, GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
    }
}

void spi_close(const spi_config_t *config) {
    const spi_hw_t *hw = &spi_hw[config->number - 1];
    (void)wait_clear(hw->regs, SPI_SR_BSY); // section 28.3.8: not in the middle of a frame
    hw->regs->CR1 = 0;
    enable_clock(hw, false);
    free_pin(config->sck);
    free_pin(config->miso);
    free_pin(config->mosi);
}

// One frame of the buffer as it goes into DR. `swap`: two bytes as a half-word, the first one on the wire
// first.
static inline uint32_t load(const uint8_t *tx, size_t step, bool swap) {
    if (tx == NULL) {
        return 0;
    }
    if (step == 1) {
        return *tx;
    }
    return swap ? (uint32_t)tx[0] << 8 | tx[1] : (uint32_t)tx[1] << 8 | tx[0];
}

static inline void store(uint8_t *rx, uint32_t value, size_t step, bool swap) {
    if (step == 1) {
        *rx = (uint8_t)value;
        return;
    }
    rx[swap ? 1 : 0] = (uint8_t)value;
    rx[swap ? 0 : 1] = (uint8_t)(value >> 8);
}

// Nothing to be kept: the receiver may overrun, its flags are cleared at the end (section 28.3.10).
static int send(SPI_TypeDef *regs, const uint8_t *tx, size_t frames, size_t step, bool swap) {
    for (; frames > 0; --frames) {
        if (wait_set(regs, SPI_SR_TXE) != 0) {
            return -HAL_ETIMEDOUT;
        }
        regs->DR = load(tx, step, swap);
        tx += tx == NULL ? 0 : step;
    }
    int ret = wait_set(regs, SPI_SR_TXE);
    ret = ret == 0 ? wait_clear(regs, SPI_SR_BSY) : ret;
    (void)regs->DR;
    (void)regs->SR;
    return ret;
}

static int exchange_one(SPI_TypeDef *regs, const uint8_t *tx, uint8_t *rx, size_t step, bool swap) {
    regs->DR = load(tx, step, swap);
    int ret = wait_set(regs, SPI_SR_RXNE);
    store(rx, regs->DR, step, swap);
    return ret;
}

// Two frames on their way at a time; interrupts are masked.
static int exchange_burst(SPI_TypeDef *regs, const uint8_t *tx, uint8_t *rx, size_t frames, size_t step,
    bool swap) {
    // With one buffer for both, a frame is loaded before what comes for the one ahead of it is stored.
    regs->DR = load(tx, step, swap);
    for (size_t i = 1; i < frames; ++i) {
        tx += tx == NULL ? 0 : step;
        if (wait_set(regs, SPI_SR_TXE) != 0) {
            return -HAL_ETIMEDOUT;
        }
        regs->DR = load(tx, step, swap);
        if (wait_set(regs, SPI_SR_RXNE) != 0) {
            return -HAL_ETIMEDOUT;
        }
        store(rx, regs->DR, step, swap);
        rx += step;
    }
    int ret = wait_set(regs, SPI_SR_RXNE);
    store(rx, regs->DR, step, swap);
    return ret;
}

static int exchange(SPI_TypeDef *regs, const uint8_t *tx, uint8_t *rx, size_t frames, size_t step, bool swap,
    size_t burst) {
    int ret = 0;
    while (frames > 0 && ret == 0) {
        size_t count = frames < burst ? frames : burst;
        if (count == 1) {
            ret = exchange_one(regs, tx, rx, step, swap);
        } else {
            uint32_t primask = __get_PRIMASK();
            __disable_irq();
            ret = exchange_burst(regs, tx, rx, count, step, swap);
            __set_PRIMASK(primask);
        }
        tx += tx == NULL ? 0 : count * step;
        rx += count * step;
        frames -= count;
    }
    return ret;
}

static void set_frame(SPI_TypeDef *regs, bool wide) {
    if (((regs->CR1 & SPI_CR1_DFF) != 0) == wide) {
        return;
    }
    uint32_t cr1 = (regs->CR1 & ~(SPI_CR1_SPE | SPI_CR1_DFF)) | (wide ? SPI_CR1_DFF : 0);
    regs->CR1 &= ~SPI_CR1_SPE; // DFF changes only while the SPI is off
    regs->CR1 = cr1;
    regs->CR1 = cr1 | SPI_CR1_SPE;
}

int spi_transfer(const spi_config_t *config, const uint8_t *tx, uint8_t *rx, size_t len) {
    SPI_TypeDef *regs = spi_hw[config->number - 1].regs;
    if (config->bits == 16 && (len & 1)) {
        return -HAL_EINVAL;
    }
    // Bytes go as half-words where there are two of them: on the wire it is the same.
    bool wide = len >= 2;
    size_t step = wide ? 2 : 1;
    bool swap = config->bits == 8 && !config->lsb_first;
    size_t burst = spi_baudrate(config) >= BURST_MIN_HZ ? BURST_FRAMES : 1;
    int ret = 0;
    for (size_t left = len; left > 0 && ret == 0; left -= left / step * step, step = 1, wide = false) {
        size_t frames = left / step;
        set_frame(regs, wide);
        (void)regs->DR; // what an interrupted transfer may have left
        (void)regs->SR;
        ret = rx == NULL ? send(regs, tx, frames, step, swap)
            : exchange(regs, tx, rx, frames, step, swap, burst);
        // RXNE comes half a clock before the end of the frame: a chip select must not rise in it.
        ret = ret == 0 ? wait_clear(regs, SPI_SR_BSY) : ret;
        tx += tx == NULL ? 0 : frames * step;
        rx += rx == NULL ? 0 : frames * step;
    }
    return ret;
}
