// SPDX-License-Identifier: MIT
#include "i2c.h"
#include "bus_pins.h"
#include "clock.h"
#include "stm32f4xx.h"
#include "timebase.h"

// A STOP takes two half clocks once the bus is quiet; at the slowest rate that is 0.2 ms.
#define STOP_US (2000)
#define FAST_MAX_HZ (400000)
#define STANDARD_MAX_HZ (100000)
// ES0182, "mismatch on the setup time for a repeated START": in standard mode it is kept up to 88 kHz.
#define STANDARD_SAFE_HZ (88000)
#define CCR_MAX (0xfff)

// i2c_t.held
enum {
    HELD_NOT,
    HELD_WRITING, // after a write: the clock is low until START or STOP
    HELD_RESTARTED, // after a read: the repeated START is out or on its way
};

typedef struct {
    I2C_TypeDef *regs;
    uint8_t enable_bit;
} i2c_hw_t;

static const i2c_hw_t i2c_hw[] = { { I2C1, 21 }, { I2C2, 22 }, { I2C3, 23 } };

static I2C_TypeDef *regs_of(const i2c_t *i2c) {
    return i2c_hw[i2c->config.number - 1].regs;
}

// --- set-up ---

static bool is_fast(const i2c_config_t *config) {
    return config->freq > STANDARD_MAX_HZ;
}

// Clocks of the bus per SCL, in CCR's unit: 2 of it in standard, 3 in fast mode (section 27.6.8). 0: out of
// reach.
static uint32_t ccr_for(const i2c_config_t *config) {
    uint32_t freq = config->freq > FAST_MAX_HZ ? FAST_MAX_HZ : config->freq;
    if (!is_fast(config) && freq > STANDARD_SAFE_HZ) {
        freq = STANDARD_SAFE_HZ;
    }
    uint32_t unit = is_fast(config) ? 3 : 2;
    uint32_t least = is_fast(config) ? 1 : 4;
    uint32_t mhz = pclk1_hz() / 1000000;
    if (freq == 0 || mhz < (is_fast(config) ? 4u : 2u)) {
        return 0;
    }
    uint32_t ccr = (pclk1_hz() / unit + freq - 1) / freq;
    ccr = ccr < least ? least : ccr;
    return ccr > CCR_MAX ? 0 : ccr;
}

uint32_t i2c_freq(const i2c_t *i2c) {
    uint32_t ccr = ccr_for(&i2c->config);
    return ccr == 0 ? 0 : pclk1_hz() / ((is_fast(&i2c->config) ? 3 : 2) * ccr);
}

static void enable_clock(const i2c_t *i2c, bool on) {
    clock_gate(&RCC->APB1ENR, 1UL << i2c_hw[i2c->config.number - 1].enable_bit, on);
}

static void set_pin(bus_line_t line, const i2c_config_t *config, pin_t pin) {
    gpio_config(pin, GPIO_MODE_AF | GPIO_MODE_OPEN_DRAIN, GPIO_PULL_UP, GPIO_SPEED_LOW,
        bus_pin_af(line, config->number, pin));
}

// From any state to a free peripheral: the software reset alone clears a BUSY that no STOP will, and brings
// START back after a misplaced STOP (ES0182).
static void reset(i2c_t *i2c) {
    const i2c_config_t *config = &i2c->config;
    I2C_TypeDef *regs = regs_of(i2c);
    regs->CR1 = I2C_CR1_SWRST;
    if (gpio_read(config->sda) == 0 || gpio_read(config->scl) == 0) {
        i2c->recoveries += 1;
        (void)i2c_recover_lines(config->scl, config->sda);
    }
    set_pin(BUS_I2C_SCL, config, config->scl);
    set_pin(BUS_I2C_SDA, config, config->sda);
    regs->CR1 = 0;
    uint32_t mhz = pclk1_hz() / 1000000;
    regs->CR2 = mhz;
    regs->CCR = ccr_for(config) | (is_fast(config) ? I2C_CCR_FS : 0);
    // The longest rise that the standard allows: 1000 ns, 300 ns.
    regs->TRISE = is_fast(config) ? mhz * 300 / 1000 + 1 : mhz + 1;
    regs->CR1 = I2C_CR1_PE;
    i2c->held = HELD_NOT;
}

