# SPDX-License-Identifier: MIT
"""The STM32F407 board in software: Unicorn for the CPU, a C core for what is hot, Python for the rest."""
