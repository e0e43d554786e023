# SPDX-License-Identifier: MIT
"""What can be wired to the board's pins: chips on I2C and SPI, and wires between pins and UARTs (see attach.py)."""
