// SPDX-License-Identifier: MIT
// Single conversions by software (RM0090 chapter 13), 12 bits, right-aligned.
#ifndef HAL_ADC_H
#define HAL_ADC_H

#include "gpio.h"

typedef struct {
    uint8_t adc; // 1 or 3
    uint8_t channel; // 0..18
} adc_input_t;

// Inside of the chip, on ADC1.
enum { ADC_CHANNEL_TEMPERATURE = 16, ADC_CHANNEL_VREFINT = 17, ADC_CHANNEL_VBAT = 18 };

#define ADC_MAX (4095)
// What reading the temperature sensor and VREFINT takes at least (data sheet tables 69 and 72).
#define ADC_INTERNAL_SAMPLE_NS (10000)

// The input behind a pin: -HAL_ENODEV where there is none.
int adc_input_of(pin_t pin, adc_input_t *input);
// The shortest of the eight sampling times that is not below ns at the present clock, as a code for
// adc_read(); -HAL_EINVAL if the longest is below.
int adc_sample_code(uint32_t ns);
// One conversion: 0..ADC_MAX, or -HAL_ETIMEDOUT. Not safe against another task that converts.
int adc_read(const adc_input_t *input, unsigned sample_code);
// VDDA in millivolts, from VREFINT and its calibration at the factory; a negative error.
int adc_vdda_mv(void);
// Switches the converters off; the next adc_read() switches them on again.
void adc_off(void);

#endif // HAL_ADC_H