int i2c_open(i2c_t *i2c, const i2c_config_t *config) {
    unsigned number = config->number;
    if (number < 1 || number > sizeof(i2c_hw) / sizeof(i2c_hw[0]) || ccr_for(config) == 0
        || bus_pin_af(BUS_I2C_SCL, number, config->scl) < 0
        || bus_pin_af(BUS_I2C_SDA, number, config->sda) < 0) {
        return -HAL_EINVAL;
    }
    i2c->config = *config;
    enable_clock(i2c, true);
    // As inputs with pull-ups the lines show what the devices do.
    gpio_config(config->scl, GPIO_MODE_INPUT, GPIO_PULL_UP, GPIO_SPEED_LOW, 0);
    gpio_config(config->sda, GPIO_MODE_INPUT, GPIO_PULL_UP, GPIO_SPEED_LOW, 0);
    clock_delay_us(10);
    reset(i2c);
    return 0;
}

static void send_stop(i2c_t *i2c);

void i2c_close(i2c_t *i2c) {
    if (i2c->held == HELD_WRITING) {
        send_stop(i2c);
    }
    regs_of(i2c)->CR1 = I2C_CR1_SWRST;
    regs_of(i2c)->CR1 = 0;
    enable_clock(i2c, false);
    gpio_config(i2c->config.scl, GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
    gpio_config(i2c->config.sda, GPIO_MODE_INPUT, GPIO_PULL_NONE, GPIO_SPEED_LOW, 0);
}

// --- events ---

// Until SR1 shows `flag`. The time is looked at before the flag: whoever was not running for long still sees
// it.
static int wait_event(i2c_t *i2c, uint32_t flag) {
    I2C_TypeDef *regs = regs_of(i2c);
    uint32_t start = timebase_us32();
    for (;;) {
        bool late = timebase_us32() - start > i2c->config.timeout_us;
        uint32_t sr1 = regs->SR1;
        if (sr1 & I2C_SR1_AF) {
            regs->SR1 = ~I2C_SR1_AF;
            return -HAL_ENODEV;
        }
        if (sr1 & I2C_SR1_ARLO) {
            regs->SR1 = ~I2C_SR1_ARLO;
            return -HAL_EIO;
        }
        if (sr1 & I2C_SR1_BERR) {
            regs->SR1 = ~I2C_SR1_BERR; // ES0182: spurious in master mode; the transfer is not touched by it
        }
        if (sr1 & flag) {
            return 0;
        }
        if (late) {
            return -HAL_ETIMEDOUT;
        }
    }
}

static bool wait_clear(volatile uint32_t *reg, uint32_t bit, uint32_t timeout_us) {
    uint32_t start = timebase_us32();
    for (;;) {
        bool late = timebase_us32() - start > timeout_us;
        if ((*reg & bit) == 0) {
            return true;
        }
        if (late) {
            return false;
        }
    }
}

// No write to CR1 is allowed until the hardware has taken STOP back (section 27.3.3).
static void send_stop(i2c_t *i2c) {
    I2C_TypeDef *regs = regs_of(i2c);
    regs->CR1 |= I2C_CR1_STOP;
    i2c->held = HELD_NOT;
    if (!wait_clear(&regs->CR1, I2C_CR1_STOP, STOP_US + i2c->config.timeout_us)) {
        reset(i2c);
    }
}

// After an error that leaves the bus to us: give it back. Returns `error`.
static int give_up(i2c_t *i2c, int error) {
    if (error == -HAL_ENODEV) {
        send_stop(i2c);
    } else {
        reset(i2c);
    }
    return error;
}

// START with these bits of CR1 (ACK, POS), then the address; ADDR is set at the end, and the clock held.
static int begin(i2c_t *i2c, uint32_t acks, uint8_t address_and_read) {
    I2C_TypeDef *regs = regs_of(i2c);
    if (i2c->held == HELD_NOT && !wait_clear(&regs->SR2, I2C_SR2_BUSY, i2c->config.timeout_us)) {
        // Somebody holds the bus, or the peripheral believes so.
        reset(i2c);
        if (regs->SR2 & I2C_SR2_BUSY) {
            return -HAL_ETIMEDOUT;
        }
    }
    uint32_t start = i2c->held == HELD_RESTARTED ? 0 : I2C_CR1_START;
    if (start != 0) {
        regs->CR1 = I2C_CR1_PE | acks | start;
    }
    int ret = wait_event(i2c, I2C_SR1_SB);
    if (ret == 0) {
        if (start == 0) {
            regs->CR1 = I2C_CR1_PE | acks;
        }
        regs->DR = address_and_read;
        ret = wait_event(i2c, I2C_SR1_ADDR);
    }
    return ret == 0 ? 0 : give_up(i2c, ret);
}

static bool interrupted(const i2c_t *i2c) {
    return i2c->interrupted != NULL && i2c->interrupted();
}

// --- write ---

int i2c_write_begin(i2c_t *i2c, uint8_t address) {
    int ret = begin(i2c, 0, (uint8_t)(address << 1));
    if (ret == 0) {
        (void)regs_of(i2c)->SR2; // after SR1: clears ADDR
        i2c->held = HELD_WRITING;
    }
    return ret;
}

int i2c_write(i2c_t *i2c, const uint8_t *data, size_t len) {
    I2C_TypeDef *regs = regs_of(i2c);
    for (size_t i = 0; i < len && !interrupted(i2c); ++i) {
        // To the end of each byte: so it is known which one was not acknowledged.
        regs->DR = data[i];
        int ret = wait_event(i2c, I2C_SR1_BTF);
        if (ret == -HAL_ENODEV) {
            return (int)i;
        }
        if (ret != 0) {
            return give_up(i2c, ret);
        }
    }
    return (int)len;
}

int i2c_write_end(i2c_t *i2c, bool stop) {
    if (stop) {
        send_stop(i2c);
    }
    return 0;
}

// --- read: the sequences of section 27.3.3, "using master receiver" by BTF, where the clock waits for us ---

// CR1 with the bit that ends the transfer after the byte in hand: STOP, or START to keep the bus.
static uint32_t ending(const I2C_TypeDef *regs, bool stop) {
    return regs->CR1 | (stop ? I2C_CR1_STOP : I2C_CR1_START);
}

// The only byte is on its way once ADDR is cleared: NACK is set before, and the end must be in time.
static int read_one(i2c_t *i2c, uint8_t *data, bool stop) {
    I2C_TypeDef *regs = regs_of(i2c);
    uint32_t cr1 = ending(regs, stop);
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    (void)regs->SR2;
    regs->CR1 = cr1;
    __set_PRIMASK(primask);
    int ret = wait_event(i2c, I2C_SR1_RXNE);
    *data = (uint8_t)regs->DR;
    return ret;
}

// Two bytes, the first in DR and the second in the shift register, the clock held.
static int read_last_two(i2c_t *i2c, uint8_t *data, bool stop) {
    I2C_TypeDef *regs = regs_of(i2c);
    int ret = wait_event(i2c, I2C_SR1_BTF);
    if (ret != 0) {
        return ret;
    }
    uint32_t cr1 = ending(regs, stop);
    // Between the two accesses the STOP must not come through, or the second byte is shifted by a bit.
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    regs->CR1 = cr1;
    data[0] = (uint8_t)regs->DR;
    __set_PRIMASK(primask);
    ret = wait_event(i2c, I2C_SR1_RXNE);
    data[1] = (uint8_t)regs->DR;
    return ret;
}

// With POS the NACK is for the byte after the one in the shift register.
static int read_two(i2c_t *i2c, uint8_t *data, bool stop) {
    I2C_TypeDef *regs = regs_of(i2c);
    uint32_t primask = __get_PRIMASK();
    __disable_irq();
    (void)regs->SR2;
    regs->CR1 &= ~I2C_CR1_ACK;
    __set_PRIMASK(primask);
    return read_last_two(i2c, data, stop);
}

static int read_many(i2c_t *i2c, uint8_t *data, size_t len, bool stop) {
    I2C_TypeDef *regs = regs_of(i2c);
    (void)regs->SR2;
    int ret = 0;
    for (; len > 3 && !interrupted(i2c); --len) {
        ret = wait_event(i2c, I2C_SR1_RXNE);
        if (ret != 0) {
            return ret;
        }
        *data++ = (uint8_t)regs->DR;
    }
    ret = wait_event(i2c, I2C_SR1_BTF);
    if (ret != 0) {
        return ret;
    }
    regs->CR1 &= ~I2C_CR1_ACK;
    *data++ = (uint8_t)regs->DR;
    return read_last_two(i2c, data, stop);
}

int i2c_read(i2c_t *i2c, uint8_t address, uint8_t *data, size_t len, bool stop) {
    uint8_t none;
    if (len == 0) {
        data = &none; // the device drives the first bit already: one byte has to be clocked
    }
    uint32_t acks = len <= 1 ? 0 : len == 2 ? I2C_CR1_ACK | I2C_CR1_POS : I2C_CR1_ACK;
    int ret = begin(i2c, acks, (uint8_t)(address << 1 | 1));
    if (ret != 0) {
        return ret;
    }
    ret = len <= 1 ? read_one(i2c, data, stop) : len == 2 ? read_two(i2c, data, stop)
        : read_many(i2c, data, len, stop);
    if (ret != 0) {
        return give_up(i2c, ret);
    }
    i2c->held = stop ? HELD_NOT : HELD_RESTARTED;
    if (stop && !wait_clear(&regs_of(i2c)->CR1, I2C_CR1_STOP, STOP_US + i2c->config.timeout_us)) {
        reset(i2c);
    }
    return 0;
}
