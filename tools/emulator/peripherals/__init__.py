# SPDX-License-Identifier: MIT
"""One module per peripheral of the STM32F407, named as in RM0090."""
