# SPDX-License-Identifier: MIT
"""What can be wired to the board's pins: chips on I2C and SPI, wires between pins and UARTs (attach.py)."""
