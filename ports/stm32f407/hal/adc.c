// SPDX-License-Identifier: MIT
#include "adc.h"
#include "clock.h"
#include "stm32f4xx.h"

// Written at the factory with VDDA at 3.3 V (data sheet table 71).
#define VREFINT_CAL (*(const volatile uint16_t *)0x1FFF7A2AUL)
#define CAL_MV (3300)
#define NOMINAL_VREFINT_MV (1210)
// PCLK2 / 4: 21 MHz at most, under the 36 MHz that VDDA from 2.4 V on allows.
#define CLOCK_DIVIDER (4)
#define CCR_ADCPRE_DIV4 (1UL << ADC_CCR_ADCPRE_Pos)
#define STABLE_US (3) // tSTAB
#define SENSOR_US (10) // the temperature sensor's tSTART
#define CONVERSION_MS (5) // 492 cycles at 0.65 MHz, the slowest clock there is, are 0.8 ms

static const uint16_t sample_cycles[] = { 3, 15, 28, 56, 84, 112, 144, 480 };

int adc_input_of(pin_t pin, adc_input_t *input) {
    static const struct {
        pin_t first;
        pin_t last;
        adc_input_t input; // of the first one
    } inputs[] = {
        { PIN('A', 0), PIN('A', 7), { 1, 0 } },
        { PIN('B', 0), PIN('B', 1), { 1, 8 } },
        { PIN('C', 0), PIN('C', 5), { 1, 10 } },
        { PIN('F', 3), PIN('F', 3), { 3, 9 } },
        { PIN('F', 4), PIN('F', 5), { 3, 14 } },
        { PIN('F', 6), PIN('F', 10), { 3, 4 } },
    };
    for (unsigned i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (pin >= inputs[i].first && pin <= inputs[i].last) {
            input->adc = inputs[i].input.adc;
            input->channel = (uint8_t)(inputs[i].input.channel + pin - inputs[i].first);
            return 0;
        }
    }
    return -HAL_ENODEV;
}

int adc_sample_code(uint32_t ns) {
    uint32_t khz = pclk2_hz() / CLOCK_DIVIDER / 1000;
    for (int code = 0; code < 8; code++) {
        if ((uint64_t)sample_cycles[code] * 1000000 >= (uint64_t)ns * khz) {
            return code;
        }
    }
    return -HAL_EINVAL;
}

static ADC_TypeDef *start_converter(unsigned number) {
    ADC_TypeDef *adc = number == 3 ? ADC3 : ADC1;
    RCC->APB2ENR |= number == 3 ? RCC_APB2ENR_ADC3EN : RCC_APB2ENR_ADC1EN;
    (void)RCC->APB2ENR;
    if ((adc->CR2 & ADC_CR2_ADON) == 0) {
        ADC123_COMMON->CCR = (ADC123_COMMON->CCR & ~ADC_CCR_ADCPRE) | CCR_ADCPRE_DIV4;
        adc->CR1 = 0;
        adc->CR2 = ADC_CR2_ADON;
        clock_delay_us(STABLE_US);
    }
    return adc;
}

static void set_sample_time(ADC_TypeDef *adc, unsigned channel, unsigned code) {
    volatile uint32_t *smpr = channel < 10 ? &adc->SMPR2 : &adc->SMPR1;
    unsigned shift = 3 * (channel < 10 ? channel : channel - 10);
    *smpr = (*smpr & ~(7UL << shift)) | (uint32_t)code << shift;
}

// The bits that connect a source inside of the chip. VBAT hangs on a divider that loads the battery: it is
// connected for the conversion alone.
static uint32_t source_bits(const adc_input_t *input) {
    if (input->adc != 1 || input->channel < ADC_CHANNEL_TEMPERATURE) {
        return 0;
    }
    return input->channel == ADC_CHANNEL_VBAT ? ADC_CCR_VBATE : ADC_CCR_TSVREFE;
}

int adc_read(const adc_input_t *input, unsigned sample_code) {
    ADC_TypeDef *adc = start_converter(input->adc);
    uint32_t source = source_bits(input);
    if (source != 0) {
        ADC123_COMMON->CCR |= source;
        clock_delay_us(SENSOR_US);
    }
    set_sample_time(adc, input->channel, sample_code);
    adc->SQR1 = 0; // one conversion
    adc->SQR3 = input->channel;
    adc->SR = 0;
    adc->CR2 |= ADC_CR2_SWSTART;
    clock_timeout_t timeout = clock_timeout_ms(CONVERSION_MS);
    int ret = 0;
    while ((adc->SR & ADC_SR_EOC) == 0 && ret == 0) {
        ret = clock_expired(&timeout) ? -HAL_ETIMEDOUT : 0;
    }
    if (ret == 0) {
        ret = (int)(adc->DR & ADC_MAX);
    }
    ADC123_COMMON->CCR &= ~source;
    return ret;
}

int adc_vdda_mv(void) {
    static const adc_input_t vrefint = { 1, ADC_CHANNEL_VREFINT };
    int code = adc_sample_code(ADC_INTERNAL_SAMPLE_NS);
    int raw = adc_read(&vrefint, code < 0 ? 7 : (unsigned)code);
    if (raw <= 0) {
        return raw < 0 ? raw : -HAL_EIO;
    }
    uint32_t cal = VREFINT_CAL;
    // Chips that are no ST's may have nothing there: the data sheet's typical voltage then.
    if (cal < 1000 || cal > 2000) {
        return NOMINAL_VREFINT_MV * ADC_MAX / raw;
    }
    return (int)(CAL_MV * cal / (uint32_t)raw);
}

void adc_off(void) {
    if (RCC->APB2ENR & RCC_APB2ENR_ADC1EN) {
        ADC1->CR2 = 0;
        ADC123_COMMON->CCR = 0;
    }
    if (RCC->APB2ENR & RCC_APB2ENR_ADC3EN) {
        ADC3->CR2 = 0;
    }
    RCC->APB2ENR &= ~(RCC_APB2ENR_ADC1EN | RCC_APB2ENR_ADC3EN);
}
