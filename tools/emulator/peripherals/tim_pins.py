# SPDX-License-Identifier: MIT
"""Which pin carries which timer's output under which alternate function (data sheet table 9, STM32F407)."""

# timer -> (alternate function, ((pins of channel 1), (pins of channel 2), ...)); no complementary outputs
_TABLE = {
    "TIM1": (1, (("A8", "E9"), ("A9", "E11"), ("A10", "E13"), ("A11", "E14"))),
    "TIM2": (1, (("A0", "A5", "A15"), ("A1", "B3"), ("A2", "B10"), ("A3", "B11"))),
    "TIM3": (2, (("A6", "B4", "C6"), ("A7", "B5", "C7"), ("B0", "C8"), ("B1", "C9"))),
    "TIM4": (2, (("B6", "D12"), ("B7", "D13"), ("B8", "D14"), ("B9", "D15"))),
    "TIM5": (2, (("A0", "H10"), ("A1", "H11"), ("A2", "H12"), ("A3", "I0"))),
    "TIM8": (3, (("C6", "I5"), ("C7", "I6"), ("C8", "I7"), ("C9", "I2"))),
    "TIM9": (3, (("A2", "E5"), ("A3", "E6"))),
    "TIM10": (3, (("B8", "F6"),)),
    "TIM11": (3, (("B9", "F7"),)),
    "TIM12": (9, (("B14", "H6"), ("B15", "H9"))),
    "TIM13": (9, (("A6", "F8"),)),
    "TIM14": (9, (("A7", "F9"),)),
}

# (port number, pin, alternate function) -> (timer, channel)
OUTPUTS = {
    (ord(pin[0]) - ord("A"), int(pin[1:]), function): (timer, channel)
    for timer, (function, channels) in _TABLE.items()
    for channel, pins in enumerate(channels, 1)
    for pin in pins
}
