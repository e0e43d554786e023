# SPDX-License-Identifier: MIT
"""Where every peripheral of the F407 lies, what clocks it, and which model stands for it (RM0090 table 1)."""

import importlib

from .unmodelled import Unmodelled

# (name, base, (enable register, bit) or None, "module:Class" or None where no model exists, keywords)
MEMORY_MAP = (
    ("RCC", 0x40023800, None, "rcc:Rcc", {}),
    ("PWR", 0x40007000, ("APB1ENR", 28), "pwr:Pwr", {}),
    ("FLASH", 0x40023C00, None, "flash:Flash", {}),
    ("EXTI", 0x40013C00, None, "exti:Exti", {}),
    ("SYSCFG", 0x40013800, ("APB2ENR", 14), "syscfg:Syscfg", {}),
    *(
        (f"GPIO{port}", 0x40020000 + 0x400 * n, ("AHB1ENR", n), "gpio:Gpio", {})
        for n, port in enumerate("ABCDEFGHI")
    ),
    ("DMA1", 0x40026000, ("AHB1ENR", 21), "dma:Dma", {}),
    ("DMA2", 0x40026400, ("AHB1ENR", 22), "dma:Dma", {}),
    ("USART1", 0x40011000, ("APB2ENR", 4), "usart:Usart", {}),
    ("USART2", 0x40004400, ("APB1ENR", 17), "usart:Usart", {}),
    ("USART3", 0x40004800, ("APB1ENR", 18), "usart:Usart", {}),
    ("UART4", 0x40004C00, ("APB1ENR", 19), "usart:Usart", {}),
    ("UART5", 0x40005000, ("APB1ENR", 20), "usart:Usart", {}),
    ("USART6", 0x40011400, ("APB2ENR", 5), "usart:Usart", {}),
    ("RNG", 0x50060800, ("AHB2ENR", 6), "rng:Rng", {}),
    ("CRC", 0x40023000, ("AHB1ENR", 12), "crc:Crc", {}),
    ("RTC", 0x40002800, None, "rtc:Rtc", {}),
    ("BKPSRAM", 0x40024000, ("AHB1ENR", 18), "bkpsram:BackupSram", {}),
    ("IWDG", 0x40003000, None, "iwdg:Iwdg", {}),
    ("WWDG", 0x40002C00, ("APB1ENR", 11), "wwdg:Wwdg", {}),
    ("TIM1", 0x40010000, ("APB2ENR", 0), "tim:Timer", {}),
    ("TIM2", 0x40000000, ("APB1ENR", 0), "tim:Timer", {}),
    ("TIM3", 0x40000400, ("APB1ENR", 1), "tim:Timer", {}),
    ("TIM4", 0x40000800, ("APB1ENR", 2), "tim:Timer", {}),
    ("TIM5", 0x40000C00, ("APB1ENR", 3), "tim:Timer", {}),
    ("TIM6", 0x40001000, ("APB1ENR", 4), "tim:Timer", {}),
    ("TIM7", 0x40001400, ("APB1ENR", 5), "tim:Timer", {}),
    ("TIM8", 0x40010400, ("APB2ENR", 1), "tim:Timer", {}),
    ("TIM9", 0x40014000, ("APB2ENR", 16), "tim:Timer", {}),
    ("TIM10", 0x40014400, ("APB2ENR", 17), "tim:Timer", {}),
    ("TIM11", 0x40014800, ("APB2ENR", 18), "tim:Timer", {}),
    ("TIM12", 0x40001800, ("APB1ENR", 6), "tim:Timer", {}),
    ("TIM13", 0x40001C00, ("APB1ENR", 7), "tim:Timer", {}),
    ("TIM14", 0x40002000, ("APB1ENR", 8), "tim:Timer", {}),
    ("ADC", 0x40012000, None, "adc:Adc", {}),
    ("SPI1", 0x40013000, ("APB2ENR", 12), "spi:Spi", {}),
    ("SPI2", 0x40003800, ("APB1ENR", 14), "spi:Spi", {}),
    ("SPI3", 0x40003C00, ("APB1ENR", 15), "spi:Spi", {}),
    ("I2C1", 0x40005400, ("APB1ENR", 21), "i2c:I2c", {}),
    ("I2C2", 0x40005800, ("APB1ENR", 22), "i2c:I2c", {}),
    ("I2C3", 0x40005C00, ("APB1ENR", 23), "i2c:I2c", {}),
    ("ETH", 0x40028000, ("AHB1ENR", 25), "eth:Eth", {}),
    ("OTG_FS", 0x50000000, ("AHB2ENR", 7), "otg_fs:OtgFs", {}),
    ("DBGMCU", 0xE0042000, None, "dbgmcu:Dbgmcu", {}),
    ("SIGNATURE", 0x1FFF7A00, None, "signature:Signature", {}),
    ("I2S2ext", 0x40003400, ("APB1ENR", 14), None, {}),
    ("I2S3ext", 0x40004000, ("APB1ENR", 15), None, {}),
    ("CAN1", 0x40006400, ("APB1ENR", 25), None, {}),
    ("CAN2", 0x40006800, ("APB1ENR", 26), None, {}),
    ("DAC", 0x40007400, ("APB1ENR", 29), None, {}),
    ("SDIO", 0x40012C00, ("APB2ENR", 11), None, {}),
    ("OTG_HS", 0x40040000, ("AHB1ENR", 29), None, {"size": 0x40000}),
    ("DCMI", 0x50050000, ("AHB2ENR", 0), None, {}),
)


def create(machine, entry, overrides=None):
    """The model for one row of the map, on the bus. A model that does not exist yet is Unmodelled."""
    name, base, clock, where, keywords = entry
    model = Unmodelled
    if where is not None:
        module, class_name = where.split(":")
        path = f"{__package__}.{module}"
        try:
            model = getattr(importlib.import_module(path), class_name)
        except ModuleNotFoundError as error:
            if error.name != path:
                raise
    keywords = dict(keywords) if model is not Unmodelled or where is None else {}
    if model is not Unmodelled:
        keywords.update((overrides or {}).get(name, {}))
    return machine.add(model(machine, name, base, clock, **keywords))


def populate(machine, overrides=None):
    """Put every peripheral on the bus; `overrides` is {name: keywords}, e.g. {"RCC": {"hse_hz": 12_000_000}}.
    Returns the names of those without a model: an access to them is reported, not fatal here."""
    models = [create(machine, entry, overrides) for entry in MEMORY_MAP]
    return [model.name for model in models if isinstance(model, Unmodelled)]
